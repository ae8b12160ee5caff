//! What compiled code knows of an instance. The same types in C are in `vm.h`; each block of uops checks that
//! the two agree.

use std::ffi::c_void;

/// An instance, as compiled code sees it: what the machine's register `vm` points to.
#[derive(Debug)]
#[repr(C)]
pub struct Vm {
    /// The first memory. Its address does not change when it grows.
    pub memory: *mut u8,
    /// Size of the first memory in bytes: a multiple of 65536.
    pub memory_size: u64,
    /// The memories, imported ones first.
    pub memories: *const *mut Memory,
    /// The globals, imported ones first: each a cell of 128 bits that holds a vector, or an integer or the
    /// bits of a float in its lower half.
    pub globals: *const *mut u64,
    /// The tables, imported ones first.
    pub tables: *const *mut Table,
    /// The functions, imported ones first.
    pub functions: *const *const Func,
    /// For each type of the module a number that equal types of all modules share.
    pub types: *const u64,
    /// Frames end below the address that is there; null when the run is to end. Other threads write it.
    pub limit: *const *mut u64,
    /// Where [`Wasm`](crate::uop::Wasm)'s entry goes on.
    pub start: *const c_void,
    /// Where a function of this instance goes when it could not go on: the uop `unwind`.
    pub unwind: *const c_void,
    /// Of a host function its closure, otherwise null.
    pub host: *mut c_void,
    /// The store, for what compiled code calls.
    pub store: *const c_void,
    /// The instance that this belongs to, likewise.
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

/// A table. Its elements move when it grows.
#[derive(Debug)]
#[repr(C)]
pub struct Table {
    /// References, or null where there is none: to functions or, in a table of such, to values of the host.
    pub elements: *mut *const Func,
    /// Number of elements.
    pub size: u64,
}

/// A function that a table or an import may hold.
#[derive(Debug)]
#[repr(C)]
pub struct Func {
    /// Its code. Arguments are in the frame's first slots; there it leaves its results. It returns a
    /// [`Trap`](crate::module::trap::Trap)'s code or 0.
    pub code: *const c_void,
    /// The instance that it belongs to.
    pub vm: *mut Vm,
    /// Its type, as in [`Vm::types`].
    pub ty: u64,
}
