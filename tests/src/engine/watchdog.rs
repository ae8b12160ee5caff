//! A time limit for uops, which does not count steps.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use uops::{InterruptHandle, Store};

/// The time that a call or an instantiation may take.
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
    thread::spawn(move || {
        while let Some(running) = weak.upgrade() {
            if let Some((start, handle)) = &*running.lock().expect("no holder panics")
                && start.elapsed() > TIME
            {
                handle.interrupt();
            }
            drop(running);
            thread::sleep(PERIOD);
        }
    });
    running
}
