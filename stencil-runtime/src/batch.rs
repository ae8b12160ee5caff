//! Batches: programs that are written, and then made executable together.

use std::iter;

use crate::code::{Code, place};
use crate::error::Error;
use crate::memory::{Owner, Writer};
use crate::program::{Instruction, Labels, Layout, Machine};

/// Programs of machine `M` in an [`Arena`](crate::Arena), written and not yet executable. [`publish`](Self::publish) makes
/// code of them.
///
/// A batch takes memory from the arena some pages at a time, so that threads with a batch each seldom wait for one
/// another. What it does not need, and all of it if it is dropped, it gives back.
#[derive(Debug)]
pub struct Batch<'a, M> {
    // Dropped before what it wrote.
    writer: Writer<'a>,
    codes: Vec<Code<M>>,
    /// Of the program that is being compiled.
    labels: Labels,
}

impl<'a, M> Batch<'a, M> {
    pub(crate) fn new(pages: &'a Owner) -> Self {
        Self { writer: Writer::new(pages, true), codes: Vec::new(), labels: Labels::default() }
    }

    /// The number of programs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are no programs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

impl<M: Machine> Batch<'_, M> {
    /// Compiles a program. If that fails, the batch is as it was.
    ///
    /// # Errors
    /// As [`Code::compile_in`].
    pub fn compile(&mut self, instructions: &[Instruction<M>]) -> Result<(), Error> {
        let Self { writer, codes, labels } = self;
        let layout = Layout::new(instructions, labels)?;
        place(writer, instructions, &layout, labels)?;
        let labels = labels.bound();
        // Made where it stays. One that is made and then pushed is moved by wider loads than the stores before them, which a
        // processor waits for.
        codes.extend(iter::once_with(|| Code::new(writer.keep(), &layout, labels)));
        Ok(())
    }

    /// Makes all programs executable. They come in the order in which they were compiled.
    ///
    /// # Errors
    /// [`Error::NotExecutable`], [`Error::OutOfMemory`], [`Error::Forked`]: all programs are dropped then.
    pub fn publish(self) -> Result<Vec<Code<M>>, Error> {
        self.writer.publish()?;
        Ok(self.codes)
    }
}
