//! Writes within the process's limit on the size of files (`RLIMIT_FSIZE`, `ulimit -f`).
//!
//! The system ends a process that writes beyond this limit with `SIGXFSZ`, unless it ignores that signal. A program must
//! not be able to end its host, so these functions look at the limit first, and fail with `EFBIG`.

use std::os::fd::AsFd;

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, tell};
use rustix::process::{Resource, getrlimit};

use super::errno::Errno;

/// Fails if no byte can be written at an offset, or at the current position. The system cuts a write that begins within
/// the limit, and sends no signal.
pub(super) fn check_write(file: impl AsFd, offset: Option<u64>) -> Result<(), Errno> {
    let Some(limit) = getrlimit(Resource::Fsize).current else { return Ok(()) };
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(());
    }
    // Files that are only appended to ignore both offset and position.
    let start = match offset {
        _ if fcntl_getfl(&file)?.contains(OFlags::APPEND) => stat.st_size.cast_unsigned(),
        Some(offset) => offset,
        None => tell(&file)?,
    };
    if start < limit { Ok(()) } else { Err(Errno::FBIG) }
}

/// Fails if a file cannot grow to a size.
pub(super) fn check_size(file: impl AsFd, size: u64) -> Result<(), Errno> {
    match getrlimit(Resource::Fsize).current {
        Some(limit) if size > limit && size > fstat(file)?.st_size.cast_unsigned() => Err(Errno::FBIG),
        _ => Ok(()),
    }
}
