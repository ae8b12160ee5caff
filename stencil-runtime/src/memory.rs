//! Memory for code: pages near the executable that are reserved at once, written through one view of them, and run
//! through one that cannot be written.
//!
//! [`Pages`] is the memory of an arena. A [`Writer`] claims free lines of it and lends them, one [`Slot`] after the
//! other, to be written; [`Writer::publish`] consumes it and makes all of them executable. What a slot
//! becomes is a [`Block`], which frees its lines on drop. No range of addresses is ever writable and executable.
//!
//! # What another processor may see
//!
//! x86-64 keeps the caches of instructions coherent with stores. What remains are instructions that a processor has
//! fetched before they were written (Intel's manual, volume 3, "Handling Self- and Cross-Modifying Code").
//!
//! * *Memory that never held code:* no processor has fetched instructions there, since nothing has ever jumped there.
//!   Whoever runs the new code got its address after it was published, by something that synchronises.
//! * *Reused, one mapping:* before it is written, `mprotect` takes the right to execute it away and removes all
//!   translations that have it, on each processor. Nothing can be fetched until it is given back, after the last write.
//! * *Reused, two mappings:* the executable view stays, so that a processor may have fetched the old instructions ahead of
//!   time. Every processor that runs this process has to serialize between the last write and the first run.
//!   `membarrier` makes them, once for each [`Writer::publish`] that reused lines.
//!
//! Lines are those of the caches: what is written is never in a line with what runs.

mod dual;
mod kept;
mod owner;
mod space;
mod system;
mod writer;

use crate::arena::ArenaStats;
use crate::error::Error;
use dual::Dual;
use owner::Shares;
use space::{Claim, Space};
use system::{Access, HUGE, View};

pub(crate) use owner::{Block, Owner};
pub(crate) use space::{LINE, PAGE};
pub(crate) use system::Placement;
pub(crate) use writer::{Slot, Writer};

/// The most that can be reserved: line numbers and shares are counted in fewer bits than addresses.
const MOST: usize = 4 << 30;

/// How the memory of an [`Arena`](crate::Arena) is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mapping {
    /// Once. Pages are first writable, then executable: no address is ever both, and nothing that runs can be
    /// written at any address. Publishing is one system call for a batch. The space of dropped functions is used again
    /// when all functions in a page are dropped. After a `fork` parent and child have memory of their own.
    Single,
    /// Twice: what can be written at some addresses is executed at others. Publishing makes no system call, or, where
    /// space is used again, one for a batch; and the space of each function can be used again as soon as it is dropped.
    ///
    /// The price is security. An attacker who can make the process write to an address of his choice can change code that
    /// runs, if he learns where the writable view is: it is at a random place, and no pointer to it is kept but in the
    /// arena itself. And the memory is shared with a child after `fork`: the child cannot compile into the arena
    /// ([`Error::Forked`]), nor run code in it that the parent may drop.
    Dual,
}

/// The memory of an arena, returned to the system on drop. [`Owner`] and [`Block`]s own it together.
#[derive(Debug)]
pub(crate) struct Pages {
    views: Views,
    space: Space,
    shares: Shares,
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
        Ok(Self { views, space, shares: Shares::default() })
    }

    /// Whether the system allows memory to be executed that was written before. Asked before anything is claimed.
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

    /// How it is used now.
    pub(crate) fn stats(&self) -> ArenaStats {
        let (committed, free) = self.space.count();
        let (functions, used) = self.shares.blocks();
        let padding = committed.saturating_sub(used).saturating_sub(free);
        ArenaStats { reserved: self.runs().size(), committed, used, padding, free, functions }
    }

    /// The view that is executable, or will be.
    fn runs(&self) -> &View {
        match &self.views {
            Views::Single(view) => view,
            Views::Dual(dual) => &dual.run,
        }
    }

    /// The view that a writer's lines are writable in.
    fn writable(&self) -> &View {
        match &self.views {
            Views::Single(view) => view,
            Views::Dual(dual) => &dual.write,
        }
    }

    /// Whether this is a child's view of its parent's memory.
    fn check_owner(&self) -> Result<(), Error> {
        match &self.views {
            Views::Dual(dual) if dual.forked() => Err(Error::Forked),
            _ => Ok(()),
        }
    }

    /// Free lines, at least `needed` and at most `wanted` that follow one another, made writable.
    fn claim(&self, needed: usize, wanted: usize) -> Result<Claim, Error> {
        self.check_owner()?;
        let full = || {
            let (committed, free) = self.space.count();
            let reserved = self.runs().size();
            Error::ArenaFull { size: needed * LINE, reserved, free: reserved - committed + free }
        };
        self.space.claim(needed, wanted, |claim| self.commit(claim))?.ok_or_else(full)
    }

    /// Adds at least `needed` lines to a claim, if there are free ones behind it.
    fn extend(&self, claim: &mut Claim, needed: usize, wanted: usize) -> Result<bool, Error> {
        self.check_owner()?;
        self.space.extend(claim, needed, wanted, |claim| self.commit(claim))
    }

    /// Gets memory for what is claimed, and makes it writable.
    fn commit(&self, claim: &Claim) -> Result<(), Error> {
        match &self.views {
            Views::Single(view) => {
                view.protect(claim.bytes(), Access::Write)?;
                if claim.bytes().len() >= HUGE {
                    // For a large program: calls at random among 32 MiB take two thirds of the time then. Smaller parts would be
                    // split by their protection, and shared memory has no huge pages as most systems are set up.
                    let _ = view.advise(claim.bytes(), libc::MADV_HUGEPAGE);
                }
                view.populate(claim.fresh_bytes()).map(drop)
            }
            Views::Dual(dual) => dual.commit(claim.fresh_bytes()),
        }
    }
}

#[cfg(test)]
mod tests;
