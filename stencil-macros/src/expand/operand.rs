//! Operands: their types in Rust, and the values that their holes take.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::names::local;
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

/// The index of a family's member as an `Option<usize>`, from the arguments for its parameters.
pub fn member_index(uop: &Uop, arguments: &[Ident]) -> TokenStream {
    let index = local("index");
    let steps = uop.parameters.iter().zip(arguments).map(|(parameter, argument)| {
        let (start, end) = (parameter.start, parameter.end);
        let length = end - start;
        quote! {
            .and_then(|#index: __stencil_core::primitive::usize| match #argument {
                #start..#end => __stencil_core::option::Option::Some(#index * #length + (#argument - #start)),
                _ => __stencil_core::option::Option::None,
            })
        }
    });
    quote! { __stencil_core::option::Option::Some(0_usize)#(#steps)* }
}
