//! Two views of one file without a name: one is written, one is executed.

use std::ffi::CStr;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

use super::system::{Access, Placement, View, errno, no_memory};
use crate::error::Error;

#[derive(Debug)]
pub(super) struct Dual {
    pub(super) write: View,
    pub(super) run: View,
    file: OwnedFd,
    /// Begins with 1, and with 0 in a child after `fork`.
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
                // No place for the addresses is no better with another file.
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
        // A random page of the lower half of the address space; `mmap` takes another place if that is not free.
        let hint = RandomState::new().hash_one(0) & 0x3fff_ffff_f000;
        let write = map(Access::Write, Placement::Hint(hint as usize))?;
        write.advise(0..size, libc::MADV_DONTFORK).map_err(|code| ("madvise", code))?;
        Ok((write, run))
    }

    /// Whether this is a child's, which must not write to what is its parent's.
    pub(super) fn forked(&self) -> bool {
        first_byte(&self.here).load(Ordering::Relaxed) == 0
    }

    /// Gets memory for pages, so that to write to them later is no `SIGBUS`.
    pub(super) fn commit(&self, pages: Range<usize>) -> Result<(), Error> {
        if self.write.populate(pages.clone())? {
            return Ok(());
        }
        let (start, size) = (pages.start as libc::off_t, pages.len());
        // SAFETY: it changes the size of an open file alone.
        match unsafe { libc::posix_fallocate(self.file.as_raw_fd(), start, size as libc::off_t) } {
            0 => Ok(()),
            code => Err(no_memory(size, code)),
        }
    }

    /// Makes every processor that runs this process forget instructions that it has fetched ahead of time.
    pub(super) fn serialize(&self) -> Result<(), Error> {
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)
            .map_err(|code| Error::NoDualMapping { call: "membarrier", code })
    }
}

impl Drop for Dual {
    fn drop(&mut self) {
        if self.forked() {
            // It was not inherited, and something else may be there.
            self.write.disown();
        }
    }
}

/// What tells whether a page was wiped.
fn first_byte(page: &View) -> &AtomicU8 {
    // SAFETY: the page is writable and lives as long as the reference, and nothing else refers to it.
    unsafe { AtomicU8::from_ptr(page.start()) }
}

fn memfd() -> Result<OwnedFd, (&'static str, i32)> {
    /// The file will be executed: needed where that is not the default, and unknown to older kernels.
    const MFD_EXEC: libc::c_uint = 0x10;
    let create = |flags| {
        // SAFETY: the name is a C string.
        opened(unsafe { libc::memfd_create(c"code".as_ptr(), libc::MFD_CLOEXEC | flags) })
    };
    create(MFD_EXEC).or_else(|_| create(0)).map_err(|code| ("memfd_create", code))
}

/// A file without a name in a folder.
fn unnamed(folder: &CStr) -> Result<OwnedFd, (&'static str, i32)> {
    let flags = libc::O_TMPFILE | libc::O_RDWR | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: the folder's name is a C string.
    opened(unsafe { libc::open(folder.as_ptr(), flags, 0o600) }).map_err(|code| ("open", code))
}

fn opened(file: libc::c_int) -> Result<OwnedFd, i32> {
    // SAFETY: a number that is not negative is a file that was opened just now, for nobody else.
    if file < 0 { Err(errno()) } else { Ok(unsafe { OwnedFd::from_raw_fd(file) }) }
}

fn resize(file: &OwnedFd, size: usize) -> Result<(), i32> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is where the limit goes. Beyond it, `ftruncate` ends the process by a signal.
    if unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } == 0 && limit.rlim_cur < size as libc::rlim_t {
        return Err(libc::EFBIG);
    }
    // SAFETY: it changes the size of an open file that nothing maps.
    if unsafe { libc::ftruncate(file.as_raw_fd(), size as libc::off_t) } == 0 { Ok(()) } else { Err(errno()) }
}

fn membarrier(command: libc::c_int) -> Result<(), i32> {
    // SAFETY: the call takes numbers and changes no memory.
    if unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) } == 0 { Ok(()) } else { Err(errno()) }
}
