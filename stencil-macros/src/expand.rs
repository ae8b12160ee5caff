//! From stencils to Rust items. This phase cannot fail.

mod catalog;
mod constant;
mod describe;
mod emit;
mod handler;
mod host;
mod instruction;
mod links;
mod machine;
mod manual;
mod names;
mod operand;
mod shape;
mod shared;
pub mod stub;

use std::path::PathBuf;

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::ast::Block;
use crate::compiler::{environment, search};
use crate::model::{Calls, Handlers, Objects};
use crate::{clangd, committed, compiler};
use catalog::Catalog;
use names::Names;
pub use names::roots;

/// The items of a block.
pub fn expand(block: &Block, objects: &Objects, handlers: Option<&Handlers>, calls: &Calls) -> TokenStream {
    let (names, catalog) = (Names::new(block), Catalog::new(block, objects));
    if catalog.is_empty() {
        // Another block of the machine may be empty as well, so no item gets a name.
        return machine::expand(block, objects, handlers, calls, &catalog, &names);
    }
    let machine = machine::expand(block, objects, handlers, calls, &catalog, &names);
    let uops = block.uops.iter().zip(&objects.uops).zip(&catalog.uops);
    let items = uops.enumerate().map(|(index, ((uop, members), entry))| {
        let constant = describe::expand(block, uop, members, entry, &names);
        let emit = emit::expand(block, uop, members, entry, &catalog, &names);
        let of_uop = handler::handlers(uop, members, handlers, index, &names);
        let statics = instruction::statics(block, uop, entry, of_uop.is_some(), &names);
        quote! { #constant #emit #of_uop #statics }
    });
    let constructors = instruction::constructors(block, objects, &names, &manual::table(block, objects));
    let (shapes, statics) = (emit::shapes(block, &catalog, &names), constant::expand(objects, &names));
    let functions = handlers.map(|handlers| handler::functions(block, handlers, &names));
    let catalog = catalog.items(block, &names);
    quote! {
        #machine
        #catalog
        #statics
        #shapes
        #(#items)*
        #functions
        #constructors
    }
}

/// Items that make Cargo rebuild the crate when an environment variable or one of these files changes. A committed object depends on
/// none of the variables that choose and control compilers.
pub fn tracked(block: &Block, files: &[PathBuf], is_committed: bool) -> TokenStream {
    let core = names::core_at(block, Span::call_site());
    let files = files.iter().filter_map(|path| path.canonicalize().ok()).map(|path| path.display().to_string());
    let ours = [compiler::VARIABLE, committed::UPDATE, committed::VERIFY, clangd::VARIABLE];
    let mut variables: Vec<String> = ours.map(str::to_owned).into();
    if !is_committed {
        variables.extend(search::variables_of_cc());
        variables.extend(environment::KNOWN.map(str::to_owned));
    }
    quote! {
        #(
            const _: __stencil_core::option::Option<&__stencil_core::primitive::str> =
                #core::option_env!(#variables);
        )*
        #(const _: &[__stencil_core::primitive::u8] = #core::include_bytes!(#files);)*
    }
}
