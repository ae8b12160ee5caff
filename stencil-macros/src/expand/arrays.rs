//! Arrays of stored bytes, without trailing zeros. Equal arrays are stored once.

use std::collections::HashMap;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use crate::model::{Objects, stored};

/// The environment variable that turns off savings, to measure them: `zeros` keeps trailing zeros, `copies` stores equal
/// arrays separately, `zeros,copies` does both.
pub const KEEP: &str = "STENCIL_KEEP";

/// The arrays of a block.
pub struct Arrays {
    prefix: String,
    keep_zeros: bool,
    keep_copies: bool,
    /// The number of each array.
    numbers: HashMap<Key, usize>,
}

/// The bytes, and, if equal arrays are kept apart, the body's address.
type Key = (Vec<u8>, usize);

impl Arrays {
    pub fn new(prefix: &str, objects: &Objects) -> Self {
        let keep = std::env::var(KEEP).unwrap_or_default();
        let keeps = |what| keep.split(',').any(|word| word == what);
        let (keep_zeros, keep_copies) = (keeps("zeros"), keeps("copies"));
        let mut arrays = Self { prefix: prefix.to_owned(), keep_zeros, keep_copies, numbers: HashMap::new() };
        for stencil in objects.entry.iter().chain(objects.uops.iter().flatten().flatten()) {
            for body in stencil
                .narrow
                .as_deref()
                .into_iter()
                .chain([stencil])
                .flat_map(|stencil| [&stencil.code, &stencil.data])
            {
                let (key, next) = (arrays.key(body), arrays.numbers.len());
                arrays.numbers.entry(key).or_insert(next);
            }
        }
        arrays
    }

    /// Returns the array that holds the stored bytes of a body, and its length.
    pub fn of(&self, body: &[u8]) -> (Ident, usize) {
        let key = self.key(body);
        (self.name(self.numbers[&key]), key.0.len())
    }

    /// Expands all arrays.
    pub fn items(&self) -> TokenStream {
        let mut all: Vec<_> = self.numbers.iter().map(|((bytes, _), number)| (*number, bytes)).collect();
        all.sort_unstable();
        let items = all.into_iter().map(|(number, bytes)| {
            let (name, length, literal) = (self.name(number), bytes.len(), Literal::byte_string(bytes));
            quote! {
                #[doc(hidden)]
                #[allow(non_upper_case_globals)]
                static #name: [__stencil_core::primitive::u8; #length] = *#literal;
            }
        });
        quote! { #(#items)* }
    }

    fn name(&self, number: usize) -> Ident {
        format_ident!("{}_bytes_{number}", self.prefix)
    }

    fn key(&self, body: &[u8]) -> Key {
        let bytes = if self.keep_zeros { body } else { stored(body) };
        (bytes.to_vec(), if self.keep_copies && !bytes.is_empty() { body.as_ptr() as usize } else { 0 })
    }
}
