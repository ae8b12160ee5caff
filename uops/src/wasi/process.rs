//! What is of the program as a whole: arguments, environment, clocks, random numbers, waiting.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

use super::Context;
use super::errno::Errno;
use super::guest::{Guest, Region, sizes};

/// The size of a subscription to an event.
const SUBSCRIPTION: u64 = 48;
/// The size of an event.
const EVENT: u64 = 32;
/// How long a program sleeps before it looks for an interruption.
const NAP: Duration = Duration::from_millis(10);

/// A subscription to what `poll_oneoff` waits for.
enum Wait {
    /// The time that is left until an event.
    Clock(Duration),
    /// A descriptor, to be ready or to be wrong at once.
    Descriptor(Result<(), Errno>),
}

/// A subscription's data, its kind, and what it waits for.
type Subscription = ([u8; 8], u8, Wait);

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
        guest.write_u64(time, nanoseconds(clock_gettime(clock(id)?))?)
    }

    pub(super) fn poll_oneoff(
        &self,
        guest: &Guest<'_>,
        subscriptions: u32,
        events: u32,
        count: u32,
        happened: u32,
    ) -> Result<(), Errno> {
        if count == 0 {
            return Err(Errno::INVAL);
        }
        guest.check(subscriptions, u64::from(count) * SUBSCRIPTION)?;
        guest.check(events, u64::from(count) * EVENT)?;
        guest.check(happened, 4)?;
        let start = Instant::now();
        loop {
            let mut shortest = Duration::MAX;
            for index in 0..count {
                match self.subscription(guest, subscriptions, index, start)?.2 {
                    Wait::Clock(left) => shortest = shortest.min(left),
                    Wait::Descriptor(_) => shortest = Duration::ZERO,
                }
            }
            if shortest.is_zero() {
                break;
            }
            if guest.is_interrupted() {
                return Err(Errno::INTR);
            }
            std::thread::sleep(shortest.min(NAP));
        }
        let mut number = 0;
        for index in 0..count {
            let (userdata, tag, wait) = self.subscription(guest, subscriptions, index, start)?;
            let result = match wait {
                Wait::Clock(left) if !left.is_zero() => continue,
                Wait::Clock(_) => Ok(()),
                Wait::Descriptor(result) => result,
            };
            let mut event = [0; EVENT as usize];
            event[..8].copy_from_slice(&userdata);
            event[8..10].copy_from_slice(&result.map_or_else(|errno| errno.0, |()| 0).to_le_bytes());
            event[10] = tag;
            guest.write(u64::from(events) + EVENT * u64::from(number), &event)?;
            number += 1;
        }
        guest.write_u32(happened, number)
    }

    /// A subscription's data, its kind, and what it still waits for since a time.
    fn subscription(&self, guest: &Guest<'_>, all: u32, index: u32, since: Instant) -> Result<Subscription, Errno> {
        let mut bytes = [0; SUBSCRIPTION as usize];
        guest.read(u64::from(all) + SUBSCRIPTION * u64::from(index), &mut bytes)?;
        let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
        let id = u64_at(16) as u32;
        let wait = match bytes[8] {
            // The other clocks stand still while nothing runs.
            0 if id > 1 => return Err(Errno::NOTSUP),
            0 => {
                let timeout = Duration::from_nanos(u64_at(24));
                let passed = match bytes[40] & 1 {
                    0 => since.elapsed(),
                    _ => Duration::from_nanos(nanoseconds(clock_gettime(clock(id)?))?),
                };
                Wait::Clock(timeout.saturating_sub(passed))
            }
            1 | 2 => Wait::Descriptor(self.table.borrow().get(id).map(|_| ())),
            _ => return Err(Errno::INVAL),
        };
        Ok((u64_at(0).to_le_bytes(), bytes[8], wait))
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
