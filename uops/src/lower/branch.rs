//! Branches: they bring values to where they are expected, and go there.

use std::sync::atomic::AtomicUsize;

use stencil_runtime::Label;
use wasmparser::BrTable;

use super::control::Kind;
use super::stack::{Entry, Place};
use super::{Function, JumpTable, offset};
use crate::module::error::Error;
use crate::uop::Wasm;

/// So many values are moved one by one, from wherever they are. More are settled and moved by one uop: or else a function
/// could have as many uops as it has branches times values.
const FEW: usize = 8;

/// Where a branch goes, and what it takes along.
struct Target {
    /// None for the end of the function.
    label: Option<Label>,
    /// The slot for the first of the values.
    slot: u32,
    arity: usize,
}

impl Function<'_> {
    fn target(&self, depth: u32) -> Target {
        let control = &self.controls[self.controls.len() - 1 - depth as usize];
        let (label, arity) = match control.kind {
            Kind::Function | Kind::Dead => return self.end_of_function(),
            Kind::Loop(label) => (label, control.params.len()),
            Kind::Block(label) | Kind::If { end: label, .. } => (label, control.results.len()),
        };
        Target { label: Some(label), slot: self.stack.home(control.height), arity }
    }

    fn end_of_function(&self) -> Target {
        Target { label: None, slot: 0, arity: self.results.len() }
    }

    /// Gets values ready for a branch, for good. If the branch needs no more than a jump then, the label.
    fn ready(&mut self, target: &Target) -> Option<Label> {
        if target.arity == 0 {
            return target.label;
        }
        let in_place = target.slot == self.first_slot(target.arity);
        if in_place || target.arity > FEW {
            self.settle_all();
        }
        target.label.filter(|_| in_place)
    }

    /// The home slot of the first of the topmost values.
    fn first_slot(&self, count: usize) -> u32 {
        self.stack.home(self.stack.height() - count)
    }

    /// Goes to a target, for which the topmost values are ready. The stack is left as it is.
    fn go(&mut self, target: &Target) {
        self.move_down(target.arity, target.slot);
        self.emit(target.label.map_or_else(Wasm::leave, Wasm::jump));
    }

    /// Copies the topmost values to slots that are not above their homes. More than a few have been settled.
    fn move_down(&mut self, count: usize, slot: u32) {
        let first = self.stack.height() - count;
        if count > FEW {
            let (from, end) = (self.stack.home(first), self.stack.home(self.stack.height()));
            self.emit(Wasm::copy_slots(offset(slot), offset(from), end - from));
            return;
        }
        // A value may be a local whose slot another one goes to: all of them go to their homes, above the locals.
        let through_homes = count > 1 && slot < self.locals.slots();
        if through_homes {
            for index in first..self.stack.height() {
                self.put_in_slot(self.stack.entry(index), self.stack.home(index));
            }
        }
        // From the lowest up: no value's slot is written before the value has been read.
        let mut to = slot;
        for index in first..self.stack.height() {
            let entry = self.stack.entry(index);
            let entry = if through_homes { Entry { place: Place::Slot(entry.home), ..entry } } else { entry };
            self.put_in_slot(entry, to);
            to += entry.ty.slots();
        }
    }

    /// Copies the topmost values to the frame's first slots.
    pub(super) fn move_to_front(&mut self, count: usize) {
        if count > FEW {
            self.settle_all();
        }
        self.move_down(count, 0);
    }

    pub(super) fn br(&mut self, depth: u32) {
        let target = self.target(depth);
        match self.ready(&target) {
            Some(label) => self.emit(Wasm::jump(label)),
            None => self.go(&target),
        }
        self.leave();
    }

    pub(super) fn br_if(&mut self, depth: u32) {
        let condition = self.condition();
        let target = self.target(depth);
        if let Some(label) = self.ready(&target) {
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
                    let label = match self.ready(&target) {
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
        self.move_to_front(self.results.len());
        self.emit(Wasm::leave());
    }
}

#[cfg(test)]
mod tests {
    use crate::lower::lower_function;
    use crate::module::Module;

    /// Uops of a function of `count` branches, each of which takes 1000 values along.
    fn uops(branch: &str, count: usize) -> usize {
        let (types, values) = (" i32".repeat(1000), "local.get 0 ".repeat(1000));
        let text = format!(
            "(module (type $t (func (param{types}) (result{types})))
               (func (param i32) (result{types})
                 block (result{types}) i64.const 1 {values} {} br 0 end))",
            format!("local.get 0 {branch} ").repeat(count)
        );
        lower_function(&Module::from_text(text.as_bytes()).unwrap(), 0).unwrap().len()
    }

    #[test]
    fn a_branch_costs_the_same_however_many_values_it_takes_along() {
        for branch in [
            "br_if 0",
            "br_if 1",
            "if (type $t) br 1 end",
            "if (type $t) br 2 end",
            "if (type $t) return end",
            "if (type $t) local.get 0 br_table 0 1 2 1 end",
        ] {
            let (few, many) = (uops(branch, 0), uops(branch, 1000));
            assert!(few < 1100, "{branch}: {few} uops");
            assert!(many - few <= 1000 * 12, "{branch}: {} uops for each", (many - few) / 1000);
        }
    }
}
