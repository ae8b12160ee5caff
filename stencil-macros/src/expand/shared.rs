//! Expands constants and enums that both languages have.

use std::collections::HashSet;

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};

use super::names;
use crate::ast::{Block, Constant, Enum, Variant};

/// Returns the definitions, and assertions that existing items are what the block says.
pub fn items(block: &Block) -> TokenStream {
    let definitions = definitions(block);
    let assertions = block.constants.iter().map(|constant| assertion(block, constant));
    let enums = block.enums.iter().map(|e| variants(block, e));
    quote! { #definitions #(#assertions)* #(#enums)* }
}

/// Returns the definitions of items without a path, each name once.
pub fn definitions(block: &Block) -> TokenStream {
    let mut seen = HashSet::new();
    let fits =
        |constant: &&Constant| constant.range().is_some_and(|(least, most)| (least..=most).contains(&constant.value));
    let own = block.constants.iter().filter(|constant| constant.bound.is_none()).filter(fits);
    let constants = own.filter(|constant| seen.insert(constant.name.to_string())).map(|constant| {
        let Constant { attributes, visibility, name, ty, value, .. } = constant;
        let (ty, value) = (&ty.rust, Literal::i128_unsuffixed(*value));
        quote! { #(#attributes)* #[allow(dead_code)] #visibility const #name: #ty = #value; }
    });
    let constants: TokenStream = constants.collect();
    let own = block.enums.iter().filter(|e| e.bound.is_none());
    let enums = own.filter(|e| seen.insert(e.name.to_string())).map(|e| {
        let Enum { attributes, visibility, name, variants, .. } = e;
        let mut seen = (HashSet::new(), HashSet::new());
        let distinct = variants.iter().filter(|variant| seen.0.insert(&variant.name) & seen.1.insert(variant.value));
        let variants = distinct.map(|Variant { attributes, name, value }| quote! { #(#attributes)* #name = #value });
        quote! { #(#attributes)* #[allow(dead_code)] #[repr(usize)] #visibility enum #name { #(#variants),* } }
    });
    quote! { #constants #(#enums)* }
}

/// Returns the assertions that an existing enum has these variants and no others.
fn variants(block: &Block, e: &Enum) -> TokenStream {
    let Some(path) = &e.bound else { return TokenStream::new() };
    let assertions = e.variants.iter().map(|Variant { name, value, .. }| {
        let (span, message) = (name.span(), format!("`{}::{name}` is {value} in this block, but not in Rust", e.name));
        let core = names::core_at(block, span);
        quote_spanned! {span=> #core::assert!(__Enum::#name as __stencil_core::primitive::usize == #value, #message); }
    });
    let (span, variants) = (e.name.span(), e.variants.iter().map(|variant| &variant.name));
    quote_spanned! {span=>
        const _: () = {
            type __Enum = #path;
            #(#assertions)*
            // If a variant is missing, rustc names it.
            const fn __all(__value: &__Enum) {
                match __value { #(__Enum::#variants)|* => {} }
            }
            let _ = __all;
        };
    }
}

/// Returns the assertion that an existing constant has this type and this value.
fn assertion(block: &Block, constant: &Constant) -> TokenStream {
    let Some(path) = &constant.bound else { return TokenStream::new() };
    let (ty, value, span) = (&constant.ty.rust, Literal::i128_unsuffixed(constant.value), constant.name.span());
    let (core, message) =
        (names::core_at(block, span), format!("`{}` is {} in this block, but not in Rust", constant.name, value));
    quote_spanned! {span=>
        const _: () = {
            const __VALUE: #ty = #path;
            #core::assert!(__VALUE == #value, #message);
        };
    }
}
