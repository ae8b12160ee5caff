//! Globals: a cell and its type.

use std::cell::Cell;

use crate::module::error::Error;
use crate::module::types::{ExternType, GlobalType};
use crate::runtime::store::{Handle, Store};
use crate::runtime::value::Value;

/// A global of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global(pub(crate) Handle<GlobalData>);

/// A global's storage.
#[derive(Debug)]
pub(crate) struct GlobalData {
    pub(crate) ty: GlobalType,
    /// The bits of the value. Compiled code reads and writes them, too: as many as the type has.
    pub(crate) cell: Cell<u128>,
}

impl GlobalData {
    /// The value. The store is the global's.
    fn get(&self, store: &Store) -> Value {
        // SAFETY: what is written to a global is of its type and, if it is a reference, of its store.
        unsafe { Value::from_bits(store, self.ty.value, self.cell.get()) }
    }
}

impl Global {
    /// Makes a global, for modules to import.
    ///
    /// # Errors
    /// [`Error::OtherStore`] if the value is a reference of another store; [`Error::OutOfMemory`].
    pub fn new(store: &Store, value: Value, mutable: bool) -> Result<Self, Error> {
        let (ty, cell) = (GlobalType { value: value.ty(), mutable }, Cell::new(value.to_bits(store)?));
        Ok(Self(store.keep_one(&store.0.globals, GlobalData { ty, cell })?))
    }

    /// Returns its type.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn ty(self, store: &Store) -> Result<GlobalType, Error> {
        Ok(self.0.get(store)?.ty)
    }

    /// Returns its value.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn get(self, store: &Store) -> Result<Value, Error> {
        Ok(self.0.get(store)?.get(store))
    }

    /// Sets its value.
    ///
    /// # Errors
    /// [`Error::WrongValue`] if it is immutable or of another type; [`Error::OtherStore`].
    pub fn set(self, store: &Store, value: Value) -> Result<(), Error> {
        let global = self.0.get(store)?;
        if !global.ty.mutable || global.ty.value != value.ty() {
            return Err(Error::WrongValue { ty: ExternType::Global(global.ty), given: value.ty() });
        }
        global.cell.set(value.to_bits(store)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_of_the_type_fit_and_only_if_mutable() {
        let store = Store::new().unwrap();
        let global = Global::new(&store, Value::I32(-1), true).unwrap();
        global.set(&store, Value::I32(5)).unwrap();
        assert_eq!(global.get(&store).unwrap(), Value::I32(5));
        assert!(matches!(global.set(&store, Value::I64(5)), Err(Error::WrongValue { .. })));
        let constant = Global::new(&store, Value::F64(0.5), false).unwrap();
        let error = constant.set(&store, Value::F64(1.0)).unwrap_err();
        assert_eq!(error.to_string(), "a global f64 cannot be set to a value of type f64");
    }
}
