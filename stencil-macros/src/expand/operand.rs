//! Operands: their types in Rust, and the values that their holes take.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::ast::{Field, Parameter, Uop};
use crate::ctype::Type;
use crate::model::{Stencil, Value};

/// The type of an operand in the signature of an emit function: that of a label or an exit is an address.
pub fn rust_type(field: &Field) -> TokenStream {
    let ty = &field.ty.rust;
    match field.ty.c {
        Type::Label | Type::Exit => quote! { __stencil_runtime::Address },
        _ => quote! { #ty },
    }
}

/// The words that an argument of an emit function or of a constructor becomes.
pub fn words(field: &Field, argument: &Ident) -> Vec<TokenStream> {
    match &field.ty.c {
        Type::Vector(vector) => {
            let count = vector.words();
            let word = |word| quote! { __stencil_runtime::VectorOperand::<#count>::to_words(#argument)[#word] };
            (0..count).map(word).collect()
        }
        _ => vec![word(field, argument)],
    }
}

/// The type of a family's parameter in signatures.
pub fn parameter_type(parameter: &Parameter) -> TokenStream {
    parameter.of.as_ref().map_or_else(|| quote! { __stencil_core::primitive::usize }, |of| quote! { #of })
}

/// The number that a variable of that type stands for.
pub fn parameter_value(parameter: &Parameter, variable: &Ident) -> TokenStream {
    match parameter.of {
        Some(_) => quote! { #variable as __stencil_core::primitive::usize },
        None => quote! { #variable },
    }
}

/// The word of an operand, given the variable that holds its value.
fn word(field: &Field, variable: &Ident) -> TokenStream {
    let value = match &field.ty.c {
        Type::Function(function) if function.nullable => quote! {
            __stencil_core::option::Option::map_or(#variable, __stencil_core::ptr::null::<()>(), |__function| __function as *const ())
        },
        Type::Function(_) => quote! { (#variable as *const ()) },
        // An enumeration.
        Type::Named(_) => quote! { (#variable as __stencil_core::primitive::i64) },
        _ => quote! { #variable },
    };
    quote! { __stencil_runtime::Operand::to_word(#value) }
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

/// The limits of a narrow form, which are the same for all members of a family: for each word of the operands the least one, and its
/// distance to the greatest one. None if no member has a narrow form.
pub fn limits(uop: &Uop, members: &[Option<Stencil>]) -> TokenStream {
    let Some(form) = members.iter().flatten().find_map(|stencil| stencil.narrow.as_deref()) else {
        return quote! { __stencil_core::option::Option::None };
    };
    let limits = form.ranges.iter().zip(&uop.operands).flat_map(|(range, field)| {
        let limits = match *range {
            Some((least, greatest)) => (least as u64, greatest.wrapping_sub(least) as u64),
            None => (0, u64::MAX),
        };
        std::iter::repeat_n(limits, field.ty.c.words())
    });
    let limits = limits.map(|(least, distance)| quote! { (#least, #distance) });
    quote! { __stencil_core::option::Option::Some([#(#limits),*]) }
}

/// The first value of each parameter of a family, and the number of its values.
pub fn ranges(uop: &Uop) -> TokenStream {
    let (starts, lengths): (Vec<_>, Vec<_>) =
        uop.parameters.iter().map(|parameter| (parameter.start, parameter.range().len())).unzip();
    quote! { [#((#starts, #lengths)),*] }
}
