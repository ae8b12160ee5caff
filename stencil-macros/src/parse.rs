//! The parser: from tokens to a [`Block`](crate::ast::Block).

mod conditions;
mod contract;
mod declaration;
mod host;
mod parameter;
mod recover;
mod resolve;
mod shared;

pub use conditions::Conditions;

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitStr, Meta, Result, Token, Visibility, token};

use crate::ast::{
    Block, Constant, Contract, Declaration, Enum, Extern, Machine, Mistakes, Struct, StructKind, Unparsed, Uop,
};
use crate::{feature, suggest};
use declaration::{c_text, continued, machine, misplaced, structure, uop};
use host::host;
use recover::{nobody, skip_item, take_tokens, unparsed};
use shared::{constant, enumeration};

const MACHINE: &str = "`machine Name(register: type, ...) -> type;`";
const ITEMS: &str = "expected an item of a block: `machine`, `continue machine`, `uop`, `struct`, `union`, `enum`, `const`, \
                     `extern fn`, `extern static`, `include \"path.h\";` or `c { ... }`";
const FLAGS: &str = "expected flags for the C compiler, as strings: `#![c_flags(\"-O3\", \"-msse4.2\")]`";
const ATTRIBUTES: &str = "a block takes these attributes: `#![c_flags(\"...\")]`, flags for the C compiler; `#![hosted]`, for C that \
                          includes headers of a C library; `#![allow(unused_variables)]`, for generated uops; and \
                          `#![stencil(...)]`, a contract for each uop";
/// The flags that `#![hosted]` stands for. Headers of a C library are whole, but the compiler still takes no function for one of the
/// library that it knows.
const HOSTED: [&str; 2] = ["-fhosted", "-fno-builtin"];

/// The flags that `#![allow(unused_variables)]` stands for. An operand is a variable of the body.
const ALLOW_UNUSED: [&str; 2] = ["-Wno-unused-variable", "-Wno-unused-but-set-variable"];

/// Parses a block under these conditions. If one of them turns out to be unknown, the block is incomplete: see
/// [`Conditions::steps`].
///
/// # Errors
/// None: an item that cannot be parsed becomes a mistake of the block, and the parser continues after it.
pub fn block(tokens: TokenStream, conditions: Conditions) -> Result<(Block, Conditions)> {
    (|input: ParseStream| {
        let start = input.span();
        let mut items = Items { context: Context { conditions, ..Context::default() }, ..Items::default() };
        while input.peek(Token![#]) && input.peek2(Token![!]) {
            let tokens = take_tokens(input, if input.peek3(token::Bracket) { 3 } else { 2 })?;
            // In a stream of its own, as with items below.
            match Attribute::parse_inner.parse2(tokens) {
                Ok(attributes) => items.attributes(attributes),
                Err(error) => items.context.errors.push(error),
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
                // In a stream of its own: otherwise syn reports leftover tokens in a group at the end of the block, and nothing else.
                (|item: ParseStream| items.item(item)).parse2(tokens)
            });
            if let Err(error) = parsed {
                items.context.errors.push(error);
                items.unparsed.extend(unparsed(&start));
            }
        }
        let Items {
            context,
            block,
            flags,
            contract,
            machine,
            uops,
            externs,
            structs,
            constants,
            enums,
            includes,
            c,
            order,
            unparsed,
        } = items;
        let contract::OfBlock { runtime, requires } = block;
        let of_features = requires
            .iter()
            .filter_map(|feature: &LitStr| Some(LitStr::new(feature::flag(&feature.value())?, feature.span())));
        let flags = of_features.chain(flags).collect();
        let mut mistakes = Mistakes { errors: context.errors, no_machine: machine.is_none(), uops: unparsed };
        let machine = machine.unwrap_or_else(|| {
            let remedy = format!(
                "a block needs {MACHINE}, or, to add uops to the machine of another block, `continue machine \
                 path::Name(...) -> ...;`"
            );
            if mistakes.errors.is_empty() {
                mistakes.errors.push(Error::new(start, remedy));
            }
            nobody(start)
        });
        let conditions = context.conditions.known().to_vec();
        let mut block = Block {
            runtime,
            flags,
            requires,
            contract,
            machine,
            uops,
            externs,
            structs,
            constants,
            enums,
            includes,
            c,
            order,
            conditions,
            mistakes,
        };
        resolve::block(&mut block);
        Ok((block, context.conditions))
    })
    .parse2(tokens)
}

/// What the parsers of all items share.
#[derive(Default)]
struct Context {
    errors: Vec<Error>,
    conditions: Conditions,
}

impl Context {
    /// Evaluates `cfg` and `cfg_attr` among these attributes. Returns whether their item is included.
    fn included(&mut self, attributes: &mut Vec<Attribute>) -> bool {
        self.conditions.apply(attributes, &mut self.errors)
    }
}

/// The keyword that an item begins with.
#[derive(Clone, Copy)]
enum Keyword {
    Machine,
    Continue,
    Uop,
    Struct(StructKind),
    Const,
    Extern,
    Include,
    C,
}

const KEYWORDS: [(&str, Keyword); 10] = [
    ("machine", Keyword::Machine),
    ("continue", Keyword::Continue),
    ("uop", Keyword::Uop),
    ("struct", Keyword::Struct(StructKind::Struct)),
    ("union", Keyword::Struct(StructKind::Union)),
    ("enum", Keyword::Struct(StructKind::Enum)),
    ("const", Keyword::Const),
    ("extern", Keyword::Extern),
    ("include", Keyword::Include),
    ("c", Keyword::C),
];

/// The items of a block, as far as it has been parsed.
#[derive(Default)]
struct Items {
    context: Context,
    block: contract::OfBlock,
    flags: Vec<LitStr>,
    contract: Contract,
    machine: Option<Machine>,
    uops: Vec<Uop>,
    externs: Vec<Extern>,
    structs: Vec<Struct>,
    constants: Vec<Constant>,
    enums: Vec<Enum>,
    includes: Vec<LitStr>,
    c: Vec<Group>,
    order: Vec<Declaration>,
    unparsed: Vec<Unparsed>,
}

impl Items {
    /// `#![c_flags("-fpic", "-fno-plt")]` and `#![stencil(no_calls)]`.
    fn attributes(&mut self, mut attributes: Vec<Attribute>) {
        if let Some(cfg) = attributes.iter().find(|attribute| attribute.path().is_ident("cfg")) {
            let message = "a condition of the whole block goes in front of the macro: `#[cfg(...)] stencil! { ... }`";
            self.context.errors.push(Error::new(cfg.path().span(), message));
        }
        self.context.included(&mut attributes);
        let errors = &mut self.context.errors;
        for attribute in &attributes {
            if attribute.path().is_ident(contract::ATTRIBUTE) {
                contract::add(&mut self.contract, Some(&mut self.block), attribute, errors);
            } else if attribute.path().is_ident("c_flags") {
                match attribute.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated) {
                    Ok(flags) => self.flags.extend(flags),
                    Err(_) => errors.push(Error::new(attribute.path().span(), FLAGS)),
                }
            } else if attribute.path().is_ident("hosted") && matches!(attribute.meta, Meta::Path(_)) {
                let flags = HOSTED.map(|flag| LitStr::new(flag, attribute.path().span()));
                self.flags.splice(..0, flags);
            } else if is_allow_unused(attribute) {
                let flags = ALLOW_UNUSED.map(|flag| LitStr::new(flag, attribute.path().span()));
                self.flags.splice(..0, flags);
            } else {
                errors.push(Error::new(attribute.path().span(), ATTRIBUTES));
            }
        }
    }

    fn item(&mut self, input: ParseStream) -> Result<()> {
        if input.peek(Token![#]) && input.peek2(Token![!]) {
            return Err(input.error("attributes of the block, `#![...]`, precede its first item: move this to the top"));
        }
        if input.peek(Token![#]) && input.peek2(syn::Ident) {
            return Err(input.error("this is C: write it in a block of its own, `c { ... }`"));
        }
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility: Visibility = input.parse()?;
        if let (true, Some(attribute)) = (input.is_empty(), attributes.last()) {
            return Err(Error::new(attribute.path().span(), "no item follows this attribute"));
        }
        if self.context.included(&mut attributes) {
            self.declaration(input, attributes, visibility)
        } else {
            Self::default().declaration(input, attributes, visibility)
        }
    }

    fn declaration(&mut self, input: ParseStream, attributes: Vec<Attribute>, visibility: Visibility) -> Result<()> {
        match self.keyword(input)? {
            Keyword::Uop => self.uops.push(uop(input, attributes, visibility, &mut self.context)?),
            Keyword::Machine => {
                let machine = machine(input, attributes, visibility, &mut self.context)?;
                self.machine(machine);
            }
            Keyword::Continue => {
                let machine = continued(input, attributes, visibility, &mut self.context)?;
                self.machine(machine);
            }
            // With `..` in braces, C declares the enumeration.
            Keyword::Struct(StructKind::Enum) if !shared::is_of_c(input) => {
                self.enums.push(enumeration(input, attributes, visibility, &mut self.context)?);
            }
            Keyword::Struct(kind) => {
                self.structs.push(structure(input, kind, attributes, visibility, &mut self.context)?);
                self.order.push(Declaration::Struct(self.structs.len() - 1));
            }
            Keyword::Const => self.constants.push(constant(input, attributes, visibility, &mut self.context)?),
            of_c => {
                if let Some(span) = misplaced(&attributes, &visibility) {
                    let message = "what follows is C, which takes no visibility and no attribute except `cfg`";
                    return Err(Error::new(span, message));
                }
                self.of_c(of_c, input)?;
            }
        }
        Ok(())
    }

    /// Parses the keyword of an item, or one that is misspelt.
    fn keyword(&mut self, input: ParseStream) -> Result<Keyword> {
        if input.peek(Token![;]) {
            return Err(input.error("no item ends here: remove the `;`"));
        }
        let Ok(word) = input.call(Ident::parse_any) else { return Err(input.error(ITEMS)) };
        let text = word.to_string();
        let known = |text: &str| KEYWORDS.iter().find(|(name, _)| *name == text).map(|(_, keyword)| *keyword);
        if let Some(keyword) = known(&text) {
            return Ok(keyword);
        }
        let Some(meant) = suggest::nearest(&text, KEYWORDS.map(|(name, _)| name)) else {
            return Err(Error::new(word.span(), ITEMS));
        };
        let message = format!("no item of a block begins with `{text}`; did you mean `{meant}`?");
        self.context.errors.push(Error::new(word.span(), message));
        known(meant).ok_or_else(|| Error::new(word.span(), ITEMS))
    }

    fn machine(&mut self, machine: Machine) {
        if self.machine.is_some() {
            let message = "a block has one machine, and this is a second one: put it into another `stencil!` block";
            self.context.errors.push(Error::new(machine.name.span(), message));
        } else {
            self.machine = Some(machine);
        }
    }

    /// Parses an item that becomes C alone.
    fn of_c(&mut self, keyword: Keyword, input: ParseStream) -> Result<()> {
        let declaration = match keyword {
            Keyword::Extern => {
                self.externs.push(host(input, &mut self.context)?);
                Declaration::Extern(self.externs.len() - 1)
            }
            Keyword::Include => {
                if !input.peek(LitStr) {
                    let message = "expected a path in quotes, `include \"path.h\";`; to include a header of the system, \
                                   write C: `c { #include <math.h> }`";
                    return Err(input.error(message));
                }
                self.includes.push(input.parse()?);
                Declaration::Include(self.includes.len() - 1)
            }
            _ => {
                self.c.push(c_text(input, "expected C in braces")?);
                Declaration::C(self.c.len() - 1)
            }
        };
        self.order.push(declaration);
        if matches!(keyword, Keyword::Include) {
            input.parse::<Token![;]>()?;
        }
        Ok(())
    }
}

/// Whether an attribute is `#![allow(unused_variables)]`.
fn is_allow_unused(attribute: &Attribute) -> bool {
    attribute.path().is_ident("allow")
        && attribute.parse_args::<Ident>().is_ok_and(|lint| lint == "unused_variables" || lint == "unused")
}

#[cfg(test)]
mod tests;
