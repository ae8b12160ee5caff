//! Types that Rust and C share.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, Result};

/// A type that both languages have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `u8` to `u64`, `i8` to `i64`, `usize`, `isize`.
    Integer {
        bits: u32,
        signed: bool,
        size: bool,
    },
    Bool,
    F32,
    F64,
    /// `__m128i` of `core::arch`: 128 bits in a vector register.
    Vector,
    /// A raw pointer. `to` is `None` if C has no name for the pointee, such as `c_void`, `()` and generic types.
    Pointer {
        constant: bool,
        to: Option<Box<Type>>,
    },
    /// A position in the program; operands only.
    Label,
    /// The address of code outside of the program; operands only.
    CodeAddress,
    /// A jump that can be linked to other code at run time; operands only.
    Exit,
    /// `[T; N]`; fields of a struct only.
    Array(Box<Type>, usize),
    /// A struct of the block, or, behind a pointer, any Rust type.
    Named(Ident),
}

/// The types that the macro knows by name.
pub const NAMES: [&str; 18] = [
    "u8",
    "u16",
    "u32",
    "u64",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "isize",
    "bool",
    "f32",
    "f64",
    "__m128i",
    "Label",
    "CodeAddress",
    "Exit",
    "c_void",
];

const SUPPORTED: &str = "not a type that Rust and C share: use u8 to u64, i8 to i64, usize, isize, bool, f32, \
                         f64, __m128i or a raw pointer; a field may also be an array or another struct of the block, and an \
                         operand may also be a Label, a CodeAddress or an Exit";

impl Type {
    /// Returns whether conventions pass the type in a vector register, rather than in a general-purpose one.
    pub fn is_in_vector_register(&self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::Vector)
    }

    /// Returns whether bodies jump to an operand of this type, or call it.
    pub fn is_code(&self) -> bool {
        matches!(self, Self::Label | Self::CodeAddress | Self::Exit)
    }

    pub fn from_rust(ty: &syn::Type) -> Result<Self> {
        let unsupported = || Error::new(ty.span(), SUPPORTED);
        match ty {
            syn::Type::Group(group) => Self::from_rust(&group.elem),
            syn::Type::Paren(paren) => Self::from_rust(&paren.elem),
            syn::Type::Ptr(pointer) => {
                let to = match &*pointer.elem {
                    syn::Type::Tuple(unit) if unit.elems.is_empty() => None,
                    syn::Type::Path(path) if is_opaque(path) => None,
                    to => Some(Box::new(Self::from_rust(to)?)),
                };
                Ok(Self::Pointer { constant: !matches!(pointer.mutability, syn::PointerMutability::Mut(_)), to })
            }
            syn::Type::Array(array) => match ungrouped(&array.len) {
                Expr::Lit(ExprLit { lit: Lit::Int(length), .. }) => {
                    Ok(Self::Array(Box::new(Self::from_rust(&array.elem)?), length.base10_parse()?))
                }
                length => Err(Error::new(
                    length.span(),
                    "C needs the length: write a literal, or declare the constant in this block, `const NAME: usize = 8;` or `const \
                     NAME = path: usize = 8;`",
                )),
            },
            syn::Type::Path(path) if path.qself.is_none() => {
                let last = path.path.segments.last().ok_or_else(unsupported)?;
                if has_arguments(path) {
                    return Err(unsupported());
                }
                let integer = |bits, signed| Self::Integer { bits, signed, size: false };
                Ok(match last.ident.to_string().as_str() {
                    "u8" => integer(8, false),
                    "u16" => integer(16, false),
                    "u32" => integer(32, false),
                    "u64" => integer(64, false),
                    "i8" => integer(8, true),
                    "i16" => integer(16, true),
                    "i32" => integer(32, true),
                    "i64" => integer(64, true),
                    "usize" => Self::Integer { bits: 64, signed: false, size: true },
                    "isize" => Self::Integer { bits: 64, signed: true, size: true },
                    "bool" => Self::Bool,
                    "f32" => Self::F32,
                    "f64" => Self::F64,
                    "__m128i" => Self::Vector,
                    "Label" => Self::Label,
                    "CodeAddress" => Self::CodeAddress,
                    "Exit" => Self::Exit,
                    "u128" | "i128" | "char" | "str" => return Err(unsupported()),
                    _ => Self::Named(last.ident.clone()),
                })
            }
            _ => Err(unsupported()),
        }
    }

    /// The C declaration of `name` with this type; the type alone if `name` is empty.
    pub fn declare(&self, name: &str) -> String {
        match self {
            Self::Array(element, length) => element.declare(&format!("{name}[{length}]")),
            Self::Pointer { constant, to } => {
                let qualifier = if *constant { "const " } else { "" };
                // Only a pointer to an array needs parentheses.
                match to.as_deref() {
                    Some(array @ Self::Array(..)) => format!("{qualifier}{}", array.declare(&format!("(*{name})"))),
                    // The qualifier of a pointer that is pointed to follows its star.
                    Some(pointer @ Self::Pointer { .. }) if *constant => pointer.declare(&format!("const *{name}")),
                    Some(to) => format!("{qualifier}{}", to.declare(&format!("*{name}"))),
                    None => format!("{qualifier}void *{name}"),
                }
            }
            simple => format!("{} {name}", simple.spelling()).trim_end().to_owned(),
        }
    }

    fn spelling(&self) -> String {
        match self {
            Self::Integer { size: true, signed: false, .. } => "size_t".into(),
            Self::Integer { size: true, signed: true, .. } => "ptrdiff_t".into(),
            Self::Integer { bits, signed: false, .. } => format!("uint{bits}_t"),
            Self::Integer { bits, signed: true, .. } => format!("int{bits}_t"),
            Self::Bool => "bool".into(),
            Self::F32 => "float".into(),
            Self::F64 => "double".into(),
            // The definition of `__m128i` in the compilers' headers, which take long to read.
            Self::Vector => "long long __attribute__((vector_size(16)))".into(),
            Self::Named(name) => name.to_string(),
            Self::Label | Self::CodeAddress | Self::Exit | Self::Pointer { .. } | Self::Array(..) => {
                unreachable!("has a declarator or no C spelling")
            }
        }
    }

    /// The struct that a value of this type is or contains.
    pub fn contained(&self) -> Option<&Ident> {
        match self {
            Self::Named(name) => Some(name),
            Self::Array(element, _) => element.contained(),
            _ => None,
        }
    }

    /// The name behind any number of pointers. C must know it.
    pub fn pointee(&self) -> Option<&Ident> {
        match self {
            Self::Pointer { to: Some(to), .. } => match &**to {
                Self::Named(name) => Some(name),
                other => other.pointee(),
            },
            Self::Array(element, _) => element.pointee(),
            _ => None,
        }
    }

    /// The least and the greatest number of this type; none for 64 bits, and for what is no number.
    pub fn range(&self) -> Option<(i64, i64)> {
        match self {
            Self::Bool => Some((0, 1)),
            Self::Integer { bits: bits @ (8 | 16 | 32), signed: true, .. } => {
                Some((-1 << (bits - 1), (1 << (bits - 1)) - 1))
            }
            Self::Integer { bits: bits @ (8 | 16 | 32), signed: false, .. } => Some((0, (1 << bits) - 1)),
            _ => None,
        }
    }
}

/// Returns the expression in parentheses, or in the groups of a `macro_rules!` macro.
pub fn ungrouped(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => ungrouped(&group.expr),
        Expr::Paren(paren) => ungrouped(&paren.expr),
        value => value,
    }
}

/// Visits the names in a type that both languages have, each with the type that C takes it for.
pub fn names<'a>(ty: &'a syn::Type, visit: &mut impl FnMut(&'a syn::TypePath, Type)) {
    match ty {
        syn::Type::Group(group) => names(&group.elem, visit),
        syn::Type::Paren(paren) => names(&paren.elem, visit),
        syn::Type::Ptr(pointer) => names(&pointer.elem, visit),
        syn::Type::Array(array) => names(&array.elem, visit),
        syn::Type::Path(path) if !is_opaque(path) => {
            if let Ok(named) = Type::from_rust(ty) {
                visit(path, named);
            }
        }
        _ => {}
    }
}

/// Whether C has no name for the pointee.
fn is_opaque(path: &syn::TypePath) -> bool {
    has_arguments(path) || path.path.segments.last().is_some_and(|segment| segment.ident == "c_void")
}

fn has_arguments(path: &syn::TypePath) -> bool {
    path.path.segments.last().is_some_and(|segment| !segment.arguments.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(rust: &str) -> String {
        Type::from_rust(&syn::parse_str(rust).unwrap()).unwrap().declare("x")
    }

    #[test]
    fn c_declarations() {
        assert_eq!(declared("u8"), "uint8_t x");
        assert_eq!(declared("isize"), "ptrdiff_t x");
        assert_eq!(declared("*mut i64"), "int64_t *x");
        assert_eq!(declared("*const f32"), "const float *x");
        assert_eq!(declared("*mut *const u8"), "const uint8_t **x");
        assert_eq!(declared("*const *mut u8"), "uint8_t *const *x");
        assert_eq!(declared("*const std::ffi::c_void"), "const void *x");
        assert_eq!(declared("*mut ()"), "void *x");
        assert_eq!(declared("[[u16; 2]; 3]"), "uint16_t x[3][2]");
        assert_eq!(declared("*mut [u16; 2]"), "uint16_t (*x)[2]");
        assert_eq!(declared("[*mut u16; 2]"), "uint16_t *x[2]");
        assert_eq!(declared("crate::Vm"), "Vm x");
        assert_eq!(declared("*mut core::arch::x86_64::__m128i"), "long long __attribute__((vector_size(16))) *x");
        assert_eq!(declared("*const String"), "const String *x");
        assert_eq!(declared("*mut Vec<u8>"), "void *x");
    }

    #[test]
    fn refused() {
        for rust in ["&u8", "u128", "Vec<u8>", "(u8, u8)", "[u8; N]", "<T as U>::V", "*mut str"] {
            assert!(Type::from_rust(&syn::parse_str(rust).unwrap()).is_err(), "{rust}");
        }
    }
}
