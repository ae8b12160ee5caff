//! Elapsed time and processor time.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The clock by which engines are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Clock {
    /// Processor time of all threads of the process. Other processes disturb it little.
    Processor,
    /// Elapsed time. It shows what work on other threads gains.
    Elapsed,
}

/// How long something took, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    pub processor: Duration,
    pub elapsed: Duration,
}

impl Time {
    /// Measures a call.
    pub fn of<T>(call: impl FnOnce() -> T) -> (T, Self) {
        let (start, before) = (Instant::now(), processor());
        let result = call();
        (result, Self { processor: processor().saturating_sub(before), elapsed: start.elapsed() })
    }

    /// Returns the time by one clock.
    pub fn by(self, clock: Clock) -> Duration {
        match clock {
            Clock::Processor => self.processor,
            Clock::Elapsed => self.elapsed,
        }
    }

    /// Returns the least of both, clock by clock.
    pub fn min(self, other: Self) -> Self {
        Self { processor: self.processor.min(other.processor), elapsed: self.elapsed.min(other.elapsed) }
    }
}

fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // The clock starts at 0 and its nanoseconds are below 10^9.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
