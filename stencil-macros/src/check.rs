//! What the grammar admits and the two languages do not: found before any C is compiled, all of it at once.

use std::collections::HashMap;

use proc_macro2::{Ident, Span};
use syn::Error;

use crate::ast::{Block, Field, MAX_MEMBERS, Typed};
use crate::ctype::Type;

/// The functions that every machine has; no uop can have these names.
pub const METHODS: [&str; 3] = ["compile", "compile_in", "bind"];
/// The parameters that the entry function's type is implemented for.
pub const MAX_REGISTERS: usize = 16;

/// Names that mean something else in C, of keywords, of the headers that every block includes, of our macros.
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
    "wchar_t",
    "CONTINUE",
    "JUMP",
    "CALL",
    "RETURN",
    "ADDRESS_OF",
    "linux",
    "unix",
    "main",
];

/// All mistakes, combined; none is left for later phases to stumble over.
pub fn check(block: &Block) -> Result<(), Error> {
    let mut all = block.mistakes.errors.clone();
    let mut error = |span: Span, message: String| all.push(Error::new(span, message));
    let structs: Vec<_> = block.structs.iter().map(|s| s.name.to_string()).collect();

    let all_names = (block.machine.parameters.iter().map(|field| &field.name))
        .chain(block.uops.iter().flat_map(|uop| uop.operands.iter().map(|field| &field.name)))
        .chain(block.uops.iter().flat_map(|uop| uop.parameters.iter().map(|parameter| &parameter.name)))
        .chain(block.externs.iter().map(|function| &function.name))
        .chain(block.externs.iter().flat_map(|function| function.parameters.iter().map(|field| &field.name)))
        .chain(block.structs.iter().flat_map(|s| std::iter::once(&s.name).chain(s.fields.iter().map(|f| &f.name))));
    for name in all_names {
        let text = name.to_string();
        if text.starts_with("r#") {
            error(name.span(), format!("C has no raw identifiers: rename `{text}`"));
        } else if RESERVED.contains(&text.as_str()) || text.starts_with("stencil_") || text.starts_with("__") {
            error(name.span(), format!("`{text}` means something else in C: choose another name"));
        }
    }

    let registers: Vec<_> = block.machine.parameters.iter().map(|field| &field.name).collect();
    distinct(&mut error, registers.iter().copied().map(|name| (name, "register")));
    let of_c = (block.structs.iter().map(|s| (&s.name, "struct")))
        .chain(block.externs.iter().map(|function| (&function.name, "host function")));
    distinct(&mut error, of_c);
    for function in &block.externs {
        distinct(&mut error, function.parameters.iter().map(|field| (&field.name, "parameter")));
    }
    for s in &block.structs {
        distinct(&mut error, s.fields.iter().map(|field| (&field.name, "field")));
    }
    if registers.len() > MAX_REGISTERS {
        let name = registers[MAX_REGISTERS];
        error(name.span(), format!("a machine has at most {MAX_REGISTERS} registers: keep the rest behind a pointer"));
    }
    for uop in &block.uops {
        let named = (registers.iter().copied().map(|name| (name, "register")))
            .chain(uop.parameters.iter().map(|parameter| (&parameter.name, "parameter")))
            .chain(uop.operands.iter().map(|field| (&field.name, "operand")));
        distinct(&mut error, named);
        if uop.count().is_none() {
            error(uop.name.span(), format!("a family has at most {MAX_MEMBERS} members, and this one has more"));
        }
        if let (Some(condition), false) = (&uop.condition, uop.is_family()) {
            let span = condition.clone().into_iter().next().map_or(uop.name.span(), |token| token.span());
            error(span, "`where` chooses among the members of a family, and this uop has no parameters".into());
        }
        if METHODS.iter().any(|method| uop.name == method) {
            error(uop.name.span(), format!("every machine has a function `{}` already: rename the uop", uop.name));
        }
    }
    // A uop makes three items; two uops of one name would make rustc report each of them.
    distinct(&mut error, block.uops.iter().map(|uop| (&uop.name, "uop")));

    // Types that the languages do not share, or that a place does not take.
    let mut typed = |ty: &Typed, place: Place| match (&ty.error, place.refuses(&ty.c, &structs)) {
        (Some(unknown), _) => all.push(unknown.clone()),
        (None, Some(message)) => all.push(Error::new(ty.span, message)),
        (None, None) => {}
    };
    let results = block.machine.output.iter().chain(block.externs.iter().filter_map(|f| f.output.as_ref()));
    results.for_each(|ty| typed(ty, Place::Result));
    let mut each = |fields: &[Field], place| fields.iter().for_each(|field| typed(&field.ty, place));
    each(&block.machine.parameters, Place::Register);
    block.externs.iter().for_each(|function| each(&function.parameters, Place::Parameter));
    block.structs.iter().for_each(|s| each(&s.fields, Place::Field));
    block.uops.iter().for_each(|uop| each(&uop.operands, Place::Operand));

    // In the order of the text, as far as it is from one file.
    all.sort_by_key(|error| (error.span().start().line, error.span().start().column));
    match all.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    }) {
        None => Ok(()),
        Some(all) => Err(all),
    }
}

/// Where a type stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Register,
    Result,
    Parameter,
    Field,
    Operand,
}

impl Place {
    /// Why a type cannot stand here, if it cannot.
    fn refuses(self, ty: &Type, structs: &[String]) -> Option<String> {
        let place = match self {
            Self::Register => "a register",
            Self::Result => "the result",
            Self::Parameter => "a parameter",
            Self::Field => "a field",
            Self::Operand => "an operand",
        };
        let pass = if self == Self::Result { "return" } else { "pass" };
        match ty {
            Type::Label if self == Self::Operand => None,
            Type::Label => Some(format!("{place} cannot be a Label: labels are operands of uops")),
            Type::Vector if self == Self::Operand => Some(format!(
                "{place} cannot be a vector, for which no hole is wide enough: use two operands of type u64"
            )),
            Type::Array(element, _) if self == Self::Field => self.refuses(element, structs),
            Type::Array(..) => Some(format!("{place} cannot be an array: {pass} a pointer")),
            Type::Named(name) if self != Self::Field => {
                Some(format!("{place} cannot have the type `{name}`: {pass} a pointer"))
            }
            Type::Named(name) if !structs.contains(&name.to_string()) => {
                Some(format!("{place} cannot have the type `{name}`: declare it as a `struct` of this block"))
            }
            Type::Pointer { to: Some(to), .. } => behind_pointer(to, structs),
            _ => None,
        }
    }
}

/// Why C cannot point to a type, if it cannot.
fn behind_pointer(ty: &Type, structs: &[String]) -> Option<String> {
    match ty {
        Type::Pointer { to: Some(to), .. } => behind_pointer(to, structs),
        Type::Label => Some("a pointer cannot point to a Label: labels are operands of uops".into()),
        Type::Array(element, _) => match &**element {
            Type::Named(name) if !structs.contains(&name.to_string()) => Some(format!(
                "C does not know the size of the array's elements: declare `{name}` as a `struct` of this block, or \
                 point to one element"
            )),
            element => behind_pointer(element, structs),
        },
        _ => None,
    }
}

fn distinct<'a>(error: &mut impl FnMut(Span, String), names: impl Iterator<Item = (&'a Ident, &'static str)>) {
    let mut seen = HashMap::new();
    for (name, kind) in names {
        if let Some(before) = seen.insert(name.to_string(), kind) {
            let article = if before.starts_with('o') { "an" } else { "a" };
            error(name.span(), format!("`{name}` is the name of {article} {before} already"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals(block: &str) -> Vec<String> {
        let block: Block = syn::parse_str(&format!("machine A(x: u64) -> u64; {block}")).unwrap();
        check(&block).err().into_iter().flatten().map(|error| error.to_string()).collect()
    }

    #[test]
    fn types_have_their_places() {
        for fine in [
            "uop u(a: Label, b: *mut *const Thing, c: *mut [u8; 4], d: *mut [S; 2]) {} struct S { a: [[u8; 2]; 2], t: T } \
             struct T = a::T { .. }",
            "extern fn f(a: *mut c_void, b: f32) -> bool = f;",
            "extern fn f(a: __m128i) -> __m128i = f; struct S { a: __m128i } uop u(a: *mut __m128i) {}",
        ] {
            assert_eq!(refusals(fine), [""; 0], "{fine}");
        }
        for wrong in [
            "uop u(a: [u8; 4]) {}",
            "uop u(a: Thing) {}",
            "uop u(a: __m128i) {}",
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
    fn families_are_counted_without_being_made() {
        assert_eq!(refusals("uop u<const A: 0..4096>() {}"), [""; 0]);
        assert_eq!(refusals("uop u<const A: 0..4097>() {}").len(), 1);
        assert_eq!(
            refusals("uop u<const A: 0..=18446744073709551615, const B: 0..=18446744073709551615>() {}").len(),
            1
        );
    }
}
