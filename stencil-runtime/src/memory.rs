//! Memory for code: pages near the executable, reserved at once, that are never writable and executable at one address.
//!
//! [`Pages`] is the memory of an arena. A [`Writer`] claims free cache lines of it and lends them out, one [`Slot`] at a time.
//! [`Writer::publish`] consumes the writer and makes all that it wrote executable. A written slot becomes a [`Block`], which
//! frees its lines on drop.
//!
//! # Stale instructions on other processors
//!
//! x86-64 keeps instruction caches coherent with stores, but a processor may have fetched instructions before they were
//! overwritten (Intel's manual, volume 3, "Handling Self- and Cross-Modifying Code").
//!
//! * *Memory that never held code:* nothing has ever jumped there, so no processor has fetched anything. A thread that runs
//!   the new code received its address after it was published, through something that synchronises.
//! * *Reused memory, one mapping:* before the first write, `mprotect` removes the right to execute from the pages and flushes
//!   the translations of all processors. No processor can fetch from there until the right returns, after the last write.
//! * *Reused memory, two mappings:* the executable view stays, so a processor may have fetched the old instructions. Every
//!   processor that runs this process must serialize between the last write and the first run. `membarrier` makes them do
//!   so, once for each [`Writer::publish`] that reused lines.
//!
//! A writer never writes to a cache line that holds running code. Only the module `links` changes jumps in running code.
//!
//! # System calls with a single mapping
//!
//! Making pages writable and making them executable are system calls, which take longer than emitting a trace. A writer of
//! one program claims more pages than it needs and gives the rest back. They stay writable, and not executable, for the
//! next writers, which then need no system call for their claims.

mod dual;
mod kept;
mod links;
mod owner;
mod space;
mod system;
mod writer;

use crate::arena::ArenaStats;
use crate::error::Error;
use dual::Dual;
use links::Slots;
use owner::Shares;
use space::{Claim, Space};
use system::{Access, HUGE, View};

pub(crate) use owner::{Block, Owner};
pub(crate) use space::{LINE, PAGE};
pub(crate) use system::Placement;
pub(crate) use writer::{Slot, Writer};

/// The size of the largest arena. Line numbers and shares have fewer bits than addresses.
const MOST: usize = 4 << 30;

/// The mapping of the memory of an [`Arena`](crate::Arena).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mapping {
    /// The memory is mapped once. A page is first writable, then executable, and running code is writable at no address.
    /// Publishing takes one system call per batch. The space of a page is reused when all programs in it are dropped. After a
    /// `fork`, parent and child have separate memory.
    Single,
    /// The memory is mapped twice: writable at one address, executable at another. Publishing takes no system call, or one
    /// per batch that reuses space. The space of each program is reused as soon as it is dropped.
    ///
    /// The price is security. An attacker who can write to an address of their choice can change running code if they learn
    /// where the writable view is. It lies at a random address, and only the arena itself holds a pointer to it. Also, a
    /// child process shares the memory after `fork`: it cannot compile into the arena ([`Error::Forked`]) and must not run
    /// code that the parent may drop.
    Dual,
}

/// The memory of an arena, which [`Owner`] and [`Block`]s own together. Dropping it returns it to the system.
#[derive(Debug)]
pub(crate) struct Pages {
    views: Views,
    space: Space,
    shares: Shares,
    slots: Slots,
}

#[derive(Debug)]
enum Views {
    Single(View),
    Dual(Dual),
}

impl Pages {
    /// Reserves at least `size` bytes.
    pub(crate) fn new(size: usize, mapping: Mapping, placement: Placement) -> Result<Self, Error> {
        let whole = size.max(1).checked_next_multiple_of(PAGE).filter(|size| *size <= MOST);
        let size = whole.ok_or(Error::ArenaTooLarge { size, most: MOST })?;
        let views = match mapping {
            Mapping::Single => Views::Single(View::reserve(size, placement)?),
            Mapping::Dual => Views::Dual(Dual::new(size, placement)?),
        };
        let space = Space::new(size, mapping == Mapping::Single);
        Ok(Self { views, space, shares: Shares::default(), slots: Slots::default() })
    }

    /// Checks that the system lets written memory be executed. To be called before anything is claimed.
    pub(crate) fn probe(&self) -> Result<(), Error> {
        let Views::Single(view) = &self.views else { return Ok(()) };
        view.protect(0..PAGE, Access::Write)?;
        view.protect(0..PAGE, Access::Execute)
    }

    pub(crate) fn mapping(&self) -> Mapping {
        match self.views {
            Views::Single(_) => Mapping::Single,
            Views::Dual(_) => Mapping::Dual,
        }
    }

    /// Returns the present use of the memory.
    pub(crate) fn stats(&self) -> ArenaStats {
        let (committed, free) = self.space.count();
        let (functions, used) = self.shares.blocks();
        let padding = committed.saturating_sub(used).saturating_sub(free);
        ArenaStats { reserved: self.runs().size(), committed, used, padding, free, functions }
    }

    /// Returns the view that is executable, or will be.
    fn runs(&self) -> &View {
        match &self.views {
            Views::Single(view) => view,
            Views::Dual(dual) => &dual.run,
        }
    }

    /// Returns the view in which a writer's lines are writable.
    fn writable(&self) -> &View {
        match &self.views {
            Views::Single(view) => view,
            Views::Dual(dual) => &dual.write,
        }
    }

    /// Fails in a child process whose parent owns the memory.
    fn check_owner(&self) -> Result<(), Error> {
        match &self.views {
            Views::Dual(dual) if dual.forked() => Err(Error::Forked),
            _ => Ok(()),
        }
    }

    /// Claims between `needed` and `wanted` contiguous free lines and makes them writable.
    fn claim(&self, needed: usize, wanted: usize) -> Result<Claim, Error> {
        self.check_owner()?;
        let full = || {
            let (committed, free) = self.space.count();
            let reserved = self.runs().size();
            Error::ArenaFull { size: needed * LINE, reserved, free: reserved - committed + free }
        };
        let claim =
            self.space.claim(needed, wanted, |claim, committed| self.commit(claim, committed))?.ok_or_else(full)?;
        self.settle(&claim)?;
        Ok(claim)
    }

    /// Takes lines without getting memory for them.
    #[cfg(test)]
    pub(crate) fn skip(&self, lines: usize) -> Option<std::ops::Range<usize>> {
        let commit =
            |claim: &Claim, committed| Ok::<usize, Error>(claim.bytes().end.next_multiple_of(PAGE).max(committed));
        self.space.claim(lines, lines, commit).ok()?.map(|claim| claim.lines)
    }

    /// Gives back lines of [`skip`](Self::skip).
    #[cfg(test)]
    pub(crate) fn unskip(&self, lines: std::ops::Range<usize>) {
        self.space.free(lines.start, lines.len());
    }

    /// Extends a claim by between `needed` and `wanted` lines. Returns `false` if fewer are free behind it.
    fn extend(&self, claim: &mut Claim, needed: usize, wanted: usize) -> Result<bool, Error> {
        self.check_owner()?;
        let extended = self.space.extend(claim, needed, wanted, |claim, committed| self.commit(claim, committed))?;
        self.settle(claim)?;
        Ok(extended)
    }

    /// Makes sure that no processor jumps to reused lines of a claim because it fetched a jump before that was changed.
    fn settle(&self, claim: &Claim) -> Result<(), Error> {
        if claim.fresh > claim.lines.start { links::settle() } else { Ok(()) }
    }

    /// Gets memory for a claim and makes it writable. The system has provided the bytes before `committed`. Returns the new end
    /// of these bytes.
    fn commit(&self, claim: &Claim, committed: usize) -> Result<usize, Error> {
        let end = claim.bytes().end.next_multiple_of(PAGE).max(committed);
        match &self.views {
            Views::Single(view) => {
                view.protect(claim.bytes(), Access::Write)?;
                if claim.bytes().len() >= HUGE {
                    // Random calls within 32 MiB of code take two thirds of the time on huge pages. Protection would split
                    // them for smaller claims, and most systems disable them for shared memory.
                    let _ = view.advise(claim.bytes(), libc::MADV_HUGEPAGE);
                }
                view.populate(claim.fresh_bytes())?;
                Ok(end)
            }
            Views::Dual(dual) if end > committed => dual.commit(committed..end),
            Views::Dual(_) => Ok(committed),
        }
    }
}

#[cfg(test)]
mod tests;
