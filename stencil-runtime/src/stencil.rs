//! What is known of a stencil when its crate has been compiled: plain data, for people and for the first pass.

/// A uop's machine code with holes, as [`stencil!`](crate::stencil!) found it in the C compiler's object file.
///
/// The code to emit it is a function of its own; nothing here is read while code is being emitted, except
/// the three sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stencil {
    /// The uop's name, with a family's parameters in brackets: `get[1, 2]`.
    pub name: &'static str,
    /// The instructions.
    pub code: Body,
    /// What the instructions refer to near themselves: constants, address tables, out-of-line functions.
    pub data: Body,
    /// What the data must be aligned to, in bytes: a power of two. Code needs no alignment.
    pub data_alignment: usize,
    /// The operands, in the order of their declaration.
    pub holes: &'static [Hole],
    /// The fields that an emit function patches, in ascending order, data before code.
    pub patches: &'static [Patch],
    /// Names of the host functions it calls.
    pub calls: &'static [&'static str],
    /// The instructions with symbolic holes, one a line, in AT&T syntax.
    pub disassembly: &'static str,
}

impl Stencil {
    /// The stencil of something that emits nothing.
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
    /// The bytes up to the last one that is neither zero nor patched. Fresh memory holds the rest already.
    pub stored: &'static [u8],
}

/// A typed operand: what the holes of a stencil are filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The operand's name.
    pub name: &'static str,
    /// The Rust type, as written in the signature.
    pub ty: &'static str,
    /// The least and the greatest value, as far as the fields that hold it narrow the type's own range.
    pub range: Option<(i64, i64)>,
}

impl Hole {
    /// The type without its path.
    pub(crate) fn type_name(&self) -> &'static str {
        self.ty.rsplit(':').next().unwrap_or_default().trim()
    }
}

/// The two byte strings of a stencil.
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
    /// 32 bits, `S + A - P`.
    Rel32,
}

impl PatchKind {
    /// The width of the field, in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Abs64 => 8,
            Self::Abs32S | Self::Low32 | Self::Rel32 => 4,
            Self::Low16 => 2,
            Self::Low8 => 1,
        }
    }
}

/// What a field holds: the `S` of its relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The operand with this index in [`Stencil::holes`]; of a label, its address.
    Operand(usize),
    /// This offset in the stencil's code.
    Code(usize),
    /// This offset in the stencil's data.
    Data(usize),
    /// The address of the uop that follows.
    Next,
    /// The address of the host function with this index in [`Stencil::calls`], or of a trampoline to it.
    Callee(usize),
    /// The address of a host function, as a value.
    Function,
    /// The address of read-only data in the executable, shared by all uops.
    Static,
}

/// One field that is filled in when a stencil is emitted, like a relocation of an object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Where the field is.
    pub section: Section,
    /// Its offset there, in bytes.
    pub offset: usize,
    /// Its width, and how it is computed.
    pub kind: PatchKind,
    /// The value.
    pub value: Value,
    /// The constant added to the value.
    pub addend: i64,
}

/// The calling convention between uops, which the C compiler that built them decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// The platform's C convention.
    C,
    /// `preserve_none`: more registers for parameters, and no register that a uop has to preserve.
    PreserveNone,
}

impl Abi {
    /// Whether two blocks of one machine agree; usable in constants.
    #[must_use]
    pub const fn matches(self, other: Self) -> bool {
        matches!((self, other), (Self::C, Self::C) | (Self::PreserveNone, Self::PreserveNone))
    }
}
