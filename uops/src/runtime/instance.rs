//! Instances: a module with storage, linked to what it imports.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::embedding::func::Func;
use crate::embedding::linker::{Extern, Linker};
use crate::module::Item;
use crate::module::error::Error;
use crate::module::types::ExternType;
use crate::program::Program;
use crate::program::compile::Entry;
use crate::runtime::global::{Global, GlobalData};
use crate::runtime::memory::{Memory, MemoryData};
use crate::runtime::store::{Handle, SharedVm, Store};
use crate::runtime::table::{Reference, Table, TableData};
use crate::runtime::value::Value;
use crate::runtime::vm;

/// An instance of a program in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance(pub(crate) Handle<InstanceData>);

/// What an instance consists of.
pub(crate) struct InstanceData {
    /// Owns the code, which so lives as long as the store.
    pub(crate) program: Program,
    /// All functions, imported ones first.
    pub(crate) functions: Box<[Handle<vm::Func>]>,
    /// All tables, imported ones first, and likewise what follows.
    pub(crate) tables: Vec<Handle<TableData>>,
    pub(crate) memories: Vec<Handle<MemoryData>>,
    pub(crate) globals: Vec<Handle<GlobalData>>,
    /// Of each data segment whether it has been dropped.
    pub(crate) dropped_data: Box<[Cell<bool>]>,
    /// Element segments. One that has been dropped is empty.
    pub(crate) elements: Box<[RefCell<Vec<Reference>>]>,
    /// What the `Vm` points to.
    pub(crate) arrays: Arrays,
    /// What compiled code sees of all this.
    pub(crate) _vm: SharedVm,
}

/// Arrays for compiled code to read. They are shared pointers because those may be moved without a thought: what they
/// point to stays as it is.
pub(crate) struct Arrays {
    /// Functions that are not imported.
    pub(crate) _own: Rc<[vm::Func]>,
    pub(crate) functions: Rc<[*const vm::Func]>,
    pub(crate) tables: Rc<[*mut vm::Table]>,
    pub(crate) memories: Rc<[*mut vm::Memory]>,
    pub(crate) globals: Rc<[*mut u64]>,
    pub(crate) types: Rc<[u64]>,
}

impl InstanceData {
    /// The way into its functions.
    pub(crate) fn entry(&self) -> Entry {
        self.program.code().entry()
    }

    /// The bytes of a data segment, of which none are left when it has been dropped.
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
    /// Makes an instance: finds and checks its imports, makes what it has of its own, fills tables and memories, and
    /// calls its start function.
    ///
    /// If a segment does not fit or the start function traps, what was done until then stays done, as the
    /// specification says: functions in a shared table can be called.
    ///
    /// # Errors
    /// [`Error::UnknownImport`], [`Error::IncompatibleImport`], [`Error::OtherStore`]; [`Error::TooLarge`],
    /// [`Error::TooMany`], [`Error::OutOfMemory`]; [`Error::Trap`] and [`Error::Host`].
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

    /// An exported function.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn func(self, store: &Store, name: &str) -> Result<Func, Error> {
        match self.export(store, name)? {
            Extern::Func(func) => Ok(func),
            other => Err(wrong(name, "function", other.ty(store)?)),
        }
    }

    /// An exported table.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn table(self, store: &Store, name: &str) -> Result<Table, Error> {
        match self.export(store, name)? {
            Extern::Table(table) => Ok(table),
            other => Err(wrong(name, "table", other.ty(store)?)),
        }
    }

    /// An exported memory.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn memory(self, store: &Store, name: &str) -> Result<Memory, Error> {
        match self.export(store, name)? {
            Extern::Memory(memory) => Ok(memory),
            other => Err(wrong(name, "memory", other.ty(store)?)),
        }
    }

    /// An exported global.
    ///
    /// # Errors
    /// [`Error::UnknownExport`], [`Error::WrongExport`], [`Error::OtherStore`].
    pub fn global(self, store: &Store, name: &str) -> Result<Global, Error> {
        match self.export(store, name)? {
            Extern::Global(global) => Ok(global),
            other => Err(wrong(name, "global", other.ty(store)?)),
        }
    }

    /// An export.
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
                exports: exports.iter().map(|export| export.name.clone()).collect(),
            }),
        }
    }

    /// All exports, with their names.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn exports(self, store: &Store) -> Result<Vec<(String, Extern)>, Error> {
        let data = self.0.get(store)?;
        let exports = data.program.module().exports.iter();
        Ok(exports.map(|export| (export.name.clone(), data.item(export.item))).collect())
    }
}

fn wrong(name: &str, wanted: &'static str, found: ExternType) -> Error {
    Error::WrongExport { name: name.to_owned(), wanted, found: Box::new(found) }
}
