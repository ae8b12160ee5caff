//! Compiled programs, each in its own memory or in an arena with others.

use std::marker::PhantomData;

use crate::arena::Arena;
use crate::entry::EntryPoint;
use crate::error::Error;
use crate::label::{Label, Labels, offset};
use crate::link::Exits;
use crate::memory::{Block, Mapping, Owner, PAGE, Pages, Placement, Writer};
use crate::program::{Instruction, Layout, Machine, emit};
use crate::uop::Uop;

/// A compiled, executable program of machine `M`. Dropping it frees its memory: its part of an [`Arena`], or the memory of
/// its own.
#[derive(Debug)]
pub struct Code<M> {
    /// The code, an invalid instruction, the data, and the table of labels.
    pub(crate) block: Block,
    code_size: u32,
    data_start: u32,
    table_start: u32,
    exits: Option<Box<Exits>>,
    machine: PhantomData<fn() -> M>,
}

impl<M> Drop for Code<M> {
    #[inline]
    fn drop(&mut self) {
        if let Some(exits) = &self.exits {
            exits.free(&self.block);
        }
    }
}

pub(crate) mod sealed {
    pub trait Compiled {}
}

/// A compiled program of machine `M`: a [`Code`] or a [`Fragment`](crate::Fragment). Not for implementation outside this crate.
pub trait Compiled<M: Machine>: sealed::Compiled + Sized {
    /// The uop that precedes the instructions.
    #[doc(hidden)]
    const ENTRY: Option<&'static Uop<M>>;
    #[doc(hidden)]
    fn from_code(code: Code<M>) -> Self;
    #[doc(hidden)]
    fn code(&self) -> &Code<M>;
}

impl<M> sealed::Compiled for Code<M> {}

impl<M: Machine> Compiled<M> for Code<M> {
    const ENTRY: Option<&'static Uop<M>> = Some(M::ENTRY);

    #[inline(always)]
    fn from_code(code: Self) -> Self {
        code
    }

    fn code(&self) -> &Self {
        self
    }
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
        compile_alone(instructions, Placement::Near)
    }

    /// Compiles a program into an arena. For several programs, a [batch](Arena::batch) is faster.
    ///
    /// # Errors
    /// Any [`Error`] except [`Error::BufferFull`], [`Error::NotZero`] and [`Error::ArenaTooLarge`].
    pub fn compile_in(arena: &Arena, instructions: &[Instruction<M>]) -> Result<Self, Error> {
        compile_in(arena, instructions)
    }

    /// Creates the code of a block that a writer has filled. The writer must publish the block before the code runs.
    #[inline(always)]
    pub(crate) fn new(block: Block, layout: &Layout, data_start: usize, exits: Option<Box<Exits>>) -> Self {
        // All are below 2 GiB, because `Layout::size` has succeeded.
        let (code_size, data_start) = (layout.code as u32, data_start as u32);
        let table_start = (block.size() - layout.table) as u32;
        Self { block, code_size, data_start, table_start, exits, machine: PhantomData }
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

    /// Returns the data: constants, out-of-line code and trampolines. It lies behind the machine code and begins in a new cache
    /// line.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.block.bytes()[self.data_start as usize..self.table_start as usize]
    }

    /// Returns [`bytes`](Self::bytes) and [`data`](Self::data) as one slice, with the invalid instruction and the padding
    /// between them. Compiled code executes and reads nothing else.
    #[must_use]
    pub fn memory(&self) -> &[u8] {
        &self.block.bytes()[..self.table_start as usize]
    }

    /// Returns the size of the program's memory in bytes: code, data, padding, and four bytes for each label up to the greatest
    /// one that is bound.
    #[must_use]
    pub fn size(&self) -> usize {
        self.block.size()
    }
}

impl<M> Code<M> {
    /// Returns the exits, if there are any.
    pub(crate) fn exits(&self) -> Option<&Exits> {
        self.exits.as_deref()
    }

    /// Returns the offset of a label in [`bytes`](Self::bytes), if it is bound.
    #[must_use]
    pub fn offset(&self, label: Label) -> Option<usize> {
        offset(&self.block.bytes()[self.table_start as usize..], label)
    }

    /// Returns the address of a label, if it is bound, for C bodies that jump there by pointer.
    #[must_use]
    pub fn address(&self, label: Label) -> Option<*const u8> {
        self.offset(label).map(|offset| self.block.bytes()[offset..].as_ptr())
    }
}

/// Compiles a program into an arena.
pub(crate) fn compile_in<M: Machine, C: Compiled<M>>(
    arena: &Arena,
    instructions: &[Instruction<M>],
) -> Result<C, Error> {
    let mut labels = Labels::default();
    let layout = Layout::new(C::ENTRY, instructions, &mut labels)?;
    published(arena.pages(), instructions, &layout, &mut labels)
}

/// Compiles a program into memory of its own.
fn compile_alone<M: Machine, C: Compiled<M>>(
    instructions: &[Instruction<M>],
    placement: Placement,
) -> Result<C, Error> {
    let mut labels = Labels::default();
    let layout = Layout::new(C::ENTRY, instructions, &mut labels)?;
    alone(instructions, &layout, &mut labels, placement)
}

/// Compiles a program of this layout into memory of its own.
pub(crate) fn alone<M: Machine, C: Compiled<M>>(
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
    placement: Placement,
) -> Result<C, Error> {
    let size = layout.size(layout.trampolines()).or_else(|_| layout.size(0))?;
    // Exits may need a page beside the program.
    let size = if layout.trampolines() == 0 { size } else { size.next_multiple_of(PAGE) + PAGE };
    let mut mapped = |mapping| {
        let pages = Owner::new(Pages::new(size, mapping, placement)?);
        published(&pages, instructions, layout, labels)
    };
    match mapped(Mapping::Single) {
        Err(refused @ Error::NotExecutable { .. }) => mapped(Mapping::Dual).map_err(|_| refused),
        code => code,
    }
}

/// Compiles a program of this layout into pages, and makes it executable.
pub(crate) fn published<M: Machine, C: Compiled<M>>(
    pages: &Owner,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
) -> Result<C, Error> {
    let mut writer = Writer::new(pages, false);
    let data_start = place::<M, C>(&mut writer, instructions, layout, labels)?;
    let code = C::from_code(Code::new(writer.keep(), layout, data_start, labels.take_exits()));
    writer.publish()?;
    Ok(code)
}

/// Emits a program behind the writer's other blocks, for the writer to [keep](Writer::keep). Returns the offset of its data.
#[inline(always)]
pub(crate) fn place<M: Machine, C: Compiled<M>>(
    writer: &mut Writer<'_>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
) -> Result<usize, Error> {
    match attempt::<M, C>(writer, instructions, layout, labels, 0) {
        Ok(data_start) => Ok(data_start),
        Err(error) => again::<M, C>(writer, instructions, layout, labels, error),
    }
}

#[cold]
#[inline(never)]
fn again<M: Machine, C: Compiled<M>>(
    writer: &mut Writer<'_>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
    error: Error,
) -> Result<usize, Error> {
    match error {
        // A function or a code address is out of reach. Either there was no room for its trampoline, or the trampoline took the space of a
        // later uop's data. Reserve a trampoline for every call.
        Error::OutOfReach { .. } | Error::BufferFull { .. } => {
            attempt::<M, C>(writer, instructions, layout, labels, layout.trampolines())
        }
        error => Err(error),
    }
}

#[inline(always)]
fn attempt<M: Machine, C: Compiled<M>>(
    writer: &mut Writer<'_>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
    trampolines: usize,
) -> Result<usize, Error> {
    let mut slot = writer.slot(layout.size(trampolines)?)?;
    emit(C::ENTRY, instructions, &mut slot, layout, labels, trampolines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CodeAddress, stencil};

    stencil! {
        machine Counter(count: u64) -> u64;
        extern fn increment(count: u64) -> u64 = super::tests::increment;
        extern fn redouble(count: u64) -> u64 = super::tests::redouble;
        uop more() { count = increment(count); }
        uop twice() { count = redouble(count); }
        uop scale(by: f64) { count = (uint64_t)((double)count * by * 0.5); }
        uop jump(target: Label) { JUMP(target); }
        uop go(target: CodeAddress) { JUMP(target); }
        uop go_if(least: u64, target: CodeAddress) { if (count >= least) JUMP(target); }
        uop go_either(least: u64, more: CodeAddress, less: CodeAddress) { if (count >= least) JUMP(more); JUMP(less); }
        uop call(target: CodeAddress) { count = CALL(target) + 1; }
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
            let code: Code<_> = compile_alone(&program, placement).unwrap();
            assert_eq!(run(&code, 5), 1005 * 6 + 1, "{placement:?}");
        }
        let near = Counter::compile(&program).unwrap();
        let start = near.bytes().as_ptr() as usize;
        assert!(start.abs_diff(increment as *const () as usize) < 1 << 31);
    }

    /// Programs that are near the executable, and programs that are not, jump to each other and call each other.
    #[test]
    fn code_addresses_are_reached_from_near_and_from_far() {
        let compile = |program: &[Instruction<Counter>], placement| -> Code<Counter> {
            compile_alone(program, placement).unwrap()
        };
        let places = [Placement::Near, Placement::Hint(0)];
        let add = |n| [vec![Counter::bind(Label(0))], vec![Counter::more(); n], vec![Counter::ret()]].concat();
        for (from, to) in places.into_iter().flat_map(|from| places.map(|to| (from, to))) {
            let [one, two] = [1, 2].map(|n| compile(&add(n), to));
            let [at, other] = [&one, &two].map(|code| CodeAddress::new(code.address(Label(0)).unwrap()));
            let go = compile(&[Counter::go(at)], from);
            let is_far = (go.bytes().as_ptr() as usize).abs_diff(at.as_ptr() as usize) > 1 << 31;
            assert_eq!(is_far, from != to, "{from:?} {to:?}");
            assert_eq!(run(&go, 5), 6);
            let go_if = compile(&[Counter::more(), Counter::go_if(9, at), Counter::scale(6.0), Counter::ret()], from);
            assert_eq!([run(&go_if, 7), run(&go_if, 8)], [24, 10]);
            let go_either = compile(&[Counter::go_either(9, at, other)], from);
            assert_eq!([run(&go_either, 8), run(&go_either, 9)], [10, 10]);
            let mut calls = vec![Counter::call(at), Counter::call(other), Counter::go_if(100, other)];
            calls.extend([Counter::call(at), Counter::more(), Counter::ret()]);
            let calls = compile(&calls, from);
            assert_eq!([run(&calls, 5), run(&calls, 95)], [13, 102]);
            // Two addresses take two trampolines, and a function of the executable none or a third.
            let size = |code: &Code<Counter>| code.size();
            let near = compile(&[Counter::go_either(9, at, at)], from);
            assert!(size(&near) <= size(&go_either));
        }
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
