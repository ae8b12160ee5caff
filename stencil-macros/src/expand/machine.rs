//! The machine's type, the types that both languages share, the host functions.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};

use super::{Names, describe, emit, local};
use crate::ast::{Block, Struct, Typed};
use crate::model::{Abi, Objects};

/// How Rust names the machine.
pub fn path(block: &Block) -> TokenStream {
    let machine = &block.machine;
    machine.continued.as_ref().map_or_else(|| machine.name.to_token_stream(), |path| path.to_token_stream())
}

pub fn expand(block: &Block, objects: &Objects, abi: Abi, names: &Names) -> TokenStream {
    let machine =
        if block.machine.continued.is_some() { continued(block, abi) } else { declared(block, objects, abi, names) };
    let mut layout = objects.layout.iter().copied();
    let structs = block.structs.iter().map(|s| structure(s, &mut layout));
    let hosts = block.externs.iter().enumerate().map(|(index, function)| {
        let (name, path) = (names.host(index), &function.function);
        let ty = function_type(function.parameters.iter().map(|field| &field.ty), &function.output);
        quote! {
            #[doc(hidden)]
            #[allow(non_upper_case_globals)]
            const #name: #ty = #path;
        }
    });
    quote! { #machine #(#structs)* #(#hosts)* }
}

/// The type of a function of the C convention.
pub fn function_type<'a>(parameters: impl Iterator<Item = &'a Typed>, output: &Option<Typed>) -> TokenStream {
    let parameters = parameters.map(|ty| &ty.rust);
    let output = output.as_ref().map(|ty| {
        let ty = &ty.rust;
        quote! { -> #ty }
    });
    quote! { unsafe extern "C" fn(#(#parameters),*) #output }
}

pub fn entry_type(block: &Block) -> TokenStream {
    function_type(block.machine.parameters.iter().map(|field| &field.ty), &block.machine.output)
}

pub fn abi_value(abi: Abi) -> TokenStream {
    match abi {
        Abi::C => quote! { ::stencil_runtime::Abi::C },
        Abi::PreserveNone => quote! { ::stencil_runtime::Abi::PreserveNone },
    }
}

fn declared(block: &Block, objects: &Objects, abi: Abi, names: &Names) -> TokenStream {
    let machine = &block.machine;
    let (name, visibility) = (&machine.name, &machine.visibility);
    let attributes = &machine.attributes;
    // As many words as the largest uop needs, or as the user wants for those of other blocks.
    let own = block.uops.iter().map(|uop| uop.operands.len().max(uop.parameters.len())).max().unwrap_or(0);
    let words = own.max(machine.operands);
    let entry = entry_type(block);
    let abi = abi_value(abi);
    let entry_uop = format_ident!("__stencil_entry_{name}");
    let empty = crate::model::Stencil { data_alignment: 1, ..Default::default() };
    let stencil = objects.entry.as_ref().unwrap_or(&empty);
    let description = describe::entry_value(block, stencil, names);
    let (entry_stencil, out, operands) =
        (format_ident!("__stencil_entry_stencil_{name}"), local("out"), local("words"));
    let (body, links) = (emit::body(stencil, names), emit::links(block, stencil, names));
    quote! {
        #(#attributes)*
        #[derive(Clone, Copy, Debug)]
        #visibility enum #name {}

        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        const #entry_stencil: ::stencil_runtime::Stencil = #description;
        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        static #entry_uop: ::stencil_runtime::Uop<#name> = unsafe {
            ::stencil_runtime::Uop::new(&#entry_stencil, #links, |#out, #operands: &[u64; #words], _| {
                type __Memory = ::stencil_runtime::Fresh;
                #body
            })
        };

        unsafe impl ::stencil_runtime::Machine for #name {
            type Operands = [u64; #words];
            type Entry = #entry;
            const ABI: ::stencil_runtime::Abi = #abi;
            const ENTRY: &'static ::stencil_runtime::Uop<Self> = &#entry_uop;
        }

        impl #name {
            /// Compiles a program; execution begins at its first instruction.
            ///
            /// # Errors
            /// See [`Error`](::stencil_runtime::Error).
            #visibility fn compile(
                program: &[::stencil_runtime::Instruction<Self>],
            ) -> ::core::result::Result<::stencil_runtime::Code<Self>, ::stencil_runtime::Error> {
                ::stencil_runtime::Code::compile(program)
            }

            /// Compiles a program into an arena.
            ///
            /// # Errors
            /// See [`Error`](::stencil_runtime::Error).
            #[allow(dead_code)]
            #visibility fn compile_in(
                arena: &::stencil_runtime::Arena,
                program: &[::stencil_runtime::Instruction<Self>],
            ) -> ::core::result::Result<::stencil_runtime::Code<Self>, ::stencil_runtime::Error> {
                ::stencil_runtime::Code::compile_in(arena, program)
            }

            /// The pseudo-instruction that binds a label to the place where it stands.
            #[allow(dead_code)]
            #[must_use]
            #visibility fn bind(label: ::stencil_runtime::Label) -> ::stencil_runtime::Instruction<Self> {
                ::stencil_runtime::Instruction::bind(label)
            }
        }
    }
}

/// Checks that a continued machine is the one that was declared.
fn continued(block: &Block, abi: Abi) -> TokenStream {
    let (machine, entry, abi) = (path(block), entry_type(block), abi_value(abi));
    let span = block.machine.name.span();
    let room = block.uops.iter().map(|uop| {
        let needed = uop.operands.len().max(uop.parameters.len());
        let message = format!(
            "uop `{}` has {needed} operands, more than any uop of the block that declares the machine: write \
             `#[operands({needed})]` before `machine` there",
            uop.name
        );
        quote_spanned! {uop.name.span()=>
            const _: () = ::core::assert!(
                ::core::mem::size_of::<<#machine as ::stencil_runtime::Machine>::Operands>() >= 8 * #needed,
                #message,
            );
        }
    });
    quote_spanned! {span=>
        const _: () = {
            // The registers and the result are those of the machine's declaration.
            const fn _same<Entry: ::stencil_runtime::expansion::Declared<Here>, Here>() {}
            _same::<<#machine as ::stencil_runtime::Machine>::Entry, #entry>();
            ::core::assert!(
                <#machine as ::stencil_runtime::Machine>::ABI.matches(#abi),
                "the blocks of a machine were compiled by C compilers with different calling conventions: \
                 have one compiler on all machines, or name it in STENCIL_CC",
            );
        };
        #(#room)*
    }
}

/// A type of both languages, and the proof that they agree on it.
fn structure(s: &Struct, layout: &mut impl Iterator<Item = u64>) -> TokenStream {
    let Struct { attributes, visibility, name, bound, fields, .. } = s;
    let definition = bound.is_none().then(|| {
        let fields = fields.iter().map(|field| {
            let (attributes, visibility, name, ty) =
                (&field.attributes, &field.visibility, &field.name, &field.ty.rust);
            quote! { #(#attributes)* #visibility #name: #ty }
        });
        quote! { #(#attributes)* #[repr(C)] #visibility struct #name { #(#fields),* } }
    });
    let rust = bound.as_ref().map_or_else(|| name.to_token_stream(), |path| path.to_token_stream());
    let (Some(size), Some(alignment)) = (layout.next(), layout.next()) else { return quote! { #definition } };
    let (size, alignment) = (size as usize, alignment as usize);
    let disagree = |what: String| {
        let fields = if s.in_c { "the fields of the C type" } else { "all its fields here" };
        format!("Rust and C disagree on the {what}: the Rust type has to be `#[repr(C)]`, and {fields} in its order")
    };
    let (size_text, align_text) = (
        disagree(format!("size of `{name}`, which is {size} in C")),
        disagree(format!("alignment of `{name}`, which is {alignment} in C")),
    );
    let checks = fields.iter().map(|field| {
        let (field_name, ty): (&Ident, _) = (&field.name, &field.ty.rust);
        let (offset, field_size) = (layout.next().unwrap_or(0) as usize, layout.next().unwrap_or(0) as usize);
        let offset_text = disagree(format!("offset of `{name}.{field_name}`, which is {offset} in C"));
        let field_text = disagree(format!("size of `{name}.{field_name}`, which is {field_size} in C"));
        let span = field_name.span();
        quote_spanned! {span=>
            const __OFFSET: usize = ::core::mem::offset_of!(__Rust, #field_name);
            // Of a field that is not there, rustc says so once: then this type is not known.
            fn #field_name(
                value: &<__Rust as ::stencil_runtime::expansion::Given<__OFFSET>>::Itself,
            ) -> &#ty { &value.#field_name }
            let _ = #field_name;
            ::core::assert!(__OFFSET == #offset, #offset_text);
            ::core::assert!(::core::mem::size_of::<#ty>() == #field_size, #field_text);
        }
    });
    let checks: Vec<_> = checks.collect();
    let span = name.span();
    quote_spanned! {span=>
        #definition
        const _: () = {
            // Named once, so that a mistake in it is one.
            type __Rust = #rust;
            ::core::assert!(::core::mem::size_of::<__Rust>() == #size, #size_text);
            ::core::assert!(::core::mem::align_of::<__Rust>() == #alignment, #align_text);
            #({ #checks })*
        };
    }
}
