//! The parameters of families.

use proc_macro2::{Span, TokenTree};
use syn::parse::ParseStream;
use syn::parse::discouraged::Speculative as _;
use syn::{Error, LitInt, Path, Result, Token, token};

use crate::ast::{End, Parameter};

/// `const DST: 0..3` or `const OP: Cmp`
pub(super) fn parameter(input: ParseStream, errors: &mut Vec<Error>) -> Result<Parameter> {
    const FORM: &str = "expected a parameter with a range of numbers, or with an enum of the block: `const NAME: 0..3`, `const \
                        NAME: 0..=2` or `const NAME: Enum`";
    if !input.peek(Token![const]) {
        return Err(input.error(FORM));
    }
    input.parse::<Token![const]>()?;
    let name = input.parse()?;
    input.parse::<Token![:]>()?;
    let parameter = |start, end, ends, of| Parameter { name, start, end, ends, of, variants: Vec::new() };
    let ahead = input.fork();
    let of_enum = ahead.call(Path::parse_mod_style).ok().filter(|_| ahead.peek(Token![,]) || ahead.peek(Token![>]));
    if of_enum.is_some() {
        input.advance_to(&ahead);
        return Ok(parameter(0, 1, [End::Number, End::Number], of_enum));
    }
    let ahead = input.fork();
    match range(&ahead) {
        Ok((start, end, ends)) => {
            input.advance_to(&ahead);
            Ok(parameter(start, end, ends, None))
        }
        Err((span, message)) => {
            errors.push(Error::new(span.unwrap_or(input.span()), message.as_deref().unwrap_or(FORM)));
            while !(input.is_empty() || input.peek(Token![,]) || input.peek(Token![>]) || input.peek(token::Paren)) {
                input.parse::<TokenTree>()?;
            }
            // Later phases need at least one member.
            Ok(parameter(0, 1, [End::Number, End::Number], None))
        }
    }
}

/// The message about a range without a number.
pub(super) const EMPTY: &str = "the range is empty, but a family needs a member: `0..2` contains 0 and 1";

/// Parses a range that is not empty, unless it depends on constants. An error may have a span and a message, if they say more than the
/// form of a range.
#[expect(clippy::type_complexity, reason = "the results are taken apart at once")]
fn range(input: ParseStream) -> std::result::Result<(usize, usize, [End; 2]), (Option<Span>, Option<String>)> {
    let unlike = |_| (None, None);
    let number = |literal: &LitInt| match literal.base10_parse() {
        Err(_) if literal.base10_digits().starts_with('-') => Err((None, None)),
        parsed => parsed.map_err(|error| (Some(error.span()), Some("the number is too large".into()))),
    };
    let end = |more: usize| {
        if input.peek(syn::Ident) {
            return Ok((0_usize, End::Constant(input.parse().map_err(unlike)?, more)));
        }
        let literal = input.parse::<LitInt>().map_err(unlike)?;
        Ok((number(&literal)?, End::Number))
    };
    let (start, first) = end(0)?;
    let inclusive = input.parse::<Option<Token![..=]>>().map_err(unlike)?.is_some();
    if !inclusive {
        input.parse::<Token![..]>().map_err(unlike)?;
    }
    let span = input.span();
    let (last, behind) = end(usize::from(inclusive))?;
    let past = if inclusive { last.saturating_add(1) } else { last };
    if matches!((&first, &behind), (End::Number, End::Number)) && past <= start {
        return Err((Some(span), Some(EMPTY.into())));
    }
    Ok((start, past, [first, behind]))
}
