//! Executors: compiled traces, the links between them, and their invalidation.
//!
//! Code is never changed. Whether an executor is valid and where its exits lead is data that the code reads. Executors have
//! numbers that are never reused, so a stale number refers to nothing.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use stencil_runtime::{Arena, CodeAddress, Fragment, Instruction, Interpreter, Label};

use super::trace::{Snapshot, Start};
use super::uops::Tracing;

/// The part of an executor that its code reads.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Executor {
    /// Whether all assumptions of the trace hold.
    pub valid: bool,
    /// Its number.
    pub id: u32,
    /// The rounds that are left before the trace is compiled.
    pub rounds: u64,
    /// For tests: guards passed since one was made to fail.
    pub guards: u64,
    /// For tests: the number of guards after which one fails.
    pub every: u64,
}

/// A way out of a trace. A trace returns the exit by which it was left.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SideExit {
    /// Another trace of the same frame, if the exit is linked: the address in its code, or in its stream.
    pub next: *const u8,
    /// Whether `next` is compiled.
    pub compiled: bool,
    /// Its executor, and its index there.
    pub executor: u32,
    pub index: u32,
    /// How often the interpreter continued from here.
    pub count: u32,
}

/// A trace that can be executed, by the interpreter of its uops and, once it is hot, as machine code.
pub struct Compiled {
    pub executor: Box<Cell<Executor>>,
    pub exits: Box<[Cell<SideExit>]>,
    /// The calls that the interpreter restores at each exit.
    pub snapshots: Vec<Snapshot>,
    pub program: Vec<Instruction<Tracing>>,
    /// The label where it is entered, and that in front of the uop that counts rounds.
    pub labels: [Label; 2],
    pub stream: Interpreter<Tracing>,
    pub code: Option<Fragment<Tracing>>,
    pub start: Start,
    pub watched: Vec<usize>,
    /// The exits that are linked to it.
    pub incoming: Vec<(u32, usize)>,
}

impl Compiled {
    /// Returns where it is entered, and whether that is in machine code.
    pub fn entry(&self) -> (*const u8, bool) {
        let address = match &self.code {
            Some(code) => code.address(self.labels[0]),
            None => self.stream.address(self.labels[0]),
        };
        (address.map_or(std::ptr::null(), CodeAddress::as_ptr), self.code.is_some())
    }
}

/// All live executors.
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

    fn exit(&self, id: u32, index: usize) -> Option<&Cell<SideExit>> {
        self.all.get(&id)?.exits.get(index)
    }

    /// Links an exit to another executor.
    pub fn link(&mut self, id: u32, index: usize, to: u32) {
        let Some(target) = self.all.get_mut(&to) else { return };
        target.incoming.push((id, index));
        let (next, compiled) = target.entry();
        if let Some(exit) = self.exit(id, index) {
            exit.set(SideExit { next, compiled, ..exit.get() });
        }
    }

    /// Compiles a trace and lets exits that are linked to it lead to its code. Returns the address in the middle of its loop.
    pub fn compile(&mut self, id: u32, arena: &Arena) -> Option<*const u8> {
        let compiled = self.all.get_mut(&id)?;
        let code = Tracing::compile_fragment_in(arena, &compiled.program).ok()?;
        let middle = code.address(compiled.labels[1])?;
        compiled.code = Some(code);
        let (incoming, (next, compiled)) = (compiled.incoming.clone(), compiled.entry());
        for exit in incoming.into_iter().filter_map(|(id, index)| self.exit(id, index)) {
            exit.set(SideExit { next, compiled, ..exit.get() });
        }
        Some(middle.as_ptr())
    }

    /// Invalidates the executors that treat a global as a constant, and those that begin at their exits. Returns where all of
    /// them began. They may be running, so their code stays until [`Self::free`].
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
                    exit.set(SideExit { next: std::ptr::null(), count: 0, ..exit.get() });
                }
            }
            starts.push(compiled.start);
        }
        starts
    }

    /// Frees invalid executors. None of them may be running.
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

    /// The size of all streams and all code, in bytes.
    pub fn bytes(&self) -> usize {
        let size = |compiled: &Compiled| compiled.stream.size() + compiled.code.as_ref().map_or(0, Fragment::size);
        self.all.values().map(size).sum()
    }
}
