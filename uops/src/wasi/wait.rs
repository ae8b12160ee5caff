//! Reading and writing that an interruption can end: nothing is read or written before the system says that it does not
//! block.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};

use super::errno::Errno;
use super::guest::Guest;

/// How long to wait before looking for an interruption.
const NAP: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
/// Bytes that a pipe takes without blocking when it is ready (`PIPE_BUF`).
const PIECE: usize = 4096;

/// What waits for a descriptor of the host.
pub(super) struct Waiter<'a> {
    guest: &'a Guest<'a>,
    /// The descriptor, if it may block: pipes, terminals and other devices do.
    fd: Option<BorrowedFd<'a>>,
}

impl<'a> Waiter<'a> {
    /// Waits for a descriptor; for nothing, where bytes come from memory or go there.
    pub(super) fn new(guest: &'a Guest<'a>, fd: Option<BorrowedFd<'a>>) -> Self {
        let regular = |fd: &BorrowedFd<'_>| {
            fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
        };
        Self { guest, fd: fd.filter(|fd| !regular(fd)) }
    }

    /// Reads when there is something to read.
    pub(super) fn read(&self, read: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.wait(PollFlags::IN)?;
        read()
    }

    /// Writes as much as is taken without blocking, again and again, until all is written.
    pub(super) fn write(
        &self,
        bytes: &[u8],
        mut write: impl FnMut(&[u8]) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        if self.fd.is_none() {
            return write(bytes);
        }
        let mut written = 0;
        for piece in bytes.chunks(PIECE) {
            match self.wait(PollFlags::OUT).map_err(Errno::from).and_then(|()| write(piece)) {
                Ok(bytes) => written += bytes,
                Err(_) if written > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    fn wait(&self, events: PollFlags) -> io::Result<()> {
        let Some(fd) = &self.fd else { return Ok(()) };
        loop {
            if self.guest.is_interrupted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match poll(&mut [PollFd::new(fd, events)], Some(&NAP)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // An error of the descriptor is found by reading or writing.
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
