//! Batches: programs that become executable together.

use std::iter;

use crate::code::{Code, place};
use crate::error::Error;
use crate::label::Labels;
use crate::memory::{Owner, Writer};
use crate::program::{Instruction, Layout, Machine};

/// Programs of machine `M` in an [`Arena`](crate::Arena) that are written but not yet executable.
/// [`publish`](Self::publish) makes them executable.
///
/// A batch claims several pages at a time, so that threads with a batch each seldom wait for one another. It returns the
/// pages that it does not need, or all of them if it is dropped.
#[derive(Debug)]
pub struct Batch<'a, M> {
    // Declared first, so that it is dropped before the blocks that it wrote.
    writer: Writer<'a>,
    codes: Vec<Code<M>>,
    /// The labels of the program that is being compiled.
    labels: Labels,
}

impl<'a, M> Batch<'a, M> {
    pub(crate) fn new(pages: &'a Owner) -> Self {
        Self { writer: Writer::new(pages, true), codes: Vec::new(), labels: Labels::default() }
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

impl<M: Machine> Batch<'_, M> {
    /// Compiles a program. If that fails, the batch is unchanged.
    ///
    /// # Errors
    /// As [`Code::compile_in`].
    pub fn compile(&mut self, instructions: &[Instruction<M>]) -> Result<(), Error> {
        let layout = Layout::new(instructions, &mut self.labels)?;
        let Self { writer, codes, labels } = self;
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

    /// Makes all programs executable and returns them in the order of their compilation.
    ///
    /// # Errors
    /// [`Error::NotExecutable`], [`Error::OutOfMemory`], [`Error::TooManyMappings`], [`Error::Forked`]. All programs are
    /// dropped then.
    pub fn publish(self) -> Result<Vec<Code<M>>, Error> {
        self.writer.publish()?;
        Ok(self.codes)
    }
}

#[inline(always)]
fn add<M: Machine>(
    writer: &mut Writer<'_>,
    codes: &mut Vec<Code<M>>,
    instructions: &[Instruction<M>],
    layout: &Layout,
    labels: &mut Labels,
) -> Result<(), Error> {
    let data_start = place(writer, instructions, layout, labels)?;
    // Constructed in place. Pushing a finished value moves it by loads that are wider than the stores before them, which
    // defeats store forwarding.
    codes.extend(iter::once_with(|| Code::new(writer.keep(), layout, data_start)));
    Ok(())
}
