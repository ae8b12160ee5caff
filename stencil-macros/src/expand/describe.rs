//! Constants that describe stencils.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Names, common_attributes, emit, manual, own_attributes};
use crate::ast::{Block, Uop};
use crate::model::{Patch, PatchKind, Section, Stencil, Value};

/// Returns the name of a uop's constant.
pub fn constant(uop: &Uop) -> Ident {
    format_ident!("STENCIL_{}", uop.name)
}

/// Returns the name of the constant of one member of a family.
pub fn member_name(uop: &Uop, member: usize) -> Ident {
    format_ident!("__stencil_stencil_{}_{}", uop.name, member)
}

/// Returns the name of the constant of a uop's only stencil, or of one member of a family.
pub fn stencil_name(uop: &Uop, member: usize) -> Ident {
    if uop.is_family() { member_name(uop, member) } else { constant(uop) }
}

/// Expands a uop into its constant, or a family into the constants of its members and the array of them.
pub fn expand(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let visibility = &uop.visibility;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let docs = own.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let docs = quote! { #(#docs)* #[doc = ""] };
    let name = constant(uop);
    let empty = Stencil { data_alignment: 1, ..Stencil::default() };
    if !uop.is_family() {
        let stencil = members.first().and_then(Option::as_ref).unwrap_or(&empty);
        let value = value(block, uop, &uop.name.to_string(), stencil, names);
        let manual = manual::stencil(block, uop, stencil);
        return quote! {
            #(#common)*
            #docs
            #[doc = #manual]
            #[allow(dead_code, non_upper_case_globals)]
            #visibility const #name: ::stencil_runtime::Stencil = #value;
        };
    }
    let present = || members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?)));
    let constants = present().map(|(index, stencil)| {
        let name = member_name(uop, index);
        let value = value(block, uop, &uop.member_name(index), stencil, names);
        quote! {
            #(#common)*
            #[doc(hidden)]
            #[allow(non_upper_case_globals)]
            const #name: ::stencil_runtime::Stencil = #value;
        }
    });
    let all = members.iter().enumerate().map(|(index, member)| match member {
        Some(_) => {
            let name = member_name(uop, index);
            quote! { ::core::option::Option::Some(#name) }
        }
        None => quote! { ::core::option::Option::None },
    });
    let count = members.len();
    let manual = manual::family(block, uop, members);
    quote! {
        #(#constants)*
        #(#common)*
        #docs
        #[doc = #manual]
        #[allow(dead_code, non_upper_case_globals)]
        #visibility static #name: [::core::option::Option<::stencil_runtime::Stencil>; #count] = [#(#all),*];
    }
}

/// Returns the `Stencil` of the entry, which has no operands.
pub fn entry_value(block: &Block, stencil: &Stencil, names: &Names) -> TokenStream {
    described(block, "entry", &[], stencil, names)
}

fn value(block: &Block, uop: &Uop, text: &str, stencil: &Stencil, names: &Names) -> TokenStream {
    let holes = uop.operands.iter().enumerate().map(|(index, field)| {
        let (name, ty) = (field.name.to_string(), type_text(&field.ty.rust));
        let range = match range(uop, index, stencil) {
            Some((min, max)) => quote! { ::core::option::Option::Some((#min, #max)) },
            None => quote! { ::core::option::Option::None },
        };
        quote! { ::stencil_runtime::Hole { name: #name, ty: #ty, range: #range } }
    });
    described(block, text, &holes.collect::<Vec<_>>(), stencil, names)
}

fn described(block: &Block, text: &str, holes: &[TokenStream], stencil: &Stencil, names: &Names) -> TokenStream {
    let [code, data] = [&stencil.code, &stencil.data].map(|bytes| {
        let (size, (array, _)) = (bytes.len(), names.arrays.of(bytes));
        quote! { ::stencil_runtime::Body { size: #size, stored: &#array } }
    });
    let alignment = stencil.data_alignment as usize;
    let callees = emit::callees(stencil);
    let patches = stencil.patches.iter().map(|patch| patch_value(patch, &callees));
    let calls = callees.iter().map(|callee| emit::callee_name(block, *callee));
    let disassembly = &stencil.disassembly;
    quote! {
        ::stencil_runtime::Stencil {
            name: #text,
            code: #code,
            data: #data,
            data_alignment: #alignment,
            holes: &[#(#holes),*],
            patches: &[#(#patches),*],
            calls: &[#(#calls),*],
            disassembly: #disassembly,
        }
    }
}

fn patch_value(patch: &Patch, callees: &[Value]) -> TokenStream {
    let section = match patch.section {
        Section::Code => quote!(Code),
        Section::Data => quote!(Data),
    };
    let kind = match patch.kind {
        PatchKind::Abs64 => quote!(Abs64),
        PatchKind::Abs32S => quote!(Abs32S),
        PatchKind::Low32 => quote!(Low32),
        PatchKind::Low16 => quote!(Low16),
        PatchKind::Low8 => quote!(Low8),
        PatchKind::Rel32 => quote!(Rel32),
    };
    let value = match patch.value {
        Value::Operand(operand) => quote!(Operand(#operand)),
        Value::Code(offset) => quote!(Code(#offset)),
        Value::Data(offset) => quote!(Data(#offset)),
        Value::Next => quote!(Next),
        Value::Host(_) | Value::Libc(_) => match callees.iter().position(|callee| *callee == patch.value) {
            Some(index) => quote!(Callee(#index)),
            None => quote!(Function),
        },
        Value::Static(_) => quote!(Static),
    };
    let (offset, addend) = (patch.offset, patch.addend);
    quote! {
        ::stencil_runtime::Patch {
            section: ::stencil_runtime::Section::#section,
            offset: #offset,
            kind: ::stencil_runtime::PatchKind::#kind,
            value: ::stencil_runtime::Value::#value,
            addend: #addend,
        }
    }
}

/// Returns the least and the greatest value that fit all fields of an operand, unless every value of its type fits.
pub fn range(uop: &Uop, operand: usize, stencil: &Stencil) -> Option<(i64, i64)> {
    let fields = stencil.patches.iter().filter(|patch| patch.value == Value::Operand(operand));
    let narrowed = fields.filter_map(|patch| patch.kind.range(patch.addend));
    let (min, max) = narrowed.reduce(|(min, max), (low, high)| (min.max(low), max.min(high)))?;
    let (least, greatest) = uop.operands[operand].ty.c.range()?;
    Some((min.max(least), max.min(greatest)))
}

/// Returns a type as people write it.
pub fn type_text(ty: &syn::Type) -> String {
    quote!(#ty).to_string().replace("* const ", "*const ").replace("* mut ", "*mut ").replace(" :: ", "::")
}
