//! The time limit of a run. It covers everything from reading the file to the last instruction.
//!
//! When the time is over, compilation is cancelled, and what runs in the store is interrupted. A few steps notice neither:
//! parsing a large text, or a call of the system that does not return. The process ends a little later in spite of them.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use uops::{InterruptHandle, Store};

use super::Result;

/// The processor time that a run may take to end after its time is over. On a busy machine that takes longer.
const GRACE: Duration = Duration::from_millis(50);
/// How long a run may take to end in all, even if it does nothing but wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the thread that watches looks whether the run is over.
const NAP: Duration = Duration::from_millis(10);
/// How long the thread waits for the first time, before the run begins.
const FIRST_NAP: Duration = Duration::from_micros(100);

/// The time limit of a run, if there is one. The run is over when this is dropped.
pub(super) struct Deadline(Option<Watched>);

struct Watched {
    end: Instant,
    /// The store in which something runs.
    store: Arc<Mutex<Option<InterruptHandle>>>,
    /// Tells the thread that watches that the run is over, by being dropped.
    _running: Sender<()>,
}

impl Deadline {
    /// Starts the clock. `last_resort` ends a run that goes on too long after its time is over.
    pub(super) fn new(timeout: Option<Duration>, last_resort: impl FnOnce() + Send + 'static) -> Result<Self> {
        let Some(timeout) = timeout else { return Ok(Self(None)) };
        // A time that is too far away never comes.
        let Some(end) = Instant::now().checked_add(timeout) else { return Ok(Self(None)) };
        let store = Arc::new(Mutex::new(None::<InterruptHandle>));
        let (running, over) = channel();
        let watched = store.clone();
        let ready = Arc::new(Barrier::new(2));
        let watching = ready.clone();
        let watch = move || {
            let sleep = |time| over.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
            // The first wait allocates. A module could have taken all memory by then, and the process would abort.
            sleep(FIRST_NAP);
            watching.wait();
            if sleep(end.saturating_duration_since(Instant::now())) {
                if let Some(store) = &*watched.lock().unwrap_or_else(PoisonError::into_inner) {
                    store.interrupt();
                }
                let (end, work) = (Instant::now(), work());
                while sleep(NAP) {
                    if self::work().saturating_sub(work) > GRACE || end.elapsed() > PATIENCE {
                        return last_resort();
                    }
                }
            }
        };
        std::thread::Builder::new().spawn(watch).map_err(|error| format!("--timeout needs a thread: {error}"))?;
        ready.wait();
        Ok(Self(Some(Watched { end, store, _running: running })))
    }

    /// Whether the time is over.
    pub(super) fn is_over(&self) -> bool {
        self.0.as_ref().is_some_and(|watched| Instant::now() >= watched.end)
    }

    /// Interrupts what runs in a store when the time is over.
    pub(super) fn watch(&self, store: &Store) {
        let Some(watched) = &self.0 else { return };
        let handle = store.interrupt_handle();
        *watched.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle.clone());
        // The thread may have looked for a store before there was one.
        if self.is_over() {
            handle.interrupt();
        }
    }
}

/// The processor time that this process has taken.
fn work() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Ends the process, since nothing else ends the run.
pub(super) fn exit() {
    let _ = writeln!(
        std::io::stderr(),
        "error: the time is over, and the run did not end by itself: raise the limit with --timeout"
    );
    std::process::exit(super::TRAPPED.into());
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use uops::{Instance, Linker, Program, Trap};

    use super::*;

    #[test]
    fn the_deadline_ends_only_endless_runs() {
        let text = br#"(module (func (export "f") (param i32) (loop (br_if 0 (local.get 0)))))"#;
        let program = Program::new(text).unwrap();
        let store = Store::new().unwrap();
        let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
        let within = |timeout, n: i32| {
            let deadline = Deadline::new(timeout, || panic!("the run should have ended")).unwrap();
            deadline.watch(&store);
            instance.call(&store, "f", &[n.into()])
        };
        within(Some(Duration::from_secs(3600)), 0).unwrap();
        within(Some(Duration::MAX), 0).unwrap();
        within(None, 0).unwrap();
        assert_eq!(within(Some(Duration::from_millis(1)), 1).unwrap_err().trap(), Some(Trap::Interrupted));
        // Even if the time is over before there is a store.
        let deadline = Deadline::new(Some(Duration::ZERO), || ()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        deadline.watch(&store);
        assert_eq!(instance.call(&store, "f", &[1.into()]).unwrap_err().trap(), Some(Trap::Interrupted));
    }

    #[test]
    fn the_last_resort_comes_after_a_while_unless_the_run_is_over() {
        static CALLED: AtomicBool = AtomicBool::new(false);
        let new = || Deadline::new(Some(Duration::from_millis(1)), || CALLED.store(true, Ordering::Relaxed)).unwrap();
        drop(new());
        std::thread::sleep(4 * NAP);
        assert!(!CALLED.load(Ordering::Relaxed));
        let deadline = new();
        while !CALLED.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        assert!(deadline.is_over());
        drop(deadline);
        CALLED.store(false, Ordering::Relaxed);
        // Even if the run does nothing.
        let _deadline = new();
        std::thread::sleep(2 * PATIENCE);
        assert!(CALLED.load(Ordering::Relaxed));
    }
}
