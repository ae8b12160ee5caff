//! Interruption: how another thread ends a run.
//!
//! Functions that begin and iterations of loops look at one word, where the frames have to end. When that word says that
//! there is no room at all, they stop; so the check of a function costs nothing, and that of a loop a compare and
//! a jump that is never taken.

use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

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

impl InterruptHandle {
    pub(crate) fn new(end: *mut u64) -> Self {
        Self(Arc::new(Limit { seen: AtomicPtr::new(end), end: AtomicPtr::new(end) }))
    }

    /// Ends the call that is in progress with [`Trap::Interrupted`](crate::Trap::Interrupted), at the next function that
    /// begins or the next iteration of a loop; if none is in progress, the next call. A call from a host function ends
    /// likewise, and so does the one that led to it. A host function itself is not stopped:
    /// see [`Store::is_interrupted`](crate::Store::is_interrupted).
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
        self.0.seen.load(Ordering::Relaxed).is_null()
    }

    /// The word, for compiled code.
    pub(crate) fn word(&self) -> *const *mut u64 {
        self.0.seen.as_ptr()
    }

    /// Where frames end, interrupted or not.
    pub(crate) fn end(&self) -> *mut u64 {
        self.0.end.load(Ordering::Relaxed)
    }
}
