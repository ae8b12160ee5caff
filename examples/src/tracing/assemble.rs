//! Translates the steps of a trace to uops, peels its loop, and encodes it for the interpreter of uops.

use std::cell::Cell;

use stencil_runtime::{Error, Instruction, Label};

use super::bytecode::{Right, Slot};
use super::executor::{Compiled, Executor, SideExit};
use super::interpret::Vm;
use super::optimize::{Knowledge, optimize};
use super::trace::{End, Step, Trace, Traced};
use super::uops::Tracing;
use super::value::Value;

/// What the uops of one trace refer to.
struct Assembler<'a> {
    executor: &'a Cell<Executor>,
    /// The end of the stack.
    end: *const Value,
    program: Vec<Instruction<Tracing>>,
}

/// Makes an executor of a trace, with this initial state. If `every` is not 0, each `every`-th guard fails.
///
/// # Errors
/// The system is out of memory.
pub fn assemble(vm: &Vm, trace: Trace, executor: Executor) -> Result<Compiled, Error> {
    let id = executor.id;
    let executor = Box::new(Cell::new(executor));
    let exit = |index| Cell::new(SideExit { next: std::ptr::null(), compiled: false, executor: id, index, count: 0 });
    let exits: Box<[_]> = (0..trace.exits.len() as u32).map(exit).collect();
    let end = vm.stack.as_ptr_range().end.cast();
    let mut assembler = Assembler { executor: &executor, end, program: Vec::new() };
    // The labels of the exits come first.
    let [start, again] = [0, 1].map(|label| Label(exits.len() as u32 + label));
    assembler.program.push(Tracing::bind(start));
    let count = Tracing::count(executor.as_ptr());
    if trace.end != End::Loop {
        assembler.program.push(count);
    }
    let mut known = Knowledge::default();
    assembler.steps(&optimize(&trace.steps, &mut known));
    match trace.end {
        End::Loop => {
            // Once more, with what the first iteration has found out: the guards before the loop hold for the loop.
            let before = known.clone();
            assembler.program.extend([Tracing::bind(again), count]);
            assembler.steps(&optimize(&trace.steps, &mut known));
            assembler.program.push(Tracing::jump(if known.implies(&before) { again } else { start }));
        }
        End::Leave(_) => assembler.program.push(Tracing::jump(Label(exits.len() as u32 - 1))),
    }
    for (label, exit) in exits.iter().enumerate() {
        assembler.program.extend([Tracing::bind(Label(label as u32)), Tracing::leave(exit.as_ptr())]);
    }
    let labels = [start, if trace.end == End::Loop { again } else { start }];
    let (stream, program) = (Tracing::interpreter(&assembler.program)?, assembler.program);
    let Trace { start, exits: snapshots, watched, .. } = trace;
    Ok(Compiled {
        executor,
        exits,
        snapshots,
        program,
        labels,
        stream,
        code: None,
        start,
        watched,
        incoming: Vec::new(),
    })
}

/// The offset of a slot from the frame, in bytes.
fn at(slot: Slot) -> u32 {
    slot * size_of::<Value>() as u32
}

/// The family parameter and the value of a right operand: a constant of the instruction, or a slot.
fn right(right: Right) -> (usize, u32, i32) {
    match right {
        Right::Slot(slot) => (0, at(slot), 0),
        Right::Int(value) => (1, 0, value),
    }
}

impl Assembler<'_> {
    fn steps(&mut self, steps: &[Traced]) {
        for &Traced { step, exit } in steps {
            let exit = Label(exit as u32);
            if self.executor.get().every != 0 && can_leave(step) {
                self.program.push(Tracing::fail_sometimes(self.executor.as_ptr(), exit));
            }
            self.program.push(self.uop(step, exit));
        }
    }

    fn uop(&self, step: Step, exit: Label) -> Instruction<Tracing> {
        use super::bytecode::Arithmetic::Remainder;
        match step {
            Step::GuardTag { slot, tag } => Tracing::guard_tag(at(slot), tag as u32, exit),
            Step::GuardBits { slot, bits } => Tracing::guard_bits(at(slot), bits, exit),
            Step::GuardInts { op, left, right: r, holds } => {
                let (constant, r, n) = right(r);
                Tracing::guard_ints(op as usize, constant, holds.into(), at(left), r, n, exit)
            }
            Step::GuardFloats { op, left, right: r, holds } => {
                let (constant, r, n) = right(r);
                Tracing::guard_floats(op as usize, constant, holds.into(), at(left), r, n, exit)
            }
            Step::GuardTest { op, base, holds } => Tracing::guard_test(holds.into(), at(base), op, exit),
            Step::CheckValidity => Tracing::check_validity(self.executor.as_ptr(), exit),
            Step::CheckStack { slots } => Tracing::check_stack(at(slots), self.end, exit),
            Step::SetTag { slot, tag } => Tracing::set_tag(at(slot), tag as u32),
            Step::SetBits { slot, bits } => Tracing::set_bits(at(slot), bits),
            Step::CopyTag { to, from } => Tracing::copy_tag(at(to), at(from)),
            Step::CopyBits { to, from } => Tracing::copy_bits(at(to), at(from)),
            Step::Ints { op: Remainder, to, left, right: r } => {
                let (constant, r, n) = right(r);
                Tracing::remainder(constant, at(to), at(left), r, n, exit)
            }
            Step::Ints { op, to, left, right: r } => {
                let (constant, r, n) = right(r);
                Tracing::ints(op as usize, constant, at(to), at(left), r, n, exit)
            }
            Step::Floats { op, to, left, right: r } => {
                let (constant, r, n) = right(r);
                Tracing::floats(op as usize, constant, at(to), at(left), r, n)
            }
            Step::CompareInts { op, to, left, right: r } => {
                let (constant, r, n) = right(r);
                Tracing::compare_ints(op as usize, constant, at(to), at(left), r, n)
            }
            Step::CompareFloats { op, to, left, right: r } => {
                let (constant, r, n) = right(r);
                Tracing::compare_floats(op as usize, constant, at(to), at(left), r, n)
            }
            Step::Item { to, list, index } => Tracing::item(at(to), at(list), at(index), exit),
            Step::SetItem { list, index, from } => Tracing::set_item(at(list), at(index), at(from), exit),
            Step::Simple { op, base, .. } => Tracing::simple(at(base), op, exit),
        }
    }
}

/// Whether a step may leave the trace.
fn can_leave(step: Step) -> bool {
    !matches!(
        step,
        Step::SetTag { .. }
            | Step::SetBits { .. }
            | Step::CopyTag { .. }
            | Step::CopyBits { .. }
            | Step::Floats { .. }
            | Step::CompareInts { .. }
            | Step::CompareFloats { .. }
    )
}
