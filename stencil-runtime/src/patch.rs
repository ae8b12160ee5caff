//! Patch functions: the contents of the fields of a copied stencil.
//!
//! Each function computes the bits of one kind of ELF relocation and checks that they fit, without touching memory.
//! [`put`] stores them. Emit functions check every field of a uop before they write the first byte, so that a value out of
//! range leaves fresh memory zero.
//!
//! The relocation kinds are those of the [System V ABI, AMD64 supplement], section 4.4. `S + A` is the value with its
//! addend, and `P` is the address of the field.
//!
//! [System V ABI, AMD64 supplement]: https://gitlab.com/x86-psABIs/x86-64-ABI

/// A value that its field cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The value, before truncation.
    pub value: i128,
    /// The least value that fits.
    pub min: i128,
    /// The greatest value that fits.
    pub max: i128,
}

impl Overflow {
    #[cold]
    fn new(value: i128, min: i128, max: i128) -> Self {
        Self { value, min, max }
    }
}

/// `R_X86_64_64`: the whole 64-bit value.
#[inline(always)]
#[must_use]
pub const fn abs64(value: u64, addend: i64) -> [u8; 8] {
    value.wrapping_add_signed(addend).to_le_bytes()
}

/// `R_X86_64_32`, `16` and `8`: the low bits of the value. `N` is the field's size in bytes: 1, 2 or 4.
#[inline(always)]
#[must_use]
pub fn low<const N: usize>(value: u64, addend: i64) -> [u8; N] {
    let bytes = value.wrapping_add_signed(addend).to_le_bytes();
    std::array::from_fn(|i| bytes[i])
}

/// The low bits of a product: no relocation of ELF has a factor. `N` is the field's size in bytes: 1 or 4.
#[inline(always)]
#[must_use]
pub fn scaled<const N: usize>(value: u64, factor: u8, addend: i64) -> [u8; N] {
    low(value.wrapping_mul(factor.into()), addend)
}

/// `R_X86_64_32S`: a field that the processor sign-extends, -2^31 to 2^31 - 1. `value` is the operand
/// extended to 64 bits: with zeros for an unsigned one, with its sign for a signed one.
///
/// # Errors
/// [`Overflow`], if `value + addend` is outside that range.
#[inline(always)]
pub fn abs32s(value: u64, addend: i64) -> Result<[u8; 4], Overflow> {
    match i32::try_from(value.wrapping_add_signed(addend) as i64) {
        Ok(field) => Ok(field.to_le_bytes()),
        Err(_) => Err(Overflow::new(
            i128::from(value as i64),
            i128::from(i32::MIN) - i128::from(addend),
            i128::from(i32::MAX) - i128::from(addend),
        )),
    }
}

/// Returns whether [`abs32s`] succeeds.
#[inline(always)]
#[must_use]
pub const fn fits_i32(value: u64, addend: i64) -> bool {
    let value = value.wrapping_add_signed(addend) as i64;
    value as i32 as i64 == value
}

/// `R_X86_64_PC32`, `R_X86_64_PLT32` and the `GOTPCREL` kinds: the displacement from the field at the address `place` to
/// `target + addend`, -2^31 to 2^31 - 1.
///
/// # Errors
/// [`Overflow`], if the displacement is outside that range.
#[inline(always)]
pub fn rel32(place: u64, target: u64, addend: i64) -> Result<[u8; 4], Overflow> {
    let distance = target.wrapping_add_signed(addend).wrapping_sub(place) as i64;
    match i32::try_from(distance) {
        Ok(field) => Ok(field.to_le_bytes()),
        Err(_) => Err(Overflow::new(i128::from(distance), i128::from(i32::MIN), i128::from(i32::MAX))),
    }
}

/// Stores a field at `offset`, in bytes.
///
/// # Panics
/// If the field does not lie within `bytes`. Emit functions pass constant offsets into arrays of constant size, so that the
/// compiler removes the check.
#[inline(always)]
pub fn put<const N: usize>(bytes: &mut [u8], offset: usize, field: [u8; N]) {
    bytes[offset..offset + N].copy_from_slice(&field);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The field that `put` stores in the middle of a buffer of 0xCC, whose other bytes must stay.
    fn stored<const N: usize>(field: [u8; N]) -> [u8; N] {
        let mut bytes = [0xCC_u8; 16];
        put(&mut bytes, 3, field);
        assert!(bytes[..3].iter().chain(&bytes[3 + N..]).all(|&byte| byte == 0xCC));
        bytes[3..3 + N].try_into().unwrap()
    }

    #[test]
    fn abs64_takes_every_value_and_wraps() {
        for value in [0, 1, u64::MAX, i64::MIN as u64, i64::MAX as u64] {
            assert_eq!(stored(abs64(value, 0)), value.to_le_bytes());
        }
        assert_eq!(stored(abs64(u64::MAX, 1)), [0; 8]);
        assert_eq!(stored(abs64(0, -1)), [0xff; 8]);
    }

    #[test]
    fn low_truncates() {
        assert_eq!(stored(low::<1>(0x1_02, 0)), [0x02]);
        assert_eq!(stored(low::<2>(0x1_ffff, 1)), [0, 0]);
        assert_eq!(stored(low::<4>(u64::MAX, 0)), [0xff; 4]);
        assert_eq!(stored(low::<4>(i32::MIN as u32 as u64, 0)), i32::MIN.to_le_bytes());
    }

    #[test]
    fn scaled_multiplies_before_it_adds() {
        assert_eq!(stored(scaled::<4>(3, 8, -4)), 20_i32.to_le_bytes());
        assert_eq!(stored(scaled::<1>(3, 8, -4)), [20]);
        assert_eq!(stored(scaled::<1>(-3_i64 as u64, 8, 4)), (-20_i8).to_le_bytes());
        assert_eq!(stored(scaled::<4>(-3_i64 as u64, 8, 4)), (-20_i32).to_le_bytes());
        assert_eq!(stored(scaled::<4>(u64::MAX, u8::MAX, 0)), (-255_i32).to_le_bytes());
        assert_eq!(stored(scaled::<4>(0xffff, 8, 0)), 0x7_fff8_i32.to_le_bytes());
    }

    #[test]
    fn abs32s_at_its_limits() {
        assert_eq!(abs32s(i32::MAX as u64, 0).map(stored), Ok(i32::MAX.to_le_bytes()));
        assert_eq!(abs32s(i32::MIN as i64 as u64, 0).map(stored), Ok(i32::MIN.to_le_bytes()));
        assert_eq!(abs32s(0, -1).map(stored), Ok([0xff; 4]));
        assert!(abs32s(i32::MAX as u64, 1).is_err());
        assert!(abs32s(i32::MIN as i64 as u64, -1).is_err());
        let error = abs32s(1 << 31, 0).unwrap_err();
        assert_eq!((error.value, error.min, error.max), (1 << 31, -(1 << 31), (1 << 31) - 1));
        assert!(abs32s(u64::from(u32::MAX), 0).is_err(), "zero-extended, it would be read as -1");
    }

    #[test]
    fn predicted_and_actual_fits_agree() {
        for value in [0, 1 << 31, 1 << 32, 1 << 63, 0_u64.wrapping_sub(1 << 31), 0_u64.wrapping_sub(1 << 32)] {
            for value in [value.wrapping_sub(1), value, value.wrapping_add(1)] {
                for addend in [-1, 0, 1, i64::MIN, i64::MAX] {
                    assert_eq!(fits_i32(value, addend), abs32s(value, addend).is_ok(), "{value:#x} + {addend}");
                }
            }
        }
    }

    #[test]
    fn rel32_at_its_limits() {
        let place = 0x5555_0000_1000;
        let reach = i32::MAX as u64;
        assert_eq!(rel32(place, place + reach, 0).map(stored), Ok(i32::MAX.to_le_bytes()));
        assert_eq!(rel32(place, place + reach + 4, -4).map(stored), Ok(i32::MAX.to_le_bytes()));
        assert_eq!(rel32(place, place - reach - 1, 0).map(stored), Ok(i32::MIN.to_le_bytes()));
        assert!(rel32(place, place + reach + 1, 0).is_err());
        assert!(rel32(place, place - reach - 2, 0).is_err());
        assert!(rel32(place, place - reach + 2, -4).is_err());
        assert_eq!(rel32(u64::MAX, 0, 0).map(stored), Ok(1_i32.to_le_bytes()), "the address space wraps");
    }

    #[test]
    #[should_panic(expected = "range end index")]
    fn put_stays_within_its_slice() {
        put(&mut [0; 4], 1, [0; 4]);
    }
}
