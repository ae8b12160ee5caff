//! Standard streams: of this process, in memory, or none.

use std::cell::RefCell;
use std::io::{self, Cursor, IsTerminal, Read, Write};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use rustix::stdio::{stderr, stdin, stdout};

/// Where input comes from.
#[derive(Debug, Default)]
pub enum Input {
    /// There is none: reading is at the end at once.
    #[default]
    Empty,
    /// The standard input of this process.
    Inherited,
    /// These bytes.
    Bytes(Cursor<Vec<u8>>),
}

/// Where output goes.
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

/// Output in memory. Clones share it. Programs cannot write more than its limit: that is `ENOSPC`.
#[derive(Clone, Debug)]
pub struct Capture {
    bytes: Rc<RefCell<Vec<u8>>>,
    limit: usize,
}

impl Capture {
    /// Room for a number of bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { bytes: Rc::default(), limit }
    }

    /// What has been written until now.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.bytes.borrow_mut();
        let written = bytes.len().min(self.limit.saturating_sub(all.len()));
        if written == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        all.extend_from_slice(&bytes[..written]);
        Ok(written)
    }
}

/// Room for 16 MiB.
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

    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Inherited) && io::stdin().is_terminal()
    }
}

impl Output {
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Discarded => Ok(bytes.len()),
            Self::Inherited => write_all(io::stdout().lock(), bytes),
            Self::InheritedError => write_all(io::stderr().lock(), bytes),
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

/// Programs have buffers of their own: what they write is to be seen.
fn write_all(mut stream: impl Write, bytes: &[u8]) -> io::Result<usize> {
    stream.write_all(bytes)?;
    stream.flush()?;
    Ok(bytes.len())
}
