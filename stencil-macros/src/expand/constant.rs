//! Constants of C as statics of Rust: one for each, so that each has one address for the life of the process.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::links;
use super::names::Names;
use crate::model::{Objects, Pointer, Static, Value};

/// Expands the constants of a block into statics and their types.
pub fn expand(objects: &Objects, names: &Names) -> TokenStream {
    objects.statics.iter().enumerate().map(|(index, constant)| item(index, constant, names)).collect()
}

fn item(index: usize, constant: &Static, names: &Names) -> TokenStream {
    let (name, aligned, packed) = (names.constant(index), names.constant_type(index), names.constant_parts(index));
    let alignment = Literal::u64_unsuffixed(constant.alignment);
    let (types, values): (Vec<_>, Vec<_>) = parts(constant, names).into_iter().unzip();
    // The inner type is packed, since C may have pointers at any offset. The outer one is aligned, which a packed type
    // cannot be.
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        #[repr(C, packed)]
        struct #packed(#(#types),*);
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        #[repr(C, align(#alignment))]
        struct #aligned(#packed);
        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        static #name: #aligned = #aligned(#packed(#(#values),*));
    }
}

/// Returns the type and the value of each part of a constant: a run of bytes or a run of pointers.
fn parts(constant: &Static, names: &Names) -> Vec<(TokenStream, TokenStream)> {
    let mut parts = Vec::new();
    let mut at = 0;
    let bytes = |range: std::ops::Range<usize>| {
        let (length, literal) = (range.len(), Literal::byte_string(&constant.bytes[range]));
        (quote! { [__stencil_core::primitive::u8; #length] }, quote! { *#literal })
    };
    let mut rest = &constant.pointers[..];
    while let Some(first) = rest.first() {
        if at < first.offset {
            parts.push(bytes(at..first.offset));
        }
        let length = rest
            .iter()
            .zip(0_usize..)
            .take_while(|(pointer, index)| pointer.offset == first.offset + 8 * index)
            .count();
        let (run, after) = rest.split_at(length);
        let pointers = run.iter().map(|pointer| value(pointer, names));
        parts.push((quote! { [__stencil_runtime::expansion::Pointer; #length] }, quote! { [#(#pointers),*] }));
        at = first.offset + 8 * length;
        rest = after;
    }
    if at < constant.bytes.len() {
        parts.push(bytes(at..constant.bytes.len()));
    }
    if parts.is_empty() {
        // A constant without a size has an address of its own, too.
        parts.push((quote! { __stencil_core::primitive::u8 }, quote! { 0 }));
    }
    parts
}

fn value(pointer: &Pointer, names: &Names) -> TokenStream {
    let addend = pointer.addend;
    let target = match pointer.value {
        Value::Static(index) => {
            let name = names.constant(index);
            quote! { (&raw const #name).cast() }
        }
        value => links::callee_pointer(value, names),
    };
    quote! { __stencil_runtime::expansion::Pointer::new(#target, #addend) }
}
