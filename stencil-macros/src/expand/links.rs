//! Links: functions and data outside a stencil that its patches refer to.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::names::Names;
use crate::ast::Block;
use crate::builtins;
use crate::model::{PatchKind, Stencil, Value};

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
        _ => unreachable!("not a callee"),
    }
}
