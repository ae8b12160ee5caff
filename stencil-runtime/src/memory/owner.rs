//! Ownership of pages: the arena and each block in them hold shares. The last one returns the pages to the system.

use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::{LINE, Pages, Views};

/// The share of an [`Owner`]: more than those of all blocks.
const OWNER: u64 = 1 << 62;
/// The share of a block is this plus its size in bytes. The sum of all sizes is smaller, since [`MOST`](super::MOST) is.
const BLOCK: u64 = 1 << 33;

/// `int3`, which raises `SIGTRAP`.
const BREAKPOINT: u8 = 0xcc;

/// All shares as one number, which also counts the blocks and their bytes. One atomic operation removes a block, and one adds
/// all blocks of a batch.
#[derive(Debug)]
pub(super) struct Shares(AtomicU64);

impl Default for Shares {
    /// Returns the share of one owner.
    fn default() -> Self {
        Self(AtomicU64::new(OWNER))
    }
}

impl Shares {
    /// Returns the number of blocks and the bytes that they use.
    pub(super) fn blocks(&self) -> (usize, usize) {
        let blocks = self.0.load(Ordering::Relaxed) % OWNER;
        ((blocks / BLOCK) as usize, (blocks % BLOCK) as usize)
    }

    /// Adds the shares of new blocks. Their writer borrows an owner, whose share keeps the pages until then.
    pub(super) fn add(&self, blocks: usize, bytes: usize) {
        self.0.fetch_add(blocks as u64 * BLOCK + bytes as u64, Ordering::Relaxed);
    }
}

/// Gives up a share.
///
/// # Safety
/// The caller holds that share and does not use the pages any more.
#[inline]
unsafe fn give_up(pages: NonNull<Pages>, share: u64) {
    // SAFETY: pages live as long as there is a share.
    if unsafe { pages.as_ref() }.shares.0.fetch_sub(share, Ordering::Release) == share {
        // Everything that others did with the pages happens before this.
        fence(Ordering::Acquire);
        // SAFETY: that was the last share, and `Owner::new` made the pages by leaking a box.
        drop(unsafe { Box::from_raw(pages.as_ptr()) });
    }
}

/// A share of pages that an arena holds. Blocks can outlive it.
#[derive(Debug)]
pub(crate) struct Owner(NonNull<Pages>);

// SAFETY: any thread can use and drop pages, which are `Send` and `Sync`.
unsafe impl Send for Owner where Pages: Send + Sync {}
// SAFETY: as above.
unsafe impl Sync for Owner where Pages: Send + Sync {}

impl Owner {
    pub(crate) fn new(pages: Pages) -> Self {
        Self(NonNull::from(Box::leak(Box::new(pages))))
    }

    /// Returns the owner of a block's pages without a share of its own: not to be dropped, nor used after the block.
    pub(super) fn of(block: &Block) -> Self {
        Self(block.pages)
    }

    /// Makes a block of written lines. The writer adds its share later.
    #[inline]
    pub(super) fn block(&self, line: usize, size: usize) -> Block {
        // Neither truncates: pages are at most `MOST` bytes.
        Block { pages: self.0, line: line as u32, size: size as u32 }
    }
}

impl Deref for Owner {
    type Target = Pages;

    #[inline]
    fn deref(&self) -> &Pages {
        // SAFETY: pages live as long as there is a share, and nothing borrows them mutably.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: `Pages` began with the share of this owner, the only one.
        unsafe { give_up(self.0, OWNER) }
    }
}

/// The memory of one program, in cache lines of its own. Dropping it frees them.
#[derive(Debug)]
pub(crate) struct Block {
    pages: NonNull<Pages>,
    /// The number of the first line, and the size in bytes.
    line: u32,
    size: u32,
}

// SAFETY: as for `Owner`.
unsafe impl Send for Block where Pages: Send + Sync {}
// SAFETY: as for `Owner`.
unsafe impl Sync for Block where Pages: Send + Sync {}

impl Block {
    /// Returns its size in bytes.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size as usize
    }

    pub(crate) fn pages(&self) -> &Pages {
        // SAFETY: the pages live as long as there is a share.
        unsafe { self.pages.as_ref() }
    }

    pub(super) fn first_line(&self) -> usize {
        self.line as usize
    }

    /// Returns the bytes at the addresses at which they run once they are published.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let start = self.line as usize * LINE;
        // SAFETY: the pages live as long as there is a share. The lines are this block's, a slot was written there before, and
        // nothing writes there until it is dropped, except that `links` changes aligned fields through the other view, atomically.
        unsafe { self.pages.as_ref().runs().bytes(start..start + self.size as usize) }
    }
}

impl Block {
    /// Overwrites the code with breakpoint instructions, if it is mapped twice, so that a thread that is still inside stops.
    fn poison(&self) {
        if let (Views::Dual(dual), Ok(())) = (&self.pages().views, self.pages().check_owner()) {
            let start = self.line as usize * LINE;
            // SAFETY: the lines are this block's, and it is being dropped. The caller promised that no thread runs it.
            unsafe { dual.write.bytes_mut(start..start + self.size as usize) }.fill(BREAKPOINT);
        }
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        let (line, size) = (self.line as usize, self.size as usize);
        if cfg!(debug_assertions) {
            self.poison();
        }
        // SAFETY: the pages live as long as there is a share.
        unsafe { self.pages.as_ref() }.space.free(line, size.div_ceil(LINE));
        // SAFETY: this is the block's share, which the writer has added or will add while an owner lives.
        unsafe { give_up(self.pages, BLOCK + u64::from(self.size)) }
    }
}
