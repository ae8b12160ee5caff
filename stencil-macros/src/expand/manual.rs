//! Writes the documentation of a block: a table of its uops, and a section for each.

use std::fmt::Write as _;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Visibility;

use super::{links, names, operand};
use crate::ast::{Block, Field, Uop};
use crate::model::{Objects, PatchKind, Stencil, Value, stored};

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
        text.push_str(" Members are numbered so that the last parameter changes fastest. This is the first one:");
    }
    if let Some(first) = present.next() {
        text.push_str("\n\n");
        text.push_str(&stencil(block, uop, first));
    }
    text
}

/// Returns the parameters of a family with their ranges.
fn parameters(uop: &Uop) -> String {
    let all = uop.parameters.iter().map(|p| format!("`{}` from {} to {}", p.name, p.start, p.end - 1));
    all.collect::<Vec<_>>().join(", ")
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
            // The words of a vector are one hole.
            let holes = stencil
                .patches
                .iter()
                .filter(|patch| patch.value == Value::Operand(index) && !matches!(patch.kind, PatchKind::Word(1..)));
            let holes = holes.count();
            let range =
                operand::range(uop, index, stencil).map_or("all values".into(), |(min, max)| format!("{min} to {max}"));
            let _ =
                writeln!(text, "| `{}` | `{}` | {holes} | {range} |", field.name, operand::type_text(&field.ty.rust));
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
    let lines = block.uops.iter().zip(&objects.uops).map(|(uop, members)| {
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
