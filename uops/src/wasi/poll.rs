//! `poll_oneoff`: waiting for times and for descriptors, with the system's `poll`.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::ioctl_fionread;
use rustix::time::Timespec;

use super::Context;
use super::errno::Errno;
use super::guest::Guest;
use super::process::now;
use super::table::{Descriptor, OpenFile, Table};

/// The size of a subscription to an event, in bytes.
const SUBSCRIPTION: u64 = 48;
/// The size of an event, in bytes.
const EVENT: u64 = 32;
/// The most subscriptions of one call: what a program can use with its descriptors, and then some.
const MAX_SUBSCRIPTIONS: u32 = 4096;
/// How long to wait before looking for an interruption.
const NAP: Duration = Duration::from_millis(10);

/// The kinds of subscriptions, by the numbers of the specification.
const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;

/// The flag of an event that says that the other end has hung up.
const HANGUP: u16 = 1;

/// A subscription, and its state.
struct Subscription<'t> {
    userdata: [u8; 8],
    kind: u8,
    wait: Wait<'t>,
}

/// What a subscription waits for.
enum Wait<'t> {
    /// The present time of a clock to be at least this one, in nanoseconds.
    Until { clock: u32, time: u64 },
    /// A time that never comes.
    Forever,
    /// Nothing: the event has happened, with this result and this number of bytes to read.
    Nothing(Result<u64, Errno>),
    /// The system says that a descriptor is ready.
    Descriptor(BorrowedFd<'t>),
}

/// What an event says of a descriptor: the number of bytes to read, and flags.
#[derive(Clone, Copy, Default)]
struct Readiness {
    bytes: u64,
    flags: u16,
}

/// A subscription whose event has happened, and with what result.
type Happened<'s, 't> = (&'s Subscription<'t>, Result<Readiness, Errno>);

impl Context {
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
        if count > MAX_SUBSCRIPTIONS {
            return Err(Errno::INVAL);
        }
        let table = self.table.borrow();
        let all = (0..u64::from(count))
            .map(|index| subscription(guest, &table, u64::from(subscriptions) + SUBSCRIPTION * index))
            .collect::<Result<Vec<_>, _>>()?;
        let mut number = 0;
        for (subscription, result) in wait(guest, &all)? {
            let mut event = [0; EVENT as usize];
            event[..8].copy_from_slice(&subscription.userdata);
            event[8..10].copy_from_slice(&result.err().map_or(0, |errno| errno.0).to_le_bytes());
            event[10] = subscription.kind;
            let Readiness { bytes, flags } = result.unwrap_or_default();
            event[16..24].copy_from_slice(&bytes.to_le_bytes());
            event[24..26].copy_from_slice(&flags.to_le_bytes());
            guest.write(u64::from(events) + EVENT * u64::from(number), &event)?;
            number += 1;
        }
        guest.write_u32(happened, number)
    }
}

/// Reads a subscription.
fn subscription<'t>(guest: &Guest<'_>, table: &'t Table, at: u64) -> Result<Subscription<'t>, Errno> {
    let mut bytes = [0; SUBSCRIPTION as usize];
    guest.read(at, &mut bytes)?;
    let u64_at = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at + byte]));
    let (userdata, kind, id) = (u64_at(0).to_le_bytes(), bytes[8], u64_at(16) as u32);
    let wait = match kind {
        // The clocks of the process's and the thread's work stand still while the program waits.
        CLOCK if id > 1 => return Err(Errno::NOTSUP),
        CLOCK => {
            let absolute = bytes[40] & 1 != 0;
            let time = if absolute { Some(u64_at(24)) } else { now(id)?.checked_add(u64_at(24)) };
            time.map_or(Wait::Forever, |time| Wait::Until { clock: id, time })
        }
        READ | WRITE => descriptor(table, id, kind),
        _ => return Err(Errno::INVAL),
    };
    Ok(Subscription { userdata, kind, wait })
}

/// What it takes to read from a descriptor or to write to it. Files in memory and files on disks never make a program wait.
fn descriptor(table: &Table, fd: u32, kind: u8) -> Wait<'_> {
    match (table.get(fd), kind) {
        (Err(error), _) => Wait::Nothing(Err(error)),
        (Ok(Descriptor::File(OpenFile { file, readable: true, .. })), READ) => Wait::Descriptor(file.as_fd()),
        (Ok(Descriptor::File(OpenFile { file, writable: true, .. })), WRITE) => Wait::Descriptor(file.as_fd()),
        (Ok(Descriptor::Input(input)), READ) => {
            let input = input.borrow();
            input.fd().map_or_else(|| Wait::Nothing(Ok(input.left())), Wait::Descriptor)
        }
        (Ok(Descriptor::Output(output)), WRITE) => output.fd().map_or(Wait::Nothing(Ok(0)), Wait::Descriptor),
        // A directory, a stream in the other direction, or a file that was not opened for this.
        (Ok(_), _) => Wait::Nothing(Err(Errno::BADF)),
    }
}

/// Waits until something happens, and returns what has.
fn wait<'s, 't>(guest: &Guest<'_>, all: &'s [Subscription<'t>]) -> Result<Vec<Happened<'s, 't>>, Errno> {
    let mut descriptors: Vec<PollFd<'_>> = (all.iter())
        .filter_map(|subscription| match subscription.wait {
            Wait::Descriptor(fd) => Some(PollFd::from_borrowed_fd(
                fd,
                if subscription.kind == READ { PollFlags::IN } else { PollFlags::OUT },
            )),
            _ => None,
        })
        .collect();
    loop {
        let mut shortest = NAP;
        for subscription in all {
            shortest = shortest.min(match subscription.wait {
                Wait::Until { clock, time } => Duration::from_nanos(time.saturating_sub(now(clock)?)),
                Wait::Nothing(_) => Duration::ZERO,
                Wait::Forever | Wait::Descriptor(_) => NAP,
            });
        }
        let pause = Timespec { tv_sec: 0, tv_nsec: shortest.subsec_nanos().into() };
        match poll(&mut descriptors, Some(&pause)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let happened = happened(all, &descriptors)?;
        if !happened.is_empty() {
            return Ok(happened);
        }
        if guest.is_interrupted() {
            return Err(Errno::INTR);
        }
    }
}

/// What has happened by now, in the order of the subscriptions.
fn happened<'s, 't>(all: &'s [Subscription<'t>], descriptors: &[PollFd<'_>]) -> Result<Vec<Happened<'s, 't>>, Errno> {
    let (mut descriptors, mut happened) = (descriptors.iter(), vec![]);
    for subscription in all {
        let result = match &subscription.wait {
            Wait::Until { clock, time } if now(*clock)? < *time => continue,
            Wait::Forever => continue,
            Wait::Until { .. } => Ok(Readiness::default()),
            Wait::Nothing(result) => result.map(|bytes| Readiness { bytes, flags: 0 }),
            Wait::Descriptor(fd) => {
                let Some(events) = descriptors.next().map(PollFd::revents).filter(|events| !events.is_empty()) else {
                    continue;
                };
                if events.contains(PollFlags::NVAL) {
                    Err(Errno::BADF)
                } else {
                    let bytes = if subscription.kind == READ { ioctl_fionread(fd).unwrap_or(0) } else { 0 };
                    Ok(Readiness { bytes, flags: if events.contains(PollFlags::HUP) { HANGUP } else { 0 } })
                }
            }
        };
        happened.push((subscription, result));
    }
    Ok(happened)
}
