//! The uops of eBPF. Their families are numbered like the fields of an opcode, so the opcode selects the stencil.

use stencil_runtime::{Label, stencil};

/// Locations of an operand besides r0 to r9: the frame pointer r10, the scratch register `t`, the constant. The header has
/// the same numbers.
pub(super) const FRAME: usize = 10;
pub(super) const SCRATCH: usize = 11;
pub(super) const IMM: usize = 12;

/// Bytes of stack for a function, as in the header, and how many functions may be active.
pub(super) const STACK: usize = 512;
pub(super) const MAX_DEPTH: usize = 8;

stencil! {
    include "uops.h";

    /// Memory that a program may access.
    #[derive(Debug)]
    pub(super) struct Region {
        /// Its address.
        pub start: u64,
        /// How many offsets from `start` are in bounds, for each size of an access.
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
        /// The instruction at which the program stopped, counted from 1, or 0.
        pub fault: u32,
    }

    /// eBPF's registers, and `t` for an operand without a stencil of its own.
    pub(super) machine Ebpf(ctx: *mut Context, r: [u64; 10], t: u64 = 0) -> u64;

    extern fn helper(function: u64, a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 = crate::ebpf::uops::helper;

    /// `t = r[SRC]`
    pub(super) uop get<const SRC: 0..11>() { const int imm = 0; (void)imm; t = VALUE(SRC); }
    /// `r[DST] = imm`
    pub(super) uop set<const DST: 0..10>(imm: u64) { r[DST] = imm; }

    /// Arithmetic. The second operand is the constant, `t` or, for common operations on 64 bits, a register.
    pub(super) uop alu<const WIDE: 0..2, const OP: 0..13, const DST: 0..10, const SRC: 0..13>(imm: i32)
        where SRC >= SCRATCH || (WIDE && DIRECT(OP))
    {
        uint64_t result = alu(WIDE, OP, r[DST], VALUE(SRC));
        r[DST] = WIDE ? result : (uint32_t)result;
    }
    /// The low 16, 32 or 64 bits of a register, in little or big endian.
    pub(super) uop swap<const BIG: 0..2, const WIDTH: 0..3, const DST: 0..10>() {
        const int shift = 64 - (16 << WIDTH);
        r[DST] = BIG ? __builtin_bswap64(r[DST]) >> shift : r[DST] << shift >> shift;
    }

    pub(super) uop jump(to: Label) { JUMP(to); }
    /// Jumps on a condition. The second operand is the constant or `t`.
    pub(super) uop branch<const WIDE: 0..2, const OP: 1..14, const A: 0..11, const B: 11..13>(imm: i32, to: Label)
        where OP != 8 && OP != 9
    {
        uint64_t b = WIDE && UNSIGNED(OP) && B == IMM ? (uint32_t)imm : VALUE(B);
        if (condition(WIDE, OP, VALUE(A), b)) JUMP(to);
    }

    /// Loads from the frame, or from anywhere.
    pub(super) uop load<const SIZE: 0..4, const IN_FRAME: 0..2, const DST: 0..10>(offset: i16, pc: u32) {
        ADDRESS(SIZE, IN_FRAME);
        r[DST] = load(SIZE, address);
    }
    /// Stores a register or the constant.
    pub(super) uop store<const SIZE: 0..4, const IN_FRAME: 0..2, const SRC: 0..13>(imm: i32, offset: i16, pc: u32)
        where SRC != SCRATCH
    {
        ADDRESS(SIZE, IN_FRAME);
        store(SIZE, address, VALUE(SRC));
    }

    pub(super) uop call_helper(function: u64) { r[0] = helper(function, r[1], r[2], r[3], r[4], r[5]); }
    /// Calls a function of the program. Registers r1 to r5 do not survive a call.
    pub(super) uop call_local(to: Label, pc: u32) {
        if (ctx->frame == ctx->stack.start + STACK) FAULT();
        ctx->frame -= STACK;
        r[0] = CALL(to);
        ctx->frame += STACK;
        r[1] = r[2] = r[3] = r[4] = r[5] = 0;
        if (__builtin_expect(ctx->fault != 0, 0)) RETURN(0);
    }
    pub(super) uop exit() { RETURN(r[0]); }
}

/// Calls a helper for compiled code.
extern "C" fn helper(function: u64, a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    // SAFETY: the lowering passes the address of a `Helper`.
    let helper = unsafe { std::mem::transmute::<*const (), super::Helper>(function as *const ()) };
    helper(a, b, c, d, e)
}

impl Region {
    /// A region of `size` bytes.
    pub(super) fn new(start: u64, size: u64) -> Self {
        Self { start, ends: [3, 1, 0, 7].map(|extra| size.saturating_sub(extra)) }
    }
}
