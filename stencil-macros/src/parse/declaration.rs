//! The items of a block, each from the token after its keyword. A mistake that leaves the declaration intact goes to the
//! context's errors; the parser then returns the item all the same.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitInt, Meta, Path, Result, Token, Visibility, braced, parenthesized, token};

use super::parameter::parameter;
use super::recover::nobody;
use super::{Context, MACHINE, contract};
use crate::ast::{Field, Interpreter, Machine, Struct, StructKind, Typed, Uop};
use crate::ctype::Type;

mod keyword {
    syn::custom_keyword!(machine);
    syn::custom_keyword!(scratch);
}

pub(super) fn machine(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    context: &mut Context,
) -> Result<Machine> {
    no_contract(&mut attributes, &mut context.errors);
    let operands = operands(&mut attributes, &mut context.errors);
    let interpreter = interpreter(&mut attributes, &mut context.errors);
    let name = input.parse()?;
    signature(
        input,
        Machine { attributes, operands, visibility, interpreter, name, ..nobody(Span::call_site()) },
        context,
    )
}

pub(super) fn continued(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    context: &mut Context,
) -> Result<Machine> {
    if !input.peek(keyword::machine) {
        return Err(input.error("expected `machine`: `continue machine path::Name(register: type, ...) -> type;`"));
    }
    input.parse::<keyword::machine>()?;
    let interpreter = interpreter(&mut attributes, &mut context.errors);
    if let Some(span) = misplaced(&attributes, &visibility) {
        let message = "attributes and visibility belong to the machine's declaration: remove this here";
        context.errors.push(Error::new(span, message));
    }
    let path = input.call(Path::parse_mod_style)?;
    let name = path.segments.last().expect("a path has a segment").ident.clone();
    signature(
        input,
        Machine { attributes, visibility, continued: Some(path), interpreter, name, ..nobody(Span::call_site()) },
        context,
    )
}

/// The registers of a machine, its result, and the registers that bodies have for themselves.
fn signature(input: ParseStream, mut machine: Machine, context: &mut Context) -> Result<Machine> {
    machine.parameters = fields(input, &format!("expected the registers in parentheses: {MACHINE}"), context)?;
    machine.output = output(input)?;
    if input.parse::<Option<keyword::scratch>>()?.is_some() {
        if !input.peek(token::Paren) {
            return Err(input.error("expected registers of the processor in parentheses: `scratch(rdx, rcx)`"));
        }
        let names;
        parenthesized!(names in input);
        machine.scratch = names.parse_terminated(Ident::parse, Token![,])?.into_iter().collect();
    }
    input.parse::<Token![;]>()?;
    Ok(machine)
}

/// Removes `#[operands(3)]` from the attributes. Returns the number of operand words that an instruction must hold.
fn operands(attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) -> usize {
    let mut most = 1;
    attributes.retain(|attribute| {
        let ours = attribute.path().is_ident("operands");
        if ours {
            match attribute.parse_args::<LitInt>().and_then(|number| number.base10_parse()) {
                Ok(number) => most = most.max(number),
                Err(_) => {
                    let message =
                        "expected the greatest number of operands that a uop of any block has: `#[operands(3)]`";
                    errors.push(Error::new(attribute.path().span(), message));
                }
            }
        }
        !ours
    });
    most
}

/// Removes `#[interpreter]` from the attributes.
fn interpreter(attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) -> Option<Interpreter> {
    let mut found = None;
    attributes.retain(|attribute| {
        let ours = attribute.path().is_ident("interpreter");
        if ours {
            let optional = match &attribute.meta {
                Meta::Path(_) => Some(false),
                _ => attribute.parse_args::<Ident>().ok().filter(|word| word == "optional").map(|_| true),
            };
            let span = attribute.path().span();
            match optional {
                Some(optional) => found = Some(Interpreter { span, optional }),
                None => {
                    let message = "expected `#[interpreter]`, or `#[interpreter(optional)]` for a machine that has an interpreter only \
                                   where the compiler's calling convention leaves a register for it";
                    errors.push(Error::new(span, message));
                }
            }
        }
        !ours
    });
    found
}

/// Refuses a contract on an item that is not a uop.
pub(super) fn no_contract(attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) {
    attributes.retain(|attribute| {
        let ours = attribute.path().is_ident(contract::ATTRIBUTE);
        if ours {
            let message = "only a uop has a contract; for all uops of a block, write `#![stencil(...)]` at its start";
            errors.push(Error::new(attribute.path().span(), message));
        }
        !ours
    });
}

/// The first attribute or the visibility of an item that takes neither. Documentation is harmless.
pub(super) fn misplaced(attributes: &[Attribute], visibility: &Visibility) -> Option<Span> {
    let attribute = attributes.iter().find(|attribute| !attribute.path().is_ident("doc"));
    let span = attribute.map(|attribute| attribute.path().span());
    span.or_else(|| (!matches!(visibility, Visibility::Inherited)).then(|| visibility.span()))
}

pub(super) fn uop(
    input: ParseStream,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    context: &mut Context,
) -> Result<Uop> {
    let contract = contract::take(&mut attributes, &mut context.errors);
    let name: Ident = input.parse()?;
    let mut parameters = Vec::new();
    if input.parse::<Option<Token![<]>>()?.is_some() {
        while !input.peek(Token![>]) {
            let mut attributes = input.call(Attribute::parse_outer)?;
            let included = context.included(&mut attributes);
            if let Some(span) = misplaced(&attributes, &Visibility::Inherited) {
                context.errors.push(Error::new(span, "a parameter takes no attribute except `cfg`"));
            }
            let parameter = parameter(input, &mut context.errors)?;
            parameters.extend(included.then_some(parameter));
            if !input.peek(Token![>]) {
                input.parse::<Token![,]>()?;
            }
        }
        input.parse::<Token![>]>()?;
    }
    let operands =
        fields(input, "expected the operands in parentheses, `uop name(operand: type, ...) { ... }`", context)?;
    if input.peek(Token![->]) {
        let message = "a uop has no result: the machine declares the result of a run, and `RETURN(value);` in a body \
                       returns it";
        context.errors.push(input.error(message));
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
                context.errors.push(Error::new(keyword.span(), message));
            }
            Some(condition)
        }
    };
    let body = if let Some(end) = input.parse::<Option<Token![;]>>()? {
        context.errors.push(Error::new(end.span(), "a uop has a body: write C in braces instead of the `;`"));
        Group::new(Delimiter::Brace, TokenStream::new())
    } else {
        c_text(input, "expected the body of the uop, C in braces")?
    };
    Ok(Uop { attributes, contract, visibility, name, parameters, condition, operands, body })
}

/// The name and, after `=`, the path of an existing Rust item.
pub(super) fn bound(input: ParseStream) -> Result<(Ident, Option<Path>)> {
    let name = input.parse()?;
    let bound = match input.parse::<Option<Token![=]>>()? {
        None => None,
        Some(_) => Some(input.call(Path::parse_mod_style)?),
    };
    Ok((name, bound))
}

pub(super) fn structure(
    input: ParseStream,
    kind: StructKind,
    mut attributes: Vec<Attribute>,
    visibility: Visibility,
    context: &mut Context,
) -> Result<Struct> {
    no_contract(&mut attributes, &mut context.errors);
    let (name, bound) = bound(input)?;
    if let (Some(span), true) = (misplaced(&attributes, &visibility), bound.is_some()) {
        context.errors.push(Error::new(span, "this belongs to the declaration of the Rust type"));
    }
    if !input.peek(token::Brace) {
        let keyword = kind.keyword();
        let form = format!(
            "expected fields in braces: `{keyword} Name {{ field: type, ... }}`, or, for an existing Rust type, `{keyword} Name = path {{ \
             field: type, ... }}`"
        );
        return Err(input.error(form));
    }
    let content;
    braced!(content in input);
    if kind == StructKind::Enum && !(bound.is_some() && content.peek(Token![..])) {
        let message = format!(
            "expected `enum {name} = path {{ .. }}`: C declares the enumeration, and a Rust type corresponds to it"
        );
        return Err(Error::new(name.span(), message));
    }
    let mut fields = Vec::new();
    let mut in_c = false;
    while !content.is_empty() {
        if let Some(rest) = content.parse::<Option<Token![..]>>()? {
            if bound.is_none() && !fields.is_empty() {
                let message = "`..` means that C declares the type: name the Rust type that has these fields, `struct Name = path { field: \
                               type, .. }`, or leave out the fields, `struct Name { .. }`, for a type that Rust only points to";
                return Err(Error::new(rest.span(), message));
            }
            in_c = true;
            break;
        }
        let mut field: Field = content.parse()?;
        let included = context.included(&mut field.attributes);
        fields.extend(included.then_some(field));
        if !content.is_empty() {
            content.parse::<Token![,]>()?;
        }
    }
    if !content.is_empty() {
        return Err(content.error("`..` must be the last field"));
    }
    Ok(Struct { kind, attributes, visibility, name, bound, fields, in_c })
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
        let ty = input.parse()?;
        let default = match input.parse::<Option<Token![=]>>()? {
            None => None,
            Some(_) => Some(input.parse()?),
        };
        Ok(Self { attributes, visibility, name, ty, default, element: None })
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

fn fields(input: ParseStream, expected: &str, context: &mut Context) -> Result<Vec<Field>> {
    if !input.peek(token::Paren) {
        return Err(input.error(expected));
    }
    let content;
    parenthesized!(content in input);
    let fields = content.parse_terminated(Field::parse, Token![,])?;
    possible_here(fields.into_iter().collect(), context)
}

/// Leaves the fields that `cfg` includes. Refuses attributes and visibility.
pub(super) fn possible_here(fields: Vec<Field>, context: &mut Context) -> Result<Vec<Field>> {
    let included = fields.into_iter().filter_map(|mut field| context.included(&mut field.attributes).then_some(field));
    let fields: Vec<Field> = included.collect();
    let stray = fields.iter().find_map(|field| misplaced(&field.attributes, &field.visibility));
    match stray {
        Some(span) => Err(Error::new(
            span,
            "expected `name: type`: no visibility, and no attribute except `cfg`, is possible here",
        )),
        None => Ok(fields),
    }
}

pub(super) fn output(input: ParseStream) -> Result<Option<Typed>> {
    match input.parse::<Option<Token![->]>>()? {
        None => Ok(None),
        Some(_) => input.parse().map(Some),
    }
}

/// A group in braces, whose text is C. It may be an argument of a `macro_rules!` macro, `$body:block`, which arrives in groups
/// without delimiters.
pub(super) fn c_text(input: ParseStream, expected: &str) -> Result<Group> {
    if !input.peek(token::Brace) {
        return Err(input.error(expected));
    }
    let mut token: Option<TokenTree> = Some(input.parse()?);
    loop {
        token = match token {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => group.stream().into_iter().next(),
            Some(TokenTree::Group(group)) => return Ok(group),
            _ => return Err(input.error(expected)),
        };
    }
}
