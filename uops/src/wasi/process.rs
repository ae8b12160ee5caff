//! Functions of the program as a whole: arguments, environment, clocks and random numbers.

use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

use super::Context;
use super::errno::Errno;
use super::guest::{Guest, Region, sizes};

impl Context {
    pub(super) fn args_get(&self, guest: &Guest<'_>, array: u32, buffer: u32) -> Result<(), Errno> {
        guest.strings(&self.args, array, buffer)
    }

    pub(super) fn args_sizes_get(&self, guest: &Guest<'_>, count: u32, size: u32) -> Result<(), Errno> {
        let (args, bytes) = sizes(&self.args)?;
        guest.write_u32(count, args)?;
        guest.write_u32(size, bytes)
    }

    pub(super) fn environ_get(&self, guest: &Guest<'_>, array: u32, buffer: u32) -> Result<(), Errno> {
        guest.strings(&self.environment, array, buffer)
    }

    pub(super) fn environ_sizes_get(&self, guest: &Guest<'_>, count: u32, size: u32) -> Result<(), Errno> {
        let (variables, bytes) = sizes(&self.environment)?;
        guest.write_u32(count, variables)?;
        guest.write_u32(size, bytes)
    }

    pub(super) fn clock_res_get(&self, guest: &Guest<'_>, id: u32, resolution: u32) -> Result<(), Errno> {
        guest.write_u64(resolution, nanoseconds(clock_getres(clock(id)?))?)
    }

    pub(super) fn clock_time_get(&self, guest: &Guest<'_>, id: u32, _precision: u64, time: u32) -> Result<(), Errno> {
        guest.write_u64(time, now(id)?)
    }

    pub(super) fn random_get(&self, guest: &Guest<'_>, buffer: Region) -> Result<(), Errno> {
        guest.check(buffer.at, buffer.len.into())?;
        let (mut at, end) = (u64::from(buffer.at), u64::from(buffer.at) + u64::from(buffer.len));
        let mut bytes = [0; 4096];
        while at < end {
            if guest.is_interrupted() {
                return Err(Errno::INTR);
            }
            let chunk = &mut bytes[..(end - at).min(4096) as usize];
            getrandom::fill(chunk).map_err(|_| Errno::IO)?;
            guest.write(at, chunk)?;
            at += chunk.len() as u64;
        }
        Ok(())
    }
}

/// The present time of a clock, in nanoseconds.
pub(super) fn now(id: u32) -> Result<u64, Errno> {
    nanoseconds(clock_gettime(clock(id)?))
}

fn clock(id: u32) -> Result<ClockId, Errno> {
    Ok(match id {
        0 => ClockId::Realtime,
        1 => ClockId::Monotonic,
        2 => ClockId::ProcessCPUTime,
        3 => ClockId::ThreadCPUTime,
        _ => return Err(Errno::INVAL),
    })
}

fn nanoseconds(time: Timespec) -> Result<u64, Errno> {
    let nanoseconds = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    u64::try_from(nanoseconds).map_err(|_| Errno::OVERFLOW)
}
