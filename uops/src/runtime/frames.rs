//! The stack of frames: where compiled functions keep what does not fit into registers.

use std::cell::Cell;

use memmap2::MmapOptions;

use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::runtime::interrupt::InterruptHandle;

/// Slots behind the limit. A function checks that its own frame ends below the limit, and arguments of what it calls,
/// of which there are 1000 at most, each of two slots at most, may lie behind that.
const MARGIN: usize = 2048;
/// How deep calls from host functions may nest: each takes some of the native stack, which is not counted.
const DEPTH: u32 = 100;

/// The frames of a store: slots of 64 bits, of which calls use ever higher ones.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Owns the slots. All access is through the pointers.
    _slots: memmap2::MmapMut,
    pub(crate) interrupt: InterruptHandle,
    top: Cell<*mut u64>,
    depth: Cell<u32>,
}

impl Frames {
    /// Frames of this many bytes in all, not yet backed by storage.
    pub(crate) fn new(size: usize) -> Result<Self, Error> {
        let size = size & !7;
        let all = size.saturating_add(MARGIN * 8);
        let failed = |_| Error::OutOfMemory { what: "stack", size: all as u64 };
        let mut slots = MmapOptions::new().len(all).no_reserve_swap().map_anon().map_err(failed)?;
        // A mapping begins with a page.
        let start = slots.as_mut_ptr().cast::<u64>();
        let interrupt = InterruptHandle::new(start.wrapping_byte_add(size));
        Ok(Self { _slots: slots, interrupt, top: Cell::new(start), depth: Cell::new(0) })
    }

    /// Begins a call with this many slots for arguments or results, and says where they are.
    pub(crate) fn enter(&self, slots: usize) -> Result<*mut u64, Trap> {
        let left = (self.interrupt.end() as usize).saturating_sub(self.top.get() as usize) / 8;
        if slots > left || self.depth.get() == DEPTH {
            return Err(Trap::StackExhausted);
        }
        self.depth.set(self.depth.get() + 1);
        Ok(self.top.get())
    }

    /// Ends a call. Of calls that an interruption has ended, the outermost one ends that, too.
    pub(crate) fn leave(&self, interrupted: bool) {
        self.depth.set(self.depth.get() - 1);
        if interrupted && self.depth.get() == 0 {
            self.interrupt.clear();
        }
    }

    /// Says where frames of further calls may begin, and returns where they began before.
    pub(crate) fn set_top(&self, top: *mut u64) -> *mut u64 {
        self.top.replace(top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_ends_in_depth_and_in_size() {
        let frames = Frames::new(1024).unwrap();
        let start = frames.enter(128).unwrap();
        assert_eq!(frames.enter(129), Err(Trap::StackExhausted));
        frames.set_top(start.wrapping_add(100));
        assert_eq!(frames.enter(28), Ok(start.wrapping_add(100)));
        assert_eq!(frames.enter(29), Err(Trap::StackExhausted));
        frames.set_top(start.wrapping_add(1000)); // Arguments behind the limit.
        assert_eq!(frames.enter(1), Err(Trap::StackExhausted));
        frames.set_top(start);
        let entered = (0..).take_while(|_| frames.enter(0).is_ok()).count();
        assert_eq!(entered as u32, DEPTH - 2);
        frames.leave(false);
        assert!(frames.enter(0).is_ok());
    }

    #[test]
    fn any_size_is_a_stack_or_an_error() {
        assert_eq!(Frames::new(0).unwrap().enter(1), Err(Trap::StackExhausted));
        assert!(matches!(Frames::new(usize::MAX), Err(Error::OutOfMemory { .. })));
    }
}
