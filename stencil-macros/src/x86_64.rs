//! The x86-64 instruction set, all that this crate knows of it.
//!
//! The other modules use it through `isa`, which lists what they need.

pub mod decode;
pub mod fold;
pub mod jump;
pub mod listing;
pub mod probe;
pub mod registers;
pub mod relocation;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::vector::Vector;

/// The name of the instruction set in messages.
pub const NAME: &str = "x86-64";

/// Returns the feature without which no register holds a vector, after the macro that compilers define if the flags allow it. None
/// if every processor has such registers.
pub fn needs_feature(vector: &Vector) -> Option<(&'static str, &'static str)> {
    match vector.bytes {
        32 => Some(("__AVX__", "avx")),
        64 => Some(("__AVX512F__", "avx512f")),
        _ => None,
    }
}

/// Returns the path of a vector's type in Rust's `core`.
pub fn vector(vector: &Vector) -> TokenStream {
    let name = format_ident!("{}", vector.name);
    quote!(arch::x86_64::#name)
}
