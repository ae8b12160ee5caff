//! `fd_readdir`: the entries of a directory, in the order of the system.
//!
//! A listing reads from the directory's own descriptor, so that an open directory takes one descriptor of the process and
//! no more. A cookie is the number of entries before it. Programs normally continue where the last call stopped; any other
//! cookie reads the directory from its start.

use std::collections::VecDeque;
use std::mem::MaybeUninit;

use cap_std::fs::{Dir, MetadataExt};
use rustix::fs::{AtFlags, FileType, RawDir, SeekFrom, seek, statat};

use super::Context;
use super::errno::Errno;
use super::guest::{Guest, Region};
use super::path::file_type;
use super::table::{OpenDir, Table};

/// The size of an entry before its name, in bytes.
const ENTRY: usize = 24;
/// Bytes of entries that are read from the system at once.
const BATCH: usize = 4096;

/// An entry of a directory.
struct Entry {
    inode: u64,
    /// Its type, as the specification numbers them.
    kind: u8,
    name: String,
}

/// How far a directory has been read.
#[derive(Default)]
pub(super) struct Listing {
    /// How many entries the program has been given.
    position: u64,
    /// Entries that were read from the system and not yet given to the program.
    pending: VecDeque<Entry>,
}

impl Context {
    pub(super) fn fd_readdir(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        buffer: Region,
        cookie: u64,
        used: u32,
    ) -> Result<(), Errno> {
        guest.check(used, 4)?;
        guest.check(buffer.at, buffer.len.into())?;
        let table = self.table.borrow();
        let dir = table.dir(fd)?;
        let mut listing = dir.listing.borrow_mut();
        if cookie == 0 || cookie != listing.position {
            listing.rewind(&dir.dir)?;
            while listing.position < cookie && listing.next(guest, &table, dir)?.is_some() {}
        }
        let mut written = 0;
        while written < buffer.len {
            let Some(entry) = listing.next(guest, &table, dir)? else { break };
            let mut bytes = Vec::with_capacity(ENTRY + entry.name.len());
            bytes.extend(listing.position.to_le_bytes());
            bytes.extend(entry.inode.to_le_bytes());
            bytes.extend((entry.name.len() as u32).to_le_bytes());
            bytes.extend(u32::from(entry.kind).to_le_bytes());
            bytes.extend(entry.name.as_bytes());
            // An entry that does not fit is cut, and given again by the next call.
            let room = (buffer.len - written) as usize;
            if bytes.len() > room {
                bytes.truncate(room);
                listing.put_back(entry);
            }
            guest.write(u64::from(buffer.at) + u64::from(written), &bytes)?;
            written += bytes.len() as u32;
        }
        guest.write_u32(used, written)
    }
}

impl Listing {
    fn rewind(&mut self, dir: &Dir) -> Result<(), Errno> {
        *self = Self::default();
        match seek(dir, SeekFrom::Start(0)) {
            Ok(_) => Ok(()),
            // It was opened without the permission to list it.
            Err(rustix::io::Errno::BADF) => Err(Errno::ACCESS),
            Err(error) => Err(error.into()),
        }
    }

    fn put_back(&mut self, entry: Entry) {
        self.position -= 1;
        self.pending.push_front(entry);
    }

    /// The next entry, or nothing at the end.
    fn next(&mut self, guest: &Guest<'_>, table: &Table, dir: &OpenDir) -> Result<Option<Entry>, Errno> {
        while self.pending.is_empty() {
            if guest.is_interrupted() {
                return Err(Errno::INTR);
            }
            if !self.read(table, dir)? {
                return Ok(None);
            }
        }
        self.position += 1;
        Ok(self.pending.pop_front())
    }

    /// Reads a batch of entries, and returns whether there were any.
    fn read(&mut self, table: &Table, open: &OpenDir) -> Result<bool, Errno> {
        let (dir, mut buffer) = (&open.dir, [MaybeUninit::uninit(); BATCH]);
        let (mut entries, mut found) = (RawDir::new(dir, &mut buffer), false);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            found = true;
            // A program could not open a name that is not Unicode, because paths of WASI are Unicode.
            if let Ok(name) = entry.file_name().to_str() {
                let kind = match entry.file_type() {
                    // Some file systems tell the type only when they are asked for it. The file may be gone by now.
                    FileType::Unknown => statat(dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                        .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
                    known => known,
                };
                let inode = if name == ".." { parent(table, dir, entry.ino())? } else { entry.ino() };
                self.pending.push_back(Entry { inode, kind: file_type(kind), name: name.to_owned() });
            }
            if entries.is_buffer_empty() {
                break;
            }
        }
        Ok(found)
    }
}

/// The inode number of `..`, which the system says is `parent`. The parent of a granted directory is the directory
/// itself, like that of a root: a program learns nothing of what lies outside. Programs take 0 for an unknown number.
fn parent(table: &Table, dir: &Dir, parent: u64) -> Result<u64, Errno> {
    let this = dir.dir_metadata()?;
    for granted in table.granted() {
        let root = granted.dir.dir_metadata()?;
        if (root.dev(), root.ino()) == (this.dev(), this.ino()) {
            return Ok(this.ino());
        }
    }
    Ok(parent)
}
