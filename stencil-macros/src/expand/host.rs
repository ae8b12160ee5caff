//! Host functions and statics as constants that hold their addresses.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::ast::{Extern, ExternKind, Signature, Typed};

/// Returns the constant that holds the address of a host function or a static: a function pointer or a raw pointer. rustc compares its
/// type with that of the Rust item.
pub fn constant(item: &Extern, name: &TokenStream) -> TokenStream {
    let (ty, address) = match (&item.path, &item.kind) {
        (Some(path), ExternKind::Function(Some(signature))) => (pointer_to_function(signature), quote!(#path)),
        (Some(path), ExternKind::Static { ty: Some(ty), mutable }) => {
            // rustc reports a static of another type at its path.
            let (ty, span) = (&ty.rust, path.span());
            if *mutable {
                (quote!(*mut #ty), quote_spanned!(span=> &raw mut #path))
            } else {
                (quote!(*const #ty), quote_spanned!(span=> &raw const #path))
            }
        }
        _ => (quote!(*const ()), symbol(item)),
    };
    quote! {
        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        const #name: #ty = #address;
    }
}

/// Returns the address of a symbol that the linker finds. Its type does not matter here. But LLVM renames data that has the name of a
/// function which the crate defines, so functions are declared as functions.
fn symbol(item: &Extern) -> TokenStream {
    let name = item.name.to_string();
    let (declaration, address) = if item.is_function() {
        (
            quote!(
                fn __stencil_symbol();
            ),
            quote!(__stencil_symbol as *const ()),
        )
    } else {
        (
            quote!(
                static __stencil_symbol: __stencil_core::primitive::u8;
            ),
            quote!((&raw const __stencil_symbol).cast()),
        )
    };
    quote! {{
        #[allow(clashing_extern_declarations)]
        unsafe extern "C" {
            #[link_name = #name]
            #declaration
        }
        #address
    }}
}

/// Returns the type of a function with the C calling convention.
pub fn function_type<'a>(parameters: impl Iterator<Item = &'a Typed>, output: Option<&Typed>) -> TokenStream {
    let parameters = parameters.map(|ty| &ty.rust);
    let output = result(output);
    quote! { unsafe extern "C" fn(#(#parameters),*) #output }
}

fn pointer_to_function(Signature { parameters, variadic, output }: &Signature) -> TokenStream {
    if !variadic {
        return function_type(parameters.iter().map(|field| &field.ty), output.as_ref());
    }
    let parameters = parameters.iter().map(|field| &field.ty.rust);
    let output = result(output.as_ref());
    quote! { unsafe extern "C" fn(#(#parameters,)* ...) #output }
}

fn result(output: Option<&Typed>) -> Option<TokenStream> {
    output.map(|ty| {
        let ty = &ty.rust;
        quote! { -> #ty }
    })
}
