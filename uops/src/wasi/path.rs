//! Functions on paths: files and directories in a directory that a program has.
//!
//! `cap-std` resolves paths. It never leaves the directory, even if another process changes links meanwhile.
//! A function that makes, removes or renames an entry opens the parent directory that way, and then passes only the
//! entry's name, with its trailing slashes, to the system. So a trailing slash means what it means to Linux.

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, linkat, mkdirat, renameat, symlinkat, unlinkat};

use super::Context;
use super::descriptor::{READ, WRITE, set_flags};
use super::errno::Errno;
use super::guest::{Guest, Region};
use super::table::{Descriptor, OpenDir, OpenFile};

/// The lookup flag that follows a link at the end of a path.
const FOLLOW: u32 = 1;

/// The open flag that makes the file if there is none.
const CREATE: u32 = 1;
/// The open flag that fails unless the path names a directory.
const ONLY_DIRECTORY: u32 = 1 << 1;
/// The open flag that fails if there is a file already.
const EXCLUSIVE: u32 = 1 << 2;
/// The open flag that empties the file.
const TRUNCATE: u32 = 1 << 3;

impl Context {
    pub(super) fn path_create_directory(&self, guest: &Guest<'_>, fd: u32, path: Region) -> Result<(), Errno> {
        let (table, path) = (self.table.borrow(), guest.path(path)?);
        let (parent, name) = entry(table.dir(fd)?.writable()?, &path)?;
        Ok(mkdirat(parent, name, Mode::from_raw_mode(0o777))?)
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
        write_stat(guest, stat, &metadata(&table.dir(fd)?.dir, &path, follows(lookup, &path))?)
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
        // A file that may not be changed must not get a second name under which it may.
        let (from, into) = (table.dir(fd)?.writable()?, table.dir(to_fd)?.writable()?);
        if path.ends_with('/') {
            // The path can only name a directory, and there are no hard links to those.
            from.open_dir(path)?;
            return Err(Errno::PERM);
        }
        let ((from, name), (into, new)) = (entry(from, &path)?, entry(into, &to)?);
        Ok(linkat(from, name, into, new, AtFlags::empty())?)
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's parameters")]
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
        let how = How { how, rights, flags, lookup };
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
        let target = self.table.borrow().dir(fd)?.dir.read_link(guest.path(path)?)?;
        let target = target.to_str().ok_or(Errno::ILSEQ)?.as_bytes();
        let target = &target[..target.len().min(buffer.len as usize)];
        guest.write(buffer.at.into(), target)?;
        guest.write_u32(used, target.len() as u32)
    }

    pub(super) fn path_remove_directory(&self, guest: &Guest<'_>, fd: u32, path: Region) -> Result<(), Errno> {
        let (table, path) = (self.table.borrow(), guest.path(path)?);
        let (parent, name) = entry(table.dir(fd)?.writable()?, &path)?;
        Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
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
        let (from, name) = entry(table.dir(fd)?.writable()?, &path)?;
        let (into, new) = entry(table.dir(to_fd)?.writable()?, &to)?;
        Ok(renameat(from, name, into, new)?)
    }

    pub(super) fn path_symlink(&self, guest: &Guest<'_>, target: Region, fd: u32, path: Region) -> Result<(), Errno> {
        let (table, target, path) = (self.table.borrow(), guest.path(target)?, guest.path(path)?);
        let (parent, name) = entry(table.dir(fd)?.writable()?, &path)?;
        // `cap-std` would not follow such a link, but other programs would.
        if target.starts_with('/') {
            return Err(Errno::PERM);
        }
        Ok(symlinkat(target, parent, name)?)
    }

    pub(super) fn path_unlink_file(&self, guest: &Guest<'_>, fd: u32, path: Region) -> Result<(), Errno> {
        let (table, path) = (self.table.borrow(), guest.path(path)?);
        let (parent, name) = entry(table.dir(fd)?.writable()?, &path)?;
        Ok(unlinkat(parent, name, AtFlags::empty())?)
    }
}

/// Splits a path into the parent directory, which is opened, and the entry's name with its trailing slashes. The name is one
/// component and never `..`. The system must look it up without following a link, because the link could lead outside.
fn entry<'p>(dir: &Dir, path: &'p str) -> Result<(Dir, &'p str), Errno> {
    let end = path.trim_end_matches('/').len();
    let start = path[..end].rfind('/').map_or(0, |slash| slash + 1);
    match (&path[..start], &path[start..]) {
        // The path ends in a directory itself, or in the one above: open that, and name it by `.`.
        (_, name) if end == 0 || matches!(name.trim_end_matches('/'), "." | "..") => Ok((dir.open_dir(path)?, ".")),
        ("", name) => Ok((dir.try_clone()?, name)),
        (parent, name) => Ok((dir.open_dir(parent)?, name)),
    }
}

/// Whether a lookup follows a link at the end of a path. After a trailing slash or dot, the path ends in the directory
/// that the link leads to.
pub(super) fn follows(lookup: u32, path: &str) -> bool {
    lookup & FOLLOW != 0 || path.ends_with('/') || path.ends_with("/.")
}

/// What is known of a file.
fn metadata(dir: &Dir, path: &str, follow: bool) -> Result<Metadata, Errno> {
    Ok(if follow { dir.metadata(path) } else { dir.symlink_metadata(path) }?)
}

/// How to open a file.
struct How {
    how: u32,
    rights: u64,
    flags: u32,
    lookup: u32,
}

/// Whether a file could not be opened for writing because it is a FIFO without a reader.
fn is_unread_fifo(dir: &Dir, path: &str, error: Errno) -> bool {
    error == Errno::NXIO
        && metadata(dir, path, true).is_ok_and(|metadata| FileType::from_raw_mode(metadata.mode()) == FileType::Fifo)
}

fn open(guest: &Guest<'_>, within: &OpenDir, path: &str, how: &How) -> Result<Descriptor, Errno> {
    let OpenDir { dir, read_only, .. } = within;
    let (is, follow) = (|flag| how.how & flag != 0, how.lookup & FOLLOW != 0);
    if is(ONLY_DIRECTORY) && is(CREATE | EXCLUSIVE | TRUNCATE) {
        return Err(Errno::INVAL);
    }
    let (readable, writable) = (how.rights & READ != 0, how.rights & WRITE != 0);
    // The system makes and empties only files that it opens for writing.
    let write = writable || is(CREATE | TRUNCATE);
    if *read_only && write {
        read_only_check(dir, path, how)?;
    }
    let write = write && !read_only;
    let mut options = OpenOptions::new();
    options
        .read(readable || !write)
        .write(write)
        .create(is(CREATE) && write)
        .create_new(is(CREATE) && is(EXCLUSIVE))
        .truncate(is(TRUNCATE))
        .follow(if follow { FollowSymlinks::Yes } else { FollowSymlinks::No })
        .dsync(how.flags & 1 << 1 != 0)
        .rsync(how.flags & 1 << 3 != 0)
        .sync(how.flags & 1 << 4 != 0)
        // Opening a FIFO waits for its other end. `set_flags` undoes this.
        .nonblock(true)
        .custom_flags(if is(ONLY_DIRECTORY) { OFlags::DIRECTORY.bits().cast_signed() } else { 0 });
    let file = loop {
        match dir.open_with(path, &options).map_err(Errno::from) {
            // A directory that cannot be listed can still be passed through.
            Err(Errno::ACCESS) if is(ONLY_DIRECTORY) => {
                let dir = if follow { dir.open_dir(path) } else { dir.open_dir_nofollow(path) };
                return Ok(Descriptor::Dir(OpenDir::new(dir?, None, *read_only)));
            }
            // Nobody reads the FIFO yet.
            Err(error) if how.flags & 1 << 2 == 0 && is_unread_fifo(dir, path, error) => guest.nap()?,
            file => break file?,
        }
    };
    if file.metadata()?.is_dir() {
        return Ok(Descriptor::Dir(OpenDir::new(Dir::from_std_file(file.into_std()), None, *read_only)));
    }
    set_flags(&file, how.flags)?;
    Ok(Descriptor::File(OpenFile { file, readable, writable, read_only: *read_only }))
}

/// Fails as a read-only file system does if opening a file would change it or make it.
fn read_only_check(dir: &Dir, path: &str, how: &How) -> Result<(), Errno> {
    let is = |flag| how.how & flag != 0;
    match metadata(dir, path, follows(how.lookup, path)) {
        Ok(_) if is(CREATE) && is(EXCLUSIVE) => Err(Errno::EXIST),
        Ok(metadata) if metadata.is_dir() => Err(Errno::ISDIR),
        Ok(_) if how.rights & WRITE != 0 || is(TRUNCATE) => Err(Errno::ROFS),
        Ok(_) => Ok(()),
        Err(Errno::NOENT) if is(CREATE) => Err(Errno::ROFS),
        Err(error) => Err(error),
    }
}

/// Opens a directory that an embedder grants, so that it can be listed if that is allowed.
pub(super) fn grant(dir: Dir) -> Dir {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::DIRECTORY.bits().cast_signed());
    dir.open_with(".", &options).map_or(dir, |file| Dir::from_std_file(file.into_std()))
}

/// The specification's number of a file's type.
pub(super) fn file_type(ty: FileType) -> u8 {
    match ty {
        FileType::BlockDevice => 1,
        FileType::CharacterDevice => 2,
        FileType::Directory => 3,
        FileType::RegularFile => 4,
        FileType::Socket => 6,
        FileType::Symlink => 7,
        _ => 0,
    }
}

/// Writes what is known of a file to the program's memory.
pub(super) fn write_stat(guest: &Guest<'_>, stat: u32, metadata: &Metadata) -> Result<(), Errno> {
    let time = |seconds: i64, nanoseconds: i64| {
        let time = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        u64::try_from(time).unwrap_or(0)
    };
    let fields = [
        metadata.dev(),
        metadata.ino(),
        file_type(FileType::from_raw_mode(metadata.mode())).into(),
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
