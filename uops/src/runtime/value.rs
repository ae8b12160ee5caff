//! Values, and their textual form.

use std::fmt;

use crate::module::error::Error;
use crate::module::types::{RefType, ValueType};
use crate::runtime::extern_ref::{ExternData, ExternRef};
use crate::runtime::func::Func;
use crate::runtime::store::{Handle, Store};

/// A value that functions take and return.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A 32-bit integer. WebAssembly's integers have no sign of their own.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A vector of 128 bits; lanes with lower numbers are lower bits.
    V128(u128),
    /// A reference to a function, or none.
    FuncRef(Option<Func>),
    /// A reference to a value of the host, or none.
    ExternRef(Option<ExternRef>),
}

impl Value {
    /// Returns its type.
    #[must_use]
    pub fn ty(self) -> ValueType {
        match self {
            Self::I32(_) => ValueType::I32,
            Self::I64(_) => ValueType::I64,
            Self::F32(_) => ValueType::F32,
            Self::F64(_) => ValueType::F64,
            Self::V128(_) => ValueType::V128,
            Self::FuncRef(_) => ValueType::Ref(RefType::Func),
            Self::ExternRef(_) => ValueType::Ref(RefType::Extern),
        }
    }

    /// Returns the initial value of a local or a table's element: zero, or no reference.
    #[must_use]
    pub fn zero(ty: ValueType) -> Self {
        match ty {
            ValueType::I32 => Self::I32(0),
            ValueType::I64 => Self::I64(0),
            ValueType::F32 => Self::F32(0.0),
            ValueType::F64 => Self::F64(0.0),
            ValueType::V128 => Self::V128(0),
            ValueType::Ref(RefType::Func) => Self::FuncRef(None),
            ValueType::Ref(RefType::Extern) => Self::ExternRef(None),
        }
    }

    /// Returns the bits, zero-extended, as a slot or a global's cell holds them. Those of a reference are an address in the
    /// store, or 0.
    pub(crate) fn to_bits(self, store: &Store) -> Result<u128, Error> {
        Ok(match self {
            Self::I32(value) => u128::from(value as u32),
            Self::I64(value) => u128::from(value as u64),
            Self::F32(value) => value.to_bits().into(),
            Self::F64(value) => value.to_bits().into(),
            Self::V128(value) => value,
            Self::FuncRef(func) => func.map_or(Ok(0), |func| func.0.pointer(store).map(|func| func as u128))?,
            Self::ExternRef(value) => value.map_or(Ok(0), |value| value.0.pointer(store).map(|value| value as u128))?,
        })
    }

    /// Returns the value with these bits. Excess bits are ignored.
    ///
    /// # Safety
    /// If the type is a reference, the bits are those of a reference of this type and store.
    pub(crate) unsafe fn from_bits(store: &Store, ty: ValueType, bits: u128) -> Self {
        match ty {
            ValueType::Ref(RefType::Func) => Self::FuncRef((bits != 0).then(|| {
                // SAFETY: the caller says that it is a function of the store. Functions live as long as their store.
                Func(unsafe { Handle::new(store, bits as *const crate::runtime::vm::Func) })
            })),
            ValueType::Ref(RefType::Extern) => Self::ExternRef((bits != 0).then(|| {
                // SAFETY: likewise, a value of the host.
                ExternRef(unsafe { Handle::new(store, bits as *const ExternData) })
            })),
            ValueType::I32 => Self::I32(bits as i32),
            ValueType::I64 => Self::I64(bits as i64),
            ValueType::F32 => Self::F32(f32::from_bits(bits as u32)),
            ValueType::F64 => Self::F64(f64::from_bits(bits as u64)),
            ValueType::V128 => Self::V128(bits),
        }
    }

    /// Parses a value: an integer in decimal or, after `0x`, in hexadecimal, with an optional sign, from the smallest signed
    /// to the largest unsigned integer of the type; a float in decimal, or `inf` or `nan`; a vector as one hexadecimal number
    /// after `0x`; a reference as `null`, since no other can be written.
    ///
    /// ```
    /// use uops::{Value, ValueType};
    ///
    /// assert_eq!(Value::parse(ValueType::I32, "0xffffffff")?, Value::I32(-1));
    /// assert_eq!(Value::parse(ValueType::F64, "-1.5e3")?, Value::F64(-1500.0));
    /// # Ok::<(), uops::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BadValue`].
    pub fn parse(ty: ValueType, text: &str) -> Result<Self, Error> {
        let value = match ty {
            ValueType::I32 => integer(text)
                .and_then(|value| i32::try_from(value).ok().or_else(|| u32::try_from(value).ok().map(|v| v as i32)))
                .map(Self::I32),
            ValueType::I64 => integer(text)
                .and_then(|value| i64::try_from(value).ok().or_else(|| u64::try_from(value).ok().map(|v| v as i64)))
                .map(Self::I64),
            ValueType::F32 => text.parse().ok().map(Self::F32),
            ValueType::F64 => text.parse().ok().map(Self::F64),
            ValueType::V128 => vector(text).map(Self::V128),
            ValueType::Ref(_) => (text == "null").then(|| Self::zero(ty)),
        };
        value.ok_or_else(|| Error::BadValue { ty, text: text.to_owned() })
    }
}

/// Parses an integer. Its range includes those of all types.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None => (10, digits),
    };
    // The parser would accept a second sign.
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

/// Parses 128 bits in hexadecimal.
fn vector(text: &str) -> Option<u128> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    // The parser would accept a sign.
    let digits = digits.starts_with(|first: char| first.is_ascii_hexdigit()).then_some(digits)?;
    u128::from_str_radix(digits, 16).ok()
}

impl PartialEq for Value {
    /// Compares types and bits: NaNs with equal bits are equal, zeros of different signs are not.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::I32(one), Self::I32(other)) => one == other,
            (Self::I64(one), Self::I64(other)) => one == other,
            (Self::F32(one), Self::F32(other)) => one.to_bits() == other.to_bits(),
            (Self::F64(one), Self::F64(other)) => one.to_bits() == other.to_bits(),
            (Self::V128(one), Self::V128(other)) => one == other,
            (Self::FuncRef(one), Self::FuncRef(other)) => one == other,
            (Self::ExternRef(one), Self::ExternRef(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl fmt::Display for Value {
    /// Writes integers in signed decimal, floats in the shortest decimal that parses to the same float, vectors as one number
    /// of 32 hexadecimal digits, and references as `null` or their type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32(value) => value.fmt(f),
            Self::I64(value) => value.fmt(f),
            Self::F32(value) => fmt::Debug::fmt(value, f),
            Self::F64(value) => fmt::Debug::fmt(value, f),
            Self::V128(value) => write!(f, "{value:#034x}"),
            Self::FuncRef(None) | Self::ExternRef(None) => f.write_str("null"),
            Self::FuncRef(Some(_)) | Self::ExternRef(Some(_)) => self.ty().fmt(f),
        }
    }
}

macro_rules! from_native {
    ($($native:ty: $variant:ident($as:ty);)*) => {$(
        impl From<$native> for Value {
            fn from(value: $native) -> Self {
                Self::$variant(value as $as)
            }
        }
    )*};
}
from_native!(i32: I32(i32); u32: I32(i32); i64: I64(i64); u64: I64(i64); f32: F32(f32); f64: F64(f64); u128: V128(u128););

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_signed_unsigned_and_hexadecimal() {
        for (text, value) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("+7", Some(7)),
            ("2147483647", Some(i32::MAX)),
            ("-2147483648", Some(i32::MIN)),
            ("4294967295", Some(-1)),
            ("0xfFffFfff", Some(-1)),
            ("-0x1", Some(-1)),
            ("4294967296", None),
            ("-2147483649", None),
            ("", None),
            ("-", None),
            ("0x", None),
            ("--1", None),
            ("0x-1", None),
            ("1.5", None),
            (" 1", None),
            ("99999999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(Value::parse(ValueType::I32, text).ok(), value.map(Value::I32), "{text}");
        }
        assert_eq!(Value::parse(ValueType::I64, "18446744073709551615").unwrap(), Value::I64(-1));
        assert_eq!(Value::parse(ValueType::I64, "-9223372036854775808").unwrap(), Value::I64(i64::MIN));
        assert!(Value::parse(ValueType::I64, "18446744073709551616").is_err());
        assert_eq!(Value::parse(ValueType::F32, "-inf").unwrap(), Value::F32(f32::NEG_INFINITY));
        assert_eq!(Value::parse(ValueType::F64, "nan").unwrap(), Value::F64(f64::NAN));
        assert!(Value::parse(ValueType::F64, "1,5").is_err());
    }

    #[test]
    fn vectors_are_read_as_one_number() {
        for (text, value) in [
            ("0x0", Some(0)),
            ("0XffffFFFFffffFFFFffffFFFFffffFFFF", Some(u128::MAX)),
            ("0x00000000000000000000000000000000000001", Some(1)),
            ("0x100000000000000000000000000000000", None),
            ("0x", None),
            ("0x+1", None),
            ("-0x1", None),
            ("1", None),
        ] {
            assert_eq!(Value::parse(ValueType::V128, text).ok(), value.map(Value::V128), "{text}");
        }
        assert_eq!(Value::V128(0xab).to_string(), "0x000000000000000000000000000000ab");
    }

    #[test]
    fn values_survive_bits_and_text() {
        let values = [
            Value::I32(i32::MIN),
            Value::I64(-2),
            Value::F32(-0.0),
            Value::F32(f32::MIN_POSITIVE),
            Value::F64(0.1),
            Value::F64(f64::INFINITY),
            Value::F64(1e300),
            Value::V128(1 << 127 | 7),
            Value::FuncRef(None),
            Value::ExternRef(None),
        ];
        let store = Store::new().unwrap();
        // SAFETY: no value is a reference, but to none.
        let from_bits = |ty, bits| unsafe { Value::from_bits(&store, ty, bits) };
        for value in values {
            assert_eq!(from_bits(value.ty(), value.to_bits(&store).unwrap()), value);
            assert_eq!(Value::parse(value.ty(), &value.to_string()).unwrap(), value);
        }
        assert_eq!(from_bits(ValueType::I32, u128::MAX), Value::I32(-1));
        assert_eq!(from_bits(ValueType::I64, u128::MAX), Value::I64(-1));
        assert_ne!(Value::F32(0.0), Value::F32(-0.0));
    }
}
