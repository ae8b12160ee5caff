//! The native stack of the current thread: how much of it is left.
//!
//! Compiled code calls on the native stack. Its end is a guard page, and to touch that ends the process, so calls have to
//! stop before.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Bytes of the native stack that calls of compiled functions leave, for the Rust code that they call: host functions, for
/// the most part.
const RESERVE: usize = 128 << 10;

/// Bytes that calls may use of a stack that is not the thread's own, and whose size is therefore unknown.
const UNKNOWN: usize = 64 << 10;

thread_local! {
    /// The addresses of the thread's stack, once they have been asked for.
    static BOUNDS: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Returns how many bytes calls may use of the native stack from here on.
pub(crate) fn left() -> usize {
    let here = 0_u8;
    let (low, high) = BOUNDS.get().unwrap_or_else(find);
    left_between(low, (&raw const here).addr(), high)
}

fn left_between(low: usize, here: usize, high: usize) -> usize {
    if (low..high).contains(&here) { (here - low).saturating_sub(RESERVE) } else { UNKNOWN }
}

/// Asks for the bounds of the thread's stack. If they are not known, they are empty.
#[cold]
fn find() -> (usize, usize) {
    let Range { start, end } = bounds().unwrap_or_default();
    BOUNDS.set(Some((start, end)));
    (start, end)
}

/// The addresses of the thread's stack, without guard pages.
fn bounds() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the first call initializes the attributes or fails. The others read initialized attributes and write to
    // variables of the right types; the last one frees what the attributes own.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let (mut address, mut size, mut guard) = (std::ptr::null_mut(), 0, 0);
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut address, &raw mut size) != 0
            || libc::pthread_attr_getguardsize(attributes.as_ptr(), &raw mut guard) != 0;
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        let start = address.addr();
        // Some versions of glibc count the guard page among the stack.
        (!failed).then(|| start.saturating_add(guard)..start.saturating_add(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_the_stack_that_it_was_given() {
        // glibc may reuse the larger stack of a thread that has ended.
        for size in [256 << 10, 512 << 10, 8 << 20] {
            let thread = std::thread::Builder::new().stack_size(size).spawn(left).unwrap();
            let left = thread.join().unwrap();
            assert!(left > size - RESERVE - (64 << 10), "{left} of {size}");
        }
    }

    #[test]
    fn there_is_a_reserve_and_other_stacks_are_small() {
        let (low, high) = (1 << 20, 9 << 20);
        for (here, left) in [
            (low, 0),
            (low + RESERVE, 0),
            (low + RESERVE + 8, 8),
            (high - 1, (8 << 20) - 1 - RESERVE),
            (low - 1, UNKNOWN),
            (high, UNKNOWN),
            (0, UNKNOWN),
            (usize::MAX, UNKNOWN),
        ] {
            assert_eq!(left_between(low, here, high), left);
        }
        assert_eq!(left_between(0, low, 0), UNKNOWN);
    }
}
