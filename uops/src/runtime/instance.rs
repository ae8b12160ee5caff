//! Instances: a module with storage, linked to what it imports.

use std::cell::{Cell, RefCell};

use crate::embedding::func::Func;
use crate::embedding::linker::{Extern, Linker};
use crate::module::Item;
use crate::module::error::Error;
use crate::module::types::ExternType;
use crate::program::Program;
use crate::program::compile::Entry;
use crate::runtime::allocate;
use crate::runtime::global::{Global, GlobalData};
use crate::runtime::host::Hosts;
use crate::runtime::memory::{Memory, MemoryData};
use crate::runtime::store::{Handle, SharedVm, Store};
use crate::runtime::table::{Reference, Table, TableData};
use crate::runtime::value::Value;
use crate::runtime::vm;

/// An instance of a program in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance(pub(crate) Handle<InstanceData>);

/// The data of an instance. Its vectors do not grow, so that pointers to what they hold stay valid.
pub(crate) struct InstanceData {
    /// Owns the code, which so lives as long as the store.
    pub(crate) program: Program,
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
    /// What the `Vm` points to.
    pub(crate) arrays: Arrays,
    /// What compiled code sees of all this.
    pub(crate) _vm: SharedVm,
}

/// Arrays for compiled code to read.
pub(crate) struct Arrays {
    /// Functions that are not imported.
    pub(crate) _own: Vec<vm::Func>,
    /// Host functions that are imported.
    pub(crate) _hosts: Hosts,
    pub(crate) functions: Vec<*const vm::Func>,
    pub(crate) tables: Vec<*mut vm::Table>,
    pub(crate) memories: Vec<*mut vm::Memory>,
    pub(crate) globals: Vec<*mut u64>,
    pub(crate) types: Vec<u64>,
}

/// The most exports that a message lists.
const LISTED: usize = 20;

impl InstanceData {
    /// The entry of its code.
    pub(crate) fn entry(&self) -> Entry {
        self.program.code().entry()
    }

    /// The bytes of a data segment; none if it has been dropped.
    pub(crate) fn data(&self, segment: u32) -> &[u8] {
        let module = self.program.module();
        match self.dropped_data[segment as usize].get() {
            true => &[],
            false => &module.wasm[module.data[segment as usize].bytes.clone()],
        }
    }

    fn item(&self, item: Item) -> Extern {
        match item {
            Item::Func(index) => Extern::Func(Func(self.functions[index as usize])),
            Item::Table(index) => Extern::Table(Table(self.tables[index as usize])),
            Item::Memory(index) => Extern::Memory(Memory(self.memories[index as usize])),
            Item::Global(index) => Extern::Global(Global(self.globals[index as usize])),
        }
    }
}

impl Instance {
    /// Makes an instance: finds and checks its imports, makes its own tables, memories and globals, fills them, and calls
    /// its start function.
    ///
    /// If a segment does not fit or the start function traps, everything done before remains, as the specification
    /// requires: functions in a shared table can be called. What the instance has taken of
    /// [`StoreLimits::bytes`](crate::StoreLimits::bytes) is not given back.
    ///
    /// # Errors
    /// [`Error::UnknownImport`], [`Error::IncompatibleImport`], [`Error::OtherStore`]; [`Error::LimitExceeded`],
    /// [`Error::OutOfMemory`]; [`Error::Trap`], which may be an interruption, and [`Error::Host`].
    pub fn new(store: &Store, program: &Program, linker: &Linker) -> Result<Self, Error> {
        crate::embedding::instantiate::instantiate(store, program, linker)
    }

    /// Calls an exported function.
    ///
    /// # Errors
    /// Those of [`func`](Self::func) and of [`Func::call`].
    pub fn call(self, store: &Store, name: &str, args: &[Value]) -> Result<Vec<Value>, Error> {
        self.func(store, name)?.call(store, args)
    }

    /// Returns an exported function.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn func(self, store: &Store, name: &str) -> Result<Func, Error> {
        match self.export(store, name)? {
            Extern::Func(func) => Ok(func),
            other => Err(wrong(name, "function", other.ty(store)?)),
        }
    }

    /// Returns an exported table.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn table(self, store: &Store, name: &str) -> Result<Table, Error> {
        match self.export(store, name)? {
            Extern::Table(table) => Ok(table),
            other => Err(wrong(name, "table", other.ty(store)?)),
        }
    }

    /// Returns an exported memory.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn memory(self, store: &Store, name: &str) -> Result<Memory, Error> {
        match self.export(store, name)? {
            Extern::Memory(memory) => Ok(memory),
            other => Err(wrong(name, "memory", other.ty(store)?)),
        }
    }

    /// Returns an exported global.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn global(self, store: &Store, name: &str) -> Result<Global, Error> {
        match self.export(store, name)? {
            Extern::Global(global) => Ok(global),
            other => Err(wrong(name, "global", other.ty(store)?)),
        }
    }

    /// Returns an export.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::OtherStore`].
    pub fn export(self, store: &Store, name: &str) -> Result<Extern, Error> {
        let data = self.0.get(store)?;
        let exports = &data.program.module().exports;
        match exports.iter().find(|export| export.name == name) {
            Some(export) => Ok(data.item(export.item)),
            None => Err(Error::UnknownExport {
                name: name.to_owned(),
                exports: exports.iter().take(LISTED).map(|export| export.name.clone()).collect(),
                omitted: exports.len().saturating_sub(LISTED),
            }),
        }
    }

    /// Returns all exports, with their names.
    ///
    /// # Errors
    /// [`Error::OtherStore`], [`Error::OutOfMemory`].
    pub fn exports(self, store: &Store) -> Result<Vec<(String, Extern)>, Error> {
        let data = self.0.get(store)?;
        let exports = &data.program.module().exports;
        let mut all = allocate::vec("list of exports", exports.len())?;
        // No allocation takes more than this besides its bytes.
        let size = exports.iter().map(|export| export.name.len() + 32).sum();
        allocate::check("list of exports", size)?;
        all.extend(exports.iter().map(|export| (export.name.clone(), data.item(export.item))));
        Ok(all)
    }
}

fn wrong(name: &str, wanted: &'static str, found: ExternType) -> Error {
    Error::WrongExport { name: name.to_owned(), wanted, found: Box::new(found) }
}
