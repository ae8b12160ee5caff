//! Expands instructions: the `Uop` statics that they refer to, and their constructors.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};

use super::catalog::{Entry, Head, Member};
use super::describe;
use super::names::{self, Names, common_attributes, own_attributes};
use super::operand::{limits, ranges};
use crate::ast::{Block, Uop};
use crate::model::{Objects, Stencil};

/// Returns the `Uop` statics that instructions refer to.
pub fn statics(block: &Block, uop: &Uop, entry: &Entry, names: &Names) -> TokenStream {
    let machine = names::machine(block);
    let (common, uops) = (common_attributes(&uop.attributes), names.uop(uop));
    let (shapes, attributes) = (names.shapes(), quote! { #[doc(hidden)] #(#common)* #[allow(non_upper_case_globals)] });
    if !uop.is_family() {
        let (general, narrow_uop) = (entry.members[0], names.narrow(uop));
        let narrow = general.and_then(|member| member.narrow).map(|head| {
            let narrow = self::uop(head, None, names);
            quote! { #attributes static #narrow_uop: __stencil_runtime::Uop<#machine> = #narrow; }
        });
        let uop = general.map(|member| self::uop(member.head, member.narrow.map(|_| narrow_uop), names));
        return quote! { #narrow #attributes static #uops: __stencil_runtime::Uop<#machine> = #uop; };
    }
    let narrow_uops = names.narrow(uop);
    let narrow_count = entry.members.iter().flatten().filter(|member| member.narrow.is_some()).count();
    let (count, missing, family) = (entry.members.len(), names.missing(uop), describe::family(entry.record, names));
    let heads = bytes(entry.members.iter().map(|member| member.map_or([0; 8], |Member { head, .. }| head)));
    let narrow_heads = bytes(entry.members.iter().flatten().filter_map(|member| member.narrow));
    let catalog = names.catalog();
    // The limit of constant evaluation is meant for loops that do not end; the family's size bounds this one.
    quote! {
        #attributes
        #[allow(long_running_const_eval)]
        static #narrow_uops: [__stencil_core::option::Option<__stencil_runtime::Uop<#machine>>; #narrow_count] =
            unsafe { __stencil_runtime::Uop::family(&#catalog, &#shapes, #narrow_heads, &[]) };
        #attributes
        #[allow(long_running_const_eval)]
        static #uops: [__stencil_core::option::Option<__stencil_runtime::Uop<#machine>>; #count] =
            unsafe { __stencil_runtime::Uop::family(&#catalog, &#shapes, #heads, &#narrow_uops) };
        #attributes
        static #missing: __stencil_runtime::Uop<#machine> = __stencil_runtime::Uop::missing(#family);
    }
}

/// Returns heads as a byte string.
fn bytes(heads: impl Iterator<Item = Head>) -> Literal {
    Literal::byte_string(&heads.flatten().flat_map(u32::to_le_bytes).collect::<Vec<_>>())
}

/// Returns the `Uop` of a stencil with this head. `narrow` is the static of its narrow form.
pub fn uop(head: Head, narrow: Option<Ident>, names: &Names) -> TokenStream {
    let (catalog, shapes) = (names.catalog(), names.shapes());
    let narrow = match narrow {
        Some(narrow) => quote! { __stencil_core::option::Option::Some(&#narrow) },
        None => quote! { __stencil_core::option::Option::None },
    };
    quote! { unsafe { __stencil_runtime::Uop::new(&#catalog, &#shapes, [#(#head),*], #narrow) } }
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
    let to_words = quote! { [#(__stencil_runtime::Operand::to_word(#operands)),*] };
    let limits = limits(members);
    let body = if uop.is_family() {
        let (ranges, missing) = (ranges(uop), names.missing(uop));
        quote! {
            __stencil_runtime::Instruction::member((&#uops, &#missing), #ranges, [#(#parameters),*], #to_words, #limits)
        }
    } else {
        quote! { __stencil_runtime::Instruction::new(&#uops, #to_words, #limits) }
    };
    // Every token has the name's span, because that is where rustc reports two uops of the same name in different
    // blocks.
    let function = quote_spanned! {names::span(uop)=>
        fn #name(#(#parameters: __stencil_core::primitive::usize,)* #(#operands: #types),*) -> __stencil_runtime::Instruction<#machine> {
            unsafe { #body }
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
