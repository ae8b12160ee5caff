//! Expands instructions: the `Uop` statics that they refer to, and their constructors.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};

use super::links;
use super::names::{self, Form, Names, common_attributes, local, own_attributes};
use super::operand::{fit_narrow, member_index};
use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::{Objects, Stencil};

/// Returns the `Uop` statics that instructions refer to.
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
    let item = |member: usize, form: Form| {
        let described = members.get(member).and_then(|member| form.of(member)).unwrap_or(&empty);
        let links = links::all(block, described, names);
        let (stencil, emit) = (names.stencil(uop, member, form), names.words(uop, member, form));
        let narrow = match &described.narrow {
            Some(_) => {
                let narrow = names.narrow(uop, member);
                quote! { __stencil_core::option::Option::Some(&#narrow) }
            }
            None => quote! { __stencil_core::option::Option::None },
        };
        quote! {
            unsafe {
                __stencil_runtime::Uop::new(
                    &#stencil,
                    #narrow,
                    #links,
                    |#out, #words: #operands, #labels| #emit(#out, &[#(#addressed),*]),
                )
            }
        }
    };
    let narrow =
        members.iter().enumerate().filter(|(_, member)| Form::Narrow.of(member).is_some()).map(|(index, _)| {
            let (name, uop) = (names.narrow(uop, index), item(index, Form::Narrow));
            let uop = quote! { __stencil_runtime::Uop::into_narrow(#uop) };
            quote! {
                #[doc(hidden)]
                #(#common)*
                #[allow(non_upper_case_globals)]
                static #name: __stencil_runtime::Uop<#machine> = #uop;
            }
        });
    let narrow = quote! { #(#narrow)* };
    if !uop.is_family() {
        let uop = item(0, Form::General);
        return quote! {
            #narrow
            #[doc(hidden)]
            #(#common)*
            #[allow(non_upper_case_globals)]
            static #uops: __stencil_runtime::Uop<#machine> = #uop;
        };
    }
    let (count, text) = (members.len(), uop.name.to_string());
    let all = members.iter().enumerate().map(|(index, member)| match member {
        Some(_) => {
            let uop = item(index, Form::General);
            quote! { __stencil_core::option::Option::Some(#uop) }
        }
        None => quote! { __stencil_core::option::Option::None },
    });
    let missing = names.missing(uop);
    let indices = 0..uop.parameters.len();
    quote! {
        #narrow
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

/// Returns the constructors of all uops, and the table that documents the uops.
pub fn constructors(block: &Block, objects: &Objects, names: &Names, table: &TokenStream) -> TokenStream {
    let machine = names::machine(block);
    let constructors =
        block.uops.iter().zip(&objects.uops).map(|(uop, members)| constructor(block, uop, members, names));
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

/// Returns the function that constructs an instruction.
fn constructor(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let machine = names::machine(block);
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let (stencil, uops) = (names::constant(uop), names.uop(uop));
    let operands: Vec<_> = uop.operands.iter().map(|field| &field.name).collect();
    let types: Vec<_> = uop.operands.iter().map(|field| &field.ty.rust).collect();
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| parameter.name.clone()).collect();
    let words = local("words");
    let to_words = quote! { let #words = [#(__stencil_runtime::Operand::to_word(#operands)),*]; };
    let chosen = |found: &TokenStream| match fit_narrow(members, &words) {
        Some(fit) => quote! { __stencil_runtime::Uop::narrow_if(#found, #fit) },
        None => found.clone(),
    };
    let body = if uop.is_family() {
        let (index, found, missing) = (member_index(uop, &parameters), local("found"), names.missing(uop));
        let member = local("member");
        let chosen = chosen(&found.to_token_stream());
        quote! {
            #to_words
            match #index.and_then(|#member| __stencil_core::option::Option::as_ref(&#uops[#member])) {
                __stencil_core::option::Option::Some(#found) => unsafe {
                    __stencil_runtime::Instruction::new(#chosen, #words)
                },
                __stencil_core::option::Option::None => unsafe {
                    __stencil_runtime::Instruction::new(&#missing, [#(#parameters as __stencil_core::primitive::u64),*])
                }
            }
        }
    } else {
        let chosen = chosen(&quote! { &#uops });
        quote! {
            #to_words
            unsafe { __stencil_runtime::Instruction::new(#chosen, #words) }
        }
    };
    // Every token has the name's span, because that is where rustc reports two uops of the same name in different
    // blocks.
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
