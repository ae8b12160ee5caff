//! Setting when files were last read and written.

use std::time::{Duration, SystemTime};

use cap_fs_ext::{DirExt, SystemTimeSpec};
use fs_set_times::SetTimes;

use super::Context;
use super::errno::Errno;
use super::guest::{Guest, Region};
use super::path::follows;
use super::table::{Descriptor, OpenFile};

impl Context {
    pub(super) fn fd_filestat_set_times(
        &self,
        _guest: &Guest<'_>,
        fd: u32,
        read: u64,
        written: u64,
        flags: u32,
    ) -> Result<(), Errno> {
        let [read, written] = times(read, written, flags)?;
        match self.table.borrow().get(fd)? {
            Descriptor::File(OpenFile { read_only: true, .. }) => return Err(Errno::ROFS),
            Descriptor::File(OpenFile { file, .. }) => {
                file.set_times(read.map(SystemTimeSpec::into_std), written.map(SystemTimeSpec::into_std))?;
            }
            Descriptor::Dir(dir) => DirExt::set_times(dir.writable()?, ".", read, written)?,
            Descriptor::Input(_) | Descriptor::Output(_) => return Err(Errno::BADF),
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's parameters")]
    pub(super) fn path_filestat_set_times(
        &self,
        guest: &Guest<'_>,
        fd: u32,
        lookup: u32,
        path: Region,
        read: u64,
        written: u64,
        flags: u32,
    ) -> Result<(), Errno> {
        let (table, path) = (self.table.borrow(), guest.path(path)?);
        let (dir, [read, written]) = (table.dir(fd)?.writable()?, times(read, written, flags)?);
        let set = if follows(lookup, &path) { DirExt::set_times } else { DirExt::set_symlink_times };
        Ok(set(dir, path, read, written)?)
    }
}

/// The new times of the last access and of the last modification, `None` for one that stays as it is. Two flags for each
/// say whether to set it, and whether to the given number of nanoseconds since 1970 or to the present.
fn times(read: u64, written: u64, flags: u32) -> Result<[Option<SystemTimeSpec>; 2], Errno> {
    let time = |given, flags| match flags & 3 {
        0 => Ok(None),
        1 => {
            let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(given)).ok_or(Errno::INVAL)?;
            Ok(Some(SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time))))
        }
        2 => Ok(Some(SystemTimeSpec::SymbolicNow)),
        _ => Err(Errno::INVAL),
    };
    if flags >= 1 << 4 { Err(Errno::INVAL) } else { Ok([time(read, flags)?, time(written, flags >> 2)?]) }
}
