//! Emit functions: straight-line code that reserves space, computes fields, copies and patches.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::links::callee_pointer;
use super::manual;
use super::names::{self, Names, common_attributes, local, own_attributes};
use super::operand::{member_index, rust_type};
use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::{Patch, PatchKind, Section, Stencil, Value};

/// The maximum size in bytes of a uop whose emit function is inlined. The function of a larger uop is much longer than
/// a call of it, and inlining many of them would exceed the processor's caches.
const INLINED: usize = 32;

/// The public function of a uop, which takes operands by their types, and the functions that emit its stencils from words.
pub fn expand(block: &Block, uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let operands: Vec<_> = uop.operands.iter().map(|field| names::argument(&field.name)).collect();
    let types: Vec<_> = uop.operands.iter().map(rust_type).collect();
    let function = names::function(uop);
    let text = name.to_string();
    let errors = "# Errors\nReturns an error if an operand is out of its hole's range, if a buffer is full, or if a function is out of \
                  reach. Then the emitter is unchanged.";
    let link = format!("Emits the uop that [`{}`] describes.", names::constant(uop));
    let manual = manual::uop(block, uop, members);
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| names::argument(&parameter.name)).collect();
    let result = quote! { __stencil_core::result::Result<(), __stencil_runtime::Error> };
    let (out, words, emit) = (local("out"), local("words"), local("emit"));
    let emitter = quote! { &mut __stencil_runtime::Emitter<'_, __Memory> };
    let number = operands.len();
    let empty = Stencil { data_alignment: 1, ..Stencil::default() };
    let absent = (!uop.is_family() && members.first().and_then(Option::as_ref).is_none()).then_some((0, &empty));
    let present =
        members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?))).chain(absent);
    let functions = present.map(|(index, stencil)| {
        let name = names.words(uop, index);
        let body = body(stencil, names);
        quote! {
            #(#common)*
            #[doc(hidden)]
            #[allow(dead_code, non_snake_case)]
            #[inline(always)]
            fn #name<__Memory: __stencil_runtime::Memory>(
                #out: #emitter,
                #words: &[__stencil_core::primitive::u64; #number],
            ) -> __stencil_core::primitive::bool {
                #body
            }
        }
    });
    let to_words = uop.operands.iter().zip(&operands).map(|(field, name)| match field.ty.c {
        Type::Label => quote! { #name.0 },
        _ => quote! { __stencil_runtime::Operand::to_word(#name) },
    });
    let uops = names.uop(uop);
    let small =
        !uop.is_family() && members.iter().flatten().all(|stencil| stencil.code.len() + stencil.data.len() <= INLINED);
    let (inline, method) =
        if small { (quote!(inline), quote!(emit_inline)) } else { (quote!(inline(never)), quote!(emit)) };
    let chosen = if uop.is_family() {
        let count = members.len();
        let table = members.iter().enumerate().map(|(index, member)| match member {
            Some(_) => {
                let name = names.words(uop, index);
                quote! { __stencil_core::option::Option::Some(#name::<__Memory>) }
            }
            None => quote! { __stencil_core::option::Option::None },
        });
        let (index, found, member) = (member_index(uop, &parameters), local("found"), local("member"));
        quote! {
            type Emit<__Memory> = fn(#emitter, &[__stencil_core::primitive::u64; #number]) -> __stencil_core::primitive::bool;
            struct Members<__Memory>(__stencil_core::marker::PhantomData<__Memory>);
            impl<__Memory: __stencil_runtime::Memory> Members<__Memory> {
                const ALL: &'static [__stencil_core::option::Option<Emit<__Memory>>; #count] = &[#(#table),*];
            }
            match #index.and_then(|#member| __stencil_core::option::Option::Some((
                Members::<__Memory>::ALL[#member]?,
                __stencil_core::option::Option::as_ref(&#uops[#member])?,
            ))) {
                __stencil_core::option::Option::Some((#emit, #found)) => unsafe {
                    __stencil_runtime::Uop::#method(#found, #out, #words, #emit)
                },
                __stencil_core::option::Option::None => __stencil_core::result::Result::Err(
                    __stencil_runtime::Error::no_such_stencil(#text, &[#(#parameters),*]),
                ),
            }
        }
    } else {
        let name = names.words(uop, 0);
        quote! { unsafe { __stencil_runtime::Uop::#method(&#uops, #out, #words, #name) } }
    };
    // Every token has the name's span, because that is where rustc reports two uops of the same name.
    let public = quote_spanned! {names::span(uop)=>
        fn #function<__Memory: __stencil_runtime::Memory>(
            #out: #emitter, #(#parameters: __stencil_core::primitive::usize,)* #(#operands: #types),*
        ) -> #result {
            let #words = [#(#to_words),*];
            #chosen
        }
    };
    quote! {
        #(#functions)*
        #(#common)*
        #(#own)*
        #[doc = ""]
        #[doc = #link]
        #[doc = ""]
        #[doc = #manual]
        #[doc = ""]
        #[doc = #errors]
        #[allow(dead_code, non_snake_case, clippy::too_many_arguments)]
        #[#inline]
        #visibility #public
    }
}

/// The body of a function that emits a stencil. It uses `out`, the emitter, and `words`, the operands. Its value is `true` if it
/// emitted the stencil.
///
/// The body checks all values before it writes anything. If a value does not fit its field, a target is out of reach or a buffer
/// is full, it does nothing, and the stencil's description decides what to do or what the error is.
pub fn body(stencil: &Stencil, names: &Names) -> TokenStream {
    let (out, words, code, data) = (local("out"), local("words"), local("code"), local("data"));
    let (code_size, data_size, alignment) = (stencil.code.len(), stencil.data.len(), stencil.data_alignment);
    let (code_at, data_at) = (local("code_at"), local("data_at"));
    let computed: Vec<_> = stencil.patches.iter().map(|patch| field(stencil, patch, names)).collect();
    let mut conditions: Vec<String> = Vec::new();
    let conditions = computed.iter().filter_map(|Computed { fits, .. }| {
        let fits = fits.as_ref()?;
        let text = fits.to_string();
        (!conditions.contains(&text)).then(|| {
            conditions.push(text);
            fits
        })
    });
    let conditions: Vec<_> = conditions.collect();
    let copies = [(&code, &stencil.code), (&data, &stencil.data)].map(|(place, bytes)| {
        let (size, (array, length)) = (bytes.len(), names.arrays.of(bytes));
        // If no byte is stored, fresh memory is right as it is, and reused memory is filled with zeros.
        let array = if length == 0 { quote!([]) } else { quote!(#array) };
        (size != 0).then(|| quote! { __stencil_runtime::expansion::copy::<__Memory, #size, #length>(#place, &#array); })
    });
    let puts = stencil.patches.iter().zip(&computed).map(|(patch, Computed { value, .. })| {
        let (place, offset) = match patch.section {
            Section::Code => (&code, patch.offset),
            Section::Data => (&data, patch.offset),
        };
        quote! { __stencil_runtime::patch::put(#place, #offset, #value); }
    });
    let [copy_code, copy_data] = copies;
    quote! {
        let (#code_at, #data_at) = (
            __stencil_runtime::Emitter::code_address(#out).0,
            __stencil_runtime::Emitter::aligned_data_address::<#data_size, #alignment>(#out).0,
        );
        let _ = (#code_at, #data_at, #words);
        #(if !#conditions { return false; })*
        let __stencil_core::option::Option::Some((#code, #data)) = __stencil_runtime::Emitter::take::<#code_size, #data_size, #alignment>(#out) else {
            return false;
        };
        let _ = (&#code, &#data);
        #copy_data
        #copy_code
        #(#puts)*
        true
    }
}

/// A field: its value as an array of bytes, and the condition under which the value is valid.
struct Computed {
    value: TokenStream,
    fits: Option<TokenStream>,
}

fn field(stencil: &Stencil, patch: &Patch, names: &Names) -> Computed {
    let (out, code_at, data_at, words) = (local("out"), local("code_at"), local("data_at"), local("words"));
    let value = match patch.value {
        Value::Operand(operand) => quote! { #words[#operand] },
        Value::Code(offset) => plus(quote!(#code_at), offset),
        Value::Data(offset) => plus(quote!(#data_at), offset),
        Value::Next => plus(quote!(#code_at), stencil.code.len()),
        Value::Host(_) | Value::Libc(_) => {
            let address = callee_pointer(patch.value, names);
            quote! { (#address as __stencil_core::primitive::u64) }
        }
        Value::Static(index) => {
            let name = names.constant(index);
            quote! { ((&raw const #name) as __stencil_core::primitive::u64) }
        }
    };
    let addend = patch.addend;
    let low = |size: usize| quote! { __stencil_runtime::patch::low::<#size>(#value, #addend) };
    let always = |value| Computed { value, fits: None };
    match patch.kind {
        PatchKind::Abs64 => always(quote! { __stencil_runtime::patch::abs64(#value, #addend) }),
        PatchKind::Low32 => always(low(4)),
        PatchKind::Low16 => always(low(2)),
        PatchKind::Low8 => always(low(1)),
        PatchKind::Scaled32(factor) => always(quote! { __stencil_runtime::patch::scaled32(#value, #factor, #addend) }),
        PatchKind::Abs32S => {
            Computed { value: low(4), fits: Some(quote! { __stencil_runtime::patch::fits_i32(#value, #addend) }) }
        }
        PatchKind::Rel32 => {
            let place = match patch.section {
                Section::Code => plus(quote!(#code_at), patch.offset),
                Section::Data => plus(quote!(#data_at), patch.offset),
            };
            let distance = quote! { __stencil_runtime::patch::low::<4>(#value.wrapping_sub(#place), #addend) };
            // Two locations in one body are always near each other.
            let fits = match (patch.value, patch.section) {
                (Value::Code(_) | Value::Next, Section::Code) | (Value::Data(_), Section::Data) => None,
                (Value::Code(_) | Value::Next | Value::Data(_), _) => {
                    Some(quote! { __stencil_runtime::Emitter::is_near(#out) })
                }
                _ => Some(quote! { __stencil_runtime::Emitter::reaches(#out, #value, #addend) }),
            };
            Computed { value: distance, fits }
        }
    }
}

fn plus(base: TokenStream, offset: usize) -> TokenStream {
    let offset = offset as u64;
    if offset == 0 {
        base
    } else {
        quote! { #base.wrapping_add(#offset) }
    }
}
