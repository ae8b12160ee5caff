//! Writing and publishing: claimed lines, and the slot that is being written.

use std::sync::atomic::{Ordering, compiler_fence};

use super::space::Claim;
use super::system::Access;
use super::{Block, LINE, Owner, PAGE, Pages, Views};
use crate::emit::{Address, Emitter, Fresh};
use crate::error::Error;

/// The least and the most bytes that a batch claims in advance.
const AHEAD: (usize, usize) = (16 << 10, 1 << 20);
/// The bytes that a writer of one block claims if claiming takes a system call. What it gives back stays writable for the next
/// writers.
const SHARED: usize = 256 << 10;
/// A writer claims at most this fraction of the arena in advance (1/64), so that it leaves room for others. No more memory is
/// provided in advance, either.
pub(super) const PART: usize = 64;
/// The most lines that a batch leaves free at the start of its pages: a quarter of a page.
const BATCH_OFFSET: usize = PAGE / LINE / 4;

/// The right to write to lines that nobody else uses.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    pages: &'a Owner,
    /// The claim that is being written to, the number of lines left free at its start, and its first line behind all blocks.
    open: Option<Claim>,
    offset: usize,
    next: usize,
    /// The size of the last slot in bytes, if it was written.
    written: usize,
    /// Earlier claims. Blocks own all their lines.
    full: Vec<Claim>,
    /// Whether to claim lines in advance.
    many: bool,
    /// Whether lines were written that may have held code before.
    reused: bool,
    /// The number of blocks and the bytes that they use.
    blocks: usize,
    used: usize,
}

impl<'a> Writer<'a> {
    /// Makes a writer of one block, or of many, for which it claims lines in advance.
    pub(crate) fn new(pages: &'a Owner, many: bool) -> Self {
        Self {
            pages,
            open: None,
            offset: 0,
            next: 0,
            written: 0,
            full: Vec::new(),
            many,
            reused: false,
            blocks: 0,
            used: 0,
        }
    }

    /// Lends room for a block of `size` bytes.
    ///
    /// # Errors
    /// [`Error::ArenaFull`], [`Error::OutOfMemory`], [`Error::TooManyMappings`], [`Error::Forked`].
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

    /// Makes a block of the last slot.
    #[inline]
    pub(crate) fn keep(&mut self) -> Block {
        let (line, size) = (self.next, std::mem::take(&mut self.written));
        self.next += size.div_ceil(LINE);
        self.used += size;
        self.blocks += 1;
        self.pages.block(line, size)
    }

    #[cold]
    fn claim(&mut self, needed: usize, mut left: usize) -> Result<(), Error> {
        let ahead = self.ahead();
        if let Some(claim) = &self.open
            && self.next == claim.lines.start + self.offset
        {
            // There is no block yet, so the lines at the start can be used as well.
            left = claim.lines.len();
            self.offset = if left < needed { 0 } else { self.offset(claim, needed) };
            self.next = claim.lines.start + self.offset;
            if left >= needed {
                return Ok(());
            }
        }
        let more = needed - left;
        if let Some(claim) = &mut self.open
            && self.pages.extend(claim, more, more.max(ahead))?
        {
            return Ok(());
        }
        if self.open.as_ref().is_some_and(|claim| self.next == claim.lines.start) {
            // These lines may be part of a longer run.
            self.close();
        }
        // If there is no room, the open claim stays, for smaller blocks.
        let claim = self.pages.claim(needed, needed.max(ahead))?;
        let closed = self.close();
        self.full.extend(closed);
        self.offset = self.offset(&claim, needed);
        self.next = claim.lines.start + self.offset;
        self.open = Some(claim);
        Ok(())
    }

    /// Returns the number of lines to leave free at the start of a claim of whole pages.
    ///
    /// The low bits of an address select the set of the instruction cache, which has few lines per set (eight on Zen 4). If every program
    /// began with its page, programs that are published one by one would displace each other there: a loop over ten of them
    /// took up to four times as long. So they begin at different offsets. This takes only lines that are left over in the program's last
    /// page, and in a batch, which may need those, only if it has claimed more pages.
    fn offset(&self, claim: &Claim, needed: usize) -> usize {
        let whole = self.pages.space.round(needed);
        let room = match self.many {
            false => whole - needed,
            true if claim.lines.len() > whole => (whole - needed).min(BATCH_OFFSET),
            true => 0,
        };
        // Multiplication by 2^32 divided by the golden ratio: pages that are near each other get offsets that are not.
        let page = (self.pages.runs().address() + claim.bytes().start) / PAGE;
        let fraction = (page as u32).wrapping_mul(0x9e37_79b9);
        ((u64::from(fraction) * (room as u64 + 1)) >> u32::BITS) as usize
    }

    /// Returns the lines to claim in advance. A batch claims as many as it has used, so that the number of claims stays small.
    fn ahead(&self) -> usize {
        let wanted = match self.pages.views {
            _ if self.many => self.used.clamp(AHEAD.0, AHEAD.1),
            Views::Single(_) => SHARED,
            Views::Dual(_) => 0,
        };
        wanted.min(self.pages.runs().size() / PART) / LINE
    }

    /// Ends the open claim: frees its unused lines, and returns it without those at its end.
    fn close(&mut self) -> Option<Claim> {
        let mut claim = self.open.take()?;
        match std::mem::take(&mut self.offset) {
            0 => {}
            // Without a block, these lines are among those at the end.
            offset if self.next == claim.lines.start + offset => self.next = claim.lines.start,
            offset => self.pages.space.free(claim.lines.start, offset),
        }
        if self.next < claim.lines.end {
            self.pages.space.give_back(self.next..claim.lines.end, claim.fresh);
            claim.lines.end = self.next;
        }
        Some(claim)
    }

    /// Makes all blocks executable and no longer writable.
    ///
    /// # Errors
    /// [`Error::NotExecutable`], if a security policy refuses; [`Error::OutOfMemory`], [`Error::TooManyMappings`],
    /// [`Error::Forked`]. The blocks must not be run then.
    pub(crate) fn publish(mut self) -> Result<(), Error> {
        self.pages.check_owner()?;
        // Most writers have one claim, which is not moved to the vector, so that they do not allocate.
        let last = self.close();
        match &self.pages.views {
            Views::Single(view) => {
                for claim in self.full.iter().chain(&last) {
                    let bytes = claim.bytes();
                    view.protect(bytes.start..bytes.end.next_multiple_of(PAGE), Access::Execute)?;
                }
            }
            Views::Dual(dual) => {
                // From here on the bytes are read and run at other addresses, which the Rust compiler does not know to be
                // the same memory.
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
        self.close();
        self.pages.shares.add(self.blocks, self.used);
    }
}

/// Lines to be written. Afterwards the writer [keeps](Writer::keep) them or lends them again.
#[derive(Debug)]
pub(crate) struct Slot<'w, 'a> {
    writer: &'w mut Writer<'a>,
    size: usize,
}

impl Slot<'_, '_> {
    pub(crate) fn pages(&self) -> &Pages {
        self.writer.pages
    }

    pub(crate) fn first_line(&self) -> usize {
        self.writer.next
    }

    /// Gives back the lines that the writer has claimed in advance.
    pub(crate) fn give_back_rest(&mut self) {
        let Writer { pages, open, next, .. } = &mut *self.writer;
        let end = *next + self.size.div_ceil(LINE);
        if let Some(claim) = open
            && end < claim.lines.end
        {
            pages.space.give_back(end..claim.lines.end, claim.fresh);
            claim.lines.end = end;
        }
    }

    /// Returns the bytes that were written.
    pub(crate) fn written(&mut self) -> &mut [u8] {
        let Writer { pages, next, written, .. } = &mut *self.writer;
        let start = *next * LINE;
        // SAFETY: as in `emitter`, whose borrow has ended.
        unsafe { pages.writable().bytes_mut(start..start + *written) }
    }

    /// Returns the address at which the first byte will run.
    #[inline]
    pub(crate) fn address(&self) -> Address {
        Address((self.writer.pages.runs().address() + self.writer.next * LINE) as u64)
    }

    /// Returns an emitter, with code at the start and data from `data_start` on, the bytes between, and the last `table` bytes.
    /// All are zero: this function clears lines that were used before.
    #[inline(always)]
    pub(crate) fn emitter(
        &mut self,
        code: usize,
        data_start: usize,
        table: usize,
    ) -> (Emitter<'_, Fresh>, &mut [u8], &mut [u8]) {
        let address = self.address().0;
        let Writer { pages, open, next, written, reused, .. } = &mut *self.writer;
        *written = self.size;
        let start = *next * LINE;
        // SAFETY: these lines are claimed and no block owns them, so there is no other reference to them. A claim stays
        // writable until it is published, which consumes the writer.
        let bytes = unsafe { pages.writable().bytes_mut(start..start + self.size) };
        if let Some(claim) = open {
            let used = (claim.fresh * LINE).saturating_sub(start).min(bytes.len());
            bytes[..used].fill(0);
            *reused |= used != 0;
            // These lines are not fresh any more, even if nothing comes of the slot.
            claim.fresh = claim.fresh.max(*next + self.size.div_ceil(LINE));
        }
        let (rest, table) = bytes.split_at_mut(bytes.len() - table);
        let (front, data) = rest.split_at_mut(data_start);
        let (code, end) = front.split_at_mut(code);
        // SAFETY: nothing has written to fresh lines since the system provided them as zeros, and all other lines have just
        // been cleared.
        let emitter = unsafe {
            Emitter::zeroed_unchecked_for(code, data, (Address(address), Address(address + data_start as u64)))
        };
        (emitter, end, table)
    }
}
