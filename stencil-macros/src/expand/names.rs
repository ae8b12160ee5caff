//! Names in an expansion.
//!
//! The expansion is placed in the user's module, among names that the macro cannot see. So each path begins at one of the
//! [`roots`]; each item that only the expansion uses has the block's prefix; and each variable begins with `__`, because a
//! pattern with the name of a constant or static in scope would refer to that.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::Attribute;
use syn::ext::IdentExt as _;

use crate::ast::{Block, Uop};
use crate::hash::Hash;

/// Returns the import that defines `__stencil_runtime` and `__stencil_core`, given the path of `stencil-runtime`.
pub fn roots(runtime: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unused_imports)]
        use #runtime::expansion::roots::*;
    }
}

/// Returns the path of the crate `core` for a macro call that is reported at this span. The imported root does not work
/// there, because macros are resolved before imports are.
pub fn core_at(block: &Block, span: Span) -> TokenStream {
    let expansion = expansion_at(block, span);
    quote_spanned! {span=> #expansion::core }
}

/// Returns the path of the runtime's module for expansions.
pub fn expansion_at(block: &Block, span: Span) -> TokenStream {
    let runtime = block.runtime.clone().unwrap_or_default().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    let runtime: TokenStream = runtime.collect();
    quote_spanned! {span=> #runtime::expansion }
}

/// Returns the machine's name in Rust.
pub fn machine(block: &Block) -> TokenStream {
    let machine = &block.machine;
    machine.continued.as_ref().map_or_else(|| machine.name.to_token_stream(), |path| path.to_token_stream())
}

/// Returns a variable of the expansion.
pub fn local(name: &str) -> Ident {
    Ident::new(&format!("__stencil_{name}"), Span::mixed_site())
}

/// Returns the parameter of an emit function for an operand or for a parameter of a family.
pub fn argument(name: &Ident) -> Ident {
    format_ident!("__{}", name)
}

/// Returns functions that have the names of arguments, to be placed beside the functions that take these. A pattern
/// cannot refer to a function, so the argument is a variable even if the user has a constant, static or unit struct of
/// that name.
pub fn shadows<'a>(arguments: impl Iterator<Item = &'a Ident>) -> TokenStream {
    let names: BTreeSet<String> = arguments.map(Ident::to_string).collect();
    let names = names.iter().map(|name| Ident::new(name, Span::call_site()));
    quote! { #(#[allow(dead_code, non_snake_case)] fn #names() {})* }
}

/// The place of a uop's name, for tokens of the expansion.
pub fn span(uop: &Uop) -> Span {
    uop.name.span().resolved_at(Span::call_site())
}

/// The name of a uop's public function.
pub fn function(uop: &Uop) -> Ident {
    format_ident!("emit_{}", uop.name)
}

/// The name of a uop's public constant.
pub fn constant(uop: &Uop) -> Ident {
    format_ident!("STENCIL_{}", uop.name)
}

/// Attributes of a uop that apply to every item it becomes.
pub fn common_attributes(attributes: &[Attribute]) -> Vec<&Attribute> {
    let common = ["allow", "expect", "warn", "deny", "forbid"];
    attributes.iter().filter(|attribute| common.iter().any(|name| attribute.path().is_ident(name))).collect()
}

/// Attributes of a uop that apply to its functions only.
pub fn own_attributes(attributes: &[Attribute]) -> Vec<&Attribute> {
    let common = common_attributes(attributes);
    attributes.iter().filter(|attribute| !common.contains(attribute)).collect()
}

/// Names of the items that a block's public items share. A hash of the block's public names keeps them apart from those of
/// every other block in the module.
pub struct Names {
    prefix: String,
}

impl Names {
    pub fn new(block: &Block) -> Self {
        let declared = (block.uops.iter().map(|uop| &uop.name))
            .chain(block.structs.iter().map(|s| &s.name))
            .chain(block.externs.iter().map(|function| &function.name));
        let declared: Vec<_> = declared.map(Ident::to_string).collect();
        let hash = Hash::of(format!("{} {}", machine(block), declared.join(" ")).as_bytes()).to_string();
        Self { prefix: format!("__stencil_{}_{}", block.machine.name.unraw(), &hash[..8]) }
    }

    /// The static that a constant of C becomes.
    pub fn constant(&self, index: usize) -> Ident {
        format_ident!("{}_constant_{index}", self.prefix)
    }

    /// The type of that static.
    pub fn constant_type(&self, index: usize) -> Ident {
        format_ident!("{}_constant_type_{index}", self.prefix)
    }

    /// The type of its content.
    pub fn constant_parts(&self, index: usize) -> Ident {
        format_ident!("{}_constant_parts_{index}", self.prefix)
    }

    /// The constant that has a host function's address.
    pub fn host(&self, index: usize) -> Ident {
        format_ident!("{}_host_{index}", self.prefix)
    }

    /// The uop of the entry at an address.
    pub fn fragment_entry(&self) -> Ident {
        format_ident!("{}_fragment_entry", self.prefix)
    }

    /// The entry's uop.
    pub fn entry(&self) -> Ident {
        format_ident!("{}_entry", self.prefix)
    }

    /// The static that describes all stencils.
    pub fn catalog(&self) -> Ident {
        format_ident!("{}_catalog", self.prefix)
    }

    /// The static of the stored bytes.
    pub fn bytes(&self) -> Ident {
        format_ident!("{}_bytes", self.prefix)
    }

    /// The static of the encoded descriptions.
    pub fn records(&self) -> Ident {
        format_ident!("{}_records", self.prefix)
    }

    /// The static of the descriptions' strings.
    pub fn strings(&self) -> Ident {
        format_ident!("{}_strings", self.prefix)
    }

    /// The function that emits the stencils of a shape.
    pub fn shape(&self, shape: usize) -> Ident {
        format_ident!("{}_shape_{shape}", self.prefix)
    }

    /// The constant that lists the shapes for instructions.
    pub fn shapes(&self) -> Ident {
        format_ident!("{}_shapes", self.prefix)
    }

    /// The type whose constant lists the functions of all shapes for any memory.
    pub fn functions(&self) -> Ident {
        format_ident!("{}_functions", self.prefix)
    }

    /// The static that instructions refer to: a `Uop`, or the array of those of a family.
    pub fn uop(&self, uop: &Uop) -> Ident {
        format_ident!("{}_uop_{}", self.prefix, uop.name)
    }

    /// The static of the narrow form: a `Uop`, or the array of those of a family's members that have one.
    pub fn narrow(&self, uop: &Uop) -> Ident {
        format_ident!("{}_narrow_{}", self.prefix, uop.name)
    }

    /// A function of the interpreter.
    pub fn handler(&self, index: usize) -> Ident {
        format_ident!("{}_handler_{index}", self.prefix)
    }

    /// The constant of a uop's handlers, one for each member.
    pub fn handlers(&self, uop: &Uop) -> Ident {
        format_ident!("{}_handlers_{}", self.prefix, uop.name)
    }

    /// The constant of the handlers for narrow forms.
    pub fn narrow_handlers(&self, uop: &Uop) -> Ident {
        format_ident!("{}_narrow_handlers_{}", self.prefix, uop.name)
    }

    /// The `Uop` in place of the members that a family does not have.
    pub fn missing(&self, uop: &Uop) -> Ident {
        format_ident!("{}_missing_{}", self.prefix, uop.name)
    }
}
