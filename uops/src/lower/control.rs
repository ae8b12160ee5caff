//! Blocks. Where control flow meets, all values are in their home slots.

use stencil_runtime::Label;
use wasmparser::{BlockType, Operator};

use super::slot::Slot;
use super::{Function, value_type};
use crate::module::trap::Trap;
use crate::module::types::{RefType, ValueType};
use crate::uop::Wasm;

/// A block that encloses the current operator.
pub(super) struct Control<'m> {
    pub(super) kind: Kind,
    /// Height of the operand stack below the block's parameters.
    pub(super) height: usize,
    /// The home slot of the first parameter, which is also that of the first result.
    pub(super) home: Slot,
    pub(super) params: &'m [ValueType],
    pub(super) results: &'m [ValueType],
    /// Whether the following code of the block is reachable.
    reachable: bool,
}

pub(super) enum Kind {
    /// The function's body. Leaving it means returning.
    Function,
    /// A block, whose label is at its end.
    Block(Label),
    /// A loop, whose label is at its start.
    Loop(Label),
    /// An `if`: its end, and the start of its `else` until that has been reached.
    If { end: Label, alternative: Option<Label> },
    /// A block in unreachable code, which is not lowered.
    Dead,
}

impl<'m> Control<'m> {
    pub(super) fn function(results: &'m [ValueType], home: Slot) -> Self {
        Self { kind: Kind::Function, height: 0, home, params: &[], results, reachable: true }
    }
}

impl<'m> Function<'m, '_> {
    pub(super) fn reachable(&self) -> bool {
        self.controls.last().is_some_and(|control| control.reachable)
    }

    /// Follows the block structure of unreachable code, of which nothing else is lowered.
    pub(super) fn unreachable_operator(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                let (height, home) = (self.stack.height(), self.stack.next_home());
                let (params, results): (&[_], &[_]) = (&[], &[]);
                self.controls.push(Control { kind: Kind::Dead, height, home, params, results, reachable: false });
            }
            Operator::Else => self.alternative(),
            Operator::End => self.end(),
            _ => {}
        }
    }

    fn block_type(&self, ty: BlockType) -> (&'m [ValueType], &'m [ValueType]) {
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
        let (height, home) = (self.stack.height() - params.len(), self.stack.home_of_top(params.len()));
        self.controls.push(Control { kind, height, home, params, results, reachable: true });
    }

    pub(super) fn block(&mut self, ty: BlockType) {
        self.settle_all();
        let label = self.new_label();
        self.open(ty, Kind::Block(label));
    }

    pub(super) fn loop_(&mut self, ty: BlockType) {
        self.settle_all();
        let label = self.new_label();
        self.code.begin(self.site, label);
        let interrupted = self.trap_label(Trap::Interrupted);
        self.emit(Wasm::iterate(interrupted));
        // Interpreted jumps that check for interruptions themselves lead here.
        let body = self.new_label();
        self.emit(Wasm::bind(body));
        self.open(ty, Kind::Loop(label));
    }

    pub(super) fn if_(&mut self, ty: BlockType) {
        let condition = self.condition();
        self.settle_all();
        let (end, alternative) = (self.new_label(), self.new_label());
        self.emit(condition.negated().jump(alternative));
        self.open(ty, Kind::If { end, alternative: Some(alternative) });
    }

    /// `else`: the code before it continues at the end of the block, and the stack is as it was at the `if`.
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
        self.stack.push_homes(params);
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
                // No branch leads to the end of a loop, so the code after it is reachable only if the end is.
                if !reachable {
                    self.stack.truncate(control.height);
                    self.stack.push_homes(control.results);
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
        self.stack.push_homes(control.results);
    }

    fn emit_label(&mut self, label: Option<Label>) {
        if let Some(label) = label {
            self.emit(Wasm::bind(label));
        }
    }

    /// Records that the following code of the block is unreachable.
    pub(super) fn leave(&mut self) {
        if let Some(control) = self.controls.last_mut() {
            control.reachable = false;
        }
    }

    pub(super) fn trap(&mut self, trap: Trap) {
        self.emit(Wasm::trap(trap as u32, self.site));
        self.leave();
    }
}

/// A slice of one type.
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
