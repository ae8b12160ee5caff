//! Labels, and where a program binds them.

use std::fmt;

use crate::emit::Address;
use crate::error::Error;
use crate::exit::Site;

/// A position in a program to jump to. Number the labels of a program from 0, in any order, and bind each once with the
/// machine's `bind` instruction, before or after its uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u32);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "label {}", self.0)
    }
}

/// The positions of a program's labels.
#[derive(Debug, Default)]
pub struct Labels {
    /// Each label's offset from the start of the code, or `UNBOUND`.
    offsets: Vec<u32>,
    pub(crate) base: u64,
    /// Whether jumps to exits lead to cells or are indirect, because running code is not writable.
    pub(crate) cells: bool,
    /// The jumps to exits, after emission.
    pub(crate) exits: Vec<Site>,
}

const UNBOUND: u32 = u32::MAX;

impl Labels {
    /// Forgets all labels.
    pub(crate) fn clear(&mut self) {
        self.offsets.clear();
        self.exits.clear();
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

    /// Returns the table for [`offset`]. Most short programs have no labels.
    #[inline]
    pub(crate) fn bound(&self) -> Box<[u32]> {
        if self.offsets.is_empty() { Box::default() } else { self.offsets.as_slice().into() }
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

    /// Returns the address to which the aligned displacement of an exit leads at first: that of the exit's label, if it is bound. Returns
    /// `None` if the jump leads to a cell.
    #[inline(always)]
    #[must_use]
    pub fn find_exit(&self, word: u64) -> Option<u64> {
        if self.cells { None } else { self.find(word) }
    }

    /// Returns the address of the label in an operand word.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`], if it is not bound.
    pub fn address(&self, word: u64) -> Result<Address, Error> {
        let unknown = Error::UnknownLabel { label: Label(word as u32), instruction: 0 };
        self.find(word).map(Address).ok_or(unknown)
    }
}

/// Returns a label's offset, if it is bound.
pub(crate) fn offset(offsets: &[u32], label: Label) -> Option<usize> {
    offsets.get(label.0 as usize).filter(|&&offset| offset != UNBOUND).map(|&offset| offset as usize)
}
