//! Expands instructions: the `Uop` statics that they refer to, and their constructors.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::catalog::{Entry, Member};
use super::describe;
use super::names::{self, Names, common_attributes, local, own_attributes};
use super::operand::member_index;
use crate::ast::{Block, Uop};

/// Returns the `Uop` statics that instructions refer to.
pub fn statics(block: &Block, uop: &Uop, entry: &Entry, names: &Names) -> TokenStream {
    let machine = names::machine(block);
    let (common, uops) = (common_attributes(&uop.attributes), names.uop(uop));
    let (shapes, attributes) = (names.shapes(), quote! { #[doc(hidden)] #(#common)* #[allow(non_upper_case_globals)] });
    if !uop.is_family() {
        let uop = entry.members[0].map(|member| self::uop(member, names));
        return quote! { #attributes static #uops: __stencil_runtime::Uop<#machine> = #uop; };
    }
    let (count, missing, family) = (entry.members.len(), names.missing(uop), describe::family(entry.record, names));
    // The limit of constant evaluation is meant for loops that do not end; the family's size bounds this one.
    quote! {
        #attributes
        #[allow(long_running_const_eval)]
        static #uops: [__stencil_core::option::Option<__stencil_runtime::Uop<#machine>>; #count] =
            unsafe { __stencil_runtime::Uop::family(#family, &#shapes) };
        #attributes
        static #missing: __stencil_runtime::Uop<#machine> = __stencil_runtime::Uop::missing(#family);
    }
}

/// Returns the `Uop` of a stencil.
pub fn uop(member: Member, names: &Names) -> TokenStream {
    let (catalog, shapes, record) = (names.catalog(), names.shapes(), member.record as u32);
    quote! { unsafe { __stencil_runtime::Uop::new(&#catalog, #record, &#shapes) } }
}

/// Returns the constructors of all uops, and the table that documents the uops.
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

/// Returns the function that constructs an instruction.
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
