//! The limits of a store, and the bytes that everything in it has taken.

use std::cell::Cell;

use crate::module::error::{Error, Limit, LimitExceeded};
use crate::runtime::memory::MAX_PAGES;

/// The limits of a store: what all modules in it may use.
///
/// ```
/// use uops::{Error, Instance, Limit, Linker, Program, Store, StoreLimits};
///
/// let store = Store::with_limits(StoreLimits { memory_pages: 2, bytes: 1 << 20, ..StoreLimits::default() })?;
/// let program = Program::new(b"(module (memory 3))")?;
/// let Err(Error::LimitExceeded(exceeded)) = Instance::new(&store, &program, &Linker::new()) else { panic!() };
/// assert_eq!((exceeded.limit, exceeded.needed, exceeded.allowed), (Limit::MemoryPages, 3, 2));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Bytes for the frames of running functions. A program that needs more traps. By default one mebibyte.
    pub stack: usize,
    /// Pages of 64 KiB that one memory may have. A memory with 32-bit addresses has at most 2^16, which is also the
    /// default. Each memory reserves as much address space as it may grow to.
    pub memory_pages: u64,
    /// Elements of 8 bytes that one table may have. By default ten million. Each table reserves as much address space as
    /// it may grow to.
    pub table_elements: u32,
    /// Memories in the store. By default ten thousand.
    pub memories: usize,
    /// Tables in the store. By default ten thousand.
    pub tables: usize,
    /// Bytes that everything in the store may take in all: memories and tables with their current size, each program
    /// with its machine code and its module, and what instances have for each function, global and reference of an element
    /// segment. Address space that is only reserved does not count, nor do the frames. By default five gibibytes: the
    /// largest 32-bit memory and one more.
    pub bytes: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            stack: 1 << 20,
            memory_pages: MAX_PAGES,
            table_elements: 10_000_000,
            memories: 10_000,
            tables: 10_000,
            bytes: 5 << 30,
        }
    }
}

/// Fails if a limit is exceeded.
pub(crate) fn check(limit: Limit, needed: u64, allowed: u64) -> Result<(), Error> {
    if needed <= allowed { Ok(()) } else { Err(LimitExceeded { limit, needed, allowed }.into()) }
}

/// The bytes that a store may still take.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, used: Cell::new(0) }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.get()
    }

    /// Takes bytes, which an allocation that fails afterwards gives back.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] if so many are not left.
    pub(crate) fn take(&self, size: u64) -> Result<(), Error> {
        // A sum that has no 64 bits exceeds even the largest limit.
        let Some(used) = self.used.get().checked_add(size) else {
            return Err(LimitExceeded { limit: Limit::Bytes, needed: u64::MAX, allowed: self.limit }.into());
        };
        check(Limit::Bytes, used, self.limit)?;
        self.used.set(used);
        Ok(())
    }

    /// Gives bytes back that have been taken.
    pub(crate) fn give_back(&self, size: u64) {
        self.used.set(self.used.get().saturating_sub(size));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_never_exceeded() {
        let budget = Budget::new(10);
        budget.take(7).unwrap();
        let error = budget.take(4).unwrap_err().to_string();
        let expected = "the store needs 11 bytes in all, more than its limit of 10: raise `StoreLimits::bytes`";
        assert_eq!(error, expected);
        budget.take(3).unwrap();
        assert!(budget.take(1).is_err() && budget.take(u64::MAX).is_err());
        budget.give_back(2);
        assert!(budget.take(3).is_err());
        budget.take(2).unwrap();
        assert_eq!(budget.used(), 10);
        assert!(Budget::new(u64::MAX).take(u64::MAX).is_ok());
    }
}
