//! Expands the constants that describe stencils.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::names::{self, Names, common_attributes, own_attributes};
use super::operand::{range, type_text};
use super::{links, manual};
use crate::ast::{Block, Uop};
use crate::model::{Patch, PatchKind, Section, Stencil, Value};

/// Returns the constant of a uop, or those of a family's members and the array of them.
pub fn expand(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let visibility = &uop.visibility;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let docs = own.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let docs = quote! { #(#docs)* #[doc = ""] };
    let name = names::constant(uop);
    let empty = Stencil { data_alignment: 1, ..Stencil::default() };
    if !uop.is_family() {
        let stencil = members.first().and_then(Option::as_ref).unwrap_or(&empty);
        let value = value(block, uop, &uop.name.to_string(), stencil, names);
        let manual = manual::uop(block, uop, members);
        let constant = quote_spanned! {names::span(uop)=> const #name: __stencil_runtime::Stencil = #value; };
        return quote! {
            #(#common)*
            #docs
            #[doc = #manual]
            #[allow(dead_code, non_upper_case_globals)]
            #visibility #constant
        };
    }
    let present = || members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?)));
    let constants = present().map(|(index, stencil)| {
        let name = names.stencil(uop, index);
        let value = value(block, uop, &uop.member_name(index), stencil, names);
        quote! {
            #(#common)*
            #[doc(hidden)]
            #[allow(non_upper_case_globals)]
            const #name: __stencil_runtime::Stencil = #value;
        }
    });
    let all = members.iter().enumerate().map(|(index, member)| match member {
        Some(_) => {
            let name = names.stencil(uop, index);
            quote! { __stencil_core::option::Option::Some(#name) }
        }
        None => quote! { __stencil_core::option::Option::None },
    });
    let count = members.len();
    let manual = manual::uop(block, uop, members);
    let array = quote_spanned! {names::span(uop)=>
        static #name: [__stencil_core::option::Option<__stencil_runtime::Stencil>; #count] = [#(#all),*];
    };
    quote! {
        #(#constants)*
        #(#common)*
        #docs
        #[doc = #manual]
        #[allow(dead_code, non_upper_case_globals)]
        #visibility #array
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
            Some((min, max)) => quote! { __stencil_core::option::Option::Some((#min, #max)) },
            None => quote! { __stencil_core::option::Option::None },
        };
        quote! { __stencil_runtime::Hole { name: #name, ty: #ty, range: #range } }
    });
    described(block, text, &holes.collect::<Vec<_>>(), stencil, names)
}

fn described(block: &Block, text: &str, holes: &[TokenStream], stencil: &Stencil, names: &Names) -> TokenStream {
    let [code, data] = [&stencil.code, &stencil.data].map(|bytes| {
        let (size, (array, _)) = (bytes.len(), names.arrays.of(bytes));
        quote! { __stencil_runtime::Body { size: #size, stored: &#array } }
    });
    let alignment = stencil.data_alignment as usize;
    let callees = links::callees(stencil);
    let patches = stencil.patches.iter().map(|patch| patch_value(patch, &callees));
    let calls = callees.iter().map(|callee| links::callee_name(block, *callee));
    let disassembly = &stencil.disassembly;
    quote! {
        __stencil_runtime::Stencil {
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
        PatchKind::Scaled32(factor) => quote!(Scaled32(#factor)),
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
        __stencil_runtime::Patch {
            section: __stencil_runtime::Section::#section,
            offset: #offset,
            kind: __stencil_runtime::PatchKind::#kind,
            value: __stencil_runtime::Value::#value,
            addend: #addend,
        }
    }
}
