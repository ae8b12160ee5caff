//! What a block with mistakes expands to: all that it would define, with signatures and without code, so that
//! nothing is reported but the mistakes; and what an editor is told that does not say where tokens stand.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::Visibility;

use super::{common_attributes, emit, machine, own_attributes};
use crate::ast::{Block, Extern, Struct, Unparsed, Uop};
use crate::cache::Cache;
use crate::check;
use crate::ctype::Type;
use crate::model::{Abi, Calls};

/// The items of a block. `checked` says whether it is but the C that is wrong, or else the declarations, too.
pub fn expand(block: &Block, checked: bool) -> TokenStream {
    let mut seen = HashSet::new();
    let structs = block.structs.iter().filter(|s| seen.insert(s.name.to_string())).map(structure);
    let hosts = block.externs.iter().map(|function| host(function, checked));
    let declares = block.machine.continued.is_none() && !block.mistakes.no_machine;
    let machine = declares.then(|| declared(block));
    let path = (!block.mistakes.no_machine).then(|| machine::path(block));
    let mut seen = HashSet::new();
    let uops = block.uops.iter().filter(|uop| seen.insert(uop.name.to_string()));
    let uops: TokenStream = uops.map(|uop| self::uop(uop, path.as_ref(), checked)).collect();
    let others = block.mistakes.uops.iter().filter(|uop| seen.insert(uop.name.to_string()));
    let others: TokenStream = others.map(|uop| unparsed(uop, path.as_ref())).collect();
    quote! { #machine #(#structs)* #(#hosts)* #uops #others }
}

fn declared(block: &Block) -> TokenStream {
    let machine = &block.machine;
    let (name, visibility) = (&machine.name, &machine.visibility);
    let attributes = &machine.attributes;
    let types = || machine.parameters.iter().map(|field| &field.ty).chain(&machine.output);
    let plain = types().all(|ty| ty.error.is_none() && !matches!(ty.c, Type::Array(..) | Type::Label | Type::Named(_)));
    let entry = if plain && machine.parameters.len() <= check::MAX_REGISTERS {
        machine::entry_type(block)
    } else {
        quote! { unsafe extern "C" fn() }
    };
    // Other blocks of the machine, which may be free of mistakes, are compiled for this convention.
    let abi = Cache::of_user().compiler().map_or(Abi::C, |compiler| compiler.traits.abi);
    // What is not known fits everything.
    let calls = Calls { abi, convention: String::new(), compiler: String::new() };
    let (abi, convention) = (machine::abi_value(abi), machine::convention_value(&calls));
    quote! {
        #(#attributes)*
        #[derive(Clone, Copy, Debug)]
        #visibility enum #name {}

        // SAFETY: nothing can be compiled: the entry has no code, and a build with mistakes ends before it runs.
        unsafe impl ::stencil_runtime::Machine for #name {
            type Operands = [u64; 256];
            type Entry = #entry;
            const ABI: ::stencil_runtime::Abi = #abi;
            const CONVENTION: ::stencil_runtime::expansion::Convention = #convention;
            const ENTRY: &'static ::stencil_runtime::Uop<Self> =
                &::stencil_runtime::Uop::missing(|_| ::core::unreachable!());
        }

        #[allow(dead_code)]
        impl #name {
            #visibility fn compile(
                _: &[::stencil_runtime::Instruction<Self>],
            ) -> ::core::result::Result<::stencil_runtime::Code<Self>, ::stencil_runtime::Error> {
                ::core::unreachable!()
            }
            #visibility fn compile_in(
                _: &::stencil_runtime::Arena,
                _: &[::stencil_runtime::Instruction<Self>],
            ) -> ::core::result::Result<::stencil_runtime::Code<Self>, ::stencil_runtime::Error> {
                ::core::unreachable!()
            }
            #visibility fn bind(_: ::stencil_runtime::Label) -> ::stencil_runtime::Instruction<Self> {
                ::core::unreachable!()
            }
        }
    }
}

fn structure(s: &Struct) -> TokenStream {
    if s.bound.is_some() {
        return quote!();
    }
    let Struct { attributes, visibility, name, .. } = s;
    let mut seen = HashSet::new();
    let fields = s.fields.iter().filter(|field| seen.insert(field.name.to_string())).map(|field| {
        let (attributes, visibility, name, ty) = (&field.attributes, &field.visibility, &field.name, &field.ty.rust);
        quote! { #(#attributes)* #visibility #name: #ty }
    });
    quote! { #(#attributes)* #[allow(dead_code)] #[repr(C)] #visibility struct #name { #(#fields),* } }
}

/// A use of the Rust function, which is not to be reported as unused either.
fn host(function: &Extern, checked: bool) -> TokenStream {
    let path = &function.function;
    if !checked {
        return quote! { const _: () = { let _ = #path; }; };
    }
    let ty = machine::function_type(function.parameters.iter().map(|field| &field.ty), &function.output);
    quote! { const _: #ty = #path; }
}

fn uop(uop: &Uop, machine: Option<&TokenStream>, checked: bool) -> TokenStream {
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    // Names that were not checked may be there twice.
    let named = |name: &Ident, ty: TokenStream| if checked { quote!(#name: #ty) } else { quote!(_: #ty) };
    let parameters = || uop.parameters.iter().map(|parameter| named(&parameter.name, quote!(usize)));
    let operands = || uop.operands.iter();
    let emitted = operands().map(|field| named(&field.name, emit::rust_type(field)));
    let constructed = operands().map(|field| named(&field.name, field.ty.rust.to_token_stream()));
    let signature = Signature {
        visibility: &uop.visibility,
        attributes: quote!(#(#common)*),
        docs: quote!(#(#own)*),
        name: &uop.name,
        emitted: parameters().chain(emitted).collect(),
        constructed: parameters().chain(constructed).collect(),
        members: uop.is_family().then(|| uop.count().unwrap_or(1)),
    };
    signature.items(machine)
}

fn unparsed(uop: &Unparsed, machine: Option<&TokenStream>) -> TokenStream {
    let operands = vec![quote!(_: impl ::core::marker::Sized); uop.arity];
    let signature = Signature {
        visibility: &uop.visibility,
        attributes: quote!(),
        docs: quote!(),
        name: &uop.name,
        emitted: operands.clone(),
        constructed: operands,
        members: None,
    };
    signature.items(machine)
}

/// What can be said of a uop without its stencil.
struct Signature<'a> {
    visibility: &'a Visibility,
    attributes: TokenStream,
    /// What stands before it besides, for its functions.
    docs: TokenStream,
    name: &'a Ident,
    /// What its emit function takes: names and types.
    emitted: Vec<TokenStream>,
    /// What the constructor of its instructions takes, likewise.
    constructed: Vec<TokenStream>,
    /// How many there are of a family.
    members: Option<usize>,
}

impl Signature<'_> {
    fn items(&self, machine: Option<&TokenStream>) -> TokenStream {
        let Self { visibility, attributes, docs, name, emitted, constructed, members } = self;
        let (emit, stencil) = (format_ident!("emit_{}", name), format_ident!("STENCIL_{}", name));
        let nothing = quote! { ::stencil_runtime::Stencil::nothing("") };
        let stencil = match members {
            None => quote! { const #stencil: ::stencil_runtime::Stencil = #nothing; },
            Some(members) => {
                let optional = quote! { ::core::option::Option<::stencil_runtime::Stencil> };
                quote! { static #stencil: [#optional; #members] = [::core::option::Option::Some(#nothing); #members]; }
            }
        };
        // Uops of these names would be in the way of what the machine has.
        let machine = machine.filter(|_| check::METHODS.iter().all(|method| name != method));
        let span = name.span().resolved_at(Span::call_site());
        let constructor = machine.map(|machine| {
            let function = quote_spanned! {span=>
                fn #name(#(#constructed),*) -> ::stencil_runtime::Instruction<#machine> { ::core::unreachable!() }
            };
            quote! {
                #attributes
                impl #machine {
                    #docs
                    #[allow(dead_code, unused_variables, non_snake_case, clippy::too_many_arguments)]
                    #visibility #function
                }
            }
        });
        quote! {
            #attributes
            #[allow(dead_code, non_upper_case_globals)]
            #visibility #stencil
            #attributes
            #docs
            #[allow(dead_code, unused_variables, non_snake_case, clippy::too_many_arguments)]
            #visibility fn #emit<__Memory: ::stencil_runtime::Memory>(
                _: &mut ::stencil_runtime::Emitter<'_, __Memory>, #(#emitted),*
            ) -> ::core::result::Result<(), ::stencil_runtime::Error> {
                ::core::unreachable!()
            }
            #constructor
        }
    }
}
