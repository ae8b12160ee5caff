//! Functions on descriptors: reading, writing, seeking, flags and attributes.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::os::fd::AsFd;

use cap_std::fs::{FileExt, MetadataExt};
use rustix::fs::{Advice, FileType, OFlags, fadvise, fcntl_getfl, fcntl_setfl};

use super::Context;
use super::errno::Errno;
use super::file_size::{check_size, check_write};
use super::guest::{CHUNK, Guest, Region};
use super::path::{file_type, write_stat};
use super::table::{Descriptor, OpenDir, OpenFile};
use super::wait::Waiter;

/// The flags of descriptors: their bits in the specification, and the system's.
const FLAGS: [(u16, OFlags); 4] =
    [(1, OFlags::APPEND), (1 << 1, OFlags::DSYNC), (1 << 2, OFlags::NONBLOCK), (1 << 4, OFlags::SYNC)];
/// The flags that can be changed on an open file.
const CHANGEABLE: u32 = 1 | 1 << 2;

/// Hints on how a file will be used, in the order of the specification.
const ADVICE: [Advice; 6] =
    [Advice::Normal, Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::DontNeed, Advice::NoReuse];

/// The right to read.
pub(super) const READ: u64 = 1 << 1;
/// The right to write.
pub(super) const WRITE: u64 = 1 << 6;
/// The other rights of files: to synchronize, seek, tell, set flags, advise, get and set attributes, and poll.
const FILE: u64 = 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 27;
/// The right to allocate space. No file has it, but libraries expect directories to pass it on.
const ALLOCATE: u64 = 1 << 8;
/// The other rights of standard streams: to get attributes and to poll.
const STREAM: u64 = 1 << 21 | 1 << 27;
/// The rights of directories: to call each function that takes a path, to list entries, and to get and set attributes. They do
/// not include `1 << 19`, the right to set a file's size by its path, because no function does that.
const DIR: u64 = (1 << 27) - (1 << 9) - (1 << 19) - (1 << 22);

impl Context {
    pub(super) fn fd_advise(
        &self,
        _guest: &Guest<'_>,
        fd: u32,
        offset: u64,
        len: u64,
        advice: u32,
    ) -> Result<(), Errno> {
        let advice = *ADVICE.get(advice as usize).ok_or(Errno::INVAL)?;
        Ok(fadvise(self.table.borrow().file(fd)?, offset, NonZeroU64::new(len), advice)?)
    }

    /// Always fails, like on other hosts: later versions of WASI have dropped this function.
    pub(super) fn fd_allocate(&self, _guest: &Guest<'_>, fd: u32, _offset: u64, _len: u64) -> Result<(), Errno> {
        match self.table.borrow().get(fd)? {
            Descriptor::File(OpenFile { writable: false, .. }) => Err(Errno::BADF),
            Descriptor::File(_) => Err(Errno::NOTSUP),
            Descriptor::Dir(_) => Err(Errno::ISDIR),
            Descriptor::Input(_) | Descriptor::Output(_) => Err(Errno::SPIPE),
        }
    }

    /// Always fails: a descriptor keeps the rights with which it was opened.
    pub(super) fn fd_fdstat_set_rights(
        &self,
        _guest: &Guest<'_>,
        fd: u32,
        _rights: u64,
        _inheriting: u64,
    ) -> Result<(), Errno> {
        self.table.borrow().get(fd).and(Err(Errno::NOTSUP))
    }

    pub(super) fn fd_close(&self, _guest: &Guest<'_>, fd: u32) -> Result<(), Errno> {
        self.table.borrow_mut().close(fd).map(|_| ())
    }

    pub(super) fn fd_datasync(&self, _guest: &Guest<'_>, fd: u32) -> Result<(), Errno> {
        Ok(self.table.borrow().file(fd)?.sync_data()?)
    }

    pub(super) fn fd_sync(&self, _guest: &Guest<'_>, fd: u32) -> Result<(), Errno> {
        Ok(self.table.borrow().file(fd)?.sync_all()?)
    }

    pub(super) fn fd_renumber(&self, _guest: &Guest<'_>, from: u32, to: u32) -> Result<(), Errno> {
        self.table.borrow_mut().renumber(from, to)
    }

    pub(super) fn fd_fdstat_get(&self, guest: &Guest<'_>, fd: u32, stat: u32) -> Result<(), Errno> {
        let table = self.table.borrow();
        let terminal = |terminal| file_type(if terminal { FileType::CharacterDevice } else { FileType::Unknown });
        let (kind, flags, rights, inheriting) = match table.get(fd)? {
            Descriptor::Input(input) => (terminal(input.borrow().is_terminal()), 0, STREAM | READ, 0),
            Descriptor::Output(output) => (terminal(output.is_terminal()), 0, STREAM | WRITE, 0),
            // Libraries request only rights that the directory passes on. A read-only directory passes on all of them, too, so
            // that a library requests the right to write, and `path_open` fails instead of the first write.
            Descriptor::Dir(_) => (file_type(FileType::Directory), 0, DIR, DIR | FILE | READ | WRITE | ALLOCATE),
            Descriptor::File(OpenFile { file, readable, writable, .. }) => {
                let set = fcntl_getfl(file)?;
                let flags = FLAGS.iter().filter(|(_, flag)| set.contains(*flag)).fold(0, |all, (flag, _)| all | flag);
                let rights = FILE | if *readable { READ } else { 0 } | if *writable { WRITE } else { 0 };
                (file_type(FileType::from_raw_mode(file.metadata()?.mode())), flags, rights, 0)
            }
        };
        let mut bytes = [0; 24];
        bytes[0] = kind;
        bytes[2..4].copy_from_slice(&flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&rights.to_le_bytes());
        bytes[16..].copy_from_slice(&u64::to_le_bytes(inheriting));
        guest.write(stat.into(), &bytes)
    }

    pub(super) fn fd_fdstat_set_flags(&self, _guest: &Guest<'_>, fd: u32, flags: u32) -> Result<(), Errno> {
        let table = self.table.borrow();
        if flags & !CHANGEABLE != 0 { Err(Errno::INVAL) } else { set_flags(table.file(fd)?, flags) }
    }

    pub(super) fn fd_filestat_get(&self, guest: &Guest<'_>, fd: u32, stat: u32) -> Result<(), Errno> {
        let terminal = |terminal| {
            let mut bytes = [0; 64];
            bytes[16] = file_type(if terminal { FileType::CharacterDevice } else { FileType::Unknown });
            guest.write(stat.into(), &bytes)
        };
        match self.table.borrow().get(fd)? {
            Descriptor::Input(input) => terminal(input.borrow().is_terminal()),
            Descriptor::Output(output) => terminal(output.is_terminal()),
            Descriptor::File(OpenFile { file, .. }) => write_stat(guest, stat, &file.metadata()?),
            Descriptor::Dir(OpenDir { dir, .. }) => write_stat(guest, stat, &dir.dir_metadata()?),
        }
    }

    pub(super) fn fd_filestat_set_size(&self, _guest: &Guest<'_>, fd: u32, size: u64) -> Result<(), Errno> {
        match self.table.borrow().get(fd)? {
            Descriptor::File(OpenFile { file, writable: true, .. }) => {
                check_size(file, size)?;
                Ok(file.set_len(size)?)
            }
            _ => Err(Errno::INVAL),
        }
    }

    pub(super) fn fd_prestat_get(&self, guest: &Guest<'_>, fd: u32, prestat: u32) -> Result<(), Errno> {
        let table = self.table.borrow();
        let Descriptor::Dir(OpenDir { name: Some(name), .. }) = table.get(fd)? else { return Err(Errno::BADF) };
        guest.write_u64(prestat, (name.len() as u64) << 32)
    }

    pub(super) fn fd_prestat_dir_name(&self, guest: &Guest<'_>, fd: u32, buffer: Region) -> Result<(), Errno> {
        let table = self.table.borrow();
        let Descriptor::Dir(OpenDir { name: Some(name), .. }) = table.get(fd)? else { return Err(Errno::BADF) };
        if name.len() > buffer.len as usize {
            return Err(Errno::NAMETOOLONG);
        }
        guest.write(buffer.at.into(), name.as_bytes())
    }

    pub(super) fn fd_pread(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        slices: Region,
        offset: u64,
        done: u32,
    ) -> Result<(), Errno> {
        match self.table.borrow().get(fd)? {
            Descriptor::File(OpenFile { file, readable: true, .. }) => {
                read(guest, slices, done, |bytes, before| file.read_at(bytes, offset.saturating_add(before)))
            }
            Descriptor::Input(_) => Err(Errno::SPIPE),
            _ => Err(Errno::BADF),
        }
    }

    pub(super) fn fd_read(&self, guest: &Guest<'_>, fd: u32, slices: Region, done: u32) -> Result<(), Errno> {
        match self.table.borrow().get(fd)? {
            Descriptor::File(OpenFile { file, readable: true, .. }) => {
                let waiter = Waiter::new(guest, Some(file.as_fd()));
                read(guest, slices, done, |bytes, _| waiter.read(|| Read::read(&mut &*file, bytes)))
            }
            // Read only once, so that the program gets the input that has arrived, and does not wait for more.
            Descriptor::Input(input) => {
                let waiter = Waiter::new(guest, input.borrow().fd());
                read(guest, slices, done, |bytes, before| match before {
                    0 => waiter.read(|| input.borrow_mut().read(bytes)),
                    _ => Ok(0),
                })
            }
            _ => Err(Errno::BADF),
        }
    }

    pub(super) fn fd_pwrite(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        slices: Region,
        offset: u64,
        done: u32,
    ) -> Result<(), Errno> {
        match self.table.borrow().get(fd)? {
            Descriptor::File(OpenFile { file, writable: true, .. }) => write(guest, slices, done, |bytes, before| {
                let offset = offset.saturating_add(before);
                check_write(file, Some(offset))?;
                Ok(file.write_at(bytes, offset)?)
            }),
            Descriptor::Output(_) => Err(Errno::SPIPE),
            _ => Err(Errno::BADF),
        }
    }

    pub(super) fn fd_write(&self, guest: &Guest<'_>, fd: u32, slices: Region, done: u32) -> Result<(), Errno> {
        match self.table.borrow().get(fd)? {
            Descriptor::File(OpenFile { file, writable: true, .. }) => {
                let waiter = Waiter::new(guest, Some(file.as_fd()));
                write(guest, slices, done, |bytes, _| {
                    waiter.write(bytes, |bytes| {
                        check_write(file, None)?;
                        Ok(Write::write(&mut &*file, bytes)?)
                    })
                })
            }
            Descriptor::Output(output) => {
                let waiter = Waiter::new(guest, output.fd());
                write(guest, slices, done, |bytes, _| waiter.write(bytes, |bytes| output.write(bytes)))
            }
            _ => Err(Errno::BADF),
        }
    }

    pub(super) fn fd_seek(&self, guest: &Guest<'_>, fd: u32, by: u64, whence: u32, position: u32) -> Result<(), Errno> {
        guest.check(position, 8)?;
        let to = match whence {
            // A negative position is an error.
            0 => SeekFrom::Start(i64::try_from(by).map_err(|_| Errno::INVAL)?.cast_unsigned()),
            1 => SeekFrom::Current(by.cast_signed()),
            2 => SeekFrom::End(by.cast_signed()),
            _ => return Err(Errno::INVAL),
        };
        guest.write_u64(position, Seek::seek(&mut self.table.borrow().file(fd)?, to)?)
    }

    pub(super) fn fd_tell(&self, guest: &Guest<'_>, fd: u32, position: u32) -> Result<(), Errno> {
        guest.write_u64(position, Seek::stream_position(&mut self.table.borrow().file(fd)?)?)
    }
}

/// Sets the changeable flags of an open file.
pub(super) fn set_flags(file: &cap_std::fs::File, flags: u32) -> Result<(), Errno> {
    let mut set = fcntl_getfl(file)?;
    for (flag, system) in FLAGS {
        if CHANGEABLE & u32::from(flag) != 0 {
            set.set(system, flags & u32::from(flag) != 0);
        }
    }
    Ok(fcntl_setfl(file, set)?)
}

/// Reads into the program's buffers piece by piece, until they are full or a piece is not filled. `read` takes a piece and the
/// number of bytes that were read before.
fn read(
    guest: &Guest<'_>,
    slices: Region,
    done: u32,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> Result<(), Errno> {
    pieces(guest, slices, done, |buffer, at, before| {
        let bytes = read(buffer, before)?;
        guest.write(at, buffer.get(..bytes).ok_or(Errno::IO)?)?;
        Ok(bytes)
    })
}

/// Writes the program's buffers, piece by piece, until a piece is not written in full. `write` takes a piece and the number
/// of bytes that were written before.
fn write(
    guest: &Guest<'_>,
    slices: Region,
    done: u32,
    mut write: impl FnMut(&[u8], u64) -> Result<usize, Errno>,
) -> Result<(), Errno> {
    pieces(guest, slices, done, |buffer, at, before| {
        guest.read(at, buffer)?;
        write(buffer, before)
    })
}

/// Handles buffers in pieces of at most 64 KiB, until a piece is not handled in full. Stores the number of bytes that were
/// handled. An error after the first bytes ends the loop without being reported, and the program's next call meets it again.
fn pieces(
    guest: &Guest<'_>,
    slices: Region,
    done: u32,
    mut handle: impl FnMut(&mut [u8], u64, u64) -> Result<usize, Errno>,
) -> Result<(), Errno> {
    guest.check(done, 4)?;
    let slices = guest.slices(slices)?;
    let longest = slices.iter().map(|slice| slice.len as usize).max().unwrap_or(0);
    let (mut buffer, mut total) = (vec![0; longest.min(CHUNK)], 0u32);
    'all: for slice in slices {
        let mut handled = 0;
        while handled < slice.len {
            if guest.is_interrupted() {
                if total == 0 {
                    return Err(Errno::INTR);
                }
                break 'all;
            }
            let piece = &mut buffer[..((slice.len - handled) as usize).min(CHUNK)];
            let bytes = match handle(piece, u64::from(slice.at) + u64::from(handled), total.into()) {
                Ok(bytes) => bytes,
                Err(Errno::INTR) => continue,
                Err(error) if total == 0 => return Err(error),
                Err(_) => break 'all,
            };
            // Both are at most the sum of all lengths, which fits a `u32`, as `Guest::slices` has checked.
            (handled, total) = (handled + bytes as u32, total + bytes as u32);
            if bytes < piece.len() {
                break 'all;
            }
        }
    }
    guest.write_u32(done, total)
}
