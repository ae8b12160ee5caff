//! Pages that the system refused to unmap: they are kept and used again.
//!
//! The kernel merges neighbouring mappings of equal protection. To unmap a part of a merged one it splits it, which
//! fails with `ENOMEM` while the process has as many mappings as it may have (`vm.max_map_count`). Such pages are not
//! lost: the next reservation takes them, or they are unmapped together with a neighbour.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::system::errno;

/// The kept pages: ranges of addresses by their starts. No two of them overlap.
static KEPT: Mutex<BTreeMap<usize, Kept>> = Mutex::new(BTreeMap::new());

/// Whether there are any. Most processes never have one and never take the lock.
static ANY: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy, Debug)]
struct Kept {
    end: usize,
    /// Whether they read as zeros, as fresh pages do, and are not special in another way.
    like_fresh: bool,
}

fn kept() -> MutexGuard<'static, BTreeMap<usize, Kept>> {
    // Each change leaves the map whole.
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unmaps pages, or keeps them. `plain` pages are private, anonymous and without advice that outlives their content.
///
/// # Safety
/// The range consists of whole pages that the caller owns and never uses again.
pub(super) unsafe fn release(pages: Range<usize>, plain: bool) {
    // SAFETY: the caller owns the pages.
    if !ANY.load(Ordering::Relaxed) && unsafe { unmap(&pages) } {
        return;
    }
    let mut kept = kept();
    // Neighbours that are unmapped along with the pages need no mapping to be split between them.
    let before = kept.range(..pages.start).next_back().filter(|(_, kept)| kept.end == pages.start);
    let start = before.map_or(pages.start, |(start, _)| *start);
    let end = kept.get(&pages.end).map_or(pages.end, |kept| kept.end);
    // SAFETY: the caller owns the pages, and nobody uses what is kept.
    if unsafe { unmap(&(start..end)) } {
        kept.remove(&start);
        kept.remove(&pages.end);
    } else {
        // SAFETY: as above.
        let like_fresh = plain && unsafe { discard(&pages) };
        kept.insert(pages.start, Kept { end: pages.end, like_fresh });
        merge(&mut kept, pages.start);
        merge(&mut kept, start);
    }
    ANY.store(!kept.is_empty(), Ordering::Relaxed);
}

/// Merges the range that begins at `start` with the next one, if they touch and are alike.
fn merge(kept: &mut BTreeMap<usize, Kept>, start: usize) {
    let Some(&first) = kept.get(&start) else { return };
    if let Some(&second) = kept.get(&first.end)
        && second.like_fresh == first.like_fresh
    {
        kept.remove(&first.end);
        kept.insert(start, second);
    }
}

/// Hands out kept pages of `size` bytes that read as zeros, at an address that fits. Their protection is any.
pub(super) fn take(size: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
    if !ANY.load(Ordering::Relaxed) {
        return None;
    }
    let mut kept = kept();
    let found = kept.iter().find(|(start, kept)| kept.like_fresh && kept.end - **start >= size && fits(**start));
    let (start, range) = found.map(|(start, kept)| (*start, *kept))?;
    kept.remove(&start);
    if start + size < range.end {
        kept.insert(start + size, range);
    }
    ANY.store(!kept.is_empty(), Ordering::Relaxed);
    Some(start)
}

/// Whether the system unmaps pages.
///
/// # Safety
/// The caller owns the pages and, if they are unmapped, never uses them again.
unsafe fn unmap(pages: &Range<usize>) -> bool {
    // SAFETY: the caller's promise.
    let unmapped = unsafe { libc::munmap(pages.start as *mut libc::c_void, pages.len()) } == 0;
    debug_assert!(unmapped || errno() == libc::ENOMEM, "munmap of whole mappings fails for want of mappings alone");
    unmapped
}

/// Returns the memory behind pages to the system, and says whether they read as zeros now.
///
/// # Safety
/// The caller owns the pages and has no reference into them.
unsafe fn discard(pages: &Range<usize>) -> bool {
    // SAFETY: the caller's promise.
    unsafe { libc::madvise(pages.start as *mut libc::c_void, pages.len(), libc::MADV_DONTNEED) == 0 }
}
