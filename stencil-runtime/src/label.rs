//! Labels, and where a program binds them.

use std::fmt;

use crate::emit::Address;
use crate::error::Error;
use crate::exit::Site;
use crate::link::Exits;
use crate::memory::Slot;

/// A position in a program to jump to. Number the labels of a program from 0, in any order, and bind each once with the
/// machine's `bind` instruction, before or after its uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u32);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "label {}", self.0)
    }
}

/// Hands out labels that are not in use yet, in the order of their numbers. It allocates no memory.
///
/// ```
/// use stencil_runtime::{Label, LabelAllocator};
///
/// let mut labels = LabelAllocator::new();
/// assert_eq!(labels.label(), Label(0));
/// assert!(labels.labels(3).eq([Label(1), Label(2), Label(3)]));
/// labels.reset(); // for the next program
/// assert_eq!(labels.label(), Label(0));
/// ```
///
/// An [`Assembler`](crate::Assembler) contains one.
#[derive(Clone, Debug, Default)]
pub struct LabelAllocator {
    next: u32,
}

impl LabelAllocator {
    /// Makes an allocator that begins with label 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: 0 }
    }

    /// Hands out the next label. After all 2<sup>32</sup> - 1 labels, which no program has room for, the last one is handed out
    /// again.
    #[inline]
    pub const fn label(&mut self) -> Label {
        let label = Label(self.next);
        self.next = self.next.saturating_add(1);
        label
    }

    /// Hands out the next labels, `count` or as many as are left.
    #[inline]
    pub fn labels(&mut self, count: u32) -> impl ExactSizeIterator<Item = Label> + use<> {
        let start = self.next;
        self.next = self.next.saturating_add(count);
        (start..self.next).map(Label)
    }

    /// Returns the number of labels handed out so far.
    #[must_use]
    #[inline]
    pub const fn count(&self) -> u32 {
        self.next
    }

    /// Takes all labels back, for another program.
    pub const fn reset(&mut self) {
        self.next = 0;
    }
}

/// The positions of a program's labels.
#[derive(Debug, Default)]
pub struct Labels {
    /// Each label's offset from the start of the code, or `UNBOUND`.
    offsets: Vec<u32>,
    pub(crate) base: u64,
    /// The exits of the program, once it is emitted.
    exits: Option<Box<Exits>>,
}

const UNBOUND: u32 = u32::MAX;

/// The size in bytes of a label's entry in a program's table.
const ENTRY: usize = size_of::<u32>();

impl Labels {
    /// Forgets all labels.
    pub(crate) fn clear(&mut self) {
        self.offsets.clear();
    }

    pub(crate) fn bind(
        &mut self,
        instruction: usize,
        word: u64,
        offset: usize,
        instructions: usize,
    ) -> Result<(), Error> {
        let label = Label(word as u32);
        if word >= instructions as u64 {
            return Err(Error::LabelTooLarge { label, instructions });
        }
        let index = word as usize;
        if self.offsets.len() <= index {
            self.offsets.resize(index + 1, UNBOUND);
        }
        if self.offsets[index] != UNBOUND {
            return Err(Error::DuplicateLabel { label, instruction });
        }
        // If this truncates, the program is too large, and `Layout::size` refuses it.
        self.offsets[index] = offset as u32;
        Ok(())
    }

    /// Prepares the exits of a program that was just emitted.
    #[cold]
    pub(crate) fn set_exits(&mut self, sites: Vec<Site>, slot: &mut Slot<'_, '_>) -> Result<(), Error> {
        self.exits = Exits::new(sites, slot)?;
        Ok(())
    }

    /// Returns the exits of the program that was emitted last.
    #[inline]
    pub(crate) fn take_exits(&mut self) -> Option<Box<Exits>> {
        self.exits.take()
    }

    /// Returns the size of the table that [`store`](Self::store) writes, in bytes.
    #[inline]
    pub(crate) fn table_size(&self) -> usize {
        self.offsets.len() * ENTRY
    }

    /// Writes the table for [`offset`].
    #[inline]
    pub(crate) fn store(&self, table: &mut [u8]) {
        let (entries, _) = table.as_chunks_mut::<ENTRY>();
        for (entry, offset) in entries.iter_mut().zip(&self.offsets) {
            *entry = offset.to_ne_bytes();
        }
    }

    /// Returns the address of the label in an operand word, if it is bound.
    #[inline(always)]
    #[must_use]
    pub fn find(&self, word: u64) -> Option<u64> {
        self.offsets
            .get(word as usize)
            .filter(|&&offset| offset != UNBOUND)
            .map(|offset| self.base.wrapping_add(u64::from(*offset)))
    }

    /// Returns the address of the label in an operand word.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], if it is not bound.
    pub fn address(&self, word: u64) -> Result<Address, Error> {
        let unknown = || Error::UnknownLabel { label: Label(word as u32), instruction: 0 };
        self.find(word).map(Address).ok_or_else(unknown)
    }
}

/// Returns a label's offset by a program's table, if it is bound.
pub(crate) fn offset(table: &[u8], label: Label) -> Option<usize> {
    let (entries, _) = table.as_chunks::<ENTRY>();
    let offset = u32::from_ne_bytes(*entries.get(label.0 as usize)?);
    (offset != UNBOUND).then_some(offset as usize)
}
