//! Numbers that programs take and return. All engines convert theirs to these.

use std::fmt;
use std::str::FromStr;

use crate::Result;

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    I32,
    I64,
    F32,
    F64,
}

/// A number. Host functions use integers only.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    I32(i32),
    I64(i64),
    F32(f32),
    F64(f64),
}

impl Value {
    /// Returns an integer's bits, those of an `i32` zero-extended.
    ///
    /// # Panics
    /// If the value is a float.
    pub fn bits(self) -> u64 {
        match self {
            Self::I32(value) => value.cast_unsigned().into(),
            Self::I64(value) => value.cast_unsigned(),
            Self::F32(_) | Self::F64(_) => unreachable!("host functions take integers"),
        }
    }

    /// Parses an argument of this type.
    ///
    /// # Errors
    /// The text is not a number of the type.
    pub fn parse(ty: Type, text: &str) -> Result<Self> {
        fn number<T: FromStr>(ty: Type, text: &str) -> Result<T> {
            text.parse().map_err(|_| format!("argument `{text}`: expected a number of type {ty:?}").into())
        }
        Ok(match ty {
            Type::I32 => Self::I32(number(ty, text)?),
            Type::I64 => Self::I64(number(ty, text)?),
            Type::F32 => Self::F32(number(ty, text)?),
            Type::F64 => Self::F64(number(ty, text)?),
        })
    }

    /// Parses one argument for each type.
    ///
    /// # Errors
    /// There are more or fewer arguments than types, or one is not of its type.
    pub fn parse_all(types: &[Type], args: &[String]) -> Result<Vec<Self>> {
        if types.len() != args.len() {
            return Err(format!("expected {} arguments ({types:?}), found {}", types.len(), args.len()).into());
        }
        types.iter().zip(args).map(|(&ty, text)| Self::parse(ty, text)).collect()
    }
}

/// Formats so that equal texts mean equal values. All NaNs are equal, since engines may choose their bits.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32(value) => value.fmt(f),
            Self::I64(value) => value.fmt(f),
            Self::F32(value) => fmt::Debug::fmt(value, f),
            Self::F64(value) => fmt::Debug::fmt(value, f),
        }
    }
}
