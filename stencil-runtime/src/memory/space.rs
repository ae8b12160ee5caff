//! A bitmap of the cache lines in use: a bit for each line, and a word for each page.
//!
//! Dropping code clears bits, on any thread and without a lock. Claiming space takes the lock, finds a run of zeros and sets
//! them. A search continues where the last one ended. Lines above all that were ever used are fresh: they contain zeros.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The size of a cache line in bytes. Blocks occupy whole lines.
pub(crate) const LINE: usize = 64;
/// The size of a page in bytes, which is the unit of protection. A page has as many lines as a word of the bitmap has bits.
pub(crate) const PAGE: usize = LINES * LINE;
const LINES: usize = u64::BITS as usize;

/// A space with fewer used lines than this (4 MiB) is searched again whenever something was freed, since a search takes under a
/// microsecond.
const SMALL: usize = (4 << 20) / LINE;

/// The number of lines within reach of a displacement of 32 bits.
const REACH: usize = (1 << 31) / LINE;

#[derive(Debug)]
pub(super) struct Space {
    used: Box<[AtomicU64]>,
    /// Whether lines are reused only when their whole page is free.
    whole_pages: bool,
    /// Whether something was freed since the last search of all used lines that failed.
    freed: AtomicBool,
    state: Mutex<State>,
}

/// Line numbers.
#[derive(Debug)]
struct State {
    /// Where the next search begins.
    next: usize,
    /// The first fresh line. Neither this line nor any above it was ever written.
    fresh: usize,
    /// The first line for which the system has not provided memory.
    committed: usize,
    /// The value of `fresh` at the last search of all used lines.
    swept: usize,
    /// Free pages that are still writable, since a claim of them was given back: claiming them needs no system call.
    ready: Range<usize>,
}

/// Lines that belong to one writer. Lines from `fresh` on are zero.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) lines: Range<usize>,
    pub(super) fresh: usize,
}

impl Claim {
    /// Returns the offsets of its bytes.
    pub(super) fn bytes(&self) -> Range<usize> {
        self.lines.start * LINE..self.lines.end * LINE
    }

    /// Returns the offsets of the pages with fresh lines.
    pub(super) fn fresh_bytes(&self) -> Range<usize> {
        if self.fresh >= self.lines.end {
            return 0..0;
        }
        let start = self.fresh.max(self.lines.start) * LINE / PAGE * PAGE;
        start..(self.lines.end * LINE).next_multiple_of(PAGE)
    }
}

impl Space {
    pub(super) fn new(size: usize, whole_pages: bool) -> Self {
        let state = State { next: 0, fresh: 0, committed: 0, swept: 0, ready: 0..0 };
        Self { used: zeros(size / PAGE), whole_pages, freed: AtomicBool::new(false), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Only `commit` can panic while the lock is held, and it runs before any change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn total(&self) -> usize {
        self.used.len() * LINES
    }

    /// Claims between `needed` and `wanted` contiguous lines, or returns `None` if no run is long enough. `commit` provides their
    /// memory: it takes the end of the bytes that have memory, and returns the new end. If it fails, the lines stay free.
    pub(super) fn claim<E>(
        &self,
        needed: usize,
        wanted: usize,
        commit: impl FnOnce(&Claim, usize) -> Result<usize, E>,
    ) -> Result<Option<Claim>, E> {
        let [needed, wanted] = [needed, wanted].map(|lines| self.round(lines));
        let mut state = self.state();
        let mut found = self.run(state.next..self.total(), needed, wanted);
        // Search from the start before using fresh memory. If there is much to search, do so rarely.
        let fresh = found.as_ref().is_some_and(|run| run.end > state.fresh);
        let grown = state.fresh.saturating_sub(state.swept);
        let due = self.freed.load(Ordering::Relaxed) && (state.fresh < SMALL || grown >= state.fresh / 16);
        if found.is_none() || fresh && due {
            self.freed.store(false, Ordering::Relaxed);
            state.swept = state.fresh;
            let end = found.as_ref().map_or(self.total(), |run| run.start.min(state.fresh));
            if let Some(again) = self.run(0..end, needed, wanted) {
                // More lines may be free.
                self.freed.store(true, Ordering::Relaxed);
                found = Some(again);
            }
        }
        if let Some(lines) = &mut found
            && state.ready.contains(&lines.start)
            && state.ready.end - lines.start >= needed
        {
            lines.end = lines.end.min(state.ready.end);
        }
        found.map(|lines| self.take(&mut state, lines, commit)).transpose()
    }

    /// Extends a claim by between `needed` and `wanted` lines. Returns `false` if fewer are free behind it.
    pub(super) fn extend<E>(
        &self,
        claim: &mut Claim,
        needed: usize,
        wanted: usize,
        commit: impl FnOnce(&Claim, usize) -> Result<usize, E>,
    ) -> Result<bool, E> {
        let [needed, wanted] = [needed, wanted].map(|lines| self.round(lines));
        let mut state = self.state();
        let start = claim.lines.end;
        let end = self.first(true, start..self.total().min(start + wanted));
        if end - start < needed {
            return Ok(false);
        }
        let more = self.take(&mut state, start..end, commit)?;
        // Unless the fresh lines of both parts join, those of the first part do not count as fresh any more.
        if more.fresh != start {
            claim.fresh = more.fresh.max(start);
        }
        claim.lines.end = end;
        Ok(true)
    }

    fn take<E>(
        &self,
        state: &mut State,
        lines: Range<usize>,
        commit: impl FnOnce(&Claim, usize) -> Result<usize, E>,
    ) -> Result<Claim, E> {
        let claim = Claim { fresh: state.fresh, lines };
        let Range { start, end } = claim.lines;
        let Range { start: first, end: last } = state.ready;
        if start < first || last < end {
            state.committed = commit(&claim, state.committed * LINE)? / LINE;
        }
        if start < last && first < end {
            state.ready = end.min(last)..last;
        }
        for (word, mask) in words(start..end) {
            self.used[word].fetch_or(mask, Ordering::Relaxed);
        }
        state.next = end;
        state.fresh = state.fresh.max(end);
        Ok(claim)
    }

    /// Makes the next claim prefer lines within reach of a line, in a space in which not all are.
    pub(super) fn prefer_near(&self, line: usize) {
        if self.total() > REACH {
            self.state().next = self.round_down(line.saturating_sub(REACH / 2));
        }
    }

    fn round_down(&self, line: usize) -> usize {
        if self.whole_pages { line / LINES * LINES } else { line }
    }

    /// Rounds a number of lines up to the unit of claims.
    pub(super) fn round(&self, lines: usize) -> usize {
        if self.whole_pages { lines.next_multiple_of(LINES) } else { lines.max(1) }
    }

    /// Gives back the end of a claim, whose lines from `fresh` on were not written.
    pub(super) fn give_back(&self, lines: Range<usize>, fresh: usize) {
        let Range { start, end } = lines;
        let mut state = self.state();
        if state.fresh == end {
            state.fresh = self.round(start.max(fresh)).clamp(start, end);
        }
        if state.next == end {
            state.next = self.round_down(start);
        }
        if self.whole_pages {
            // A page that holds a block is about to become executable.
            state.ready = start.next_multiple_of(LINES).min(end)..end;
        }
        self.clear(lines);
    }

    /// Frees the lines of a block.
    #[inline]
    pub(super) fn free(&self, start: usize, lines: usize) {
        self.clear(start..start + lines);
    }

    #[inline]
    fn clear(&self, lines: Range<usize>) {
        for (word, mask) in words(lines) {
            // All accesses to the lines happen before their next claim.
            self.used[word].fetch_and(!mask, Ordering::Release);
        }
        if !self.freed.load(Ordering::Relaxed) {
            self.freed.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the number of bytes for which the system has provided memory, and how many of them can be claimed.
    pub(super) fn count(&self) -> (usize, usize) {
        let state = self.state();
        let words = 0..state.committed / LINES;
        let free: usize = words.map(|word| self.word(word).count_zeros() as usize).sum();
        (state.committed * LINE, free * LINE)
    }

    /// Returns the lines of a page that cannot be claimed, as bits.
    fn word(&self, word: usize) -> u64 {
        let used = self.used[word].load(Ordering::Acquire);
        if self.whole_pages && used != 0 { u64::MAX } else { used }
    }

    /// Returns the first run of at least `needed` free lines, cut off at `wanted`.
    fn run(&self, lines: Range<usize>, needed: usize, wanted: usize) -> Option<Range<usize>> {
        let mut start = self.first(false, lines.clone());
        while start < lines.end {
            let end = self.first(true, start..lines.end.min(start + wanted));
            if end - start >= needed {
                return Some(start..end);
            }
            start = self.first(false, end..lines.end);
        }
        None
    }

    /// Returns the first line in a range that is used, or that is free, or the end of the range.
    fn first(&self, used: bool, lines: Range<usize>) -> usize {
        let mut mask = u64::MAX << (lines.start % LINES);
        for word in lines.start / LINES..lines.end.div_ceil(LINES) {
            let bits = if used { self.word(word) } else { !self.word(word) } & mask;
            if bits != 0 {
                return lines.end.min(word * LINES + bits.trailing_zeros() as usize);
            }
            mask = u64::MAX;
        }
        lines.end
    }
}

/// Returns the words that contain lines, each with the lines' bits.
#[inline]
fn words(lines: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let Range { start, end } = lines;
    (start / LINES..end.div_ceil(LINES)).map(move |word| {
        let (from, to) = (start.max(word * LINES) % LINES, (end - word * LINES).min(LINES));
        (word, (u64::MAX << from) & (u64::MAX >> (LINES - to)))
    })
}

/// Allocates zeros. The system provides their pages on first access.
fn zeros(words: usize) -> Box<[AtomicU64]> {
    let zeros = Box::into_raw(vec![0_u64; words].into_boxed_slice());
    // SAFETY: an `AtomicU64` has the size, the alignment and the values of a `u64` on all targets with 64-bit pointers, and
    // this is the only pointer to the box.
    unsafe { Box::from_raw(zeros as *mut [AtomicU64]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Provides the memory of a claim, and no more.
    fn exactly(claim: &Claim, committed: usize) -> Result<usize, ()> {
        Ok(claim.bytes().end.next_multiple_of(PAGE).max(committed))
    }

    fn claim(space: &Space, needed: usize, wanted: usize) -> Option<Range<usize>> {
        space.claim(needed, wanted, exactly).unwrap().map(|claim| claim.lines)
    }

    #[test]
    fn masks_cover_each_line_once() {
        for start in 0..130 {
            for end in start + 1..200 {
                let lines: Vec<_> = words(start..end)
                    .flat_map(|(word, mask)| {
                        (0..64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| word * 64 + bit)
                    })
                    .collect();
                assert_eq!(lines, (start..end).collect::<Vec<_>>());
            }
        }
        assert_eq!(words(64..64).count(), 0);
        assert_eq!(words(70..70).map(|(_, mask)| mask).sum::<u64>(), 0);
    }

    #[test]
    fn lines_are_claimed_once_and_reused_when_free() {
        let space = Space::new(4 * PAGE, false);
        assert_eq!(claim(&space, 3, 3), Some(0..3));
        assert_eq!(claim(&space, 100, 200), Some(3..203));
        assert_eq!(claim(&space, 54, 54), None);
        assert_eq!(claim(&space, 1, 54), Some(203..256));
        assert_eq!(claim(&space, 1, 1), None);
        space.free(60, 10);
        space.free(2, 1);
        assert_eq!(space.count(), (4 * PAGE, 11 * LINE));
        assert_eq!(claim(&space, 11, 11), None);
        space.free(1, 1);
        assert_eq!(claim(&space, 10, 64), Some(60..70));
        assert_eq!(claim(&space, 1, 64), Some(1..3));
        assert_eq!(space.count(), (4 * PAGE, 0));
    }

    #[test]
    fn whole_pages_are_reused_when_all_of_them_is_free() {
        let space = Space::new(4 * PAGE, true);
        assert_eq!(claim(&space, 1, 65), Some(0..128));
        assert_eq!(claim(&space, 1, 1), Some(128..192));
        space.free(0, 127);
        assert_eq!(space.count(), (3 * PAGE, PAGE));
        assert_eq!(claim(&space, 65, 65), None);
        space.free(127, 1);
        assert_eq!(claim(&space, 65, 65), Some(0..128));
    }

    #[test]
    fn unwritten_space_stays_fresh() {
        let space = Space::new(4 * PAGE, false);
        let first = space.claim(1, 100, exactly).unwrap().unwrap();
        assert_eq!((first.fresh, first.fresh_bytes()), (0, 0..2 * PAGE));
        space.give_back(10..100, 0);
        let second = space.claim(1, 100, exactly).unwrap().unwrap();
        assert_eq!((second.lines.clone(), second.fresh), (10..110, 10));
        // Twenty lines were written and are given back.
        space.give_back(10..110, 30);
        let third = space.claim(1, 100, exactly).unwrap().unwrap();
        assert_eq!((third.lines.clone(), third.fresh, third.fresh_bytes()), (10..110, 30, 0..2 * PAGE));
    }

    /// Whether a claim of so many lines, which takes up to `wanted`, needs a system call; and the lines.
    fn commits(space: &Space, needed: usize, wanted: usize) -> (bool, Range<usize>) {
        let mut called = false;
        let claim = space.claim(needed, wanted, |claim, committed| {
            called = true;
            exactly(claim, committed)
        });
        (called, claim.unwrap().unwrap().lines)
    }

    #[test]
    fn lines_given_back_are_claimed_again_without_a_system_call() {
        let space = Space::new(20 * PAGE, true);
        assert_eq!(commits(&space, 10, 8 * LINES), (true, 0..8 * LINES));
        // The first page becomes executable.
        space.give_back(10..8 * LINES, 10);
        assert_eq!(commits(&space, LINES + 1, 8 * LINES), (false, LINES..8 * LINES));
        space.give_back(3 * LINES..8 * LINES, 0);
        // Too few are left.
        assert_eq!(commits(&space, 6 * LINES, 6 * LINES), (true, 3 * LINES..9 * LINES));
        space.give_back(4 * LINES..9 * LINES, 0);
        assert_eq!(commits(&space, 1, 1), (false, 4 * LINES..5 * LINES));
        assert_eq!(commits(&space, 4 * LINES, 20 * LINES), (false, 5 * LINES..9 * LINES));
        assert_eq!(commits(&space, 1, 1), (true, 9 * LINES..10 * LINES));
        // What a block frees is executable.
        space.free(4 * LINES, LINES);
        assert_eq!(commits(&space, 10 * LINES, 10 * LINES), (true, 10 * LINES..20 * LINES));
        assert_eq!(commits(&space, 1, 1), (true, 4 * LINES..5 * LINES));
    }

    #[test]
    fn a_failed_commit_claims_nothing() {
        let space = Space::new(PAGE, true);
        assert_eq!(space.claim(1, 1, |_, _| Err("no")).unwrap_err(), "no");
        assert_eq!(space.count(), (0, 0));
        assert_eq!(claim(&space, 64, 64), Some(0..64));
    }
}
