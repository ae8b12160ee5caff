//! Arguments and results of calls, in the first slots of a frame.

use crate::error::Error;
use crate::store::Store;
use crate::types::ValueType;
use crate::value::Value;

/// Where the arguments of a call are, and then its results. (It is in the type of a hidden method of a public trait.)
pub struct Slots<'s> {
    store: &'s Store,
    first: *mut u64,
}

impl<'s> Slots<'s> {
    /// Slots of a frame.
    ///
    /// # Safety
    /// They are of a frame of the store that no function in progress uses, as many as arguments, or results if those
    /// need more, and stay so as long as this is used. Whoever reads them reads types that are there: references are
    /// those of the store.
    pub(crate) unsafe fn new(store: &'s Store, first: *mut u64) -> Self {
        Self { store, first }
    }

    /// The address of the first one.
    pub(crate) fn first(&self) -> *mut u64 {
        self.first
    }

    /// The values, which have these types.
    pub(crate) fn read(&self, types: &[ValueType]) -> impl Iterator<Item = Value> {
        types.iter().enumerate().map(|(index, &ty)| {
            // SAFETY: `new` was promised that they are there.
            unsafe { Value::from_bits(self.store, ty, *self.first.add(index)) }
        })
    }

    /// Sets the slots to values, of the types that the call has.
    pub(crate) fn write(&self, values: impl IntoIterator<Item = Value>) -> Result<(), Error> {
        for (index, value) in values.into_iter().enumerate() {
            let bits = value.to_bits(self.store)?;
            // SAFETY: `new` was promised that there is room.
            unsafe { *self.first.add(index) = bits };
        }
        Ok(())
    }
}
