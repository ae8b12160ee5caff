//! The memory of the calling program. Every access is checked; a failed check is `EFAULT`.

use super::errno::Errno;
use crate::runtime::host::{Caller, HostError};
use crate::runtime::memory::{Memory, PAGE};
use crate::runtime::store::Store;

/// The most bytes that are copied at once.
pub(super) const CHUNK: usize = 1 << 16;
/// The most buffers of one call, as on Linux.
const MAX_SLICES: u32 = 1024;
/// The longest path in bytes, as on Linux.
const MAX_PATH: u32 = 4096;

/// A pointer and a number of bytes or elements, neither of which is checked yet.
#[derive(Clone, Copy)]
pub(super) struct Region {
    pub(super) at: u32,
    pub(super) len: u32,
}

/// The memory of the calling program.
pub(super) struct Guest<'a> {
    memory: Memory,
    store: &'a Store,
}

impl<'a> Guest<'a> {
    pub(super) fn new(caller: &Caller<'a>) -> Result<Self, HostError> {
        let store = caller.store();
        Ok(Self { memory: caller.instance().memory(store, "memory")?, store })
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.store.is_interrupted()
    }

    /// Waits a little, unless there is an interruption.
    pub(super) fn nap(&self) -> Result<(), Errno> {
        if self.is_interrupted() {
            return Err(Errno::INTR);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        Ok(())
    }

    /// Checks that bytes are inside the memory. A memory never shrinks, so they stay inside.
    pub(super) fn check(&self, at: u32, len: u64) -> Result<(), Errno> {
        let size = self.memory.pages(self.store).map_err(|_| Errno::FAULT)? * PAGE as u64;
        if (at as u64).checked_add(len).is_some_and(|end| end <= size) { Ok(()) } else { Err(Errno::FAULT) }
    }

    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Errno> {
        self.memory.read(self.store, at, into).map_err(|_| Errno::FAULT)
    }

    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.memory.write(self.store, at, bytes).map_err(|_| Errno::FAULT)
    }

    pub(super) fn write_u32(&self, at: u32, value: u32) -> Result<(), Errno> {
        self.write(at.into(), &value.to_le_bytes())
    }

    pub(super) fn write_u64(&self, at: u32, value: u64) -> Result<(), Errno> {
        self.write(at.into(), &value.to_le_bytes())
    }

    /// Reads a path.
    pub(super) fn path(&self, region: Region) -> Result<String, Errno> {
        self.check(region.at, region.len.into())?;
        if region.len > MAX_PATH {
            return Err(Errno::NAMETOOLONG);
        }
        let mut bytes = vec![0; region.len as usize];
        self.read(region.at.into(), &mut bytes)?;
        String::from_utf8(bytes).map_err(|_| Errno::ILSEQ)
    }

    /// Reads an array of buffers. All of them are inside the memory, and the sum of their lengths is a `u32`.
    pub(super) fn slices(&self, array: Region) -> Result<Vec<Region>, Errno> {
        self.check(array.at, u64::from(array.len) * 8)?;
        if array.len > MAX_SLICES {
            return Err(Errno::INVAL);
        }
        let (mut slices, mut sum) = (Vec::with_capacity(array.len as usize), 0u32);
        for index in 0..u64::from(array.len) {
            let mut bytes = [0; 8];
            self.read(u64::from(array.at) + 8 * index, &mut bytes)?;
            let [a, b, c, d, len @ ..] = bytes;
            let slice = Region { at: u32::from_le_bytes([a, b, c, d]), len: u32::from_le_bytes(len) };
            self.check(slice.at, slice.len.into())?;
            sum = sum.checked_add(slice.len).ok_or(Errno::INVAL)?;
            slices.push(slice);
        }
        Ok(slices)
    }

    /// Writes strings, each with a zero byte after it, to a buffer, and their addresses to an array.
    pub(super) fn strings(&self, strings: &[String], array: u32, buffer: u32) -> Result<(), Errno> {
        let (count, size) = sizes(strings)?;
        self.check(array, u64::from(count) * 4)?;
        self.check(buffer, size.into())?;
        let (mut array, mut at) = (u64::from(array), buffer);
        for string in strings {
            self.write(array, &at.to_le_bytes())?;
            self.write(at.into(), string.as_bytes())?;
            self.write(u64::from(at) + string.len() as u64, &[0])?;
            array += 4;
            // `sizes` has checked that all strings fit in a `u32`. Only the address after the last one can wrap, and
            // nothing is written there.
            at = at.wrapping_add(string.len() as u32 + 1);
        }
        Ok(())
    }
}

/// The number of strings, and of the bytes that they take with a zero byte after each.
pub(super) fn sizes(strings: &[String]) -> Result<(u32, u32), Errno> {
    let size = strings.iter().map(|string| string.len() + 1).sum::<usize>();
    let fits = |size: usize| u32::try_from(size).map_err(|_| Errno::OVERFLOW);
    Ok((fits(strings.len())?, fits(size)?))
}
