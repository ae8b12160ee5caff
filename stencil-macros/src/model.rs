//! The model of stencils that the object reader produces and the expansion consumes.

use proc_macro2::Span;

/// The calling convention between uops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abi {
    C,
    PreserveNone,
}

impl Abi {
    pub const ALL: [Self; 2] = [Self::PreserveNone, Self::C];

    /// Returns the convention's name in C compilers.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::PreserveNone => "preserve_none",
        }
    }
}

/// A way to run programs, for which a block's bodies are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Stencils, which emit functions copy.
    Compiled,
    /// Handlers, which read their operands from a stream of instructions.
    Interpreted,
}

impl Tier {
    pub const ALL: [Self; 2] = [Self::Compiled, Self::Interpreted];
}

/// How the uops of a block call each other. The blocks of one machine agree on it.
pub struct Calls {
    pub abi: Abi,
    /// The registers of parameters, and those that survive a call, as text. Empty if they are unknown.
    pub convention: String,
    /// The compiler that made the block's object, by its name and version.
    pub compiler: String,
}

/// The meaning of an undefined symbol of the object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// The value of an operand; for a label, the target of a jump or a call.
    Operand(usize),
    /// The address of a label operand, as a value.
    AddressOf(usize),
    /// The next uop.
    Next,
    /// A host function of the block.
    Host(usize),
}

/// The content of a block's object file.
pub struct Objects {
    /// The machine's entry, if the block declares the machine.
    pub entry: Option<Stencil>,
    /// The machine's entry at an address, if the block declares the machine.
    pub fragment_entry: Option<Stencil>,
    /// For each uop its members: none for a member that the family's condition excludes.
    pub uops: Vec<Vec<Option<Stencil>>>,
    /// The constants that stencils refer to.
    pub statics: Vec<Static>,
    /// The layout of the structs in C: size and alignment of each, then offset and size of each of its fields.
    pub layout: Vec<u64>,
}

/// A uop's machine code with holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stencil {
    pub code: Vec<u8>,
    pub data: Vec<u8>,
    pub data_alignment: u64,
    /// In the order of their offsets, data before code.
    pub patches: Vec<Patch>,
    /// The number of instructions that call a function or tail-call a host function, code out of line included.
    pub calls: usize,
    /// The number of instructions that use the native stack, code out of line included.
    pub stack: usize,
    pub disassembly: String,
    /// For each operand the least and the greatest value that a narrow form takes, or none if it takes all values of the type. A
    /// general form has no ranges.
    pub ranges: Vec<Option<(i64, i64)>>,
    /// The narrow form, which is shorter. None if there is none, and for narrow forms.
    pub narrow: Option<Box<Stencil>>,
}

/// A constant of C that lives in the executable, once for all uops of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Static {
    /// Its name in the disassembly: the C name, if it has one.
    pub name: String,
    /// Its symbol in the object file, if it has one of its own.
    pub symbol: Option<String>,
    pub bytes: Vec<u8>,
    /// In bytes, a power of two.
    pub alignment: u64,
    /// Its pointers, in ascending order.
    pub pointers: Vec<Pointer>,
}

/// Eight bytes of a [`Static`] that hold an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    pub offset: usize,
    /// [`Value::Static`], [`Value::Host`], [`Value::Builtin`] or [`Value::Handler`].
    pub value: Value,
    pub addend: i64,
}

/// One of the two byte strings of a stencil.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    Data,
    Code,
}

/// A field that an emit function fills in, like a relocation of the object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Patch {
    pub section: Section,
    pub offset: usize,
    pub kind: PatchKind,
    pub value: Value,
    pub addend: i64,
}

/// How a field is computed from the value `S`, the addend `A` and the field's address `P`, as the ABI documents call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchKind {
    Abs64,
    Abs32S,
    Low32,
    Low16,
    Low8,
    /// The low 32 bits of `S * factor + A`.
    Scaled32(u8),
    /// The low 8 bits of `S * factor + A`.
    Scaled8(u8),
    /// The word of 64 bits with this index of an operand that has several: a vector.
    Word(u8),
    Rel32,
}

impl PatchKind {
    /// Returns the field's width in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Abs64 | Self::Word(_) => 8,
            Self::Abs32S | Self::Low32 | Self::Scaled32(_) | Self::Rel32 => 4,
            Self::Low16 => 2,
            Self::Low8 | Self::Scaled8(_) => 1,
        }
    }

    /// Returns what `S` is multiplied by.
    pub fn factor(self) -> u8 {
        match self {
            Self::Scaled32(factor) | Self::Scaled8(factor) => factor,
            _ => 1,
        }
    }

    /// Returns the minimum and the maximum `S` that fit, if the field is too narrow for some values.
    pub fn range(self, addend: i64) -> Option<(i64, i64)> {
        match self {
            Self::Abs32S => Some((i64::from(i32::MIN) - addend, i64::from(i32::MAX) - addend)),
            _ => None,
        }
    }
}

/// The `S` of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// An operand; for a label, its address.
    Operand(usize),
    /// An offset in the stencil's code.
    Code(usize),
    /// An offset in the stencil's data.
    Data(usize),
    /// The next uop.
    Next,
    /// A host function of the block.
    Host(usize),
    /// One of the [`builtins`](crate::builtins).
    Builtin(usize),
    /// One of [`Objects::statics`].
    Static(usize),
    /// One of [`Handlers::functions`].
    Handler(usize),
}

/// The functions of a block's interpreter.
pub struct Handlers {
    /// The function that enters the interpreter, if the block declares the machine.
    pub entry: Option<usize>,
    /// For each uop its members' functions, by their index.
    pub uops: Vec<Vec<Option<usize>>>,
    pub functions: Vec<Handler>,
}

/// A function of the interpreter, as bytes and references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handler {
    pub code: Vec<u8>,
    pub references: Vec<Place>,
    /// Constants with displacements of locations, which only this function refers to.
    pub tables: Vec<Table>,
}

/// A constant that is placed beside its function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub bytes: Vec<u8>,
    /// In bytes, a power of two.
    pub alignment: u64,
    pub references: Vec<Place>,
}

/// Four or eight bytes of a [`Handler`] or a [`Table`] that the linker fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub offset: usize,
    /// Whether it holds a displacement of 32 bits from itself, rather than an address of 64 bits.
    pub relative: bool,
    pub target: Target,
    pub addend: i64,
}

/// What a [`Place`] refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The function itself.
    Own,
    /// One of its tables.
    Table(usize),
    /// [`Value::Static`], [`Value::Handler`] or [`Value::Builtin`].
    Value(Value),
}

/// Something in an object file that cannot become a stencil.
#[derive(Debug)]
pub struct Refusal {
    /// The token to report it at.
    pub span: Span,
    pub message: String,
    /// Whether the cause is a symbol that nothing defines or declares.
    pub undefined: bool,
}

/// Returns the bytes of a body up to the last one that is neither zero nor patched.
pub fn stored(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &bytes[..length]
}
