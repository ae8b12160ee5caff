//! Assemblers: programs that are built step by step, in memory that is used again for the next one.

use std::fmt;
use std::marker::PhantomData;

use crate::arena::Arena;
use crate::batch::Batch;
use crate::code::{Code, Compiled, alone, published};
use crate::error::Error;
use crate::fragment::Fragment;
use crate::label::{Label, LabelAllocator, Labels};
use crate::memory::Placement;
use crate::program::{Instruction, Layout, Machine, check};

/// A program under construction. Compiling it leaves it as it is; [`clear`](Self::clear) begins the next one in the same
/// memory. So an assembler allocates no more once it has held the largest program, and neither does compiling into an
/// [`Arena`] or freeing what was compiled. `C` is the type of compiled programs: [`Code`] or [`Fragment`].
///
/// Compared with a slice of instructions, an assembler saves the first pass over the program, since it adds up sizes as
/// instructions arrive. It hands out labels and [binds](Self::bind) them without an instruction.
///
/// ```
/// use stencil_runtime::{Arena, Assembler, Label, stencil};
///
/// stencil! {
///     machine Loop(n: u64, product: u64) -> u64;
///     uop multiply() { product *= n; }
///     uop down(again: Label) { if (--n) JUMP(again); }
///     uop ret() { RETURN(product); }
/// }
///
/// let arena = Arena::new()?;
/// let mut assembler = Assembler::new();
/// for times in 1..4 {
///     assembler.clear();
///     let again = assembler.label();
///     assembler.bind(again);
///     for _ in 0..times {
///         assembler.push(Loop::multiply());
///     }
///     assembler.push(Loop::down(again));
///     assembler.push(Loop::ret());
///     let power_of_factorial = assembler.compile_in(&arena)?;
///     // SAFETY: the bodies touch no memory.
///     assert_eq!(unsafe { power_of_factorial.entry()(4, 1) }, 24_u64.pow(times));
/// }
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
///
/// # Errors
///
/// Mistakes in a program, such as a label that is bound twice, are reported by the functions that compile it.
pub struct Assembler<M: Machine, C = Code<M>> {
    instructions: Vec<Instruction<M>>,
    allocator: LabelAllocator,
    labels: Labels,
    layout: Layout,
    /// The first mistake in the program.
    mistake: Option<Error>,
    compiled: PhantomData<fn() -> C>,
}

impl<M: Machine> Assembler<M> {
    /// Makes an assembler of an empty program.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compiles the program into memory of its own.
    ///
    /// # Errors
    /// As [`Code::compile`], and [`Error::ForeignLabel`].
    pub fn compile(&mut self) -> Result<Code<M>, Error> {
        self.finish()?;
        alone(&self.instructions, &self.layout, &mut self.labels, Placement::Near)
    }
}

impl<M: Machine> Assembler<M, Fragment<M>> {
    /// Makes an assembler of an empty fragment.
    #[must_use]
    pub fn of_fragments() -> Self {
        Self::default()
    }
}

impl<M: Machine, C: Compiled<M>> Assembler<M, C> {
    /// Removes all instructions and labels. The next label is number 0 again.
    pub fn clear(&mut self) {
        self.instructions.clear();
        self.allocator.reset();
        self.labels.clear();
        self.layout = Layout::empty(C::ENTRY);
        self.mistake = None;
    }

    /// Hands out an unused label.
    #[inline]
    pub fn label(&mut self) -> Label {
        self.allocator.label()
    }

    /// Hands out this many unused labels with consecutive numbers. In an empty program, these begin with 0.
    #[inline]
    pub fn labels(&mut self, count: u32) -> impl ExactSizeIterator<Item = Label> + use<M, C> {
        self.allocator.labels(count)
    }

    /// Binds a label to the present end of the program. It must be one that this assembler handed out for this program.
    #[inline]
    pub fn bind(&mut self, label: Label) {
        self.bind_word(label.0.into());
    }

    #[inline]
    fn bind_word(&mut self, word: u64) {
        let labels = self.allocator.count();
        let bound = if word < labels.into() {
            self.labels.bind(self.instructions.len(), word, self.layout.code, usize::MAX)
        } else {
            Err(Error::ForeignLabel { label: Label(word as u32), labels })
        };
        if let Err(error) = bound {
            self.mistake.get_or_insert(error);
        }
    }

    /// Adds an instruction at the end of the program.
    #[inline]
    pub fn push(&mut self, instruction: Instruction<M>) {
        if let Some(label) = instruction.bound_label() {
            return self.bind_word(label);
        }
        self.layout.add(&instruction);
        self.instructions.push(instruction);
    }

    /// Returns the instructions, without those that bind labels: what [`Code::listing`] and
    /// [`Code::address_table`] take for this program.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction<M>] {
        &self.instructions
    }

    /// Compiles the program into an arena.
    ///
    /// # Errors
    /// As [`Code::compile_in`], and [`Error::ForeignLabel`].
    pub fn compile_in(&mut self, arena: &Arena) -> Result<C, Error> {
        self.finish()?;
        published(arena.pages(), &self.instructions, &self.layout, &mut self.labels)
    }

    /// Compiles the program as the next one of a batch. If that fails, the batch is unchanged.
    ///
    /// # Errors
    /// As [`Batch::compile`], and [`Error::ForeignLabel`].
    pub fn compile_into(&mut self, batch: &mut Batch<'_, M, C>) -> Result<(), Error> {
        self.finish()?;
        batch.add(&self.instructions, &self.layout, &mut self.labels)
    }

    /// Completes the layout, or reports the first mistake.
    #[inline]
    fn finish(&mut self) -> Result<(), Error> {
        if let Some(error) = &self.mistake {
            return Err(error.clone());
        }
        check::<M>(self.instructions.len())?;
        self.layout.reserve_table(&self.labels);
        Ok(())
    }
}

impl<M: Machine, C: Compiled<M>> Default for Assembler<M, C> {
    fn default() -> Self {
        Self {
            instructions: Vec::new(),
            allocator: LabelAllocator::new(),
            labels: Labels::default(),
            layout: Layout::empty(C::ENTRY),
            mistake: None,
            compiled: PhantomData,
        }
    }
}

impl<M: Machine, C: Compiled<M>> Extend<Instruction<M>> for Assembler<M, C> {
    fn extend<I: IntoIterator<Item = Instruction<M>>>(&mut self, instructions: I) {
        instructions.into_iter().for_each(|instruction| self.push(instruction));
    }
}

impl<M: Machine, C> fmt::Debug for Assembler<M, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembler").field("instructions", &self.instructions).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, CodeAddress, stencil};

    stencil! {
        machine Stepper(x: u64, f: f64) -> u64;
        uop add(n: u32) { x += n; }
        uop scale(by: f64) { f = f * by + 0.25; x += (uint64_t)f; }
        uop jump(target: Label) { JUMP(target); }
        uop leave(target: Label) { if (x > 100) JUMP(target); }
        uop ret() { RETURN(x); }
    }

    /// The same program as a slice and by an assembler: a loop until `x` exceeds 100.
    fn slice() -> Vec<Instruction<Stepper>> {
        let [again, exit, behind] = [0, 1, 2].map(Label);
        let mut program = vec![Stepper::jump(again), Stepper::add(1000), Stepper::bind(again), Stepper::add(7)];
        program.extend([Stepper::scale(1.5), Stepper::leave(exit), Stepper::jump(again), Stepper::bind(exit)]);
        program.extend([Stepper::ret(), Stepper::bind(behind)]);
        program
    }

    fn assembled(assembler: &mut Assembler<Stepper>) -> [Label; 3] {
        let labels = [(); 3].map(|()| assembler.label());
        let [again, exit, behind] = labels;
        assembler.extend([Stepper::jump(again), Stepper::add(1000)]);
        assembler.bind(again);
        assembler.extend([Stepper::add(7), Stepper::scale(1.5), Stepper::leave(exit), Stepper::jump(again)]);
        // An instruction may bind a label, too.
        assembler.extend([Stepper::bind(exit), Stepper::ret()]);
        assembler.bind(behind);
        labels
    }

    fn run(code: &Code<Stepper>) -> u64 {
        // SAFETY: the bodies above touch no memory.
        unsafe { code.entry()(3, 2.0) }
    }

    #[test]
    fn an_assembler_makes_the_code_of_a_slice() {
        let expected = Stepper::compile(&slice()).unwrap();
        let arena = Arena::new().unwrap();
        let mut assembler = Assembler::new();
        for _ in 0..3 {
            assembler.clear();
            let labels = assembled(&mut assembler);
            assert_eq!(labels, [0, 1, 2].map(Label));
            let mut batch = arena.batch();
            assembler.compile_into(&mut batch).unwrap();
            assembler.compile_into(&mut batch).unwrap();
            let mut codes = batch.publish().unwrap();
            codes.extend([assembler.compile().unwrap(), assembler.compile_in(&arena).unwrap()]);
            for code in codes {
                assert_eq!(code.bytes().len(), expected.bytes().len());
                assert_eq!(code.data().len(), expected.data().len());
                assert_eq!(labels.map(|label| code.offset(label)), labels.map(|label| expected.offset(label)));
                assert_eq!(code.offset(labels[2]), Some(code.bytes().len()));
                assert_eq!((code.offset(Label(3)), code.offset(Label(u32::MAX))), (None, None));
                assert_eq!(run(&code), run(&expected));
            }
        }
    }

    #[test]
    fn code_and_data_are_one_slice() {
        let mut assembler = Assembler::new();
        for with_data in [false, true] {
            assembler.clear();
            if with_data {
                assembler.push(Stepper::scale(0.1));
            }
            assembler.push(Stepper::ret());
            // A table of labels is not part of it.
            for label in assembler.labels(100) {
                assembler.bind(label);
            }
            let code = assembler.compile().unwrap();
            let (memory, bytes, data) = (code.memory(), code.bytes(), code.data());
            assert_eq!(memory.as_ptr(), bytes.as_ptr());
            assert_eq!(memory.as_ptr_range().end, data.as_ptr_range().end);
            assert_eq!(memory[bytes.len()..][..2], [0x0f, 0x0b]);
            assert_eq!(data.is_empty(), !with_data);
            assert_eq!(code.size(), memory.len() + 400);
            if with_data {
                assert_eq!(data.as_ptr() as usize % 64, 0);
            }
        }
    }

    #[test]
    fn mistakes_are_reported_until_the_assembler_is_cleared() {
        let mut assembler = Assembler::<Stepper>::new();
        let arena = Arena::new().unwrap();
        let label = assembler.label();
        type Attempt<'a> = &'a dyn Fn(&mut Assembler<Stepper>);
        let attempts: [(Attempt<'_>, Error); 4] = [
            (&|a| (0..2).for_each(|_| a.bind(label)), Error::DuplicateLabel { label, instruction: 1 }),
            (&|a| a.bind(Label(1)), Error::ForeignLabel { label: Label(1), labels: 1 }),
            (&|a| a.bind(Label(u32::MAX)), Error::ForeignLabel { label: Label(u32::MAX), labels: 1 }),
            (&|a| a.push(Stepper::jump(label)), Error::UnknownLabel { label, instruction: 1 }),
        ];
        for (attempt, error) in attempts {
            assembler.clear();
            assembler.push(Stepper::ret());
            assert_eq!(assembler.label(), label);
            attempt(&mut assembler);
            assert_eq!(assembler.compile().unwrap_err(), error);
            assert_eq!(assembler.compile_in(&arena).unwrap_err(), error);
            assert_eq!(assembler.compile_into(&mut arena.batch()).unwrap_err(), error);
        }
        assembler.clear();
        assembler.push(Stepper::ret());
        assert_eq!(run(&assembler.compile_in(&arena).unwrap()), 3);
    }

    #[test]
    fn an_empty_program_is_an_entry() {
        let mut assembler = Assembler::<Stepper>::new();
        assert_eq!(assembler.compile().unwrap().memory()[..], Stepper::compile(&[]).unwrap().memory()[..]);
    }

    #[test]
    fn an_assembler_makes_fragments() {
        let arena = Arena::new().unwrap();
        let enter = crate::FragmentEntry::<Stepper>::new_in(&arena).unwrap();
        let mut assembler = Assembler::of_fragments();
        let mut fragments = Vec::new();
        for n in 0..3 {
            assembler.clear();
            let middle = assembler.label();
            assembler.push(Stepper::add(1000));
            assembler.bind(middle);
            assembler.extend([Stepper::add(n), Stepper::scale(2.0), Stepper::ret()]);
            let mut batch = arena.fragments();
            assembler.compile_into(&mut batch).unwrap();
            fragments.extend(batch.publish().unwrap());
            fragments.push(assembler.compile_in(&arena).unwrap());
            for fragment in fragments.iter().rev().take(2) {
                let at = fragment.address(middle).unwrap();
                // SAFETY: the bodies touch no memory, and the fragments exist.
                let results = [fragment.start(), at].map(|address| unsafe { enter.function()(address, 5, 1.0) });
                assert_eq!(results, [1007 + u64::from(n), 7 + u64::from(n)]);
                let table = fragment.address_table(assembler.instructions(), |index, _| Some(index)).unwrap();
                let found = |address: CodeAddress| table.find(Address::from(address.as_ptr())).copied();
                assert_eq!((found(fragment.start()), found(at)), (Some(0), Some(1)));
                let listing = fragment.listing(assembler.instructions());
                let names: Vec<_> = listing.uops().map(|uop| uop.stencil.name()).collect();
                assert_eq!(names, ["add", "add", "scale", "ret"]);
                assert_eq!(listing.find(Address::from(at.as_ptr())).unwrap().address.0, at.as_ptr() as u64);
                assert!(!fragment.data().is_empty());
            }
        }
    }

    /// No table grows with the number of labels that are handed out but not bound.
    #[test]
    fn labels_do_not_wrap() {
        let mut assembler = Assembler::<Stepper>::new();
        assert_eq!(assembler.labels(u32::MAX).len(), u32::MAX as usize);
        assert_eq!(assembler.label(), Label(u32::MAX));
        assert_eq!(assembler.labels(5).len(), 0);
        let label = assembler.label();
        assembler.bind(label);
        let error = Error::ForeignLabel { label: Label(u32::MAX), labels: u32::MAX };
        assert_eq!(assembler.compile().unwrap_err(), error);
    }
}
