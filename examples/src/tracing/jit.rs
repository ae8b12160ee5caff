//! Counts loops and exits, and records, compiles and enters those that are hot.

use stencil_runtime::Arena;

use super::assemble::assemble;
use super::bytecode::Op;
use super::executor::{Executors, SideExit};
use super::interpret::{Frame, Vm};
use super::record::{Recorded, Recorder};
use super::trace::{End, Start, Trace};
use super::{Options, Statistics};

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
    /// The memory of all code, reserved for the first trace.
    arena: Option<Arena>,
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
            arena: None,
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
            Recorded::Ends => self.compile(recorder.finish()),
            Recorded::Fails => self.jit.give_up(start),
        }
    }

    /// Makes an executor of a trace, and links it.
    fn compile(&mut self, trace: Trace) {
        let (id, start, end, last) = (self.jit.executors.next(), trace.start, trace.end, trace.exits.len());
        let full = self.jit.executors.len() >= EXECUTORS;
        if self.jit.arena.is_none() && !full {
            self.jit.arena = Arena::new().ok();
        }
        let every = self.jit.options.fail_every;
        let arena = self.jit.arena.as_ref().filter(|_| !full);
        // Without memory the interpreter continues.
        let Some(compiled) = arena.and_then(|arena| assemble(self, arena, trace, id, every).ok()) else {
            return self.jit.give_up(start);
        };
        self.jit.executors.add(compiled);
        self.jit.statistics.compiled += 1;
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
        let (entry, root) = (*compiled.code.entry(), self.frame.base);
        let frame = self.stack[root].as_ptr();
        self.jit.running = true;
        let vm: *mut Self = self;
        // SAFETY: the uops access three things. The slots of `frame` are within the stack: the interpreter or `check_stack` has
        // compared them with its end. The heap objects that values refer to live as long as `vm`. The executor owns the rest.
        let left: *mut SideExit = unsafe { entry(frame, vm) };
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
