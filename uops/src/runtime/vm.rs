//! The data structures that compiled code reads and writes. `vm.h` declares the same types in C; each block of uops checks
//! that they agree.

use std::ffi::c_void;

/// An instance as compiled code sees it. The machine's register `vm` points to it.
#[derive(Debug)]
#[repr(C)]
pub struct Vm {
    /// The first memory. Its address does not change when it grows.
    pub memory: *mut u8,
    /// Size of the first memory in bytes: a multiple of 65536.
    pub memory_size: u64,
    /// The memories, imported ones first.
    pub memories: *const *mut Memory,
    /// The globals, imported ones first. Each is a cell of 128 bits: a vector, or an integer or the bits of a float in the
    /// lower half.
    pub globals: *const *mut u64,
    /// The tables, imported ones first.
    pub tables: *const *mut Table,
    /// The functions, imported ones first.
    pub functions: *const *const Func,
    /// The number of each type of the module. Equal types of all modules have equal numbers.
    pub types: *const u64,
    /// Frames have to end below the address that this points to. Other threads set it to null to interrupt the run.
    pub limit: *const *mut u64,
    /// The function to run: the entry of [`Wasm`](crate::uop::Wasm) jumps there.
    pub start: *const c_void,
    /// The uop `unwind` in machine code, to which functions of this instance jump when they trap.
    pub unwind: *const c_void,
    /// The same uop in a stream, for functions in the interpreter.
    pub unwind_stream: *const c_void,
    /// A word that is not 0 once the program's machine code exists. Interpreted functions of the tier `auto` read it.
    pub compiled: *const u64,
    /// The closure of a host function; otherwise null.
    pub host: *mut c_void,
    /// The store, for functions that compiled code calls.
    pub store: *const c_void,
    /// The instance that this belongs to, for the same functions.
    pub instance: *mut c_void,
}

/// A memory. Its address does not change when it grows.
#[derive(Debug)]
#[repr(C)]
pub struct Memory {
    /// Its first byte.
    pub base: *mut u8,
    /// Its size in bytes: a multiple of 65536.
    pub size: u64,
}

/// A table. Its elements do not move when it grows.
#[derive(Debug)]
#[repr(C)]
pub struct Table {
    /// References to functions, or to values of the host in a table of `externref`; null where there is none.
    pub elements: *mut *const Func,
    /// Number of elements.
    pub size: u64,
}

/// A function that a table or an import may hold.
///
/// In the tier `auto` its addresses change (`runtime/tier.rs`), so no reference to it exists while anything runs.
#[derive(Debug)]
#[repr(C)]
pub struct Func {
    /// Its machine code, or code that leads to its stream. It takes its arguments from the frame's first slots, leaves its
    /// results there, and returns the code of a [`Trap`](crate::module::trap::Trap) or 0. The register `r0` points to this
    /// structure.
    pub code: *const c_void,
    /// The address at which the interpreter runs it, for callers in the interpreter. It is null if the crate is built without
    /// an interpreter.
    pub stream: *const c_void,
    /// The instance that it belongs to.
    pub vm: *mut Vm,
    /// Its type, as in [`Vm::types`].
    pub ty: u64,
}

/// The addresses of a function, for callers of each tier: [`Func::code`] and [`Func::stream`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) code: *const c_void,
    pub(crate) stream: *const c_void,
}

impl Func {
    pub(crate) fn new(at: Addresses, vm: *mut Vm, ty: u64) -> Self {
        Self { code: at.code, stream: at.stream, vm, ty }
    }
}
