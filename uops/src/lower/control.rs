//! Control instructions: blocks, branches, calls.

use std::sync::atomic::AtomicUsize;

use stencil_runtime::Label;
use wasmparser::{BlockType, BrTable, Operator};

use super::comparison::Comparison;
use super::stack::{Entry, Place};
use super::{Function, JumpTable, function_label, offset, value_type};
use crate::error::Error;
use crate::trap::Trap;
use crate::types::{FuncType, ValueType};
use crate::uop::Wasm;

/// A block that lowering is in.
pub(super) struct Control {
    kind: Kind,
    /// Height of the operand stack below the block's parameters.
    height: usize,
    params: Vec<ValueType>,
    results: Vec<ValueType>,
    /// Whether what follows in the block is reached.
    reachable: bool,
}

enum Kind {
    /// The function's body, which is left by returning.
    Function,
    /// A block, whose label is at its end.
    Block(Label),
    /// A loop, whose label is at its start.
    Loop(Label),
    /// An `if`: its end, and the start of its alternative while that has not come.
    If { end: Label, alternative: Option<Label> },
    /// A block in code that is not reached: nothing of it is lowered.
    Dead,
}

impl Control {
    pub(super) fn function(results: &[ValueType]) -> Self {
        Self { kind: Kind::Function, height: 0, params: Vec::new(), results: results.to_vec(), reachable: true }
    }
}

/// Where a branch goes, and what it takes along.
enum Target {
    Return,
    Label { label: Label, height: usize, arity: usize },
}

impl Function<'_> {
    pub(super) fn reachable(&self) -> bool {
        self.controls.last().is_some_and(|control| control.reachable)
    }

    /// What is lowered of code that is not reached: the structure of blocks.
    pub(super) fn unreachable_operator(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                let (params, results) = (Vec::new(), Vec::new());
                let height = self.stack.height();
                self.controls.push(Control { kind: Kind::Dead, height, params, results, reachable: false });
            }
            Operator::Else => self.alternative(),
            Operator::End => self.end(),
            _ => {}
        }
    }

    fn block_type(&self, ty: BlockType) -> (Vec<ValueType>, Vec<ValueType>) {
        match ty {
            BlockType::Empty => (Vec::new(), Vec::new()),
            BlockType::Type(ty) => (Vec::new(), vec![value_type(ty)]),
            BlockType::FuncType(index) => {
                let ty = self.module.ty(index);
                (ty.params.to_vec(), ty.results.to_vec())
            }
        }
    }

    fn open(&mut self, ty: BlockType, kind: Kind) {
        let (params, results) = self.block_type(ty);
        let height = self.stack.height() - params.len();
        self.controls.push(Control { kind, height, params, results, reachable: true });
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        self.settle_all();
        let label = self.new_label();
        self.open(ty, Kind::Block(label));
    }

    pub(super) fn loop_(&mut self, ty: BlockType) {
        self.settle_all();
        let label = self.new_label();
        self.emit(Wasm::bind(label));
        let interrupted = self.trap_label(Trap::Interrupted);
        self.emit(Wasm::iterate(interrupted));
        self.open(ty, Kind::Loop(label));
    }

    pub(super) fn if_(&mut self, ty: BlockType) {
        let condition = self.condition();
        self.settle_all();
        let (end, alternative) = (self.new_label(), self.new_label());
        self.emit(condition.negated().jump(alternative));
        self.open(ty, Kind::If { end, alternative: Some(alternative) });
    }

    /// `else`: what came before goes on at the end, and the stack is as it was at the `if`.
    pub(super) fn alternative(&mut self) {
        let reachable = self.reachable();
        let Some(control) = self.controls.last_mut() else { return };
        let Kind::If { end, alternative } = &mut control.kind else { return };
        let (end, alternative) = (*end, alternative.take());
        control.reachable = true;
        let (height, params) = (control.height, control.params.clone());
        if reachable {
            self.settle_all();
            self.emit(Wasm::jump(end));
        }
        self.emit_label(alternative);
        self.stack.truncate(height);
        params.into_iter().for_each(|ty| self.stack.push_home(ty));
    }

    pub(super) fn end(&mut self) {
        let reachable = self.reachable();
        if reachable && self.controls.len() > 1 {
            self.settle_all();
        }
        let Some(control) = self.controls.pop() else { return };
        match control.kind {
            Kind::Dead => return,
            Kind::Function => {
                if reachable {
                    self.return_();
                }
                return;
            }
            Kind::Block(label) => self.emit(Wasm::bind(label)),
            Kind::Loop(_) => {
                // Nothing comes in but what falls out of the loop; the code after it is reached if its end is.
                if !reachable {
                    self.stack.truncate(control.height);
                    control.results.into_iter().for_each(|ty| self.stack.push_home(ty));
                    self.leave();
                    return;
                }
            }
            Kind::If { end, alternative } => {
                self.emit_label(alternative);
                self.emit(Wasm::bind(end));
            }
        }
        self.stack.truncate(control.height);
        control.results.into_iter().for_each(|ty| self.stack.push_home(ty));
    }

    fn emit_label(&mut self, label: Option<Label>) {
        if let Some(label) = label {
            self.emit(Wasm::bind(label));
        }
    }

    /// Notes that what follows in the block is not reached.
    pub(super) fn leave(&mut self) {
        if let Some(control) = self.controls.last_mut() {
            control.reachable = false;
        }
    }

    fn target(&self, depth: u32) -> Target {
        let control = &self.controls[self.controls.len() - 1 - depth as usize];
        let (label, arity) = match control.kind {
            Kind::Function | Kind::Dead => return Target::Return,
            Kind::Loop(label) => (label, control.params.len()),
            Kind::Block(label) | Kind::If { end: label, .. } => (label, control.results.len()),
        };
        Target::Label { label, height: control.height, arity }
    }

    /// Whether a branch needs no more than a jump: the label, if what it takes along is in place, or can be put
    /// there for good.
    fn plain(&mut self, target: &Target) -> Option<Label> {
        let Target::Label { label, height, arity } = *target else { return None };
        if arity == 0 {
            return Some(label);
        }
        if height + arity != self.stack.height() {
            return None;
        }
        self.settle_all();
        Some(label)
    }

    /// Goes to a target with the topmost values. The stack is left as it is.
    fn go(&mut self, target: &Target) {
        match *target {
            Target::Return => self.return_(),
            Target::Label { label, height, arity } => {
                // From the lowest up: no value's slot is written before the value has been read.
                let mut slot = self.stack.home(height);
                for index in self.stack.height() - arity..self.stack.height() {
                    let entry = self.stack.entry(index);
                    self.put_in_slot(entry, slot);
                    slot += entry.ty.slots();
                }
                self.emit(Wasm::jump(label));
            }
        }
    }

    pub(super) fn br(&mut self, depth: u32) {
        let target = self.target(depth);
        self.go(&target);
        self.leave();
    }

    pub(super) fn br_if(&mut self, depth: u32) {
        let condition = self.condition();
        let target = self.target(depth);
        if let Some(label) = self.plain(&target) {
            self.emit(condition.jump(label));
            return;
        }
        let skip = self.new_label();
        self.emit(condition.negated().jump(skip));
        self.go(&target);
        self.emit(Wasm::bind(skip));
    }

    pub(super) fn br_table(&mut self, table: &BrTable<'_>) -> Result<(), Error> {
        let index = self.pop_register();
        let mut stubs: Vec<(u32, Label)> = Vec::new();
        let mut known = std::collections::HashMap::new();
        let mut labels = Vec::with_capacity(table.len() as usize + 1);
        for depth in table.targets().chain([Ok(table.default())]) {
            let depth = depth?;
            let label = match known.get(&depth) {
                Some(label) => *label,
                None => {
                    let target = self.target(depth);
                    let label = match self.plain(&target) {
                        Some(label) => label,
                        None => {
                            let stub = self.new_label();
                            stubs.push((depth, stub));
                            stub
                        }
                    };
                    known.insert(depth, label);
                    label
                }
            };
            labels.push(label);
        }
        let addresses: Box<[AtomicUsize]> = labels.iter().map(|_| AtomicUsize::new(0)).collect();
        self.emit(Wasm::jump_table(index, addresses.as_ptr().cast(), labels.len() as u32));
        self.tables.push(JumpTable { addresses, labels });
        for (depth, stub) in stubs {
            self.emit(Wasm::bind(stub));
            let target = self.target(depth);
            self.go(&target);
        }
        self.leave();
        Ok(())
    }

    /// Returns with the topmost values, which go to the frame's first slots. The stack is left as it is.
    pub(super) fn return_(&mut self) {
        let results = self.results.len();
        let first = self.stack.height() - results;
        if results > 1 {
            // A result may be a local whose slot another one goes to: all of them go to their homes, above the locals.
            for index in first..self.stack.height() {
                self.put_in_slot(self.stack.entry(index), self.stack.home(index));
            }
        }
        let mut slot = 0;
        for index in first..self.stack.height() {
            let entry = self.stack.entry(index);
            let entry = if results > 1 { Entry { place: Place::Slot(entry.home), ..entry } } else { entry };
            self.put_in_slot(entry, slot);
            slot += entry.ty.slots();
        }
        self.emit(Wasm::leave());
    }

    pub(super) fn trap(&mut self, trap: Trap) {
        self.emit(Wasm::trap(trap as u32, self.site));
        self.leave();
    }

    pub(super) fn call(&mut self, function: u32) {
        let module = self.module;
        let ty = module.ty(module.functions[function as usize]);
        let imported = module.imported_functions();
        let frame = self.arguments(ty);
        self.emit(match (function as usize).checked_sub(imported) {
            Some(defined) => Wasm::call(function_label(defined), frame, self.site),
            None => Wasm::call_import(function * 8, frame, self.site),
        });
        self.call_results(ty);
    }

    pub(super) fn call_indirect(&mut self, ty: u32, table: u32) {
        let index = self.stack.pop();
        let module = self.module;
        let signature = module.ty(ty);
        let slot = self.stack.home(self.stack.height());
        self.put_in_slot(index, slot);
        let frame = self.arguments(signature);
        self.emit(Wasm::call_indirect(table * 8, ty * 8, offset(slot), frame, self.site));
        self.call_results(signature);
    }

    /// Puts the arguments, and all that is below them, into their home slots. Where the first one is, the frame of the
    /// callee begins.
    fn arguments(&mut self, ty: &FuncType) -> u32 {
        self.settle_all();
        offset(self.stack.home(self.stack.height() - ty.params.len()))
    }

    fn call_results(&mut self, ty: &FuncType) {
        self.stack.truncate(self.stack.height() - ty.params.len());
        ty.results.iter().for_each(|&ty| self.stack.push_home(ty));
    }

    /// The condition on top of the stack as a comparison.
    fn condition(&mut self) -> Comparison {
        match self.comparison.take() {
            Some(comparison) => comparison,
            None => self.zero(ValueType::I32, false),
        }
    }
}
