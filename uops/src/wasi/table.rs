//! Descriptors: the numbers by which a program knows its files.

use std::cell::RefCell;

use cap_std::fs::{Dir, File, ReadDir};

use super::errno::Errno;
use super::stdio::{Input, Output};

/// The most descriptors that a program may have.
const LIMIT: usize = 1024;

/// What a descriptor stands for.
pub(super) enum Descriptor {
    /// Standard input.
    Input(RefCell<Input>),
    /// Standard output or standard error.
    Output(Output),
    /// A file, and what may be done with it.
    File { file: File, readable: bool, writable: bool },
    /// A directory; with a name if it was granted. The listing goes on where the program stopped reading.
    Dir { dir: Dir, name: Option<String>, listing: RefCell<Option<Listing>> },
}

/// How far a directory has been read.
pub(super) struct Listing {
    /// How many entries came before those that are left.
    pub(super) position: u64,
    pub(super) entries: ReadDir,
    /// The next entry where the program had no room for it: its number, type and name.
    pub(super) pending: Option<(u64, u8, String)>,
}

impl Descriptor {
    pub(super) fn dir(dir: Dir, name: Option<String>) -> Self {
        Self::Dir { dir, name, listing: RefCell::default() }
    }
}

/// All descriptors. A new one gets the lowest number that is free.
pub(super) struct Table {
    descriptors: Vec<Option<Descriptor>>,
}

impl FromIterator<Descriptor> for Table {
    fn from_iter<I: IntoIterator<Item = Descriptor>>(descriptors: I) -> Self {
        Self { descriptors: descriptors.into_iter().map(Some).collect() }
    }
}

impl Table {
    pub(super) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.descriptors.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::BADF)
    }

    /// An open file.
    pub(super) fn file(&self, fd: u32) -> Result<&File, Errno> {
        match self.get(fd)? {
            Descriptor::File { file, .. } => Ok(file),
            Descriptor::Dir { .. } => Err(Errno::ISDIR),
            Descriptor::Input(_) | Descriptor::Output(_) => Err(Errno::SPIPE),
        }
    }

    /// An open directory.
    pub(super) fn dir(&self, fd: u32) -> Result<&Dir, Errno> {
        match self.get(fd)? {
            Descriptor::Dir { dir, .. } => Ok(dir),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// The number of the next descriptor.
    pub(super) fn free(&self) -> Result<u32, Errno> {
        let index = self.descriptors.iter().position(Option::is_none).unwrap_or(self.descriptors.len());
        if index < LIMIT { Ok(index as u32) } else { Err(Errno::MFILE) }
    }

    /// Sets a descriptor that is free.
    pub(super) fn set(&mut self, fd: u32, descriptor: Descriptor) {
        let index = fd as usize;
        if index >= self.descriptors.len() {
            self.descriptors.resize_with(index + 1, || None);
        }
        self.descriptors[index] = Some(descriptor);
    }

    pub(super) fn close(&mut self, fd: u32) -> Result<Descriptor, Errno> {
        self.descriptors.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::BADF)
    }

    /// Closes `to` and moves `from` there. Both have to be open.
    pub(super) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from)?;
        self.get(to)?;
        if from != to {
            let descriptor = self.close(from)?;
            self.set(to, descriptor);
        }
        Ok(())
    }
}
