//! From stencils to Rust. Nothing can fail here any more.

mod describe;
mod emit;
mod machine;
pub mod stub;

use std::collections::HashMap;
use std::path::PathBuf;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Attribute;
use syn::ext::IdentExt as _;

use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::{Abi, Objects, Stencil, stored};
use crate::{committed, compiler};

/// The whole block.
pub fn expand(block: &Block, objects: &Objects, abi: Abi) -> TokenStream {
    let names = Names::new(block, objects);
    let machine = machine::expand(block, objects, abi, &names);
    let uops = block.uops.iter().zip(&objects.uops).map(|(uop, members)| uop_items(block, uop, members, &names));
    let arrays = names.arrays();
    let statics = names.statics(objects);
    quote! { #machine #arrays #statics #(#uops)* }
}

/// Makes Cargo rebuild when one of these changes: what is asked for by environment variables, and files.
pub fn tracked(files: &[PathBuf]) -> TokenStream {
    let files = files.iter().filter_map(|path| path.canonicalize().ok()).map(|path| path.display().to_string());
    let variables = [compiler::VARIABLE, committed::UPDATE, committed::VERIFY];
    quote! {
        #(const _: ::core::option::Option<&str> = ::core::option_env!(#variables);)*
        #(const _: &[u8] = ::core::include_bytes!(#files);)*
    }
}

/// The name of a local variable of the expansion, which no name that the user chose is the same as.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Names of what the public items share and nobody else uses. They begin with the name of the block's first
/// uop, which no other block in scope has.
struct Names {
    prefix: String,
    /// Stored bytes, and the number of their array.
    bytes: HashMap<Vec<u8>, usize>,
}

impl Names {
    fn new(block: &Block, objects: &Objects) -> Self {
        let first = block.uops.first().map_or(&block.machine.name, |uop| &uop.name);
        let mut bytes = HashMap::new();
        for stencil in objects.entry.iter().chain(objects.uops.iter().flatten().flatten()) {
            for body in [&stencil.code, &stencil.data] {
                let next = bytes.len();
                bytes.entry(stored(body).to_vec()).or_insert(next);
            }
        }
        Self { prefix: format!("__stencil_{}", first.unraw()), bytes }
    }

    /// The array that holds these stored bytes.
    fn array(&self, stored: &[u8]) -> Ident {
        format_ident!("{}_bytes_{}", self.prefix, self.bytes[stored])
    }

    /// All arrays of stored bytes, each once.
    fn arrays(&self) -> TokenStream {
        let mut all: Vec<_> = self.bytes.iter().map(|(bytes, index)| (*index, bytes)).collect();
        all.sort_unstable();
        let items = all.into_iter().map(|(_, bytes)| {
            let (name, length, literal) = (self.array(bytes), bytes.len(), Literal::byte_string(bytes));
            quote! {
                #[doc(hidden)]
                #[allow(non_upper_case_globals)]
                static #name: [u8; #length] = *#literal;
            }
        });
        quote! { #(#items)* }
    }

    /// Read-only data of C code.
    fn static_data(&self, index: usize) -> Ident {
        format_ident!("{}_static_{index}", self.prefix)
    }

    fn statics(&self, objects: &Objects) -> TokenStream {
        let items = objects.statics.iter().enumerate().map(|(index, data)| {
            let name = self.static_data(index);
            let (length, literal) = (data.bytes.len(), Literal::byte_string(&data.bytes));
            let alignment = Literal::u64_unsuffixed(data.alignment);
            quote! {
                #[doc(hidden)]
                #[allow(non_upper_case_globals)]
                static #name: &[u8; #length] = {
                    #[repr(C, align(#alignment))]
                    struct Aligned([u8; #length]);
                    static ALIGNED: Aligned = Aligned(*#literal);
                    &ALIGNED.0
                };
            }
        });
        quote! { #(#items)* }
    }

    /// The constant that has a host function's address.
    fn host(&self, index: usize) -> Ident {
        format_ident!("{}_host_{index}", self.prefix)
    }
}

/// Attributes of a uop for every item that it becomes.
fn common_attributes(attributes: &[Attribute]) -> Vec<&Attribute> {
    let common = ["cfg", "cfg_attr", "allow", "expect", "warn", "deny", "forbid"];
    attributes.iter().filter(|attribute| common.iter().any(|name| attribute.path().is_ident(name))).collect()
}

/// Attributes of a uop for its functions.
fn own_attributes(attributes: &[Attribute]) -> Vec<&Attribute> {
    let common = common_attributes(attributes);
    attributes.iter().filter(|attribute| !common.contains(attribute)).collect()
}

/// Everything that a uop becomes.
fn uop_items(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let emit = emit::expand(block, uop, members, names);
    let constants = describe::expand(block, uop, members, names);
    let constructor = constructor(block, uop, members);
    quote! { #constants #emit #constructor }
}

/// The static that instructions refer to a uop by: one `Uop`, or an array of those of a family.
fn uop_static(uop: &Uop) -> Ident {
    format_ident!("__stencil_uop_{}", uop.name)
}

/// The index of a family's member from its parameters, as an `Option<usize>`.
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

/// The function that makes an instruction, and the `Uop`s that instructions refer to.
fn constructor(block: &Block, uop: &Uop, members: &[Option<Stencil>]) -> TokenStream {
    let machine = machine::path(block);
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let stencil = describe::constant(uop);
    let uops = uop_static(uop);
    let operands: Vec<_> = uop.operands.iter().map(|field| &field.name).collect();
    let types: Vec<_> = uop.operands.iter().map(|field| &field.ty.rust).collect();
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| &parameter.name).collect();
    let (out, words, labels) = (local("_out"), local("_words"), local("_labels"));
    let from_words = uop.operands.iter().enumerate().map(|(index, field)| {
        let ty = &field.ty.rust;
        match field.ty.c {
            Type::Label => quote! { #labels.address(#words[#index])? },
            _ => quote! { <#ty as ::stencil_runtime::Operand>::from_word(#words[#index]) },
        }
    });
    let from_words: Vec<_> = from_words.collect();
    let item = |stencil: TokenStream, emit: TokenStream| {
        quote! {
            ::stencil_runtime::Uop::new(&#stencil, |#out, #words, #labels| #emit(#out, #(#from_words),*))
        }
    };
    let to_words = quote! { [#(::stencil_runtime::Operand::to_word(#operands)),*] };
    let (statics, body) = if uop.is_family() {
        let text = name.to_string();
        let count = members.len();
        let all = members.iter().enumerate().map(|(index, member)| match member {
            Some(_) => {
                let emit = emit::member_name(uop, index);
                let describe = describe::member_name(uop, index);
                let uop = item(quote!(#describe), quote!(#emit));
                quote! { ::core::option::Option::Some(#uop) }
            }
            None => quote! { ::core::option::Option::None },
        });
        let missing = format_ident!("__stencil_missing_{}", name);
        let indices = 0..parameters.len();
        let statics = quote! {
            #[doc(hidden)]
            #(#common)*
            #[allow(non_upper_case_globals)]
            static #uops: [::core::option::Option<::stencil_runtime::Uop<#machine>>; #count] = [#(#all),*];
            #[doc(hidden)]
            #(#common)*
            #[allow(non_upper_case_globals)]
            static #missing: ::stencil_runtime::Uop<#machine> = ::stencil_runtime::Uop::missing(|_, #words, _| {
                ::core::result::Result::Err(
                    ::stencil_runtime::Error::no_such_stencil(#text, &[#(#words[#indices] as usize),*]),
                )
            });
        };
        let (index, found) = (member_index(uop), local("found"));
        let body = quote! {
            match #index.and_then(|index| #uops[index].as_ref()) {
                ::core::option::Option::Some(#found) => ::stencil_runtime::Instruction::new(#found, #to_words),
                ::core::option::Option::None => {
                    ::stencil_runtime::Instruction::new(&#missing, [#(#parameters as u64),*])
                }
            }
        };
        (statics, body)
    } else {
        let emit = emit::function_name(uop);
        let uop = item(quote!(#stencil), quote!(#emit));
        let statics = quote! {
            #[doc(hidden)]
            #(#common)*
            #[allow(non_upper_case_globals)]
            static #uops: ::stencil_runtime::Uop<#machine> = #uop;
        };
        (statics, quote! { ::stencil_runtime::Instruction::new(&#uops, #to_words) })
    };
    // All of it at the name, which is where rustc reports that two blocks of a machine have a uop of one name.
    let span = name.span().resolved_at(Span::call_site());
    let function = quote_spanned! {span=>
        fn #name(#(#parameters: usize,)* #(#operands: #types),*) -> ::stencil_runtime::Instruction<#machine> {
            #body
        }
    };
    let link = format!("The instruction; [`{stencil}`] describes its machine code.");
    quote! {
        #statics
        #(#common)*
        impl #machine {
            #(#own)*
            #[doc = ""]
            #[doc = #link]
            #[allow(dead_code, non_snake_case, clippy::too_many_arguments)]
            #[inline]
            #[must_use]
            #visibility #function
        }
    }
}
