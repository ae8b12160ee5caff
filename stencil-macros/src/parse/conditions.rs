//! `#[cfg(...)]` and `#[cfg_attr(...)]`, step by step.
//!
//! A macro cannot evaluate a condition, but rustc does it for a macro call: for a condition that is not known yet, a block expands
//! to two calls of the inner macro, one under `#[cfg(condition)]` and one under `#[cfg(not(condition))]`. rustc drops one of
//! them, and the other one repeats the block with one more condition known. Once all are known, the parser leaves excluded
//! items out, so no later phase ever sees a condition.

use std::collections::VecDeque;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitBool, Meta, MetaList, Result};

/// What is known about the conditions of a block.
#[derive(Clone, Default)]
pub struct Conditions {
    known: Vec<(TokenStream, bool)>,
    unknown: Option<TokenStream>,
}

impl Conditions {
    /// Reads what [`Conditions::steps`] wrote.
    pub fn parse(tokens: TokenStream) -> Self {
        let mut known = Vec::new();
        let mut tokens = tokens.into_iter();
        while let (Some(TokenTree::Group(condition)), Some(holds)) = (tokens.next(), tokens.next()) {
            known.push((condition.stream(), holds.to_string() == "true"));
        }
        Self { known, unknown: None }
    }

    /// The predicates that are known, in the order in which they were asked for, and whether each one holds.
    pub fn known(&self) -> &[(TokenStream, bool)] {
        &self.known
    }

    /// If a condition is not known: the `cfg` predicate and the conditions to go on with, for each of the two calls.
    pub fn steps(&self) -> Option<[(TokenStream, TokenStream); 2]> {
        let unknown = self.unknown.as_ref()?;
        let step = |predicate, holds| {
            let known = self.known.iter().map(|(condition, holds)| (condition, *holds)).chain([(unknown, holds)]);
            let known = known.map(|(condition, holds)| quote! { { #condition } #holds });
            (predicate, quote! { #(#known)* })
        };
        Some([step(unknown.clone(), true), step(quote! { not(#unknown) }, false)])
    }

    /// Removes `cfg` and `cfg_attr` from attributes, and adds the attributes that those contain. Returns whether the attributes'
    /// item is included. A condition that is not known counts as true.
    pub(super) fn apply(&mut self, attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) -> bool {
        let mut included = true;
        let mut rest: VecDeque<Attribute> = std::mem::take(attributes).into();
        while let Some(attribute) = rest.pop_front() {
            let parsed = if attribute.path().is_ident("cfg") {
                only_condition(&attribute.meta).map(|condition| included &= self.holds(condition))
            } else if attribute.path().is_ident("cfg_attr") {
                conditional(&attribute).map(|(condition, inner)| {
                    if self.holds(condition) {
                        inner.into_iter().rev().for_each(|attribute| rest.push_front(attribute));
                    }
                })
            } else {
                attributes.push(attribute);
                Ok(())
            };
            errors.extend(parsed.err());
        }
        included
    }

    fn holds(&mut self, condition: TokenStream) -> bool {
        if let Some(negated) = negated(&condition) {
            return !self.holds_itself(negated, false);
        }
        self.holds_itself(condition, true)
    }

    fn holds_itself(&mut self, condition: TokenStream, otherwise: bool) -> bool {
        let text = condition.to_string();
        let known = self.known.iter().find(|(known, _)| known.to_string() == text);
        known.map_or_else(
            || {
                self.unknown.get_or_insert(condition);
                otherwise
            },
            |(_, holds)| *holds,
        )
    }
}

/// The predicate in `not(predicate)`, so that a predicate and its negation are one step.
fn negated(condition: &TokenStream) -> Option<TokenStream> {
    let mut tokens = condition.clone().into_iter();
    match (tokens.next()?, tokens.next()?, tokens.next()) {
        (TokenTree::Ident(not), TokenTree::Group(inner), None)
            if not == "not" && inner.delimiter() == Delimiter::Parenthesis && split(inner.stream()).len() == 1 =>
        {
            Some(inner.stream())
        }
        _ => None,
    }
}

/// Whether a condition has the form of one. rustc would report another form, and keep both calls of a step.
fn is_condition(tokens: &TokenStream) -> bool {
    if syn::parse2::<LitBool>(tokens.clone()).is_ok() {
        return true;
    }
    let inner = |list: &MetaList| split(list.tokens.clone());
    match syn::parse2::<Meta>(tokens.clone()) {
        Ok(Meta::Path(path)) => path.get_ident().is_some(),
        Ok(Meta::NameValue(pair)) => matches!(pair.value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. })),
        Ok(Meta::List(list)) if list.path.is_ident("not") => {
            inner(&list).len() == 1 && inner(&list).iter().all(is_condition)
        }
        Ok(Meta::List(list)) if list.path.is_ident("all") || list.path.is_ident("any") => {
            inner(&list).iter().all(is_condition)
        }
        // Of unstable Rust.
        Ok(Meta::List(list)) => ["target", "version", "accessible"].iter().any(|name| list.path.is_ident(name)),
        Err(_) => false,
    }
}

const CFG: &str = "expected one condition: `#[cfg(unix)]`, `#[cfg(feature = \"name\")]`, or a combination with `all`, `any` and `not`";
const CFG_ATTR: &str = "expected a condition and attributes: `#[cfg_attr(condition, attribute)]`";

fn only_condition(meta: &Meta) -> Result<TokenStream> {
    let mut parts = match meta {
        Meta::List(list) => split(list.tokens.clone()),
        _ => Vec::new(),
    };
    match (parts.pop(), parts.is_empty()) {
        (Some(condition), true) if is_condition(&condition) => Ok(condition),
        _ => Err(Error::new(meta.span(), CFG)),
    }
}

/// The condition of a `cfg_attr`, and the attributes.
fn conditional(attribute: &Attribute) -> Result<(TokenStream, Vec<Attribute>)> {
    let unlike = || Error::new(attribute.meta.span(), CFG_ATTR);
    let list = attribute.meta.require_list().map_err(|_| unlike())?;
    let mut parts = split(list.tokens.clone()).into_iter();
    let condition = parts.next().filter(is_condition).ok_or_else(unlike)?;
    let inner = parts.map(|tokens| Attribute::parse_outer.parse2(quote! { #[#tokens] }));
    let inner: Vec<Vec<Attribute>> = inner.collect::<Result<_>>()?;
    Ok((condition, inner.into_iter().flatten().collect()))
}

/// The tokens between commas.
fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens {
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => parts.push(TokenStream::new()),
            token => parts.last_mut().expect("there is always a part").extend([token]),
        }
    }
    if parts.last().is_some_and(TokenStream::is_empty) {
        parts.pop();
    }
    parts
}
