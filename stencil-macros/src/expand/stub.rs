//! Expands a block that has mistakes: the items that it would define, with signatures but without code, so that rustc
//! reports only the mistakes. An editor that hides the positions of tokens gets the same expansion.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::Visibility;

use super::names::{self, common_attributes, own_attributes};
use super::{host, machine, operand, shared};
use crate::ast::{Block, Extern, Struct, Unparsed, Uop};
use crate::cache::Cache;
use crate::check;
use crate::ctype::Type;
use crate::model::{Abi, Calls};

/// Returns the items of a block. `checked` says whether the declarations are free of mistakes.
pub fn expand(block: &Block, checked: bool) -> TokenStream {
    let mut seen = HashSet::new();
    let structs = block.structs.iter().filter(|s| seen.insert(s.name.to_string())).map(structure);
    let constants = shared::definitions(block);
    let hosts = block.externs.iter().map(|item| linked(item, checked));
    let declares = block.machine.continued.is_none() && !block.mistakes.no_machine;
    let machine = declares.then(|| declared(block));
    let path = (!block.mistakes.no_machine).then(|| names::machine(block));
    let mut seen = HashSet::new();
    let uops = block.uops.iter().filter(|uop| seen.insert(uop.name.to_string()));
    let uops: TokenStream = uops.map(|uop| self::uop(block, uop, path.as_ref(), checked)).collect();
    let others = block.mistakes.uops.iter().filter(|uop| seen.insert(uop.name.to_string()));
    let others: TokenStream = others.map(|uop| unparsed(block, uop, path.as_ref())).collect();
    quote! { #machine #constants #(#structs)* #(#hosts)* #uops #others }
}

fn declared(block: &Block) -> TokenStream {
    let (machine, core) = (&block.machine, names::core_at(block, Span::call_site()));
    let (name, visibility) = (&machine.name, &machine.visibility);
    let attributes = &machine.attributes;
    let types = || machine.parameters.iter().map(|field| &field.ty).chain(&machine.output);
    let plain =
        types().all(|ty| ty.error.is_none() && !(ty.c.is_code() || matches!(ty.c, Type::Array(..) | Type::Named(_))));
    let (entry, registers, fragment_entry) = if plain && machine.parameters.len() <= check::MAX_REGISTERS {
        (machine::entry_type(block), machine::registers_type(block), machine::fragment_entry_type(block))
    } else {
        let none = quote! { unsafe extern "C" fn() };
        (none.clone(), none, quote! { unsafe extern "C" fn(__stencil_runtime::CodeAddress) })
    };
    // The machine's other blocks may be free of mistakes, and are compiled for this convention.
    let abi = Cache::of_user().compiler().map_or(Abi::C, |compiler| compiler.traits.abi);
    // Unknown values are compatible with everything.
    let calls = Calls { abi, convention: String::new(), compiler: String::new() };
    let (abi, convention) = (machine::abi_value(abi), machine::convention_value(&calls));
    let interpreter = machine::interpreter_method(block);
    // The machine's other blocks ask whether there is one.
    let entry_of_interpreter = interpreter.is_some().then(|| {
        quote! {
            const INTERPRETER: __stencil_core::option::Option<Self::FragmentEntry> = __stencil_core::option::Option::Some(unsafe {
                extern "C" fn __none() {
                    __stencil_runtime::expansion::unreachable()
                }
                __stencil_core::mem::transmute::<extern "C" fn(), Self::FragmentEntry>(__none)
            });
        }
    });
    quote! {
        #(#attributes)*
        #[derive(#core::clone::Clone, #core::marker::Copy, #core::fmt::Debug)]
        #visibility enum #name {}

        // SAFETY: no program can be compiled: the entry has no code, and a build with mistakes fails before anything
        // runs.
        unsafe impl __stencil_runtime::Machine for #name {
            type Operands = [__stencil_core::primitive::u64; 256];
            type Entry = #entry;
            type Registers = #registers;
            type FragmentEntry = #fragment_entry;
            const ABI: __stencil_runtime::Abi = #abi;
            const CONVENTION: __stencil_runtime::expansion::Convention = #convention;
            const ENTRY: &'static __stencil_runtime::Uop<Self> =
                &__stencil_runtime::Uop::missing(__stencil_runtime::Family::nothing());
            const FRAGMENT_ENTRY: &'static __stencil_runtime::Uop<Self> = Self::ENTRY;
            #entry_of_interpreter
        }

        #[allow(dead_code)]
        impl #name {
            #visibility fn compile(
                _: &[__stencil_runtime::Instruction<Self>],
            ) -> __stencil_core::result::Result<__stencil_runtime::Code<Self>, __stencil_runtime::Error> {
                __stencil_runtime::expansion::unreachable()
            }
            #visibility fn compile_in(
                _: &__stencil_runtime::Arena,
                _: &[__stencil_runtime::Instruction<Self>],
            ) -> __stencil_core::result::Result<__stencil_runtime::Code<Self>, __stencil_runtime::Error> {
                __stencil_runtime::expansion::unreachable()
            }
            #visibility fn compile_fragment_in(
                _: &__stencil_runtime::Arena,
                _: &[__stencil_runtime::Instruction<Self>],
            ) -> __stencil_core::result::Result<__stencil_runtime::Fragment<Self>, __stencil_runtime::Error> {
                __stencil_runtime::expansion::unreachable()
            }
            #interpreter
            #visibility fn bind(_: __stencil_runtime::Label) -> __stencil_runtime::Instruction<Self> {
                __stencil_runtime::expansion::unreachable()
            }
        }
    }
}

fn structure(s: &Struct) -> TokenStream {
    if s.bound.is_some() {
        return quote!();
    }
    if s.is_opaque() {
        return machine::opaque(s);
    }
    let Struct { attributes, visibility, name, .. } = s;
    let mut seen = HashSet::new();
    let fields = s.fields.iter().filter(|field| seen.insert(field.name.to_string())).map(|field| {
        let (attributes, visibility, name, ty) = (&field.attributes, &field.visibility, &field.name, &field.ty.rust);
        quote! { #(#attributes)* #visibility #name: #ty }
    });
    let keyword = format_ident!("{}", s.kind.keyword());
    quote! { #(#attributes)* #[allow(dead_code)] #[repr(C)] #visibility #keyword #name { #(#fields),* } }
}

/// Returns a use of the Rust item, so that rustc does not report it as unused.
fn linked(item: &Extern, checked: bool) -> TokenStream {
    match &item.path {
        None => quote!(),
        Some(path) if !checked && item.is_function() => quote! { const _: () = { let _ = #path; }; },
        Some(path) if !checked => quote! { const _: () = { let _ = &raw const #path; }; },
        Some(_) => host::constant(item, &quote!(_)),
    }
}

fn uop(block: &Block, uop: &Uop, machine: Option<&TokenStream>, checked: bool) -> TokenStream {
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    // Unchecked names may occur twice.
    let named = |name: Ident, ty: TokenStream| if checked { quote!(#name: #ty) } else { quote!(_: #ty) };
    let parameters = || uop.parameters.iter().map(|parameter| (&parameter.name, operand::parameter_type(parameter)));
    let operands = || uop.operands.iter();
    let emitted = (parameters().map(|(name, of)| named(names::argument(name), of)))
        .chain(operands().map(|field| named(names::argument(&field.name), operand::rust_type(field))));
    let constructed = (parameters().map(|(name, of)| named(name.clone(), of)))
        .chain(operands().map(|field| named(field.name.clone(), field.ty.rust.to_token_stream())));
    let arguments = parameters().map(|(name, _)| name).chain(operands().map(|field| &field.name)).filter(|_| checked);
    let signature = Signature {
        visibility: &uop.visibility,
        attributes: quote!(#(#common)*),
        docs: quote!(#(#own)*),
        name: &uop.name,
        shadows: names::shadows(arguments),
        emitted: emitted.collect(),
        constructed: constructed.collect(),
        is_family: uop.is_family(),
        is_method: check::is_method(block, &uop.name),
    };
    signature.items(machine)
}

fn unparsed(block: &Block, uop: &Unparsed, machine: Option<&TokenStream>) -> TokenStream {
    let operands = vec![quote!(_: impl __stencil_core::marker::Sized); uop.arity];
    let signature = Signature {
        visibility: &uop.visibility,
        attributes: quote!(),
        docs: quote!(),
        name: &uop.name,
        shadows: quote!(),
        emitted: operands.clone(),
        constructed: operands,
        is_family: false,
        is_method: check::is_method(block, &uop.name),
    };
    signature.items(machine)
}

/// The parts of a uop that are known without its stencil.
struct Signature<'a> {
    visibility: &'a Visibility,
    attributes: TokenStream,
    /// Further attributes of its functions.
    docs: TokenStream,
    name: &'a Ident,
    /// See [`names::shadows`].
    shadows: TokenStream,
    /// The arguments of its emit function: names and types.
    emitted: Vec<TokenStream>,
    /// The arguments of its constructor.
    constructed: Vec<TokenStream>,
    is_family: bool,
    /// Whether the machine has a function of that name, with which a constructor would collide.
    is_method: bool,
}

impl Signature<'_> {
    fn items(&self, machine: Option<&TokenStream>) -> TokenStream {
        let Self { visibility, attributes, docs, name, shadows, emitted, constructed, is_family, .. } = self;
        let (emit, stencil) = (format_ident!("emit_{}", name), format_ident!("STENCIL_{}", name));
        let ty = if *is_family { quote!(Family) } else { quote!(Stencil) };
        let stencil = quote! { const #stencil: __stencil_runtime::#ty = __stencil_runtime::#ty::nothing(); };
        let machine = machine.filter(|_| !self.is_method);
        let span = name.span().resolved_at(Span::call_site());
        let constructor = machine.map(|machine| {
            let function = quote_spanned! {span=>
                fn #name(#(#constructed),*) -> __stencil_runtime::Instruction<#machine> { __stencil_runtime::expansion::unreachable() }
            };
            quote! {
                const _: () = {
                    #shadows
                    #attributes
                    impl #machine {
                        #docs
                        #[allow(dead_code, unused_variables, non_snake_case, clippy::too_many_arguments)]
                        #visibility #function
                    }
                };
            }
        });
        quote! {
            #attributes
            #[allow(dead_code, non_upper_case_globals)]
            #visibility #stencil
            #attributes
            #docs
            #[allow(dead_code, unused_variables, non_snake_case, clippy::too_many_arguments)]
            #visibility fn #emit<__Memory: __stencil_runtime::Memory>(
                _: &mut __stencil_runtime::Emitter<'_, __Memory>, #(#emitted),*
            ) -> __stencil_core::result::Result<(), __stencil_runtime::Error> {
                __stencil_runtime::expansion::unreachable()
            }
            #constructor
        }
    }
}
