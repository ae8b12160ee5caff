//! The uops of eBPF, and tables from operation codes to them (RFC 9669, sections 4 and 5).

use stencil_runtime::{Instruction, Label, stencil};

/// Places of a second operand besides r0 to r9: the frame pointer r10, the scratch register, the constant.
pub(super) const FRAME: usize = 10;
pub(super) const T: usize = 11;
pub(super) const IMM: usize = 12;

/// Bytes of stack for a function, and how many functions may be active. The header has the same numbers.
pub(super) const STACK: usize = 512;
pub(super) const MAX_DEPTH: usize = 8;

stencil! {
    include "uops.h";

    /// Memory that a program may access.
    #[derive(Debug)]
    pub(super) struct Region {
        /// Its address.
        pub start: u64,
        /// For an access of `1 << i` bytes, how many offsets from `start` are in bounds.
        pub ends: [u64; 4],
    }

    /// What a run needs besides registers.
    #[derive(Debug)]
    pub(super) struct Context {
        /// What the embedder passed.
        pub memory: Region,
        /// The stack of all functions.
        pub stack: Region,
        /// r10: the end of the running function's part of the stack.
        pub frame: u64,
        /// The helpers that the program calls, each a [`Helper`](super::Helper).
        pub helpers: *const u8,
        /// How many local calls are active.
        pub depth: u32,
        /// The instruction at which the program stopped, counted from 1, or 0.
        pub fault: u32,
    }

    /// eBPF's registers, and `t` for operands on their way.
    #[operands(3)]
    pub(super) machine Ebpf(
        ctx: *mut Context, r0: u64, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64, r6: u64, r7: u64, r8: u64, r9: u64, t: u64
    ) -> u64;

    extern fn helper(helpers: *const u8, index: u32, a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 = crate::ebpf::uops::helper;

    /// `t = r[SRC]`
    pub(super) uop get<const SRC: 0..11>() { const int imm = 0; (void)imm; t = VALUE(SRC); }
    pub(super) uop load_imm<const DST: 0..10>(imm: u64) { R(DST) = imm; }
    pub(super) uop jump(to: Label) { JUMP(to); }
    pub(super) uop exit() { RETURN(r0); }

    /// The operand's low 16, 32 or 64 bits as a number of little or big endian.
    pub(super) uop swap<const DST: 0..10, const KIND: 0..6>() {
        uint64_t a = R(DST);
        R(DST) = KIND == 0 ? (uint16_t)a : KIND == 1 ? (uint32_t)a : KIND == 2 ? a
               : KIND == 3 ? __builtin_bswap16((uint16_t)a) : KIND == 4 ? __builtin_bswap32((uint32_t)a) : __builtin_bswap64(a);
    }

    pub(super) uop call_helper(index: u32) { r0 = helper(ctx->helpers, index, r1, r2, r3, r4, r5); }
    /// Calls a function of the program. The callee may change r1 to r5.
    pub(super) uop call_local(to: Label, pc: u32) {
        if (ctx->depth == MAX_DEPTH - 1) FAULT();
        ctx->depth++;
        ctx->frame -= STACK;
        r0 = CALL(to);
        ctx->frame += STACK;
        ctx->depth--;
        r1 = r2 = r3 = r4 = r5 = 0;
        if (__builtin_expect(ctx->fault != 0, 0)) RETURN(0);
    }
}

/// Calls a helper for compiled code.
extern "C" fn helper(helpers: *const u8, index: u32, a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    // SAFETY: `Program::run` passes the program's helpers, and lowering gave out the index for one of them.
    let helper = unsafe { *helpers.cast::<super::Helper>().add(index as usize) };
    helper(a, b, c, d, e)
}

/// A block of uops that continues the machine.
macro_rules! uops {
    ($($items:tt)*) => {
        stencil! {
            continue machine Ebpf(
                ctx: *mut Context, r0: u64, r1: u64, r2: u64, r3: u64, r4: u64, r5: u64, r6: u64, r7: u64, r8: u64, r9: u64,
                t: u64
            ) -> u64;
            struct Region = Region { start: u64, ends: [u64; 4] }
            struct Context = Context {
                memory: Region, stack: Region, frame: u64, helpers: *const u8, depth: u32, fault: u32
            }
            include "uops.h";
            $($items)*
        }
    };
}

/// Arithmetic on `$ty`. The source is the constant, or any place `SRC` for which `SRC $relation T` holds.
macro_rules! alu {
    ($relation:tt; $($name:ident: $ty:ident, $value:tt;)*) => {
        uops! {$(
            uop $name<const DST: 0..10, const SRC: 0..13>(imm: i32) where SRC == 12 || SRC $relation 11 {
                $ty a = ($ty)R(DST), b = ($ty)VALUE(SRC);
                R(DST) = $value;
            }
        )*}
    };
}

// A stencil for each source.
alu! { !=;
    mov64: uint64_t, ((void)a, b);
    add64: uint64_t, (a + b);
    sub64: uint64_t, (a - b);
    and64: uint64_t, (a & b);
    or64: uint64_t, (a | b);
    xor64: uint64_t, (a ^ b);
    mov32: uint32_t, ((void)a, b);
    add32: uint32_t, (a + b);
}

// The source is in `t`.
alu! { ==;
    mul64: uint64_t, (a * b);
    div64: uint64_t, (b ? a / b : 0);
    mod64: uint64_t, (b ? a % b : a);
    lsh64: uint64_t, (a << (b & 63));
    rsh64: uint64_t, (a >> (b & 63));
    arsh64: int64_t, ((uint64_t)(a >> (b & 63)));
    neg64: uint64_t, ((void)b, -a);
    sub32: uint32_t, (a - b);
    mul32: uint32_t, (a * b);
    div32: uint32_t, (b ? a / b : 0);
    mod32: uint32_t, (b ? a % b : a);
    and32: uint32_t, (a & b);
    or32: uint32_t, (a | b);
    xor32: uint32_t, (a ^ b);
    lsh32: uint32_t, (a << (b & 31));
    rsh32: uint32_t, (a >> (b & 31));
    arsh32: int32_t, ((uint32_t)(a >> (b & 31)));
    neg32: uint32_t, ((void)b, -a);
}

/// Jumps if a comparison on `$ty` holds. The second operand is in `t`, or the constant.
macro_rules! jumps {
    ($($name:ident: $ty:ident, $value:ident, $condition:tt;)*) => {
        uops! {$(
            uop $name<const A: 0..11, const B: 11..13>(imm: i32, to: Label) {
                $ty a = ($ty)VALUE(A), b = ($ty)$value(B);
                if $condition JUMP(to);
            }
        )*}
    };
}

jumps! {
    jeq64: uint64_t, UNSIGNED_VALUE, (a == b);
    jgt64: uint64_t, UNSIGNED_VALUE, (a > b);
    jge64: uint64_t, UNSIGNED_VALUE, (a >= b);
    jset64: uint64_t, VALUE, (a & b);
    jne64: uint64_t, UNSIGNED_VALUE, (a != b);
    jsgt64: int64_t, VALUE, (a > b);
    jsge64: int64_t, VALUE, (a >= b);
    jlt64: uint64_t, UNSIGNED_VALUE, (a < b);
    jle64: uint64_t, UNSIGNED_VALUE, (a <= b);
    jslt64: int64_t, VALUE, (a < b);
    jsle64: int64_t, VALUE, (a <= b);
    jeq32: uint32_t, VALUE, (a == b);
    jgt32: uint32_t, VALUE, (a > b);
    jge32: uint32_t, VALUE, (a >= b);
    jset32: uint32_t, VALUE, (a & b);
    jne32: uint32_t, VALUE, (a != b);
    jsgt32: int32_t, VALUE, (a > b);
    jsge32: int32_t, VALUE, (a >= b);
    jlt32: uint32_t, VALUE, (a < b);
    jle32: uint32_t, VALUE, (a <= b);
    jslt32: int32_t, VALUE, (a < b);
    jsle32: int32_t, VALUE, (a <= b);
}

/// Loads and stores of a size. `t` is the base of the address, and `pc` the instruction, counted from 1.
macro_rules! accesses {
    ($($load:ident, $store:ident: $ty:ident, $size:tt;)*) => {
        uops! {$(
            uop $load<const DST: 0..10>(offset: i16, pc: u32) {
                ADDRESS($size);
                R(DST) = *(const $ty *)address;
            }
            uop $store<const SRC: 0..13>(imm: i32, offset: i16, pc: u32) where SRC != 11 {
                ADDRESS($size);
                *($ty *)address = ($ty)VALUE(SRC);
            }
        )*}
    };
}

accesses! {
    load8, store8: Unaligned8, 0;
    load16, store16: Unaligned16, 1;
    load32, store32: Unaligned32, 2;
    load64, store64: Unaligned64, 3;
}

/// A family of arithmetic: its arguments are the destination, the source's place and the constant.
#[derive(Clone, Copy)]
pub(super) enum Alu {
    /// It has a stencil for each source.
    Direct(fn(usize, usize, i32) -> Instruction<Ebpf>),
    /// Its source is in `t`.
    Scratch(fn(usize, usize, i32) -> Instruction<Ebpf>),
}

/// A family of jumps: its arguments are the first operand's register, the second one's place, the constant and the target.
type Jump = fn(usize, usize, i32, Label) -> Instruction<Ebpf>;

use Alu::{Direct, Scratch};

/// By the upper four bits of the operation code.
pub(super) const ALU64: [Alu; 13] = [
    Direct(Ebpf::add64),
    Direct(Ebpf::sub64),
    Scratch(Ebpf::mul64),
    Scratch(Ebpf::div64),
    Direct(Ebpf::or64),
    Direct(Ebpf::and64),
    Scratch(Ebpf::lsh64),
    Scratch(Ebpf::rsh64),
    Scratch(Ebpf::neg64),
    Scratch(Ebpf::mod64),
    Direct(Ebpf::xor64),
    Direct(Ebpf::mov64),
    Scratch(Ebpf::arsh64),
];

/// The same on 32 bits.
pub(super) const ALU32: [Alu; 13] = [
    Direct(Ebpf::add32),
    Scratch(Ebpf::sub32),
    Scratch(Ebpf::mul32),
    Scratch(Ebpf::div32),
    Scratch(Ebpf::or32),
    Scratch(Ebpf::and32),
    Scratch(Ebpf::lsh32),
    Scratch(Ebpf::rsh32),
    Scratch(Ebpf::neg32),
    Scratch(Ebpf::mod32),
    Scratch(Ebpf::xor32),
    Direct(Ebpf::mov32),
    Scratch(Ebpf::arsh32),
];

/// By the upper four bits of the operation code, which are 0, 8 and 9 for `ja`, `call` and `exit`.
pub(super) const JUMP64: [Option<Jump>; 14] = [
    None,
    Some(Ebpf::jeq64),
    Some(Ebpf::jgt64),
    Some(Ebpf::jge64),
    Some(Ebpf::jset64),
    Some(Ebpf::jne64),
    Some(Ebpf::jsgt64),
    Some(Ebpf::jsge64),
    None,
    None,
    Some(Ebpf::jlt64),
    Some(Ebpf::jle64),
    Some(Ebpf::jslt64),
    Some(Ebpf::jsle64),
];

/// The same on 32 bits.
pub(super) const JUMP32: [Option<Jump>; 14] = [
    None,
    Some(Ebpf::jeq32),
    Some(Ebpf::jgt32),
    Some(Ebpf::jge32),
    Some(Ebpf::jset32),
    Some(Ebpf::jne32),
    Some(Ebpf::jsgt32),
    Some(Ebpf::jsge32),
    None,
    None,
    Some(Ebpf::jlt32),
    Some(Ebpf::jle32),
    Some(Ebpf::jslt32),
    Some(Ebpf::jsle32),
];

/// A family of loads: its arguments are the destination, the offset and the instruction.
type Load = fn(usize, i16, u32) -> Instruction<Ebpf>;

/// A family of stores: its arguments are the source's place, the constant, the offset and the instruction.
type Store = fn(usize, i32, i16, u32) -> Instruction<Ebpf>;

/// By the base-2 logarithm of the size.
pub(super) const LOADS: [Load; 4] = [Ebpf::load8, Ebpf::load16, Ebpf::load32, Ebpf::load64];

/// By the base-2 logarithm of the size.
pub(super) const STORES: [Store; 4] = [Ebpf::store8, Ebpf::store16, Ebpf::store32, Ebpf::store64];

impl Region {
    /// A region of `size` bytes.
    pub(super) fn new(start: u64, size: u64) -> Self {
        Self { start, ends: [0, 1, 3, 7].map(|extra| size.saturating_sub(extra)) }
    }
}
