//! The standard streams of a program: those of this process, streams in memory, or none.

use std::cell::RefCell;
use std::io::{self, Cursor, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use rustix::stdio::{stderr, stdin, stdout};

use super::errno::Errno;
use super::file_size::check_write;

/// Where a program's standard input comes from.
#[derive(Debug, Default)]
pub enum Input {
    /// Nowhere: it is at its end.
    #[default]
    Empty,
    /// The standard input of this process. Reads bypass the buffer of [`std::io::stdin`].
    Inherited,
    /// These bytes.
    Bytes(Cursor<Vec<u8>>),
}

/// Where a program's standard output, or its standard error, goes.
#[derive(Debug, Default)]
pub enum Output {
    /// Nowhere.
    #[default]
    Discarded,
    /// The standard output of this process.
    Inherited,
    /// The standard error of this process.
    InheritedError,
    /// Into memory.
    Captured(Capture),
}

/// Output in memory, which clones share. A write beyond its limit fails with `ENOSPC`.
#[derive(Clone, Debug)]
pub struct Capture {
    bytes: Rc<RefCell<Vec<u8>>>,
    limit: usize,
}

impl Capture {
    /// Creates an empty capture that holds at most `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { bytes: Rc::default(), limit }
    }

    /// Returns a copy of everything written so far.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let mut all = self.bytes.borrow_mut();
        let written = bytes.len().min(self.limit.saturating_sub(all.len()));
        if written == 0 && !bytes.is_empty() {
            return Err(Errno::NOSPC);
        }
        all.try_reserve(written).map_err(|_| Errno::NOSPC)?;
        all.extend_from_slice(&bytes[..written]);
        Ok(written)
    }
}

/// A capture that holds at most 16 MiB.
impl Default for Capture {
    fn default() -> Self {
        Self::with_limit(16 << 20)
    }
}

impl From<Capture> for Output {
    fn from(capture: Capture) -> Self {
        Self::Captured(capture)
    }
}

impl From<Vec<u8>> for Input {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Cursor::new(bytes))
    }
}

impl Input {
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Empty => Ok(0),
            // Without a buffer, so that `poll_oneoff` knows what there is to read.
            Self::Inherited => Ok(rustix::io::read(stdin(), into)?),
            Self::Bytes(bytes) => bytes.read(into),
        }
    }

    /// The descriptor of the host, if there is one.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'static>> {
        matches!(self, Self::Inherited).then(stdin)
    }

    /// The number of bytes in memory that are left to read.
    pub(super) fn left(&self) -> u64 {
        match self {
            Self::Empty | Self::Inherited => 0,
            Self::Bytes(bytes) => (bytes.get_ref().len() as u64).saturating_sub(bytes.position()),
        }
    }

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Inherited) && io::stdin().is_terminal()
    }
}

impl Output {
    pub(super) fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match self {
            Self::Discarded => Ok(bytes.len()),
            Self::Inherited => write_all(stdout(), io::stdout().lock(), bytes),
            Self::InheritedError => write_all(stderr(), io::stderr().lock(), bytes),
            Self::Captured(capture) => capture.write(bytes),
        }
    }

    /// The descriptor of the host, if there is one.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'static>> {
        match self {
            Self::Discarded | Self::Captured(_) => None,
            Self::Inherited => Some(stdout()),
            Self::InheritedError => Some(stderr()),
        }
    }

    pub(super) fn is_terminal(&self) -> bool {
        match self {
            Self::Discarded | Self::Captured(_) => false,
            Self::Inherited => io::stdout().is_terminal(),
            Self::InheritedError => io::stderr().is_terminal(),
        }
    }
}

/// Writes and flushes: a program has its own buffer, so that what it writes is meant to be seen.
fn write_all(fd: impl AsFd, mut stream: impl Write, bytes: &[u8]) -> Result<usize, Errno> {
    stream.flush()?;
    check_write(fd, None)?;
    stream.write_all(bytes)?;
    stream.flush()?;
    Ok(bytes.len())
}
