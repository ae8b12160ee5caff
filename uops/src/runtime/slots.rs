//! Arguments and results of calls. They are in the first slots of a frame: a vector takes two adjacent slots of 64 bits,
//! any other value one.

use crate::module::error::Error;
use crate::module::types::ValueType;
use crate::runtime::store::Store;
use crate::runtime::value::Value;

/// Returns the number of slots that values of these types take.
pub(crate) fn count(types: &[ValueType]) -> usize {
    types.iter().map(|ty| ty.slots() as usize).sum()
}

/// The slots of a call: first they hold its arguments, then its results. (Public because the signature of a hidden method of a
/// public trait contains it.)
pub struct Slots<'s> {
    store: &'s Store,
    first: *mut u64,
}

impl<'s> Slots<'s> {
    /// Makes a view of the slots of a frame.
    ///
    /// # Safety
    /// The slots belong to the store's frames, and no other function uses them as long as this value lives. There are enough
    /// for the arguments and for the results. Whoever reads them reads the types that they hold, and all references are
    /// the store's.
    pub(crate) unsafe fn new(store: &'s Store, first: *mut u64) -> Self {
        Self { store, first }
    }

    /// Returns the address of the first slot.
    pub(crate) fn first(&self) -> *mut u64 {
        self.first
    }

    /// Reads values of these types.
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

    /// Writes values, which have the types of the call's results or parameters.
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
