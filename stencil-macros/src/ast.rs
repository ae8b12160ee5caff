//! What a `stencil!` block says, as far as its grammar goes.

use proc_macro2::{Group, Ident, Span, TokenStream};
use syn::{Attribute, LitStr, Path, Visibility};

use crate::ctype::Type;

/// The most stencils that one family may have.
pub const MAX_MEMBERS: usize = 4096;

/// A whole block, its items sorted by kind. `order` keeps the sequence of those whose C text depends on it.
pub struct Block {
    /// The path of `stencil-runtime`: that of `#![stencil(crate = path)]`, or else that of the macro.
    pub runtime: Option<TokenStream>,
    /// C compiler flags of this block, after our own.
    pub flags: Vec<LitStr>,
    /// The contract of each uop that has none of its own.
    pub contract: Contract,
    pub machine: Machine,
    pub uops: Vec<Uop>,
    pub externs: Vec<Extern>,
    pub structs: Vec<Struct>,
    pub includes: Vec<LitStr>,
    pub c: Vec<Group>,
    pub order: Vec<Declaration>,
    pub mistakes: Mistakes,
}

/// Limits on the machine code of a uop: `#[stencil(max_code = 32, no_calls)]`.
#[derive(Clone, Debug, Default)]
pub struct Contract(pub Vec<Clause>);

/// One limit.
#[derive(Clone, Debug)]
pub struct Clause {
    pub quantity: Quantity,
    pub most: usize,
    /// The token to report if the limit is exceeded.
    pub span: Span,
}

/// A quantity that a contract limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Bytes of code.
    Code,
    /// Bytes of data, including out-of-line code.
    Data,
    /// Instructions that call.
    Calls,
    /// Instructions that use the native stack.
    Stack,
}

impl Block {
    /// All types in the block, as often as they occur.
    pub fn types(&self) -> impl Iterator<Item = &Typed> {
        fn of(fields: &[Field]) -> impl Iterator<Item = &Typed> {
            fields.iter().map(|field| &field.ty)
        }
        (of(&self.machine.parameters).chain(&self.machine.output))
            .chain(self.uops.iter().flat_map(|uop| of(&uop.operands)))
            .chain(self.externs.iter().flat_map(|function| of(&function.parameters).chain(&function.output)))
            .chain(self.structs.iter().flat_map(|s| of(&s.fields)))
    }
}

/// What could not be parsed; the rest of the block is as it would be without.
#[derive(Default)]
pub struct Mistakes {
    pub errors: Vec<syn::Error>,
    /// Whether there is no machine, and the block has a stand-in.
    pub no_machine: bool,
    /// Uops without a signature.
    pub uops: Vec<Unparsed>,
}

/// What is known of a uop that could not be parsed: enough for its uses to mean something.
pub struct Unparsed {
    pub visibility: Visibility,
    pub name: Ident,
    /// Parameters and operands, as far as commas tell.
    pub arity: usize,
}

/// An index into one of the lists of a [`Block`], whose C text precedes the uops.
#[derive(Clone, Copy)]
pub enum Declaration {
    Extern(usize),
    Struct(usize),
    Include(usize),
    C(usize),
}

/// `machine Calc(sp: *mut i64, top: i64) -> i64;`
pub struct Machine {
    pub attributes: Vec<Attribute>,
    /// How many operands instructions have room for, if no uop of this block has more (`#[operands(3)]`).
    pub operands: usize,
    pub visibility: Visibility,
    /// The path of the machine that this block continues, if it does not declare one.
    pub continued: Option<Path>,
    pub name: Ident,
    pub parameters: Vec<Field>,
    pub output: Option<Typed>,
}

/// `pub uop push(value: i64) { ... }`, or a family, `uop get<const DST: 0..3>() where DST != 1 { ... }`.
pub struct Uop {
    pub attributes: Vec<Attribute>,
    pub contract: Option<Contract>,
    pub visibility: Visibility,
    pub name: Ident,
    pub parameters: Vec<Parameter>,
    /// A C preprocessor condition on the parameters.
    pub condition: Option<TokenStream>,
    pub operands: Vec<Field>,
    pub body: Group,
}

impl Uop {
    pub fn is_family(&self) -> bool {
        !self.parameters.is_empty()
    }

    /// The number of members, or none if there are too many.
    pub fn count(&self) -> Option<usize> {
        self.parameters.iter().try_fold(1_usize, |all, parameter| {
            all.checked_mul(parameter.range().len()).filter(|&all| all <= MAX_MEMBERS)
        })
    }

    /// The parameters of each member, in the order of their declaration, the last one counting fastest.
    pub fn members(&self) -> Vec<Vec<usize>> {
        self.parameters.iter().fold(vec![Vec::new()], |members, parameter| {
            let extend = |member: &Vec<usize>, value| [member.as_slice(), &[value]].concat();
            members.iter().flat_map(|member| parameter.range().map(move |value| extend(member, value))).collect()
        })
    }

    /// A stencil's name for people: `push`, or of a family's member `get[0, 2]`.
    pub fn member_name(&self, member: usize) -> String {
        match &self.members()[member][..] {
            [] => self.name.to_string(),
            values => format!("{}{values:?}", self.name),
        }
    }
}

/// A parameter of a family, `const DST: 0..3`.
pub struct Parameter {
    pub name: Ident,
    pub start: usize,
    pub end: usize,
}

impl Parameter {
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}

/// `extern fn print(vm: *mut Vm, v: i64) = crate::host::print;`
pub struct Extern {
    pub name: Ident,
    pub parameters: Vec<Field>,
    pub output: Option<Typed>,
    pub function: Path,
}

/// `struct Vm { fuel: u64 }`, or `struct Vm = crate::Vm { fuel: u64 }`, whose Rust type exists already, and
/// there with `..` last, whose C type does, too.
pub struct Struct {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub bound: Option<Path>,
    pub fields: Vec<Field>,
    /// Whether the C type is declared by C code (`..`).
    pub in_c: bool,
}

/// `name: type`, wherever the grammar has it.
pub struct Field {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub ty: Typed,
}

/// A type as written, and as both languages understand it.
pub struct Typed {
    pub rust: syn::Type,
    pub c: Type,
    pub span: Span,
    /// Why it is not a type of both languages, in which case `c` stands in for it.
    pub error: Option<syn::Error>,
}
