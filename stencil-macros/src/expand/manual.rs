//! Writes the documentation of a block: a table of its uops, and a section for each.

use std::fmt::Write as _;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Visibility;

use super::{links, names, operand};
use crate::ast::{Block, Field, Parameter, Uop};
use crate::model::{Objects, Patch, PatchKind, Stencil, Value, stored};
use crate::observer;

/// Returns the documentation of a uop or a family, which follows the user's own. If the user wrote none, the first line
/// is a summary.
pub fn uop(block: &Block, uop: &Uop, members: &[Option<Stencil>]) -> String {
    let mut present = members.iter().flatten();
    let count = present.clone().count();
    let code = span(members, &|stencil| stencil.code.len());
    let mut text = if uop.is_family() {
        format!("A family of {count} stencils by {}, with {code} bytes of code.", parameters(uop))
    } else {
        format!("A stencil with {code} bytes of code.")
    };
    if uop.is_family() {
        text.push_str(" Members are numbered so that the last parameter changes fastest. The first member:");
    }
    if let Some(first) = present.next() {
        text.push_str("\n\n");
        text.push_str(&stencil(block, uop, first));
    }
    text
}

/// Returns the table of a family's members: their sizes, and for each operand the holes and the range.
pub fn members(uop: &Uop, members: &[Option<Stencil>]) -> String {
    let parameters = uop.parameters.iter().map(|parameter| format!("{} | ", parameter.name));
    let operands = uop.operands.iter().map(|field| format!(" holes of `{0}` | range of `{0}` |", field.name));
    let columns = uop.parameters.len() + 2 + 2 * uop.operands.len();
    let mut text = format!(
        "\n\nAll members, with sizes in bytes:\n\n| {}code | data |{}\n|{}\n",
        parameters.collect::<String>(),
        operands.collect::<String>(),
        "---:|".repeat(columns)
    );
    for (values, stencil) in uop.members().iter().zip(members) {
        let Some(stencil) = stencil else { continue };
        let values =
            uop.parameters.iter().zip(values).map(|(parameter, value)| format!("{} | ", parameter.text(*value)));
        let values: String = values.collect();
        let _ = write!(text, "| {values}{} | {} |", stencil.code.len(), stencil.data.len());
        for index in 0..uop.operands.len() {
            let _ = write!(text, " {} | {} |", holes(stencil, index), range(uop, index, stencil));
        }
        text.push('\n');
    }
    text
}

/// Returns the number of fields that hold an operand. The words of a vector are one.
fn holes(stencil: &Stencil, operand: usize) -> usize {
    let holds = |patch: &&Patch| patch.value == Value::Operand(operand) && !matches!(patch.kind, PatchKind::Word(1..));
    stencil.patches.iter().filter(holds).count()
}

/// Returns the values that a stencil takes of an operand, as text.
fn range(uop: &Uop, operand: usize, stencil: &Stencil) -> String {
    operand::range(uop, operand, stencil).map_or("all values".into(), |(min, max)| format!("{min} to {max}"))
}

/// Returns the parameters of a family with their values.
fn parameters(uop: &Uop) -> String {
    let text = |parameter: &Parameter| {
        let name = &parameter.name;
        if parameter.of.is_none() {
            return format!("`{name}` from {} to {}", parameter.start, parameter.end - 1);
        }
        let variants = parameter.variants.iter().map(|(variant, _)| format!("`{variant}`"));
        format!("`{name}` of {}", variants.collect::<Vec<_>>().join(", "))
    };
    uop.parameters.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Returns the minimum and the maximum of a quantity over all stencils.
fn span(members: &[Option<Stencil>], of: &dyn Fn(&Stencil) -> usize) -> String {
    let numbers = || members.iter().flatten().map(of);
    let (least, most) = (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0));
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

fn stencil(block: &Block, uop: &Uop, stencil: &Stencil) -> String {
    let mut text = String::new();
    let sizes = |bytes: &[u8]| (bytes.len(), stored(bytes).len());
    let ((code, code_stored), (data, data_stored)) = (sizes(&stencil.code), sizes(&stencil.data));
    let _ = write!(
        text,
        "| | bytes | stored |\n|---|---|---|\n| code | {code} | {code_stored} |\n| data | {data} | {data_stored} |\n\n"
    );
    if !uop.operands.is_empty() {
        text.push_str("| operand | type | holes | range |\n|---|---|---|---|\n");
        for (index, field) in uop.operands.iter().enumerate() {
            let (ty, holes, range) =
                (operand::type_text(&field.ty.rust), holes(stencil, index), range(uop, index, stencil));
            let _ = writeln!(text, "| `{}` | `{ty}` | {holes} | {range} |", field.name);
        }
        text.push('\n');
    }
    let calls: Vec<_> =
        links::callees(stencil).iter().map(|callee| format!("`{}`", links::callee_name(block, *callee))).collect();
    if !calls.is_empty() {
        let _ = write!(text, "Calls {}.\n\n", calls.join(", "));
    }
    let _ = write!(text, "```text\n{}\n```", stencil.disassembly);
    text
}

/// Returns the table of all uops of a block as attributes.
pub fn table(block: &Block, objects: &Objects) -> TokenStream {
    if block.uops.is_empty() {
        return quote!();
    }
    let head = "The uops of a block. Sizes are in bytes; stored bytes are in brackets where they are fewer. The range of a family \
                is that from its smallest to its largest stencil.\n\n\
                | uop | stencils | parameters | operands | code | data | patches | calls |\n\
                |---|---:|---|---|---:|---:|---:|---|";
    let uops = block.uops.iter().zip(&objects.uops).filter(|(uop, _)| uop.name != observer::NAME);
    let lines = uops.map(|(uop, members)| {
        let line = line(block, uop, members);
        quote! { #[doc = #line] }
    });
    quote! { #[doc = #head] #(#lines)* }
}

fn line(block: &Block, uop: &Uop, members: &[Option<Stencil>]) -> String {
    let present = || members.iter().flatten();
    let sizes = |of: fn(&Stencil) -> &Vec<u8>| {
        let (size, stored) =
            (span(members, &|stencil| of(stencil).len()), span(members, &|stencil| stored(of(stencil)).len()));
        if size == stored { size } else { format!("{size} ({stored})") }
    };
    let name = &uop.name;
    // rustdoc warns about a link to an item that has no page.
    let name = match uop.visibility {
        Visibility::Public(_) => format!("[`{name}`]({})", names::constant(uop)),
        _ => format!("`{name}`"),
    };
    let operand = |field: &Field| format!("`{}: {}`", field.name, operand::type_text(&field.ty.rust));
    let operands: Vec<_> = uop.operands.iter().map(operand).collect();
    let mut calls = Vec::new();
    for callee in present().flat_map(links::callees) {
        let name = format!("`{}`", links::callee_name(block, callee));
        if !calls.contains(&name) {
            calls.push(name);
        }
    }
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} |",
        present().count(),
        parameters(uop),
        operands.join(", "),
        sizes(|stencil| &stencil.code),
        sizes(|stencil| &stencil.data),
        span(members, &|stencil| stencil.patches.len()),
        calls.join(", ")
    )
}
