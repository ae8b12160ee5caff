//! A time limit for uops, which does not count steps. It is processor time, so that a busy machine makes no difference.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use uops::{InterruptHandle, Store};

/// The processor time that a call or an instantiation may take.
const TIME: Duration = Duration::from_millis(800);
/// The time between two looks at the clock.
const PERIOD: Duration = Duration::from_millis(100);

/// The call in progress: when it began, and how to end it.
type Running = Arc<Mutex<Option<(Instant, InterruptHandle)>>>;

thread_local! {
    /// Each thread has a watchdog of its own, since it has one call at a time.
    static RUNNING: Running = watched();
}

/// Runs something in a store and interrupts it when the time is over.
pub(super) fn within<T>(store: &Store, run: impl FnOnce() -> T) -> T {
    let set = |call| RUNNING.with(|running| *running.lock().expect("no holder panics") = call);
    set(Some((Instant::now(), store.interrupt_handle())));
    let result = run();
    set(None);
    result
}

/// Starts a watchdog that ends with this thread.
fn watched() -> Running {
    let running = Running::default();
    let weak = Arc::downgrade(&running);
    let thread = PathBuf::from("/proc").join(std::fs::read_link("/proc/thread-self").expect("this is Linux"));
    thread::spawn(move || {
        // The call that the last look found, and the thread's processor time at the first look that found it.
        let mut found: Option<(Instant, Duration)> = None;
        while let Some(running) = weak.upgrade() {
            if let Some((start, handle)) = &*running.lock().expect("no holder panics") {
                let now = processor_time(&thread);
                let then = found.filter(|(call, _)| call == start).map_or(now, |(_, then)| then);
                found = Some((*start, then));
                if now.saturating_sub(then) > TIME {
                    handle.interrupt();
                }
            }
            drop(running);
            thread::sleep(PERIOD);
        }
    });
    running
}

/// The processor time of a thread, given its folder below `/proc`.
fn processor_time(thread: &Path) -> Duration {
    let times = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    Duration::from_nanos(times.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default())
}
