//! What a uop promises of its machine code, `#[stencil(max_code = 32, no_calls)]`, and whether it keeps it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, LitInt, Meta, Token};

use crate::ast::{Block, Uop};
use crate::diagnostics;
use crate::model::{Objects, Stencil};
use crate::suggest;

/// The attribute, of a uop or of a block.
pub const ATTRIBUTE: &str = "stencil";

/// What can be promised: that no more than so much is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    /// Bytes of code.
    Code,
    /// Bytes of data, code out of line included.
    Data,
    /// Instructions that call.
    Calls,
    /// Instructions that use the native stack.
    Stack,
}

/// Each quantity by its word in an attribute, and whether a number follows; else it is 0.
const WORDS: [(&str, Quantity, bool); 4] = [
    ("max_code", Quantity::Code, true),
    ("max_data", Quantity::Data, true),
    ("no_calls", Quantity::Calls, false),
    ("no_stack", Quantity::Stack, false),
];

/// Other words for the same.
const SYNONYMS: [(&str, &str); 5] = [
    ("max_size", "max_code"),
    ("leaf", "no_stack"),
    ("no_spill", "no_stack"),
    ("no_spills", "no_stack"),
    ("no_call", "no_calls"),
];

/// The word of a uop that takes all values of its operands.
const FULL_RANGE: &str = "full_range";

const FORM: &str = "expected `max_code = bytes`, `max_data = bytes`, `no_calls`, `no_stack` or `full_range`, with commas between \
                    them: `#[stencil(max_code = 32, no_calls)]`";

const NUMBER: &str = "expected a number of bytes";

/// One promise.
#[derive(Clone, Debug)]
struct Clause {
    quantity: Quantity,
    most: usize,
    /// The token that is wrong if it is not kept.
    span: Span,
}

/// What a uop, or each uop of a block, promises.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    clauses: Vec<Clause>,
    /// Whether no operand is refused for a value of its type.
    pub full_range: bool,
}

impl Contract {
    /// Takes what is a contract out of attributes, if there is one; `errors` take what is wrong with it.
    pub fn take(attributes: &mut Vec<Attribute>, errors: &mut Vec<Error>) -> Option<Self> {
        let mut contract = None;
        attributes.retain(|attribute| {
            let ours = attribute.path().is_ident(ATTRIBUTE);
            if ours {
                contract.get_or_insert_with(Self::default).add(attribute, errors);
            }
            !ours
        });
        contract
    }

    /// Adds what an attribute promises.
    pub fn add(&mut self, attribute: &Attribute, errors: &mut Vec<Error>) {
        let Meta::List(list) = &attribute.meta else {
            return errors.push(Error::new(attribute.path().span(), FORM));
        };
        let parsed = match list.parse_args_with(Punctuated::<Promise, Token![,]>::parse_terminated) {
            Ok(parsed) => parsed,
            Err(error) => return errors.push(error),
        };
        for promise in parsed {
            if promise.word == FULL_RANGE && promise.number.is_none() {
                self.full_range = true;
                continue;
            }
            match promise.clause() {
                Ok(clause) if self.clauses.iter().any(|other| other.quantity == clause.quantity) => {
                    errors.push(Error::new(promise.word.span(), format!("`{}` is said twice", promise.word)));
                }
                Ok(clause) => self.clauses.push(clause),
                Err(error) => errors.push(error),
            }
        }
    }
}

/// `word` or `word = number`, whether or not it means something.
struct Promise {
    word: Ident,
    number: Option<LitInt>,
}

impl Parse for Promise {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let unlike = |_| input.error(FORM);
        let word = input.parse().map_err(unlike)?;
        let number = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse().map_err(|_| input.error(NUMBER))?),
            None => None,
        };
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(FORM));
        }
        Ok(Self { word, number })
    }
}

impl Promise {
    fn clause(&self) -> Result<Clause, Error> {
        let word = self.word.to_string();
        let Some((_, quantity, numbered)) = WORDS.iter().find(|(name, ..)| *name == word) else {
            let synonym = SYNONYMS.iter().find(|(name, _)| *name == word).map(|(_, meant)| *meant);
            let meant = synonym.or_else(|| suggest::nearest(&word, WORDS.map(|(name, ..)| name)));
            let message = match meant {
                Some(meant) => format!("a contract has no `{word}`; did you mean `{meant}`?"),
                None => format!("a contract has no `{word}`: {FORM}"),
            };
            return Err(Error::new(self.word.span(), message));
        };
        let (most, span) = match (&self.number, numbered) {
            (Some(number), true) => {
                (number.base10_parse().map_err(|_| Error::new(number.span(), NUMBER))?, number.span())
            }
            (None, false) => (0, self.word.span()),
            (None, true) => {
                let message = format!("say how many bytes at most: `{word} = 32`");
                return Err(Error::new(self.word.span(), message));
            }
            (Some(number), false) => {
                return Err(Error::new(number.span(), format!("`{word}` has no number: write `{word}` alone")));
            }
        };
        Ok(Clause { quantity: *quantity, most, span })
    }
}

impl Quantity {
    /// How much of it a stencil has.
    fn of(self, stencil: &Stencil) -> usize {
        match self {
            Self::Code => stencil.code.len(),
            Self::Data => stencil.data.len(),
            Self::Calls => stencil.calls,
            Self::Stack => stencil.stack,
        }
    }

    /// What it is called, of this many.
    fn name(self, found: usize) -> &'static str {
        match (self, found) {
            (Self::Code, 1) => "byte of code",
            (Self::Code, _) => "bytes of code",
            (Self::Data, 1) => "byte of data",
            (Self::Data, _) => "bytes of data, code out of line included",
            (Self::Calls, 1) => "call",
            (Self::Calls, _) => "calls",
            (Self::Stack, 1) => "instruction that uses the stack",
            (Self::Stack, _) => "instructions that use the stack",
        }
    }
}

/// The errors of all uops of a block that do not keep what they promise, each with the machine code.
pub fn check(block: &Block, objects: &Objects) -> TokenStream {
    let uops = block.uops.iter().zip(&objects.uops);
    uops.flat_map(|(uop, members)| {
        let (clauses, of_block) = match &uop.contract {
            Some(own) => (&own.clauses, false),
            None => (&block.contract.clauses, true),
        };
        // A uop that is not there has nothing to keep.
        let cfgs: Vec<_> = uop.attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
        let mut shown = None;
        let broken = clauses.iter().filter_map(|clause| {
            let (span, whose) =
                if of_block { (uop.name.span(), "the block's contract") } else { (clause.span, "its contract") };
            let (member, mut message) = broken(uop, members, clause, whose)?;
            // The machine code once, however many clauses it breaks.
            if shown.replace(member) != Some(member) {
                let disassembly = members[member].as_ref().map_or("", |stencil| &stencil.disassembly);
                message = format!("{message}\n{disassembly}");
            }
            let error = diagnostics::error(span, &message);
            Some(quote! { #(#cfgs)* #error })
        });
        broken.collect::<Vec<_>>()
    })
    .collect()
}

/// How a uop breaks its contract, if it does, and which member of a family does so most.
fn broken(uop: &Uop, members: &[Option<Stencil>], clause: &Clause, whose: &str) -> Option<(usize, String)> {
    let Clause { quantity, most, .. } = *clause;
    let present = members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?)));
    let mut broken: Vec<_> = present.filter(|(_, stencil)| quantity.of(stencil) > most).collect();
    // Stable: of those that are alike, the first.
    broken.sort_by_key(|(_, stencil)| std::cmp::Reverse(quantity.of(stencil)));
    let (member, stencil) = *broken.first()?;
    let name = uop.member_name(member);
    let others = match broken.len() - 1 {
        0 => String::new(),
        1 => ", like one more member of its family,".into(),
        others => format!(", like {others} more members of its family,"),
    };
    let found = quantity.of(stencil);
    let limit = match most {
        0 => "none".into(),
        most => format!("at most {most}"),
    };
    let message = format!("uop `{name}`{others} has {found} {}, and {whose} wants {limit}", quantity.name(found));
    Some((member, message))
}
