//! Batches: programs that are written, and then made executable together.

use std::sync::Arc;

use crate::code::{Code, place};
use crate::error::Error;
use crate::memory::{Pages, Writer};
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
}

impl<'a, M> Batch<'a, M> {
    pub(crate) fn new(pages: &'a Arc<Pages>) -> Self {
        Self { writer: Writer::new(pages, true), codes: Vec::new() }
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
        let mut labels = Labels::default();
        let layout = Layout::new(instructions, &mut labels)?;
        let block = place(&mut self.writer, instructions, &layout, &mut labels)?;
        self.codes.push(Code::new(block, &layout, labels));
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
