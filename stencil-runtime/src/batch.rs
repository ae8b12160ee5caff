//! Batches: programs that become executable together.

use std::iter;
use std::marker::PhantomData;

use crate::address::CodeAddress;
use crate::code::{Code, Compiled, place};
use crate::error::Error;
use crate::label::{Label, Labels};
use crate::memory::{Owner, Writer};
use crate::program::{Instruction, Layout, Machine};

/// Programs of machine `M` in an [`Arena`](crate::Arena) that are written but not yet executable.
/// [`publish`](Self::publish) makes them executable. `C` is their type: [`Code`] or [`Fragment`](crate::Fragment).
///
/// A batch claims several pages at a time, so that threads with a batch each seldom wait for one another. It returns the
/// pages that it does not need, or all of them if it is dropped.
#[derive(Debug)]
pub struct Batch<'a, M, C = Code<M>> {
    // Declared first, so that it is dropped before the blocks that it wrote.
    writer: Writer<'a>,
    codes: Vec<C>,
    /// The labels of the program that is being compiled.
    labels: Labels,
    machine: PhantomData<fn() -> M>,
}

impl<'a, M, C> Batch<'a, M, C> {
    pub(crate) fn new(pages: &'a Owner) -> Self {
        Self { writer: Writer::new(pages, true), codes: Vec::new(), labels: Labels::default(), machine: PhantomData }
    }

    /// Returns the number of programs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Returns whether there are no programs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

impl<M: Machine, C: Compiled<M>> Batch<'_, M, C> {
    /// Compiles a program. If that fails, the batch is unchanged.
    ///
    /// # Errors
    /// As [`Code::compile_in`].
    pub fn compile(&mut self, instructions: &[Instruction<M>]) -> Result<(), Error> {
        let layout = Layout::new(C::ENTRY, instructions, &mut self.labels)?;
        let Self { writer, codes, labels, .. } = self;
        add(writer, codes, instructions, &layout, labels)
    }

    /// Adds the program of an assembler.
    pub(crate) fn add(
        &mut self,
        instructions: &[Instruction<M>],
        layout: &Layout,
        labels: &mut Labels,
    ) -> Result<(), Error> {
        add(&mut self.writer, &mut self.codes, instructions, layout, labels)
    }

    /// Returns the address of a label in the program that was compiled with this index, counted from 0. Later programs can jump there
    /// or call it.
    #[must_use]
    pub fn address(&self, program: usize, label: Label) -> Option<CodeAddress> {
        self.codes.get(program)?.code().address(label).map(CodeAddress::new)
    }

    /// Makes all programs executable and returns them in the order of their compilation.
    ///
    /// # Errors
    /// [`Error::NotExecutable`], [`Error::OutOfMemory`], [`Error::TooManyMappings`], [`Error::Forked`]. All programs are
    /// dropped then.
    pub fn publish(self) -> Result<Vec<C>, Error> {
        self.writer.publish()?;
        Ok(self.codes)
    }
}

#[inline(always)]
fn add<M: Machine, C: Compiled<M>>(
    writer: &mut Writer<'_>,
    codes: &mut Vec<C>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
) -> Result<(), Error> {
    let data_start = place::<M, C>(writer, instructions, layout, labels)?;
    let exits = labels.take_exits();
    // Constructed in place. Pushing a finished value moves it by loads that are wider than the stores before them, which
    // defeats store forwarding.
    codes.extend(iter::once_with(|| C::from_code(Code::new(writer.keep(), layout, data_start, exits))));
    Ok(())
}
