//! Values in the slots of a frame: each takes one, of 64 bits, and a vector two that follow each other.

use crate::error::Error;
use crate::store::Store;
use crate::types::ValueType;
use crate::value::Value;

/// The slots that values of these types take.
pub(crate) fn count(types: &[ValueType]) -> usize {
    types.iter().map(|ty| ty.slots() as usize).sum()
}

/// Puts values into slots. A reference of another store is an error; what comes before it has been put there.
///
/// # Safety
/// There is room for the values at `slots`.
pub(crate) unsafe fn write(store: &Store, mut slots: *mut u64, values: &[Value]) -> Result<(), Error> {
    for value in values {
        let bits = value.to_bits(store)?;
        for half in [bits as u64, (bits >> 64) as u64].into_iter().take(value.ty().slots() as usize) {
            // SAFETY: the caller says that there is room.
            slots = unsafe {
                slots.write(half);
                slots.add(1)
            };
        }
    }
    Ok(())
}

/// The values of these types that are in slots.
///
/// # Safety
/// Such values are at `slots`; references are of the store.
pub(crate) unsafe fn read(store: &Store, mut slots: *const u64, types: &[ValueType]) -> Vec<Value> {
    let mut values = Vec::with_capacity(types.len());
    for &ty in types {
        let mut bits = 0;
        for half in 0..ty.slots() {
            // SAFETY: the caller says that there are so many slots.
            slots = unsafe {
                bits |= u128::from(*slots) << (64 * half);
                slots.add(1)
            };
        }
        // SAFETY: the caller says that they are the bits of such a value.
        values.push(unsafe { Value::from_bits(store, ty, bits) });
    }
    values
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
        let mut slots = [9; 8];
        // SAFETY: there is room for seven, and no value is a reference to anything.
        unsafe {
            write(&store, slots.as_mut_ptr(), &values).unwrap();
            assert_eq!(read(&store, slots.as_ptr(), &types), values);
        }
        assert_eq!(slots, [0xffff_ffff, 2, 3, 0, u64::MAX, u64::MAX, 0.5_f64.to_bits(), 9]);
    }
}
