//! Counts loops and exits, records those that are hot, and enters traces. Traces are interpreted first, and compiled when they are hot.

use std::time::Instant;

use stencil_runtime::{Arena, CodeAddress, FragmentEntry};

use super::assemble::assemble;
use super::bytecode::Op;
use super::executor::{Executor, Executors, SideExit};
use super::interpret::{Frame, Vm};
use super::record::{Recorded, Recorder};
use super::trace::{End, Start, Trace};
use super::uops::Tracing;
use super::{Options, Statistics, Switch};

/// The most live executors, which bounds the memory of code.
const EXECUTORS: usize = 500;
/// The count of a loop or exit that is not to be recorded again.
const NEVER: u32 = u32::MAX;

/// A loop of the program.
#[derive(Clone, Copy, Default)]
struct Loop {
    iterations: u32,
    executor: Option<u32>,
}

pub struct Jit {
    options: Options,
    loops: Vec<Loop>,
    executors: Executors,
    /// The memory of all code and the function that enters it, for the first trace that is compiled.
    code: Option<(Arena, FragmentEntry<Tracing>)>,
    started: Instant,
    /// The traces that were compiled, in this order.
    pub switches: Vec<Switch>,
    recorder: Option<(Start, Recorder)>,
    /// Whether compiled code is running: it has called the current function.
    running: bool,
    pub statistics: Statistics,
}

impl Jit {
    pub fn new(options: Options, loops: usize) -> Self {
        Self {
            options,
            loops: vec![Loop::default(); loops],
            executors: Executors::default(),
            code: None,
            started: Instant::now(),
            switches: Vec::new(),
            recorder: None,
            running: false,
            statistics: Statistics::default(),
        }
    }

    pub fn is_recording(&self) -> bool {
        self.recorder.is_some()
    }

    pub fn executor_at(&self, id: usize) -> Option<u32> {
        self.loops[id].executor
    }

    /// Handles the change of a global that traces treat as a constant.
    pub fn invalidate(&mut self, global: usize) {
        for start in self.executors.invalidate(global) {
            self.statistics.invalidated += 1;
            if let Start::Head(id) = start {
                self.loops[id] = Loop::default();
            }
        }
        if !self.running {
            self.executors.free();
        }
    }

    /// The memory of live executors, for the statistics.
    pub fn finish(&mut self) -> Statistics {
        self.statistics.executors = self.executors.len();
        self.statistics.bytes = self.executors.bytes();
        self.statistics
    }

    /// Compiles a trace. Returns the address in the middle of its loop, unless there is no memory.
    fn compile(&mut self, trace: u32) -> Option<*const u8> {
        if self.code.is_none() {
            let arena = Arena::new().ok()?;
            let entry = FragmentEntry::new_in(&arena).ok()?;
            self.code = Some((arena, entry));
        }
        let (arena, _) = self.code.as_ref()?;
        let middle = self.executors.compile(trace, arena)?;
        self.statistics.compiled += 1;
        self.switches.push(Switch { trace, after: self.started.elapsed() });
        Some(middle)
    }

    /// Stops or delays further recording from where a recording began.
    fn give_up(&mut self, start: Start) {
        match start {
            // An inner loop may have an executor by then.
            Start::Head(id) => self.loops[id].iterations = 0,
            Start::Exit(id, index) => {
                if let Some(exit) = self.executors.get(id).and_then(|compiled| compiled.exits.get(index)) {
                    exit.set(SideExit { count: NEVER, ..exit.get() });
                }
            }
        }
    }
}

impl Vm {
    /// Records an instruction that the interpreter is about to run.
    pub fn record(&mut self, op: &Op) {
        let Some((start, mut recorder)) = self.jit.recorder.take() else { return };
        match recorder.record(self, op) {
            Recorded::Goes => self.jit.recorder = Some((start, recorder)),
            Recorded::Ends => self.complete(recorder.finish()),
            Recorded::Fails => self.jit.give_up(start),
        }
    }

    /// Makes an executor of a trace, and links it.
    fn complete(&mut self, trace: Trace) {
        let (id, start, end, last) = (self.jit.executors.next(), trace.start, trace.end, trace.exits.len());
        let Options { hot_trace, fail_every: every, .. } = self.jit.options;
        let rounds = if hot_trace == NEVER { u64::MAX } else { hot_trace.max(1).into() };
        let executor = Executor { valid: true, id, rounds, guards: 0, every };
        let full = self.jit.executors.len() >= EXECUTORS;
        // Without memory the interpreter continues.
        let Some(compiled) = (!full).then(|| assemble(self, trace, executor).ok()).flatten() else {
            return self.jit.give_up(start);
        };
        self.jit.executors.add(compiled);
        self.jit.statistics.recorded += 1;
        match start {
            Start::Head(head) => self.jit.loops[head].executor = Some(id),
            Start::Exit(from, index) => self.jit.executors.link(from, index, id),
        }
        if let End::Leave(Some(to)) = end {
            self.jit.executors.link(id, last - 1, to);
        }
    }

    /// Counts an iteration: the interpreter has passed the head of a loop.
    pub fn at_head(&mut self, id: usize) {
        let Options { hot_loop, .. } = self.jit.options;
        if let Some(executor) = self.jit.loops[id].executor {
            return self.enter(executor);
        }
        let iterations = &mut self.jit.loops[id].iterations;
        *iterations = iterations.saturating_add(1);
        if *iterations >= hot_loop && self.jit.recorder.is_none() {
            let start = Start::Head(id);
            self.jit.recorder = Some((start, Recorder::new(self, start, 0)));
        }
    }

    /// Runs an executor in the current frame. The interpreter continues at the exit by which it, or a linked one, was left.
    fn enter(&mut self, id: u32) {
        let Some(compiled) = self.jit.executors.get(id) else { return };
        let ((start, _), root) = (compiled.entry(), self.frame.base);
        let enter = match (&compiled.code, &self.jit.code) {
            (Some(_), Some((_, entry))) => *entry.function(),
            _ => *compiled.stream.entry(),
        };
        let frame = self.stack[root].as_ptr();
        self.jit.running = true;
        let vm: *mut Self = self;
        // SAFETY: the uops access three things. The slots of `frame` are within the stack: the interpreter or `check_stack` has
        // compared them with its end. The heap objects that values refer to live as long as `vm`. The executor owns the rest.
        let left: *mut SideExit = unsafe { enter(CodeAddress::new(start), frame, vm) };
        // SAFETY: `exit` belongs to an executor, and no executor has been freed since.
        let SideExit { executor, index, count, .. } = unsafe { *left };
        self.jit.running = false;
        self.jit.statistics.exits += 1;
        self.restore(executor, index as usize, root);
        self.count(executor, index as usize, count);
        self.jit.executors.free();
    }

    /// Counts an exit. Once it is hot, records what the interpreter does from there.
    fn count(&mut self, id: u32, index: usize, count: u32) {
        let Some(compiled) = self.jit.executors.get(id).filter(|compiled| compiled.executor.get().valid) else {
            return;
        };
        let (exit, inlined) = (&compiled.exits[index], compiled.snapshots[index].len() - 1);
        let count = count.saturating_add(1);
        exit.set(SideExit { count, ..exit.get() });
        if count != NEVER && count >= self.jit.options.hot_exit {
            let start = Start::Exit(id, index);
            self.jit.recorder = Some((start, Recorder::new(self, start, inlined)));
        }
    }

    /// Restores the frames that the interpreter would have at an exit.
    fn restore(&mut self, executor: u32, index: usize, root: usize) {
        let snapshots = self.jit.executors.get(executor).map(|compiled| &compiled.snapshots[index]);
        let frames = snapshots.into_iter().flatten().map(|frame| Frame { base: frame.base + root, ..*frame });
        self.frames.extend(frames);
        self.frame = self.frames.pop().unwrap_or(self.frame);
    }
}

/// Compiles a trace that has become hot while it is interpreted. Returns where to continue, or null to go on interpreting.
pub extern "C" fn compile(vm: *mut Vm, executor: *mut Executor) -> *const u8 {
    // SAFETY: as in `interpret::simple`.
    let (jit, trace) = unsafe { (&mut (*vm).jit, (*executor).id) };
    jit.compile(trace).unwrap_or(std::ptr::null())
}
