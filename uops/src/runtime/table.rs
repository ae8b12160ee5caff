//! Tables of references.

use std::cell::UnsafeCell;

use crate::module::error::{Error, Limit};
use crate::module::trap::Trap;
use crate::module::types::{ExternType, Limits, TableType, ValueType};
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::limits::{self, Budget};
use crate::runtime::storage::Storage;
use crate::runtime::store::{Handle, Store};
use crate::runtime::value::Value;
use crate::runtime::vm;

/// A table of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(pub(crate) Handle<TableData>);

/// A reference: null for none; in a table of `externref`, only cast to this type.
pub(crate) type Reference = *const vm::Func;

/// Bytes of an element.
const ELEMENT: u64 = size_of::<Reference>() as u64;

/// The data of a table.
#[derive(Debug)]
pub(crate) struct TableData {
    elements: Storage<Reference>,
    /// The declared type; of its limits only the maximum counts.
    declared: TableType,
    /// What compiled code reads.
    table: UnsafeCell<vm::Table>,
}

impl TableData {
    /// Makes a table with its minimum of elements, all of them null. It may grow as far as its maximum, `limit` and the
    /// budget allow, and as address space can be reserved for it now.
    pub(crate) fn new(declared: TableType, limit: u32, budget: &Budget) -> Result<Self, Error> {
        let Limits { min, max } = declared.limits;
        let limit = u64::from(limit);
        limits::check(Limit::TableElements, min, limit)?;
        budget.take(min * ELEMENT)?;
        let most = limit.min(max.unwrap_or(limit)).min(budget.limit() / ELEMENT);
        let Some(elements) = Storage::new(min, most, Trap::TableOutOfBounds) else {
            budget.give_back(min * ELEMENT);
            return Err(Error::OutOfMemory { what: "table", size: min * ELEMENT });
        };
        let table = UnsafeCell::new(vm::Table { elements: elements.base(), size: min });
        Ok(Self { elements, declared, table })
    }

    /// What compiled code reads.
    pub(crate) fn pointer(&self) -> *mut vm::Table {
        self.table.get()
    }

    /// Its type with its current size as the minimum, which is what imports of it are matched against.
    pub(crate) fn ty(&self) -> TableType {
        let limits = Limits { min: self.elements.len(), ..self.declared.limits };
        TableType { limits, ..self.declared }
    }

    /// The index in this table, or the number of its elements, that a slot holds.
    pub(crate) fn index(&self, bits: u64) -> u64 {
        self.declared.address.address(bits)
    }

    /// Grows by a number of elements with this value, and returns the previous number. Returns none if the capacity or the
    /// budget does not suffice.
    ///
    /// # Errors
    /// [`Trap::Interrupted`]: the table is as it was.
    pub(crate) fn grow(
        &self,
        by: u64,
        value: Reference,
        budget: &Budget,
        interrupt: &InterruptHandle,
    ) -> Result<Option<u64>, Trap> {
        let old = self.elements.len();
        let Some(new) = old.checked_add(by).filter(|&new| new <= self.elements.capacity()) else { return Ok(None) };
        if budget.take(by * ELEMENT).is_err() {
            return Ok(None);
        }
        let grown = match value.is_null() {
            true => self.elements.grow_zeroed(new, interrupt),
            false => self.elements.grow(new, value, interrupt),
        };
        match grown {
            Some(Ok(())) => {
                // SAFETY: compiled code rereads it at each access, and is not running. No reference to it is ever created.
                unsafe { (*self.table.get()).size = new };
                Ok(Some(old))
            }
            failed => {
                budget.give_back(by * ELEMENT);
                failed.transpose().map(|_| None)
            }
        }
    }

    /// The elements. They are of the table's store and type.
    pub(crate) fn elements(&self) -> &Storage<Reference> {
        &self.elements
    }
}

impl Table {
    /// Makes a table, for modules to import. All of its elements are null.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`], [`Error::OutOfMemory`].
    pub fn new(store: &Store, ty: TableType) -> Result<Self, Error> {
        Ok(Self(store.table(ty)?))
    }

    /// Returns the number of elements.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn size(self, store: &Store) -> Result<u64, Error> {
        Ok(self.0.get(store)?.elements.len())
    }

    /// Grows by a number of elements, which get this value. Returns how many there were before, or none if the table's
    /// maximum, the store's limits or the address space do not allow it.
    ///
    /// # Errors
    /// [`Error::WrongValue`] if the value is not of the table's type; [`Trap::Interrupted`] if the store is interrupted,
    /// which leaves the table as it was; [`Error::OtherStore`].
    pub fn grow(self, store: &Store, by: u64, value: Value) -> Result<Option<u64>, Error> {
        let reference = self.reference(store, value)?;
        Ok(self.0.get(store)?.grow(by, reference, &store.0.budget, store.0.interrupt())?)
    }

    /// Returns the element at an index.
    ///
    /// # Errors
    /// [`Trap::TableOutOfBounds`], [`Error::OtherStore`].
    pub fn get(self, store: &Store, index: u64) -> Result<Value, Error> {
        let table = self.0.get(store)?;
        let mut element = [std::ptr::null()];
        table.elements.read(index, &mut element)?;
        // SAFETY: a table holds references of its own type and store alone.
        Ok(unsafe { Value::from_bits(store, ValueType::Ref(table.declared.element), element[0] as u128) })
    }

    /// Sets the element at an index.
    ///
    /// # Errors
    /// [`Error::WrongValue`] if the value is not of the table's type; [`Trap::TableOutOfBounds`], [`Error::OtherStore`].
    pub fn set(self, store: &Store, index: u64, value: Value) -> Result<(), Error> {
        let reference = self.reference(store, value)?;
        Ok(self.0.get(store)?.elements.write(index, &[reference])?)
    }

    /// The value as an element of this table.
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
    use crate::runtime::interrupt::PIECE;

    fn ty(element: RefType, min: u64, max: Option<u64>) -> TableType {
        TableType::new(element, Limits { min, max })
    }

    #[test]
    fn elements_are_written_wholly_or_not_at_all() {
        let table = TableData::new(ty(RefType::Func, 3, None), 3, &Budget::new(24)).unwrap();
        let interrupt = InterruptHandle::new(std::ptr::dangling_mut());
        let function = vm::Func { code: std::ptr::null(), stream: std::ptr::null(), vm: std::ptr::null_mut(), ty: 0 };
        let function = &raw const function;
        let elements = &table.elements;
        assert_eq!(elements.init(2, &[function; 2], &interrupt), Err(Trap::TableOutOfBounds));
        let mut seen = [function; 3];
        elements.read(0, &mut seen).unwrap();
        assert_eq!(seen, [std::ptr::null(); 3]);
        let (end, beyond) = (elements.init(3, &[], &interrupt), elements.init(4, &[], &interrupt));
        assert_eq!((end, beyond), (Ok(()), Err(Trap::TableOutOfBounds)));
        assert_eq!(elements.fill(1, function, 2, &interrupt), Ok(()));
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
        assert!(TableData::new(ty(RefType::Func, u32::MAX.into(), None), 10, &Budget::new(u64::MAX)).is_err());
    }

    #[test]
    fn an_interrupted_growth_leaves_no_trace() {
        let budget = Budget::new(u64::MAX);
        let table = TableData::new(ty(RefType::Extern, 1, None), u32::MAX, &budget).unwrap();
        let interrupt = InterruptHandle::new(std::ptr::dangling_mut());
        let (used, by) = (budget.used(), 2 * PIECE as u64 / ELEMENT);
        interrupt.interrupt();
        assert_eq!(table.grow(by, std::ptr::dangling(), &budget, &interrupt), Err(Trap::Interrupted));
        assert_eq!((table.elements.len(), budget.used()), (1, used));
        interrupt.clear();
        assert_eq!(table.grow(by, std::ptr::null(), &budget, &interrupt), Ok(Some(1)));
        let mut elements = vec![std::ptr::dangling(); by as usize + 1];
        table.elements.read(0, &mut elements).unwrap();
        assert!(elements.iter().all(|element| element.is_null()));
        assert_eq!(table.grow(u64::MAX, std::ptr::null(), &budget, &interrupt), Ok(None));
        assert_eq!(table.grow(1 << 61, std::ptr::null(), &budget, &interrupt), Ok(None));
    }

    /// An empty table takes no memory, and neither does one that is full of nulls.
    #[test]
    fn nulls_take_no_memory() {
        let resident = || {
            let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
            statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
        };
        let before = resident();
        let budget = Budget::new(u64::MAX);
        let new = || TableData::new(ty(RefType::Func, 10_000_000, None), 10_000_000, &budget).unwrap();
        let tables: Vec<TableData> = (0..20).map(|_| new()).collect();
        assert_eq!(budget.used(), 20 * 80_000_000);
        assert!(tables.iter().all(|table| table.elements.len() == 10_000_000));
        assert!(resident() < before + (100 << 20));
    }
}
