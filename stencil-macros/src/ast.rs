//! The syntax tree of a `stencil!` block.

use proc_macro2::{Group, Ident, Span, TokenStream};
use syn::ext::IdentExt as _;
use syn::{Attribute, Expr, LitStr, Path, Visibility};

use crate::ctype::Type;

/// The most members that a family may have.
pub const MAX_MEMBERS: usize = 4096;

/// A block, with its items sorted by kind. `order` keeps the sequence of the items whose C depends on it.
pub struct Block {
    /// The path of `stencil-runtime`: that of `#![stencil(crate = path)]`, or else that of the macro.
    pub runtime: Option<TokenStream>,
    /// The block's flags for the C compiler, which follow the macro's own. Those for the required features come first.
    pub flags: Vec<LitStr>,
    /// The features of the processor that the block requires.
    pub requires: Vec<LitStr>,
    /// The contract of each uop that has none of its own.
    pub contract: Contract,
    pub machine: Machine,
    pub uops: Vec<Uop>,
    pub externs: Vec<Extern>,
    pub structs: Vec<Struct>,
    pub constants: Vec<Constant>,
    pub enums: Vec<Enum>,
    pub includes: Vec<LitStr>,
    pub c: Vec<Group>,
    pub order: Vec<Declaration>,
    /// The `cfg` predicates in the block, and whether each one holds. The items above follow from them.
    pub conditions: Vec<(TokenStream, bool)>,
    pub mistakes: Mistakes,
}

/// Limits on the machine code of a uop: `#[stencil(max_code = 32, no_calls)]`.
#[derive(Clone, Debug, Default)]
pub struct Contract {
    pub clauses: Vec<Clause>,
    /// Whether each operand takes all values of its type.
    pub full_range: bool,
}

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
            .chain(self.externs.iter().flat_map(|item| of(item.parameters()).chain(item.output()).chain(item.data())))
            .chain(self.structs.iter().flat_map(|s| of(&s.fields)))
            .chain(self.constants.iter().map(|constant| &constant.ty))
    }
}

/// The items that could not be parsed. The rest of the block is as it would be without them.
#[derive(Default)]
pub struct Mistakes {
    pub errors: Vec<syn::Error>,
    /// Whether the block has no machine, only a stand-in.
    pub no_machine: bool,
    /// Uops whose signature is unknown.
    pub uops: Vec<Unparsed>,
}

/// A uop that could not be parsed, as far as its uses need it.
pub struct Unparsed {
    pub visibility: Visibility,
    pub name: Ident,
    /// The number of parameters and operands, judging by commas.
    pub arity: usize,
}

/// An index into one of the vectors of a [`Block`]. The C of these items precedes the uops.
#[derive(Clone, Copy)]
pub enum Declaration {
    Extern(usize),
    Struct(usize),
    Include(usize),
    C(usize),
}

/// `machine Calc(sp: *mut i64, top: i64) -> i64 scratch(rdx);`
pub struct Machine {
    pub attributes: Vec<Attribute>,
    /// The least number of operand words in an instruction (`#[operands(3)]`). A uop of this block may need more.
    pub operands: usize,
    pub visibility: Visibility,
    /// The path of the machine that this block continues, if it does not declare one.
    pub continued: Option<Path>,
    pub name: Ident,
    /// The registers. Each element of an array is a register of its own.
    pub parameters: Vec<Field>,
    pub arrays: Vec<RegisterArray>,
    pub output: Option<Typed>,
    /// The processor's registers that bodies have for their own values.
    pub scratch: Vec<Ident>,
    /// Whether programs run in an interpreter, too.
    pub interpreter: Option<Interpreter>,
}

/// `#[interpreter]`, or `#[interpreter(optional)]`.
pub struct Interpreter {
    pub span: Span,
    /// Whether the machine has no interpreter where the calling convention has no register left for its instruction pointer.
    pub optional: bool,
}

impl Machine {
    /// Returns the names that bodies use: that of each register and that of each array.
    pub fn names(&self) -> impl Iterator<Item = &Ident> {
        let single = self.parameters.iter().filter(|field| field.element.is_none()).map(|field| &field.name);
        single.chain(self.arrays.iter().map(|array| &array.name))
    }

    /// Returns the registers that callers pass to a program: those without an initial value.
    pub fn passed(&self) -> impl Iterator<Item = &Field> {
        self.parameters.iter().filter(|field| field.default.is_none())
    }
}

/// `r: [i64; 4]`: registers that bodies select by a constant index.
pub struct RegisterArray {
    pub name: Ident,
    pub length: usize,
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

    /// Returns the number of words in which an instruction holds the operands.
    pub fn words(&self) -> usize {
        self.first_word(self.operands.len())
    }

    /// Returns the index of the first word of an operand. The operands' words are in the operands' order.
    pub fn first_word(&self, operand: usize) -> usize {
        self.operands[..operand].iter().map(|field| field.ty.c.words()).sum()
    }

    /// The number of members, or `None` if there are more than [`MAX_MEMBERS`].
    pub fn count(&self) -> Option<usize> {
        self.parameters.iter().try_fold(1_usize, |all, parameter| {
            all.checked_mul(parameter.range().len()).filter(|&all| all <= MAX_MEMBERS)
        })
    }

    /// The parameters of each member, in the order of their declaration. The last one changes fastest.
    pub fn members(&self) -> Vec<Vec<usize>> {
        self.parameters.iter().fold(vec![Vec::new()], |members, parameter| {
            let extend = |member: &Vec<usize>, value| [member.as_slice(), &[value]].concat();
            members.iter().flat_map(|member| parameter.range().map(move |value| extend(member, value))).collect()
        })
    }

    /// Returns whether these values are those of a member, apart from the family's condition.
    pub fn admits(&self, values: &[usize]) -> bool {
        self.parameters.iter().zip(values).all(|(parameter, value)| parameter.admits(*value))
    }

    /// The name of a stencil in messages: `push`, or `get[0, 2]` for a family's member.
    pub fn member_name(&self, member: usize) -> String {
        self.name_of(&self.members()[member])
    }

    /// The name of the stencil for these values of the parameters.
    pub fn name_of(&self, values: &[usize]) -> String {
        if values.is_empty() {
            return self.name.to_string();
        }
        let values = self.parameters.iter().zip(values).map(|(parameter, value)| parameter.text(*value));
        format!("{}[{}]", self.name, values.collect::<Vec<_>>().join(", "))
    }
}

/// A parameter of a family: `const DST: 0..3`, or `const OP: Cmp` for the variants of an enum.
pub struct Parameter {
    pub name: Ident,
    pub start: usize,
    pub end: usize,
    /// The ends of the range as written, until the parser has resolved them.
    pub ends: [End; 2],
    /// The enum, as written or by its Rust path.
    pub of: Option<Path>,
    /// The variants of the enum, with their values.
    pub variants: Vec<(String, usize)>,
}

/// An end of a range.
pub enum End {
    /// The first number in the range, or the first one behind it.
    Number,
    /// A constant, and what its value is less than that number.
    Constant(Ident, usize),
}

impl Parameter {
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    /// Returns whether a number in the range is a value: for an enum, that of a variant.
    pub fn admits(&self, value: usize) -> bool {
        self.of.is_none() || self.variants.iter().any(|(_, number)| *number == value)
    }

    /// Returns a value as people read it: the variant of an enum, or the number.
    pub fn text(&self, value: usize) -> String {
        let variant = self.variants.iter().find(|(_, number)| *number == value);
        variant.map_or_else(|| value.to_string(), |(name, _)| name.clone())
    }
}

/// `enum Cmp { Lt, Le = 4 }`; or `enum Cmp = crate::Cmp { Lt, Le = 4 }` for an existing Rust enum.
pub struct Enum {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub bound: Option<Path>,
    pub variants: Vec<Variant>,
}

/// `Le = 4`: a variant and its discriminant, that of the one before and 1 if none is written.
pub struct Variant {
    pub attributes: Vec<Attribute>,
    pub name: Ident,
    pub value: usize,
}

impl Enum {
    /// Returns the constant that a variant is in C: `Cmp_Le`.
    pub fn constant(&self, variant: &Variant) -> Ident {
        Ident::new(&format!("{}_{}", self.name.unraw(), variant.name.unraw()), variant.name.span())
    }
}

/// A function or a static outside of the block that bodies refer to by its C name: `extern fn print(v: i64) = crate::print;`,
/// `extern static LIMIT: u64 = crate::LIMIT;`.
pub struct Extern {
    pub name: Ident,
    pub kind: ExternKind,
    /// The Rust item. Without a path, the linker finds the symbol `name`.
    pub path: Option<Path>,
}

/// The two kinds of [`Extern`]. Without a type (`..`), only C declares the item.
pub enum ExternKind {
    Function(Option<Signature>),
    Static { mutable: bool, ty: Option<Typed> },
}

/// The type of a host function.
pub struct Signature {
    pub parameters: Vec<Field>,
    /// Whether more arguments may follow (`...`).
    pub variadic: bool,
    pub output: Option<Typed>,
}

impl Extern {
    /// Returns the function's type, if the block declares one.
    pub fn signature(&self) -> Option<&Signature> {
        match &self.kind {
            ExternKind::Function(signature) => signature.as_ref(),
            ExternKind::Static { .. } => None,
        }
    }

    /// Returns the static's type, if the block declares one.
    pub fn data(&self) -> Option<&Typed> {
        match &self.kind {
            ExternKind::Function(_) => None,
            ExternKind::Static { ty, .. } => ty.as_ref(),
        }
    }

    pub fn parameters(&self) -> &[Field] {
        self.signature().map_or(&[], |signature| &signature.parameters)
    }

    pub fn output(&self) -> Option<&Typed> {
        self.signature()?.output.as_ref()
    }

    /// Returns all types of the item.
    pub fn types_mut(&mut self) -> Vec<&mut Typed> {
        match &mut self.kind {
            ExternKind::Function(None) => Vec::new(),
            ExternKind::Function(Some(signature)) => {
                let parameters = signature.parameters.iter_mut().map(|field| &mut field.ty);
                parameters.chain(&mut signature.output).collect()
            }
            ExternKind::Static { ty, .. } => ty.iter_mut().collect(),
        }
    }

    pub fn is_function(&self) -> bool {
        matches!(self.kind, ExternKind::Function(_))
    }
}

/// What a [`Struct`] is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StructKind {
    Struct,
    Union,
    /// An enumeration, which C declares.
    Enum,
}

impl StructKind {
    /// Returns the keyword, which is the same in both languages.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Struct => "struct",
            Self::Union => "union",
            Self::Enum => "enum",
        }
    }
}

/// `struct Vm { fuel: u64 }`; or `struct Vm = crate::Vm { fuel: u64 }` for an existing Rust type, with `..` at the end if the C type
/// exists, too. A union has the same forms, an enumeration only the one with `..`.
pub struct Struct {
    pub kind: StructKind,
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub bound: Option<Path>,
    pub fields: Vec<Field>,
    /// Whether C code declares the C type (`..`).
    pub in_c: bool,
}

/// `const PINS: usize = 8;`; or `const PINS = crate::PINS: usize = 8;` for an existing Rust constant.
pub struct Constant {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub bound: Option<Path>,
    pub ty: Typed,
    pub value: i128,
}

impl Constant {
    /// Returns the least and the greatest value of the type, or `None` if it is not an integer.
    pub fn range(&self) -> Option<(i128, i128)> {
        match self.ty.c {
            Type::Integer { bits, signed: true, .. } => Some((-1 << (bits - 1), (1 << (bits - 1)) - 1)),
            Type::Integer { bits, signed: false, .. } => Some((0, (1 << bits) - 1)),
            _ => None,
        }
    }
}

impl Struct {
    /// Returns whether only C defines the type, so that Rust has nothing but pointers to it: `struct Object { .. }`.
    pub fn is_opaque(&self) -> bool {
        self.in_c && self.bound.is_none()
    }
}

/// `name: type`: a register, an operand, a parameter of a host function, or a field of a struct.
pub struct Field {
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub ty: Typed,
    /// The initial value of a register, after `=`.
    pub default: Option<Expr>,
    /// The array that a register belongs to, and its index.
    pub element: Option<(Ident, usize)>,
}

impl Field {
    /// Returns the name as bodies write it: `r[2]` for an element of an array.
    pub fn text(&self) -> String {
        match &self.element {
            None => self.name.to_string(),
            Some((array, index)) => format!("{array}[{index}]"),
        }
    }
}

/// A type as it is written, and as C understands it.
pub struct Typed {
    pub rust: syn::Type,
    pub c: Type,
    pub span: Span,
    /// The reason why the languages do not share the type, if there is one. Then `c` is a stand-in.
    pub error: Option<syn::Error>,
}
