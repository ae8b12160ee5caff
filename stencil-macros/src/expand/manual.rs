//! The manual of a block in rustdoc: a table of its uops and a page for each.

use std::fmt::Write as _;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Visibility;

use super::{describe, emit};
use crate::ast::{Block, Field, Uop};
use crate::model::{Objects, Stencil, Value, stored};

/// Returns the page of a stencil.
pub fn stencil(block: &Block, uop: &Uop, stencil: &Stencil) -> String {
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
            let holes = stencil.patches.iter().filter(|patch| patch.value == Value::Operand(index)).count();
            let range = describe::range(uop, index, stencil)
                .map_or("all values".into(), |(min, max)| format!("{min} to {max}"));
            let _ =
                writeln!(text, "| `{}` | `{}` | {holes} | {range} |", field.name, describe::type_text(&field.ty.rust));
        }
        text.push('\n');
    }
    let calls: Vec<_> =
        emit::callees(stencil).iter().map(|callee| format!("`{}`", emit::callee_name(block, *callee))).collect();
    if !calls.is_empty() {
        let _ = write!(text, "Calls {}.\n\n", calls.join(", "));
    }
    let _ = write!(text, "```text\n{}\n```", stencil.disassembly);
    text
}

/// Returns the page of a family: its parameters and its first stencil.
pub fn family(block: &Block, uop: &Uop, members: &[Option<Stencil>]) -> String {
    let parameters: Vec<_> =
        uop.parameters.iter().map(|p| format!("`{}` from {} to {}", p.name, p.start, p.end - 1)).collect();
    let present = || members.iter().flatten();
    let mut text = format!(
        "A family of {} stencils, by {}: the last parameter varies fastest. The first member:\n\n",
        present().count(),
        parameters.join(", ")
    );
    if let Some(first) = present().next() {
        text.push_str(&stencil(block, uop, first));
    }
    text
}

/// Returns the table of a block's uops, as attributes. A line has the `cfg` conditions of its uop.
pub fn table(block: &Block, objects: &Objects) -> TokenStream {
    if block.uops.is_empty() {
        return quote!();
    }
    let head = "The uops of a block. Sizes are in bytes, with the stored bytes in brackets where they are fewer. For a \
                family they range from its smallest to its largest stencil.\n\n\
                | uop | stencils | operands | code | data | patches | calls |\n\
                |---|---:|---|---:|---:|---:|---|";
    let lines = block.uops.iter().zip(&objects.uops).map(|(uop, members)| {
        let line = line(block, uop, members);
        let conditions = uop.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
        let conditions = conditions.filter_map(|attribute| attribute.meta.require_list().ok()).map(|list| &list.tokens);
        quote! { #[cfg_attr(all(#(#conditions),*), doc = #line)] }
    });
    quote! { #[doc = #head] #(#lines)* }
}

fn line(block: &Block, uop: &Uop, members: &[Option<Stencil>]) -> String {
    let present = || members.iter().flatten();
    let span = |of: &dyn Fn(&Stencil) -> usize| {
        let (least, most) = (present().map(of).min().unwrap_or(0), present().map(of).max().unwrap_or(0));
        if least == most { least.to_string() } else { format!("{least} to {most}") }
    };
    let sizes = |of: fn(&Stencil) -> &Vec<u8>| {
        let (size, stored) = (span(&|stencil| of(stencil).len()), span(&|stencil| stored(of(stencil)).len()));
        if size == stored { size } else { format!("{size} ({stored})") }
    };
    let name = &uop.name;
    // Rustdoc warns about links to items without a page.
    let name = match uop.visibility {
        Visibility::Public(_) => format!("[`{name}`]({})", describe::constant(uop)),
        _ => format!("`{name}`"),
    };
    let operand = |field: &Field| format!("`{}: {}`", field.name, describe::type_text(&field.ty.rust));
    let operands: Vec<_> = uop.operands.iter().map(operand).collect();
    let mut calls = Vec::new();
    for callee in present().flat_map(emit::callees) {
        let name = format!("`{}`", emit::callee_name(block, callee));
        if !calls.contains(&name) {
            calls.push(name);
        }
    }
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} |",
        present().count(),
        operands.join(", "),
        sizes(|stencil| &stencil.code),
        sizes(|stencil| &stencil.data),
        span(&|stencil| stencil.patches.len()),
        calls.join(", ")
    )
}
