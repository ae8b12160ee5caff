//! From tokens to the [`Block`](crate::ast::Block) they spell.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::parse::discouraged::Speculative as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result, Token, Visibility, braced, parenthesized, token};

use crate::ast::{Block, Declaration, Extern, Field, Machine, Mistakes, Parameter, Struct, Typed, Unparsed, Uop};
use crate::ctype::Type;

mod keyword {
    syn::custom_keyword!(machine);
    syn::custom_keyword!(uop);
    syn::custom_keyword!(c);
    syn::custom_keyword!(include);
    syn::custom_keyword!(c_flags);
}

const MACHINE: &str = "`machine Name(register: type, ...) -> type;`";
const ITEMS: &str = "expected an item of a block: `machine`, `continue machine`, `uop`, `struct`, `extern fn`, \
                     `include \"path.h\";` or `c { ... }`";

impl Parse for Block {
    /// Fails never: an item that cannot be parsed is a mistake of the block, and parsing goes on after it.
    fn parse(input: ParseStream) -> Result<Self> {
        let start = input.span();
        let mut items = Items::default();
        let ahead = input.fork();
        match c_flags(&ahead) {
            Ok(flags) => {
                items.flags = flags;
                input.advance_to(&ahead);
            }
            Err(error) => {
                items.mistakes.errors.push(error);
                while input.peek(Token![#]) && input.peek2(Token![!]) {
                    skip_tokens(input, if input.peek3(token::Bracket) { 3 } else { 2 })?;
                }
            }
        }
        while !input.is_empty() {
            let (start, ahead) = (input.fork(), input.fork());
            let whole = Items::default().item(&ahead);
            if whole.is_err() {
                skip_item(input)?;
            }
            let parsed = whole.and_then(|()| {
                let mut tokens = TokenStream::new();
                while input.cursor() != ahead.cursor() {
                    tokens.extend([input.parse::<TokenTree>()?]);
                }
                // By itself, or syn would report what is left over in a group at the end of the block, and alone.
                (|item: ParseStream| items.item(item)).parse2(tokens)
            });
            if let Err(error) = parsed {
                items.mistakes.errors.push(error);
                items.mistakes.uops.extend(unparsed(&start));
            }
        }
        let Items { flags, machine, uops, externs, structs, includes, c, order, mut mistakes } = items;
        let machine = machine.unwrap_or_else(|| {
            mistakes.no_machine = true;
            let remedy = format!(
                "a block needs {MACHINE}, or, to add uops to a machine of another block, `continue machine \
                 path::Name(...) -> ...;`"
            );
            if mistakes.errors.is_empty() {
                mistakes.errors.push(Error::new(start, remedy));
            }
            nobody(start)
        });
        Ok(Self { flags, machine, uops, externs, structs, includes, c, order, mistakes })
    }
}

/// The items of a block that have been parsed so far.
#[derive(Default)]
struct Items {
    flags: Vec<LitStr>,
    machine: Option<Machine>,
    uops: Vec<Uop>,
    externs: Vec<Extern>,
    structs: Vec<Struct>,
    includes: Vec<LitStr>,
    c: Vec<Group>,
    order: Vec<Declaration>,
    mistakes: Mistakes,
}

impl Items {
    fn item(&mut self, input: ParseStream) -> Result<()> {
        if input.peek(Token![#]) && input.peek2(syn::Ident) {
            return Err(input.error("this is C, which stands in a block of its own: `c { ... }`"));
        }
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility: Visibility = input.parse()?;
        if let (true, Some(attribute)) = (input.is_empty(), attributes.last()) {
            return Err(Error::new(attribute.path().span(), "this belongs to nothing: no item follows it"));
        }
        if input.peek(keyword::uop) {
            self.uops.push(uop(input, attributes, visibility, &mut self.mistakes.errors)?);
        } else if input.peek(Token![struct]) {
            let stray = misplaced(&attributes, &visibility);
            let declared = structure(input, attributes, visibility)?;
            if let (Some(span), true) = (stray, declared.bound.is_some()) {
                let message = "this belongs to the Rust type, which is declared elsewhere";
                self.mistakes.errors.push(Error::new(span, message));
            }
            self.structs.push(declared);
            self.order.push(Declaration::Struct(self.structs.len() - 1));
        } else if input.peek(keyword::machine) || input.peek(Token![continue]) {
            let continues = input.peek(Token![continue]);
            let stray = if continues { misplaced(&attributes, &visibility) } else { None };
            let declared = machine(input, attributes, visibility)?;
            if let Some(span) = stray {
                let message =
                    "this belongs to the machine's declaration: a block that continues the machine has no say";
                self.mistakes.errors.push(Error::new(span, message));
            }
            if self.machine.is_some() {
                let message = "a block has one machine, and this is another: begin another `stencil!` block";
                self.mistakes.errors.push(Error::new(declared.name.span(), message));
            } else {
                self.machine = Some(declared);
            }
        } else if !(input.peek(Token![extern]) || input.peek(keyword::include) || input.peek(keyword::c)) {
            let message = if input.peek(Token![;]) { "nothing ends here: remove the `;`" } else { ITEMS };
            return Err(input.error(message));
        } else if let Some(span) = misplaced(&attributes, &visibility) {
            return Err(Error::new(span, "what follows becomes C alone, which has neither attributes nor visibility"));
        } else if input.peek(Token![extern]) {
            self.externs.push(input.parse()?);
            self.order.push(Declaration::Extern(self.externs.len() - 1));
        } else if input.peek(keyword::include) {
            input.parse::<keyword::include>()?;
            if !input.peek(LitStr) {
                let message = "expected a path in quotes, `include \"path.h\";`; headers of the system are included \
                               in C, `c { #include <math.h> }`";
                return Err(input.error(message));
            }
            self.includes.push(input.parse()?);
            self.order.push(Declaration::Include(self.includes.len() - 1));
            input.parse::<Token![;]>()?;
        } else {
            input.parse::<keyword::c>()?;
            self.c.push(c_text(input, "expected C in braces")?);
            self.order.push(Declaration::C(self.c.len() - 1));
        }
        Ok(())
    }
}

/// The first attribute or the visibility of something that has none; comments do no harm.
fn misplaced(attributes: &[Attribute], visibility: &Visibility) -> Option<Span> {
    let attribute = attributes.iter().find(|attribute| !attribute.path().is_ident("doc"));
    let span = attribute.map(|attribute| attribute.path().span());
    span.or_else(|| (!matches!(visibility, Visibility::Inherited)).then(|| visibility.span()))
}

/// Goes to the end of an item that could not be parsed, or to where the next one seems to begin.
fn skip_item(input: ParseStream) -> Result<()> {
    // By tokens, since what syn cannot make sense of in a group, it reports again in the end.
    let mut continues = false;
    while input.peek(Token![#]) && input.peek2(token::Bracket) {
        skip_tokens(input, 2)?;
    }
    if input.peek(Token![pub]) {
        skip_tokens(input, if input.peek2(token::Paren) { 2 } else { 1 })?;
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
        let next = (named && (input.peek(keyword::uop) || input.peek(Token![struct]) || input.peek(keyword::machine)))
            || (input.peek(Token![continue]) && input.peek2(keyword::machine))
            || (input.peek(Token![extern]) && input.peek2(Token![fn]))
            || (input.peek(keyword::include) && input.peek2(LitStr))
            || (input.peek(Token![pub]) && !continues)
            || (input.peek(Token![#]) && input.peek2(token::Bracket));
        if end || next {
            return Ok(());
        }
    }
}

fn skip_tokens(input: ParseStream, count: usize) -> Result<()> {
    (0..count).try_for_each(|_| input.parse::<TokenTree>().map(drop))
}

/// What can be seen of a uop that could not be parsed.
fn unparsed(input: ParseStream) -> Option<Unparsed> {
    input.call(Attribute::parse_outer).ok()?;
    let visibility = input.parse().ok()?;
    input.parse::<keyword::uop>().ok()?;
    let name = input.parse().ok()?;
    // Commas separate; one may also end a list.
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

/// Stands in for the machine of a block that has none.
fn nobody(span: Span) -> Machine {
    Machine {
        attributes: Vec::new(),
        visibility: Visibility::Inherited,
        continued: None,
        name: Ident::new("Machine", span),
        parameters: Vec::new(),
        output: None,
    }
}

/// `#![c_flags("-fpic", "-fno-plt")]`
fn c_flags(input: ParseStream) -> Result<Vec<LitStr>> {
    let mut flags = Vec::new();
    for attribute in input.call(Attribute::parse_inner)? {
        if !attribute.path().is_ident("c_flags") {
            let message = "the only attribute of a block is `#![c_flags(\"...\")]`";
            return Err(Error::new(attribute.path().span(), message));
        }
        flags.extend(attribute.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated)?);
    }
    Ok(flags)
}

fn machine(input: ParseStream, attributes: Vec<Attribute>, visibility: Visibility) -> Result<Machine> {
    let continues = input.parse::<Option<Token![continue]>>()?.is_some();
    if !input.peek(keyword::machine) {
        return Err(input.error("expected `machine`: `continue machine path::Name(register: type, ...) -> type;`"));
    }
    input.parse::<keyword::machine>()?;
    let (name, continued) = if continues {
        let path = input.call(Path::parse_mod_style)?;
        let name = path.segments.last().expect("a path has a segment").ident.clone();
        (name, Some(path))
    } else {
        (input.parse()?, None)
    };
    let parameters = fields(input, &format!("expected the registers in parentheses: {MACHINE}"))?;
    let output = output(input)?;
    input.parse::<Token![;]>()?;
    Ok(Machine { attributes, visibility, continued, name, parameters, output })
}

/// A uop; `errors` take what is wrong with it and does not keep its signature from being known.
fn uop(input: ParseStream, attributes: Vec<Attribute>, visibility: Visibility, errors: &mut Vec<Error>) -> Result<Uop> {
    input.parse::<keyword::uop>()?;
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
    Ok(Uop { attributes, visibility, name, parameters, condition, operands, body })
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
        parsed => parsed.map_err(|error| (Some(error.span()), Some(error.to_string()))),
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
        input.parse::<Token![extern]>()?;
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

fn structure(input: ParseStream, attributes: Vec<Attribute>, visibility: Visibility) -> Result<Struct> {
    input.parse::<Token![struct]>()?;
    let name: Ident = input.parse()?;
    let bound = match input.parse::<Option<Token![=]>>()? {
        None => None,
        Some(_) => Some(input.call(Path::parse_mod_style)?),
    };
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
fn c_text(input: ParseStream, expected: &str) -> Result<Group> {
    if !input.peek(token::Brace) {
        return Err(input.error(expected));
    }
    input.parse()
}

#[cfg(test)]
mod tests;
