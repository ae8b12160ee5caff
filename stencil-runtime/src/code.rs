//! Compiled programs, each in its own memory or in an arena with others.

use std::marker::PhantomData;

use crate::arena::Arena;
use crate::entry::EntryPoint;
use crate::error::Error;
use crate::label::{Label, Labels, offset};
use crate::memory::{Block, Mapping, Owner, Pages, Placement, Writer};
use crate::program::{Instruction, Layout, Machine, emit};

/// A compiled, executable program of machine `M`. Dropping it frees its memory: its part of an [`Arena`], or the memory of
/// its own.
#[derive(Debug)]
pub struct Code<M> {
    block: Block,
    code_size: u32,
    /// Each label's offset, as in [`Labels`].
    labels: Box<[u32]>,
    machine: PhantomData<fn() -> M>,
}

impl<M: Machine> Code<M> {
    /// Compiles a program into memory of its own. Execution begins at the first instruction.
    ///
    /// The memory is mapped [once](Mapping::Single) or, where the system refuses to make written memory executable,
    /// [twice](Mapping::Dual). Mapping takes some microseconds. Programs in an [`Arena`] share pages instead.
    ///
    /// # Errors
    /// Any [`Error`] except [`Error::BufferFull`], [`Error::NotZero`], [`Error::ArenaFull`], [`Error::ArenaTooLarge`] and
    /// [`Error::Forked`].
    pub fn compile(instructions: &[Instruction<M>]) -> Result<Self, Error> {
        Self::compile_to(instructions, Placement::Near)
    }

    fn compile_to(instructions: &[Instruction<M>], placement: Placement) -> Result<Self, Error> {
        let mut labels = Labels::default();
        let layout = Layout::new(instructions, &mut labels)?;
        let size = layout.size(layout.trampolines()).or_else(|_| layout.size(0))?;
        let mut alone = |mapping| {
            let pages = Owner::new(Pages::new(size, mapping, placement)?);
            published(&pages, instructions, &layout, &mut labels)
        };
        let block = match alone(Mapping::Single) {
            Err(refused @ Error::NotExecutable { .. }) => alone(Mapping::Dual).map_err(|_| refused),
            block => block,
        }?;
        Ok(Self::new(block, &layout, labels.bound()))
    }

    /// Compiles a program into an arena. For several programs, a [batch](Arena::batch) is faster.
    ///
    /// # Errors
    /// Any [`Error`] except [`Error::BufferFull`], [`Error::NotZero`] and [`Error::ArenaTooLarge`].
    pub fn compile_in(arena: &Arena, instructions: &[Instruction<M>]) -> Result<Self, Error> {
        let mut labels = Labels::default();
        let layout = Layout::new(instructions, &mut labels)?;
        let block = published(arena.pages(), instructions, &layout, &mut labels)?;
        Ok(Self::new(block, &layout, labels.bound()))
    }

    /// Creates the code of a block that a writer has filled. The writer must publish the block before the code runs.
    #[inline]
    pub(crate) fn new(block: Block, layout: &Layout, labels: Box<[u32]>) -> Self {
        // The size is below 2 GiB, because `Layout::size` has succeeded.
        Self { block, code_size: layout.code as u32, labels, machine: PhantomData }
    }

    /// Returns the program as a function. Call it at once, or keep it as long as this value is borrowed.
    ///
    /// # Safety
    /// Calling the function is `unsafe`. The caller is responsible for what the C bodies of the program's instructions do with
    /// their operands, with the machine's registers and with memory. The program's last uop must not continue to a next one. A
    /// copy of the function pointer (`*code.entry()`) must not be called after this value has been dropped.
    #[must_use]
    pub fn entry(&self) -> EntryPoint<'_, M::Entry> {
        const { assert!(size_of::<M::Entry>() == size_of::<*const u8>()) };
        let start = self.block.bytes().as_ptr();
        // SAFETY: only function pointers implement `Entry`. The memory begins with the machine's entry stencil, which is a
        // function of exactly this type, as the contract of `Machine` requires.
        EntryPoint::new(unsafe { std::mem::transmute_copy::<*const u8, M::Entry>(&start) })
    }

    /// Returns the machine code, which begins with the entry.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.block.bytes()[..self.code_size as usize]
    }

    /// Returns all memory of the program: the machine code, an invalid instruction, and the data (constants, out-of-line code and
    /// trampolines), which begins in a new cache line.
    #[must_use]
    pub fn memory(&self) -> &[u8] {
        self.block.bytes()
    }

    /// Returns the size of the program's memory in bytes: code, data and padding.
    #[must_use]
    pub fn size(&self) -> usize {
        self.block.bytes().len()
    }

    /// Returns the offset of a label in [`bytes`](Self::bytes), if it is bound.
    #[must_use]
    pub fn offset(&self, label: Label) -> Option<usize> {
        offset(&self.labels, label)
    }

    /// Returns the address of a label, if it is bound, for C bodies that jump there by pointer.
    #[must_use]
    pub fn address(&self, label: Label) -> Option<*const u8> {
        self.offset(label).map(|offset| self.block.bytes()[offset..].as_ptr())
    }
}

/// Emits a program into pages, and makes it executable.
fn published<M: Machine>(
    pages: &Owner,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
) -> Result<Block, Error> {
    let mut writer = Writer::new(pages, false);
    place(&mut writer, instructions, layout, labels)?;
    let block = writer.keep();
    writer.publish()?;
    Ok(block)
}

/// Emits a program behind the writer's other blocks, for the writer to [keep](Writer::keep).
#[inline(always)]
pub(crate) fn place<M: Machine>(
    writer: &mut Writer<'_>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
) -> Result<(), Error> {
    match attempt(writer, instructions, layout, labels, 0) {
        Ok(()) => Ok(()),
        Err(error) => again(writer, instructions, layout, labels, error),
    }
}

#[cold]
#[inline(never)]
fn again<M: Machine>(
    writer: &mut Writer<'_>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
    error: Error,
) -> Result<(), Error> {
    match error {
        // A host function is out of reach. Either there was no room for its trampoline, or the trampoline took the space of a
        // later uop's data. Reserve a trampoline for every call.
        Error::OutOfReach { .. } | Error::BufferFull { .. } => {
            attempt(writer, instructions, layout, labels, layout.trampolines())
        }
        error => Err(error),
    }
}

#[inline(always)]
fn attempt<M: Machine>(
    writer: &mut Writer<'_>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
    trampolines: usize,
) -> Result<(), Error> {
    let mut slot = writer.slot(layout.size(trampolines)?)?;
    emit(instructions, &mut slot, layout, labels, trampolines)
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
        for placement in [Placement::Near, Placement::Hint(0)] {
            let code = Code::compile_to(&program, placement).unwrap();
            assert_eq!(run(&code, 5), 1005 * 6 + 1, "{placement:?}");
        }
        let near = Code::compile_to(&program, Placement::Near).unwrap();
        let start = near.bytes().as_ptr() as usize;
        assert!(start.abs_diff(increment as *const () as usize) < 1 << 31);
    }

    #[test]
    fn the_space_past_the_end_has_invalid_instructions() {
        let code = Counter::compile(&[]).unwrap();
        assert_eq!(code.memory()[code.bytes().len()..], [0x0f, 0x0b]);
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
        assert_eq!(format!("{:?}", Counter::jump(Label(3))), "jump target=3");
        assert_eq!(format!("{:?}", Counter::ret()), "ret");
    }
}
