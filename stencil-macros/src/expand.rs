//! Expands stencils into Rust items. This phase cannot fail.

mod arrays;
mod constant;
mod describe;
mod emit;
mod instruction;
mod machine;
mod manual;
pub mod stub;

use std::path::PathBuf;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::Attribute;
use syn::ext::IdentExt as _;

use crate::ast::{Block, Uop};
use crate::model::{Abi, Objects, Stencil};
use crate::{clangd, committed, compiler};
use arrays::Arrays;

/// Expands a whole block.
pub fn expand(block: &Block, objects: &Objects, abi: Abi) -> TokenStream {
    let names = Names::new(block, objects);
    let machine = machine::expand(block, objects, abi, &names);
    let uops = || block.uops.iter().zip(&objects.uops);
    let items = uops().map(|(uop, members)| uop_items(block, uop, members, &names));
    let constructors = uops().map(|(uop, _)| instruction::constructor(block, uop));
    let (path, table) = (machine::path(block), manual::table(block, objects));
    let arrays = names.arrays.items();
    let statics = constant::expand(objects, &names);
    quote! {
        #machine
        #arrays
        #statics
        #(#items)*
        #table
        impl #path { #(#constructors)* }
    }
}

/// Makes Cargo rebuild when one of these files or an environment variable of the macro changes.
pub fn tracked(files: &[PathBuf]) -> TokenStream {
    let files = files.iter().filter_map(|path| path.canonicalize().ok()).map(|path| path.display().to_string());
    let variables = [compiler::VARIABLE, committed::UPDATE, committed::VERIFY, clangd::VARIABLE, arrays::KEEP];
    quote! {
        #(const _: ::core::option::Option<&str> = ::core::option_env!(#variables);)*
        #(const _: &[u8] = ::core::include_bytes!(#files);)*
    }
}

/// Returns the name of a local variable of the expansion. Hygiene keeps it apart from the user's names.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Names of private items. They begin with the name of the block's first uop, which no other block in scope has.
struct Names {
    prefix: String,
    arrays: Arrays,
}

impl Names {
    fn new(block: &Block, objects: &Objects) -> Self {
        let first = block.uops.first().map_or(&block.machine.name, |uop| &uop.name);
        let prefix = format!("__stencil_{}", first.unraw());
        Self { arrays: Arrays::new(&prefix, objects), prefix }
    }

    /// Returns the name of the static that a constant of C becomes.
    fn constant(&self, index: usize) -> Ident {
        format_ident!("{}_constant_{index}", self.prefix)
    }

    /// Returns the name of that static's type.
    fn constant_type(&self, index: usize) -> Ident {
        format_ident!("{}_constant_type_{index}", self.prefix)
    }

    /// Returns the name of its content's type.
    fn constant_parts(&self, index: usize) -> Ident {
        format_ident!("{}_constant_parts_{index}", self.prefix)
    }

    /// Returns the name of the constant that holds a host function's address.
    fn host(&self, index: usize) -> Ident {
        format_ident!("{}_host_{index}", self.prefix)
    }
}

/// Returns the attributes of a uop for every item that it becomes.
fn common_attributes(attributes: &[Attribute]) -> Vec<&Attribute> {
    let common = ["cfg", "cfg_attr", "allow", "expect", "warn", "deny", "forbid"];
    attributes.iter().filter(|attribute| common.iter().any(|name| attribute.path().is_ident(name))).collect()
}

/// Returns the attributes of a uop for its functions alone.
fn own_attributes(attributes: &[Attribute]) -> Vec<&Attribute> {
    let common = common_attributes(attributes);
    attributes.iter().filter(|attribute| !common.contains(attribute)).collect()
}

/// Expands a uop into all its items except its constructor.
fn uop_items(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let emit = emit::expand(uop, members, names);
    let constants = describe::expand(block, uop, members, names);
    let statics = instruction::statics(block, uop, members, names);
    quote! { #constants #emit #statics }
}

/// Returns an expression of type `Option<usize>`: the index of a family's member, computed from its parameters.
fn member_index(uop: &Uop) -> TokenStream {
    let index = local("index");
    let steps = uop.parameters.iter().map(|parameter| {
        let (name, start, end) = (&parameter.name, parameter.start, parameter.end);
        let length = end - start;
        quote! {
            .and_then(|#index: usize| match #name {
                #start..#end => ::core::option::Option::Some(#index * #length + (#name - #start)),
                _ => ::core::option::Option::None,
            })
        }
    });
    quote! { ::core::option::Option::Some(0_usize)#(#steps)* }
}
