//! The attribute `stencil`: contracts, `#[stencil(max_code = 32, no_calls)]`, and what belongs to a block alone,
//! `#![stencil(crate = path, requires = "avx2, fma")]`.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitInt, LitStr, Meta, Path, Token};

use crate::ast::{Clause, Contract, Quantity};
use crate::{feature, suggest};

/// The name of the attribute.
pub(super) const ATTRIBUTE: &str = "stencil";

/// Each quantity by its word in a contract, and whether a number follows; without a number, the limit is 0.
const WORDS: [(&str, Quantity, bool); 4] = [
    ("max_code", Quantity::Code, true),
    ("max_data", Quantity::Data, true),
    ("no_calls", Quantity::Calls, false),
    ("no_stack", Quantity::Stack, false),
];

/// Words that people may try, and the right ones.
const SYNONYMS: [(&str, &str); 5] = [
    ("max_size", "max_code"),
    ("leaf", "no_stack"),
    ("no_spill", "no_stack"),
    ("no_spills", "no_stack"),
    ("no_call", "no_calls"),
];

/// The word of a contract by which each operand takes all values of its type.
const FULL_RANGE: &str = "full_range";

const FORM: &str = "expected `max_code = bytes`, `max_data = bytes`, `no_calls`, `no_stack` or `full_range`, separated by \
                    commas: `#[stencil(max_code = 32, no_calls)]`";
const NUMBER: &str = "expected a number of bytes";
const CRATE: &str = "`crate = path` belongs to the block: write `#![stencil(crate = path)]` before its first item";
const REQUIRES: &str =
    "`requires` belongs to the block: write `#![stencil(requires = \"avx2\")]` before its first item";
const FEATURES: &str =
    "expected the names of features of processors, as in Rust, separated by commas: `requires = \"avx2, fma\"`";

/// What an attribute says of the block as a whole.
#[derive(Default)]
pub(super) struct OfBlock {
    /// The path of `crate = path`.
    pub(super) runtime: Option<TokenStream>,
    /// The features of `requires = "..."`, each once.
    pub(super) requires: Vec<LitStr>,
}

impl OfBlock {
    /// Adds the features in a string.
    fn require(&mut self, features: &LitStr, errors: &mut Vec<Error>) {
        for name in features.value().split(',').map(str::trim) {
            if feature::flag(name).is_some() {
                if self.requires.iter().all(|other| other.value() != name) {
                    self.requires.push(LitStr::new(name, features.span()));
                }
                continue;
            }
            let message = match suggest::nearest(name, feature::FEATURES.iter().map(|(name, _)| *name)) {
                Some(meant) => format!("no feature of processors is called `{name}`; did you mean `{meant}`?"),
                None if name.is_empty() => FEATURES.into(),
                None => format!("no feature of processors is called `{name}`: {FEATURES}"),
            };
            errors.push(Error::new(features.span(), message));
        }
    }
}

/// Removes the contract of a uop from its attributes, if there is one.
pub(super) fn take(attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) -> Option<Contract> {
    let mut contract = None;
    attributes.retain(|attribute| {
        let ours = attribute.path().is_ident(ATTRIBUTE);
        if ours {
            let contract = contract.get_or_insert_with(Contract::default);
            add(contract, None, attribute, errors);
        }
        !ours
    });
    contract
}

/// Adds the clauses of an attribute to a contract, and to `block` what belongs to a block; none if the attribute is a uop's.
pub(super) fn add(
    contract: &mut Contract,
    mut block: Option<&mut OfBlock>,
    attribute: &Attribute,
    errors: &mut Vec<Error>,
) {
    let Meta::List(list) = &attribute.meta else {
        errors.push(Error::new(attribute.path().span(), FORM));
        return;
    };
    let arguments = match list.parse_args_with(Punctuated::<Argument, Token![,]>::parse_terminated) {
        Ok(arguments) => arguments,
        Err(error) => {
            errors.push(error);
            return;
        }
    };
    for argument in arguments {
        match argument {
            Argument::Crate(path) => match &mut block {
                Some(block) => block.runtime = Some(path.into_token_stream()),
                None => errors.push(Error::new(path.span(), CRATE)),
            },
            Argument::Requires(features) => match &mut block {
                Some(block) => block.require(&features, errors),
                None => errors.push(Error::new(features.span(), REQUIRES)),
            },
            Argument::Property { word, number: None } if word == FULL_RANGE => contract.full_range = true,
            Argument::Property { word, number } => match clause(&word, number.as_ref()) {
                Ok(clause) if contract.clauses.iter().any(|other| other.quantity == clause.quantity) => {
                    errors.push(Error::new(word.span(), format!("the contract has `{word}` twice")));
                }
                Ok(clause) => contract.clauses.push(clause),
                Err(error) => errors.push(error),
            },
        }
    }
}

enum Argument {
    /// `crate = path`.
    Crate(Path),
    /// `requires = "features"`.
    Requires(LitStr),
    /// `word` or `word = number`, whether or not the word is known.
    Property { word: Ident, number: Option<LitInt> },
}

impl Parse for Argument {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let unlike = |_| input.error(FORM);
        let argument = if input.peek(Token![crate]) && input.peek2(Token![=]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            Self::Crate(input.call(Path::parse_mod_style)?)
        } else {
            let word: Ident = input.parse().map_err(unlike)?;
            if word == "requires" {
                let features = input.parse::<Token![=]>().and_then(|_| input.parse());
                return features.map(Self::Requires).map_err(|_| Error::new(word.span(), FEATURES));
            }
            if input.peek(Token![=]) && input.peek2(LitStr) {
                let meant = suggest::nearest(&word.to_string(), ["requires"]).or(of_rust(&word));
                let message = match meant {
                    Some(meant) => format!("a block has no `{word}`; did you mean `{meant}`?"),
                    None => FORM.into(),
                };
                return Err(Error::new(word.span(), message));
            }
            let number = match input.parse::<Option<Token![=]>>()? {
                Some(_) => Some(input.parse().map_err(|_| input.error(NUMBER))?),
                None => None,
            };
            Self::Property { word, number }
        };
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(FORM));
        }
        Ok(argument)
    }
}

/// Returns what to write in place of the name of Rust's attribute for features, or a part of it.
fn of_rust(word: &Ident) -> Option<&'static str> {
    ["target_feature", "feature", "features", "enable"].iter().any(|name| word == name).then_some("requires")
}

fn clause(word: &Ident, number: Option<&LitInt>) -> Result<Clause, Error> {
    let text = word.to_string();
    let Some((_, quantity, numbered)) = WORDS.iter().find(|(name, ..)| *name == text) else {
        let synonym = SYNONYMS.iter().find(|(name, _)| *name == text).map(|(_, meant)| *meant);
        let meant = synonym.or_else(|| suggest::nearest(&text, WORDS.map(|(name, ..)| name)));
        let message = match meant {
            Some(meant) => format!("a contract has no `{text}`; did you mean `{meant}`?"),
            None => format!("a contract has no `{text}`: {FORM}"),
        };
        return Err(Error::new(word.span(), message));
    };
    let (most, span) = match (number, numbered) {
        (Some(number), true) => (number.base10_parse().map_err(|_| Error::new(number.span(), NUMBER))?, number.span()),
        (None, false) => (0, word.span()),
        (None, true) => {
            return Err(Error::new(word.span(), format!("`{text}` needs a number of bytes: `{text} = 32`")));
        }
        (Some(number), false) => {
            return Err(Error::new(number.span(), format!("`{text}` takes no number: write `{text}` alone")));
        }
    };
    Ok(Clause { quantity: *quantity, most, span })
}
