//! Expands the machine's type, the shared types, and the host functions.

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::catalog::Catalog;
use super::names::{self, Names};
use super::{host, instruction, shared};
use crate::ast::{Block, Struct, StructKind};
use crate::ctype::{self, Alias, Type};
use crate::isa;
use crate::model::{Abi, Calls, Handlers, Objects};
use crate::observer;

pub fn expand(
    block: &Block,
    objects: &Objects,
    handlers: Option<&Handlers>,
    calls: &Calls,
    catalog: &Catalog,
    names: &Names,
) -> TokenStream {
    let machine = if block.machine.continued.is_some() {
        continued(block, calls, handlers.is_some())
    } else {
        declared(block, calls, handlers, catalog, names)
    };
    let mut layout = objects.layout.iter().copied();
    let structs = block.structs.iter().map(|s| structure(block, s, &mut layout));
    let hosts = block.externs.iter().enumerate().map(|(index, item)| {
        // Without uops nothing can use the constant, and another block may have the same host functions, so it gets no
        // name.
        let name = if block.uops.is_empty() { quote!(_) } else { names.host(index).into_token_stream() };
        host::constant(item, &name)
    });
    let types = types(block);
    let constants = shared::items(block);
    quote! { #machine #constants #types #(#structs)* #(#hosts)* }
}

/// Returns assertions that the types which the macro knows by name are the expected ones.
fn types(block: &Block) -> TokenStream {
    let mut asserted = HashSet::new();
    let mut assertions = Vec::new();
    for ty in block.types() {
        ctype::names(&ty.rust, &mut |found, c| {
            let expected = match c {
                Type::Integer { alias: Alias::C(name, _), .. } => {
                    let name = format_ident!("{name}");
                    quote! { __stencil_core::ffi::#name }
                }
                Type::Integer { bits, signed, alias } => {
                    let letter = if signed { "i" } else { "u" };
                    let name = format_ident!(
                        "{letter}{}",
                        if alias == Alias::Size { "size".into() } else { bits.to_string() }
                    );
                    quote! { __stencil_core::primitive::#name }
                }
                Type::Bool => quote! { __stencil_core::primitive::bool },
                Type::F32 => quote! { __stencil_core::primitive::f32 },
                Type::F64 => quote! { __stencil_core::primitive::f64 },
                Type::Vector(vector) => {
                    let path = isa::vector(vector);
                    quote! { __stencil_core::#path }
                }
                Type::Label => quote! { __stencil_runtime::Label },
                Type::CodeAddress => quote! { __stencil_runtime::CodeAddress },
                Type::Exit => quote! { __stencil_runtime::CodeExit },
                Type::Named(name) => match block.structs.iter().find(|s| s.name == name) {
                    Some(s) => rust_name(s),
                    // The type does not exist in C.
                    None => return,
                },
                Type::Pointer { .. } | Type::Function(_) | Type::Array(..) => unreachable!("these have no name"),
            };
            if asserted.insert((found.to_token_stream().to_string(), expected.to_string())) {
                assertions.push(quote_spanned! {found.span()=>
                    const _: () = __stencil_runtime::expansion::assert_type::<#found, #expected>();
                });
            }
        });
    }
    quote! { #(#assertions)* }
}

/// Returns the Rust name of a struct of the block.
fn rust_name(s: &Struct) -> TokenStream {
    s.bound.as_ref().map_or_else(|| s.name.to_token_stream(), |path| path.to_token_stream())
}

pub fn entry_type(block: &Block) -> TokenStream {
    host::function_type(block.machine.passed().map(|field| &field.ty), block.machine.output.as_ref())
}

/// Returns the type of a function that takes all registers, on which the blocks of a machine must agree.
pub fn registers_type(block: &Block) -> TokenStream {
    host::function_type(block.machine.parameters.iter().map(|field| &field.ty), block.machine.output.as_ref())
}

/// Returns the type of the function that enters the machine at an address.
pub fn fragment_entry_type(block: &Block) -> TokenStream {
    let (parameters, output) = (block.machine.passed().map(|field| &field.ty.rust), &block.machine.output);
    let output = output.as_ref().map(|ty| {
        let ty = &ty.rust;
        quote! { -> #ty }
    });
    quote! { unsafe extern "C" fn(__stencil_runtime::CodeAddress, #(#parameters),*) #output }
}

pub fn abi_value(abi: Abi) -> TokenStream {
    match abi {
        Abi::C => quote! { __stencil_runtime::Abi::C },
        Abi::PreserveNone => quote! { __stencil_runtime::Abi::PreserveNone },
    }
}

/// Returns the value on which all blocks of a machine must agree.
pub fn convention_value(Calls { abi, convention, compiler }: &Calls) -> TokenStream {
    let registers = if convention.is_empty() { String::new() } else { format!("{}: it {convention}", abi.name()) };
    quote! { __stencil_runtime::expansion::Convention { registers: #registers, compiler: #compiler } }
}

fn declared(
    block: &Block,
    calls: &Calls,
    handlers: Option<&Handlers>,
    catalog: &Catalog,
    names: &Names,
) -> TokenStream {
    let (machine, core) = (&block.machine, names::core_at(block, Span::call_site()));
    let (name, visibility) = (&machine.name, &machine.visibility);
    let attributes = &machine.attributes;
    // The number of operand words is that of the largest uop, unless the user asks for more for the sake of other
    // blocks.
    let own = block.uops.iter().map(|uop| uop.words().max(uop.parameters.len())).max().unwrap_or(0);
    let words = own.max(machine.operands);
    let (entry, registers) = (entry_type(block), registers_type(block));
    let (abi, convention) = (abi_value(calls.abi), convention_value(calls));
    let fragment_entry = fragment_entry_type(block);
    let (entry_uop, fragment_entry_uop) = (names.entry(), names.fragment_entry());
    let members = catalog.entries.iter().flat_map(|entry| &entry.members).flatten();
    let uops = members
        .map(|member| instruction::uop(*member, &quote!(&[]), &quote!(__stencil_core::option::Option::None), names));
    let statics = [&entry_uop, &fragment_entry_uop].into_iter().zip(uops).map(|(static_name, uop)| {
        quote! {
            #[doc(hidden)]
            #[allow(non_upper_case_globals)]
            static #static_name: __stencil_runtime::Uop<#name> = #uop;
        }
    });
    let expansion = names::expansion_at(block, Span::call_site());
    let requires = block.requires.iter().map(|feature| {
        quote! { __stencil_runtime::expansion::Feature::new(#feature, || #expansion::std::is_x86_feature_detected!(#feature)) }
    });
    let interpreter = handlers.and_then(|handlers| {
        let function = names.handler(handlers.entry?);
        // SAFETY of the expansion: it is a function of this type, without its parameters.
        Some(quote! {
            const INTERPRETER: __stencil_core::option::Option<Self::FragmentEntry> = __stencil_core::option::Option::Some(unsafe {
                __stencil_core::mem::transmute::<unsafe extern "C" fn(), Self::FragmentEntry>(#function)
            });
        })
    });
    let observer = interpreter.as_ref().and_then(|_| observer(block, names));
    let interpret = interpreter_method(block);
    quote! {
        #(#attributes)*
        #[derive(#core::clone::Clone, #core::marker::Copy, #core::fmt::Debug)]
        #visibility enum #name {}

        #(#statics)*

        unsafe impl __stencil_runtime::Machine for #name {
            type Operands = [__stencil_core::primitive::u64; #words];
            type Entry = #entry;
            type Registers = #registers;
            type FragmentEntry = #fragment_entry;
            const ABI: __stencil_runtime::Abi = #abi;
            const CONVENTION: __stencil_runtime::expansion::Convention = #convention;
            const ENTRY: &'static __stencil_runtime::Uop<Self> = &#entry_uop;
            #interpreter
            #observer
            const REQUIRES: &'static [__stencil_runtime::expansion::Feature] = &[#(#requires),*];
            const FRAGMENT_ENTRY: &'static __stencil_runtime::Uop<Self> = &#fragment_entry_uop;
        }

        impl #name {
            /// Compiles a program. Its entry runs the first instruction.
            ///
            /// # Errors
            /// Returns an error if an operand does not fit, a label is unbound, or memory cannot be obtained.
            #visibility fn compile(
                program: &[__stencil_runtime::Instruction<Self>],
            ) -> __stencil_core::result::Result<__stencil_runtime::Code<Self>, __stencil_runtime::Error> {
                __stencil_runtime::Code::compile(program)
            }

            /// Compiles a program into an arena.
            ///
            /// # Errors
            /// Returns an error if an operand does not fit, a label is unbound, or the arena is full.
            #[allow(dead_code)]
            #visibility fn compile_in(
                arena: &__stencil_runtime::Arena,
                program: &[__stencil_runtime::Instruction<Self>],
            ) -> __stencil_core::result::Result<__stencil_runtime::Code<Self>, __stencil_runtime::Error> {
                __stencil_runtime::Code::compile_in(arena, program)
            }

            /// Compiles a program without an entry into an arena.
            ///
            /// # Errors
            /// Returns an error if an operand does not fit, a label is unbound, or the arena is full.
            #[allow(dead_code)]
            #visibility fn compile_fragment_in(
                arena: &__stencil_runtime::Arena,
                program: &[__stencil_runtime::Instruction<Self>],
            ) -> __stencil_core::result::Result<__stencil_runtime::Fragment<Self>, __stencil_runtime::Error> {
                __stencil_runtime::Fragment::compile_in(arena, program)
            }

            #interpret

            /// Returns the pseudo-instruction that binds a label to its position in the program.
            #[allow(dead_code)]
            #[must_use]
            #visibility fn bind(label: __stencil_runtime::Label) -> __stencil_runtime::Instruction<Self> {
                __stencil_runtime::Instruction::bind(label)
            }
        }
    }
}

/// Returns the constant by which the runtime observes runs.
fn observer(block: &Block, names: &Names) -> Option<TokenStream> {
    let uop = names.uop(block.uops.iter().find(|uop| uop.name == observer::NAME)?);
    let registers = block.machine.parameters.iter().map(|register| {
        let (name, ty) = (register.text(), &register.ty.rust);
        quote! { (#name, __stencil_core::mem::size_of::<#ty>()) }
    });
    // SAFETY of the expansion: the uop stores these registers.
    Some(quote! {
        const OBSERVER: __stencil_core::option::Option<__stencil_runtime::expansion::Observer<Self>> =
            __stencil_core::option::Option::Some(unsafe {
                __stencil_runtime::expansion::Observer::new(&#uop, &[#(#registers),*])
            });
    })
}

/// Returns the function that encodes a program for the interpreter, if the machine asks for one.
pub fn interpreter_method(block: &Block) -> Option<TokenStream> {
    let machine = &block.machine;
    machine.interpreter.as_ref()?;
    let visibility = &machine.visibility;
    Some(quote! {
        /// Encodes a program for the interpreter.
        ///
        /// # Errors
        /// Returns an error if an operand does not fit, a label is unbound, or memory cannot be obtained.
        #[allow(dead_code)]
        #visibility fn interpreter(
            program: &[__stencil_runtime::Instruction<Self>],
        ) -> __stencil_core::result::Result<__stencil_runtime::Interpreter<Self>, __stencil_runtime::Error> {
            __stencil_runtime::Interpreter::new(program)
        }
    })
}

/// Returns assertions that a continued machine is the one that was declared.
fn continued(block: &Block, calls: &Calls, interpreted: bool) -> TokenStream {
    let (machine, registers, convention) = (names::machine(block), registers_type(block), convention_value(calls));
    let span = block.machine.name.span();
    let required = block.requires.iter().map(|feature| {
        let message = format!(
            "the block that declares the machine does not require `{}`: write `requires` there, too, since a program is checked \
             by its machine",
            feature.value()
        );
        let core = names::core_at(block, feature.span());
        quote_spanned! {feature.span()=>
            const _: () = #core::assert!(
                __stencil_runtime::expansion::Feature::is_among(#feature, <#machine as __stencil_runtime::Machine>::REQUIRES),
                #message,
            );
        }
    });
    let room = block.uops.iter().map(|uop| {
        let needed = uop.words().max(uop.parameters.len());
        let message = format!(
            "uop `{}` has {needed} operand words, more than any uop in the block that declares the machine: write \
             `#[operands({needed})]` before `machine` there",
            uop.name
        );
        let core = names::core_at(block, uop.name.span());
        quote_spanned! {uop.name.span()=>
            const _: () = #core::assert!(
                __stencil_core::mem::size_of::<<#machine as __stencil_runtime::Machine>::Operands>() >= 8 * #needed,
                #message,
            );
        }
    });
    let message = if interpreted {
        "the block that declares the machine has no interpreter: write `#[interpreter]` before `machine` there, too"
    } else {
        "the machine has an interpreter, so each of its blocks needs one: write `#[interpreter]` before `continue machine`"
    };
    let core = names::core_at(block, span);
    let interpreter = quote_spanned! {span=>
        const _: () = #core::assert!(
            <#machine as __stencil_runtime::Machine>::INTERPRETER.is_some() == #interpreted,
            #message,
        );
    };
    quote_spanned! {span=>
        const _: () = {
            // The registers and the result are those of the machine's declaration.
            const fn __same<Registers: __stencil_runtime::expansion::Declared<Here>, Here>() {}
            __same::<<#machine as __stencil_runtime::Machine>::Registers, #registers>();
            <#machine as __stencil_runtime::Machine>::CONVENTION.assert_is_that_of(#convention);
        };
        #interpreter
        #(#required)*
        #(#room)*
    }
}

/// Returns a type without a size that is known, a use for it by value, or a thread that it may move to.
pub fn opaque(Struct { attributes, visibility, name, .. }: &Struct) -> TokenStream {
    quote! {
        #(#attributes)*
        #[repr(C)]
        #visibility struct #name {
            __opaque: [__stencil_core::primitive::u8; 0],
            __marker: __stencil_core::marker::PhantomData<(*mut __stencil_core::primitive::u8, __stencil_core::marker::PhantomPinned)>,
        }
    }
}

/// Returns a shared type, and assertions that both languages agree on its layout.
fn structure(block: &Block, s: &Struct, layout: &mut impl Iterator<Item = u64>) -> TokenStream {
    let Struct { attributes, visibility, name, bound, fields, .. } = s;
    if s.is_opaque() {
        return opaque(s);
    }
    let definition = bound.is_none().then(|| {
        let fields = fields.iter().map(|field| {
            let (attributes, visibility, name, ty) =
                (&field.attributes, &field.visibility, &field.name, &field.ty.rust);
            quote! { #(#attributes)* #visibility #name: #ty }
        });
        let keyword = format_ident!("{}", s.kind.keyword());
        quote! { #(#attributes)* #[repr(C)] #visibility #keyword #name { #(#fields),* } }
    });
    let rust = rust_name(s);
    let (Some(size), Some(alignment)) = (layout.next(), layout.next()) else { return quote! { #definition } };
    let (size, alignment) = (size as usize, alignment as usize);
    let disagree = |what: String| {
        let fields = if s.in_c { "the fields of the C type" } else { "all its fields here" };
        format!("Rust and C disagree on the {what}: the Rust type must be `#[repr(C)]`, and {fields} in its order")
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
        let core = names::core_at(block, span);
        let access = quote_spanned!(span=> &__value.#field_name);
        // SAFETY of the expansion: nothing calls this function.
        let access = if s.kind == StructKind::Union { quote!(unsafe { #access }) } else { access };
        quote_spanned! {span=>
            const __OFFSET: __stencil_core::primitive::usize = __stencil_core::mem::offset_of!(__Rust, #field_name);
            // If a field is missing, rustc reports it once, because it cannot infer this type.
            fn #field_name(
                __value: &<__Rust as __stencil_runtime::expansion::Given<__OFFSET>>::Itself,
            ) -> &#ty { #access }
            let _ = #field_name;
            #core::assert!(__OFFSET == #offset, #offset_text);
            #core::assert!(__stencil_core::mem::size_of::<#ty>() == #field_size, #field_text);
        }
    });
    let checks: Vec<_> = checks.collect();
    let span = name.span();
    let core = names::core_at(block, span);
    quote_spanned! {span=>
        #definition
        const _: () = {
            // The type is named once, so that rustc reports a mistake in it once.
            type __Rust = #rust;
            #core::assert!(__stencil_core::mem::size_of::<__Rust>() == #size, #size_text);
            #core::assert!(__stencil_core::mem::align_of::<__Rust>() == #alignment, #align_text);
            #({ #checks })*
        };
    }
}
