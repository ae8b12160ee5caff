//! Blocks. Where control flow meets, all values are in their home slots.

use stencil_runtime::Label;
use wasmparser::{BlockType, Operator};

use super::{Function, value_type};
use crate::module::trap::Trap;
use crate::module::types::{RefType, ValueType};
use crate::uop::Wasm;

/// A block that lowering is in.
pub(super) struct Control<'a> {
    pub(super) kind: Kind,
    /// Height of the operand stack below the block's parameters.
    pub(super) height: usize,
    pub(super) params: &'a [ValueType],
    pub(super) results: &'a [ValueType],
    /// Whether what follows in the block is reached.
    reachable: bool,
}

pub(super) enum Kind {
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

impl<'a> Control<'a> {
    pub(super) fn function(results: &'a [ValueType]) -> Self {
        Self { kind: Kind::Function, height: 0, params: &[], results, reachable: true }
    }
}

impl<'a> Function<'a> {
    pub(super) fn reachable(&self) -> bool {
        self.controls.last().is_some_and(|control| control.reachable)
    }

    /// What is lowered of code that is not reached: the structure of blocks.
    pub(super) fn unreachable_operator(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                let height = self.stack.height();
                self.controls.push(Control { kind: Kind::Dead, height, params: &[], results: &[], reachable: false });
            }
            Operator::Else => self.alternative(),
            Operator::End => self.end(),
            _ => {}
        }
    }

    fn block_type(&self, ty: BlockType) -> (&'a [ValueType], &'a [ValueType]) {
        match ty {
            BlockType::Empty => (&[], &[]),
            BlockType::Type(ty) => (&[], one(value_type(ty))),
            BlockType::FuncType(index) => {
                let ty = self.module.ty(index);
                (&ty.params, &ty.results)
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
        let (height, params) = (control.height, control.params);
        if reachable {
            self.settle_all();
            self.emit(Wasm::jump(end));
        }
        self.emit_label(alternative);
        self.stack.truncate(height);
        self.push_homes(params);
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
                    self.push_homes(control.results);
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
        self.push_homes(control.results);
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

    pub(super) fn trap(&mut self, trap: Trap) {
        self.emit(Wasm::trap(trap as u32, self.site));
        self.leave();
    }

    /// Pushes values that are in their home slots already, like the results of a call.
    pub(super) fn push_homes(&mut self, types: &[ValueType]) {
        types.iter().for_each(|&ty| self.stack.push_home(ty));
    }
}

/// A type as a list.
fn one(ty: ValueType) -> &'static [ValueType] {
    match ty {
        ValueType::I32 => &[ValueType::I32],
        ValueType::I64 => &[ValueType::I64],
        ValueType::F32 => &[ValueType::F32],
        ValueType::F64 => &[ValueType::F64],
        ValueType::V128 => &[ValueType::V128],
        ValueType::Ref(RefType::Func) => &[ValueType::Ref(RefType::Func)],
        ValueType::Ref(RefType::Extern) => &[ValueType::Ref(RefType::Extern)],
    }
}
