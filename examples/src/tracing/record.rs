//! The recorder looks at each instruction before the interpreter runs it, and adds its steps to the trace.

use super::bytecode::{Arithmetic, Op, Right, Slot};
use super::interpret::{Frame, Vm};
use super::operators::on_ints;
use super::trace::{End, Snapshot, Start, Step, Trace, Traced};
use super::value::{List, Value, tag};

/// The greatest length of a trace, in steps.
const STEPS: usize = 2000;
const INLINED: usize = 8;

/// A trace that is being recorded.
pub struct Recorder {
    trace: Trace,
    /// The number of callers below the frame that the trace is entered in, and that frame's first slot.
    callers: usize,
    root: usize,
    /// The exit of the current instruction, if it has one.
    exit: Option<usize>,
    /// Whether code that may invalidate assumptions has run since the last check.
    escaped: bool,
}

/// Whether recording goes on.
pub enum Recorded {
    Goes,
    /// The trace is complete.
    Ends,
    /// It cannot become one.
    Fails,
}

impl Recorder {
    /// Begins at the interpreter's position, with this many calls inlined already.
    pub fn new(vm: &Vm, start: Start, inlined: usize) -> Self {
        let callers = vm.frames.len() - inlined;
        let root = vm.frames.get(callers).unwrap_or(&vm.frame).base;
        let trace = Trace { start, steps: Vec::new(), exits: Vec::new(), end: End::Loop, watched: Vec::new() };
        Self { trace, callers, root, exit: None, escaped: false }
    }

    pub fn finish(self) -> Trace {
        self.trace
    }

    /// The active calls, with slots counted from the root.
    fn snapshot(&self, vm: &Vm) -> Snapshot {
        let frames = vm.frames[self.callers..].iter().chain([&vm.frame]);
        frames.map(|frame| Frame { base: frame.base - self.root, ..*frame }).collect()
    }

    fn add(&mut self, vm: &Vm, step: Step) {
        let exit = self.exit.unwrap_or_else(|| {
            self.trace.exits.push(self.snapshot(vm));
            self.trace.exits.len() - 1
        });
        self.exit = Some(exit);
        self.trace.steps.push(Traced { step, exit });
    }

    fn end(&mut self, vm: &Vm, end: End) -> Recorded {
        if self.trace.steps.is_empty() {
            return Recorded::Fails;
        }
        if end != End::Loop {
            self.trace.exits.push(self.snapshot(vm));
        }
        self.trace.end = end;
        Recorded::Ends
    }

    /// Records what the interpreter is about to do.
    pub fn record(&mut self, vm: &mut Vm, op: &Op) -> Recorded {
        self.exit = None;
        if std::mem::take(&mut self.escaped) {
            self.add(vm, Step::CheckValidity);
        }
        let inlined = vm.frames.len() - self.callers;
        match *op {
            Op::Head { id } => return self.head(vm, id, inlined),
            Op::Return { .. } if inlined == 0 => return self.end(vm, End::Leave(None)),
            Op::Call { .. } if inlined == INLINED => return self.end(vm, End::Leave(None)),
            _ if self.trace.steps.len() > STEPS => return self.end(vm, End::Leave(None)),
            // The trace assumes that the global is constant, and it is not.
            Op::SetGlobal { global, .. } if self.trace.watched.contains(&global) => return Recorded::Fails,
            _ => {}
        }
        self.steps(vm, op);
        Recorded::Goes
    }

    fn head(&mut self, vm: &Vm, id: usize, inlined: usize) -> Recorded {
        match vm.jit.executor_at(id) {
            _ if inlined == 0 && self.trace.start == Start::Head(id) => self.end(vm, End::Loop),
            Some(_) if inlined > 0 => self.end(vm, End::Leave(None)),
            Some(executor) => self.end(vm, End::Leave(Some(executor))),
            // Inner loops come first.
            None => Recorded::Fails,
        }
    }

    fn steps(&mut self, vm: &mut Vm, op: &Op) {
        let base = vm.frame.base;
        let offset = (base - self.root) as Slot;
        let at = |slot: Slot| offset + slot;
        let place = |right: Right| match right {
            Right::Slot(slot) => Right::Slot(at(slot)),
            Right::Int(_) => right,
        };
        match *op {
            Op::Jump { .. } => {}
            Op::Constant { to, value } => self.constant(vm, at(to), value),
            Op::Copy { to, from } => self.copy(vm, at(to), at(from)),
            Op::Arithmetic { op: operator, to, left, right } => {
                let numbers = Numbers::of(vm.get(base, left), right, vm.right(base, right));
                let (to, left, right) = (at(to), at(left), place(right));
                match numbers {
                    Some(Numbers::Ints(a, b)) if on_ints(operator, a, b).is_some() => {
                        self.types(vm, left, right, tag::INT);
                        self.add(vm, Step::Ints { op: operator, to, left, right });
                        self.add(vm, Step::SetTag { slot: to, tag: tag::INT });
                    }
                    Some(Numbers::Floats) if operator != Arithmetic::Remainder => {
                        self.types(vm, left, right, tag::FLOAT);
                        self.add(vm, Step::Floats { op: operator, to, left, right });
                        self.add(vm, Step::SetTag { slot: to, tag: tag::FLOAT });
                    }
                    _ => self.add(vm, Step::Simple { op, base: offset, to: Some(to) }),
                }
            }
            Op::Compare { op: operator, to, left, right } => {
                let numbers = Numbers::of(vm.get(base, left), right, vm.right(base, right));
                let (to, left, right) = (at(to), at(left), place(right));
                let Some(numbers) = numbers else {
                    return self.add(vm, Step::Simple { op, base: offset, to: Some(to) });
                };
                self.types(vm, left, right, numbers.tag());
                self.add(
                    vm,
                    match numbers {
                        Numbers::Ints(..) => Step::CompareInts { op: operator, to, left, right },
                        Numbers::Floats => Step::CompareFloats { op: operator, to, left, right },
                    },
                );
                self.add(vm, Step::SetTag { slot: to, tag: tag::BOOL });
            }
            Op::Unless { op: operator, left, right, .. } => {
                // If it fails, the interpreter reports the error.
                let holds = vm.test(base, op).unwrap_or(false);
                let numbers = Numbers::of(vm.get(base, left), right, vm.right(base, right));
                let (left, right) = (at(left), place(right));
                let Some(numbers) = numbers else {
                    return self.add(vm, Step::GuardTest { op, base: offset, holds });
                };
                self.types(vm, left, right, numbers.tag());
                self.add(
                    vm,
                    match numbers {
                        Numbers::Ints(..) => Step::GuardInts { op: operator, left, right, holds },
                        Numbers::Floats => Step::GuardFloats { op: operator, left, right, holds },
                    },
                );
            }
            Op::UnlessTrue { value, .. } => {
                let found = vm.get(base, value);
                self.add(vm, Step::GuardTag { slot: at(value), tag: found.tag });
                if found.tag == tag::BOOL {
                    self.add(vm, Step::GuardBits { slot: at(value), bits: found.bits });
                }
            }
            Op::Global { to, global } => {
                let variable = &mut vm.globals[global];
                if variable.changes {
                    return self.add(vm, Step::Simple { op, base: offset, to: Some(at(to)) });
                }
                variable.watched = true;
                self.trace.watched.push(global);
                let value = variable.value;
                self.constant(vm, at(to), value);
            }
            Op::SetGlobal { .. } => {
                self.add(vm, Step::Simple { op, base: offset, to: None });
                self.escaped = true;
            }
            Op::Index { to, list, index } if is_item(vm.get(base, list), vm.get(base, index)) => {
                self.list(vm, at(list), at(index));
                self.add(vm, Step::Item { to: at(to), list: at(list), index: at(index) });
            }
            Op::SetIndex { list, index, from } if is_item(vm.get(base, list), vm.get(base, index)) => {
                self.list(vm, at(list), at(index));
                self.add(vm, Step::SetItem { list: at(list), index: at(index), from: at(from) });
            }
            Op::Call { at: callee, .. } => {
                let function = vm.get(base, callee);
                self.add(vm, Step::GuardTag { slot: at(callee), tag: function.tag });
                self.add(vm, Step::GuardBits { slot: at(callee), bits: function.bits });
                let frame = vm.program.functions.get(function.bits as usize).map_or(0, |function| function.frame);
                self.add(vm, Step::CheckStack { slots: at(callee) + 1 + frame });
            }
            // The result goes to the slot before the callee's frame.
            Op::Return { from } => self.copy(vm, offset - 1, at(from)),
            mut other => {
                let to = other.to().map(|to| at(*to));
                self.add(vm, Step::Simple { op, base: offset, to });
            }
        }
    }

    fn constant(&mut self, vm: &Vm, to: Slot, value: Value) {
        self.add(vm, Step::SetBits { slot: to, bits: value.bits });
        self.add(vm, Step::SetTag { slot: to, tag: value.tag });
    }

    fn copy(&mut self, vm: &Vm, to: Slot, from: Slot) {
        self.add(vm, Step::CopyBits { to, from });
        self.add(vm, Step::CopyTag { to, from });
    }

    fn types(&mut self, vm: &Vm, left: Slot, right: Right, tag: u64) {
        self.add(vm, Step::GuardTag { slot: left, tag });
        if let Right::Slot(slot) = right {
            self.add(vm, Step::GuardTag { slot, tag });
        }
    }

    fn list(&mut self, vm: &Vm, list: Slot, index: Slot) {
        self.add(vm, Step::GuardTag { slot: list, tag: tag::LIST });
        self.add(vm, Step::GuardTag { slot: index, tag: tag::INT });
    }
}

/// Two numbers of one type. A float may be paired with a small integer constant.
enum Numbers {
    Ints(i64, i64),
    Floats,
}

impl Numbers {
    fn of(left: Value, place: Right, right: Value) -> Option<Self> {
        match (left.as_int(), right.as_int(), place) {
            (Some(left), Some(right), _) => Some(Self::Ints(left, right)),
            (None, Some(_), Right::Int(_)) if left.tag == tag::FLOAT => Some(Self::Floats),
            (None, None, _) if (left.tag, right.tag) == (tag::FLOAT, tag::FLOAT) => Some(Self::Floats),
            _ => None,
        }
    }

    fn tag(&self) -> u64 {
        match self {
            Self::Ints(..) => tag::INT,
            Self::Floats => tag::FLOAT,
        }
    }
}

fn is_item(list: Value, index: Value) -> bool {
    let length = list.as_list().map_or(0, |list| List::with(list, |items| items.len()));
    index.as_int().is_some_and(|index| (0..length as i64).contains(&index))
}
