//! Lowering: from WebAssembly's stack code to uops, in one pass and without an intermediate tree.
//!
//! The operand stack exists during lowering only ([`stack`]). A value is in a register, a slot of the frame or a local, or
//! it is a constant; nothing is emitted for it until an operator needs it elsewhere. Where control flow meets, all
//! values are in their home slots. Time and memory are linear in the size of the function.

mod branch;
mod bulk;
mod call;
mod comparison;
mod control;
#[cfg(feature = "interpreter")]
mod fuse;
mod locals;
mod located;
mod operator;
mod place;
mod shape;
mod slot;
mod stack;
mod vector_operator;
mod vector_shape;

use std::sync::atomic::AtomicUsize;

use stencil_runtime::{Instruction, Label};
use wasmparser::OperatorsReader;

use crate::module::Module;
use crate::module::allocate;
use crate::module::error::Error;
use crate::module::headroom::Headroom;
use crate::module::progress::{Observer, Phase, Reporter};
use crate::module::trap::Trap;
use crate::module::types::{RefType, ValueType};
use crate::runtime::frames::MAX_FRAME_SLOTS;
use crate::uop::Wasm;
use comparison::Comparison;
use control::Control;
use locals::Locals;
use slot::{Slot, array_index};
use stack::Stack;

/// A module as a program of the machine.
pub(crate) struct Lowered {
    pub(crate) program: Vec<Instruction<Wasm>>,
    pub(crate) tables: Vec<JumpTable>,
    pub(crate) checkpoints: Checkpoints,
}

/// Where interpreted functions can continue in machine code: the offsets in the module at which functions and loops begin, in
/// ascending order, and their labels.
pub(crate) type Checkpoints = Vec<(u32, Label)>;

/// The addresses that a `br_table` chooses from. They are stored when the program has been compiled.
#[derive(Debug)]
pub(crate) struct JumpTable {
    pub(crate) addresses: Box<[AtomicUsize]>,
    pub(crate) labels: Vec<Label>,
}

/// The label of the code that all host functions share.
pub(crate) const HOST_LABEL: Label = Label(0);
/// The label of a function that is a program of its own.
pub(crate) const ALONE_LABEL: Label = Label(0);
/// The label of the uop that leaves a function after a trap.
pub(crate) const UNWIND_LABEL: Label = Label(1);

/// The label of a function; `defined` does not count imported functions.
///
/// Labels do not wrap: a module has at most [`MAX_SIZE`](crate::module::MAX_SIZE) bytes, and a byte of code makes fewer
/// than three labels.
pub(crate) fn function_label(defined: usize) -> Label {
    Label(2 + defined as u32)
}

/// The most heap memory that lowering takes for a byte of a function, apart from the program itself.
const HEAP_PER_BYTE: usize = 200;

/// Lowers a whole module.
pub(crate) fn lower(module: &Module, observer: Observer<'_>) -> Result<Lowered, Error> {
    let mut code = Code::new(module);
    code.program.extend([
        Wasm::start(),
        Wasm::bind(HOST_LABEL),
        Wasm::host(),
        Wasm::bind(UNWIND_LABEL),
        Wasm::unwind(),
    ]);
    let (mut stack, mut headroom) = (Stack::default(), Headroom::new("compiled module")?);
    let start = module.bodies.first().map_or(0, |body| body.start);
    let mut reporter = Reporter::new(observer, Phase::Lowering, start, module.wasm.len());
    for (index, body) in module.bodies.iter().enumerate() {
        headroom.claim(body.len().saturating_mul(HEAP_PER_BYTE))?;
        let mut step = |done| reporter.step(done);
        Function::new(module, index, &mut code, &mut stack, &mut step)?.lower()?;
        reporter.report(body.end)?;
    }
    Ok(code.lowered())
}

impl Lowered {
    /// Replaces sequences of uops by single ones, which the interpreter runs faster.
    pub(crate) fn fuse(&mut self) {
        #[cfg(feature = "interpreter")]
        fuse::fuse(&mut self.program);
    }
}

/// Lowers one function, to show it: its labels differ from those that it has in the module's program.
pub(crate) fn lower_function(module: &Module, index: usize) -> Result<Vec<Instruction<Wasm>>, Error> {
    let mut code = Code::new(module);
    Function::new(module, index, &mut code, &mut Stack::default(), &mut |_| Ok(()))?.lower()?;
    Ok(code.program)
}

/// Lowers one function as a program of its own for the interpreter, with checkpoints. It calls other functions through the instance's
/// array, so that each can be in either tier.
pub(crate) fn lower_alone(
    module: &Module,
    index: usize,
    step: &mut dyn FnMut(usize) -> Result<(), Error>,
) -> Result<Lowered, Error> {
    Headroom::new("compiled function")?.claim(module.bodies[index].len().saturating_mul(HEAP_PER_BYTE))?;
    let mut code = Code { alone: true, labels: ALONE_LABEL.0 + 1, ..Code::new(module) };
    Function::new(module, index, &mut code, &mut Stack::default(), step)?.lower()?;
    Ok(code.lowered())
}

/// The function that an instruction calls or jumps to, if the instruction names one.
pub(crate) fn callee(module: &Module, instruction: &Instruction<Wasm>) -> Option<u32> {
    let operand = *instruction.operands().first()?;
    match &*instruction.stencil().name() {
        "call" | "jump" => {
            let defined = (operand as usize).checked_sub(function_label(0).0 as usize)?;
            (defined < module.bodies.len()).then(|| (module.imported_functions() + defined) as u32)
        }
        "call_import" | "return_call_import" => Some(array_index(operand as u32)),
        _ => None,
    }
}

/// What has been lowered so far.
struct Code {
    program: Vec<Instruction<Wasm>>,
    /// The number of the next label.
    labels: u32,
    tables: Vec<JumpTable>,
    checkpoints: Checkpoints,
    /// Whether this is a function as a program of its own for the interpreter.
    alone: bool,
    /// The size of an allocation that failed: an instruction is missing, and the function cannot be completed.
    failed: Option<usize>,
}

impl Code {
    fn new(module: &Module) -> Self {
        Self {
            program: Vec::new(),
            labels: function_label(module.bodies.len()).0,
            tables: Vec::new(),
            checkpoints: Vec::new(),
            alone: false,
            failed: None,
        }
    }

    fn lowered(self) -> Lowered {
        Lowered { program: self.program, tables: self.tables, checkpoints: self.checkpoints }
    }

    /// Begins a function or a loop, which is at the offset `site` in the module. All values are in slots.
    fn begin(&mut self, site: u32, label: Label) {
        self.emit(Wasm::bind(label));
        if self.alone {
            self.emit(Wasm::checkpoint(site));
        } else if allocate::push("compiled module", &mut self.checkpoints, (site, label)).is_err() {
            self.failed = Some(2 * size_of_val(&*self.checkpoints));
        }
    }

    fn emit(&mut self, instruction: Instruction<Wasm>) {
        if self.program.len() == self.program.capacity() && self.program.try_reserve(1).is_err() {
            self.failed = Some(2 * size_of_val(&*self.program));
            return;
        }
        self.program.push(instruction);
    }
}

/// The lowering of one function.
struct Function<'m, 'c> {
    module: &'m Module,
    operators: OperatorsReader<'m>,
    code: &'c mut Code,
    /// The parameters and the other locals.
    locals: Locals,
    results: &'m [ValueType],
    stack: &'c mut Stack<'m>,
    controls: Vec<Control<'m>>,
    /// A comparison that has not been emitted yet, so that a following branch can absorb it. Its result is the top of the
    /// stack.
    comparison: Option<Comparison>,
    /// Index of the `enter` instruction, which needs the frame's size.
    enter: usize,
    /// The offset of the body in the module.
    start: u32,
    /// The offset of the current operator in the module.
    site: u32,
    /// The traps of the function, each with the label of the uop that raises it.
    traps: Vec<(Trap, Label)>,
    /// Reports the offset in the module that lowering has reached. It fails if compilation is cancelled.
    step: &'c mut dyn FnMut(usize) -> Result<(), Error>,
}

/// The slots by which frames advance at least. They have as many bytes as a call takes of the native stack at most, so that
/// a bound for the frames bounds the native stack, too (`tests/tiers/native_stack.rs` measures that).
const MIN_ADVANCE: u32 = 8;

impl<'m, 'c> Function<'m, 'c> {
    fn new(
        module: &'m Module,
        index: usize,
        code: &'c mut Code,
        stack: &'c mut Stack<'m>,
        step: &'c mut dyn FnMut(usize) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let ty = module.ty(module.functions[module.imported_functions() + index]);
        let body = module.body(index);
        let mut locals = Locals::default();
        for &ty in &*ty.params {
            locals.add(1, ty);
        }
        let parameters = locals.end();
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            locals.add(count, value_type(ty));
        }
        let label = if code.alone { ALONE_LABEL } else { function_label(index) };
        code.begin(module.bodies[index].start as u32, label);
        let enter = code.program.len();
        code.emit(Wasm::enter(0, HOST_LABEL));
        match locals.end().since(parameters) {
            zeros @ 0..=4 => {
                (0..zeros).for_each(|zero| code.emit(Wasm::constant_to_slot(parameters.after(zero).offset(), 0)));
            }
            zeros => code.emit(Wasm::zero(parameters.offset(), zeros)),
        }
        stack.reset(locals.end(), locals.end().max(Slot::FIRST.after(MIN_ADVANCE)));
        let operators = body.get_operators_reader()?;
        let results = &ty.results;
        let controls = vec![Control::function(results, stack.next_home())];
        Ok(Self {
            module,
            operators,
            code,
            locals,
            results,
            stack,
            controls,
            comparison: None,
            enter,
            start: module.bodies[index].start as u32,
            site: 0,
            traps: Vec::new(),
            step,
        })
    }

    fn lower(mut self) -> Result<(), Error> {
        while !self.controls.is_empty() {
            let (operator, site) = self.operators.read_with_offset()?;
            (self.step)(site as usize)?;
            self.site = site as u32;
            self.operator(&operator)?;
            self.check()?;
        }
        let (size, exhausted) = (self.stack.frame_end().offset(), self.trap_label(Trap::StackExhausted));
        for (trap, label) in std::mem::take(&mut self.traps) {
            self.emit(Wasm::bind(label));
            self.emit(Wasm::trap(trap as u32, self.start));
        }
        self.check()?;
        self.code.program[self.enter] = Wasm::enter(size, exhausted);
        Ok(())
    }

    /// Fails if the frame is too large, or if there was no memory for an instruction.
    fn check(&self) -> Result<(), Error> {
        if self.stack.frame_end().is_limit() {
            let (what, limit) = ("slots of a function's frame", u64::from(MAX_FRAME_SLOTS));
            return Err(Error::Limit { what, limit, offset: self.site.into() });
        }
        match self.code.failed {
            None => Ok(()),
            Some(size) => Err(Error::OutOfMemory { what: "compiled module", size: size as u64 }),
        }
    }

    /// The label of the uop that raises this trap.
    fn trap_label(&mut self, trap: Trap) -> Label {
        if let Some(&(_, label)) = self.traps.iter().find(|(known, _)| *known == trap) {
            return label;
        }
        let label = self.new_label();
        self.traps.push((trap, label));
        label
    }

    fn emit(&mut self, instruction: Instruction<Wasm>) {
        self.code.emit(instruction);
    }

    fn new_label(&mut self) -> Label {
        let label = Label(self.code.labels);
        self.code.labels += 1;
        label
    }
}

fn value_type(ty: wasmparser::ValType) -> ValueType {
    match ty {
        wasmparser::ValType::I64 => ValueType::I64,
        wasmparser::ValType::F32 => ValueType::F32,
        wasmparser::ValType::F64 => ValueType::F64,
        wasmparser::ValType::V128 => ValueType::V128,
        wasmparser::ValType::Ref(ty) if ty.is_extern_ref() => ValueType::Ref(RefType::Extern),
        wasmparser::ValType::Ref(_) => ValueType::Ref(RefType::Func),
        // Validation admits no others than `i32`.
        _ => ValueType::I32,
    }
}
