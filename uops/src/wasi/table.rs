//! The table of descriptors: the numbers by which a program knows its files.

use std::cell::RefCell;

use cap_std::fs::{Dir, File};
use rustix::process::{Resource, getrlimit};

use super::errno::Errno;
use super::listing::Listing;
use super::stdio::{Input, Output};

/// The most descriptors of a program, unless the embedder or the process's own limit says less.
const MAX_DESCRIPTORS: usize = 1024;

/// What a descriptor stands for.
pub(super) enum Descriptor {
    /// Standard input.
    Input(RefCell<Input>),
    /// Standard output or standard error.
    Output(Output),
    /// An open file.
    File(OpenFile),
    /// An open directory.
    Dir(OpenDir),
}

/// An open file. It takes one descriptor of the process.
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// Whether it lies in a directory that was granted without write access. Then its times must not change either.
    pub(super) read_only: bool,
}

/// An open directory. It takes one descriptor of the process, which serves lookups and listings.
pub(super) struct OpenDir {
    pub(super) dir: Dir,
    /// The name by which the embedder granted it. Directories that the program opened have none.
    pub(super) name: Option<String>,
    /// Whether nothing below it may be changed.
    pub(super) read_only: bool,
    pub(super) listing: RefCell<Listing>,
}

impl OpenDir {
    pub(super) fn new(dir: Dir, name: Option<String>, read_only: bool) -> Self {
        Self { dir, name, read_only, listing: RefCell::default() }
    }

    /// The directory, to change something in it.
    pub(super) fn writable(&self) -> Result<&Dir, Errno> {
        if self.read_only { Err(Errno::ROFS) } else { Ok(&self.dir) }
    }
}

/// All descriptors of a program. A new descriptor gets the lowest free number.
pub(super) struct Table {
    descriptors: Vec<Option<Descriptor>>,
    limit: usize,
}

impl Table {
    /// A table with these descriptors and room for `limit`. Without a limit, a program gets at most half of the
    /// descriptors that the process may have.
    pub(super) fn new(descriptors: impl IntoIterator<Item = Descriptor>, limit: Option<usize>) -> Self {
        let default = || {
            let process = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |limit| limit as usize);
            MAX_DESCRIPTORS.min(process / 2)
        };
        Self { descriptors: descriptors.into_iter().map(Some).collect(), limit: limit.unwrap_or_else(default) }
    }

    pub(super) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.descriptors.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::BADF)
    }

    /// The open file of a descriptor.
    pub(super) fn file(&self, fd: u32) -> Result<&File, Errno> {
        match self.get(fd)? {
            Descriptor::File(OpenFile { file, .. }) => Ok(file),
            Descriptor::Dir(_) => Err(Errno::ISDIR),
            Descriptor::Input(_) | Descriptor::Output(_) => Err(Errno::SPIPE),
        }
    }

    /// The open directory of a descriptor.
    pub(super) fn dir(&self, fd: u32) -> Result<&OpenDir, Errno> {
        match self.get(fd)? {
            Descriptor::Dir(dir) => Ok(dir),
            _ => Err(Errno::NOTDIR),
        }
    }

    /// The directories that the embedder granted.
    pub(super) fn granted(&self) -> impl Iterator<Item = &OpenDir> {
        self.descriptors.iter().flatten().filter_map(|descriptor| match descriptor {
            Descriptor::Dir(dir) if dir.name.is_some() => Some(dir),
            _ => None,
        })
    }

    /// The number of the next descriptor.
    pub(super) fn free(&self) -> Result<u32, Errno> {
        let index = self.descriptors.iter().position(Option::is_none).unwrap_or(self.descriptors.len());
        if index < self.limit { Ok(index as u32) } else { Err(Errno::MFILE) }
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
