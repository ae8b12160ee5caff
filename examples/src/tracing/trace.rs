//! A trace: what the interpreter did from a point on, with guards for the types that it saw.
//!
//! Slots are counted from the frame that the trace was entered in, so a call within the trace only changes an offset.

use super::bytecode::{Arithmetic, Comparison, Op, Right, Slot};
use super::interpret::Frame;

/// A step, which becomes a uop.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    GuardTag {
        slot: Slot,
        tag: u64,
    },
    GuardBits {
        slot: Slot,
        bits: u64,
    },
    /// Guards the result of a comparison of two integers.
    GuardInts {
        op: Comparison,
        left: Slot,
        right: Right,
        holds: bool,
    },
    GuardFloats {
        op: Comparison,
        left: Slot,
        right: Right,
        holds: bool,
    },
    /// Guards the condition of a branch on any types.
    GuardTest {
        op: *const Op,
        base: Slot,
        holds: bool,
    },
    /// Guards the assumptions of the trace.
    CheckValidity,
    /// Guards the size of the stack, in slots.
    CheckStack {
        slots: Slot,
    },
    SetTag {
        slot: Slot,
        tag: u64,
    },
    SetBits {
        slot: Slot,
        bits: u64,
    },
    CopyTag {
        to: Slot,
        from: Slot,
    },
    CopyBits {
        to: Slot,
        from: Slot,
    },
    /// Computes the bits of a result whose tag is known. An overflow leaves the trace.
    Ints {
        op: Arithmetic,
        to: Slot,
        left: Slot,
        right: Right,
    },
    Floats {
        op: Arithmetic,
        to: Slot,
        left: Slot,
        right: Right,
    },
    CompareInts {
        op: Comparison,
        to: Slot,
        left: Slot,
        right: Right,
    },
    CompareFloats {
        op: Comparison,
        to: Slot,
        left: Slot,
        right: Right,
    },
    Item {
        to: Slot,
        list: Slot,
        index: Slot,
    },
    SetItem {
        list: Slot,
        index: Slot,
        from: Slot,
    },
    /// An instruction that the interpreter runs. A failure leaves the trace.
    Simple {
        op: *const Op,
        base: Slot,
        to: Option<Slot>,
    },
}

/// A step, and the exit of its instruction.
#[derive(Clone, Copy, Debug)]
pub struct Traced {
    pub step: Step,
    pub exit: usize,
}

/// The calls in progress at an exit, with the frame that the trace was entered in first: what the interpreter has to
/// restore. Values need no restoring, since they are in their slots at all times.
pub type Snapshot = Vec<Frame>;

/// How a trace ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// Where it began.
    Loop,
    /// By its last exit: to the interpreter, or to an existing executor.
    Leave(Option<u32>),
}

/// Where a trace begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    Head(usize),
    /// An exit of an executor.
    Exit(u32, usize),
}

#[derive(Debug)]
pub struct Trace {
    pub start: Start,
    pub steps: Vec<Traced>,
    pub exits: Vec<Snapshot>,
    pub end: End,
    /// The globals that it treats as constants.
    pub watched: Vec<usize>,
}
