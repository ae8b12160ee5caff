//! Links: functions and data outside a stencil that its patches refer to.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::names::Names;
use crate::ast::{Block, Uop};
use crate::builtins;
use crate::ctype::Type;
use crate::model::{Patch, PatchKind, Stencil, Value};

/// Returns an expression for the name and the address of a function or a constant.
pub fn item(block: &Block, value: Value, names: &Names) -> TokenStream {
    let (name, address) = match value {
        Value::Static(index) => {
            let name = names.constant(index);
            ("data".into(), quote! { (&raw const #name).cast() })
        }
        callee => (callee_name(block, callee), callee_pointer(callee, names)),
    };
    quote! { __stencil_runtime::expansion::Link::new(#name, #address) }
}

/// Returns the functions that a stencil calls with a relative displacement, each once.
pub fn callees(stencil: &Stencil) -> Vec<Value> {
    let mut all = Vec::new();
    for patch in &stencil.patches {
        let callee = matches!(patch.value, Value::Host(_) | Value::Builtin(_)) && patch.kind == PatchKind::Rel32;
        if callee && !all.contains(&patch.value) {
            all.push(patch.value);
        }
    }
    all
}

/// Returns the number of operands of a stencil that it may reach through a trampoline or a cell: code addresses and exits that it jumps to
/// or calls.
pub fn targets(stencil: &Stencil, uop: Option<&Uop>) -> usize {
    let operands = uop.iter().flat_map(|uop| uop.operands.iter().enumerate());
    let targets = operands.filter(|(operand, field)| {
        let goes_there = |patch: &Patch| patch.value == Value::Operand(*operand) && patch.kind == PatchKind::Rel32;
        matches!(field.ty.c, Type::CodeAddress | Type::Exit) && stencil.patches.iter().any(goes_there)
    });
    targets.count()
}

pub fn callee_name(block: &Block, callee: Value) -> String {
    match callee {
        Value::Host(index) => block.externs[index].name.to_string(),
        Value::Builtin(index) => builtins::NAMES[index].into(),
        _ => unreachable!("not a callee"),
    }
}

pub fn callee_pointer(callee: Value, names: &Names) -> TokenStream {
    match callee {
        Value::Host(index) => {
            let name = names.host(index);
            quote! { #name as *const () }
        }
        Value::Builtin(index) => {
            let name = format_ident!("{}", builtins::NAMES[index]);
            quote! { __stencil_runtime::builtins::#name as *const () }
        }
        Value::Handler(index) => {
            let name = names.handler(index);
            quote! { #name as *const () }
        }
        _ => unreachable!("not a callee"),
    }
}
