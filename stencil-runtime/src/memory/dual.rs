//! Two views of one unnamed file: one for writing, one for executing.

use std::ffi::CStr;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

use super::PAGE;
use super::system::{Access, Placement, View, errno, no_memory};
use super::writer::PART;
use crate::error::Error;

/// The bytes of memory that an arena gets at once: a system call for each program would take longer than emitting a trace.
const AHEAD: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Dual {
    pub(super) write: View,
    pub(super) run: View,
    file: OwnedFd,
    /// A page whose first byte is 1, and 0 in a child after `fork`.
    here: View,
}

impl Dual {
    pub(super) fn new(size: usize, placement: Placement) -> Result<Self, Error> {
        let refused = |call, code| Error::NoDualMapping { call, code };
        membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)
            .map_err(|code| refused("membarrier", code))?;
        let here = View::wiped_on_fork().map_err(|code| refused("madvise", code))?;
        first_byte(&here).store(1, Ordering::Relaxed);
        let mut error = refused("memfd_create", libc::ENOSYS);
        for open in [memfd, || unnamed(c"/dev/shm"), || unnamed(c"/tmp")] {
            let views = open().and_then(|file| Self::views(&file, size, placement).map(|views| (file, views)));
            match views {
                Ok((file, (write, run))) => return Ok(Self { write, run, file, here }),
                // Another file would not help.
                Err((_, code @ (libc::ENOMEM | libc::EFBIG))) => return Err(no_memory(size, code)),
                Err((call, code)) => error = refused(call, code),
            }
        }
        Err(error)
    }

    fn views(file: &OwnedFd, size: usize, placement: Placement) -> Result<(View, View), (&'static str, i32)> {
        resize(file, size).map_err(|code| ("ftruncate", code))?;
        let map = |access, placement| View::of(file.as_fd(), size, access, placement).map_err(|code| ("mmap", code));
        let run = map(Access::Execute, placement)?;
        // A random page in the lower half of the address space. `mmap` chooses another address if it is not free.
        let hint = RandomState::new().hash_one(0) & 0x3fff_ffff_f000;
        let write = map(Access::Write, Placement::Hint(hint as usize))?;
        write.advise(0..size, libc::MADV_DONTFORK).map_err(|code| ("madvise", code))?;
        Ok((write, run))
    }

    /// Returns whether this is a child process, which must not write to its parent's memory.
    pub(super) fn forked(&self) -> bool {
        first_byte(&self.here).load(Ordering::Relaxed) == 0
    }

    /// Gets memory for these pages and, if there is enough, for some behind them, so that later writes raise no `SIGBUS`. Returns
    /// the end of the pages that have memory.
    pub(super) fn commit(&self, pages: Range<usize>) -> Result<usize, Error> {
        let size = self.write.size();
        let most = AHEAD.min(size / PART).next_multiple_of(PAGE);
        let ahead = pages.start..(pages.start + most).min(size).max(pages.end);
        let provided = self.provide(ahead.clone()).map(|()| ahead.end);
        provided.or_else(|_| self.provide(pages.clone()).map(|()| pages.end))
    }

    fn provide(&self, pages: Range<usize>) -> Result<(), Error> {
        if self.write.populate(pages.clone())? {
            return Ok(());
        }
        let (start, size) = (pages.start as libc::off_t, pages.len());
        // SAFETY: the call only changes the size of an open file.
        match unsafe { libc::posix_fallocate(self.file.as_raw_fd(), start, size as libc::off_t) } {
            0 => Ok(()),
            code => Err(no_memory(size, code)),
        }
    }

    /// Makes every processor that runs this process discard instructions that it has fetched in advance.
    pub(super) fn serialize(&self) -> Result<(), Error> {
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)
            .map_err(|code| Error::NoDualMapping { call: "membarrier", code })
    }
}

impl Drop for Dual {
    fn drop(&mut self) {
        if self.forked() {
            // The child did not inherit the view, and something else may be at its address.
            self.write.disown();
        }
    }
}

/// Returns the byte that tells whether a page was wiped.
fn first_byte(page: &View) -> &AtomicU8 {
    // SAFETY: the page is writable and lives as long as the reference, and nothing else refers to it.
    unsafe { AtomicU8::from_ptr(page.start()) }
}

fn memfd() -> Result<OwnedFd, (&'static str, i32)> {
    /// Allows executing the file. Some systems need it, and older kernels do not know it.
    const MFD_EXEC: libc::c_uint = 0x10;
    let create = |flags| {
        // SAFETY: the name is a C string.
        opened(unsafe { libc::memfd_create(c"code".as_ptr(), libc::MFD_CLOEXEC | flags) })
    };
    create(MFD_EXEC).or_else(|_| create(0)).map_err(|code| ("memfd_create", code))
}

/// Opens an unnamed file in a folder.
fn unnamed(folder: &CStr) -> Result<OwnedFd, (&'static str, i32)> {
    let flags = libc::O_TMPFILE | libc::O_RDWR | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: the folder's name is a C string.
    opened(unsafe { libc::open(folder.as_ptr(), flags, 0o600) }).map_err(|code| ("open", code))
}

fn opened(file: libc::c_int) -> Result<OwnedFd, i32> {
    // SAFETY: a number that is not negative is a file that has just been opened, and nobody else has it.
    if file < 0 { Err(errno()) } else { Ok(unsafe { OwnedFd::from_raw_fd(file) }) }
}

fn resize(file: &OwnedFd, size: usize) -> Result<(), i32> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writing. Beyond the limit, `ftruncate` would raise a signal.
    if unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } == 0 && limit.rlim_cur < size as libc::rlim_t {
        return Err(libc::EFBIG);
    }
    // SAFETY: the call only changes the size of an open file that nothing maps.
    if unsafe { libc::ftruncate(file.as_raw_fd(), size as libc::off_t) } == 0 { Ok(()) } else { Err(errno()) }
}

/// Makes every processor that runs this process discard instructions that it has fetched in advance, whatever memory they are from.
pub(super) fn serialize_all() -> Result<(), Error> {
    let sync = || membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
    // Registered when an arena was mapped twice, but possibly not in a child process.
    let again = |_| membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE).and_then(|()| sync());
    sync().or_else(again).map_err(|code| Error::NoDualMapping { call: "membarrier", code })
}

fn membarrier(command: libc::c_int) -> Result<(), i32> {
    // SAFETY: the call takes numbers and changes no memory of this process.
    if unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) } == 0 { Ok(()) } else { Err(errno()) }
}
