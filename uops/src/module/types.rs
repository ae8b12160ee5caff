//! Types of values, and of the items that modules import and export.

use std::fmt;
use std::sync::Arc;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit float.
    F32,
    /// A 64-bit float.
    F64,
    /// A vector of 128 bits.
    V128,
    /// A reference, which may be null.
    Ref(RefType),
}

impl ValueType {
    /// The number of slots of a frame that a value of this type takes.
    pub(crate) fn slots(self) -> u32 {
        if self == Self::V128 { 2 } else { 1 }
    }
}

/// The type of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefType {
    /// To a function: `funcref`.
    Func,
    /// To a value of the host: `externref`.
    Extern,
}

impl fmt::Display for RefType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Func => "funcref",
            Self::Extern => "externref",
        })
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::V128 => "v128",
            Self::Ref(ty) => return ty.fmt(f),
        })
    }
}

/// The type of a function. Cloning it copies two pointers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// The types of the parameters.
    pub params: Arc<[ValueType]>,
    /// The types of the results.
    pub results: Arc<[ValueType]>,
}

impl FuncType {
    /// Creates a type.
    pub fn new(params: impl Into<Arc<[ValueType]>>, results: impl Into<Arc<[ValueType]>>) -> Self {
        Self { params: params.into(), results: results.into() }
    }
}

impl fmt::Display for FuncType {
    /// Writes the type like `(i32, i64) -> (f64)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", Tuple(self.params.iter()), Tuple(self.results.iter()))
    }
}

/// Displays items in parentheses, separated by commas.
pub(crate) struct Tuple<I>(pub(crate) I);

impl<I: Iterator<Item: fmt::Display> + Clone> fmt::Display for Tuple<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (index, item) in self.0.clone().enumerate() {
            if index != 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        f.write_str(")")
    }
}

/// The type of a memory's addresses, or of a table's indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressType {
    /// 32 bits.
    #[default]
    I32,
    /// 64 bits.
    I64,
}

impl AddressType {
    /// The type of an address as a value.
    #[must_use]
    pub fn value_type(self) -> ValueType {
        match self {
            Self::I32 => ValueType::I32,
            Self::I64 => ValueType::I64,
        }
    }

    /// The address in a slot or a register. The upper half of a 32-bit address is arbitrary.
    pub(crate) fn address(self, bits: u64) -> u64 {
        match self {
            Self::I32 => bits & u64::from(u32::MAX),
            Self::I64 => bits,
        }
    }
}

impl fmt::Display for AddressType {
    /// Writes the prefix of the limits, which is empty for 32 bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "",
            Self::I64 => "i64 ",
        })
    }
}

/// The size of a table in elements or of a memory in pages of 64 KiB, and the size to which it may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The initial size. An import must have at least this size.
    pub min: u64,
    /// The maximum size, if there is one.
    pub max: Option<u64>,
}

impl Limits {
    /// Returns whether an item with these limits may be imported where `wanted` limits are declared.
    #[must_use]
    pub fn satisfy(self, wanted: Self) -> bool {
        self.min >= wanted.min && wanted.max.is_none_or(|wanted| self.max.is_some_and(|max| max <= wanted))
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max {
            Some(max) => write!(f, "{} {max}", self.min),
            None => write!(f, "{}", self.min),
        }
    }
}

/// The type of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalType {
    /// The type of the value.
    pub value: ValueType,
    /// Whether the global may be set.
    pub mutable: bool,
}

impl fmt::Display for GlobalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mutable { write!(f, "(mut {})", self.value) } else { self.value.fmt(f) }
    }
}

/// The type of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryType {
    /// The type of the addresses.
    pub address: AddressType,
    /// The size in pages of 64 KiB: at most 2^16 with 32-bit addresses and 2^48 with 64-bit addresses.
    pub limits: Limits,
}

impl From<Limits> for MemoryType {
    /// The type of a memory with 32-bit addresses.
    fn from(limits: Limits) -> Self {
        Self { address: AddressType::I32, limits }
    }
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.address, self.limits)
    }
}

/// The type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableType {
    /// The type of the elements.
    pub element: RefType,
    /// The type of the indices.
    pub address: AddressType,
    /// The size in elements.
    pub limits: Limits,
}

impl TableType {
    /// Creates a type with 32-bit indices.
    #[must_use]
    pub fn new(element: RefType, limits: Limits) -> Self {
        Self { element, address: AddressType::I32, limits }
    }
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} {}", self.address, self.limits, self.element)
    }
}

/// The type of an import or an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternType {
    /// A function.
    Func(FuncType),
    /// A table of references.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
}

impl ExternType {
    /// Returns whether an item of this type may be imported where type `wanted` is declared.
    #[must_use]
    pub fn satisfies(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Func(ty), Self::Func(wanted)) => ty == wanted,
            (Self::Table(ty), Self::Table(wanted)) => {
                (ty.element, ty.address) == (wanted.element, wanted.address) && ty.limits.satisfy(wanted.limits)
            }
            (Self::Memory(ty), Self::Memory(wanted)) => {
                ty.address == wanted.address && ty.limits.satisfy(wanted.limits)
            }
            (Self::Global(ty), Self::Global(wanted)) => ty == wanted,
            _ => false,
        }
    }
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Func(ty) => write!(f, "function {ty}"),
            Self::Table(ty) => write!(f, "table {ty}"),
            Self::Memory(ty) => write!(f, "memory {ty}"),
            Self::Global(ty) => write!(f, "global {ty}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_matched_as_the_specification_says() {
        let limits = |min, max| Limits { min, max };
        assert!(limits(2, None).satisfy(limits(1, None)));
        assert!(limits(2, Some(3)).satisfy(limits(2, Some(3))));
        assert!(limits(2, Some(3)).satisfy(limits(1, None)));
        assert!(!limits(1, None).satisfy(limits(2, None)));
        assert!(!limits(2, None).satisfy(limits(2, Some(3))));
        assert!(!limits(2, Some(4)).satisfy(limits(2, Some(3))));
    }

    #[test]
    fn types_are_displayed_in_the_usual_notation() {
        let ty = FuncType::new([ValueType::I32, ValueType::F64], [ValueType::I64]);
        assert_eq!(ty.to_string(), "(i32, f64) -> (i64)");
        assert_eq!(FuncType::default().to_string(), "() -> ()");
        let ty = ExternType::Global(GlobalType { value: ValueType::F32, mutable: true });
        assert_eq!(ty.to_string(), "global (mut f32)");
        let limits = Limits { min: 1, max: Some(1 << 48) };
        assert_eq!(ExternType::Memory(limits.into()).to_string(), "memory 1 281474976710656");
        let (element, address) = (RefType::Func, AddressType::I64);
        assert_eq!(ExternType::Memory(MemoryType { address, limits }).to_string(), "memory i64 1 281474976710656");
        let ty = ExternType::Table(TableType { element, address, limits: Limits { min: 0, max: None } });
        assert_eq!(ty.to_string(), "table i64 0 funcref");
    }
}
