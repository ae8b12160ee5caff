//! Descriptions of stencils: plain data that the macro generates, for people, for the first pass and for rare cases.

/// A uop's machine code with holes, as [`stencil!`](crate::stencil!) found it in the C compiler's object file.
///
/// A generated function emits the stencil and normally reads nothing of this but the sizes. Where that function gives up,
/// for a trampoline or an error, the runtime emits the stencil by this description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stencil {
    /// The uop's name, with a family's parameters in brackets: `get[1, 2]`.
    pub name: &'static str,
    /// The instructions.
    pub code: Body,
    /// Bytes that the instructions refer to relative to themselves: constants, address tables, out-of-line code.
    pub data: Body,
    /// The alignment of the data in bytes, a power of two. Code needs no alignment.
    pub data_alignment: usize,
    /// The operands, in the order of their declaration.
    pub holes: &'static [Hole],
    /// The fields that an emit function patches: those in the data first, each in ascending order of their offsets.
    pub patches: &'static [Patch],
    /// The names of the host functions that it calls.
    pub calls: &'static [&'static str],
    /// The instructions in AT&T syntax, one per line, with symbolic holes.
    pub disassembly: &'static str,
}

impl Stencil {
    /// Returns a stencil without code and data.
    #[doc(hidden)]
    #[must_use]
    pub const fn nothing(name: &'static str) -> Self {
        let none = Body { size: 0, stored: &[] };
        Self { name, code: none, data: none, data_alignment: 1, holes: &[], patches: &[], calls: &[], disassembly: "" }
    }
}

/// One of a stencil's two byte strings, like a section of an object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Size in memory, in bytes.
    pub size: usize,
    /// The bytes up to the last one that is neither zero nor patched. The rest is zero.
    pub stored: &'static [u8],
}

/// A typed operand: the value that a stencil's holes are filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The operand's name.
    pub name: &'static str,
    /// The Rust type, as written in the signature.
    pub ty: &'static str,
    /// The least and the greatest value that the fields can hold, if they hold less than the type.
    pub range: Option<(i64, i64)>,
}

impl Hole {
    /// Returns the type without its path.
    pub(crate) fn type_name(&self) -> &'static str {
        self.ty.rsplit(':').next().unwrap_or_default().trim()
    }
}

/// One of the two byte strings of a stencil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// [`Stencil::code`].
    Code,
    /// [`Stencil::data`].
    Data,
}

/// How a field is computed from a value `S`, an addend `A` and its own address `P`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// 64 bits, `S + A`.
    Abs64,
    /// 32 bits, `S + A`, which the processor extends with the sign.
    Abs32S,
    /// The low 32 bits of `S + A`.
    Low32,
    /// The low 16 bits of `S + A`.
    Low16,
    /// The low 8 bits of `S + A`.
    Low8,
    /// The low 32 bits of `S * factor + A`, for an index of elements of `factor` bytes.
    Scaled32(u8),
    /// 32 bits, `S + A - P`.
    Rel32,
}

impl PatchKind {
    /// Returns the width of the field in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Abs64 => 8,
            Self::Abs32S | Self::Low32 | Self::Scaled32(_) | Self::Rel32 => 4,
            Self::Low16 => 2,
            Self::Low8 => 1,
        }
    }
}

/// What a field holds: the `S` of its relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The operand with this index in [`Stencil::holes`]. The value of a label is its address.
    Operand(usize),
    /// The address of the stencil's code plus this offset.
    Code(usize),
    /// The address of the stencil's data plus this offset.
    Data(usize),
    /// The address of the next uop.
    Next,
    /// The address of the host function with this index in [`Stencil::calls`], or of a trampoline that jumps there.
    Callee(usize),
    /// The address of a host function, as a value.
    Function,
    /// The address of read-only data in the executable, which all uops share.
    Static,
}

/// A field that is filled in when a stencil is emitted, like a relocation of an object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The byte string that contains the field.
    pub section: Section,
    /// The field's offset in bytes.
    pub offset: usize,
    /// The field's width and its computation.
    pub kind: PatchKind,
    /// The value `S`.
    pub value: Value,
    /// The addend `A`.
    pub addend: i64,
}

/// The calling convention between uops. The C compiler that built them determines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// The platform's C convention.
    C,
    /// `preserve_none`: more registers for parameters, and none that a uop has to preserve.
    PreserveNone,
}

impl Abi {
    /// Returns whether two conventions are the same, also in constant expressions.
    #[must_use]
    pub const fn matches(self, other: Self) -> bool {
        matches!((self, other), (Self::C, Self::C) | (Self::PreserveNone, Self::PreserveNone))
    }
}
