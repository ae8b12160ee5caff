//! From stencils to Rust items. This phase cannot fail.

mod arrays;
mod constant;
mod describe;
mod emit;
mod instruction;
mod links;
mod machine;
mod manual;
mod names;
mod operand;
pub mod stub;

use std::path::PathBuf;

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::ast::{Block, Uop};
use crate::compiler::{environment, search};
use crate::model::{Calls, Objects, Stencil};
use crate::{clangd, committed, compiler};
use names::Names;
pub use names::roots;

/// The items of a block.
pub fn expand(block: &Block, objects: &Objects, calls: &Calls) -> TokenStream {
    let names = Names::new(block, objects);
    let machine = machine::expand(block, objects, calls, &names);
    let uops = || block.uops.iter().zip(&objects.uops);
    let items = uops().map(|(uop, members)| uop_items(block, uop, members, &names));
    let constructors = instruction::constructors(block, objects, &names, &manual::table(block, objects));
    let arrays = names.arrays.items();
    let statics = constant::expand(objects, &names);
    quote! {
        #machine
        #arrays
        #statics
        #(#items)*
        #constructors
    }
}

/// Items that make Cargo rebuild the crate when an environment variable or one of these files changes. A committed object depends on
/// none of the variables that choose and control compilers.
pub fn tracked(block: &Block, files: &[PathBuf], is_committed: bool) -> TokenStream {
    let core = names::core_at(block, Span::call_site());
    let files = files.iter().filter_map(|path| path.canonicalize().ok()).map(|path| path.display().to_string());
    let ours = [compiler::VARIABLE, committed::UPDATE, committed::VERIFY, clangd::VARIABLE, arrays::KEEP];
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

/// The items of a uop, except its constructor.
fn uop_items(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let emit = emit::expand(block, uop, members, names);
    let constants = describe::expand(block, uop, members, names);
    let statics = instruction::statics(block, uop, members, names);
    quote! { #constants #emit #statics }
}
