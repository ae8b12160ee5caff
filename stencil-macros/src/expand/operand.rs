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

/// The values that a stencil takes of an operand, if its type has others: they fit all fields, and are in the range of a narrow form.
pub fn range(uop: &Uop, operand: usize, stencil: &Stencil) -> Option<(i64, i64)> {
    let fields = stencil.patches.iter().filter(|patch| patch.value == Value::Operand(operand));
    let ty = uop.operands[operand].ty.c.range();
    // All fields of a 64-bit operand in a general form take all its values.
    let narrowed = fields.filter_map(|patch| patch.kind.range(patch.addend).filter(|_| ty.is_some()));
    let narrowed = narrowed.chain(stencil.ranges.get(operand).copied().flatten());
    let (min, max) = narrowed.reduce(|(min, max), (low, high)| (min.max(low), max.min(high)))?;
    Some(ty.map_or((min, max), |(least, greatest)| (min.max(least), max.min(greatest))))
}

/// Whether a uop, or a member of a family, has a narrow form.
pub fn has_narrow_form(members: &[Option<Stencil>]) -> bool {
    members.iter().flatten().any(|stencil| stencil.narrow.is_some())
}

/// An expression for whether an instruction has the narrow form of its uop: whether all words are in the ranges of that form, which
/// are the same for all members of a family. None if no member has a narrow form.
pub fn fit_narrow(members: &[Option<Stencil>], words: &Ident) -> Option<TokenStream> {
    let form = members.iter().flatten().find_map(|stencil| stencil.narrow.as_deref())?;
    let within = form.ranges.iter().enumerate().filter_map(|(index, range)| {
        let (least, greatest) = (*range)?;
        // Words are numbers of 64 bits with or without a sign. Subtraction makes both a distance.
        let (least, size) = (least as u64, greatest.wrapping_sub(least) as u64);
        Some(quote! { #words[#index].wrapping_sub(#least) <= #size })
    });
    let within: Vec<_> = within.map(|within| quote! { (#within) }).collect();
    Some(quote! { #(#within)&* })
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
