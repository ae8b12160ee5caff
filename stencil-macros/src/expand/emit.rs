//! Emit functions: straight-line code that reserves room, computes fields, copies and patches.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Names, common_attributes, describe, instruction, local, member_index, own_attributes};
use crate::ast::{Block, Field, Uop};
use crate::ctype::Type;
use crate::model::{LIBC, Patch, PatchKind, Section, Stencil, Value};

/// The size, in bytes, up to which a uop's emit function is inlined. That of a larger uop is much longer than a call of it,
/// and a caller of many of them would not fit into the processor's caches.
const INLINED: usize = 32;

/// Returns the name of a uop's public emit function.
pub fn function_name(uop: &Uop) -> Ident {
    format_ident!("emit_{}", uop.name)
}

/// Returns the name of the function that emits a uop, or one member of a family, from operand words.
pub fn words_name(uop: &Uop, member: usize) -> Ident {
    if uop.is_family() {
        format_ident!("__stencil_emit_{}_{}", uop.name, member)
    } else {
        format_ident!("__stencil_emit_{}", uop.name)
    }
}

/// Expands a uop into its public emit function, which takes typed operands, and a function for each stencil, which takes
/// operand words.
pub fn expand(uop: &Uop, members: &[Option<Stencil>], names: &Names) -> TokenStream {
    let Uop { name, visibility, .. } = uop;
    let (common, own) = (common_attributes(&uop.attributes), own_attributes(&uop.attributes));
    let operands: Vec<_> = uop.operands.iter().map(|field| &field.name).collect();
    let types: Vec<_> = uop.operands.iter().map(rust_type).collect();
    let function = function_name(uop);
    let text = name.to_string();
    let errors = "# Errors\nThose of [`Emitter`](::stencil_runtime::Emitter), and an operand out of its hole's range. \
                  Nothing is emitted then.";
    let link = format!("Emits the uop; [`{}`] describes its machine code.", describe::constant(uop));
    let parameters: Vec<_> = uop.parameters.iter().map(|parameter| &parameter.name).collect();
    let result = quote! { ::core::result::Result<(), ::stencil_runtime::Error> };
    let (out, words, emit) = (local("out"), local("words"), local("emit"));
    let emitter = quote! { &mut ::stencil_runtime::Emitter<'_, __Memory> };
    let number = operands.len();
    let empty = Stencil { data_alignment: 1, ..Stencil::default() };
    let absent = (!uop.is_family() && members.first().and_then(Option::as_ref).is_none()).then_some((0, &empty));
    let present =
        members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?))).chain(absent);
    let functions = present.map(|(index, stencil)| {
        let name = words_name(uop, index);
        let body = body(stencil, names);
        quote! {
            #(#common)*
            #[doc(hidden)]
            #[allow(dead_code, non_snake_case)]
            #[inline(always)]
            fn #name<__Memory: ::stencil_runtime::Memory>(#out: #emitter, #words: &[u64; #number]) -> bool {
                #body
            }
        }
    });
    let to_words = uop.operands.iter().map(|field| {
        let name = &field.name;
        match field.ty.c {
            Type::Label => quote! { #name.0 },
            _ => quote! { ::stencil_runtime::Operand::to_word(#name) },
        }
    });
    let uops = instruction::uop_static(uop);
    let small =
        !uop.is_family() && members.iter().flatten().all(|stencil| stencil.code.len() + stencil.data.len() <= INLINED);
    let (inline, method) =
        if small { (quote!(inline), quote!(emit_inline)) } else { (quote!(inline(never)), quote!(emit)) };
    let chosen = if uop.is_family() {
        let count = members.len();
        let table = members.iter().enumerate().map(|(index, member)| match member {
            Some(_) => {
                let name = words_name(uop, index);
                quote! { ::core::option::Option::Some(#name::<__Memory>) }
            }
            None => quote! { ::core::option::Option::None },
        });
        let (index, found) = (member_index(uop), local("found"));
        quote! {
            type Emit<__Memory> = fn(#emitter, &[u64; #number]) -> bool;
            struct Members<__Memory>(::core::marker::PhantomData<__Memory>);
            impl<__Memory: ::stencil_runtime::Memory> Members<__Memory> {
                const ALL: &'static [::core::option::Option<Emit<__Memory>>; #count] = &[#(#table),*];
            }
            match #index.and_then(|index| ::core::option::Option::Some((Members::<__Memory>::ALL[index]?, #uops[index].as_ref()?))) {
                ::core::option::Option::Some((#emit, #found)) => unsafe { #found.#method(#out, #words, #emit) },
                ::core::option::Option::None => ::core::result::Result::Err(
                    ::stencil_runtime::Error::no_such_stencil(#text, &[#(#parameters),*]),
                ),
            }
        }
    } else {
        let name = words_name(uop, 0);
        quote! { unsafe { #uops.#method(#out, #words, #name) } }
    };
    quote! {
        #(#functions)*
        #(#common)*
        #(#own)*
        #[doc = ""]
        #[doc = #link]
        #[doc = ""]
        #[doc = #errors]
        #[allow(dead_code, non_snake_case, clippy::too_many_arguments)]
        #[#inline]
        #visibility fn #function<__Memory: ::stencil_runtime::Memory>(
            #out: #emitter, #(#parameters: usize,)* #(#operands: #types),*
        ) -> #result {
            let #words = [#(#to_words),*];
            #chosen
        }
    }
}

/// Returns the type of an operand in emit functions; for a label, that of its address.
pub fn rust_type(field: &Field) -> TokenStream {
    let ty = &field.ty.rust;
    match field.ty.c {
        Type::Label => quote! { ::stencil_runtime::Address },
        _ => quote! { #ty },
    }
}

/// Returns the body of a function that emits a stencil. It uses `out`, the emitter, and `words`, the operands, and returns
/// whether it emitted the stencil.
///
/// The function checks all values before it writes anything. If a value does not fit its field, a target is out of reach or
/// a buffer is full, it does nothing. The runtime then emits by the stencil's description, or finds the error with it.
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
        // If nothing is stored, fresh memory is right already, and reused memory is filled with zeros.
        let array = if length == 0 { quote!([]) } else { quote!(#array) };
        (size != 0).then(|| quote! { ::stencil_runtime::expansion::copy::<__Memory, #size, #length>(#place, &#array); })
    });
    let puts = stencil.patches.iter().zip(&computed).map(|(patch, Computed { value, .. })| {
        let (place, offset) = match patch.section {
            Section::Code => (&code, patch.offset),
            Section::Data => (&data, patch.offset),
        };
        quote! { ::stencil_runtime::patch::put(#place, #offset, #value); }
    });
    let [copy_code, copy_data] = copies;
    quote! {
        let (#code_at, #data_at) = (#out.code_address().0, #out.aligned_data_address::<#data_size, #alignment>().0);
        let _ = (#code_at, #data_at, #words);
        #(if !#conditions { return false; })*
        let ::core::option::Option::Some((#code, #data)) = #out.take::<#code_size, #data_size, #alignment>() else {
            return false;
        };
        let _ = (&#code, &#data);
        #copy_data
        #copy_code
        #(#puts)*
        true
    }
}

/// The value of a field as an array of bytes, and the condition under which the value is right.
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
            quote! { (#address as u64) }
        }
        Value::Static(index) => {
            let name = names.constant(index);
            quote! { ((&raw const #name) as u64) }
        }
    };
    let addend = patch.addend;
    let low = |size: usize| quote! { ::stencil_runtime::patch::low::<#size>(#value, #addend) };
    let always = |value| Computed { value, fits: None };
    match patch.kind {
        PatchKind::Abs64 => always(quote! { ::stencil_runtime::patch::abs64(#value, #addend) }),
        PatchKind::Low32 => always(low(4)),
        PatchKind::Low16 => always(low(2)),
        PatchKind::Low8 => always(low(1)),
        PatchKind::Abs32S => {
            Computed { value: low(4), fits: Some(quote! { ::stencil_runtime::patch::fits_i32(#value, #addend) }) }
        }
        PatchKind::Rel32 => {
            let place = match patch.section {
                Section::Code => plus(quote!(#code_at), patch.offset),
                Section::Data => plus(quote!(#data_at), patch.offset),
            };
            let distance = quote! { ::stencil_runtime::patch::low::<4>(#value.wrapping_sub(#place), #addend) };
            // Displacements within one body always fit.
            let fits = match (patch.value, patch.section) {
                (Value::Code(_) | Value::Next, Section::Code) | (Value::Data(_), Section::Data) => None,
                (Value::Code(_) | Value::Next | Value::Data(_), _) => Some(quote! { #out.is_near() }),
                _ => Some(quote! { #out.reaches(#value, #addend) }),
            };
            Computed { value: distance, fits }
        }
    }
}

/// Returns the links of a stencil's description: name and address of everything outside that its patches refer to.
pub fn links(block: &Block, stencil: &Stencil, names: &Names) -> TokenStream {
    let links = stencil.patches.iter().filter_map(|patch| match patch.value {
        Value::Host(_) | Value::Libc(_) => {
            let (name, address) = (callee_name(block, patch.value), callee_pointer(patch.value, names));
            Some(quote! { ::stencil_runtime::expansion::Link::new(#name, #address) })
        }
        Value::Static(index) => {
            let name = names.constant(index);
            Some(quote! { ::stencil_runtime::expansion::Link::new("data", (&raw const #name).cast()) })
        }
        Value::Operand(_) | Value::Code(_) | Value::Data(_) | Value::Next => None,
    });
    quote! { const { &[#(#links),*] } }
}

fn plus(base: TokenStream, offset: usize) -> TokenStream {
    let offset = offset as u64;
    if offset == 0 {
        base
    } else {
        quote! { #base.wrapping_add(#offset) }
    }
}

/// Returns the functions that a stencil calls by a displacement, each once.
pub fn callees(stencil: &Stencil) -> Vec<Value> {
    let mut all = Vec::new();
    for patch in &stencil.patches {
        let callee = matches!(patch.value, Value::Host(_) | Value::Libc(_)) && patch.kind == PatchKind::Rel32;
        if callee && !all.contains(&patch.value) {
            all.push(patch.value);
        }
    }
    all
}

/// Returns the name of a host or library function.
pub fn callee_name(block: &Block, callee: Value) -> String {
    match callee {
        Value::Host(index) => block.externs[index].name.to_string(),
        Value::Libc(index) => LIBC[index].into(),
        _ => unreachable!("not a callee"),
    }
}

/// Returns the address of a host or library function, as a pointer.
pub fn callee_pointer(callee: Value, names: &Names) -> TokenStream {
    match callee {
        Value::Host(index) => {
            let name = names.host(index);
            quote! { #name as *const () }
        }
        Value::Libc(index) => {
            let name = format_ident!("{}", LIBC[index]);
            quote! { ::stencil_runtime::expansion::libc::#name as *const () }
        }
        _ => unreachable!("not a callee"),
    }
}
