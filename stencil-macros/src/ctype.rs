//! Types that Rust and C share.

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, Result};

use crate::vector::Vector;

/// A type that both languages have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `u8` to `u64`, `i8` to `i64`, `usize`, `isize`.
    Integer {
        bits: u32,
        signed: bool,
        alias: Alias,
    },
    Bool,
    F32,
    F64,
    /// A vector of `core::arch`, in a vector register.
    Vector(&'static Vector),
    /// A raw pointer. `to` is `None` if C has no name for the pointee, such as `c_void`, `()` and generic types.
    Pointer {
        constant: bool,
        to: Option<Box<Type>>,
    },
    /// A position in the program; operands only.
    Label,
    /// A pointer to a function: `unsafe extern "C" fn(..)`, or `Option` of one.
    Function(Box<Function>),
    /// The address of code outside of the program; operands only.
    CodeAddress,
    /// A jump that can be linked to other code at run time; operands only.
    Exit,
    /// `[T; N]`; fields of a struct only.
    Array(Box<Type>, usize),
    /// A struct of the block, or, behind a pointer, any Rust type.
    Named(Ident),
}

/// The name of an integer in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    /// `uint8_t` and the like.
    Fixed,
    /// `size_t` and `ptrdiff_t`.
    Size,
    /// A type of C and of `core::ffi`: the name in Rust, and that in C.
    C(&'static str, &'static str),
}

/// The type of a function behind a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    pub parameters: Vec<Type>,
    /// Whether more arguments may follow (`...`).
    pub variadic: bool,
    pub output: Option<Type>,
    /// Whether Rust has an `Option` of the pointer, which may be null.
    pub nullable: bool,
}

/// The types that the macro knows by name.
pub const NAMES: [&str; 39] = [
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
    "__m128",
    "__m128d",
    "__m256i",
    "__m256",
    "__m256d",
    "__m512i",
    "__m512",
    "__m512d",
    "Label",
    "CodeAddress",
    "CodeExit",
    "c_void",
    "c_char",
    "c_schar",
    "c_uchar",
    "c_short",
    "c_ushort",
    "c_int",
    "c_uint",
    "c_long",
    "c_ulong",
    "c_longlong",
    "c_ulonglong",
    "c_float",
    "c_double",
];

/// The integers of `core::ffi`: the name, that of C, the bits, and whether there is a sign.
const INTEGERS_OF_C: [(&str, &str, u32, bool); 11] = [
    ("c_char", "char", 8, true),
    ("c_schar", "signed char", 8, true),
    ("c_uchar", "unsigned char", 8, false),
    ("c_short", "short", 16, true),
    ("c_ushort", "unsigned short", 16, false),
    ("c_int", "int", 32, true),
    ("c_uint", "unsigned int", 32, false),
    ("c_long", "long", 64, true),
    ("c_ulong", "unsigned long", 64, false),
    ("c_longlong", "long long", 64, true),
    ("c_ulonglong", "unsigned long long", 64, false),
];

const SUPPORTED: &str = "not a type that Rust and C share: use u8 to u64, i8 to i64, usize, isize, bool, f32, f64, the types of \
                         core::ffi, a vector such as __m128i, a raw pointer or an `extern \"C\" fn` pointer; a field may also be an array or another \
                         struct of the block, and an operand may also be a Label, a CodeAddress or a CodeExit";

impl Type {
    /// Returns whether conventions pass the type in a vector register, rather than in a general-purpose one.
    pub fn is_in_vector_register(&self) -> bool {
        matches!(self, Self::F32 | Self::F64 | Self::Vector(_))
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
            syn::Type::FnPtr(function) => Ok(Self::Function(Box::new(Function::from_rust(function, false)?))),
            syn::Type::Path(path) if path.qself.is_none() => {
                if let Some(function) = optional_function(path) {
                    return Ok(Self::Function(Box::new(Function::from_rust(function, true)?)));
                }
                let last = path.path.segments.last().ok_or_else(unsupported)?;
                if has_arguments(path) {
                    return Err(unsupported());
                }
                let integer = |bits, signed| Self::Integer { bits, signed, alias: Alias::Fixed };
                let name = last.ident.to_string();
                if let Some(vector) = Vector::named(&name) {
                    return Ok(Self::Vector(vector));
                }
                if let Some((rust, c, bits, signed)) = INTEGERS_OF_C.into_iter().find(|(rust, ..)| *rust == name) {
                    return Ok(Self::Integer { bits, signed, alias: Alias::C(rust, c) });
                }
                Ok(match name.as_str() {
                    "u8" => integer(8, false),
                    "u16" => integer(16, false),
                    "u32" => integer(32, false),
                    "u64" => integer(64, false),
                    "i8" => integer(8, true),
                    "i16" => integer(16, true),
                    "i32" => integer(32, true),
                    "i64" => integer(64, true),
                    "usize" => Self::Integer { bits: 64, signed: false, alias: Alias::Size },
                    "isize" => Self::Integer { bits: 64, signed: true, alias: Alias::Size },
                    "bool" => Self::Bool,
                    "f32" | "c_float" => Self::F32,
                    "f64" | "c_double" => Self::F64,
                    "Label" => Self::Label,
                    "CodeAddress" => Self::CodeAddress,
                    "CodeExit" => Self::Exit,
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
                // Only a pointer to an array or to a function needs parentheses.
                match to.as_deref() {
                    Some(array @ Self::Array(..)) => format!("{qualifier}{}", array.declare(&format!("(*{name})"))),
                    // The qualifier of a pointer that is pointed to follows its star.
                    Some(pointer @ (Self::Pointer { .. } | Self::Function(_))) if *constant => {
                        pointer.declare(&format!("const *{name}"))
                    }
                    Some(to) => format!("{qualifier}{}", to.declare(&format!("*{name}"))),
                    None => format!("{qualifier}void *{name}"),
                }
            }
            Self::Function(function) => {
                let parameters: Vec<_> = function.parameters.iter().map(|ty| ty.declare("")).collect();
                let parameters = match (parameters.is_empty(), function.variadic) {
                    (true, _) => "void".into(),
                    (false, false) => parameters.join(", "),
                    (false, true) => format!("{}, ...", parameters.join(", ")),
                };
                let declarator = format!("(*{name})({parameters})");
                function.output.as_ref().map_or_else(|| format!("void {declarator}"), |ty| ty.declare(&declarator))
            }
            simple => format!("{} {name}", simple.spelling()).trim_end().to_owned(),
        }
    }

    fn spelling(&self) -> String {
        match self {
            Self::Integer { alias: Alias::C(_, name), .. } => (*name).into(),
            Self::Integer { alias: Alias::Size, signed: false, .. } => "size_t".into(),
            Self::Integer { alias: Alias::Size, signed: true, .. } => "ptrdiff_t".into(),
            Self::Integer { bits, signed: false, .. } => format!("uint{bits}_t"),
            Self::Integer { bits, signed: true, .. } => format!("int{bits}_t"),
            Self::Bool => "bool".into(),
            Self::F32 => "float".into(),
            Self::F64 => "double".into(),
            Self::Vector(vector) => vector.c.into(),
            Self::Named(name) => name.to_string(),
            Self::Label
            | Self::CodeAddress
            | Self::Exit
            | Self::Pointer { .. }
            | Self::Array(..)
            | Self::Function(_) => {
                unreachable!("has a declarator or no C spelling")
            }
        }
    }

    /// Returns the size in bytes of the variable that C declares for an operand of the type.
    pub fn operand_size(&self) -> usize {
        match self {
            Self::Integer { bits, .. } => *bits as usize / 8,
            Self::Bool => 1,
            Self::F32 => 4,
            Self::Vector(vector) => vector.bytes,
            _ => 8,
        }
    }

    /// Returns the number of 64-bit words that an instruction holds an operand of the type in.
    pub fn words(&self) -> usize {
        if let Self::Vector(vector) = self { vector.words() } else { 1 }
    }

    /// The struct that a value of this type is or contains.
    pub fn contained(&self) -> Option<&Ident> {
        match self {
            Self::Named(name) => Some(name),
            Self::Array(element, _) => element.contained(),
            _ => None,
        }
    }

    /// The names behind any number of pointers. C must know them.
    pub fn pointees(&self) -> Vec<&Ident> {
        match self {
            Self::Pointer { to: Some(to), .. } => match &**to {
                Self::Named(name) => vec![name],
                other => other.pointees(),
            },
            Self::Array(element, _) => element.pointees(),
            Self::Function(function) => function.types().flat_map(Self::pointees).collect(),
            _ => Vec::new(),
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

impl Function {
    fn from_rust(function: &syn::TypeFnPtr, nullable: bool) -> Result<Self> {
        let abi = function.abi.as_ref().map(|abi| abi.name.as_ref().map_or("C".into(), syn::LitStr::value));
        if abi.as_deref() != Some("C") {
            let message = "C calls functions by its own convention: write `unsafe extern \"C\" fn(...)`";
            return Err(Error::new(function.fn_token.span, message));
        }
        let parameters = function.inputs.iter().map(|input| Type::from_rust(&input.ty)).collect::<Result<_>>()?;
        let output = match &function.output {
            syn::ReturnType::Default => None,
            syn::ReturnType::Type(_, ty) => Some(Type::from_rust(ty)?),
        };
        Ok(Self { parameters, variadic: function.variadic.is_some(), output, nullable })
    }

    /// The types of the parameters and the result.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.parameters.iter().chain(&self.output)
    }
}

/// Returns the function of an `Option<unsafe extern "C" fn(..)>`.
fn optional_function(path: &syn::TypePath) -> Option<&syn::TypeFnPtr> {
    let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(syn::Type::FnPtr(function)) if arguments.args.len() == 1 => Some(function),
        _ => None,
    }
}

/// Visits the names in a type that both languages have, each with the type that C takes it for.
pub fn names<'a>(ty: &'a syn::Type, visit: &mut dyn FnMut(&'a syn::TypePath, Type)) {
    let function = |function: &'a syn::TypeFnPtr, visit: &mut dyn FnMut(&'a syn::TypePath, Type)| {
        function.inputs.iter().for_each(|input| names(&input.ty, visit));
        if let syn::ReturnType::Type(_, ty) = &function.output {
            names(ty, visit);
        }
    };
    match ty {
        syn::Type::Group(group) => names(&group.elem, visit),
        syn::Type::Paren(paren) => names(&paren.elem, visit),
        syn::Type::Ptr(pointer) => names(&pointer.elem, visit),
        syn::Type::Array(array) => names(&array.elem, visit),
        syn::Type::FnPtr(pointer) => function(pointer, visit),
        syn::Type::Path(path) if optional_function(path).is_some() => {
            optional_function(path).into_iter().for_each(|pointer| function(pointer, visit));
        }
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
        assert_eq!(declared("*const __m256"), "const float __attribute__((vector_size(32))) *x");
        assert_eq!(declared("__m512d"), "double __attribute__((vector_size(64))) x");
        assert_eq!(declared("*const String"), "const String *x");
        assert_eq!(declared("*mut Vec<u8>"), "void *x");
        assert_eq!(declared("core::ffi::c_ulonglong"), "unsigned long long x");
        assert_eq!(declared("*const c_char"), "const char *x");
        assert_eq!(declared("*mut *const c_char"), "const char **x");
        assert_eq!(declared("unsafe extern \"C\" fn()"), "void (*x)(void)");
        assert_eq!(
            declared("Option<unsafe extern \"C\" fn(*const c_char, ...) -> c_int>"),
            "int (*x)(const char *, ...)"
        );
        assert_eq!(declared("[extern \"C\" fn(a: f64) -> *mut T; 3]"), "T *(*x[3])(double)");
        assert_eq!(declared("*const extern \"C\" fn(u8)"), "void (*const *x)(uint8_t)");
        assert_eq!(declared("*mut extern fn() -> extern fn(u8) -> u16"), "uint16_t (*(**x)(void))(uint8_t)");
    }

    #[test]
    fn refused() {
        for rust in [
            "&u8",
            "u128",
            "Vec<u8>",
            "(u8, u8)",
            "[u8; N]",
            "<T as U>::V",
            "*mut str",
            "fn(u8)",
            "extern \"system\" fn()",
            "Option<u8>",
        ] {
            assert!(Type::from_rust(&syn::parse_str(rust).unwrap()).is_err(), "{rust}");
        }
    }
}
