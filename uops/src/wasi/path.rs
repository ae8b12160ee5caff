//! What can be done with the files in a directory.

use std::os::unix::fs::DirEntryExt;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, FileType, FileTypeExt, Metadata, MetadataExt, OpenOptions};

use super::Context;
use super::descriptor::{DIRECTORY, READ, WRITE, set_flags};
use super::errno::Errno;
use super::guest::{Guest, Region};
use super::table::{Descriptor, Listing};

/// The flag of lookups to follow a link at the end of a path.
pub(super) const FOLLOW: u32 = 1;

/// How to open: make the file if there is none.
const CREATE: u32 = 1;
/// How to open: only a directory.
const ONLY_DIRECTORY: u32 = 1 << 1;
/// How to open: only if there was none.
const EXCLUSIVE: u32 = 1 << 2;
/// How to open: empty the file.
const TRUNCATE: u32 = 1 << 3;

/// The size of an entry of a directory, before its name.
const ENTRY: usize = 24;

impl Context {
    pub(super) fn path_create_directory(&self, guest: &Guest<'_>, fd: u32, path: Region) -> Result<(), Errno> {
        Ok(self.table.borrow().dir(fd)?.create_dir(guest.path(path)?)?)
    }

    pub(super) fn path_filestat_get(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        lookup: u32,
        path: Region,
        stat: u32,
    ) -> Result<(), Errno> {
        let (table, path) = (self.table.borrow(), guest.path(path)?);
        let dir = table.dir(fd)?;
        let metadata = if lookup & FOLLOW != 0 { dir.metadata(path) } else { dir.symlink_metadata(path) };
        write_stat(guest, stat, &metadata?)
    }

    pub(super) fn path_link(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        lookup: u32,
        path: Region,
        to_fd: u32,
        to: Region,
    ) -> Result<(), Errno> {
        let table = self.table.borrow();
        let (path, to) = (guest.path(path)?, guest.path(to)?);
        if lookup & FOLLOW != 0 {
            return Err(Errno::INVAL);
        }
        Ok(table.dir(fd)?.hard_link(path, table.dir(to_fd)?, to)?)
    }

    #[expect(clippy::too_many_arguments, reason = "as the specification has it")]
    pub(super) fn path_open(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        lookup: u32,
        path: Region,
        how: u32,
        rights: u64,
        _inheriting: u64,
        flags: u32,
        opened: u32,
    ) -> Result<(), Errno> {
        guest.check(opened, 4)?;
        let path = guest.path(path)?;
        if how >= 1 << 4 || flags >= 1 << 5 {
            return Err(Errno::INVAL);
        }
        let mut table = self.table.borrow_mut();
        let free = table.free()?;
        let how = How { how, rights, flags, follow: lookup & FOLLOW != 0 };
        let descriptor = open(guest, table.dir(fd)?, &path, &how)?;
        table.set(free, descriptor);
        guest.write_u32(opened, free)
    }

    pub(super) fn path_readlink(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        path: Region,
        buffer: Region,
        used: u32,
    ) -> Result<(), Errno> {
        guest.check(used, 4)?;
        guest.check(buffer.at, buffer.len.into())?;
        let target = self.table.borrow().dir(fd)?.read_link(guest.path(path)?)?;
        let target = target.to_str().ok_or(Errno::ILSEQ)?.as_bytes();
        let target = &target[..target.len().min(buffer.len as usize)];
        guest.write(buffer.at.into(), target)?;
        guest.write_u32(used, target.len() as u32)
    }

    pub(super) fn path_remove_directory(&self, guest: &Guest<'_>, fd: u32, path: Region) -> Result<(), Errno> {
        Ok(self.table.borrow().dir(fd)?.remove_dir(guest.path(path)?)?)
    }

    pub(super) fn path_rename(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        path: Region,
        to_fd: u32,
        to: Region,
    ) -> Result<(), Errno> {
        let table = self.table.borrow();
        let (path, to) = (guest.path(path)?, guest.path(to)?);
        Ok(table.dir(fd)?.rename(path, table.dir(to_fd)?, to)?)
    }

    pub(super) fn path_symlink(&self, guest: &Guest<'_>, target: Region, fd: u32, path: Region) -> Result<(), Errno> {
        let (target, path) = (guest.path(target)?, guest.path(path)?);
        Ok(self.table.borrow().dir(fd)?.symlink(target, path)?)
    }

    pub(super) fn path_unlink_file(&self, guest: &Guest<'_>, fd: u32, path: Region) -> Result<(), Errno> {
        Ok(self.table.borrow().dir(fd)?.remove_file(guest.path(path)?)?)
    }

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
        let Descriptor::Dir { dir, listing, .. } = table.get(fd)? else { return Err(Errno::NOTDIR) };
        let mut listing = listing.borrow_mut();
        // Elsewhere than where the last call stopped: from the start again.
        let mut here = match listing.take() {
            Some(here) if cookie != 0 && here.position == cookie => here,
            _ => {
                let mut start = Listing { position: 0, entries: dir.entries()?, pending: None };
                while start.position < cookie && start.next(dir)?.is_some() {}
                start
            }
        };
        let mut written = 0;
        while written < buffer.len {
            let Some(entry) = here.next(dir)? else { break };
            let (number, kind, name) = &entry;
            let mut bytes = Vec::with_capacity(ENTRY + name.len());
            bytes.extend(here.position.to_le_bytes());
            bytes.extend(number.to_le_bytes());
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend(u32::from(*kind).to_le_bytes());
            bytes.extend(name.as_bytes());
            // An entry that does not fit is cut, and comes again.
            let room = (buffer.len - written) as usize;
            let whole = bytes.len() <= room;
            bytes.truncate(room);
            guest.write(u64::from(buffer.at) + u64::from(written), &bytes)?;
            written += bytes.len() as u32;
            if !whole {
                here.position -= 1;
                here.pending = Some(entry);
            }
        }
        *listing = Some(here);
        guest.write_u32(used, written)
    }
}

impl Listing {
    /// The next entry: number, type and name. The first ones are the directory itself and the one that it is in, whose
    /// number is not told.
    fn next(&mut self, dir: &Dir) -> Result<Option<(u64, u8, String)>, Errno> {
        let entry = match (self.pending.take(), self.position) {
            (Some(entry), _) => entry,
            (None, 0) => (dir.dir_metadata()?.ino(), DIRECTORY, ".".to_owned()),
            (None, 1) => (0, DIRECTORY, "..".to_owned()),
            (None, _) => loop {
                let Some(entry) = self.entries.next().transpose()? else { return Ok(None) };
                // A name that is no Unicode could not be opened either.
                if let Ok(name) = entry.file_name().into_string() {
                    break (entry.ino(), file_type(entry.file_type()?), name);
                }
            },
        };
        self.position += 1;
        Ok(Some(entry))
    }
}

/// How to open a file.
struct How {
    how: u32,
    rights: u64,
    flags: u32,
    follow: bool,
}

/// Whether a file could not be opened for writing because it is a FIFO without a reader.
fn is_unread_fifo(dir: &Dir, path: &str, error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
        && dir.metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

fn open(guest: &Guest<'_>, dir: &Dir, path: &str, how: &How) -> Result<Descriptor, Errno> {
    let is = |flag| how.how & flag != 0;
    if is(ONLY_DIRECTORY) {
        if is(CREATE | EXCLUSIVE | TRUNCATE) {
            return Err(Errno::INVAL);
        }
        let dir = if how.follow { dir.open_dir(path) } else { dir.open_dir_nofollow(path) };
        return Ok(Descriptor::dir(dir?, None));
    }
    let (readable, writable) = (how.rights & READ != 0, how.rights & WRITE != 0);
    // The system makes and empties only what can be written.
    let write = writable || is(CREATE | TRUNCATE);
    let mut options = OpenOptions::new();
    options
        .read(readable || !write)
        .write(write)
        .create(is(CREATE))
        .create_new(is(CREATE) && is(EXCLUSIVE))
        .truncate(is(TRUNCATE))
        .follow(if how.follow { FollowSymlinks::Yes } else { FollowSymlinks::No })
        .dsync(how.flags & 1 << 1 != 0)
        .rsync(how.flags & 1 << 3 != 0)
        .sync(how.flags & 1 << 4 != 0)
        // Opening a FIFO waits for its other end. `set_flags` undoes this.
        .nonblock(true);
    let file = loop {
        match dir.open_with(path, &options) {
            // Nobody reads the FIFO yet.
            Err(error) if how.flags & 1 << 2 == 0 && is_unread_fifo(dir, path, &error) => guest.nap()?,
            file => break file?,
        }
    };
    if file.metadata()?.is_dir() {
        return Ok(Descriptor::dir(Dir::from_std_file(file.into_std()), None));
    }
    set_flags(&file, how.flags)?;
    Ok(Descriptor::File { file, readable, writable })
}

/// The number of a file's type.
pub(super) fn file_type(ty: FileType) -> u8 {
    match ty {
        _ if ty.is_block_device() => 1,
        _ if ty.is_char_device() => 2,
        _ if ty.is_dir() => DIRECTORY,
        _ if ty.is_file() => 4,
        _ if ty.is_socket() => 6,
        _ if ty.is_symlink() => 7,
        _ => 0,
    }
}

/// Stores what is known of a file.
pub(super) fn write_stat(guest: &Guest<'_>, stat: u32, metadata: &Metadata) -> Result<(), Errno> {
    let time = |seconds: i64, nanoseconds: i64| {
        let time = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        u64::try_from(time).unwrap_or(0)
    };
    let fields = [
        metadata.dev(),
        metadata.ino(),
        file_type(metadata.file_type()).into(),
        metadata.nlink(),
        metadata.size(),
        time(metadata.atime(), metadata.atime_nsec()),
        time(metadata.mtime(), metadata.mtime_nsec()),
        time(metadata.ctime(), metadata.ctime_nsec()),
    ];
    let mut bytes = [0; 64];
    for (to, field) in bytes.chunks_exact_mut(8).zip(fields) {
        to.copy_from_slice(&field.to_le_bytes());
    }
    guest.write(stat.into(), &bytes)
}
