//! Mistakes that the grammar admits and that need no C compiler to be found. All of them are reported at once.

use std::collections::HashMap;

use proc_macro2::{Ident, Span};
use syn::Error;
use syn::spanned::Spanned as _;

use crate::ast::{Block, Constant, Field, MAX_MEMBERS, Machine, Parameter, Struct, StructKind, Typed};
use crate::ctype::{self, Type};
use crate::default;
use crate::isa::{MAX_INTEGERS, MAX_VECTORS, SCRATCH};
use crate::suggest;

/// The functions that every machine has. No uop can have one of these names.
const METHODS: [&str; 4] = ["compile", "compile_in", "compile_fragment_in", "bind"];
/// The function of a machine that has an interpreter.
const INTERPRETER: &str = "interpreter";

/// Returns whether the machine has a function of this name.
pub fn is_method(block: &Block, name: &Ident) -> bool {
    METHODS.iter().any(|method| name == method) || block.machine.interpreter.is_some() && name == INTERPRETER
}

/// The most parameters of an entry function: `Entry` is implemented for as many.
pub const MAX_REGISTERS: usize = MAX_INTEGERS + MAX_VECTORS;

/// Words that have a meaning in C: keywords, names of the headers that every block includes, and our macros.
pub const RESERVED: &[&str] = &[
    "asm",
    "auto",
    "bool",
    "break",
    "case",
    "char",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "false",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "register",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "struct",
    "switch",
    "true",
    "typedef",
    "typeof",
    "union",
    "unsigned",
    "void",
    "volatile",
    "while",
    "NULL",
    "offsetof",
    "size_t",
    "ptrdiff_t",
    "int8_t",
    "int16_t",
    "int32_t",
    "int64_t",
    "intptr_t",
    "uint8_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "uintptr_t",
    "CONTINUE",
    "JUMP",
    "CALL",
    "RETURN",
    "ADDRESS_OF",
    "linux",
    "unix",
    "main",
    "wchar_t",
    "max_align_t",
];

/// Whether a name is a word of C, a name from the headers that every block includes, or one of the macro's own.
fn is_word(name: &str) -> bool {
    RESERVED.contains(&name) || name.starts_with("stencil_") || name.starts_with("STENCIL_") || is_of_stdint(name)
}

/// Whether a name means something else in C. C reserves names that begin with `__` or with `_` and a capital. `<stdint.h>` has a type
/// and constants for each kind of integer.
fn is_reserved(name: &str) -> bool {
    let implementation = name.strip_prefix('_').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    is_word(name) || name.starts_with("__") || implementation
}

/// Whether a name has the form of those in `<stdint.h>`: `uint_fast8_t`, `INT32_MAX`, `UINTMAX_C`, `SIZE_MAX`.
fn is_of_stdint(name: &str) -> bool {
    let integer = |name: &str| {
        let kind = name.strip_prefix('u').unwrap_or(name).strip_prefix("int")?;
        let width = kind.strip_prefix("_least").or(kind.strip_prefix("_fast")).unwrap_or(kind);
        ["8", "16", "32", "64", "ptr", "max"].contains(&width).then_some(())
    };
    if let Some(name) = name.strip_suffix("_t") {
        return integer(name).is_some();
    }
    let Some((name, limit)) = name.rsplit_once('_') else { return false };
    let others = ["SIZE", "PTRDIFF", "WCHAR", "WINT", "SIG_ATOMIC"];
    let of_constants = others.contains(&name)
        || name.bytes().all(|b| !b.is_ascii_lowercase()) && integer(&name.to_ascii_lowercase()).is_some();
    ["MAX", "MIN", "WIDTH", "C"].contains(&limit) && of_constants
}

/// Checks that a machine does not declare more registers than `preserve_none` passes, nor unknown scratch registers.
fn registers_fit(error: &mut impl FnMut(Span, String), machine: &Machine) {
    let scratch = &machine.scratch;
    for name in scratch.iter().filter(|name| SCRATCH.iter().all(|scratch| *name != scratch.name)) {
        let known = SCRATCH.map(|scratch| format!("`{}`", scratch.name)).join(", ");
        let message = format!(
            "expected a register that instructions use implicitly ({known}), found `{name}`; to leave others to the \
             bodies, declare fewer registers"
        );
        error(name.span(), message);
    }
    distinct(error, scratch.iter().map(|name| (name, "scratch register")));
    let (vectors, integers): (Vec<_>, Vec<_>) =
        machine.parameters.iter().partition(|field| field.ty.c.is_in_vector_register());
    let left = match scratch.len() {
        0 => String::new(),
        reserved => format!(", of which `scratch` reserves {reserved}"),
    };
    let most_integers = MAX_INTEGERS.saturating_sub(scratch.len());
    let kinds = [
        (integers, most_integers, format!("{MAX_INTEGERS} registers for integers and pointers{left}")),
        (vectors, MAX_VECTORS, format!("{MAX_VECTORS} registers for floats and vectors")),
    ];
    for (fields, most, available) in kinds {
        if let Some(field) = fields.get(most) {
            let message = format!("a machine has {available}: move the rest into a struct, and pass a pointer to it");
            error(field.name.span(), message);
        }
    }
}

/// Checks that initial values are literals of the registers' types, and that nothing else has one.
fn initial_values(error: &mut impl FnMut(Span, String), block: &Block) {
    for register in &block.machine.parameters {
        let Some(value) = &register.default else { continue };
        if block.machine.continued.is_some() {
            let message = "initial values belong to the machine's declaration: remove this here";
            error(value.span(), message.into());
        } else if let (Err(why), None) = (default::c(&register.ty.c, value), &register.ty.error) {
            error(why.span(), why.to_string());
        }
    }
    let others = (block.uops.iter().flat_map(|uop| &uop.operands))
        .chain(block.externs.iter().flat_map(|item| item.parameters()))
        .chain(block.structs.iter().flat_map(|s| &s.fields));
    for value in others.filter_map(|field| field.default.as_ref()) {
        error(value.span(), "only a register of a machine has an initial value: remove this".into());
    }
}

/// Checks that the value of a constant is one of its type.
fn constant_fits(error: &mut impl FnMut(Span, String), constant: &Constant) {
    let Some((least, most)) = constant.range().filter(|_| constant.ty.error.is_none()) else {
        let message = "a constant of both languages is an integer, such as a `usize`";
        return error(constant.ty.span, message.into());
    };
    if !(least..=most).contains(&constant.value) {
        error(
            constant.name.span(),
            format!("the value {} does not fit the type: {least} to {most} fit", constant.value),
        );
    }
}

/// Checks a block.
///
/// # Errors
/// All mistakes, combined. Later phases rely on there being none.
pub fn check(block: &Block) -> Result<(), Error> {
    let mut all = block.mistakes.errors.clone();
    let mut error = |span: Span, message: String| all.push(Error::new(span, message));
    let known = Known::of(block);

    let all_names = (block.machine.names())
        .chain(block.constants.iter().map(|constant| &constant.name))
        .chain(block.uops.iter().flat_map(|uop| uop.operands.iter().map(|field| &field.name)))
        .chain(block.uops.iter().flat_map(|uop| uop.parameters.iter().map(|parameter| &parameter.name)))
        .chain(block.externs.iter().flat_map(|item| item.parameters().iter().map(|field| &field.name)))
        .chain(block.structs.iter().filter(|s| !s.in_c).map(|s| &s.name))
        .chain(block.structs.iter().flat_map(|s| s.fields.iter().map(|field| &field.name)));
    let variants: Vec<_> =
        { block.enums.iter() }.flat_map(|e| e.variants.iter().map(|variant| e.constant(variant))).collect();
    let all_names = all_names.chain(&variants).map(|name| (name, true));
    // C libraries have names that are reserved for the implementation, and names of types that C declares may be so.
    let of_c = (block.externs.iter().map(|item| &item.name))
        .chain(block.structs.iter().filter(|s| s.in_c).map(|s| &s.name))
        .map(|name| (name, false));
    for (name, ours) in all_names.chain(of_c) {
        let text = name.to_string();
        if text.starts_with("r#") {
            error(name.span(), format!("C has no raw identifiers: rename `{text}`"));
        } else if is_word(&text) || ours && is_reserved(&text) {
            error(name.span(), format!("`{text}` means something else in C: choose another name"));
        }
    }

    let registers: Vec<_> = block.machine.names().collect();
    distinct(&mut error, registers.iter().copied().map(|name| (name, "register")));
    let of_c = (block.structs.iter().map(|s| (&s.name, "struct")))
        .chain(
            block.externs.iter().map(|item| (&item.name, if item.is_function() { "host function" } else { "static" })),
        )
        // In C, an array is a function-like macro.
        .chain(block.machine.arrays.iter().map(|array| (&array.name, "register")))
        .chain(block.constants.iter().map(|constant| (&constant.name, "constant")))
        .chain(block.enums.iter().map(|e| (&e.name, "enum")))
        .chain(variants.iter().map(|name| (name, "constant")));
    distinct(&mut error, of_c);
    for e in &block.enums {
        let mut seen = HashMap::new();
        for variant in &e.variants {
            if let Some(other) = seen.insert(variant.value, &variant.name) {
                error(
                    variant.name.span(),
                    format!("`{}` and `{other}` have the same value, {}", variant.name, variant.value),
                );
            }
        }
    }
    for function in &block.externs {
        distinct(&mut error, function.parameters().iter().map(|field| (&field.name, "parameter")));
    }
    for s in &block.structs {
        distinct(&mut error, s.fields.iter().map(|field| (&field.name, "field")));
    }
    for s in &block.structs {
        if ctype::NAMES.iter().any(|name| s.name == name && !is_reserved(name)) {
            let message = format!("`{0}` is already the name of a type of both languages: rename the struct", s.name);
            error(s.name.span(), message);
        }
    }
    registers_fit(&mut error, &block.machine);
    initial_values(&mut error, block);
    block.constants.iter().for_each(|constant| constant_fits(&mut error, constant));
    for uop in &block.uops {
        let named = (registers.iter().copied().map(|name| (name, "register")))
            .chain(uop.parameters.iter().map(|parameter| (&parameter.name, "parameter")))
            .chain(uop.operands.iter().map(|field| (&field.name, "operand")));
        distinct(&mut error, named);
        if uop.count().is_none() {
            let mut message =
                format!("this family has more than {MAX_MEMBERS} members, the most that a family can have");
            let has_gaps =
                |parameter: &Parameter| parameter.of.is_some() && parameter.range().len() > parameter.variants.len();
            if uop.parameters.iter().any(has_gaps) {
                message.push_str("; the numbers between the discriminants of an enum count as well");
            }
            error(uop.name.span(), message);
        }
        if let (Some(condition), false) = (&uop.condition, uop.is_family()) {
            let span = condition.clone().into_iter().next().map_or(uop.name.span(), |token| token.span());
            error(span, "`where` selects members of a family, but this uop has no parameters".into());
        }
        if is_method(block, &uop.name) {
            error(uop.name.span(), format!("the machine has a function `{}` already: rename the uop", uop.name));
        }
    }
    // rustc would report each of the items that two uops of one name become.
    distinct(&mut error, block.uops.iter().map(|uop| (&uop.name, "uop")));

    // Types that the languages do not share, or that are not possible where they stand.
    let mut typed = |ty: &Typed, place: Place| match (&ty.error, place.refuses(&ty.c, &known)) {
        (Some(unknown), _) => all.push(unknown.clone()),
        (None, Some(message)) => all.push(Error::new(ty.span, message)),
        (None, None) => {}
    };
    block.machine.output.iter().for_each(|ty| typed(ty, Place::Result));
    block.externs.iter().filter_map(|item| item.output()).for_each(|ty| typed(ty, Place::Returned));
    block.externs.iter().filter_map(|item| item.data()).for_each(|ty| typed(ty, Place::Static));
    let mut each = |fields: &[Field], place| fields.iter().for_each(|field| typed(&field.ty, place));
    each(&block.machine.parameters, Place::Register);
    block.externs.iter().for_each(|function| each(function.parameters(), Place::Parameter));
    block.structs.iter().for_each(|s| each(&s.fields, Place::Field));
    block.uops.iter().for_each(|uop| each(&uop.operands, Place::Operand));

    // In the order of the source, as far as it is in one file.
    all.sort_by_key(|error| (error.span().start().line, error.span().start().column));
    match all.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    }) {
        None => Ok(()),
        Some(all) => Err(all),
    }
}

/// The structs, unions and enumerations of a block.
struct Known {
    /// Those whose size both languages know.
    sized: Vec<String>,
    /// Those whose fields are all listed.
    whole: Vec<String>,
    enums: Vec<String>,
}

impl Known {
    fn of(block: &Block) -> Self {
        let names = |select: &dyn Fn(&Struct) -> bool| {
            block.structs.iter().filter(|s| select(s)).map(|s| s.name.to_string()).collect::<Vec<_>>()
        };
        Self {
            sized: names(&|s| !s.is_opaque()),
            whole: names(&|s| !s.in_c),
            enums: names(&|s| s.kind == StructKind::Enum),
        }
    }
}

/// The role of a type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Register,
    Result,
    /// The result of a host function.
    Returned,
    Parameter,
    Field,
    Operand,
    Static,
}

impl Place {
    /// The reason why a type cannot have this role, if there is one.
    fn refuses(self, ty: &Type, known: &Known) -> Option<String> {
        let place = match self {
            Self::Register => "a register",
            Self::Result | Self::Returned => "the result",
            Self::Parameter => "a parameter",
            Self::Field => "a field",
            Self::Operand => "an operand",
            Self::Static => "a static",
        };
        let has_size = matches!(self, Self::Field | Self::Static);
        // Both compilers pass a struct to C functions by the platform's rules, which depend on all its fields.
        let by_rules = matches!(self, Self::Parameter | Self::Returned);
        let pass = if matches!(self, Self::Result | Self::Returned) { "return" } else { "pass" };
        match ty {
            ty if ty.is_code() && self == Self::Operand => None,
            Type::Label => Some(format!("{place} cannot be a Label: labels are operands of uops")),
            Type::Exit => Some(format!("{place} cannot be a CodeExit: exits are operands of uops")),
            Type::CodeAddress => Some(format!(
                "{place} cannot be a CodeAddress: it is an operand of uops; a code address at run time is a `*const u8`"
            )),
            Type::Array(element, _) if has_size => self.refuses(element, known),
            Type::Array(..) if self == Self::Register => {
                Some("an array of registers cannot contain arrays: declare one array".into())
            }
            Type::Array(..) => Some(format!("{place} cannot be an array: {pass} a pointer")),
            Type::Named(name) if has_size && known.sized.contains(&name.to_string()) => None,
            Type::Named(name) if by_rules && known.whole.contains(&name.to_string()) => None,
            Type::Named(name) if self != Self::Result && known.enums.contains(&name.to_string()) => None,
            Type::Named(name) if by_rules && known.sized.contains(&name.to_string()) => Some(format!(
                "{place} cannot be a `{name}` by value: how it is passed depends on fields that `..` may hide. List all fields, or leave \
                 the function's type to C: `extern fn name(..);`"
            )),
            Type::Function(function) => {
                let parameters = function.parameters.iter().find_map(|ty| Self::Parameter.refuses(ty, known));
                parameters.or_else(|| function.output.as_ref().and_then(|ty| Self::Returned.refuses(ty, known)))
            }
            Type::Named(name) => {
                let remedy = match suggest::nearest(&name.to_string(), ctype::NAMES.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None if self == Self::Static => {
                        "declare it as a `struct` of this block, or leave the type to C: `extern static name: ..;`"
                            .into()
                    }
                    None if has_size => "declare it as a `struct` of this block".into(),
                    None => format!("{pass} a pointer"),
                };
                let separator = if remedy.ends_with('?') { ';' } else { ':' };
                Some(format!("{place} cannot have the type `{name}`{separator} {remedy}"))
            }
            Type::Pointer { to: Some(to), .. } => behind_pointer(to, known),
            _ => None,
        }
    }
}

/// The reason why C cannot point to a type, if there is one.
fn behind_pointer(ty: &Type, known: &Known) -> Option<String> {
    match ty {
        Type::Pointer { to: Some(to), .. } => behind_pointer(to, known),
        Type::Label => Some("a pointer cannot point to a Label: labels are operands of uops".into()),
        Type::Exit => Some("a pointer cannot point to a CodeExit: exits are operands of uops".into()),
        Type::CodeAddress => Some(
            "a pointer cannot point to a CodeAddress: it is an operand of uops; a code address at run time is a `*const u8`".into(),
        ),
        Type::Array(element, _) => match &**element {
            Type::Named(name) if !known.sized.contains(&name.to_string()) => Some(format!(
                "C does not know the size of the array's elements: declare `{name}` as a `struct` of this block, or \
                 point to one element"
            )),
            element => behind_pointer(element, known),
        },
        _ => None,
    }
}

fn distinct<'a>(error: &mut impl FnMut(Span, String), names: impl Iterator<Item = (&'a Ident, &'static str)>) {
    let mut seen = HashMap::new();
    for (name, kind) in names {
        if let Some(before) = seen.insert(name.to_string(), kind) {
            let article = if before.starts_with(['e', 'o']) { "an" } else { "a" };
            error(name.span(), format!("`{name}` is already the name of {article} {before}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::Conditions;

    fn refusals(block: &str) -> Vec<String> {
        let tokens = format!("machine A(x: u64) -> u64; {block}").parse().unwrap();
        let (block, _) = crate::parse::block(tokens, Conditions::default()).unwrap();
        check(&block).err().into_iter().flatten().map(|error| error.to_string()).collect()
    }

    #[test]
    fn types_are_allowed_only_in_certain_positions() {
        for fine in [
            "uop u(a: Label, b: *mut *const Thing, c: *mut [u8; 4], d: *mut [S; 2]) {} struct S { a: [[u8; 2]; 2], t: T } \
             struct T = a::T { .. }",
            "extern fn f(a: *mut c_void, b: f32) -> bool = f;",
            "extern fn f(a: __m128i) -> __m128i = f; struct S { a: __m256d } uop u(a: *mut __m512i, b: __m128) {}",
        ] {
            assert_eq!(refusals(fine), [""; 0], "{fine}");
        }
        for wrong in [
            "uop u(a: [u8; 4]) {}",
            "uop u(a: Thing) {}",
            "uop u(a: *mut Label) {}",
            "uop u(a: *mut [*const Label; 2]) {}",
            "uop u(a: *mut [Thing; 2]) {}",
            "uop u(a: &u8) {}",
            "struct S { a: [Label; 2] }",
            "struct S { a: [Thing; 2] }",
            "extern fn f() -> [u8; 2] = f;",
            "extern fn f(a: Label) = f;",
        ] {
            assert_eq!(refusals(wrong).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn all_mistakes_in_the_order_of_the_text() {
        let refusals = refusals("uop u(x: u8, a: &u8, int: u8) {} struct S { a: str, a: u8 } uop u() {}");
        let starts: Vec<_> = refusals.iter().map(|message| message.split(' ').next().unwrap()).collect();
        assert_eq!(starts, ["`x`", "not", "`int`", "not", "`a`", "`u`"]);
    }

    #[test]
    fn names_of_c_are_reserved() {
        for name in [
            "int",
            "INT32_MAX",
            "UINT8_MAX",
            "UINT_FAST16_MAX",
            "INTPTR_MIN",
            "UINTMAX_C",
            "SIZE_MAX",
            "SIG_ATOMIC_MIN",
            "uint8_t",
            "int_least64_t",
            "uintmax_t",
            "max_align_t",
            "_Bool",
            "_Alignof",
            "_Static_assert",
            "__LINE__",
            "__x",
            "stencil_x",
            "STENCIL_X",
            "INT8_WIDTH",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in
            ["x", "_x", "_1", "_", "int_", "INT32", "MAX", "N_MAX", "int32_max", "point_t", "uint24_t", "printf", "u63"]
        {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn families_are_counted_without_being_made() {
        assert_eq!(refusals("uop u<const A: 0..4096>() {}"), [""; 0]);
        assert_eq!(refusals("uop u<const A: 0..4097>() {}").len(), 1);
        assert_eq!(
            refusals("uop u<const A: 0..=18446744073709551615, const B: 0..=18446744073709551615>() {}").len(),
            1
        );
    }
}
