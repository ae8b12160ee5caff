//! Values of the host that modules hold.

use std::any::Any;
use std::fmt;

use crate::module::error::Error;
use crate::runtime::store::{Handle, Store};

/// A value of the host that modules can store and pass on, but not inspect. It lives as long as its store, and does not count
/// towards [`StoreLimits::bytes`](crate::StoreLimits::bytes).
///
/// ```
/// use uops::{ExternRef, Store};
///
/// let store = Store::new()?;
/// let name = ExternRef::new(&store, "Ada".to_owned());
/// assert_eq!(name.get(&store)?.downcast_ref::<String>().unwrap(), "Ada");
/// # Ok::<(), uops::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternRef(pub(crate) Handle<ExternData>);

/// The value, at an address of its own.
pub(crate) struct ExternData(Box<dyn Any>);

impl ExternRef {
    /// Moves a value into a store. Each call makes a new reference.
    pub fn new(store: &Store, value: impl Any) -> Self {
        Self(store.extern_value(ExternData(Box::new(value))))
    }

    /// Returns the value.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn get(self, store: &Store) -> Result<&dyn Any, Error> {
        Ok(&*self.0.get(store)?.0)
    }
}

impl fmt::Debug for ExternData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternData").finish_non_exhaustive()
    }
}
