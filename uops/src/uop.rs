//! The uops. Every WebAssembly instruction is one uop, or a family of uops parameterized by the locations of its
//! operands.
//!
//! The machine has three integer registers, three for each float type, and two for vectors. They hold the topmost
//! values of the operand stack. A family has a member for each combination of locations: 0 to 2 is a register, 3 is a
//! slot of the frame (operand `slot`), 4 is a constant (operand `imm`). An operator puts its result where its first
//! operand was, so most members are one or two machine instructions.

pub mod bulk;
pub mod control;
pub mod convert;
pub mod float;
#[cfg(feature = "interpreter")]
pub mod fused;
pub mod integer;
pub mod located;
pub mod memory;
pub mod reference;
pub mod tier;
pub mod vector;

use std::ffi::c_void;

/// Declares a block whose machine has an interpreter if the crate has the feature `interpreter`. The condition is not part of the block, since
/// the names of committed objects contain the conditions of their blocks.
#[cfg(feature = "interpreter")]
macro_rules! tiers {
    ([$($attributes:tt)*] $($block:tt)*) => {
        stencil_runtime::stencil! { $($attributes)* #[interpreter(optional)] $($block)* }
    };
}
#[cfg(not(feature = "interpreter"))]
macro_rules! tiers {
    ([$($attributes:tt)*] $($block:tt)*) => { stencil_runtime::stencil! { $($attributes)* $($block)* } };
}
use tiers;

/// Declares a block of uops that continues the machine, with flags for the C compiler. Uops do not use the native
/// stack, so registers stay in registers. Uops that call functions are exempt, and say so (`#[stencil()]`).
macro_rules! block {
    ([$($flags:tt)*] $($items:tt)*) => {
        crate::uop::tiers! {
            [$($flags)* #![stencil(no_stack)]]
            continue machine crate::uop::Wasm(
                vm: *mut Vm, fp: *mut u64, mem: *mut u8, r0: u64, r1: u64, r2: u64, s0: f32, s1: f32, s2: f32,
                d0: f64, d1: f64, d2: f64, v0: core::arch::x86_64::__m128i, v1: core::arch::x86_64::__m128i
            ) -> u64;
            struct Vm = crate::runtime::vm::Vm { .. }
            include "uop/uop.h";
            $($items)*
        }
    };
}
use block;

/// Declares a block of uops for every x86-64 CPU.
macro_rules! uops {
    ($($items:tt)*) => { crate::uop::block! { [] $($items)* } };
}
use uops;

/// Declares a block of vector uops, which require SSE 4.2 ([`crate::module::features::Version`]).
macro_rules! vectors {
    ($($items:tt)*) => { crate::uop::block! { [#![c_flags("-msse4.2")]] include "uop/vector.h"; $($items)* } };
}
use vectors;

tiers! {
    []
    /// The registers: the instance, the current frame, the start of linear memory, the top of the operand stack.
    ///
    /// A frame holds the function's parameters and other locals first, then the values of the operand stack. Each value
    /// occupies a slot of 64 bits, or two slots if it is a vector. A run returns 0 or the code of a
    /// [`Trap`](crate::module::trap::Trap).
    ///
    /// gcc's convention leaves no register for the interpreter.
    #[operands(5)]
    pub machine Wasm(
        vm: *mut Vm, fp: *mut u64, mem: *mut u8, r0: u64, r1: u64, r2: u64, s0: f32, s1: f32, s2: f32,
        d0: f64, d1: f64, d2: f64, v0: core::arch::x86_64::__m128i, v1: core::arch::x86_64::__m128i
    ) -> u64;

    include "runtime/vm.h";
    struct Vm = crate::runtime::vm::Vm {
        memory: *mut u8,
        memory_size: u64,
        memories: *const *mut Memory,
        globals: *const *mut u64,
        tables: *const *mut Table,
        functions: *const *const Func,
        types: *const u64,
        limit: *const *mut u64,
        start: *const c_void,
        unwind: *const c_void,
        unwind_stream: *const c_void,
        compiled: *const u64,
        host: *mut c_void,
        store: *const c_void,
        instance: *mut c_void,
        ..
    }
    struct Memory = crate::runtime::vm::Memory { base: *mut u8, size: u64, .. }
    struct Table = crate::runtime::vm::Table { elements: *mut *const Func, size: u64, .. }
    struct Func = crate::runtime::vm::Func { code: *const c_void, stream: *const c_void, vm: *mut Vm, ty: u64, .. }

    extern fn call_host(vm: *mut Vm, fp: *mut u64) -> u64 = crate::runtime::host::call_host;
    extern fn note(vm: *mut Vm, site: u32) = crate::runtime::backtrace::note;

    /// Begins every program: jumps to the function that was called.
    pub uop start() { JUMP(vm->start); }
    /// The code of every host function.
    pub uop host() { RETURN(call_host(vm, fp)); }
    /// Ends a function that trapped, with the trap's code in `r0`. Records the code offset in `r1` for the backtrace.
    pub uop unwind() {
        uint64_t code = r0;
        note(vm, (uint32_t)r1);
        RETURN(code);
    }
}
