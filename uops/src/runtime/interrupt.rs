//! Interruption: how another thread ends a run.
//!
//! Compiled code and the runtime check one word, the address at which frames have to end. An interruption sets it to null.
//! Functions compare with the word anyway when they begin, so that their check is free; an iteration of a loop takes a
//! load, a compare and a branch that is never taken. Whatever the runtime does for a module, it does in pieces
//! ([`InterruptHandle::in_pieces`]) and checks after each piece, and after each host function.

use std::ops::Range;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::module::trap::Trap;

/// Bytes that are written, read or copied between two checks, at most.
pub(crate) const PIECE: usize = 1 << 20;

/// The word.
#[derive(Debug)]
struct Limit {
    /// What runs see: the end of the frames, or null.
    seen: AtomicPtr<u64>,
    /// The end of the frames, which does not change.
    end: AtomicPtr<u64>,
}

/// Ends what runs in a store, from any thread.
///
/// ```
/// use std::time::Duration;
/// use uops::{Linker, Instance, Program, Store, Trap};
///
/// # fn main() -> Result<(), uops::Error> {
/// let program = Program::new(br#"(module (func (export "hang") (loop (br 0))))"#)?;
/// let store = Store::new()?;
/// let instance = Instance::new(&store, &program, &Linker::new())?;
/// let handle = store.interrupt_handle();
/// std::thread::spawn(move || {
///     std::thread::sleep(Duration::from_millis(50));
///     handle.interrupt();
/// });
/// let error = instance.call(&store, "hang", &[]).unwrap_err();
/// assert_eq!(error.trap(), Some(Trap::Interrupted));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct InterruptHandle(Arc<Limit>);

/// The order in which pieces are worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

impl InterruptHandle {
    pub(crate) fn new(end: *mut u64) -> Self {
        Self(Arc::new(Limit { seen: AtomicPtr::new(end), end: AtomicPtr::new(end) }))
    }

    /// Ends the call or the instantiation that is in progress with [`Trap::Interrupted`](crate::Trap::Interrupted); if none
    /// is in progress, the next one. A call from a host function ends likewise, and so does the one that led to it.
    ///
    /// Compiled code checks for an interruption when a function begins, in each iteration of a loop, and after each host
    /// function. A host function itself is not stopped: see [`Store::is_interrupted`](crate::Store::is_interrupted).
    ///
    /// Instructions on many bytes or elements check after each piece of one mebibyte. An interrupted `memory.fill`,
    /// `memory.init`, `table.fill` or `table.init`, and a segment at instantiation, has written the first pieces and nothing
    /// else. So has `memory.copy` and `table.copy`, but where the source begins at a lower address than the target, they write
    /// the last pieces first. An interrupted `table.grow` leaves the table as it was.
    pub fn interrupt(&self) {
        self.0.seen.store(null_mut(), Ordering::Relaxed);
    }

    /// Takes an interruption back, for instance one that came when the call had just returned.
    pub fn clear(&self) {
        self.0.seen.store(self.0.end.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether there is an interruption that has not ended a call yet.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        #[cfg(test)]
        tests::checked();
        self.0.seen.load(Ordering::Relaxed).is_null()
    }

    /// Fails if there is an interruption.
    pub(crate) fn check(&self) -> Result<(), Trap> {
        if self.is_interrupted() { Err(Trap::Interrupted) } else { Ok(()) }
    }

    /// Does work on `len` elements of a type in pieces of at most [`PIECE`] bytes, and checks after each piece; once even
    /// if there are no elements. The work gets the indices of the piece. Its error ends the work.
    pub(crate) fn in_pieces<T, E: From<Trap>>(
        &self,
        len: usize,
        order: Order,
        mut work: impl FnMut(Range<usize>) -> Result<(), E>,
    ) -> Result<(), E> {
        let most = const { PIECE / size_of::<T>() };
        let mut left = 0..len;
        while !left.is_empty() {
            let size = left.len().min(most);
            let piece = match order {
                Order::Ascending => left.start..left.start + size,
                Order::Descending => left.end - size..left.end,
            };
            match order {
                Order::Ascending => left.start = piece.end,
                Order::Descending => left.end = piece.start,
            }
            work(piece)?;
            if !left.is_empty() {
                self.check()?;
            }
        }
        Ok(self.check()?)
    }

    /// The address of the word, for compiled code.
    pub(crate) fn word(&self) -> *const *mut u64 {
        self.0.seen.as_ptr()
    }

    /// The address at which frames have to end, interrupted or not.
    pub(crate) fn end(&self) -> *mut u64 {
        self.0.end.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        static OBSERVER: RefCell<Option<Box<dyn FnMut()>>> = const { RefCell::new(None) };
    }

    /// Runs something, and a closure before each check of this thread.
    pub(crate) fn observing<T>(observer: impl FnMut() + 'static, run: impl FnOnce() -> T) -> T {
        OBSERVER.set(Some(Box::new(observer)));
        let result = run();
        OBSERVER.set(None);
        result
    }

    pub(super) fn checked() {
        // The observer may check, too.
        let Some(mut observer) = OBSERVER.take() else { return };
        observer();
        OBSERVER.set(Some(observer));
    }

    #[test]
    fn pieces_cover_everything_once_in_order() {
        let handle = InterruptHandle::new(std::ptr::dangling_mut());
        const MOST: usize = PIECE / 8;
        for len in [0, 1, MOST - 1, MOST, MOST + 1, 3 * MOST + 5] {
            for order in [Order::Ascending, Order::Descending] {
                let mut pieces = Vec::new();
                let result = handle.in_pieces::<u64, Trap>(len, order, |piece| {
                    pieces.push(piece);
                    Ok(())
                });
                assert_eq!(result, Ok(()));
                if order == Order::Descending {
                    pieces.reverse();
                }
                assert!(pieces.iter().all(|piece| (1..=MOST).contains(&piece.len())));
                assert!(pieces.iter().flat_map(Range::clone).eq(0..len));
            }
        }
        handle.interrupt();
        let mut seen = 0;
        let result = handle.in_pieces::<u8, Trap>(3 * PIECE, Order::Ascending, |piece| {
            seen += piece.len();
            Ok(())
        });
        assert_eq!((result, seen), (Err(Trap::Interrupted), PIECE));
        assert_eq!(handle.in_pieces::<u8, Trap>(0, Order::Ascending, |_| Ok(())), Err(Trap::Interrupted));
    }
}
