//! Descriptions of stencils, for people, for the first pass and for rare cases.

use std::borrow::Cow;
use std::fmt;

use crate::catalog::{self, Catalog, Reader};
use crate::described::Link;
use crate::vector;
use crate::written::Parameter;

/// A uop's machine code with holes, as [`stencil!`](crate::stencil!) found it in the C compiler's object file.
///
/// A generated function emits the stencil without reading this. Where that function gives up, for a trampoline or an error, the
/// runtime emits the stencil by this description.
///
/// The sizes are fields, and available in constant expressions. The methods decode the rest at each call.
#[derive(Clone, Copy)]
pub struct Stencil {
    /// The instructions.
    pub code: Body,
    /// Bytes that the instructions refer to relative to themselves: constants, address tables, out-of-line code.
    pub data: Body,
    /// The alignment of the data in bytes, a power of two. Code needs no alignment.
    pub data_alignment: usize,
    pub(crate) family: Family,
    /// The index of the member.
    pub(crate) index: usize,
    /// The record of its narrow form, [`NARROW`] if it is one, or 0.
    pub(crate) form: u32,
    /// The number of host functions that it calls.
    pub(crate) callees: usize,
    /// The rest of the record, from the patches on.
    pub(crate) rest: Reader,
}

/// The form of narrow forms.
const NARROW: u32 = 1;

/// What a stencil's record holds beside the sizes.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) holes: Vec<Hole>,
    pub(crate) patches: Vec<Patch>,
    /// For each patch the function or the data that its value is the address of, if it is one.
    pub(crate) links: Vec<Option<&'static Link>>,
    calls: Vec<&'static str>,
    pub(crate) lines: Vec<Line>,
}

/// A line of a disassembly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The offset of the instruction, unless the line is a heading.
    pub(crate) offset: Option<usize>,
    pub(crate) text: &'static str,
}

impl Details {
    /// Returns the index of the first word of an operand among those of an instruction.
    pub(crate) fn first_word(&self, operand: usize) -> usize {
        self.holes[..operand].iter().map(Hole::words).sum()
    }
}

impl Stencil {
    /// Returns the stencil of a uop with mistakes.
    #[doc(hidden)]
    #[must_use]
    pub const fn nothing() -> Self {
        catalog::PSEUDO.stencil(catalog::MISSING)
    }

    /// Returns the uop's name, with a family's parameters in brackets: `get[1, 2]`.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        member_name(self.family.name(), &self.parameters())
    }

    /// Returns the parameters of the family's member, or nothing for a single uop.
    #[must_use]
    pub fn parameters(&self) -> Vec<usize> {
        self.family.parameters(self.index)
    }

    /// Returns the operands, in the order of their declaration.
    #[must_use]
    pub fn holes(&self) -> Vec<Hole> {
        self.details().holes
    }

    /// Returns the fields that an emit function patches: those in the data first, each in ascending order of their offsets.
    #[must_use]
    pub fn patches(&self) -> Vec<Patch> {
        self.details().patches
    }

    /// Returns the patch with this index in [`patches`](Self::patches), also in constant expressions.
    #[must_use]
    pub const fn patch(&self, index: usize) -> Option<Patch> {
        let mut reader = self.rest;
        let (count, mut read, mut last) = (reader.size(), 0, None);
        if index >= count {
            return None;
        }
        while read <= index {
            last = Some(reader.patch(last).0);
            read += 1;
        }
        last
    }

    /// Returns the narrow form: a shorter stencil of the same uop for small operands. Its displacements and immediates have 8 bits, or
    /// 32 instead of 64, and [`Hole::range`] has the values that it takes.
    ///
    /// An [`Instruction`](crate::Instruction) whose operands are all in these ranges has this stencil. Emit functions emit the general
    /// one, so that its size is the same for all values.
    ///
    /// ```
    /// # use stencil_runtime::stencil;
    /// stencil! {
    ///     machine Calc(x: u64) -> u64;
    ///     uop add(n: i64) { x += n; }
    /// }
    ///
    /// let narrow = STENCIL_add.narrow().unwrap();
    /// assert!(narrow.code.size < STENCIL_add.code.size);
    /// assert_eq!(narrow.holes()[0].range, Some((-128, 127)));
    /// assert_eq!(Calc::add(127).stencil(), narrow);
    /// assert_eq!(Calc::add(128).stencil(), STENCIL_add);
    /// assert_eq!(narrow.general(), STENCIL_add);
    /// ```
    #[must_use]
    pub const fn narrow(&self) -> Option<Self> {
        match self.form {
            0 | NARROW => None,
            record => Some(self.rest.catalog.stencil(record)),
        }
    }

    /// Returns the general form, which takes all operands: for a narrow form the stencil that it is the form of, for others themselves.
    #[must_use]
    pub fn general(&self) -> Self {
        self.family.get(self.index).filter(|_| self.is_narrow()).unwrap_or(*self)
    }

    /// Returns whether this is a [narrow form](Self::narrow).
    #[must_use]
    pub const fn is_narrow(&self) -> bool {
        self.form == NARROW
    }

    /// Returns the names of the host functions that it calls, each once.
    #[must_use]
    pub fn calls(&self) -> Vec<&'static str> {
        self.details().calls
    }

    /// Returns the instructions in AT&T syntax, one per line, with symbolic holes.
    #[must_use]
    pub fn disassembly(&self) -> String {
        let lines = self.details().lines.into_iter().map(|Line { offset, text }| match offset {
            Some(offset) => format!("{offset:3x}: {text}"),
            None => text.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Decodes everything.
    pub(crate) fn details(&self) -> Details {
        let (mut reader, all) = (self.rest, self.rest.catalog.links);
        let mut last = None;
        let patches: Vec<(Patch, usize)> = (0..reader.size())
            .map(|_| {
                let (patch, number) = reader.patch(last);
                last = Some(patch);
                (patch, number)
            })
            .collect();
        let callees: Vec<&Link> = (0..self.callees).map(|_| &all[reader.size()]).collect();
        let holes = { self.family.operands() }.into_iter().map(|(name, ty)| {
            let range = (reader.number() != 0).then(|| (reader.signed(), reader.signed()));
            Hole { name, ty, range }
        });
        let holes = holes.collect();
        let mut offset = 0;
        let lines = (0..reader.size()).map(|_| {
            let distance = reader.size();
            offset = if distance == 0 { 0 } else { offset + distance - 1 };
            Line { offset: (distance != 0).then_some(offset), text: reader.string() }
        });
        let lines = lines.collect();
        let links = patches.iter().map(|&(patch, number)| match patch.value {
            Value::Callee(callee) => Some(callees[callee]),
            Value::Function | Value::Static => Some(&all[number]),
            Value::Operand(_) | Value::Code(_) | Value::Data(_) | Value::Next => None,
        });
        Details {
            holes,
            links: links.collect(),
            calls: callees.iter().map(|link| link.name).collect(),
            patches: patches.iter().map(|(patch, _)| *patch).collect(),
            lines,
        }
    }
}

/// Returns the name of a uop, with a family's parameters in brackets.
pub(crate) fn member_name(uop: &'static str, parameters: &[usize]) -> Cow<'static, str> {
    if parameters.is_empty() { uop.into() } else { format!("{uop}{parameters:?}").into() }
}

impl fmt::Debug for Stencil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, data, data_alignment, .. } = self;
        let Details { holes, patches, calls, .. } = self.details();
        f.debug_struct("Stencil")
            .field("name", &self.name())
            .field("code", code)
            .field("data", data)
            .field("data_alignment", data_alignment)
            .field("holes", &holes)
            .field("patches", &patches)
            .field("calls", &calls)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Stencil {
    /// Compares everything that the methods return.
    fn eq(&self, other: &Self) -> bool {
        let of = |stencil: &Self| (stencil.code, stencil.data, stencil.data_alignment, stencil.name());
        let (one, two) = (self.details(), other.details());
        of(self) == of(other)
            && (one.holes, one.patches, one.calls) == (two.holes, two.patches, two.calls)
            && self.disassembly() == other.disassembly()
    }
}

impl Eq for Stencil {}

/// The stencils of a family: one for each combination of its parameters that its condition admits.
///
/// ```
/// # use stencil_runtime::stencil;
/// stencil! {
///     pub machine Calc(x: u64, y: u64) -> u64;
///     uop set<const TO: 0..2, const FROM: 0..2>() where TO != FROM {
///     #if TO
///         y = x;
///     #else
///         x = y;
///     #endif
///     }
/// }
///
/// assert_eq!(STENCIL_set.iter().flatten().count(), 2);
/// assert!(STENCIL_set.member(&[1, 0]).is_some());
/// assert!(STENCIL_set.member(&[1, 1]).is_none());
/// ```
#[derive(Clone, Copy)]
pub struct Family {
    pub(crate) catalog: &'static Catalog,
    /// The offset of the record.
    pub(crate) at: u32,
}

impl Family {
    /// Returns the family of a uop with mistakes.
    #[doc(hidden)]
    #[must_use]
    pub const fn nothing() -> Self {
        catalog::PSEUDO.family(0)
    }

    /// Returns the family's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.catalog.reader(self.at).string()
    }

    /// Returns the member for these parameters, in the order of their declaration.
    #[must_use]
    pub fn member(&self, parameters: &[usize]) -> Option<Stencil> {
        let ranges = self.ranges();
        if ranges.len() != parameters.len() {
            return None;
        }
        let index = { ranges }.into_iter().zip(parameters).try_fold(0, |index, ((start, length), parameter)| {
            let value = parameter.checked_sub(start).filter(|value| *value < length)?;
            Some(index * length + value)
        });
        self.get(index?)
    }

    /// Returns the member with this index. The last parameter changes fastest.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Stencil> {
        let record = (index < self.combinations()).then(|| self.record(index)).flatten()?;
        Some(self.catalog.stencil(record))
    }

    /// Returns the members by their indices, with `None` for each combination of parameters that the condition excludes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<Stencil>> + use<> {
        let family = *self;
        (0..self.combinations()).map(move |index| family.get(index))
    }

    /// Returns the offset of the record of a member. The index is less than the number of combinations.
    fn record(&self, index: usize) -> Option<u32> {
        let mut reader = self.catalog.reader(self.at);
        reader.number();
        reader.skip_parameters();
        reader.skip_pairs();
        match reader.element(index) {
            0 => None,
            record => Some(record),
        }
    }

    /// Returns the number of combinations of the parameters.
    fn combinations(&self) -> usize {
        self.ranges().iter().map(|(_, length)| length).product()
    }

    /// Returns the parameters of the member with this index.
    fn parameters(&self, mut index: usize) -> Vec<usize> {
        let ranges = { self.ranges() }.into_iter().rev();
        let mut parameters: Vec<_> = ranges
            .map(|(start, length)| {
                let value = start + index % length;
                index /= length;
                value
            })
            .collect();
        parameters.reverse();
        parameters
    }

    /// Returns the first value of each parameter, and the number of its values.
    pub(crate) fn ranges(&self) -> Vec<(usize, usize)> {
        self.described().iter().map(|parameter| (parameter.start, parameter.length)).collect()
    }

    /// Returns the parameters with their names.
    pub(crate) fn described(&self) -> Vec<Parameter> {
        let mut reader = self.catalog.reader(self.at);
        reader.number();
        (0..reader.size()).map(|_| reader.parameter()).collect()
    }

    /// Returns the name and the type of each operand.
    fn operands(&self) -> Vec<(&'static str, &'static str)> {
        let mut reader = self.catalog.reader(self.at);
        reader.number();
        reader.skip_parameters();
        (0..reader.size()).map(|_| (reader.string(), reader.string())).collect()
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl PartialEq for Family {
    /// Compares all members.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Family {}

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
    /// The least and the greatest value that the stencil takes, if the type has others.
    pub range: Option<(i64, i64)>,
}

impl Hole {
    /// Returns the type without its path.
    pub(crate) fn type_name(&self) -> &'static str {
        self.ty.rsplit(':').next().unwrap_or_default().trim()
    }

    /// Returns the number of 64-bit words that the operand takes in an [`Instruction`](crate::Instruction): 1, or more for a
    /// vector.
    #[must_use]
    pub fn words(&self) -> usize {
        vector::words(self.type_name())
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
    /// The low 8 bits of `S * factor + A`.
    Scaled8(u8),
    /// The word of 64 bits with this index of a vector, whose lowest lanes are in word 0.
    Word(u8),
    /// 32 bits, `S + A - P`.
    Rel32,
}

impl PatchKind {
    /// Returns the width of the field in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Abs64 | Self::Word(_) => 8,
            Self::Abs32S | Self::Low32 | Self::Scaled32(_) | Self::Rel32 => 4,
            Self::Low16 => 2,
            Self::Low8 | Self::Scaled8(_) => 1,
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
    /// The address of a host function or a static of the host, as a value.
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
