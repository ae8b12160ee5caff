//! Expands the public constants that describe stencils.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::catalog::Entry;
use super::manual;
use super::names::{self, Names, common_attributes, own_attributes};
use crate::ast::{Block, Uop};
use crate::model::Stencil;

/// Returns the constant of a uop's stencil, or of a family.
pub fn expand(block: &Block, uop: &Uop, members: &[Option<Stencil>], entry: &Entry, names: &Names) -> TokenStream {
    let visibility = &uop.visibility;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let docs = own.iter().filter(|attribute| attribute.path().is_ident("doc"));
    let (name, manual) = (names::constant(uop), manual::uop(block, uop, members));
    // Only rustdoc needs the table, which may have thousands of lines.
    let table = uop.is_family().then(|| manual::members(uop, members));
    let table = table.map(|table| quote! { #[cfg_attr(doc, doc = #table)] });
    let value = match entry.members[..] {
        [Some(member)] if !uop.is_family() => stencil(member.record, names),
        _ => family(entry.record, names),
    };
    let ty = if uop.is_family() { quote!(Family) } else { quote!(Stencil) };
    let constant = quote_spanned! {names::span(uop)=> const #name: __stencil_runtime::#ty = #value; };
    quote! {
        #(#common)*
        #(#docs)*
        #[doc = ""]
        #[doc = #manual]
        #table
        #[allow(dead_code, non_upper_case_globals)]
        #visibility #constant
    }
}

/// Returns the stencil with this record.
fn stencil(record: usize, names: &Names) -> TokenStream {
    let (catalog, record) = (names.catalog(), record as u32);
    quote! { __stencil_runtime::expansion::Catalog::stencil(&#catalog, #record) }
}

/// Returns the family with this record.
pub fn family(record: usize, names: &Names) -> TokenStream {
    let (catalog, record) = (names.catalog(), record as u32);
    quote! { __stencil_runtime::expansion::Catalog::family(&#catalog, #record) }
}
