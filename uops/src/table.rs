//! Tables of functions.

use std::cell::{Cell, UnsafeCell};
use std::rc::Rc;

use crate::error::Error;
use crate::func::Func;
use crate::store::{Handle, Store};
use crate::trap::Trap;
use crate::types::Limits;
use crate::vm;

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(pub(crate) Handle<TableData>);

/// A table's storage. WebAssembly 1.0 has no instruction that grows it.
#[derive(Debug)]
pub(crate) struct TableData {
    elements: Rc<[Cell<*const vm::Func>]>,
    /// What the module declared as its greatest size.
    declared: Option<u32>,
    /// What compiled code reads.
    table: UnsafeCell<vm::Table>,
}

impl TableData {
    /// A table of `limits.min` elements, none of which is a function.
    pub(crate) fn new(limits: Limits, limit: u32) -> Result<Self, Error> {
        if limits.min > limit {
            return Err(Error::TooLarge { what: "table", size: limits.min, limit });
        }
        let elements: Rc<[_]> = std::iter::repeat_n(Cell::new(std::ptr::null()), limits.min as usize).collect();
        // A cell is laid out as what is in it, and allows writes by way of shared pointers.
        let first = Rc::as_ptr(&elements).cast::<*const vm::Func>().cast_mut();
        let table = UnsafeCell::new(vm::Table { elements: first, size: elements.len() as u64 });
        Ok(Self { elements, declared: limits.max, table })
    }

    /// What compiled code reads.
    pub(crate) fn pointer(&self) -> *mut vm::Table {
        self.table.get()
    }

    /// The size, and how far it may grow: what an import of it is matched against.
    pub(crate) fn limits(&self) -> Limits {
        Limits { min: self.elements.len() as u32, max: self.declared }
    }

    /// A row of elements, if all of it is there.
    pub(crate) fn read(&self, offset: u32, len: u32) -> Result<Vec<*const vm::Func>, Trap> {
        let elements = self.elements.get(offset as usize..).and_then(|elements| elements.get(..len as usize));
        Ok(elements.ok_or(Trap::TableOutOfBounds)?.iter().map(Cell::get).collect())
    }

    /// Puts functions into a row of elements, or none of them where not all fit. They are of the table's store.
    pub(crate) fn write(&self, offset: u32, functions: &[*const vm::Func]) -> Result<(), Trap> {
        let elements = (self.elements.get(offset as usize..)).and_then(|elements| elements.get(..functions.len()));
        for (element, &function) in elements.ok_or(Trap::TableOutOfBounds)?.iter().zip(functions) {
            element.set(function);
        }
        Ok(())
    }
}

impl Table {
    /// Makes a table, for modules to import. None of its elements is a function.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn new(store: &Store, limits: Limits) -> Result<Self, Error> {
        Ok(Self(store.table(limits)?))
    }

    /// Number of elements.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn size(self, store: &Store) -> Result<u32, Error> {
        Ok(self.0.get(store)?.limits().min)
    }

    /// The function at an index, if there is one.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], [`Error::OtherStore`].
    pub fn get(self, store: &Store, index: u32) -> Result<Option<Func>, Error> {
        let element = self.0.get(store)?.elements.get(index as usize).ok_or(Trap::TableOutOfBounds)?.get();
        // SAFETY: a table holds functions of its own store alone, which live as long as that does.
        Ok((!element.is_null()).then(|| Func(unsafe { Handle::new(store, element) })))
    }

    /// Puts a function, or none, at an index.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], [`Error::OtherStore`].
    pub fn set(self, store: &Store, index: u32, function: Option<Func>) -> Result<(), Error> {
        let pointer = function.map(|function| function.0.pointer(store)).transpose()?;
        Ok(self.0.get(store)?.write(index, &[pointer.unwrap_or(std::ptr::null())])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_wholly_or_not_at_all() {
        let table = TableData::new(Limits { min: 3, max: None }, 3).unwrap();
        let function = vm::Func { code: std::ptr::null(), vm: std::ptr::null_mut(), ty: 0 };
        let function = &raw const function;
        assert_eq!(table.write(2, &[function; 2]), Err(Trap::TableOutOfBounds));
        assert!(table.elements.iter().all(|element| element.get().is_null()));
        assert_eq!((table.write(3, &[]), table.write(4, &[])), (Ok(()), Err(Trap::TableOutOfBounds)));
        assert_eq!(table.write(1, &[function; 2]), Ok(()));
        // SAFETY: the table is alive, and its elements are three.
        let seen = unsafe { std::slice::from_raw_parts((*table.pointer()).elements, 3) };
        assert_eq!(seen, [std::ptr::null(), function, function]);
    }

    #[test]
    fn elements_are_functions_or_none() {
        let store = Store::new().unwrap();
        let table = Table::new(&store, Limits { min: 1, max: None }).unwrap();
        assert!(table.get(&store, 0).unwrap().is_none());
        assert_eq!(table.get(&store, 1).unwrap_err().trap(), Some(Trap::TableOutOfBounds));
        assert!(table.set(&store, 0, None).is_ok());
        assert!(table.set(&store, 1, None).is_err());
        assert!(TableData::new(Limits { min: u32::MAX, max: None }, 10).is_err());
    }
}
