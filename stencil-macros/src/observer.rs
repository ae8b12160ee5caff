//! The uop by which the runtime observes a run in either tier: `Lockstep` puts one before each instruction of a program.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream};
use quote::quote;
use syn::{Visibility, parse_quote};

use crate::ast::{Block, Contract, Uop};

/// The name of the uop.
pub const NAME: &str = "stencil_observe";

/// The distance between two registers in the runtime's array, in bytes: the size of the largest vector. `SLOT` in the runtime is the same.
const SLOT: usize = 64;

/// Returns the uop, if the block declares a machine that has an interpreter.
///
/// Its operand points to a site in the runtime: the address of the array that receives the registers, and a function. If the function
/// returns `true`, the uop ends the run with a result of zeros.
pub fn uop(block: &Block) -> Option<Uop> {
    let machine = &block.machine;
    if machine.interpreter.is_none() || machine.continued.is_some() {
        return None;
    }
    let stores = machine.parameters.iter().enumerate().map(|(index, register)| {
        let (name, offset) = (&register.name, Literal::usize_unsuffixed(SLOT * index));
        quote! { *(__typeof__(#name) *)(stencil_registers + #offset) = #name; }
    });
    let (declared, result) = match &machine.output {
        None => (quote!(), quote!()),
        Some(output) => {
            // A declaration of C consists of tokens that Rust has, too.
            let declaration: TokenStream = output.c.declare("stencil_result").parse().unwrap_or_default();
            (quote! { #declaration = { 0 }; }, quote!(stencil_result))
        }
    };
    let body = quote! {
        uint8_t *stencil_registers __attribute__((unused)) = *(uint8_t *const *)stencil_site;
        #(#stores)*
        if ((*(bool (*const *)(const void *))(stencil_site + 8))(stencil_site)) { #declared STENCIL_RETURN(#result); }
    };
    Some(Uop {
        attributes: vec![parse_quote!(#[doc(hidden)])],
        // That of the block is for the user's uops.
        contract: Some(Contract::default()),
        visibility: Visibility::Inherited,
        name: Ident::new(NAME, Span::call_site()),
        parameters: Vec::new(),
        condition: None,
        operands: vec![parse_quote!(stencil_site: *const u8)],
        body: Group::new(proc_macro2::Delimiter::Brace, body),
    })
}
