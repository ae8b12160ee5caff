//! Who owns pages: an arena, and each block in them. The last one returns them to the system.

use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::{LINE, Pages};

/// The share of an [`Owner`]: more than those of all blocks.
const OWNER: u64 = 1 << 62;
/// The share of a block is this and its size in bytes. All sizes together are less, since [`MOST`](super::MOST) is.
const BLOCK: u64 = 1 << 33;

/// The shares that there are, as one number: so that a block goes, and is counted, by one atomic operation, and those of a
/// batch come by one.
#[derive(Debug)]
pub(super) struct Shares(AtomicU64);

impl Default for Shares {
    /// That of one owner.
    fn default() -> Self {
        Self(AtomicU64::new(OWNER))
    }
}

impl Shares {
    /// The number of blocks, and bytes that they use.
    pub(super) fn blocks(&self) -> (usize, usize) {
        let blocks = self.0.load(Ordering::Relaxed) % OWNER;
        ((blocks / BLOCK) as usize, (blocks % BLOCK) as usize)
    }

    /// Adds those of new blocks. Their writer borrows an owner, so that there are shares until then.
    pub(super) fn add(&self, blocks: usize, bytes: usize) {
        self.0.fetch_add(blocks as u64 * BLOCK + bytes as u64, Ordering::Relaxed);
    }
}

/// Gives up a share.
///
/// # Safety
/// The caller has that share and uses the pages no more.
#[inline]
unsafe fn give_up(pages: NonNull<Pages>, share: u64) {
    // SAFETY: they live as long as there is a share.
    if unsafe { pages.as_ref() }.shares.0.fetch_sub(share, Ordering::Release) == share {
        // What others did with them was before they gave up theirs.
        fence(Ordering::Acquire);
        // SAFETY: that was the last share, and `Owner::new` made them by `Box::into_raw`.
        drop(unsafe { Box::from_raw(pages.as_ptr()) });
    }
}

/// Owns pages together with the blocks in them, which can outlive it.
#[derive(Debug)]
pub(crate) struct Owner(NonNull<Pages>);

// SAFETY: pages can be used and dropped by any thread: they are `Send` and `Sync`.
unsafe impl Send for Owner where Pages: Send + Sync {}
// SAFETY: as above.
unsafe impl Sync for Owner where Pages: Send + Sync {}

impl Owner {
    pub(crate) fn new(pages: Pages) -> Self {
        Self(NonNull::from(Box::leak(Box::new(pages))))
    }

    /// Lines that were written, and are counted later, become a block.
    #[inline]
    pub(super) fn block(&self, line: usize, size: usize) -> Block {
        // Pages are small enough for both.
        Block { pages: self.0, line: line as u32, size: size as u32 }
    }
}

impl Deref for Owner {
    type Target = Pages;

    #[inline]
    fn deref(&self) -> &Pages {
        // SAFETY: they live as long as there is a share, and are never borrowed mutably.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // SAFETY: `Pages` began with the share of this owner, the only one.
        unsafe { give_up(self.0, OWNER) }
    }
}

/// Memory of one program, in lines of its own, which are free when it is dropped.
#[derive(Debug)]
pub(crate) struct Block {
    pages: NonNull<Pages>,
    /// The first line, and bytes in use.
    line: u32,
    size: u32,
}

// SAFETY: as for `Owner`.
unsafe impl Send for Block where Pages: Send + Sync {}
// SAFETY: as for `Owner`.
unsafe impl Sync for Block where Pages: Send + Sync {}

impl Block {
    /// The bytes, where they are executable when they have been published.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let start = self.line as usize * LINE;
        // SAFETY: the pages live as long as there is a share. The lines are this block's, a slot was written there before, and
        // nothing writes there until it is dropped.
        unsafe { self.pages.as_ref().runs().bytes(start..start + self.size as usize) }
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        let (line, size) = (self.line as usize, self.size as usize);
        // SAFETY: the pages live as long as there is a share.
        unsafe { self.pages.as_ref() }.space.free(line, size.div_ceil(LINE));
        // SAFETY: this is the share that the writer has counted, or will count while an owner lives.
        unsafe { give_up(self.pages, BLOCK + u64::from(self.size)) }
    }
}
