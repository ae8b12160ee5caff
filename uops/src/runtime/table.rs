//! Tables of references.

use std::cell::{Cell, RefCell, UnsafeCell};

use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::module::types::{ExternType, Limits, TableType, ValueType};
use crate::runtime::store::{Handle, Store};
use crate::runtime::value::Value;
use crate::runtime::vm;

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(pub(crate) Handle<TableData>);

/// A reference: null for none; in a table of `externref`, only cast to this type.
pub(crate) type Reference = *const vm::Func;

/// A table's storage.
#[derive(Debug)]
pub(crate) struct TableData {
    /// Borrowed mutably only while it grows, in which nothing else runs.
    elements: RefCell<Vec<Cell<Reference>>>,
    /// What the module declared; of the size only the greatest.
    declared: TableType,
    /// What the store allows.
    limit: u32,
    /// What compiled code reads.
    table: UnsafeCell<vm::Table>,
}

impl TableData {
    /// A table of `limits.min` elements, none of which is a reference.
    pub(crate) fn new(declared: TableType, limit: u32) -> Result<Self, Error> {
        let size = u32::try_from(declared.limits.min).ok().filter(|&min| min <= limit);
        let Some(size) = size else {
            return Err(Error::TooLarge { what: "table", size: declared.limits.min, limit: limit.into() });
        };
        let table = UnsafeCell::new(vm::Table { elements: std::ptr::null_mut(), size: 0 });
        let data = Self { elements: RefCell::default(), declared, limit, table };
        data.resize(size, std::ptr::null());
        Ok(data)
    }

    /// Makes it larger, and tells compiled code.
    fn resize(&self, size: u32, value: Reference) {
        let mut elements = self.elements.borrow_mut();
        elements.resize(size as usize, Cell::new(value));
        // A cell is laid out as what is in it, and allows writes by way of shared pointers.
        let first = elements.as_ptr().cast::<Reference>().cast_mut();
        // SAFETY: compiled code reads it at each access anew, and is not running. No reference to it is ever made.
        unsafe { *self.table.get() = vm::Table { elements: first, size: size.into() } };
    }

    /// What compiled code reads.
    pub(crate) fn pointer(&self) -> *mut vm::Table {
        self.table.get()
    }

    /// Its type, with the size that it has and how far it may grow: what an import of it is matched against.
    pub(crate) fn ty(&self) -> TableType {
        let limits = Limits { min: self.elements.borrow().len() as u64, ..self.declared.limits };
        TableType { limits, ..self.declared }
    }

    /// The index in this table, or the number of its elements, that a slot holds.
    pub(crate) fn index(&self, bits: u64) -> u64 {
        self.declared.address.address(bits)
    }

    /// Grows by a number of elements and returns how many there were before, unless it may not grow that far.
    pub(crate) fn grow(&self, by: u64, value: Reference) -> Option<u64> {
        let Limits { min: old, max } = self.ty().limits;
        let new = old.checked_add(by).filter(|&new| max.is_none_or(|max| new <= max))?;
        self.resize(u32::try_from(new).ok().filter(|&new| new <= self.limit)?, value);
        Some(old)
    }

    /// What is done with a row of elements, if all of it is there.
    fn row<T>(&self, offset: u64, len: u64, then: impl FnOnce(&[Cell<Reference>]) -> T) -> Result<T, Trap> {
        let elements = self.elements.borrow();
        let row = part(&elements, offset, len);
        row.map(then).ok_or(Trap::TableOutOfBounds)
    }

    /// A row of elements.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Result<Vec<Reference>, Trap> {
        self.row(offset, len, |row| row.iter().map(Cell::get).collect())
    }

    /// Puts references into a row of elements, or none of them where not all fit. They are of the table's store and type.
    pub(crate) fn write(&self, offset: u64, values: &[Reference]) -> Result<(), Trap> {
        let len = values.len() as u64;
        self.row(offset, len, |row| row.iter().zip(values).for_each(|(element, &value)| element.set(value)))
    }

    /// Puts one reference into all of a row, likewise.
    pub(crate) fn fill(&self, offset: u64, value: Reference, len: u64) -> Result<(), Trap> {
        self.row(offset, len, |row| row.iter().for_each(|element| element.set(value)))
    }
}

/// A part of a row, if all of it is there.
pub(crate) fn part<T>(all: &[T], from: u64, len: u64) -> Option<&[T]> {
    let (from, len) = (usize::try_from(from).ok()?, usize::try_from(len).ok()?);
    all.get(from..)?.get(..len)
}

impl Table {
    /// Makes a table, for modules to import. None of its elements is a reference.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::TooMany`].
    pub fn new(store: &Store, ty: TableType) -> Result<Self, Error> {
        Ok(Self(store.table(ty)?))
    }

    /// Number of elements.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn size(self, store: &Store) -> Result<u64, Error> {
        Ok(self.0.get(store)?.ty().limits.min)
    }

    /// Grows by a number of elements, which get this value. Returns how many there were before, or none if it may not grow
    /// that far.
    ///
    /// # Errors
    /// [`Error::WrongValue`] if the value is not of the table's type; [`Error::OtherStore`].
    pub fn grow(self, store: &Store, by: u64, value: Value) -> Result<Option<u64>, Error> {
        let reference = self.reference(store, value)?;
        Ok(self.0.get(store)?.grow(by, reference))
    }

    /// The element at an index.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], [`Error::OtherStore`].
    pub fn get(self, store: &Store, index: u64) -> Result<Value, Error> {
        let table = self.0.get(store)?;
        let element = table.row(index, 1, |row| row[0].get())?;
        // SAFETY: a table holds references of its own type and store alone.
        Ok(unsafe { Value::from_bits(store, ValueType::Ref(table.declared.element), element as u128) })
    }

    /// Sets the element at an index.
    ///
    /// # Errors
    /// [`Error::WrongValue`] if the value is not of the table's type; [`Trap::TableOutOfBounds`], [`Error::OtherStore`].
    pub fn set(self, store: &Store, index: u64, value: Value) -> Result<(), Error> {
        let reference = self.reference(store, value)?;
        Ok(self.0.get(store)?.write(index, &[reference])?)
    }

    /// A value as this table may hold it.
    fn reference(self, store: &Store, value: Value) -> Result<Reference, Error> {
        let ty = self.0.get(store)?.ty();
        if value.ty() != ValueType::Ref(ty.element) {
            return Err(Error::WrongValue { ty: ExternType::Table(ty), given: value.ty() });
        }
        Ok(value.to_bits(store)? as usize as Reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ExternRef;
    use crate::module::types::RefType;

    fn ty(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType::new(element, Limits { min, max })
    }

    #[test]
    fn rows_are_written_wholly_or_not_at_all() {
        let table = TableData::new(ty(RefType::Func, 3, None), 3).unwrap();
        let function = vm::Func { code: std::ptr::null(), vm: std::ptr::null_mut(), ty: 0 };
        let function = &raw const function;
        assert_eq!(table.write(2, &[function; 2]), Err(Trap::TableOutOfBounds));
        assert!(table.read(0, 3).unwrap().iter().all(|element| element.is_null()));
        assert_eq!((table.write(3, &[]), table.write(4, &[])), (Ok(()), Err(Trap::TableOutOfBounds)));
        assert_eq!(table.fill(1, function, 2), Ok(()));
        // SAFETY: the table is alive, and its elements are three.
        let seen = unsafe { std::slice::from_raw_parts((*table.pointer()).elements, 3) };
        assert_eq!(seen, [std::ptr::null(), function, function]);
    }

    #[test]
    fn elements_are_references_of_the_type_or_none() {
        let store = Store::new().unwrap();
        let table = Table::new(&store, ty(RefType::Extern, 1, Some(3))).unwrap();
        let value = Value::ExternRef(Some(ExternRef::new(&store, 7_u8)));
        assert_eq!(table.get(&store, 0).unwrap(), Value::ExternRef(None));
        assert_eq!(table.get(&store, 1).unwrap_err().trap(), Some(Trap::TableOutOfBounds));
        assert_eq!(table.grow(&store, 2, value).unwrap(), Some(1));
        assert_eq!((table.grow(&store, 1, value).unwrap(), table.size(&store).unwrap()), (None, 3));
        assert_eq!(table.get(&store, 2).unwrap(), value);
        let error = table.set(&store, 0, Value::FuncRef(None)).unwrap_err();
        assert_eq!(error.to_string(), "a table 3 3 externref cannot be set to a value of type funcref");
        let other = Store::new().unwrap();
        let foreign = Value::ExternRef(Some(ExternRef::new(&other, ())));
        assert!(matches!(table.set(&store, 0, foreign), Err(Error::OtherStore)));
        assert!(TableData::new(ty(RefType::Func, u32::MAX.into(), None), 10).is_err());
    }
}
