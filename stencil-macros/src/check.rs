//! What the grammar admits and the two languages do not: found before any C is compiled, all of it at once.

use std::collections::HashMap;

use proc_macro2::{Ident, Span};
use syn::Error;

use crate::ast::{Block, Field, Typed};
use crate::ctype::Type;

/// The most stencils that one family may have.
const MAX_MEMBERS: usize = 4096;
/// The parameters that the entry function's type is implemented for.
const MAX_REGISTERS: usize = 16;

/// Names that mean something else in C, of keywords, of the headers that every block includes, of our macros.
const RESERVED: &[&str] = &[
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
    let mut errors = Vec::new();
    let mut error = |span: Span, message: String| errors.push(Error::new(span, message));
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
    distinct(&mut error, block.structs.iter().map(|s| (&s.name, "struct")));
    distinct(&mut error, block.externs.iter().map(|function| (&function.name, "host function")));
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
        let members = uop.parameters.iter().try_fold(1_usize, |all, parameter| {
            all.checked_mul(parameter.range().len()).filter(|&all| all <= MAX_MEMBERS)
        });
        if members.is_none() {
            error(uop.name.span(), format!("a family has at most {MAX_MEMBERS} members"));
        }
        if let (Some(condition), false) = (&uop.condition, uop.is_family()) {
            let span = condition.clone().into_iter().next().map_or(uop.name.span(), |token| token.span());
            error(span, "`where` chooses among the members of a family, and this uop has no parameters".into());
        }
        if uop.name == "bind" || uop.name == "compile" {
            error(uop.name.span(), format!("every machine has a function `{}` already: rename the uop", uop.name));
        }
    }
    // A uop makes three items; two uops of one name would make rustc report each of them.
    distinct(&mut error, block.uops.iter().map(|uop| (&uop.name, "uop")));

    // Types that a place does not take.
    let mut by_value = |ty: &Typed, place: &str, field: bool| match &ty.c {
        Type::Array(..) if !field => error(ty.span, format!("{place} cannot be an array: pass a pointer")),
        Type::Label => error(ty.span, format!("{place} cannot be a Label: labels are operands of uops")),
        Type::Named(name) if !(field && structs.contains(&name.to_string())) => {
            let remedy = if field { "declare it as a `struct` of this block" } else { "pass a pointer" };
            error(ty.span, format!("{place} cannot have the type `{name}`: {remedy}"));
        }
        Type::Array(element, _) if matches!(**element, Type::Label) => {
            error(ty.span, format!("{place} cannot be a Label: labels are operands of uops"));
        }
        _ => {}
    };
    fn each<'a>(fields: impl IntoIterator<Item = &'a Field>, mut visit: impl FnMut(&'a Typed)) {
        fields.into_iter().for_each(|field| visit(&field.ty));
    }
    each(&block.machine.parameters, |ty| by_value(ty, "a register", false));
    block.machine.output.iter().for_each(|ty| by_value(ty, "the result", false));
    for function in &block.externs {
        each(&function.parameters, |ty| by_value(ty, "a parameter", false));
        function.output.iter().for_each(|ty| by_value(ty, "the result", false));
    }
    for s in &block.structs {
        each(&s.fields, |ty| by_value(ty, "a field", true));
    }
    for uop in &block.uops {
        each(uop.operands.iter().filter(|field| field.ty.c != Type::Label), |ty| by_value(ty, "an operand", false));
    }

    errors
        .into_iter()
        .reduce(|mut all, error| {
            all.combine(error);
            all
        })
        .map_or(Ok(()), Err)
}

fn distinct<'a>(error: &mut impl FnMut(Span, String), names: impl Iterator<Item = (&'a Ident, &'static str)>) {
    let mut seen = HashMap::new();
    for (name, kind) in names {
        if let Some(before) = seen.insert(name.to_string(), kind) {
            error(name.span(), format!("`{name}` is the name of a {before} already"));
        }
    }
}
