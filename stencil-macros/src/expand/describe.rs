//! Expands the constants that describe stencils.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::names::{self, Form, Names, common_attributes, own_attributes};
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
    let hidden = |index: usize, form: Form, stencil: &Stencil| {
        let (name, value) = (names.stencil(uop, index, form), value(block, uop, index, stencil, names));
        quote! {
            #(#common)*
            #[doc(hidden)]
            #[allow(non_upper_case_globals)]
            const #name: __stencil_runtime::Stencil = #value;
        }
    };
    let present = |form: Form| {
        let of_member = move |(index, member)| Some((index, form, form.of(member)?));
        members.iter().enumerate().filter_map(of_member)
    };
    let narrow = present(Form::Narrow).map(|(index, form, stencil)| hidden(index, form, stencil));
    if !uop.is_family() {
        let stencil = members.first().and_then(Option::as_ref).unwrap_or(&empty);
        let value = value(block, uop, 0, stencil, names);
        let manual = manual::uop(block, uop, members);
        let constant = quote_spanned! {names::span(uop)=> const #name: __stencil_runtime::Stencil = #value; };
        return quote! {
            #(#narrow)*
            #(#common)*
            #docs
            #[doc = #manual]
            #[allow(dead_code, non_upper_case_globals)]
            #visibility #constant
        };
    }
    let constants = present(Form::General).map(|(index, form, stencil)| hidden(index, form, stencil));
    let all = members.iter().enumerate().map(|(index, member)| match member {
        Some(_) => {
            let name = names.stencil(uop, index, Form::General);
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
        #(#narrow)*
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
    described(block, "entry", &[], stencil, &quote!(__stencil_core::option::Option::None), names)
}

/// Returns the `Stencil` of a uop or of one member of a family.
fn value(block: &Block, uop: &Uop, member: usize, stencil: &Stencil, names: &Names) -> TokenStream {
    let text = if uop.is_family() { uop.member_name(member) } else { uop.name.to_string() };
    let narrow = match &stencil.narrow {
        Some(_) => {
            let narrow = names.stencil(uop, member, Form::Narrow);
            quote! { __stencil_core::option::Option::Some(&#narrow) }
        }
        None => quote! { __stencil_core::option::Option::None },
    };
    let holes = uop.operands.iter().enumerate().map(|(index, field)| {
        let (name, ty) = (field.name.to_string(), type_text(&field.ty.rust));
        let range = match range(uop, index, stencil) {
            Some((min, max)) => quote! { __stencil_core::option::Option::Some((#min, #max)) },
            None => quote! { __stencil_core::option::Option::None },
        };
        quote! { __stencil_runtime::Hole { name: #name, ty: #ty, range: #range } }
    });
    described(block, &text, &holes.collect::<Vec<_>>(), stencil, &narrow, names)
}

fn described(
    block: &Block,
    text: &str,
    holes: &[TokenStream],
    stencil: &Stencil,
    narrow: &TokenStream,
    names: &Names,
) -> TokenStream {
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
            narrow: #narrow,
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
        __stencil_runtime::Patch {
            section: __stencil_runtime::Section::#section,
            offset: #offset,
            kind: __stencil_runtime::PatchKind::#kind,
            value: __stencil_runtime::Value::#value,
            addend: #addend,
        }
    }
}
