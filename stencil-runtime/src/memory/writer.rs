//! Writing: lines that have been claimed, those of them that are being written, and publishing.

use std::sync::atomic::{Ordering, compiler_fence};

use super::space::Claim;
use super::system::Access;
use super::{Block, LINE, Owner, PAGE, Views};
use crate::emit::{Address, Emitter, Fresh};
use crate::error::Error;

/// The least and the most that is claimed in advance, in bytes.
const AHEAD: (usize, usize) = (16 << 10, 1 << 20);
/// No more than one byte in so many of the arena is claimed in advance, so that a batch leaves room for others.
const PART: usize = 64;

/// The right to write to lines that nobody else uses.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    pages: &'a Owner,
    /// What is written to now, and the first of its lines that no block has.
    open: Option<Claim>,
    next: usize,
    /// Bytes behind them that were written to the last slot.
    written: usize,
    /// What was claimed before, all for blocks.
    full: Vec<Claim>,
    /// Whether lines are claimed in advance.
    many: bool,
    /// Whether lines were written that may have been executed before.
    reused: bool,
    /// Blocks, and bytes that they use.
    blocks: usize,
    used: usize,
}

impl<'a> Writer<'a> {
    /// A writer of many blocks, which claims lines in advance, or of one.
    pub(crate) fn new(pages: &'a Owner, many: bool) -> Self {
        Self { pages, open: None, next: 0, written: 0, full: Vec::new(), many, reused: false, blocks: 0, used: 0 }
    }

    /// Room for a block of `size` bytes.
    ///
    /// # Errors
    /// [`Error::ArenaFull`], [`Error::OutOfMemory`], [`Error::Forked`].
    #[inline]
    pub(crate) fn slot(&mut self, size: usize) -> Result<Slot<'_, 'a>, Error> {
        let lines = size.div_ceil(LINE);
        let left = self.open.as_ref().map_or(0, |claim| claim.lines.end - self.next);
        if left < lines {
            self.claim(lines, left)?;
        } else {
            self.pages.check_owner()?;
        }
        self.written = 0;
        Ok(Slot { writer: self, size })
    }

    /// What was written to the last slot becomes a block.
    #[inline]
    pub(crate) fn keep(&mut self) -> Block {
        let (line, size) = (self.next, std::mem::take(&mut self.written));
        self.next += size.div_ceil(LINE);
        self.used += size;
        self.blocks += 1;
        self.pages.block(line, size)
    }

    #[cold]
    fn claim(&mut self, needed: usize, left: usize) -> Result<(), Error> {
        let ahead = self.ahead();
        let more = needed - left;
        if let Some(claim) = &mut self.open
            && self.pages.extend(claim, more, more.max(ahead))?
        {
            return Ok(());
        }
        self.give_back();
        let claim = self.pages.claim(needed, needed.max(ahead))?;
        self.next = claim.lines.start;
        self.open = Some(claim);
        Ok(())
    }

    /// Lines to claim if there are as many, whatever is needed: as much as this writer has used, so that there are few claims.
    fn ahead(&self) -> usize {
        let most = self.pages.runs().size() / PART;
        if self.many { self.used.clamp(AHEAD.0, AHEAD.1).min(most) / LINE } else { 0 }
    }

    /// Gives back what is left of the open claim.
    fn give_back(&mut self) {
        let Some(mut claim) = self.open.take() else { return };
        if self.next < claim.lines.end {
            self.pages.space.give_back(self.next..claim.lines.end, claim.fresh);
            claim.lines.end = self.next;
        }
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
        self.pages.shares.add(self.blocks, self.used);
    }
}

/// Lines to be written. The writer [keeps](Writer::keep) them then, or lends them again.
#[derive(Debug)]
pub(crate) struct Slot<'w, 'a> {
    writer: &'w mut Writer<'a>,
    size: usize,
}

impl Slot<'_, '_> {
    /// Where the first byte will be executed.
    #[inline]
    pub(crate) fn address(&self) -> Address {
        Address((self.writer.pages.runs().address() + self.writer.next * LINE) as u64)
    }

    /// An emitter for code at the start and for data from `data_start` on, and the bytes between. All are zero: this is
    /// the only place where zeros are written, to lines that held something before.
    #[inline]
    pub(crate) fn emitter(&mut self, code: usize, data_start: usize) -> (Emitter<'_, Fresh>, &mut [u8]) {
        let address = self.address().0;
        let Writer { pages, open, next, written, reused, .. } = &mut *self.writer;
        *written = self.size;
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
}
