//! Constants and enums that both languages have.

use syn::parse::ParseStream;
use syn::{Attribute, Error, LitInt, Result, Token, Visibility, braced, token};

use super::Context;
use super::declaration::{bound, misplaced, no_contract};
use crate::ast::{Constant, Enum, Typed, Variant};

/// Whether the fields of an enum are `..`, after its name and its path.
pub(super) fn is_of_c(input: ParseStream) -> bool {
    let ahead = input.fork();
    let content = |input: ParseStream| {
        bound(input)?;
        let content;
        braced!(content in input);
        let is_rest = content.peek(Token![..]);
        content.parse::<proc_macro2::TokenStream>()?;
        Ok::<bool, Error>(is_rest)
    };
    content(&ahead).unwrap_or(false)
}

pub(super) fn constant(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    context: &mut Context,
) -> Result<Constant> {
    no_contract(&mut attributes, &mut context.errors);
    let (name, bound) = bound(input)?;
    if let (Some(span), true) = (misplaced(&attributes, &visibility), bound.is_some()) {
        context.errors.push(Error::new(span, "this belongs to the declaration of the Rust constant"));
    }
    let form = "expected a type and an integer: `const NAME: usize = 8;`, or, for an existing Rust constant, `const NAME = \
                path: usize = 8;`";
    if !input.peek(Token![:]) {
        return Err(input.error(form));
    }
    input.parse::<Token![:]>()?;
    let ty: Typed = input.parse()?;
    let unlike = |error: Error| Error::new(error.span(), form);
    input.parse::<Token![=]>().map_err(unlike)?;
    let negative = input.parse::<Option<Token![-]>>()?.is_some();
    let literal: LitInt = input.parse().map_err(unlike)?;
    let value: i128 = literal.base10_parse()?;
    input.parse::<Token![;]>()?;
    let value = if negative { -value } else { value };
    Ok(Constant { attributes, visibility, name, bound, ty, value })
}

pub(super) fn enumeration(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    context: &mut Context,
) -> Result<Enum> {
    no_contract(&mut attributes, &mut context.errors);
    let (name, bound) = bound(input)?;
    if let (Some(span), true) = (misplaced(&attributes, &visibility), bound.is_some()) {
        context.errors.push(Error::new(span, "this belongs to the declaration of the Rust enum"));
    }
    if !input.peek(token::Brace) {
        let form = "expected all variants in braces: `enum Name { A, B = 4 }`, or, for an existing Rust enum, `enum Name = path { \
                    A, B = 4 }`";
        return Err(input.error(form));
    }
    let content;
    braced!(content in input);
    let mut variants = Vec::new();
    let mut next = 0_usize;
    while !content.is_empty() {
        let mut attributes = content.call(Attribute::parse_outer)?;
        let included = context.included(&mut attributes);
        if !content.peek(syn::Ident) {
            return Err(content.error("expected the name of a variant"));
        }
        let name = content.parse()?;
        if content.peek(token::Paren) || content.peek(token::Brace) {
            return Err(content.error("a variant has no fields here: a parameter of a family is a number"));
        }
        if content.parse::<Option<Token![=]>>()?.is_some() {
            let literal = content.parse::<LitInt>();
            let value: Result<u32> = literal.and_then(|literal| literal.base10_parse());
            let unlike = |error: Error| Error::new(error.span(), "expected a number from 0 to 2^32 - 1, as a literal");
            next = value.map_err(unlike)? as usize;
        }
        if included {
            variants.push(Variant { attributes, name, value: next });
            next = next.saturating_add(1);
        }
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    if variants.is_empty() {
        return Err(Error::new(name.span(), "an enum needs a variant: a family needs a member"));
    }
    Ok(Enum { attributes, visibility, name, bound, variants })
}
