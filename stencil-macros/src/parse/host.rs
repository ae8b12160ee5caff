//! `extern fn` and `extern static`: functions and data outside of the block.

use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Error, Ident, Path, Result, Token, parenthesized, token};

use super::Context;
use super::declaration::{output, possible_here};
use crate::ast::{Extern, ExternKind, Field, Signature, Typed};

const FUNCTION: &str = "`extern fn name(parameter: type) -> type = path::to::function;`, or `extern fn name(..);` for a function that \
                        C declares";
const STATIC: &str =
    "`extern static name: type = path::to::STATIC;`, or `extern static name: ..;` for data that C declares";

/// Parses an item from the token after `extern`.
pub(super) fn host(input: ParseStream, context: &mut Context) -> Result<Extern> {
    if input.peek(Token![static]) {
        return data(input, context);
    }
    if !input.peek(Token![fn]) {
        return Err(input.error(format!("expected `fn` or `static`: {FUNCTION}")));
    }
    input.parse::<Token![fn]>()?;
    let name = input.parse()?;
    let signature = signature(input, context)?;
    let (path, unchecked) = end(input, FUNCTION, signature.is_none())?;
    context.errors.extend(unchecked);
    Ok(Extern { name, kind: ExternKind::Function(signature), path })
}

fn data(input: ParseStream, context: &mut Context) -> Result<Extern> {
    input.parse::<Token![static]>()?;
    let mutable = input.parse::<Option<Token![mut]>>()?.is_some();
    let name: Ident = input.parse()?;
    if !input.peek(Token![:]) {
        return Err(input.error(format!("expected the type of the static: {STATIC}")));
    }
    input.parse::<Token![:]>()?;
    let ty: Option<Typed> = match input.parse::<Option<Token![..]>>()? {
        Some(_) => None,
        None => Some(input.parse()?),
    };
    let (path, unchecked) = end(input, STATIC, ty.is_none())?;
    context.errors.extend(unchecked);
    Ok(Extern { name, kind: ExternKind::Static { mutable, ty }, path })
}

/// Parses the path, if there is one, and the end of the item. Returns an error as well if the path belongs to an item without a type.
fn end(input: ParseStream, form: &str, untyped: bool) -> Result<(Option<Path>, Option<Error>)> {
    let path: Option<Path> = match input.parse::<Option<Token![=]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    if !input.peek(Token![;]) {
        return Err(input.error(format!("expected {}`;`: {form}", if path.is_none() { "`=` or " } else { "" })));
    }
    input.parse::<Token![;]>()?;
    let unchecked = path.as_ref().filter(|_| untyped).map(|path| {
        let message = "`..` leaves the type to C, but rustc compares the type of a Rust item: write the type, or leave out the path to \
                       link the symbol of this name";
        Error::new(path.span(), message)
    });
    Ok((path, unchecked))
}

/// Parses the parameters and the result of a function; none for `(..)`.
fn signature(input: ParseStream, context: &mut Context) -> Result<Option<Signature>> {
    if !input.peek(token::Paren) {
        return Err(input.error("expected the parameters in parentheses"));
    }
    let content;
    parenthesized!(content in input);
    let dots = content.peek(Token![...]);
    if !dots && content.parse::<Option<Token![..]>>()?.is_some() {
        if !content.is_empty() || input.peek(Token![->]) {
            return Err(Error::new(
                content.span(),
                "`(..)` leaves parameters and result to C: write nothing beside it",
            ));
        }
        return Ok(None);
    }
    let mut fields: Vec<Field> = Vec::new();
    let mut variadic = false;
    while !content.is_empty() && !variadic {
        if content.peek(Token![...]) {
            let dots = content.parse::<Token![...]>()?;
            variadic = true;
            if fields.is_empty() {
                context.errors.push(Error::new(dots.spans[0], "C needs a parameter before `...`"));
            }
        } else {
            fields.push(content.parse()?);
        }
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    if !content.is_empty() {
        return Err(content.error("`...` must be the last parameter"));
    }
    let parameters = possible_here(fields, context)?;
    Ok(Some(Signature { parameters, variadic, output: output(input)? }))
}
