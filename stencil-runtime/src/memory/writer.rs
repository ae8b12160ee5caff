//! Writing: lines that have been claimed, those of them that are being written, and publishing.

use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};

use super::space::Claim;
use super::system::Access;
use super::{Block, LINE, PAGE, Pages, Views};
use crate::emit::{Address, Emitter, Fresh};
use crate::error::Error;

/// The least and the most that is claimed in advance, in lines: 16 KiB and 1 MiB.
const AHEAD: (usize, usize) = ((16 << 10) / LINE, (1 << 20) / LINE);

/// The right to write to lines that nobody else uses.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    pages: &'a Arc<Pages>,
    /// What is written to now, after `next` lines that blocks have, and what is full.
    open: Option<Claim>,
    next: usize,
    full: Vec<Claim>,
    /// Lines to claim besides those that are needed.
    ahead: usize,
    /// Whether lines were written that may have been executed before.
    reused: bool,
    /// Bytes that blocks use.
    used: usize,
}

impl<'a> Writer<'a> {
    /// A writer of many blocks, which claims lines in advance, or of one.
    pub(crate) fn new(pages: &'a Arc<Pages>, many: bool) -> Self {
        let ahead = if many { AHEAD.0 } else { 0 };
        Self { pages, open: None, next: 0, full: Vec::new(), ahead, reused: false, used: 0 }
    }

    /// Room for a block of `size` bytes.
    ///
    /// # Errors
    /// [`Error::ArenaFull`], [`Error::OutOfMemory`], [`Error::Forked`].
    pub(crate) fn slot(&mut self, size: usize) -> Result<Slot<'_, 'a>, Error> {
        let lines = size.div_ceil(LINE);
        let left = self.open.as_ref().map_or(0, |claim| claim.lines.end - self.next);
        if left < lines {
            self.claim(lines, left)?;
        } else {
            self.pages.check_owner()?;
        }
        Ok(Slot { writer: self, size })
    }

    #[cold]
    fn claim(&mut self, needed: usize, left: usize) -> Result<(), Error> {
        let wanted = needed.max(self.ahead);
        if let Some(claim) = &mut self.open
            && self.pages.extend(claim, needed - left, wanted)?
        {
            return Ok(());
        }
        self.give_back();
        let claim = self.pages.claim(needed, wanted)?;
        self.next = claim.lines.start;
        self.open = Some(claim);
        self.ahead = (self.ahead * 2).min(AHEAD.1);
        Ok(())
    }

    /// Gives back what is left of the open claim.
    fn give_back(&mut self) {
        let Some(mut claim) = self.open.take() else { return };
        self.pages.space.give_back(self.next..claim.lines.end, claim.fresh);
        claim.lines.end = self.next;
        self.full.push(claim);
    }

    /// Makes all blocks executable and takes the right to write.
    ///
    /// # Errors
    /// [`Error::NotExecutable`], if a security policy refuses; [`Error::OutOfMemory`], [`Error::Forked`]. Blocks must
    /// not be run then.
    pub(crate) fn publish(mut self) -> Result<(), Error> {
        self.pages.check_owner()?;
        self.give_back();
        match &self.pages.views {
            Views::Single(view) => {
                for claim in &self.full {
                    let bytes = claim.bytes();
                    view.protect(bytes.start..bytes.end.next_multiple_of(PAGE), Access::Execute)?;
                }
            }
            Views::Dual(dual) => {
                // What was written has other addresses than what is read and run from here on, so that the Rust compiler
                // has to be told that they belong together.
                compiler_fence(Ordering::SeqCst);
                if self.reused {
                    dual.serialize()?;
                }
            }
        }
        Ok(())
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.give_back();
        self.pages.used.fetch_add(self.used, Ordering::Relaxed);
    }
}

/// Lines to be written. On drop they are the writer's again, unless they were [kept](Self::keep).
#[derive(Debug)]
pub(crate) struct Slot<'w, 'a> {
    writer: &'w mut Writer<'a>,
    size: usize,
}

impl Slot<'_, '_> {
    /// Where the first byte will be executed.
    pub(crate) fn address(&self) -> Address {
        Address((self.writer.pages.runs().address() + self.writer.next * LINE) as u64)
    }

    /// Bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// An emitter for code at the start and for data from `data_start` on, and the bytes between. All are zero: this is
    /// the only place where zeros are written, to lines that held something before.
    pub(crate) fn emitter(&mut self, code: usize, data_start: usize) -> (Emitter<'_, Fresh>, &mut [u8]) {
        let address = self.address().0;
        let Writer { pages, open, next, reused, .. } = &mut *self.writer;
        let start = *next * LINE;
        // SAFETY: these lines are claimed and no block has them, so that nobody else has a reference to them; and a claim is
        // writable until it is published, which takes the writer.
        let bytes = unsafe { pages.writable().bytes_mut(start..start + self.size) };
        if let Some(claim) = open {
            let used = (claim.fresh * LINE).saturating_sub(start).min(bytes.len());
            bytes[..used].fill(0);
            *reused |= used != 0;
            // Until the next line after these, nothing is fresh any more, whatever comes of them.
            claim.fresh = claim.fresh.max(*next + self.size.div_ceil(LINE));
        }
        let (front, data) = bytes.split_at_mut(data_start);
        let (code, end) = front.split_at_mut(code);
        // SAFETY: fresh lines are as the system handed them out, or as the last owner left them that wrote nothing; all
        // others have just been filled with zeros.
        let emitter = unsafe {
            Emitter::zeroed_unchecked_for(code, data, (Address(address), Address(address + data_start as u64)))
        };
        (emitter, end)
    }

    /// What was written becomes a block.
    pub(crate) fn keep(self) -> Block {
        let Self { writer, size } = self;
        let line = writer.next;
        writer.next += size.div_ceil(LINE);
        writer.used += size;
        Block { pages: Arc::clone(writer.pages), line, size }
    }
}
