//! What a thread allocates, counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes {
    /// The most that there were at a time.
    pub peak: usize,
    /// All that were allocated, whether or not they were freed.
    pub total: usize,
    live: usize,
}

thread_local! {
    static BYTES: Cell<Bytes> = const { Cell::new(Bytes { peak: 0, total: 0, live: 0 }) };
}

/// What this thread allocates to make something, and that.
pub fn of<T>(make: impl FnOnce() -> T) -> (T, Bytes) {
    BYTES.set(Bytes::default());
    (make(), BYTES.get())
}

fn count(freed: usize, allocated: usize) {
    let mut bytes = BYTES.get();
    bytes.total += allocated;
    // While a block is reallocated, both may exist.
    bytes.peak = bytes.peak.max(bytes.live + allocated);
    // What was there before may be freed now.
    bytes.live = (bytes.live + allocated).saturating_sub(freed);
    BYTES.set(bytes);
}

// SAFETY: all is done by the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(0, layout.size());
        // SAFETY: what the caller has promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), 0);
        // SAFETY: what the caller has promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), size);
        // SAFETY: what the caller has promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
