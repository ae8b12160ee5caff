//! The methods of instances: calls and exports.

use crate::embedding::instantiate::instantiate;
use crate::embedding::linker::{Extern, Linker};
use crate::module::Item;
use crate::module::allocate;
use crate::module::error::Error;
use crate::module::types::ExternType;
use crate::program::Program;
use crate::runtime::func::Func;
use crate::runtime::global::Global;
use crate::runtime::instance::{Instance, InstanceData};
use crate::runtime::memory::Memory;
use crate::runtime::store::Store;
use crate::runtime::table::Table;
use crate::runtime::value::Value;

/// The most exports that a message lists.
const LISTED: usize = 20;

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
        instantiate(store, program, linker)
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
        let exports = &data.program.module.exports;
        match exports.iter().find(|export| export.name == name) {
            Some(export) => Ok(item(data, export.item)),
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
        let exports = &data.program.module.exports;
        let mut all = allocate::vec("list of exports", exports.len())?;
        // No allocation takes more than this besides its bytes.
        let size = exports.iter().map(|export| export.name.len() + 32).sum();
        allocate::check("list of exports", size)?;
        all.extend(exports.iter().map(|export| (export.name.clone(), item(data, export.item))));
        Ok(all)
    }
}

fn wrong(name: &str, wanted: &'static str, found: ExternType) -> Error {
    Error::WrongExport { name: name.to_owned(), wanted, found: Box::new(found) }
}

/// The item of an instance with this index.
fn item(data: &InstanceData, item: Item) -> Extern {
    match item {
        Item::Func(index) => Extern::Func(Func(data.functions[index as usize])),
        Item::Table(index) => Extern::Table(Table(data.tables[index as usize])),
        Item::Memory(index) => Extern::Memory(Memory(data.memories[index as usize])),
        Item::Global(index) => Extern::Global(Global(data.globals[index as usize])),
    }
}
