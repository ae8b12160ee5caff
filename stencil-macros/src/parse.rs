//! From tokens to the [`Block`](crate::ast::Block) they spell.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result, Token, Visibility, braced, parenthesized, token};

use crate::ast::{Block, Declaration, Extern, Field, Machine, Parameter, Struct, Typed, Uop};
use crate::ctype::Type;

mod keyword {
    syn::custom_keyword!(machine);
    syn::custom_keyword!(uop);
    syn::custom_keyword!(c);
    syn::custom_keyword!(include);
    syn::custom_keyword!(c_flags);
}

impl Parse for Block {
    fn parse(input: ParseStream) -> Result<Self> {
        let flags = c_flags(input)?;
        let mut machine = None;
        let (mut uops, mut externs, mut structs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut includes, mut c, mut order) = (Vec::new(), Vec::new(), Vec::new());
        let start = input.span();
        while !input.is_empty() {
            let attributes = input.call(Attribute::parse_outer)?;
            let visibility: Visibility = input.parse()?;
            let next = input.lookahead1();
            if next.peek(keyword::uop) {
                uops.push(uop(input, attributes, visibility)?);
            } else if next.peek(Token![struct]) {
                order.push(Declaration::Struct(structs.len()));
                structs.push(structure(input, attributes, visibility)?);
            } else if next.peek(keyword::machine) || next.peek(Token![continue]) {
                let declared = machine_(input, attributes, visibility)?;
                if machine.is_some() {
                    return Err(Error::new(declared.name.span(), "a block has one machine: begin another `stencil!`"));
                }
                machine = Some(declared);
            } else if !matches!(visibility, Visibility::Inherited) {
                return Err(next.error());
            } else if let Some(attribute) = attributes.iter().find(|attribute| !attribute.path().is_ident("doc")) {
                return Err(Error::new(attribute.span(), "what follows becomes C alone, which has no attributes"));
            } else if next.peek(Token![extern]) {
                order.push(Declaration::Extern(externs.len()));
                externs.push(input.parse()?);
            } else if next.peek(keyword::include) {
                input.parse::<keyword::include>()?;
                order.push(Declaration::Include(includes.len()));
                includes.push(input.parse()?);
                input.parse::<Token![;]>()?;
            } else if next.peek(keyword::c) {
                input.parse::<keyword::c>()?;
                order.push(Declaration::C(c.len()));
                c.push(c_text(input)?);
            } else {
                return Err(next.error());
            }
        }
        let machine = machine.ok_or_else(|| {
            let remedy = "a block needs `machine Name(register: type, ...) -> type;`, or, to add uops to a \
                          machine of another block, `continue machine path::Name(...) -> ...;`";
            Error::new(start, remedy)
        })?;
        Ok(Self { flags, machine, uops, externs, structs, includes, c, order })
    }
}

/// `#![c_flags("-fpic", "-fno-plt")]`
fn c_flags(input: ParseStream) -> Result<Vec<LitStr>> {
    let mut flags = Vec::new();
    for attribute in input.call(Attribute::parse_inner)? {
        if !attribute.path().is_ident("c_flags") {
            return Err(Error::new(attribute.span(), "the only attribute of a block is `#![c_flags(\"...\")]`"));
        }
        flags.extend(attribute.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?);
    }
    Ok(flags)
}

fn machine_(input: ParseStream, attributes: Vec<Attribute>, visibility: Visibility) -> Result<Machine> {
    let continues = input.parse::<Option<Token![continue]>>()?.is_some();
    input.parse::<keyword::machine>()?;
    let (name, continued) = if continues {
        let path = input.call(Path::parse_mod_style)?;
        let name = path.segments.last().expect("a path has a segment").ident.clone();
        (name, Some(path))
    } else {
        (input.parse()?, None)
    };
    let parameters = fields(input)?;
    let output = output(input)?;
    input.parse::<Token![;]>()?;
    Ok(Machine { attributes, visibility, continued, name, parameters, output })
}

fn uop(input: ParseStream, attributes: Vec<Attribute>, visibility: Visibility) -> Result<Uop> {
    input.parse::<keyword::uop>()?;
    let name = input.parse()?;
    let mut parameters = Vec::new();
    if input.parse::<Option<Token![<]>>()?.is_some() {
        while !input.peek(Token![>]) {
            parameters.push(input.parse()?);
            if !input.peek(Token![>]) {
                input.parse::<Token![,]>()?;
            }
        }
        input.parse::<Token![>]>()?;
    }
    let operands = fields(input)?;
    let condition = match input.parse::<Option<Token![where]>>()? {
        None => None,
        Some(_) => {
            let mut condition = TokenStream::new();
            while !input.is_empty() && !input.peek(token::Brace) {
                condition.extend([input.parse::<TokenTree>()?]);
            }
            Some(condition)
        }
    };
    let body = c_text(input)?;
    Ok(Uop { attributes, visibility, name, parameters, condition, operands, body })
}

impl Parse for Parameter {
    fn parse(input: ParseStream) -> Result<Self> {
        input.parse::<Token![const]>()?;
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let start = input.parse::<LitInt>()?.base10_parse()?;
        let inclusive = input.parse::<Option<Token![..=]>>()?.is_some();
        if !inclusive {
            input.parse::<Token![..]>()?;
        }
        let end = input.parse::<LitInt>()?;
        let last: usize = end.base10_parse()?;
        let past = if inclusive { last.saturating_add(1) } else { last };
        if past <= start {
            return Err(Error::new(end.span(), "the range is empty"));
        }
        Ok(Self { name, start, end: past })
    }
}

impl Parse for Extern {
    fn parse(input: ParseStream) -> Result<Self> {
        input.parse::<Token![extern]>()?;
        input.parse::<Token![fn]>()?;
        let name = input.parse()?;
        let parameters = fields(input)?;
        let output = output(input)?;
        input.parse::<Token![=]>()?;
        let function = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok(Self { name, parameters, output, function })
    }
}

fn structure(input: ParseStream, attributes: Vec<Attribute>, visibility: Visibility) -> Result<Struct> {
    input.parse::<Token![struct]>()?;
    let name: Ident = input.parse()?;
    let bound = match input.parse::<Option<Token![=]>>()? {
        None => None,
        Some(_) => Some(input.call(Path::parse_mod_style)?),
    };
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
        return Err(content.error("`..` comes last"));
    }
    Ok(Struct { attributes, visibility, name, bound, fields, in_c })
}

impl Parse for Field {
    fn parse(input: ParseStream) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        Ok(Self { attributes, visibility, name, ty: input.parse()? })
    }
}

impl Parse for Typed {
    fn parse(input: ParseStream) -> Result<Self> {
        let rust: syn::Type = input.parse()?;
        Ok(Self { c: Type::from_rust(&rust)?, span: rust.span(), rust })
    }
}

fn fields(input: ParseStream) -> Result<Vec<Field>> {
    let content;
    parenthesized!(content in input);
    Ok(content.parse_terminated(Field::parse, Token![,])?.into_iter().collect())
}

fn output(input: ParseStream) -> Result<Option<Typed>> {
    match input.parse::<Option<Token![->]>>()? {
        None => Ok(None),
        Some(_) => input.parse().map(Some),
    }
}

/// A group in braces, whose text is C.
fn c_text(input: ParseStream) -> Result<Group> {
    if !input.peek(token::Brace) {
        return Err(input.error("expected C in braces"));
    }
    input.parse()
}
