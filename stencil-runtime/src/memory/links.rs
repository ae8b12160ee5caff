//! Changing the target of a jump while threads run it.
//!
//! # Two mappings
//!
//! The jump is changed in place, by one store of its displacement. The displacement is 4-aligned, so the store is atomic and lies within 8 aligned
//! bytes. What this relies on:
//!
//! * *AMD* documents the case as asynchronous cross-modifying code (AMD64 Architecture Programmer's Manual, volume 2, section 7.6.1): a processor
//!   that executes an instruction while one store within an aligned quadword changes it executes the old or the new instruction and need not serialize. It
//!   observes changes of code in program order, so a changed jump may lead to code that was written before it. OpenJDK relies on the
//!   same section for the entry barriers of compiled methods (its pull requests 14543 and 19990).
//! * *Intel* documents no such case. Its manual (Software Developer's Manual, volume 3A, "Handling Self- and Cross-Modifying Code": section 8.1.3 in
//!   revision 032, renumbered since) asks that each processor execute a serializing instruction before it executes modified code. An erratum of
//!   older processors (Core 2, AH33) warns of unexpected results without one. Nothing here depends on *when* a processor takes the new jump. It depends on this alone: a
//!   processor takes the old jump or the new one, not a mixture. OpenJDK depends on the same: `NativeCall::set_destination_mt_safe` stores
//!   a 4-aligned displacement that threads may be executing. So does QEMU (`goto_tb` on x86).
//!
//! A processor may have fetched the old jump and take it later. Therefore the old target stays valid until every processor has serialized.
//! [`settle`] sees to that with `membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)`: when it returns, each running thread of the process has executed a
//! serializing instruction (Linux, `membarrier(2)`). It is called before lines that were freed are written again, and before memory is unmapped.
//! Threads that took the jump and are inside the old target are not its concern: the contract of the entry covers them.
//!
//! The new target was written and published before the displacement. Stores become visible in order (Intel SDM, volume 3A, "Memory Ordering"). If its lines
//! had held other code, a `membarrier` followed their last write.
//!
//! # One mapping
//!
//! Running code is not writable, so jumps go through a *slot*: a word of memory that is never executable. Slots come from pages of the arena, which
//! are within reach of its programs. Linking is an ordinary atomic store.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::space::{LINE, PAGE};
use super::{Block, Owner, Pages, Slot, Views, Writer, dual};
use crate::error::Error;

/// How many jumps were changed in this process, and how many of these changes every processor has seen.
static CHANGED: AtomicU64 = AtomicU64::new(0);
static SETTLED: AtomicU64 = AtomicU64::new(0);

/// Makes every processor forget jumps that were fetched before they were changed. What was freed before this call can be overwritten after it.
pub(super) fn settle() -> Result<(), Error> {
    let changed = CHANGED.load(Ordering::Acquire);
    if SETTLED.load(Ordering::Acquire) < changed {
        dual::serialize_all()?;
        SETTLED.fetch_max(changed, Ordering::Release);
    }
    Ok(())
}

/// The free slots of an arena that is mapped once, by their offsets in words.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<Vec<u32>>);

const WORD: usize = size_of::<u64>();

impl Pages {
    /// Returns the offset of a slot that holds this target, and whose own address is within reach: in a page near this line, if it takes a new one.
    ///
    /// # Errors
    /// Those of claiming a page; [`Error::LinkOutOfReach`].
    pub(crate) fn new_slot(&self, target: u64, near: usize, reaches: impl Fn(u64) -> bool) -> Result<usize, Error> {
        let mut free = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Except in an arena of more than 2 GiB, the last slot is within reach.
        let find = |free: &[u32]| free.iter().rposition(|&word| reaches(self.address_of_slot(word as usize * WORD)));
        let index = match find(&free) {
            Some(index) => index,
            None => {
                self.space.prefer_near(near);
                // This page stays writable, and is never executable.
                let claim = self.claim(PAGE / LINE, PAGE / LINE)?;
                let words = claim.bytes().start / WORD..claim.bytes().end / WORD;
                free.extend(words.rev().map(|word| word as u32));
                find(&free).ok_or(Error::LinkOutOfReach)?
            }
        };
        let offset = free.swap_remove(index) as usize * WORD;
        drop(free);
        self.word(offset).store(target, Ordering::Release);
        Ok(offset)
    }

    /// Takes a slot back. No thread may use it any more.
    pub(crate) fn free_slot(&self, offset: usize) {
        self.slots.0.lock().unwrap_or_else(PoisonError::into_inner).push((offset / WORD) as u32);
    }

    /// Returns the address of a slot.
    pub(crate) fn address_of_slot(&self, offset: usize) -> u64 {
        (self.runs().address() + offset) as u64
    }

    /// Changes a slot.
    pub(crate) fn set_slot(&self, offset: usize, target: u64) {
        self.word(offset).store(target, Ordering::Release);
    }

    /// Returns a word of the writable view.
    fn word(&self, offset: usize) -> &AtomicU64 {
        let view = self.writable();
        assert!(offset.is_multiple_of(WORD) && offset + WORD <= view.size());
        // SAFETY: the word is aligned, within the view and writable: callers pass slots, or words of a dual mapping. Nothing refers to it in
        // this view but words as this one.
        unsafe { AtomicU64::from_ptr(view.start().add(offset).cast()) }
    }
}

impl Slot<'_, '_> {
    /// Returns whether running code is not writable.
    #[inline]
    pub(crate) fn is_single(&self) -> bool {
        matches!(self.pages().views, Views::Single(_))
    }
}

impl Block {
    /// Fails in a child process whose parent owns the memory.
    pub(crate) fn check_owner(&self) -> Result<(), Error> {
        self.pages().check_owner()
    }

    /// Changes the displacement of a jump that may be running. The memory is mapped twice.
    ///
    /// # Panics
    /// If the offset is not that of an aligned field of the block.
    pub(crate) fn set_displacement(&self, offset: usize, displacement: i32) {
        let at = self.offset_of(offset, size_of::<u32>());
        // SAFETY: the field is aligned, within this block and writable at this address. Once a block is written, nothing refers to it in the
        // writable view but fields as this one.
        let field = unsafe { AtomicU32::from_ptr(self.pages().writable().start().add(at).cast()) };
        field.store(displacement as u32, Ordering::Release);
        CHANGED.fetch_add(1, Ordering::Release);
    }

    /// Changes the address in a cell that may be running. The memory is mapped twice.
    ///
    /// # Panics
    /// If the offset is not that of an aligned word of the block.
    pub(crate) fn set_word(&self, offset: usize, target: u64) {
        let at = self.offset_of(offset, WORD);
        self.pages().word(at).store(target, Ordering::Release);
    }

    /// Returns the offset in the pages of an aligned field of the block.
    fn offset_of(&self, offset: usize, size: usize) -> usize {
        let fits = offset.is_multiple_of(size) && offset.checked_add(size).is_some_and(|end| end <= self.bytes().len());
        assert!(fits && matches!(self.pages().views, Views::Dual(_)), "not a field that can be changed");
        self.first_line() * LINE + offset
    }

    /// Writes a block of code in the same pages, within reach if there is room, and publishes it.
    pub(crate) fn beside(&self, code: &[u8]) -> Result<Self, Error> {
        // This block's share keeps the pages as long as `owner` is used.
        let owner = ManuallyDrop::new(Owner::of(self));
        owner.space.prefer_near(self.first_line());
        let mut writer = Writer::new(&owner, false);
        let mut slot = writer.slot(code.len())?;
        slot.emitter(0, code.len(), 0).1.copy_from_slice(code);
        let block = writer.keep();
        writer.publish()?;
        Ok(block)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // Without the barrier, memory is unmapped a little too early: a fault at worst.
        let _ = settle();
    }
}
