//! Instructions: what they refer to, and the functions that make them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::{Names, common_attributes, describe, emit, local, machine, member_index, own_attributes};
use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::Stencil;

/// The static that instructions refer to a uop by: one `Uop`, or an array of those of a family.
pub fn uop_static(uop: &Uop) -> Ident {
    format_ident!("__stencil_uop_{}", uop.name)
}

/// What stands for the members that a family does not have.
fn missing(uop: &Uop) -> Ident {
    format_ident!("__stencil_missing_{}", uop.name)
}

/// The `Uop`s that instructions refer to.
pub fn statics(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let machine = machine::path(block);
    let (common, uops) = (common_attributes(&uop.attributes), uop_static(uop));
    let (out, words, labels) = (local("_out"), local("_words"), local("_labels"));
    let addressed = uop.operands.iter().enumerate().map(|(index, field)| match field.ty.c {
        Type::Label => quote! {
            match #labels.find(#words[#index]) {
                ::core::option::Option::Some(address) => address,
                ::core::option::Option::None => return false,
            }
        },
        _ => quote! { #words[#index] },
    });
    let addressed: Vec<_> = addressed.collect();
    let operands = quote! { &<#machine as ::stencil_runtime::Machine>::Operands };
    let empty = Stencil { data_alignment: 1, ..Stencil::default() };
    let item = |member: usize| {
        let links = emit::links(block, members.get(member).and_then(Option::as_ref).unwrap_or(&empty), names);
        let (stencil, emit) = (describe::stencil_name(uop, member), emit::words_name(uop, member));
        quote! {
            unsafe {
                ::stencil_runtime::Uop::new(
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
            static #uops: ::stencil_runtime::Uop<#machine> = #uop;
        };
    }
    let (count, text) = (members.len(), uop.name.to_string());
    let all = members.iter().enumerate().map(|(index, member)| match member {
        Some(_) => {
            let uop = item(index);
            quote! { ::core::option::Option::Some(#uop) }
        }
        None => quote! { ::core::option::Option::None },
    });
    let missing = missing(uop);
    let indices = 0..uop.parameters.len();
    quote! {
        #[doc(hidden)]
        #(#common)*
        #[allow(non_upper_case_globals)]
        static #uops: [::core::option::Option<::stencil_runtime::Uop<#machine>>; #count] = [#(#all),*];
        #[doc(hidden)]
        #(#common)*
        #[allow(non_upper_case_globals)]
        static #missing: ::stencil_runtime::Uop<#machine> = ::stencil_runtime::Uop::missing(|#words: #operands| {
            ::stencil_runtime::Error::no_such_stencil(#text, &[#(#words[#indices] as usize),*])
        });
    }
}

/// The function that makes an instruction.
pub fn constructor(block: &Block, uop: &Uop) -> TokenStream {
    let machine = machine::path(block);
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let (stencil, uops) = (describe::constant(uop), uop_static(uop));
    let operands: Vec<_> = uop.operands.iter().map(|field| &field.name).collect();
    let types: Vec<_> = uop.operands.iter().map(|field| &field.ty.rust).collect();
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| &parameter.name).collect();
    let to_words = quote! { [#(::stencil_runtime::Operand::to_word(#operands)),*] };
    let body = if uop.is_family() {
        let (index, found, missing) = (member_index(uop), local("found"), missing(uop));
        quote! {
            match #index.and_then(|index| #uops[index].as_ref()) {
                ::core::option::Option::Some(#found) => unsafe { ::stencil_runtime::Instruction::new(#found, #to_words) },
                ::core::option::Option::None => unsafe {
                    ::stencil_runtime::Instruction::new(&#missing, [#(#parameters as u64),*])
                },
            }
        }
    } else {
        quote! { unsafe { ::stencil_runtime::Instruction::new(&#uops, #to_words) } }
    };
    // All of it at the name, which is where rustc reports that two blocks of a machine have a uop of one name.
    let span = name.span().resolved_at(Span::call_site());
    let function = quote_spanned! {span=>
        fn #name(#(#parameters: usize,)* #(#operands: #types),*) -> ::stencil_runtime::Instruction<#machine> {
            #body
        }
    };
    let link = format!("The instruction; [`{stencil}`] describes its machine code.");
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
