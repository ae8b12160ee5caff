//! Recovery from an item that could not be parsed: finding the next item, and the signature of the one left out.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::parse::ParseStream;
use syn::{Attribute, LitStr, Result, Token, Visibility, token};

use crate::ast::{Machine, Unparsed};
use crate::suggest;

mod keyword {
    syn::custom_keyword!(machine);
    syn::custom_keyword!(uop);
    syn::custom_keyword!(include);
}

/// Skips to the end of an item that could not be parsed, or to the likely beginning of the next one.
pub(super) fn skip_item(input: ParseStream) -> Result<()> {
    // Token by token: syn reports tokens that are left unparsed in a group.
    let mut continues = false;
    if input.peek(Token![#]) && input.peek2(syn::Ident) {
        // A line of C, such as `#include "x.h"`.
        let line = input.span().start().line;
        while !input.is_empty() && line != 0 && input.span().start().line == line {
            take_tokens(input, 1)?;
        }
        return if line == 0 { take_tokens(input, 1).map(drop) } else { Ok(()) };
    }
    while input.peek(Token![#]) && input.peek2(token::Bracket) {
        take_tokens(input, 2)?;
    }
    if input.peek(Token![pub]) {
        take_tokens(input, if input.peek2(token::Paren) { 2 } else { 1 })?;
    }
    loop {
        continues = input.peek(Token![continue]) || continues && input.peek(keyword::machine);
        let Ok(token) = input.parse::<TokenTree>() else { return Ok(()) };
        let end = match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        let named = input.peek2(syn::Ident) && !continues;
        let next = (named
            && (input.peek(keyword::uop)
                || input.peek(Token![struct])
                || input.peek(Token![union])
                || input.peek(Token![enum])
                || input.peek(keyword::machine)))
            || (input.peek(Token![continue]) && input.peek2(keyword::machine))
            || (input.peek(Token![extern]) && (input.peek2(Token![fn]) || input.peek2(Token![static])))
            || (input.peek(keyword::include) && input.peek2(LitStr))
            || (input.peek(Token![pub]) && !continues)
            || (input.peek(Token![#]) && input.peek2(token::Bracket));
        if end || next {
            return Ok(());
        }
    }
}

/// Takes tokens from a stream.
pub(super) fn take_tokens(input: ParseStream, count: usize) -> Result<TokenStream> {
    (0..count).map(|_| input.parse::<TokenTree>()).collect()
}

/// Parses as much as possible of a uop that could not be parsed.
pub(super) fn unparsed(input: ParseStream) -> Option<Unparsed> {
    input.call(Attribute::parse_outer).ok()?;
    let visibility = input.parse().ok()?;
    let word = input.parse::<Ident>().ok()?.to_string();
    if word != "uop" {
        suggest::nearest(&word, ["uop"])?;
    }
    let name = input.parse().ok()?;
    // A list may end with a comma.
    let count = |tokens: Vec<TokenTree>| {
        let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
        let trailing = tokens.last().is_some_and(comma);
        if tokens.is_empty() { 0 } else { tokens.iter().filter(|token| comma(token)).count() + usize::from(!trailing) }
    };
    let mut parameters = Vec::new();
    while !input.is_empty() && !input.peek(token::Paren) && !input.peek(token::Brace) {
        parameters.push(input.parse::<TokenTree>().ok()?);
    }
    let operands = input.parse::<Group>().ok().filter(|group| group.delimiter() == Delimiter::Parenthesis);
    let operands = operands.map_or(0, |group| count(group.stream().into_iter().collect()));
    Some(Unparsed { visibility, name, arity: count(parameters) + operands })
}

/// The stand-in for the machine of a block that has none.
pub(super) fn nobody(span: Span) -> Machine {
    Machine {
        attributes: Vec::new(),
        operands: 1,
        visibility: Visibility::Inherited,
        continued: None,
        name: Ident::new("Machine", span),
        parameters: Vec::new(),
        arrays: Vec::new(),
        output: None,
        scratch: Vec::new(),
        interpreter: None,
    }
}
