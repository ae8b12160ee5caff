//! Instances: a module with storage, linked to what it imports.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::sync::Arc;

use crate::runtime::executable::AnyExecutable;
use crate::runtime::global::GlobalData;
use crate::runtime::host::Hosts;
use crate::runtime::memory::MemoryData;
use crate::runtime::store::{Handle, SharedVm};
use crate::runtime::table::{Reference, TableData};
use crate::runtime::vm;

/// An instance of a program in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance(pub(crate) Handle<InstanceData>);

/// The data of an instance. Its vectors do not grow, so that pointers to what they hold stay valid.
pub(crate) struct InstanceData {
    /// Owns the code, which so lives as long as the store.
    pub(crate) program: Arc<AnyExecutable>,
    /// All functions, imported ones first.
    pub(crate) functions: Vec<Handle<vm::Func>>,
    /// All tables, imported ones first, and likewise what follows.
    pub(crate) tables: Vec<Handle<TableData>>,
    pub(crate) memories: Vec<Handle<MemoryData>>,
    pub(crate) globals: Vec<Handle<GlobalData>>,
    /// Whether each data segment has been dropped.
    pub(crate) dropped_data: Vec<Cell<bool>>,
    /// Element segments. One that has been dropped is empty.
    pub(crate) elements: Vec<RefCell<Vec<Reference>>>,
    /// Whether its functions have changed from the interpreter to machine code.
    pub(crate) compiled: Cell<bool>,
    /// What the `Vm` points to.
    pub(crate) arrays: Arrays,
    /// What compiled code sees of all this.
    pub(crate) _vm: SharedVm,
}

/// Arrays for compiled code to read.
pub(crate) struct Arrays {
    /// Functions that are not imported.
    pub(crate) own: Vec<UnsafeCell<vm::Func>>,
    /// Host functions that are imported.
    pub(crate) _hosts: Hosts,
    pub(crate) functions: Vec<*const vm::Func>,
    pub(crate) tables: Vec<*mut vm::Table>,
    pub(crate) memories: Vec<*mut vm::Memory>,
    pub(crate) globals: Vec<*mut u64>,
    pub(crate) types: Vec<u64>,
}

impl InstanceData {
    /// The bytes of a data segment; none if it has been dropped.
    pub(crate) fn data(&self, segment: u32) -> &[u8] {
        let module = &self.program.module;
        match self.dropped_data[segment as usize].get() {
            true => &[],
            false => &module.wasm[module.data[segment as usize].bytes.clone()],
        }
    }
}
