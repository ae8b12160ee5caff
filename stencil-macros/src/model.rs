//! Stencils as the macro knows them: what it reads from the object file and what it expands to.

use proc_macro2::Span;

/// The convention between uops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abi {
    C,
    PreserveNone,
}

impl Abi {
    pub const ALL: [Self; 2] = [Self::PreserveNone, Self::C];

    /// As the C compilers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::PreserveNone => "preserve_none",
        }
    }
}

/// What an undefined symbol of the object file stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// The value of an operand; of a label, a place to jump to or to call.
    Operand(usize),
    /// The address of the label that is this operand, as a value.
    AddressOf(usize),
    /// The uop that follows.
    Next,
    /// A host function of the block.
    Host(usize),
}

/// A function of the C library that a compiler may call of its own accord.
pub const LIBC: [&str; 4] = ["memcpy", "memmove", "memset", "memcmp"];

/// What a block's object file holds.
pub struct Objects {
    /// The entry of a machine that the block declares.
    pub entry: Option<Stencil>,
    /// Of each uop its members; of a member that its family's condition excludes, none.
    pub uops: Vec<Vec<Option<Stencil>>>,
    /// Read-only data that stencils refer to by its absolute address.
    pub statics: Vec<Static>,
    /// What C makes of the structs: size and alignment of each, offset and size of each of its fields.
    pub layout: Vec<u64>,
}

/// A uop's machine code with holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stencil {
    pub code: Vec<u8>,
    pub data: Vec<u8>,
    pub data_alignment: u64,
    /// In the order of their fields, data before code.
    pub patches: Vec<Patch>,
    /// Instructions, in the code and out of line, that call, or leave for a function.
    pub calls: usize,
    /// Instructions, in the code and out of line, that use the native stack.
    pub stack: usize,
    pub disassembly: String,
}

/// Read-only data that lives in the executable, once for all uops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Static {
    pub bytes: Vec<u8>,
    pub alignment: u64,
}

/// A string of bytes that a patch can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    Data,
    Code,
}

/// A field to be filled in, like a relocation of the object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    pub section: Section,
    pub offset: usize,
    pub kind: PatchKind,
    pub value: Value,
    pub addend: i64,
}

/// How a field is computed from `S`, `A` and `P` as the ABI documents call value, addend and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    Abs64,
    Abs32S,
    Low32,
    Low16,
    Low8,
    Rel32,
}

impl PatchKind {
    pub fn size(self) -> usize {
        match self {
            Self::Abs64 => 8,
            Self::Abs32S | Self::Low32 | Self::Rel32 => 4,
            Self::Low16 => 2,
            Self::Low8 => 1,
        }
    }

    /// The `S` that fit, of a field that is too narrow for some, as the processor reads it.
    pub fn range(self, addend: i64) -> Option<(i64, i64)> {
        match self {
            Self::Abs32S => Some((i64::from(i32::MIN) - addend, i64::from(i32::MAX) - addend)),
            _ => None,
        }
    }
}

/// The `S` of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// An operand; of a label, its address.
    Operand(usize),
    /// An offset in the stencil's code.
    Code(usize),
    /// An offset in the stencil's data.
    Data(usize),
    /// The uop that follows.
    Next,
    /// A host function of the block.
    Host(usize),
    /// One of [`LIBC`].
    Libc(usize),
    /// One of [`Objects::statics`].
    Static(usize),
}

/// Something in an object file that cannot become a stencil.
#[derive(Debug)]
pub struct Refusal {
    /// The best token to show it at.
    pub span: Span,
    pub message: String,
}

/// The bytes of a body up to the last one that is neither zero nor patched.
pub fn stored(bytes: &[u8]) -> &[u8] {
    let length = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &bytes[..length]
}
