//! Counts the memory that a thread allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator with counters.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Amounts of memory in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes {
    /// The maximum allocated at any time.
    pub peak: usize,
    /// The total of all allocations, whether or not they were freed.
    pub total: usize,
    live: usize,
}

thread_local! {
    static BYTES: Cell<Bytes> = const { Cell::new(Bytes { peak: 0, total: 0, live: 0 }) };
}

/// Calls `make`, and returns its result and the memory that the thread allocated for it.
pub fn of<T>(make: impl FnOnce() -> T) -> (T, Bytes) {
    BYTES.set(Bytes::default());
    (make(), BYTES.get())
}

fn count(freed: usize, allocated: usize) {
    let mut bytes = BYTES.get();
    bytes.total += allocated;
    // During a reallocation, both blocks may exist.
    bytes.peak = bytes.peak.max(bytes.live + allocated);
    // The block may have been allocated before the count began.
    bytes.live = (bytes.live + allocated).saturating_sub(freed);
    BYTES.set(bytes);
}

// SAFETY: the system's allocator does all the work, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: the caller upholds the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        // SAFETY: the caller upholds the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), size);
        // SAFETY: the caller upholds the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
