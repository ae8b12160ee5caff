//! Operands: their types in Rust, and the values that their holes take.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::{Field, Uop};
use crate::ctype::Type;
use crate::model::{Stencil, Value};

/// The type of an operand in the signature of an emit function: a label's is its address.
pub fn rust_type(field: &Field) -> TokenStream {
    let ty = &field.ty.rust;
    match field.ty.c {
        Type::Label => quote! { __stencil_runtime::Address },
        _ => quote! { #ty },
    }
}

/// The Rust spelling of a type.
pub fn type_text(ty: &syn::Type) -> String {
    quote!(#ty).to_string().replace("* const ", "*const ").replace("* mut ", "*mut ").replace(" :: ", "::")
}

/// The values that fit all fields of an operand, if its type has values that do not.
pub fn range(uop: &Uop, operand: usize, stencil: &Stencil) -> Option<(i64, i64)> {
    let fields = stencil.patches.iter().filter(|patch| patch.value == Value::Operand(operand));
    let narrowed = fields.filter_map(|patch| patch.kind.range(patch.addend));
    let (min, max) = narrowed.reduce(|(min, max), (low, high)| (min.max(low), max.min(high)))?;
    let (least, greatest) = uop.operands[operand].ty.c.range()?;
    Some((min.max(least), max.min(greatest)))
}

/// The first value of each parameter of a family, and the number of its values.
pub fn ranges(uop: &Uop) -> TokenStream {
    let (starts, lengths): (Vec<_>, Vec<_>) =
        uop.parameters.iter().map(|parameter| (parameter.start, parameter.range().len())).unzip();
    quote! { [#((#starts, #lengths)),*] }
}
