//! Lowering: from WebAssembly's stack code to uops, in one pass and without a tree in between.
//!
//! The operand stack exists while lowering only ([`stack`]): an entry is a register, a slot of the frame, a local
//! or a constant, and nothing is emitted for it until an operator needs it elsewhere. Where control flow
//! meets, all entries are in their home slots. The work is linear in the size of the function.

mod branch;
mod bulk;
mod call;
mod comparison;
mod control;
mod locals;
mod located;
mod operator;
mod place;
mod shape;
mod stack;
mod vector_operator;
mod vector_shape;

use std::sync::atomic::AtomicUsize;

use stencil_runtime::{Instruction, Label};
use wasmparser::OperatorsReader;

use crate::module::Module;
use crate::module::error::Error;
use crate::module::progress::{Observer, Phase, Progress};
use crate::module::trap::Trap;
use crate::module::types::{RefType, ValueType};
use crate::uop::Wasm;
use comparison::Comparison;
use control::Control;
use locals::Locals;
use stack::Stack;

/// A module as a program of the machine.
pub(crate) struct Lowered {
    pub(crate) program: Vec<Instruction<Wasm>>,
    pub(crate) tables: Vec<JumpTable>,
}

/// The addresses that a `br_table` chooses from. They are known, and stored, when the program has been compiled.
#[derive(Debug)]
pub(crate) struct JumpTable {
    pub(crate) addresses: Box<[AtomicUsize]>,
    pub(crate) labels: Vec<Label>,
}

/// The label of the code of host functions.
pub(crate) const HOST_LABEL: Label = Label(0);
/// The label of the uop with which a function ends that could not go on.
pub(crate) const UNWIND_LABEL: Label = Label(1);

/// The label of a function that is not imported.
pub(crate) fn function_label(defined: usize) -> Label {
    Label(2 + defined as u32)
}

/// Lowers a whole module.
pub(crate) fn lower(module: &Module, observer: Observer<'_>) -> Result<Lowered, Error> {
    let mut program = vec![Wasm::start()];
    program.extend([Wasm::bind(HOST_LABEL), Wasm::host(), Wasm::bind(UNWIND_LABEL), Wasm::unwind()]);
    let mut labels = function_label(module.bodies.len()).0;
    let (mut tables, mut stack) = (Vec::new(), Stack::default());
    for index in 0..module.bodies.len() {
        Function::new(module, index, &mut program, &mut labels, &mut tables, &mut stack)?.lower()?;
        let done = module.bodies[index].end;
        observer(Progress { phase: Phase::Lowering, done, size: module.wasm.len() });
    }
    Ok(Lowered { program, tables })
}

/// Lowers one function, for people to look at: its labels are not those that it has in the module's program.
pub(crate) fn lower_function(module: &Module, index: usize) -> Result<Vec<Instruction<Wasm>>, Error> {
    let mut program = Vec::new();
    let mut labels = function_label(module.bodies.len()).0;
    Function::new(module, index, &mut program, &mut labels, &mut Vec::new(), &mut Stack::default())?.lower()?;
    Ok(program)
}

/// The function that an instruction calls, or goes on as, if it says which.
pub(crate) fn callee(module: &Module, instruction: &Instruction<Wasm>) -> Option<u32> {
    let operand = *instruction.operands().first()?;
    match instruction.stencil().name {
        "call" | "jump" => {
            let defined = (operand as usize).checked_sub(function_label(0).0 as usize)?;
            (defined < module.bodies.len()).then(|| (module.imported_functions() + defined) as u32)
        }
        "call_import" | "return_call_import" => Some(operand as u32 / 8),
        _ => None,
    }
}

/// A function on its way.
struct Function<'a> {
    module: &'a Module,
    operators: OperatorsReader<'a>,
    program: &'a mut Vec<Instruction<Wasm>>,
    /// The number of the next label of the program.
    labels: &'a mut u32,
    tables: &'a mut Vec<JumpTable>,
    /// The parameters and the other locals.
    locals: Locals,
    results: &'a [ValueType],
    stack: &'a mut Stack,
    controls: Vec<Control<'a>>,
    /// A comparison whose result is on top of the stack, not yet emitted, so that a branch can be made of it.
    comparison: Option<Comparison>,
    /// Index of the `enter` instruction, which needs the frame's size.
    enter: usize,
    /// Where the body begins in the module.
    start: u32,
    /// The offset in the module of the operator at hand.
    site: u32,
    /// Traps that the function may end with, each with the label of the uop that does it.
    traps: Vec<(Trap, Label)>,
}

/// Frames advance by this many slots at least: no fewer bytes than a call takes of the native stack, so that the stack of
/// frames is exhausted first.
const MIN_ADVANCE: u32 = 8;

impl<'a> Function<'a> {
    fn new(
        module: &'a Module,
        index: usize,
        program: &'a mut Vec<Instruction<Wasm>>,
        labels: &'a mut u32,
        tables: &'a mut Vec<JumpTable>,
        stack: &'a mut Stack,
    ) -> Result<Self, Error> {
        let ty = module.ty(module.functions[module.imported_functions() + index]);
        let body = module.body(index);
        let mut locals = Locals::default();
        for &ty in &ty.params {
            locals.add(1, ty);
        }
        let parameters = locals.slots();
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            locals.add(count, value_type(ty));
        }
        program.push(Wasm::bind(function_label(index)));
        let enter = program.len();
        program.push(Wasm::enter(0, HOST_LABEL));
        match locals.slots() - parameters {
            0..=4 => program.extend((parameters..locals.slots()).map(|slot| Wasm::constant_to_slot(offset(slot), 0))),
            zeros => program.push(Wasm::zero(offset(parameters), zeros)),
        }
        stack.reset(locals.slots(), locals.slots().max(MIN_ADVANCE));
        let operators = body.get_operators_reader()?;
        let results = &ty.results;
        let controls = vec![Control::function(results)];
        Ok(Self {
            module,
            operators,
            program,
            labels,
            tables,
            locals,
            results,
            stack,
            controls,
            comparison: None,
            enter,
            start: module.bodies[index].start as u32,
            site: 0,
            traps: Vec::new(),
        })
    }

    fn lower(mut self) -> Result<(), Error> {
        while !self.controls.is_empty() {
            let (operator, site) = self.operators.read_with_offset()?;
            self.site = site as u32;
            self.operator(&operator)?;
        }
        let (size, exhausted) = (offset(self.stack.frame_slots()), self.trap_label(Trap::StackExhausted));
        self.program[self.enter] = Wasm::enter(size, exhausted);
        for (trap, label) in std::mem::take(&mut self.traps) {
            self.emit(Wasm::bind(label));
            self.emit(Wasm::trap(trap as u32, self.start));
        }
        Ok(())
    }

    /// The label of the uop with which the function ends for this reason.
    fn trap_label(&mut self, trap: Trap) -> Label {
        if let Some(&(_, label)) = self.traps.iter().find(|(known, _)| *known == trap) {
            return label;
        }
        let label = self.new_label();
        self.traps.push((trap, label));
        label
    }

    fn emit(&mut self, instruction: Instruction<Wasm>) {
        self.program.push(instruction);
    }

    fn new_label(&mut self) -> Label {
        let label = Label(*self.labels);
        *self.labels += 1;
        label
    }
}

/// The offset of a slot from the start of the frame.
fn offset(slot: u32) -> u32 {
    slot * 8
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
