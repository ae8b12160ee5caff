//! Programs: instructions of one machine, labels, and the two passes that make code of them.
//!
//! The first pass adds up sizes, which gives every label its address; the second emits each uop with every
//! address known. Memory is asked for in between, once, and published at the end.

use std::fmt;
use std::marker::PhantomData;

use crate::emit::{Address, Emitter, Fresh, TRAMPOLINE_SIZE};
use crate::entry::Entry;
use crate::error::Error;
use crate::memory::{Executable, Placement, Writable};
use crate::stencil::{Abi, Stencil};

/// What `stencil!` makes of a `machine` declaration: the registers that uops share, and the way in and out.
pub trait Machine: Sized + 'static {
    /// The operands of an instruction: an array of as many words as the largest uop has operands.
    type Operands: Words;
    /// The function that a program is: the machine's parameters and result in the C convention.
    type Entry: Entry;
    /// The convention between uops.
    const ABI: Abi;
    /// The uop that comes first in every program and takes the parameters from the C convention.
    const ENTRY: &'static Uop<Self>;
}

/// An array of words. Not for implementation outside this crate.
pub trait Words: Copy + AsRef<[u64]> + fmt::Debug {
    /// The words that a uop uses, and zeros.
    fn from_words<const N: usize>(words: [u64; N]) -> Self;
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

/// An emit function with its operands still in words.
pub type Emit = fn(&mut Emitter<'_, Fresh>, &[u64], &Labels) -> Result<(), Error>;

/// A uop of a machine, as instructions refer to it.
pub struct Uop<M> {
    emit: Option<Emit>,
    stencil: &'static Stencil,
    machine: PhantomData<fn() -> M>,
}

impl<M: 'static> Uop<M> {
    /// A uop with its stencil and emit function.
    #[must_use]
    pub const fn new(stencil: &'static Stencil, emit: Emit) -> Self {
        Self { emit: Some(emit), stencil, machine: PhantomData }
    }

    /// What stands for the members that a family does not have: to emit it is an error.
    #[must_use]
    pub const fn missing(emit: Emit) -> Self {
        Self { emit: Some(emit), stencil: const { &Stencil::nothing("missing") }, machine: PhantomData }
    }

    /// The pseudo-uop that binds a label.
    const BIND: &'static Self =
        &Self { emit: None, stencil: const { &Stencil::nothing("bind") }, machine: PhantomData };

    /// What is known of its stencil.
    #[must_use]
    pub const fn stencil(&self) -> &'static Stencil {
        self.stencil
    }
}

/// One uop with its operands: an element of a program.
pub struct Instruction<M: Machine> {
    uop: &'static Uop<M>,
    operands: M::Operands,
}

impl<M: Machine> Instruction<M> {
    /// An instruction from its parts. `stencil!` makes a constructor for each uop, which has types.
    #[must_use]
    #[inline(always)]
    pub fn new<const N: usize>(uop: &'static Uop<M>, words: [u64; N]) -> Self {
        Self { uop, operands: M::Operands::from_words(words) }
    }

    /// The pseudo-instruction that binds a label to the place where it stands.
    #[must_use]
    pub fn bind(label: Label) -> Self {
        Self::new(Uop::BIND, [label.to_word()])
    }

    /// What is known of its stencil.
    #[must_use]
    pub const fn stencil(&self) -> &'static Stencil {
        self.uop.stencil
    }

    /// The operands as words, in the order of [`Stencil::holes`]; unused words follow.
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
    /// The uop's name and its operands as words: `push 0x28`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stencil = self.stencil();
        f.write_str(stencil.name)?;
        for (hole, word) in stencil.holes.iter().zip(self.operands()) {
            write!(f, " {}={word:#x}", hole.name)?;
        }
        Ok(())
    }
}

/// A place in a program, to jump to. Labels of a program are numbered from 0, in any order; each is bound once, by
/// the machine's `bind` instruction, before or after it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u32);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "label {}", self.0)
    }
}

/// Where the labels of a program are.
#[derive(Debug)]
pub struct Labels {
    /// Of each label the offset from the start of code, or `UNBOUND`.
    offsets: Vec<u64>,
    base: u64,
}

const UNBOUND: u64 = u64::MAX;

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
        self.offsets[index] = offset as u64;
        Ok(())
    }

    fn offset(&self, label: Label) -> Option<usize> {
        self.offsets.get(label.0 as usize).filter(|&&offset| offset != UNBOUND).map(|&offset| offset as usize)
    }

    /// The address of the label in an operand word.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], where it is not bound.
    pub fn address(&self, word: u64) -> Result<Address, Error> {
        match self.offsets.get(word as usize) {
            Some(&offset) if offset != UNBOUND => Ok(Address(self.base + offset)),
            _ => Err(Error::UnknownLabel { label: Label(word as u32), instruction: 0 }),
        }
    }
}

/// A type that an operand can have, as a word of an [`Instruction`].
pub trait Operand: Copy {
    /// The word that carries the value: an integer extended by its type, a float's bits, a pointer's address.
    fn to_word(self) -> u64;
    /// The value that a word carries.
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

/// A program of machine `M`, compiled and executable. The memory is returned when it is dropped.
#[derive(Debug)]
pub struct Code<M> {
    memory: Executable,
    code_size: usize,
    labels: Labels,
    machine: PhantomData<fn() -> M>,
}

/// An invalid instruction, so that to run off the end of a program is a fault and nothing worse.
const END: [u8; 2] = [0x0f, 0x0b];
/// Data begins on a cache line of its own.
const DATA_ALIGNMENT: usize = 64;

/// The sizes that the first pass adds up.
#[derive(Clone, Copy, Default)]
struct Sizes {
    code: usize,
    data: usize,
    alignment: usize,
    calls: usize,
}

impl Sizes {
    fn add(&mut self, stencil: &Stencil) -> Option<()> {
        self.code = self.code.checked_add(stencil.code.size)?;
        if stencil.data.size != 0 {
            let start = self.data.checked_next_multiple_of(stencil.data_alignment)?;
            self.data = start.checked_add(stencil.data.size)?;
            self.alignment = self.alignment.max(stencil.data_alignment);
        }
        self.calls += stencil.calls.len();
        Some(())
    }
}

impl<M: Machine> Code<M> {
    /// Compiles a program. Its instructions follow one another in memory; execution begins at the first.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::BufferFull`] and [`Error::NotZero`].
    pub fn compile(instructions: &[Instruction<M>]) -> Result<Self, Error> {
        Self::compile_to(instructions, Placement::Near)
    }

    fn compile_to(instructions: &[Instruction<M>], placement: Placement) -> Result<Self, Error> {
        const TOO_LARGE: Error = Error::ProgramTooLarge { size: usize::MAX };
        let mut sizes = Sizes::default();
        let mut labels = Labels { offsets: Vec::new(), base: 0 };
        sizes.add(M::ENTRY.stencil()).ok_or(TOO_LARGE)?;
        for (index, instruction) in instructions.iter().enumerate() {
            if instruction.uop.emit.is_none() {
                labels.bind(index, instruction.operands()[0], sizes.code, instructions.len())?;
            }
            sizes.add(instruction.stencil()).ok_or(TOO_LARGE)?;
        }
        let data_start = (sizes.code.checked_add(END.len()))
            .and_then(|size| size.checked_next_multiple_of(DATA_ALIGNMENT.max(sizes.alignment)))
            .ok_or(TOO_LARGE)?;
        let mut place = |trampolines: usize| {
            let size = data_start.checked_add(sizes.data).and_then(|size| size.checked_add(trampolines));
            let size = size.ok_or(TOO_LARGE)?;
            if size > i32::MAX as usize {
                return Err(Error::ProgramTooLarge { size });
            }
            let mut memory = Writable::new(size, placement)?;
            emit(instructions, &mut memory.bytes()[..size], (sizes.code, data_start), &mut labels)?;
            memory.publish()
        };
        let memory = match place(0) {
            // The address space near the executable is full: every call may need a trampoline. There is none, or one is
            // where the data of a later uop should be.
            Err(Error::OutOfReach { .. } | Error::BufferFull { .. }) => place(sizes.calls * TRAMPOLINE_SIZE),
            placed => placed,
        }?;
        Ok(Self { memory, code_size: sizes.code, labels, machine: PhantomData })
    }

    /// The function that the program is.
    ///
    /// It is valid as long as this value lives. Calling it is `unsafe`: what the C bodies do with the
    /// machine's registers and the operands is theirs to answer for, and so is what they do to memory.
    #[must_use]
    pub fn entry(&self) -> M::Entry {
        const { assert!(size_of::<M::Entry>() == size_of::<*const u8>()) };
        let start = self.memory.bytes().as_ptr();
        // SAFETY: `Entry` is implemented for function pointers alone, and the memory begins with the machine's
        // entry stencil, which the C compiler compiled from a function of just this type.
        unsafe { std::mem::transmute_copy::<*const u8, M::Entry>(&start) }
    }

    /// The instructions, the entry included.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.memory.bytes()[..self.code_size]
    }

    /// Bytes of memory that the program takes: code, data and padding.
    #[must_use]
    pub fn size(&self) -> usize {
        self.memory.bytes().len()
    }

    /// The offset of a bound label in [`bytes`](Self::bytes).
    #[must_use]
    pub fn offset(&self, label: Label) -> Option<usize> {
        self.labels.offset(label)
    }

    /// The address of a bound label, for code that enters the program there by way of a C body's jump.
    #[must_use]
    pub fn address(&self, label: Label) -> Option<*const u8> {
        self.offset(label).map(|offset| self.memory.bytes()[offset..].as_ptr())
    }
}

/// The second pass. `bytes` are fresh; code ends, and data starts, at the two offsets.
fn emit<M: Machine>(
    instructions: &[Instruction<M>],
    bytes: &mut [u8],
    (code_size, data_start): (usize, usize),
    labels: &mut Labels,
) -> Result<(), Error> {
    labels.base = Address::from(bytes.as_ptr()).0;
    let (code, data) = bytes.split_at_mut(data_start);
    let (code, end) = code.split_at_mut(code_size);
    end[..END.len()].copy_from_slice(&END);
    // SAFETY: the caller got the memory from the system and nothing has been written to these parts of it.
    let mut out = unsafe { Emitter::zeroed_unchecked(code, data) };
    let in_order = std::iter::once((M::ENTRY, &[][..]))
        .chain(instructions.iter().map(|instruction| (instruction.uop, instruction.operands())));
    for (index, (uop, operands)) in in_order.enumerate() {
        let Some(emit) = uop.emit else { continue };
        emit(&mut out, operands, labels).map_err(|error| match error {
            // The entry comes before the first instruction, and refers to no label.
            Error::UnknownLabel { label, .. } => Error::UnknownLabel { label, instruction: index - 1 },
            error => error,
        })?;
    }
    debug_assert_eq!(out.left().0, 0, "the first pass counted what the second emitted");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stencil;

    stencil! {
        machine Counter(count: u64) -> u64;
        extern fn increment(count: u64) -> u64 = super::tests::increment;
        extern fn redouble(count: u64) -> u64 = super::tests::redouble;
        uop more() { count = increment(count); }
        uop twice() { count = redouble(count); }
        uop scale(by: f64) { count = (uint64_t)((double)count * by * 0.5); }
        uop jump(target: Label) { JUMP(target); }
        uop ret() { RETURN(count); }
    }

    extern "C" fn increment(count: u64) -> u64 {
        count + 1
    }

    extern "C" fn redouble(count: u64) -> u64 {
        count * 2
    }

    fn run(code: &Code<Counter>, count: u64) -> u64 {
        // SAFETY: the bodies above touch no memory.
        unsafe { code.entry()(count) }
    }

    #[test]
    fn calls_work_from_near_and_from_far() {
        let mut program = vec![Counter::more(); 1000];
        program.extend([Counter::twice(), Counter::scale(6.0), Counter::more(), Counter::ret()]);
        for placement in [Placement::Near, Placement::Anywhere] {
            let code = Code::compile_to(&program, placement).unwrap();
            assert_eq!(run(&code, 5), 1005 * 6 + 1, "{placement:?}");
        }
        let near = Code::compile_to(&program, Placement::Near).unwrap();
        let start = near.bytes().as_ptr() as usize;
        assert!(start.abs_diff(increment as *const () as usize) < 1 << 31);
    }

    #[test]
    fn what_is_past_the_end_is_an_invalid_instruction() {
        let code = Counter::compile(&[]).unwrap();
        assert_eq!(code.memory.bytes()[code.bytes().len()..][..2], END);
    }

    #[test]
    fn labels() {
        let [a, b] = [Label(0), Label(1)];
        let program = [Counter::jump(b), Counter::bind(a), Counter::ret(), Counter::bind(b), Counter::jump(a)];
        let code = Counter::compile(&program).unwrap();
        assert_eq!(run(&code, 7), 7);
        assert!(code.offset(a) < code.offset(b));
        assert_eq!(code.offset(Label(2)), None);
        assert_eq!(code.address(a), Some(code.bytes()[code.offset(a).unwrap()..].as_ptr()));
        let compile = |program: &[Instruction<Counter>]| Counter::compile(program).unwrap_err();
        assert_eq!(compile(&[Counter::ret(), Counter::jump(a)]), Error::UnknownLabel { label: a, instruction: 1 });
        assert_eq!(compile(&[Counter::bind(a), Counter::bind(a)]), Error::DuplicateLabel { label: a, instruction: 1 });
        let large = Label(u32::MAX);
        assert_eq!(compile(&[Counter::bind(large)]), Error::LabelTooLarge { label: large, instructions: 1 });
        assert_eq!(compile(&[Counter::jump(large)]), Error::UnknownLabel { label: large, instruction: 0 });
    }

    #[test]
    fn instructions_show_their_operands() {
        assert_eq!(format!("{:?}", Counter::jump(Label(3))), "jump target=0x3");
        assert_eq!(format!("{:?}", Counter::ret()), "ret");
    }
}
