//! Labels, and where a program binds them.

use std::fmt;

use crate::emit::Address;
use crate::error::Error;
use crate::exit::Site;
use crate::link::{Exits, Tables};
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
        self.exits = Exits::new(sites, &self.offsets, slot)?;
        Ok(())
    }

    /// Returns the tables that compiled code keeps. Most short programs have no labels.
    #[inline]
    pub(crate) fn tables(&mut self) -> Tables {
        if self.offsets.is_empty() {
            return Tables::default();
        }
        match self.exits.take() {
            None => Tables::Labels(self.offsets.as_slice().into()),
            Some(exits) => Tables::Exits(exits),
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
        let unknown = Error::UnknownLabel { label: Label(word as u32), instruction: 0 };
        self.find(word).map(Address).ok_or(unknown)
    }
}

/// Returns a label's offset, if it is bound.
pub(crate) fn offset(offsets: &[u32], label: Label) -> Option<usize> {
    offsets.get(label.0 as usize).filter(|&&offset| offset != UNBOUND).map(|&offset| offset as usize)
}
