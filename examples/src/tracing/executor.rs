//! Executors: compiled traces, what links them, and how they become invalid.
//!
//! Code is never changed. Whether an executor is valid, and where its exits go on, is data that the code reads. All of them
//! are named by numbers that are not used again, so that nothing refers to one that is gone.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use stencil_runtime::Code;

use super::trace::{Snapshot, Start};
use super::uops::Tracing;

/// What the code of a trace knows of its executor.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Executor {
    /// All that the trace takes for granted is true.
    pub valid: bool,
    /// The guards since one was made to fail.
    pub guards: u64,
    /// How many they may be.
    pub every: u64,
}

/// A way out of a trace, which is what the trace returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// Where it goes on, if it is linked, in another trace of the same frame.
    pub next: *const u8,
    /// The executor that it is of, and its place there.
    pub executor: u32,
    pub index: u32,
    /// How often the interpreter went on from here.
    pub count: u32,
}

/// A compiled trace.
pub struct Compiled {
    pub executor: Box<Cell<Executor>>,
    pub exits: Box<[Cell<Exit>]>,
    /// What the interpreter restores at each exit.
    pub snapshots: Vec<Snapshot>,
    pub code: Code<Tracing>,
    /// Where links lead.
    pub target: *const u8,
    pub start: Start,
    pub watched: Vec<usize>,
    /// The exits that are linked to it.
    pub incoming: Vec<(u32, usize)>,
}

/// All executors there are.
#[derive(Default)]
pub struct Executors {
    all: HashMap<u32, Compiled>,
    next: u32,
}

impl Executors {
    /// The number of the executor that is added next.
    pub fn next(&self) -> u32 {
        self.next
    }

    pub fn add(&mut self, compiled: Compiled) {
        self.all.insert(self.next, compiled);
        self.next += 1;
    }

    pub fn get(&self, id: u32) -> Option<&Compiled> {
        self.all.get(&id)
    }

    fn exit(&self, id: u32, index: usize) -> Option<&Cell<Exit>> {
        self.all.get(&id)?.exits.get(index)
    }

    /// Has an exit go on in another executor.
    pub fn link(&mut self, id: u32, index: usize, to: u32) {
        let Some(target) = self.all.get_mut(&to) else { return };
        target.incoming.push((id, index));
        let next = target.target;
        if let Some(exit) = self.exit(id, index) {
            exit.set(Exit { next, ..exit.get() });
        }
    }

    /// Invalidates those that take a global for a constant, and those that begin where these are left; tells where all of
    /// them began. They may be running: their code stays until [`Self::free`].
    pub fn invalidate(&mut self, global: usize) -> Vec<Start> {
        let valid = |compiled: &Compiled| compiled.executor.get().valid;
        let concerned = |compiled: &&Compiled| {
            let orphan = match compiled.start {
                Start::Exit(id, _) => !self.get(id).is_some_and(valid),
                Start::Head(_) => false,
            };
            valid(compiled) && (orphan || compiled.watched.contains(&global))
        };
        let mut starts = Vec::new();
        while let Some(compiled) = self.all.values().find(concerned) {
            compiled.executor.set(Executor { valid: false, ..compiled.executor.get() });
            for &(id, index) in &compiled.incoming {
                if let Some(exit) = self.exit(id, index) {
                    exit.set(Exit { next: std::ptr::null(), count: 0, ..exit.get() });
                }
            }
            starts.push(compiled.start);
        }
        starts
    }

    /// Gives the memory of invalid ones back. None of them may be running.
    pub fn free(&mut self) {
        let before = self.all.len();
        self.all.retain(|_, compiled| compiled.executor.get().valid);
        if self.all.len() < before {
            let left: HashSet<u32> = self.all.keys().copied().collect();
            self.all.values_mut().for_each(|compiled| compiled.incoming.retain(|(id, _)| left.contains(id)));
        }
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The bytes that their code takes.
    pub fn bytes(&self) -> usize {
        self.all.values().map(|compiled| compiled.code.size()).sum()
    }
}
