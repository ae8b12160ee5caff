//! Instructions: the `Uop`s that they refer to, and their constructors.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::links;
use super::names::{self, Names, common_attributes, local, own_attributes};
use super::operand::member_index;
use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::Stencil;

/// The `Uop`s that instructions refer to.
pub fn statics(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let machine = names::machine(block);
    let (common, uops) = (common_attributes(&uop.attributes), names.uop(uop));
    let (out, words, labels) = (local("out"), local("words"), local("labels"));
    let address = local("address");
    let addressed = uop.operands.iter().enumerate().map(|(index, field)| match field.ty.c {
        Type::Label => quote! {
            match __stencil_runtime::Labels::find(#labels, #words[#index]) {
                __stencil_core::option::Option::Some(#address) => #address,
                __stencil_core::option::Option::None => return false,
            }
        },
        _ => quote! { #words[#index] },
    });
    let addressed: Vec<_> = addressed.collect();
    let operands = quote! { &<#machine as __stencil_runtime::Machine>::Operands };
    let empty = Stencil { data_alignment: 1, ..Stencil::default() };
    let item = |member: usize| {
        let links = links::all(block, members.get(member).and_then(Option::as_ref).unwrap_or(&empty), names);
        let (stencil, emit) = (names.stencil(uop, member), names.words(uop, member));
        quote! {
            unsafe {
                __stencil_runtime::Uop::new(
                    &#stencil,
                    #links,
                    |#out, #words: #operands, #labels| #emit(#out, &[#(#addressed),*]),
                )
            }
        }
    };
    if !uop.is_family() {
        let uop = item(0);
        return quote! {
            #[doc(hidden)]
            #(#common)*
            #[allow(non_upper_case_globals)]
            static #uops: __stencil_runtime::Uop<#machine> = #uop;
        };
    }
    let (count, text) = (members.len(), uop.name.to_string());
    let all = members.iter().enumerate().map(|(index, member)| match member {
        Some(_) => {
            let uop = item(index);
            quote! { __stencil_core::option::Option::Some(#uop) }
        }
        None => quote! { __stencil_core::option::Option::None },
    });
    let missing = names.missing(uop);
    let indices = 0..uop.parameters.len();
    quote! {
        #[doc(hidden)]
        #(#common)*
        #[allow(non_upper_case_globals)]
        static #uops: [__stencil_core::option::Option<__stencil_runtime::Uop<#machine>>; #count] = [#(#all),*];
        #[doc(hidden)]
        #(#common)*
        #[allow(non_upper_case_globals)]
        static #missing: __stencil_runtime::Uop<#machine> = __stencil_runtime::Uop::missing(|#words: #operands| {
            __stencil_runtime::Error::no_such_stencil(#text, &[#(#words[#indices] as __stencil_core::primitive::usize),*])
        });
    }
}

/// The constructors of all uops, and the table that documents the uops.
pub fn constructors(block: &Block, names: &Names, table: &TokenStream) -> TokenStream {
    let machine = names::machine(block);
    let constructors = block.uops.iter().map(|uop| constructor(block, uop, names));
    let parameters = block.uops.iter().flat_map(|uop| uop.parameters.iter().map(|parameter| &parameter.name));
    let operands = block.uops.iter().flat_map(|uop| uop.operands.iter().map(|field| &field.name));
    let shadows = names::shadows(parameters.chain(operands));
    quote! {
        const _: () = {
            #shadows
            #table
            impl #machine { #(#constructors)* }
        };
    }
}

/// The function that makes an instruction.
fn constructor(block: &Block, uop: &Uop, names: &Names) -> TokenStream {
    let machine = names::machine(block);
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let (stencil, uops) = (names::constant(uop), names.uop(uop));
    let operands: Vec<_> = uop.operands.iter().map(|field| &field.name).collect();
    let types: Vec<_> = uop.operands.iter().map(|field| &field.ty.rust).collect();
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let to_words = quote! { [#(__stencil_runtime::Operand::to_word(#operands)),*] };
    let body = if uop.is_family() {
        let (index, found, missing) = (member_index(uop, &parameters), local("found"), names.missing(uop));
        let member = local("member");
        quote! {
            match #index.and_then(|#member| __stencil_core::option::Option::as_ref(&#uops[#member])) {
                __stencil_core::option::Option::Some(#found) => unsafe {
                    __stencil_runtime::Instruction::new(#found, #to_words)
                },
                __stencil_core::option::Option::None => unsafe {
                    __stencil_runtime::Instruction::new(&#missing, [#(#parameters as __stencil_core::primitive::u64),*])
                }
            }
        }
    } else {
        quote! { unsafe { __stencil_runtime::Instruction::new(&#uops, #to_words) } }
    };
    // All of it at the name, where rustc reports two uops of one name in different blocks.
    let function = quote_spanned! {names::span(uop)=>
        fn #name(#(#parameters: __stencil_core::primitive::usize,)* #(#operands: #types),*) -> __stencil_runtime::Instruction<#machine> {
            #body
        }
    };
    let link = format!("Returns the instruction that [`{stencil}`] describes.");
    quote! {
        #(#common)*
        #(#own)*
        #[doc = ""]
        #[doc = #link]
        #[allow(dead_code, non_snake_case, clippy::too_many_arguments)]
        #[inline]
        #[must_use]
        #visibility #function
    }
}
