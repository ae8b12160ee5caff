//! Views: mappings from the operating system, near the executable if possible.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::kept;
use super::space::PAGE;
use crate::error::Error;

/// The greatest distance of a view's start from the executable: 2 GiB less 256 MiB, the room for the executable itself.
const NEAR: usize = (1 << 31) - (256 << 20);
/// The step between the addresses that are tried.
const STEP: usize = 16 << 20;

/// The size of a huge page in bytes: memory that one TLB entry maps.
pub(super) const HUGE: usize = 2 << 20;

/// Where to ask for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Within reach of relative calls to the executable, if the address space has room.
    Near,
    /// At this address if it is free, or else at an address of the system's choice.
    Hint(usize),
}

/// A right to pages besides reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Execute,
}

impl Access {
    fn protection(self) -> libc::c_int {
        match self {
            Self::Write => libc::PROT_READ | libc::PROT_WRITE,
            Self::Execute => libc::PROT_READ | libc::PROT_EXEC,
        }
    }
}

/// A mapping that this value owns. Dropping it unmaps it.
#[derive(Debug)]
pub(super) struct View {
    base: NonNull<u8>,
    size: usize,
    /// Whether it is private and anonymous memory without advice that outlives its content.
    plain: bool,
}

// SAFETY: a mapping belongs to the process, not to a thread, and this value owns it alone.
unsafe impl Send for View {}
// SAFETY: the callers of `bytes` and `bytes_mut` argue for the access that a shared reference gives.
unsafe impl Sync for View {}

impl View {
    /// Reserves addresses of pages that read as zeros or not at all, without getting memory for them. Their rights are those
    /// of kept pages or none, until [`protect`](Self::protect) sets them.
    pub(super) fn reserve(size: usize, placement: Placement) -> Result<Self, Error> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        if placement == Placement::Near
            && let Some(base) = kept::take(size, is_near).and_then(|address| NonNull::new(address as *mut u8))
        {
            return Ok(Self { base, size, plain: true });
        }
        let mut view = Self::place(size, placement, |hint| Self::map(hint, size, libc::PROT_NONE, flags, -1))
            .map_err(|code| no_memory(size, code))?;
        view.plain = true;
        Ok(view)
    }

    /// Maps a file from its start. The error is the system's code.
    pub(super) fn of(file: BorrowedFd<'_>, size: usize, access: Access, placement: Placement) -> Result<Self, i32> {
        let map = |hint| Self::map(hint, size, access.protection(), libc::MAP_SHARED, file.as_raw_fd());
        Self::place(size, placement, map)
    }

    /// Maps a page that reads as zeros in a child after `fork`.
    pub(super) fn wiped_on_fork() -> Result<Self, i32> {
        let page = Self::map(0, PAGE, Access::Write.protection(), libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        page.advise(0..PAGE, libc::MADV_WIPEONFORK)?;
        Ok(page)
    }

    fn place(size: usize, placement: Placement, map: impl Fn(usize) -> Result<Self, i32>) -> Result<Self, i32> {
        /// The address of the last view near the executable. The addresses below it are usually free.
        static LAST: AtomicUsize = AtomicUsize::new(0);
        if let Placement::Hint(hint) = placement {
            return map(hint);
        }
        let below = LAST.load(Ordering::Relaxed).checked_sub(size).map(|hint| hint & !(alignment(size) - 1));
        let below = below.filter(|hint| is_near(*hint));
        let there = below
            .into_iter()
            .chain(near(anchor(), size))
            .find_map(|hint| map(hint).ok().filter(|view| view.address() == hint));
        let Some(view) = there else { return map(0) };
        LAST.store(view.address(), Ordering::Relaxed);
        Ok(view)
    }

    /// Maps memory at `hint`, or elsewhere if that range is not free.
    fn map(hint: usize, size: usize, protection: libc::c_int, flags: libc::c_int, file: i32) -> Result<Self, i32> {
        // SAFETY: a new mapping without MAP_FIXED replaces nothing that exists.
        let base = unsafe { libc::mmap(hint as *mut libc::c_void, size, protection, flags, file, 0) };
        if base == libc::MAP_FAILED {
            return Err(errno());
        }
        NonNull::new(base.cast()).map(|base| Self { base, size, plain: false }).ok_or(0)
    }

    pub(super) fn start(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    pub(super) fn address(&self) -> usize {
        self.start() as usize
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns the bytes of a range.
    ///
    /// # Safety
    /// The range lies within the view, is readable, and nothing writes to it during the borrow.
    pub(super) unsafe fn bytes(&self, range: Range<usize>) -> &[u8] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(range.start), range.len()) }
    }

    /// Returns the bytes of a range for writing.
    ///
    /// # Safety
    /// The range lies within the view, is readable and writable, and there is no other reference into it during the borrow.
    #[allow(clippy::mut_from_ref)]
    pub(super) unsafe fn bytes_mut(&self, range: Range<usize>) -> &mut [u8] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr().add(range.start), range.len()) }
    }

    /// Changes the rights to whole pages.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::TooManyMappings`]; [`Error::NotExecutable`], if a security policy refuses.
    pub(super) fn protect(&self, pages: Range<usize>, access: Access) -> Result<(), Error> {
        let size = pages.len();
        match self.call(pages, |start, size| {
            // SAFETY: `call` passes a range within the view. References into it exist only in `memory`, which removes the
            // right to write only from lines without mutable references, and never the right to read.
            unsafe { libc::mprotect(start, size, access.protection()) }
        }) {
            Ok(()) => Ok(()),
            Err(code @ (libc::EACCES | libc::EPERM)) if access == Access::Execute => Err(Error::NotExecutable { code }),
            Err(code) => Err(no_memory(size, code)),
        }
    }

    /// Gets memory for all pages of a range at once instead of on the first write to each. Returns `false` if the system
    /// cannot do that.
    pub(super) fn populate(&self, pages: Range<usize>) -> Result<bool, Error> {
        let size = pages.len();
        match self.advise(pages, libc::MADV_POPULATE_WRITE) {
            Ok(()) => Ok(true),
            // EFAULT: the file cannot grow, and writing would raise a signal.
            Err(code @ (libc::ENOMEM | libc::EFAULT)) => Err(no_memory(size, code)),
            Err(_) => Ok(false),
        }
    }

    /// Gives advice that changes no byte of this process's memory.
    pub(super) fn advise(&self, pages: Range<usize>, advice: libc::c_int) -> Result<(), i32> {
        // SAFETY: `call` passes a range within the view, and no advice given here discards its contents.
        self.call(pages, |start, size| unsafe { libc::madvise(start, size, advice) })
    }

    fn call(&self, pages: Range<usize>, call: impl Fn(*mut libc::c_void, usize) -> libc::c_int) -> Result<(), i32> {
        if pages.is_empty() {
            return Ok(());
        }
        assert!(pages.end <= self.size, "{pages:?} is not within {} bytes", self.size);
        let start = self.base.as_ptr().wrapping_add(pages.start).cast();
        if call(start, pages.len()) == 0 { Ok(()) } else { Err(errno()) }
    }

    /// Gives up the addresses without unmapping them, in a child process that did not inherit them.
    pub(super) fn disown(&mut self) {
        self.size = 0;
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if self.size != 0 {
            let start = self.address();
            // SAFETY: this value owns exactly these pages, and all borrows of it have ended.
            unsafe { kept::release(start..start + self.size, self.plain) };
        }
    }
}

/// Returns an address in the executable.
fn anchor() -> usize {
    anchor as *const () as usize
}

/// Returns whether relative calls from a view at this address reach the executable.
fn is_near(address: usize) -> bool {
    anchor().abs_diff(address) <= NEAR
}

/// Returns the alignment of a view: a page, or a huge page if the view is as large.
fn alignment(size: usize) -> usize {
    if size < HUGE { PAGE } else { HUGE }
}

/// Returns addresses near the executable for a view, first those below it, since the heap grows above it.
fn near(anchor: usize, size: usize) -> impl Iterator<Item = usize> {
    let alignment = alignment(size);
    let anchor = anchor & !(alignment - 1);
    let below = (size..=NEAR).step_by(STEP).filter_map(move |distance| anchor.checked_sub(distance));
    let above =
        (STEP..=NEAR.saturating_sub(size)).step_by(STEP).filter_map(move |distance| anchor.checked_add(distance));
    below.map(move |hint| hint & !(alignment - 1)).chain(above)
}

/// Returns the error for a system call that refused memory of this size. `ENOMEM` has two causes with different remedies.
pub(super) fn no_memory(size: usize, code: i32) -> Error {
    match most_mappings() {
        Some(most) if code == libc::ENOMEM => Error::TooManyMappings { most },
        _ => Error::OutOfMemory { size, code },
    }
}

/// Returns how many mappings a process may have, if this one has as many.
fn most_mappings() -> Option<usize> {
    let mut buffer = [0; 4096];
    let mut limit = File::open("/proc/sys/vm/max_map_count").ok()?;
    let length = limit.read(&mut buffer).ok()?;
    let most = str::from_utf8(&buffer[..length]).ok()?.trim().parse().ok()?;
    // Memory may be short, so this allocates nothing.
    let mut maps = File::open("/proc/self/maps").ok()?;
    let mut mappings = 0;
    loop {
        match maps.read(&mut buffer).ok()? {
            0 => break,
            length => mappings += buffer[..length].iter().filter(|&&byte| byte == b'\n').count(),
        }
    }
    // Changing the middle of a mapping needs two more.
    (mappings + 2 > most).then_some(most)
}

pub(super) fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
