//! Functions. [`embedding::call`](crate::embedding::call) has the methods that call them.

use crate::module::error::Error;
use crate::module::types::FuncType;
use crate::runtime::store::{Handle, Store};
use crate::runtime::vm;

/// A function of a store: one that an instance defines, or a host function that an instance imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func(pub(crate) Handle<vm::Func>);

impl Func {
    /// Returns its type.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn ty(self, store: &Store) -> Result<FuncType, Error> {
        Ok(FuncType::clone(&*store.type_of(self.0.get(store)?.ty)))
    }
}
