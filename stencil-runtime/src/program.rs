//! Programs: instructions of one machine, labels, and the two passes over them.
//!
//! The first pass adds up sizes and so finds each label's offset. Then memory is claimed, once. The second pass emits each
//! uop with all addresses known.

use std::fmt;

use crate::catalog::{self, Catalog, Stored};
use crate::described::{self, TRAMPOLINE_SIZE};
use crate::emit::{Address, Emitter, Fresh, Memory};
use crate::entry::Entry;
use crate::error::Error;
use crate::memory::{LINE, Slot};
use crate::stencil::{Abi, Family, Stencil};

/// A machine: the registers that uops share, and the function that enters a program. `stencil!` implements it for each
/// `machine` declaration; do not implement it by hand.
///
/// # Safety
/// `ENTRY` is the machine's entry stencil: a function of the type `Entry` that hands its parameters to the first uop in the
/// convention `ABI`.
pub unsafe trait Machine: Sized + 'static {
    /// The operands of an instruction: an array with one word for each operand of the uop that has most.
    type Operands: Words;
    /// The type of a program as a function: the machine's parameters and result in the C convention.
    type Entry: Entry;
    /// The calling convention between uops.
    const ABI: Abi;
    /// How uops call each other in detail, and the C compiler that decided it. The blocks that continue the machine compare it with theirs.
    #[doc(hidden)]
    const CONVENTION: crate::expansion::Convention;
    /// The uop that begins every program and takes the parameters from the C convention.
    const ENTRY: &'static Uop<Self>;
}

/// An array of words. Only arrays of `u64` implement it.
pub trait Words: sealed::Words + Copy + AsRef<[u64]> + fmt::Debug {
    /// Pads a uop's words with zeros.
    fn from_words<const N: usize>(words: [u64; N]) -> Self;
}

mod sealed {
    pub trait Words {}
    impl<const SIZE: usize> Words for [u64; SIZE] {}
}

impl<const SIZE: usize> Words for [u64; SIZE] {
    #[inline(always)]
    fn from_words<const N: usize>(words: [u64; N]) -> Self {
        const {
            assert!(
                N <= SIZE,
                "a uop has more operands than all those of the block that declares the machine: write \
                 `#[operands(N)] machine ...` there, N being the most operands that a uop has"
            );
        }
        let mut all = [0; SIZE];
        all[..N].copy_from_slice(&words);
        all
    }
}

/// A function that emits the instructions of one shape: uops that differ in nothing but their bytes. It is only called for
/// uops of that shape. Returns `false` if it emitted nothing, so that the description is needed.
pub type Emit<M> = fn(&Uop<M>, &mut Emitter<'_, Fresh>, &<M as Machine>::Operands, &Labels) -> bool;

/// An emit function, and the number of bytes that it expects each of its uops to store.
#[derive(Debug)]
pub struct Shape<M: Machine> {
    stored: usize,
    emit: Emit<M>,
}

impl<M: Machine> Shape<M> {
    /// Makes a shape. What its function does is up to the caller of [`Uop::new`].
    #[must_use]
    pub const fn new(stored: usize, emit: Emit<M>) -> Self {
        Self { stored, emit }
    }
}

/// The sizes of a stencil that the first pass adds up. A uop holds them, so that the pass does not read the stencil.
#[derive(Clone, Copy, Debug)]
struct Size {
    code: u32,
    data: u32,
    /// The alignment of the data less one, or 0 if there is no data.
    alignment_mask: u32,
    calls: u32,
}

impl Size {
    const NONE: Self = Self { code: 0, data: 0, alignment_mask: 0, calls: 0 };
}

/// A uop of a machine, as instructions refer to it.
///
/// Safe code cannot make one, nor an instruction with words that are not typed:
///
/// ```compile_fail,E0133
/// # use stencil_runtime::{Instruction, Machine, stencil};
/// # stencil! {
/// #     machine Calc(x: u64) -> u64;
/// #     uop ret() { RETURN(x); }
/// # }
/// let again: Instruction<Calc> = Instruction::new(Calc::ENTRY, [], None); // error: `new` is unsafe
/// ```
pub struct Uop<M: Machine> {
    /// The function of its shape. None for the pseudo-uop that binds a label.
    emit: Option<Emit<M>>,
    stored: Stored,
    size: Size,
    catalog: &'static Catalog,
    /// The record of its stencil, or that of the family for missing members.
    record: u32,
    /// The number of its shape in the block, or `MISSING`.
    shape: u32,
    /// The uop of the narrow form.
    narrow: Option<&'static Self>,
}

/// The numbers of a uop's head.
const HEAD: usize = 8;

/// In place of a shape: this stands for the members that a family lacks.
const MISSING: u32 = u32::MAX;

impl<M: Machine> Uop<M> {
    /// Makes a uop of its head: the offset of its record, that of its stored bytes, its sizes of code and data, the alignment
    /// of the data less one or 0, the number of calls, the shape, and the position of its narrow form in
    /// `narrow`, counted from 1, or 0. Expansions of [`stencil!`](crate::stencil!) call it.
    ///
    /// # Safety
    /// The catalog describes functions of machine `M` that a C compiler compiled: their bytes, their sizes, their alignment,
    /// their operands and their patches. The head belongs to the record. The shape emits this stencil, and nothing else, from
    /// its stored bytes and by the same operands in the same order.
    ///
    /// # Panics
    /// If the shape expects more stored bytes than there are, or if there is no such narrow form.
    #[must_use]
    pub const unsafe fn new(
        catalog: &'static Catalog,
        shapes: &[Shape<M>],
        head: [u32; HEAD],
        narrow: &'static [Option<Self>],
    ) -> Self {
        let [record, start, code, data, alignment_mask, calls, shape, form] = head;
        let Shape { stored, emit } = &shapes[shape as usize];
        assert!(start as usize + *stored <= catalog.bytes.len(), "a shape reads no more bytes than are stored");
        Self {
            emit: Some(*emit),
            // SAFETY: there are as many bytes as the shape expects, whose function emits the uop.
            stored: unsafe { Stored::at(catalog.bytes, start as usize) },
            size: Size { code, data, alignment_mask, calls },
            catalog,
            record,
            shape,
            narrow: if form == 0 { None } else { narrow[form as usize - 1].as_ref() },
        }
    }

    /// Makes the uops of a family, with `None` for members that it lacks. Their heads are numbers of four bytes, beginning with
    /// zero for these members. So constant evaluation, which takes about a microsecond for a step, decodes nothing.
    ///
    /// # Safety
    /// As for [`new`](Self::new), for each member. `narrow` has the narrow forms of all members.
    ///
    /// # Panics
    /// As for [`new`](Self::new), or if there are not `N` heads.
    #[must_use]
    pub const unsafe fn family<const N: usize>(
        catalog: &'static Catalog,
        shapes: &[Shape<M>],
        heads: &[u8],
        narrow: &'static [Option<Self>],
    ) -> [Option<Self>; N] {
        let (heads, _) = heads.as_chunks::<4>();
        let mut uops = [const { None }; N];
        let mut index = 0;
        while index < N {
            let (mut head, mut next) = ([0; HEAD], 0);
            while next < HEAD {
                head[next] = u32::from_le_bytes(heads[HEAD * index + next]);
                next += 1;
            }
            if head[0] != 0 {
                // SAFETY: the caller's promise.
                uops[index] = Some(unsafe { Self::new(catalog, shapes, head, narrow) });
            }
            index += 1;
        }
        uops
    }

    /// Returns the uop of the narrow form, if there is one and all words are within the limits, and else this uop.
    #[inline(always)]
    fn of_form<const N: usize>(&'static self, words: &[u64; N], limits: Option<Limits<N>>) -> &'static Self {
        let Some(limits) = limits else { return self };
        // The words are numbers of 64 bits with or without a sign; distances have none. There is no branch for each operand.
        let (mut fit, mut next) = (true, 0);
        while next < N {
            let (least, distance) = limits[next];
            fit &= words[next].wrapping_sub(least) <= distance;
            next += 1;
        }
        self.narrow.filter(|_| fit).unwrap_or(self)
    }

    /// Makes a uop that stands for the members that a family lacks. Emitting it is an error; its operands are the
    /// parameters.
    #[must_use]
    pub const fn missing(family: Family) -> Self {
        let Family { catalog, at } = family;
        Self {
            emit: Some(|_, _, _, _| false),
            stored: Stored::NONE,
            size: Size::NONE,
            catalog,
            record: at,
            shape: MISSING,
            narrow: None,
        }
    }

    /// The pseudo-uop that binds a label.
    const BIND: &'static Self = const {
        &Self {
            emit: None,
            stored: Stored::NONE,
            size: Size::NONE,
            catalog: &catalog::PSEUDO,
            record: catalog::BIND,
            shape: 0,
            narrow: None,
        }
    };

    /// Returns the description of its stencil.
    #[must_use]
    pub const fn stencil(&self) -> Stencil {
        if self.shape == MISSING { Stencil::nothing() } else { self.catalog.stencil(self.record) }
    }

    /// Returns its stored bytes.
    ///
    /// # Safety
    /// They are only passed to the function of its shape.
    #[doc(hidden)]
    #[must_use]
    #[inline(always)]
    pub unsafe fn stored(&self) -> Stored {
        self.stored
    }

    /// Emits it by the function of its shape or, where that gives up, by its description. The word of a label is its
    /// address.
    ///
    /// # Safety
    /// There is a word for each operand of the stencil, in range of its type. `emit` is the function of its shape. `stored`
    /// are its bytes.
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn emit<Kind: Memory, const N: usize>(
        &self,
        out: &mut Emitter<'_, Kind>,
        stored: Stored,
        words: [u64; N],
        emit: impl FnOnce(&mut Emitter<'_, Kind>, Stored, &[u64; N]) -> bool,
    ) -> Result<(), Error> {
        if emit(out, stored, &words) { Ok(()) } else { described::emit(out, self.catalog, self.record, &{ words }) }
    }

    /// Does the same in such a way that the caller can keep the emitter in registers.
    ///
    /// # Safety
    /// As for [`emit`](Self::emit).
    #[doc(hidden)]
    #[inline(always)]
    pub unsafe fn emit_inline<Kind: Memory, const N: usize>(
        &self,
        out: &mut Emitter<'_, Kind>,
        stored: Stored,
        words: [u64; N],
        emit: impl FnOnce(&mut Emitter<'_, Kind>, Stored, &[u64; N]) -> bool,
    ) -> Result<(), Error> {
        if emit(out, stored, &words) { Ok(()) } else { out.emit_described(self.catalog, self.record, &{ words }) }
    }

    /// Emits the member of a family for these parameters. `functions` are those of all shapes of the block.
    ///
    /// # Errors
    /// [`Error::NoSuchStencil`], if there is no such member, and those of the member.
    ///
    /// # Safety
    /// As for [`emit`](Self::emit). `uops` and `ranges` are those of the family.
    #[doc(hidden)]
    #[inline]
    pub unsafe fn emit_member<Kind: Memory, const N: usize, const P: usize>(
        (name, uops, ranges): Members<'_, M, P>,
        parameters: [usize; P],
        out: &mut Emitter<'_, Kind>,
        words: [u64; N],
        functions: &[Function<Kind, N>],
    ) -> Result<(), Error> {
        match member(uops, ranges, parameters) {
            // SAFETY: the function is that of the uop's shape. The caller promises the rest.
            Some(uop) => unsafe { uop.emit(out, uop.stored, words, functions[uop.shape as usize]) },
            None => Err(Error::no_such_stencil(name, &parameters)),
        }
    }

    /// Emits it by its description.
    #[cold]
    fn emit_described(
        &self,
        out: &mut Emitter<'_, Fresh>,
        operands: &M::Operands,
        labels: &Labels,
    ) -> Result<(), Error> {
        let Self { catalog, record, .. } = *self;
        if self.shape == MISSING {
            let family = catalog.family(record);
            let parameters = operands.as_ref().iter().take(family.ranges().len());
            let parameters: Vec<_> = parameters.map(|&parameter| parameter as usize).collect();
            return Err(Error::no_such_stencil(family.name(), &parameters));
        }
        let holes = self.stencil().holes();
        let words = holes.iter().zip(operands.as_ref()).map(|(hole, &word)| match hole.type_name() {
            "Label" => labels.address(word).map(|address| address.0),
            _ => Ok(word),
        });
        described::emit(out, catalog, record, &words.collect::<Result<Vec<_>, _>>()?)
    }
}

/// The function of a shape for one kind of memory, which takes the words of operands.
pub type Function<Kind, const N: usize> = fn(&mut Emitter<'_, Kind>, Stored, &[u64; N]) -> bool;

/// The words that a narrow form takes: for each operand the least one, and its distance to the greatest one.
pub type Limits<const N: usize> = [(u64, u64); N];

/// A family: its name, its uops, and for each parameter the first value and the number of values.
pub type Members<'a, M, const P: usize> = (&'static str, &'a [Option<Uop<M>>], [(usize, usize); P]);

/// Returns the member of a family for these parameters. Each range is the first value and the number of values. The last
/// parameter changes fastest.
#[inline(always)]
fn member<M: Machine, const P: usize>(
    uops: &[Option<Uop<M>>],
    ranges: [(usize, usize); P],
    parameters: [usize; P],
) -> Option<&Uop<M>> {
    let (mut index, mut next) = (0, 0);
    while next < P {
        let (start, length) = ranges[next];
        let value = parameters[next].wrapping_sub(start);
        if value >= length {
            return None;
        }
        index = index * length + value;
        next += 1;
    }
    uops[index].as_ref()
}

/// One uop with its operands: an element of a program.
pub struct Instruction<M: Machine> {
    uop: &'static Uop<M>,
    operands: M::Operands,
}

impl<M: Machine> Instruction<M> {
    /// Makes an instruction of its parts. The typed constructors that [`stencil!`](crate::stencil!) makes for each uop call
    /// this.
    ///
    /// # Safety
    /// The words are those of the uop's operands, in their order: each is the [`Operand::to_word`] of a value of the operand's
    /// type. `limits` are those of the ranges of the narrow form's holes.
    #[must_use]
    #[inline(always)]
    pub unsafe fn new<const N: usize>(uop: &'static Uop<M>, words: [u64; N], limits: Option<Limits<N>>) -> Self {
        Self::of(uop.of_form(&words, limits), words)
    }

    /// Makes an instruction of the member of a family for these parameters, or of `missing` if there is none.
    ///
    /// # Safety
    /// As for [`new`](Self::new), for each member. `ranges` are those of the family.
    #[doc(hidden)]
    #[must_use]
    #[inline(always)]
    pub unsafe fn member<const N: usize, const P: usize>(
        (uops, missing): (&'static [Option<Uop<M>>], &'static Uop<M>),
        ranges: [(usize, usize); P],
        parameters: [usize; P],
        words: [u64; N],
        limits: Option<Limits<N>>,
    ) -> Self {
        match member(uops, ranges, parameters) {
            Some(uop) => Self::of(uop.of_form(&words, limits), words),
            None => Self::of(missing, parameters.map(|parameter| parameter as u64)),
        }
    }

    #[inline(always)]
    fn of<const N: usize>(uop: &'static Uop<M>, words: [u64; N]) -> Self {
        Self { uop, operands: M::Operands::from_words(words) }
    }

    /// Emits it by its uop's emit function, if it has one. The index is for errors.
    #[inline(always)]
    fn emit(
        &self,
        function: Option<Emit<M>>,
        index: usize,
        out: &mut Emitter<'_, Fresh>,
        labels: &Labels,
    ) -> Result<(), Error> {
        match function {
            Some(function) if !function(self.uop, out, &self.operands, labels) => {
                self.uop.emit_described(out, &self.operands, labels).map_err(|error| match error {
                    Error::UnknownLabel { label, .. } => Error::UnknownLabel { label, instruction: index },
                    error => error,
                })
            }
            _ => Ok(()),
        }
    }

    /// Makes the pseudo-instruction that binds a label to its position in the program.
    #[must_use]
    pub fn bind(label: Label) -> Self {
        Self::of(Uop::BIND, [label.to_word()])
    }

    /// Returns the description of its stencil.
    #[must_use]
    pub const fn stencil(&self) -> Stencil {
        self.uop.stencil()
    }

    /// Returns the operands as words, in the order of [`Stencil::holes`]. Unused words follow.
    #[must_use]
    pub fn operands(&self) -> &[u64] {
        self.operands.as_ref()
    }
}

impl<M: Machine> Clone for Instruction<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Machine> Copy for Instruction<M> {}

impl<M: Machine> fmt::Debug for Instruction<M> {
    /// Writes the uop's name and its operands as words: `push value=0x28`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stencil = self.stencil();
        f.write_str(&stencil.name())?;
        for (hole, word) in stencil.holes().iter().zip(self.operands()) {
            write!(f, " {}={word:#x}", hole.name)?;
        }
        Ok(())
    }
}

/// A position in a program to jump to. Number the labels of a program from 0, in any order, and bind each once with the
/// machine's `bind` instruction, before or after its uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u32);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "label {}", self.0)
    }
}

/// The positions of a program's labels.
#[derive(Debug, Default)]
pub struct Labels {
    /// Each label's offset from the start of the code, or `UNBOUND`.
    offsets: Vec<u32>,
    base: u64,
}

const UNBOUND: u32 = u32::MAX;

impl Labels {
    fn bind(&mut self, instruction: usize, word: u64, offset: usize, instructions: usize) -> Result<(), Error> {
        let label = Label(word as u32);
        if word >= instructions as u64 {
            return Err(Error::LabelTooLarge { label, instructions });
        }
        let index = word as usize;
        if self.offsets.len() <= index {
            self.offsets.resize(index + 1, UNBOUND);
        }
        if self.offsets[index] != UNBOUND {
            return Err(Error::DuplicateLabel { label, instruction });
        }
        // If this truncates, the program is too large, and `Layout::size` refuses it.
        self.offsets[index] = offset as u32;
        Ok(())
    }

    /// Returns the table for [`offset`]. Most short programs have no labels.
    #[inline]
    pub(crate) fn bound(&self) -> Box<[u32]> {
        if self.offsets.is_empty() { Box::default() } else { self.offsets.as_slice().into() }
    }

    /// Returns the address of the label in an operand word, if it is bound.
    #[inline(always)]
    #[must_use]
    pub fn find(&self, word: u64) -> Option<u64> {
        self.offsets
            .get(word as usize)
            .filter(|&&offset| offset != UNBOUND)
            .map(|offset| self.base.wrapping_add(u64::from(*offset)))
    }

    /// Returns the address of the label in an operand word.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], if it is not bound.
    pub fn address(&self, word: u64) -> Result<Address, Error> {
        let unknown = Error::UnknownLabel { label: Label(word as u32), instruction: 0 };
        self.find(word).map(Address).ok_or(unknown)
    }
}

/// Returns a label's offset, if it is bound.
pub(crate) fn offset(offsets: &[u32], label: Label) -> Option<usize> {
    offsets.get(label.0 as usize).filter(|&&offset| offset != UNBOUND).map(|&offset| offset as usize)
}

/// A type of operands, which an [`Instruction`] holds as a word.
pub trait Operand: Copy {
    /// Returns the word that carries the value: an integer extended to 64 bits, a float's bits, a pointer's address, or a
    /// label's number.
    fn to_word(self) -> u64;
    /// Returns the value that a word carries.
    fn from_word(word: u64) -> Self;
}

macro_rules! integer_operands {
    ($($ty:ty)*) => {$(
        impl Operand for $ty {
            #[inline(always)]
            fn to_word(self) -> u64 { self as u64 }
            #[inline(always)]
            fn from_word(word: u64) -> Self { word as $ty }
        }
    )*};
}
integer_operands!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl Operand for bool {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.into()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        word != 0
    }
}

impl Operand for f32 {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.to_bits().into()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self::from_bits(word as u32)
    }
}

impl Operand for f64 {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.to_bits()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self::from_bits(word)
    }
}

impl<T> Operand for *const T {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.expose_provenance() as u64
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        std::ptr::with_exposed_provenance(word as usize)
    }
}

impl<T> Operand for *mut T {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.expose_provenance() as u64
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        std::ptr::with_exposed_provenance_mut(word as usize)
    }
}

impl Operand for Label {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.0.into()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self(word as u32)
    }
}

/// An invalid instruction (`ud2`). Running off the end of a program is a fault and nothing worse.
const END: [u8; 2] = [0x0f, 0x0b];
const TOO_LARGE: Error = Error::ProgramTooLarge { size: usize::MAX };

/// The result of the first pass: bytes of code and of data, the alignment of the data, and the number of calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) code: usize,
    data: usize,
    /// The alignment of the data less one.
    alignment_mask: usize,
    calls: usize,
}

impl Layout {
    /// Runs the first pass. It binds the labels and forgets those of other programs.
    #[inline(always)]
    pub(crate) fn new<M: Machine>(instructions: &[Instruction<M>], labels: &mut Labels) -> Result<Self, Error> {
        labels.offsets.clear();
        // The sums below cannot overflow: fewer than 2^30 sizes of 32 bits each.
        if instructions.len() >= 1 << 30 {
            return Err(TOO_LARGE);
        }
        // Data begins on a new cache line.
        let mut layout = Self { alignment_mask: LINE - 1, ..Self::default() };
        layout.add(&M::ENTRY.size);
        for (index, instruction) in instructions.iter().enumerate() {
            if instruction.uop.emit.is_none() {
                labels.bind(index, instruction.operands()[0], layout.code, instructions.len())?;
            }
            layout.add(&instruction.uop.size);
        }
        Ok(layout)
    }

    /// Adds a uop, without a branch on whether it has data, which would be hard to predict.
    #[inline(always)]
    fn add(&mut self, &Size { code, data, alignment_mask, calls }: &Size) {
        let [code, data, alignment_mask, calls] = [code, data, alignment_mask, calls].map(|size| size as usize);
        self.code += code;
        self.data = ((self.data + alignment_mask) & !alignment_mask) + data;
        // The maximum: both are powers of two less one.
        self.alignment_mask |= alignment_mask;
        self.calls += calls;
    }

    /// Returns the bytes for trampolines if every call needs one.
    pub(crate) fn trampolines(&self) -> usize {
        self.calls.saturating_mul(TRAMPOLINE_SIZE)
    }

    /// Returns the bytes of the program at any line's start, with this many bytes for trampolines.
    #[inline]
    pub(crate) fn size(&self, trampolines: usize) -> Result<usize, Error> {
        let end = self.code.checked_add(END.len()).ok_or(TOO_LARGE)?;
        let size = if self.data == 0 && trampolines == 0 {
            end
        } else {
            let data_start =
                end.checked_next_multiple_of(LINE).and_then(|end| end.checked_add(self.alignment_mask + 1 - LINE));
            data_start.and_then(|start| start.checked_add(self.data)?.checked_add(trampolines)).ok_or(TOO_LARGE)?
        };
        if size > i32::MAX as usize { Err(Error::ProgramTooLarge { size }) } else { Ok(size) }
    }

    /// Returns the offset of the data in a program at this address, or the program's end if there is no data.
    #[inline]
    fn data_start(&self, address: Address, trampolines: usize) -> usize {
        let end = self.code + END.len();
        if self.data == 0 && trampolines == 0 {
            return end;
        }
        (address.0 as usize + end).next_multiple_of(self.alignment_mask + 1) - address.0 as usize
    }
}

/// Runs the second pass: emits a program of this layout into the slot.
#[inline]
pub(crate) fn emit<M: Machine>(
    instructions: &[Instruction<M>],
    slot: &mut Slot<'_, '_>,
    layout: &Layout,
    labels: &mut Labels,
    trampolines: usize,
) -> Result<(), Error> {
    let address = slot.address();
    labels.base = address.0;
    let (mut out, end) = slot.emitter(layout.code, layout.data_start(address, trampolines));
    end[..END.len()].copy_from_slice(&END);
    Instruction::of(M::ENTRY, []).emit(M::ENTRY.emit, 0, &mut out, labels)?;
    // The next instruction's function is loaded before this one is emitted, so that a mispredicted call is found out
    // without waiting for memory.
    if let [first, rest @ ..] = instructions {
        let (mut instruction, mut function) = (first, first.uop.emit);
        for (index, next) in rest.iter().enumerate() {
            let function_of_next = next.uop.emit;
            instruction.emit(function, index, &mut out, labels)?;
            (instruction, function) = (next, function_of_next);
        }
        instruction.emit(function, rest.len(), &mut out, labels)?;
    }
    debug_assert_eq!(out.left().0, 0, "the first pass counted what the second emitted");
    Ok(())
}
