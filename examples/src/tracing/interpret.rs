//! The interpreter. It runs instructions until the JIT has compiled code for them.

use std::cell::Cell;
use std::fmt::Write as _;
use std::rc::Rc;

use super::bytecode::{Native, Op, Program, Right, Slot};
use super::jit::Jit;
use super::operators::{arithmetic, compare};
use super::value::{Heap, List, Value, tag};

/// The most values that all frames together may hold.
pub const STACK: usize = 1 << 16;
/// The most calls that may be active.
const CALLS: usize = 10_000;

/// An active call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub function: usize,
    /// The next instruction.
    pub pc: usize,
    /// Where its slots begin on the stack.
    pub base: usize,
}

/// A global variable.
#[derive(Clone, Copy)]
pub struct Global {
    pub value: Value,
    /// Whether traces treat the value as a constant.
    pub watched: bool,
    /// Whether it changed while traces treated it as a constant. No trace does so again.
    pub changes: bool,
}

/// A program in progress.
pub struct Vm {
    pub program: Rc<Program>,
    /// Compiled code writes it as well.
    pub stack: Box<[Cell<Value>]>,
    /// The callers of the current function, the outermost first.
    pub frames: Vec<Frame>,
    pub frame: Frame,
    pub globals: Vec<Global>,
    pub heap: Heap,
    /// The string literals of the program, in the heap.
    texts: Vec<Value>,
    pub output: String,
    pub jit: Jit,
}

impl Vm {
    pub fn new(program: Program, jit: Jit) -> Self {
        let mut heap = Heap::default();
        Self {
            texts: program.texts.iter().map(|text| heap.text(text.clone())).collect(),
            globals: vec![Global { value: Value::NIL, watched: false, changes: false }; program.globals.len()],
            program: Rc::new(program),
            stack: vec![Cell::new(Value::NIL); STACK].into_boxed_slice(),
            frames: Vec::new(),
            frame: Frame { function: 0, pc: 0, base: 0 },
            heap,
            output: String::new(),
            jit,
        }
    }

    pub fn get(&self, base: usize, slot: Slot) -> Value {
        self.stack[base + slot as usize].get()
    }

    fn set(&self, base: usize, slot: Slot, value: Value) {
        self.stack[base + slot as usize].set(value);
    }

    pub fn right(&self, base: usize, right: Right) -> Value {
        match right {
            Right::Slot(slot) => self.get(base, slot),
            Right::Int(value) => Value::int(value.into()),
        }
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// The line of the instruction that failed, and why it did.
    pub fn run(&mut self) -> Result<(), String> {
        if self.program.functions[0].frame as usize > STACK {
            return Err(format!("the program has more than {STACK} variables"));
        }
        self.instructions().map_err(|error| {
            let Frame { function, pc, .. } = self.frame;
            format!("line {}: {error}", self.program.functions[function].lines[pc])
        })
    }

    /// Runs to the end, or to an instruction that fails, where the frame's position stays.
    fn instructions(&mut self) -> Result<(), String> {
        let program = Rc::clone(&self.program);
        loop {
            let Frame { function, pc, base } = self.frame;
            let op = &program.functions[function].code[pc];
            if self.jit.is_recording() {
                self.record(op);
            }
            match *op {
                Op::Head { id } => {
                    self.frame.pc += 1;
                    self.at_head(id);
                }
                Op::Jump { target } => self.frame.pc = target,
                Op::Unless { target, .. } | Op::UnlessTrue { target, .. } => {
                    self.frame.pc = if self.test(base, op)? { pc + 1 } else { target };
                }
                Op::Call { at, count } => self.call(at, count)?,
                Op::Return { from } => {
                    let value = self.get(base, from);
                    let Some(caller) = self.frames.pop() else { return Ok(()) };
                    self.frame = caller;
                    self.stack[base - 1].set(value);
                }
                _ => {
                    self.simple(base, op)?;
                    self.frame.pc += 1;
                }
            }
        }
    }

    fn call(&mut self, at: Slot, count: u32) -> Result<(), String> {
        let callee = self.get(self.frame.base, at);
        if callee.tag != tag::FUNCTION {
            return Err(format!("{callee} is not a function"));
        }
        let (function, base) = (callee.bits as usize, self.frame.base + at as usize + 1);
        let called = &self.program.functions[function];
        if called.parameters != count {
            return Err(format!("the function takes {} arguments, found {count}", called.parameters));
        }
        if base + called.frame as usize > STACK || self.frames.len() == CALLS {
            return Err("calls nest too deeply".into());
        }
        self.frame.pc += 1;
        self.frames.push(std::mem::replace(&mut self.frame, Frame { function, pc: 0, base }));
        Ok(())
    }

    /// Whether the condition of a branch holds.
    pub fn test(&self, base: usize, op: &Op) -> Result<bool, String> {
        match *op {
            Op::Unless { op, left, right, .. } => compare(op, self.get(base, left), self.right(base, right)),
            Op::UnlessTrue { value, .. } => Ok(self.get(base, value).is_true()),
            _ => Err("not a branch".into()),
        }
    }

    /// Runs an instruction that neither jumps nor calls. If it fails, it has had no effect.
    pub fn simple(&mut self, base: usize, op: &Op) -> Result<(), String> {
        let (to, value) = match *op {
            Op::Constant { to, value } => (to, value),
            Op::Text { to, text } => (to, self.texts[text]),
            Op::Copy { to, from } => (to, self.get(base, from)),
            Op::Not { to, from } => (to, Value::bool(!self.get(base, from).is_true())),
            Op::Arithmetic { op, to, left, right } => {
                let (left, right) = (self.get(base, left), self.right(base, right));
                (to, arithmetic(&mut self.heap, op, left, right)?)
            }
            Op::Compare { op, to, left, right } => {
                (to, Value::bool(compare(op, self.get(base, left), self.right(base, right))?))
            }
            Op::Global { to, global } => (to, self.globals[global].value),
            Op::SetGlobal { global, from } => {
                self.set_global(global, self.get(base, from));
                return Ok(());
            }
            Op::Index { to, list, index } => {
                let (list, index) = self.item(self.get(base, list), self.get(base, index))?;
                (to, List::with(list, |items| items[index]))
            }
            Op::SetIndex { list, index, from } => {
                let (list, index) = self.item(self.get(base, list), self.get(base, index))?;
                let value = self.get(base, from);
                List::with(list, |items| items[index] = value);
                return Ok(());
            }
            Op::Native { native, at, count } => (at, self.native(native, base, at, count)?),
            _ => return Err("not a simple instruction".into()),
        };
        self.set(base, to, value);
        Ok(())
    }

    /// A list and an index into it.
    fn item(&self, list: Value, index: Value) -> Result<(*mut List, usize), String> {
        let (Some(items), Some(place)) = (list.as_list(), index.as_int()) else {
            return Err(format!("cannot take item {index} of {list}"));
        };
        let length = List::with(items, |items| items.len());
        usize::try_from(place)
            .ok()
            .filter(|place| *place < length)
            .map(|place| (items, place))
            .ok_or_else(|| format!("item {place} is not in {list}"))
    }

    fn native(&mut self, native: Native, base: usize, at: Slot, count: u32) -> Result<Value, String> {
        let first = self.get(base, at);
        match native {
            Native::Print => {
                let _ = writeln!(self.output, "{first}");
                Ok(Value::NIL)
            }
            Native::Length => {
                let list = first.as_list().map(|list| List::with(list, |items| items.len()));
                let length = list.or_else(|| first.as_text().map(str::len));
                Ok(Value::int(length.ok_or_else(|| format!("{first} has no length"))? as i64))
            }
            Native::Push => {
                let list = first.as_list().ok_or_else(|| format!("cannot push to {first}"))?;
                List::with(list, |items| items.push(self.get(base, at + 1)));
                Ok(Value::NIL)
            }
            Native::List => {
                let items = (0..count).map(|item| self.get(base, at + item)).collect();
                Ok(self.heap.list(items))
            }
        }
    }

    fn set_global(&mut self, global: usize, value: Value) {
        let Global { value: place, watched, changes } = &mut self.globals[global];
        *place = value;
        if std::mem::take(watched) {
            *changes = true;
            self.jit.invalidate(global);
        }
    }
}

/// The index of the first slot of a frame that compiled code passes.
fn base_of(vm: &Vm, frame: *mut Value) -> usize {
    (frame as usize - vm.stack.as_ptr() as usize) / size_of::<Value>()
}

/// Runs an instruction without a uop of its own for compiled code. Returns false if it fails. It has had no effect then, and
/// the interpreter runs it again to find the error.
pub extern "C" fn simple(vm: *mut Vm, frame: *mut Value, op: *const Op) -> bool {
    // SAFETY: compiled code has the pointers from `Vm::enter` and from the recorder; the interpreter waits meanwhile.
    let (vm, op) = unsafe { (&mut *vm, &*op) };
    vm.simple(base_of(vm, frame), op).is_ok()
}

/// Evaluates a condition for compiled code: 0 or 1, or 2 if it fails.
pub extern "C" fn test(vm: *mut Vm, frame: *mut Value, op: *const Op) -> u8 {
    // SAFETY: as in `simple`.
    let (vm, op) = unsafe { (&*vm, &*op) };
    vm.test(base_of(vm, frame), op).map_or(2, u8::from)
}
