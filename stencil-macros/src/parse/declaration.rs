//! The items of a block, each from behind its keyword. `errors` take what is wrong with one and does not keep what it
//! declares from being known.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitInt, Path, Result, Token, Visibility, braced, parenthesized, token};

use super::MACHINE;
use crate::ast::{Extern, Field, Machine, Parameter, Struct, Typed, Uop};
use crate::contract::{ATTRIBUTE, Contract};
use crate::ctype::Type;

mod keyword {
    syn::custom_keyword!(machine);
}

pub(super) fn machine(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    errors: &mut Vec<Error>,
) -> Result<Machine> {
    no_contract(&mut attributes, errors);
    let operands = operands(&mut attributes, errors);
    let name = input.parse()?;
    signature(
        input,
        Machine { attributes, operands, visibility, continued: None, name, parameters: Vec::new(), output: None },
    )
}

pub(super) fn continued(
    input: ParseStream,
    attributes: Vec<Attribute>,
    visibility: Visibility,
    errors: &mut Vec<Error>,
) -> Result<Machine> {
    if !input.peek(keyword::machine) {
        return Err(input.error("expected `machine`: `continue machine path::Name(register: type, ...) -> type;`"));
    }
    input.parse::<keyword::machine>()?;
    if let Some(span) = misplaced(&attributes, &visibility) {
        let message = "this belongs to the machine's declaration: a block that continues the machine has no say";
        errors.push(Error::new(span, message));
    }
    let path = input.call(Path::parse_mod_style)?;
    let name = path.segments.last().expect("a path has a segment").ident.clone();
    signature(
        input,
        Machine {
            attributes,
            operands: 1,
            visibility,
            continued: Some(path),
            name,
            parameters: Vec::new(),
            output: None,
        },
    )
}

/// The registers and the result of a machine.
fn signature(input: ParseStream, mut machine: Machine) -> Result<Machine> {
    machine.parameters = fields(input, &format!("expected the registers in parentheses: {MACHINE}"))?;
    machine.output = output(input)?;
    input.parse::<Token![;]>()?;
    Ok(machine)
}

/// The number of operands that instructions have room for, `#[operands(3)]`, taken out of the attributes.
fn operands(attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) -> usize {
    let mut most = 1;
    attributes.retain(|attribute| {
        let ours = attribute.path().is_ident("operands");
        if ours {
            match attribute.parse_args::<LitInt>().and_then(|number| number.base10_parse()) {
                Ok(number) => most = most.max(number),
                Err(_) => {
                    let message = "expected how many operands the uops of all blocks have at most: `#[operands(3)]`";
                    errors.push(Error::new(attribute.path().span(), message));
                }
            }
        }
        !ours
    });
    most
}

/// Refuses a contract where there is nothing to keep one.
fn no_contract(attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) {
    attributes.retain(|attribute| {
        let ours = attribute.path().is_ident(ATTRIBUTE);
        if ours {
            let message = "a contract is of a uop; for all uops of a block, write `#![stencil(...)]` at its start";
            errors.push(Error::new(attribute.path().span(), message));
        }
        !ours
    });
}

/// The first attribute or the visibility of something that has none; comments do no harm.
pub(super) fn misplaced(attributes: &[Attribute], visibility: &Visibility) -> Option<Span> {
    let attribute = attributes.iter().find(|attribute| !attribute.path().is_ident("doc"));
    let span = attribute.map(|attribute| attribute.path().span());
    span.or_else(|| (!matches!(visibility, Visibility::Inherited)).then(|| visibility.span()))
}

pub(super) fn uop(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    errors: &mut Vec<Error>,
) -> Result<Uop> {
    let contract = Contract::take(&mut attributes, errors);
    let name: Ident = input.parse()?;
    let mut parameters = Vec::new();
    if input.parse::<Option<Token![<]>>()?.is_some() {
        while !input.peek(Token![>]) {
            parameters.push(parameter(input, errors)?);
            if !input.peek(Token![>]) {
                input.parse::<Token![,]>()?;
            }
        }
        input.parse::<Token![>]>()?;
    }
    let operands = fields(input, "expected the operands in parentheses, `uop name(operand: type, ...) { ... }`")?;
    if input.peek(Token![->]) {
        let message = "a uop returns nothing: a run returns what its machine says, and `RETURN(value);` in a body \
                       returns it";
        errors.push(input.error(message));
        output(input)?;
    }
    let condition = match input.parse::<Option<Token![where]>>()? {
        None => None,
        Some(keyword) => {
            let mut condition = TokenStream::new();
            while !input.is_empty() && !input.peek(token::Brace) && !input.peek(Token![;]) {
                condition.extend([input.parse::<TokenTree>()?]);
            }
            if condition.is_empty() {
                let message = "expected a condition on the family's parameters, such as `where DST != SRC`";
                errors.push(Error::new(keyword.span(), message));
            }
            Some(condition)
        }
    };
    let body = if let Some(end) = input.parse::<Option<Token![;]>>()? {
        errors.push(Error::new(end.span(), "a uop has a body: C in braces, in place of the `;`"));
        Group::new(Delimiter::Brace, TokenStream::new())
    } else {
        c_text(input, "expected the body of the uop, C in braces")?
    };
    Ok(Uop { attributes, contract, visibility, name, parameters, condition, operands, body })
}

/// `const DST: 0..3`
fn parameter(input: ParseStream, errors: &mut Vec<Error>) -> Result<Parameter> {
    const FORM: &str =
        "a family's parameter is a range of numbers from 0 up, `const NAME: 0..3` or `const NAME: 0..=2`";
    if !input.peek(Token![const]) {
        return Err(input.error(FORM));
    }
    input.parse::<Token![const]>()?;
    let name = input.parse()?;
    input.parse::<Token![:]>()?;
    let ahead = input.fork();
    match range(&ahead) {
        Ok((start, end)) => {
            input.advance_to(&ahead);
            Ok(Parameter { name, start, end })
        }
        Err((span, message)) => {
            errors.push(Error::new(span.unwrap_or(input.span()), message.as_deref().unwrap_or(FORM)));
            while !(input.is_empty() || input.peek(Token![,]) || input.peek(Token![>]) || input.peek(token::Paren)) {
                input.parse::<TokenTree>()?;
            }
            // One member, so that what follows has something to work with.
            Ok(Parameter { name, start: 0, end: 1 })
        }
    }
}

/// A range that is not empty, or else where and why not, if there is more to say than what a range is.
fn range(input: ParseStream) -> std::result::Result<(usize, usize), (Option<Span>, Option<String>)> {
    let unlike = |_| (None, None);
    let number = |literal: &LitInt| match literal.base10_parse() {
        Err(_) if literal.base10_digits().starts_with('-') => Err((None, None)),
        parsed => parsed.map_err(|error| (Some(error.span()), Some("the number is too large".into()))),
    };
    let start = number(&input.parse::<LitInt>().map_err(unlike)?)?;
    let inclusive = input.parse::<Option<Token![..=]>>().map_err(unlike)?.is_some();
    if !inclusive {
        input.parse::<Token![..]>().map_err(unlike)?;
    }
    let end = input.parse::<LitInt>().map_err(unlike)?;
    let last: usize = number(&end)?;
    let past = if inclusive { last.saturating_add(1) } else { last };
    if past <= start {
        return Err((
            Some(end.span()),
            Some("the range is empty, and a family needs a member: `0..2` has 0 and 1".into()),
        ));
    }
    Ok((start, past))
}

impl Parse for Extern {
    fn parse(input: ParseStream) -> Result<Self> {
        if !input.peek(Token![fn]) {
            let form = "expected `fn`: a host function is declared by `extern fn name(...) = path::to::function;`, and \
                        has the C convention";
            return Err(input.error(form));
        }
        input.parse::<Token![fn]>()?;
        let name: Ident = input.parse()?;
        let parameters = fields(input, "expected the parameters in parentheses")?;
        let output = output(input)?;
        if !input.peek(Token![=]) {
            let form = format!("expected the Rust function that it is: `extern fn {name}(...) = path::to::function;`");
            return Err(input.error(form));
        }
        input.parse::<Token![=]>()?;
        let function = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok(Self { name, parameters, output, function })
    }
}

pub(super) fn structure(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    errors: &mut Vec<Error>,
) -> Result<Struct> {
    no_contract(&mut attributes, errors);
    let name: Ident = input.parse()?;
    let bound = match input.parse::<Option<Token![=]>>()? {
        None => None,
        Some(_) => Some(input.call(Path::parse_mod_style)?),
    };
    if let (Some(span), true) = (misplaced(&attributes, &visibility), bound.is_some()) {
        errors.push(Error::new(span, "this belongs to the Rust type, which is declared elsewhere"));
    }
    if !input.peek(token::Brace) {
        let form = "expected fields in braces, `struct Name { field: type, ... }`, or, of a type that Rust has, \
                    `struct Name = path { field: type, ... }`";
        return Err(input.error(form));
    }
    let content;
    braced!(content in input);
    let mut fields = Vec::new();
    let mut in_c = false;
    while !content.is_empty() {
        if let Some(rest) = content.parse::<Option<Token![..]>>()? {
            if bound.is_none() {
                let message =
                    "`..` leaves the C type to C code: say which Rust type it is, `struct Name = path { .. }`";
                return Err(Error::new(rest.span(), message));
            }
            in_c = true;
            break;
        }
        fields.push(content.parse()?);
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    if !content.is_empty() {
        return Err(content.error("`..` comes last, and alone"));
    }
    Ok(Struct { attributes, visibility, name, bound, fields, in_c })
}

impl Parse for Field {
    fn parse(input: ParseStream) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if !input.peek(syn::Ident) {
            return Err(input.error("expected `name: type`"));
        }
        let name = input.parse()?;
        if !input.peek(Token![:]) {
            return Err(input.error("expected `name: type`"));
        }
        input.parse::<Token![:]>()?;
        Ok(Self { attributes, visibility, name, ty: input.parse()? })
    }
}

impl Parse for Typed {
    fn parse(input: ParseStream) -> Result<Self> {
        let rust: syn::Type = input.parse()?;
        let (c, error) = match Type::from_rust(&rust) {
            Ok(c) => (c, None),
            Err(error) => (Type::Bool, Some(error)),
        };
        Ok(Self { c, span: rust.span(), rust, error })
    }
}

fn fields(input: ParseStream, expected: &str) -> Result<Vec<Field>> {
    if !input.peek(token::Paren) {
        return Err(input.error(expected));
    }
    let content;
    parenthesized!(content in input);
    let fields: Vec<Field> = content.parse_terminated(Field::parse, Token![,])?.into_iter().collect();
    let stray = fields.iter().find_map(|field| misplaced(&field.attributes, &field.visibility));
    match stray {
        Some(span) => Err(Error::new(span, "expected `name: type`, without attributes or visibility")),
        None => Ok(fields),
    }
}

fn output(input: ParseStream) -> Result<Option<Typed>> {
    match input.parse::<Option<Token![->]>>()? {
        None => Ok(None),
        Some(_) => input.parse().map(Some),
    }
}

/// A group in braces, whose text is C.
pub(super) fn c_text(input: ParseStream, expected: &str) -> Result<Group> {
    if !input.peek(token::Brace) {
        return Err(input.error(expected));
    }
    input.parse()
}
