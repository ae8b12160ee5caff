//! Arguments and results of calls, in the first slots of a frame: each takes one, of 64 bits, and a vector two that follow
//! each other.

use crate::module::error::Error;
use crate::module::types::ValueType;
use crate::runtime::store::Store;
use crate::runtime::value::Value;

/// The slots that values of these types take.
pub(crate) fn count(types: &[ValueType]) -> usize {
    types.iter().map(|ty| ty.slots() as usize).sum()
}

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
        types.iter().scan(self.first, |slot, &ty| {
            let mut bits = 0;
            for half in 0..ty.slots() {
                // SAFETY: `new` was promised that they are there.
                unsafe {
                    bits |= u128::from(**slot) << (64 * half);
                    *slot = slot.add(1);
                }
            }
            // SAFETY: likewise.
            Some(unsafe { Value::from_bits(self.store, ty, bits) })
        })
    }

    /// Sets the slots to values, of the types that the call has.
    pub(crate) fn write(&self, values: impl IntoIterator<Item = Value>) -> Result<(), Error> {
        let mut slot = self.first;
        for value in values {
            let bits = value.to_bits(self.store)?;
            for half in 0..value.ty().slots() {
                // SAFETY: `new` was promised that there is room.
                unsafe {
                    *slot = (bits >> (64 * half)) as u64;
                    slot = slot.add(1);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_take_two_slots() {
        let store = Store::new().unwrap();
        let values =
            [Value::I32(-1), Value::V128(3 << 64 | 2), Value::FuncRef(None), Value::V128(u128::MAX), Value::F64(0.5)];
        let types = values.map(Value::ty);
        assert_eq!(count(&types), 7);
        let mut memory = [9; 8];
        // SAFETY: there is room for seven, and no value is a reference to anything.
        let slots = unsafe { Slots::new(&store, memory.as_mut_ptr()) };
        slots.write(values).unwrap();
        assert!(slots.read(&types).eq(values));
        assert_eq!(memory, [0xffff_ffff, 2, 3, 0, u64::MAX, u64::MAX, 0.5_f64.to_bits(), 9]);
    }
}
