//! Globals: a cell and its type.

use std::cell::Cell;

use crate::error::Error;
use crate::store::{Handle, Store};
use crate::types::{ExternType, GlobalType};
use crate::value::Value;

/// A global of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global(pub(crate) Handle<GlobalData>);

/// A global's storage.
#[derive(Debug)]
pub(crate) struct GlobalData {
    pub(crate) ty: GlobalType,
    /// The bits of the value. Compiled code reads and writes them, too.
    pub(crate) cell: Cell<u64>,
}

impl GlobalData {
    pub(crate) fn get(&self) -> Value {
        Value::from_bits(self.ty.value, self.cell.get())
    }
}

impl Global {
    /// Makes a global, for modules to import.
    #[must_use]
    pub fn new(store: &Store, value: Value, mutable: bool) -> Self {
        Self(store.global(GlobalType { value: value.ty(), mutable }, value.to_bits()))
    }

    /// Its type.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn ty(self, store: &Store) -> Result<GlobalType, Error> {
        Ok(self.0.get(store)?.ty)
    }

    /// Its value.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn get(self, store: &Store) -> Result<Value, Error> {
        Ok(self.0.get(store)?.get())
    }

    /// Sets its value.
    ///
    /// # Errors
    /// [`Error::WrongGlobal`] if it is immutable or of another type; [`Error::OtherStore`].
    pub fn set(self, store: &Store, value: Value) -> Result<(), Error> {
        let global = self.0.get(store)?;
        if !global.ty.mutable || global.ty.value != value.ty() {
            return Err(Error::WrongGlobal { ty: ExternType::Global(global.ty), given: value.ty() });
        }
        global.cell.set(value.to_bits());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_of_the_type_fit_and_only_if_mutable() {
        let store = Store::new().unwrap();
        let global = Global::new(&store, Value::I32(-1), true);
        global.set(&store, Value::I32(5)).unwrap();
        assert_eq!(global.get(&store).unwrap(), Value::I32(5));
        assert!(matches!(global.set(&store, Value::I64(5)), Err(Error::WrongGlobal { .. })));
        let constant = Global::new(&store, Value::F64(0.5), false);
        let error = constant.set(&store, Value::F64(1.0)).unwrap_err();
        assert_eq!(error.to_string(), "a global f64 cannot be set to a value of type f64");
    }
}
