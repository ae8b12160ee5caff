//! Expands instructions: the `Uop` statics that they refer to, and their constructors.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};

use super::catalog::{Entry, HEAD, Member};
use super::describe;
use super::names::{self, Names, common_attributes, own_attributes};
use super::operand::{self, limits, parameter_type, parameter_value, ranges};
use crate::ast::{Block, Uop};
use crate::model::{Objects, Stencil};

/// Returns the `Uop` statics that instructions refer to.
pub fn statics(block: &Block, uop: &Uop, entry: &Entry, interpreted: bool, names: &Names) -> TokenStream {
    let machine = names::machine(block);
    let (common, uops) = (common_attributes(&uop.attributes), names.uop(uop));
    // SAFETY of the expansion: the heads, the catalog and the shapes are made of the same stencils.
    let (shapes, attributes) = (names.shapes(), quote! { #[doc(hidden)] #(#common)* #[allow(non_upper_case_globals)] });
    let (catalog, narrow_uops, narrow_count) = (names.catalog(), names.narrow(uop), entry.narrow.len());
    let list = |name: Ident| {
        if interpreted {
            quote! { &#name }
        } else {
            quote! { &[] }
        }
    };
    let (handlers, narrow_handlers) = (list(names.handlers(uop)), list(names.narrow_handlers(uop)));
    // The limit of constant evaluation is meant for loops that do not end; the family's size bounds these.
    let narrow = (narrow_count != 0).then(|| {
        let heads = heads(entry.narrow.iter().map(Some));
        quote! {
            #attributes
            #[allow(long_running_const_eval)]
            static #narrow_uops: [__stencil_core::option::Option<__stencil_runtime::Uop<#machine>>; #narrow_count] =
                unsafe { __stencil_runtime::Uop::family(&#catalog, &#shapes, #heads, &[], #narrow_handlers) };
        }
    });
    let narrow_uops = if narrow_count == 0 {
        quote! { &[] }
    } else {
        quote! { &#narrow_uops }
    };
    if !uop.is_family() {
        let handlers = names.handlers(uop);
        let handler = if interpreted {
            quote! { #handlers[0] }
        } else {
            quote! { __stencil_core::option::Option::None }
        };
        let uop = entry.members[0].map(|member| self::uop(member, &narrow_uops, &handler, names));
        return quote! { #narrow #attributes static #uops: __stencil_runtime::Uop<#machine> = #uop; };
    }
    let (count, missing, family) = (entry.members.len(), names.missing(uop), describe::family(entry.record, names));
    let heads = heads(entry.members.iter().map(Option::as_ref));
    quote! {
        #narrow
        #attributes
        #[allow(long_running_const_eval)]
        static #uops: [__stencil_core::option::Option<__stencil_runtime::Uop<#machine>>; #count] =
            unsafe { __stencil_runtime::Uop::family(&#catalog, &#shapes, #heads, #narrow_uops, #handlers) };
        #attributes
        static #missing: __stencil_runtime::Uop<#machine> = __stencil_runtime::Uop::missing(#family);
    }
}

/// Returns the numbers of which the runtime makes the `Uop`s of a family, as bytes.
fn heads<'a>(members: impl Iterator<Item = Option<&'a Member>>) -> Literal {
    let heads = members.flat_map(|member| member.map_or([0; HEAD], Member::head));
    Literal::byte_string(&heads.flat_map(u32::to_le_bytes).collect::<Vec<_>>())
}

/// Returns the `Uop` of a stencil. `narrow` refers to the narrow forms of its entry, and `handler` to its function in the interpreter.
pub fn uop(member: Member, narrow: &TokenStream, handler: &TokenStream, names: &Names) -> TokenStream {
    let (catalog, shapes, head) = (names.catalog(), names.shapes(), member.head());
    // SAFETY of the expansion: as for families.
    quote! { unsafe { __stencil_runtime::Uop::new(&#catalog, &#shapes, [#(#head),*], #narrow, #handler) } }
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
    let parameters = uop.parameters.iter().map(|parameter| &parameter.name);
    let of = uop.parameters.iter().map(parameter_type);
    let values = uop.parameters.iter().map(|parameter| parameter_value(parameter, &parameter.name));
    let words = uop.operands.iter().flat_map(|field| operand::words(field, &field.name));
    let to_words = quote! { [#(#words),*] };
    let limits = limits(uop, members);
    let body = if uop.is_family() {
        let (ranges, missing) = (ranges(uop), names.missing(uop));
        quote! {
            __stencil_runtime::Instruction::member((&#uops, &#missing), #ranges, [#(#values),*], #to_words, #limits)
        }
    } else {
        quote! { __stencil_runtime::Instruction::new(&#uops, #to_words, #limits) }
    };
    // SAFETY of the expansion: the words are those of the typed operands, in their order.
    // Every token has the name's span, because that is where rustc reports two uops of the same name in different
    // blocks.
    let function = quote_spanned! {names::span(uop)=>
        fn #name(#(#parameters: #of,)* #(#operands: #types),*) -> __stencil_runtime::Instruction<#machine> {
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
