//! Programs: instructions of one machine, labels, and the two passes over them.
//!
//! The first pass adds up sizes and so finds each label's offset. Then memory is claimed, once. The second pass emits each
//! uop with all addresses known.

use std::fmt;

use crate::address::CodeAddress;
use crate::described::TRAMPOLINE_SIZE;
use crate::emit::{Address, Emitter, Fresh};
use crate::entry::Entry;
use crate::error::Error;
use crate::feature;
use crate::interpreter::Handler;
use crate::label::{Label, Labels};
use crate::memory::{LINE, Slot};
use crate::operand::{Operand, Words};
use crate::stencil::{Abi, Stencil};
use crate::uop::{Emit, Limits, Size, Uop, member};
use crate::written;

/// A machine: the registers that uops share, and the function that enters a program. `stencil!` implements it for each
/// `machine` declaration; do not implement it by hand.
///
/// # Safety
/// `ENTRY` is the machine's entry stencil: a function of the type `Entry` that hands its parameters to the first uop in the
/// convention `ABI`. `FRAGMENT_ENTRY` is a function of the type `FragmentEntry` that hands all but its first parameter to the uop at the
/// address that its first parameter is. `INTERPRETER` is a function of that type, too, and goes to the instruction of a stream.
pub unsafe trait Machine: Sized + 'static {
    /// The operands of an instruction: an array of as many words as the uop with most words has.
    type Operands: Words;
    /// The type of a program as a function: the machine's registers without an initial value, and its result, in the C convention.
    type Entry: Entry;
    /// A function that takes all registers, those with an initial value as well. The blocks that continue the machine compare it with theirs.
    #[doc(hidden)]
    type Registers;
    /// The type of a function that enters a fragment: the address to enter, then the parameters of [`Entry`](Self::Entry).
    type FragmentEntry: Entry;
    /// The calling convention between uops.
    const ABI: Abi;
    /// How uops call each other in detail, and the C compiler that decided it. The blocks that continue the machine compare it with theirs.
    #[doc(hidden)]
    const CONVENTION: crate::expansion::Convention;
    /// The uop that enters fragments: a function of the type `FragmentEntry`.
    const FRAGMENT_ENTRY: &'static Uop<Self>;
    /// The uop that begins every program and takes the parameters from the C convention.
    const ENTRY: &'static Uop<Self>;
    /// The function that runs the machine's programs in the interpreter, if the machine has one.
    #[doc(hidden)]
    const INTERPRETER: Option<Self::FragmentEntry> = None;
    /// The uop that stores the registers for [`Lockstep`](crate::Lockstep), if the machine has an interpreter.
    #[doc(hidden)]
    const OBSERVER: Option<crate::expansion::Observer<Self>> = None;
    /// The features of the processor that uops of the machine require.
    #[doc(hidden)]
    const REQUIRES: &'static [crate::expansion::Feature] = &[];
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
    /// type, or, for a vector, its words from the lowest lanes on. `limits` are those of the ranges of the narrow form's holes.
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

    /// Makes an instruction of the same uop with other operands, for the interpreter.
    ///
    /// # Safety
    /// As for [`new`](Self::new). A program with the instruction is not compiled, because the uop stays in its form.
    #[doc(hidden)]
    #[must_use]
    pub unsafe fn with_operands<const N: usize>(self, words: [u64; N]) -> Self {
        Self::of(self.uop, words)
    }

    #[inline(always)]
    fn of<const N: usize>(uop: &'static Uop<M>, words: [u64; N]) -> Self {
        Self { uop, operands: M::Operands::from_words(words) }
    }

    /// Returns its uop.
    #[inline(always)]
    pub(crate) fn uop(&self) -> &'static Uop<M> {
        self.uop
    }

    /// Returns the sizes of its stencil.
    pub(crate) fn size(&self) -> &'static Size {
        &self.uop.size
    }

    /// Returns the label that a pseudo-instruction binds.
    #[inline(always)]
    pub(crate) fn bound_label(&self) -> Option<u64> {
        if self.uop.emit.is_some() { None } else { self.operands().first().copied() }
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
                self.uop.emit_described(out, &self.operands, labels).map_err(|error| error.at(index))
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

    /// Returns the address of its uop's handler in the interpreter, if the uop has one. Instructions with the same handler are instructions
    /// of the same uop, or of uops with the same effect and operands, whatever their operands are.
    #[must_use]
    pub fn handler(&self) -> Option<CodeAddress> {
        self.uop.handler.as_ref().map(Handler::address)
    }

    /// Returns the operands as words, in the order of [`Stencil::holes`]. Each takes [`Hole::words`](crate::Hole::words) of
    /// them. Unused words follow.
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
    /// Writes the uop's name, its parameters and its operands: `add[TO=0] value=-5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(family) = self.uop.missing_from() {
            let parameters = self.operands().iter().take(family.ranges().len());
            return written::name(f, family, &parameters.map(|&value| value as usize).collect::<Vec<_>>());
        }
        let stencil = self.stencil();
        written::name(f, stencil.family, &stencil.parameters())?;
        if self.uop.emit.is_none() {
            return write!(f, " label={}", self.operands()[0]);
        }
        let mut rest = self.operands();
        for hole in stencil.holes() {
            let Some((words, others)) = rest.split_at_checked(hole.words()) else { break };
            rest = others;
            write!(f, " {}=", hole.name)?;
            written::value(f, &hole, words)?;
        }
        Ok(())
    }
}

/// An invalid instruction (`ud2`). Running off the end of a program is a fault and nothing worse.
const END: [u8; 2] = [0x0f, 0x0b];

/// The result of the first pass: the sizes of code, data and the table of labels in bytes, the alignment of the data, and the
/// number of calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) code: usize,
    data: usize,
    /// The alignment of the data less one.
    alignment_mask: usize,
    calls: usize,
    pub(crate) table: usize,
}

impl Layout {
    /// Runs the first pass. It binds the labels and forgets those of other programs.
    #[inline(always)]
    pub(crate) fn new<M: Machine>(
        entry: Option<&Uop<M>>,
        instructions: &[Instruction<M>],
        labels: &mut Labels,
    ) -> Result<Self, Error> {
        labels.clear();
        check::<M>(instructions.len())?;
        let mut layout = Self::empty(entry);
        for (index, instruction) in instructions.iter().enumerate() {
            if let Some(label) = instruction.bound_label() {
                labels.bind(index, label, layout.code, instructions.len())?;
            }
            layout.add(instruction);
        }
        layout.reserve_table(labels);
        Ok(layout)
    }

    /// Returns the layout of a program without instructions: that of the entry.
    #[inline(always)]
    pub(crate) fn empty<M: Machine>(entry: Option<&Uop<M>>) -> Self {
        // Data begins on a new cache line.
        let mut layout = Self { code: 0, data: 0, alignment_mask: LINE - 1, calls: 0, table: 0 };
        if let Some(entry) = entry {
            layout.add_size(&entry.size);
        }
        layout
    }

    /// Adds an instruction at the end.
    #[inline(always)]
    pub(crate) fn add<M: Machine>(&mut self, instruction: &Instruction<M>) {
        self.add_size(&instruction.uop.size);
    }

    /// Reserves room for the table of labels, which follows the data.
    #[inline(always)]
    pub(crate) fn reserve_table(&mut self, labels: &Labels) {
        self.table = labels.table_size();
    }

    /// Adds a uop, without a branch on whether it has data, which would be hard to predict.
    #[inline(always)]
    fn add_size(&mut self, &Size { code, data, alignment_mask, calls }: &Size) {
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
        match self.checked_size(trampolines) {
            Some(size) if size <= i32::MAX as usize => Ok(size),
            size => Err(Error::ProgramTooLarge { size: size.unwrap_or(usize::MAX) }),
        }
    }

    /// Returns `None` if the size overflows. An [`Error`] is not made in advance (`ok_or`): dropping it would be a call per sum.
    #[inline(always)]
    fn checked_size(&self, trampolines: usize) -> Option<usize> {
        let mut size = self.code.checked_add(END.len())?;
        if self.data != 0 || trampolines != 0 {
            let data_start = size.checked_next_multiple_of(LINE)?.checked_add(self.alignment_mask + 1 - LINE)?;
            // Trampolines are taken from the end, and the words in them are aligned.
            let data =
                if trampolines == 0 { self.data } else { self.data.checked_next_multiple_of(TRAMPOLINE_SIZE)? };
            size = data_start.checked_add(data)?.checked_add(trampolines)?;
        }
        size.checked_add(self.table)
    }

    /// Returns the offset of the data in a program at this address, or the program's end if there is no data.
    #[inline]
    fn data_start(&self, address: Address, trampolines: usize) -> usize {
        let end = self.code + END.len();
        if self.data == 0 && trampolines == 0 {
            return end;
        }
        // Up to the next multiple of the alignment, without a division.
        end + ((address.0 as usize + end).wrapping_neg() & self.alignment_mask)
    }
}

/// Fails if the processor lacks a feature that the machine requires, or if a program of so many instructions is too large. The sums of a
/// layout cannot overflow otherwise: they have fewer than 2^30 terms of 32 bits.
#[inline(always)]
pub(crate) fn check<M: Machine>(instructions: usize) -> Result<(), Error> {
    feature::check::<M>()?;
    if instructions < 1 << 30 { Ok(()) } else { Err(Error::ProgramTooLarge { size: usize::MAX }) }
}

/// Runs the second pass: emits a program of this layout into the slot. Returns the offset of the data.
///
/// It is always inlined: its callers for programs and for fragments made the compiler stop, and functions took 7 % longer.
#[inline(always)]
pub(crate) fn emit<M: Machine>(
    entry: Option<&'static Uop<M>>,
    instructions: &[Instruction<M>],
    slot: &mut Slot<'_, '_>,
    layout: &Layout,
    labels: &mut Labels,
    trampolines: usize,
) -> Result<usize, Error> {
    let address = slot.address();
    labels.base = address.0;
    let (indirect, data_start) = (slot.is_single(), layout.data_start(address, trampolines));
    let (mut out, end, table) = slot.emitter(layout.code, data_start, layout.table);
    out.indirect = indirect;
    end[..END.len()].copy_from_slice(&END);
    labels.store(table);
    if let Some(entry) = entry {
        Instruction::of(entry, []).emit(entry.emit, 0, &mut out, labels)?;
    }
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
    if let Some(trampolines) = out.trampolines.take() {
        labels.set_exits(trampolines.into_exits(), slot)?;
    }
    Ok(data_start)
}
