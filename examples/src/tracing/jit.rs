//! What becomes hot: loops and exits are counted, recorded, compiled and entered.

use stencil_runtime::Arena;

use super::assemble::assemble;
use super::bytecode::Op;
use super::executor::{Executors, Exit};
use super::interpret::{Frame, Vm};
use super::record::{Recorded, Recorder};
use super::trace::{End, Start, Trace};
use super::{Options, Statistics};

/// Executors there may be at a time, so that no program takes all memory.
const EXECUTORS: usize = 500;
/// The count of what is not to be recorded again.
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
    /// The memory of all code, from the first trace on.
    arena: Option<Arena>,
    recorder: Option<(Start, Recorder)>,
    /// Compiled code is, and has called what we are in.
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

    /// A global that traces take for a constant has changed.
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

    /// What live executors take, for the statistics.
    pub fn finish(&mut self) -> Statistics {
        self.statistics.executors = self.executors.len();
        self.statistics.bytes = self.executors.bytes();
        self.statistics
    }

    /// Does not record again from where a recording began, or later only.
    fn give_up(&mut self, start: Start) {
        match start {
            // Perhaps an inner loop has an executor by then.
            Start::Head(id) => self.loops[id].iterations = 0,
            Start::Exit(id, index) => {
                if let Some(exit) = self.executors.get(id).and_then(|compiled| compiled.exits.get(index)) {
                    exit.set(Exit { count: NEVER, ..exit.get() });
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
        // Without memory for it, the interpreter does the work.
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

    /// The interpreter is behind the head of a loop.
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

    /// Runs an executor in the current frame, and has the interpreter go on where it, or one that it is linked to, was left.
    fn enter(&mut self, id: u32) {
        let Some(compiled) = self.jit.executors.get(id) else { return };
        let (entry, root) = (*compiled.code.entry(), self.frame.base);
        let frame = self.stack[root].as_ptr();
        self.jit.running = true;
        let vm: *mut Self = self;
        // SAFETY: the uops touch the slots of `frame`, which the interpreter or `check_stack` has compared with the end of
        // the stack, what values in them point to, which lives as long as `vm`, and what the executor owns.
        let left: *mut Exit = unsafe { entry(frame, vm) };
        // SAFETY: it is an exit of an executor, and none of them has been freed.
        let Exit { executor, index, count, .. } = unsafe { *left };
        self.jit.running = false;
        self.jit.statistics.exits += 1;
        self.restore(executor, index as usize, root);
        self.count(executor, index as usize, count);
        self.jit.executors.free();
    }

    /// Counts an exit, and records what the interpreter does from there on, once it is hot.
    fn count(&mut self, id: u32, index: usize, count: u32) {
        let Some(compiled) = self.jit.executors.get(id).filter(|compiled| compiled.executor.get().valid) else {
            return;
        };
        let (exit, inlined) = (&compiled.exits[index], compiled.snapshots[index].len() - 1);
        let count = count.saturating_add(1);
        exit.set(Exit { count, ..exit.get() });
        if count != NEVER && count >= self.jit.options.hot_exit {
            let start = Start::Exit(id, index);
            self.jit.recorder = Some((start, Recorder::new(self, start, inlined)));
        }
    }

    /// Makes the frames that the interpreter would have at an exit.
    fn restore(&mut self, executor: u32, index: usize, root: usize) {
        let snapshots = self.jit.executors.get(executor).map(|compiled| &compiled.snapshots[index]);
        let frames = snapshots.into_iter().flatten().map(|frame| Frame { base: frame.base + root, ..*frame });
        self.frames.extend(frames);
        self.frame = self.frames.pop().unwrap_or(self.frame);
    }
}
