//! The interpreter tier: programs as streams of handlers' addresses and operands, which need no executable memory.
//!
//! This is direct-threaded code (Bell, *Threaded Code*, CACM 1973). An instruction is the address of its handler, followed by the words of
//! its operands. A handler ends by a jump to the handler of the next instruction.

use std::fmt;
use std::marker::PhantomData;
use std::mem;

use crate::address::CodeAddress;
use crate::entry::EntryPoint;
use crate::error::Error;
use crate::feature;
use crate::label::{self, Label, Labels};
use crate::patch::Overflow;
use crate::program::{Instruction, Machine};
use crate::uop::Uop;

/// The function that executes a uop in the interpreter, and how the stream holds its operands.
#[derive(Clone, Copy)]
pub struct Handler {
    function: unsafe extern "C" fn(),
    /// The words that are labels, a bit for each.
    labels: u32,
    /// The words of its operands.
    words: u16,
    /// Whether the description tells more of the operands: ranges, or labels behind the words that have bits.
    described: bool,
}

impl Handler {
    /// Makes a handler. `labels` has a bit for each of the first 32 words that is a label.
    ///
    /// # Safety
    /// The function executes the uop: a handler of its machine, whose operands take as many words.
    #[must_use]
    pub const unsafe fn new(function: unsafe extern "C" fn(), words: u16, labels: u32, described: bool) -> Self {
        Self { function, labels, words, described }
    }

    /// Returns the address of its function.
    pub(crate) fn address(&self) -> CodeAddress {
        CodeAddress::new((self.function as *const ()).cast())
    }
}

/// The handler behind the last instruction. Running off the end of a program is a fault and nothing worse.
#[unsafe(naked)]
unsafe extern "C" fn end() {
    std::arch::naked_asm!("ud2")
}

/// The size of a stream's word in bytes.
const WORD: usize = size_of::<u64>();

/// A program of machine `M` as the interpreter runs it. Its memory is ordinary memory, so it works where the system refuses executable
/// memory.
///
/// A machine has an interpreter if it is declared with `#[interpreter]`, as are all blocks that continue it. The uops' bodies are the
/// same ones, and a run computes the same values as compiled code, only slower.
///
/// ```
/// use stencil_runtime::{Label, stencil};
///
/// stencil! {
///     #[interpreter]
///     machine Calc(x: u64, n: u64) -> u64;
///     uop add(value: u64) { x += value; }
///     uop again(to: Label) { if (--n) JUMP(to); }
///     uop ret() { RETURN(x); }
/// }
///
/// let again = Label(0);
/// let program = [Calc::bind(again), Calc::add(3), Calc::again(again), Calc::ret()];
/// let interpreter = Calc::interpreter(&program)?;
/// // SAFETY: the bodies touch no memory.
/// let result = unsafe { interpreter.entry()(interpreter.start(), 0, 5) };
/// assert_eq!(result, 15);
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
///
/// Addresses in this tier are those of instructions of a stream: [`start`](Self::start), [`address`](Self::address), and in bodies
/// `ADDRESS_OF(label)`. `JUMP(pointer)` and `CALL(pointer)` take them. They mean nothing to compiled code, nor do addresses of compiled
/// code here, except for the macros that change the tier: `STENCIL_EXECUTE(address)` continues in compiled code, and
/// `STENCIL_INTERPRET(address)` in a stream.
///
/// Streams do not move and do not change, so threads may share one, and streams may refer to each other.
pub struct Interpreter<M> {
    words: Box<[u64]>,
    /// Each label's offset in bytes, as [`label::offset`] reads it.
    labels: Box<[u8]>,
    machine: PhantomData<fn() -> M>,
}

impl<M: Machine> Interpreter<M> {
    /// Encodes a program.
    ///
    /// # Errors
    /// [`Error::NoInterpreter`] if the machine has none, an error if a label is unbound or bound twice, or if an operand has a value
    /// that compiled code does not take, [`Error::ProgramTooLarge`] beyond 2 GiB, and [`Error::OutOfMemory`].
    pub fn new(instructions: &[Instruction<M>]) -> Result<Self, Error> {
        feature::check::<M>()?;
        if M::INTERPRETER.is_none() {
            return Err(Error::NoInterpreter);
        }
        let mut labels = Labels::default();
        let size = bind(instructions, &mut labels)?;
        let mut words: Vec<u64> = Vec::new();
        words.try_reserve_exact(size / WORD).map_err(|_| out_of_memory(size))?;
        labels.base = words.as_ptr().expose_provenance() as u64;
        for (index, instruction) in instructions.iter().enumerate() {
            encode(&mut words, index, instruction, &labels)?;
        }
        words.push(address(end));
        debug_assert_eq!(words.len(), size / WORD, "the first pass counted what the second encoded");
        let mut table = Vec::new();
        table.try_reserve_exact(labels.table_size()).map_err(|_| out_of_memory(labels.table_size()))?;
        table.resize(labels.table_size(), 0);
        labels.store(&mut table);
        Ok(Self { words: words.into(), labels: table.into(), machine: PhantomData })
    }

    /// Returns the address of the first instruction.
    #[must_use]
    pub fn start(&self) -> CodeAddress {
        CodeAddress::new(self.words.as_ptr().cast())
    }

    /// Returns the address of a label, if it is bound.
    #[must_use]
    pub fn address(&self, label: Label) -> Option<CodeAddress> {
        let offset = label::offset(&self.labels, label)?;
        Some(CodeAddress::new(self.words.get(offset / WORD..)?.as_ptr().cast()))
    }

    /// Returns the handler of the instruction at a label, if the label is bound and an instruction follows it.
    ///
    /// Compiled code of the same machine may jump to a handler or call it, since both have the same registers. The instruction pointer
    /// is undefined then: the uop has no operands, and leaves by `RETURN`, by `STENCIL_EXECUTE` or by `STENCIL_INTERPRET`.
    #[must_use]
    pub fn handler(&self, label: Label) -> Option<CodeAddress> {
        let index = label::offset(&self.labels, label)? / WORD;
        let handler = self.words[..self.words.len() - 1].get(index)?;
        Some(CodeAddress::new(std::ptr::with_exposed_provenance(usize::try_from(*handler).ok()?)))
    }

    /// Returns the function that runs programs of the machine. Its first parameter is the address to begin at, and the machine's
    /// registers follow: its type is that of [`FragmentEntry::function`](crate::FragmentEntry::function), so a caller can hold a
    /// function and an address, of whichever tier. It is the same function for all programs.
    ///
    /// # Safety
    /// Calling the function is `unsafe`, for the reasons given at [`Code::entry`](crate::Code::entry). The address has to be that of an
    /// instruction in a stream of machine `M` that exists until the call returns.
    #[must_use]
    pub fn entry(&self) -> EntryPoint<'_, M::FragmentEntry> {
        EntryPoint::new(M::INTERPRETER.expect("a machine without an interpreter has no streams"))
    }

    /// Returns the size of the stream in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        mem::size_of_val(&*self.words)
    }
}

impl<M: Machine> fmt::Debug for Interpreter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interpreter").field("start", &self.start()).field("size", &self.size()).finish()
    }
}

pub(crate) fn out_of_memory(size: usize) -> Error {
    Error::OutOfMemory { size, code: libc::ENOMEM }
}

fn address(function: unsafe extern "C" fn()) -> u64 {
    (function as *const ()).expose_provenance() as u64
}

/// Binds the labels of a program. Returns its size in bytes.
fn bind<M: Machine>(instructions: &[Instruction<M>], labels: &mut Labels) -> Result<usize, Error> {
    let mut size = 0_usize;
    for (index, instruction) in instructions.iter().enumerate() {
        match instruction.bound_label() {
            Some(label) => labels.bind(index, label, size, instructions.len())?,
            // The sum of 2^32 instructions of 2^16 words fits.
            None => size += WORD * (1 + usize::from(handler(index, instruction)?.words)),
        }
    }
    size += WORD;
    if size > i32::MAX as usize { Err(Error::ProgramTooLarge { size }) } else { Ok(size) }
}

#[inline(always)]
fn handler<M: Machine>(index: usize, instruction: &Instruction<M>) -> Result<&'static Handler, Error> {
    instruction.uop().handler.as_ref().ok_or_else(|| no_handler(index, instruction))
}

#[cold]
fn no_handler<M: Machine>(index: usize, instruction: &Instruction<M>) -> Error {
    let missing = instruction.uop().no_such_stencil(instruction.operands());
    missing.map_or(Error::NoInterpreter, |error| error.at(index))
}

/// Appends an instruction to the stream.
#[inline(always)]
fn encode<M: Machine>(
    words: &mut Vec<u64>,
    index: usize,
    instruction: &Instruction<M>,
    labels: &Labels,
) -> Result<(), Error> {
    if instruction.bound_label().is_some() {
        return Ok(());
    }
    let handler = handler(index, instruction)?;
    let start = words.len() + 1;
    words.push(address(handler.function));
    words.extend_from_slice(&instruction.operands()[..usize::from(handler.words)]);
    let mut rest = handler.labels;
    while rest != 0 {
        let word = &mut words[start + rest.trailing_zeros() as usize];
        let Some(address) = labels.find(*word) else {
            return Err(Error::UnknownLabel { label: Label(*word as u32), instruction: index });
        };
        *word = address;
        rest &= rest - 1;
    }
    if handler.described {
        check_described(&mut words[start..], index, instruction, labels)?;
    }
    Ok(())
}

/// Resolves the labels of an instruction that have no bit in its handler, and checks the ranges of its operands.
#[cold]
fn check_described<M: Machine>(
    words: &mut [u64],
    index: usize,
    instruction: &Instruction<M>,
    labels: &Labels,
) -> Result<(), Error> {
    let stencil = instruction.stencil();
    let mut at = 0;
    for hole in stencil.holes() {
        if at >= u32::BITS as usize && matches!(hole.type_name(), "Label" | "CodeExit") {
            let unknown = Error::UnknownLabel { label: Label(words[at] as u32), instruction: index };
            words[at] = labels.find(words[at]).ok_or(unknown)?;
        }
        // A vector has no range.
        let value = i128::from(words[at] as i64);
        if let Some((min, max)) = hole.range.map(|(min, max)| (i128::from(min), i128::from(max)))
            && !(min..=max).contains(&value)
        {
            let overflow = Overflow { value, min, max };
            return Err(Error::out_of_range(stencil.family.name(), stencil.parameters(), hole.name, overflow));
        }
        at += hole.words();
    }
    Ok(())
}

impl<M: Machine> Uop<M> {
    /// Returns whether the interpreter can execute it.
    #[must_use]
    pub fn is_interpreted(&self) -> bool {
        self.handler.is_some()
    }
}
