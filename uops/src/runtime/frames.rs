//! The stack of frames, in which compiled functions keep the values that are not in registers.

use std::cell::Cell;
use std::ptr::{NonNull, null_mut};

use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::native_stack;

/// The largest frame of a function, in slots: 2 MiB.
pub(crate) const MAX_FRAME_SLOTS: u32 = 1 << 18;
/// Slots after the limit that may be used. A function checks that its own frame ends below the limit. The results of a
/// host function that it calls last may lie after it: at most 1,000, of at most two slots each.
const MARGIN: usize = 2048;
/// Bytes after the margin that no code can access. A function's slots are at most so far from the start of its frame, so
/// that a frame that should not be there ends in a fault.
const GUARD: usize = MAX_FRAME_SLOTS as usize * 8;
/// Bytes before the frames that no code can access.
const GUARD_BEFORE: usize = 64 << 10;
/// How deep calls from host functions may nest.
const DEPTH: u32 = 100;

/// The frames of a store: slots of 64 bits. The frame of a callee is above that of its caller.
#[derive(Debug)]
pub(crate) struct Frames {
    /// Owns the slots. All access is through the pointers.
    _slots: Guarded,
    pub(crate) interrupt: InterruptHandle,
    top: Cell<*mut u64>,
    depth: Cell<u32>,
}

impl Frames {
    /// Reserves `size` bytes for frames, rounded down to slots. They take no memory until they are used.
    pub(crate) fn new(size: usize) -> Result<Self, Error> {
        let size = size & !7;
        let slots = Guarded::new(size.saturating_add(MARGIN * 8))?;
        let start = slots.start();
        let interrupt = InterruptHandle::new(start.wrapping_byte_add(size));
        Ok(Self { _slots: slots, interrupt, top: Cell::new(start), depth: Cell::new(0) })
    }

    /// Runs a call, or what counts as one, with this many slots for arguments or results. It gets the first slot. An
    /// interruption that ends the outermost call is over then.
    pub(crate) fn call<R>(&self, slots: usize, run: impl FnOnce(*mut u64) -> Result<R, Error>) -> Result<R, Error> {
        if let Err(interrupted) = self.interrupt.check() {
            if self.depth.get() == 0 {
                self.interrupt.clear();
            }
            return Err(interrupted.into());
        }
        let result = run(self.enter(slots)?);
        self.leave(result.as_ref().is_err_and(|error| error.trap() == Some(Trap::Interrupted)));
        result
    }

    /// Begins a call with this many slots for arguments or results. Returns the first slot.
    ///
    /// Frames advance by no fewer bytes than calls take of the native stack. So frames that begin no further from the end
    /// than the native stack has bytes left are exhausted before it.
    pub(crate) fn enter(&self, slots: usize) -> Result<*mut u64, Trap> {
        let (top, end) = (self.top.get(), self.interrupt.end().addr());
        let native = native_stack::left() & !7;
        let first = top.addr().max(end.saturating_sub(native));
        let left = end.saturating_sub(first) / 8;
        if slots > left || native == 0 || self.depth.get() == DEPTH {
            return Err(Trap::StackExhausted);
        }
        self.depth.set(self.depth.get() + 1);
        Ok(top.wrapping_byte_add(first - top.addr()))
    }

    /// Ends a call. If an interruption has ended the outermost call, this ends the interruption.
    pub(crate) fn leave(&self, interrupted: bool) {
        self.depth.set(self.depth.get() - 1);
        if interrupted && self.depth.get() == 0 {
            self.interrupt.clear();
        }
    }

    /// Sets the address at which frames of further calls may begin, and returns the former one.
    pub(crate) fn set_top(&self, top: *mut u64) -> *mut u64 {
        self.top.replace(top)
    }
}

/// Memory between two areas that no code can access.
#[derive(Debug)]
struct Guarded {
    mapping: NonNull<u8>,
    size: usize,
}

impl Guarded {
    /// Maps at least `size` bytes that can be accessed.
    fn new(size: usize) -> Result<Self, Error> {
        let all = size.checked_next_multiple_of(GUARD_BEFORE).and_then(|size| size.checked_add(GUARD_BEFORE + GUARD));
        let failed = || Error::OutOfMemory { what: "stack", size: all.unwrap_or(usize::MAX) as u64 };
        let all = all.ok_or_else(failed)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: this maps fresh memory at an address that the system chooses.
        let mapping = unsafe { libc::mmap(null_mut(), all, libc::PROT_NONE, flags, -1, 0) };
        if mapping == libc::MAP_FAILED {
            return Err(failed());
        }
        let guarded = Self { mapping: NonNull::new(mapping.cast()).ok_or_else(failed)?, size: all };
        let open = all - GUARD_BEFORE - GUARD;
        // SAFETY: these bytes are part of the mapping, and nothing uses them yet.
        match unsafe { libc::mprotect(guarded.start().cast(), open, libc::PROT_READ | libc::PROT_WRITE) } {
            0 => Ok(guarded),
            _ => Err(failed()),
        }
    }

    /// The first byte that can be accessed. It begins a page.
    fn start(&self) -> *mut u64 {
        self.mapping.as_ptr().wrapping_add(GUARD_BEFORE).cast()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: `new` mapped just this, and it is not used any more. If the system refuses, the memory stays mapped.
        unsafe { libc::munmap(self.mapping.as_ptr().cast(), self.size) };
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
        frames.set_top(start.wrapping_add(1000)); // Results after the limit.
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
        for size in [usize::MAX, usize::MAX - (1 << 16), isize::MAX as usize] {
            assert!(matches!(Frames::new(size), Err(Error::OutOfMemory { .. })));
        }
    }

    #[test]
    fn frames_are_no_larger_than_the_native_stack() {
        let frames = Frames::new(64 << 20).unwrap();
        let first = frames.enter(0).unwrap();
        assert!(frames.interrupt.end().addr() - first.addr() <= native_stack::left() + (64 << 10));
    }

    /// What `/proc/self/maps` says of the areas around the frames.
    #[test]
    fn no_code_can_access_what_is_around_the_frames() {
        let frames = Frames::new(1 << 20).unwrap();
        let (start, end) = (frames.top.get().addr(), frames.interrupt.end().addr() + MARGIN * 8);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let permissions = |address: usize| {
            maps.lines().find_map(|line| {
                let (range, rest) = line.split_once(' ')?;
                let (low, high) = range.split_once('-')?;
                let [low, high] = [low, high].map(|number| usize::from_str_radix(number, 16).unwrap());
                (low..high).contains(&address).then(|| rest[..3].to_owned())
            })
        };
        let around = [start - GUARD_BEFORE, start - 1, start, end - 1, end + GUARD_BEFORE, end + GUARD - 1];
        let expected = ["---", "---", "rw-", "rw-", "---", "---"].map(|access| Some(access.to_owned()));
        assert_eq!(around.map(permissions), expected);
    }
}
