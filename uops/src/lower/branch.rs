//! Branches: they move values to where their target expects them, and jump.

use std::sync::atomic::AtomicUsize;

use stencil_runtime::Label;
use wasmparser::BrTable;

use super::control::Kind;
use super::slot::Slot;
use super::stack::{Entry, Place};
use super::{Function, JumpTable};
use crate::module::error::Error;
use crate::uop::Wasm;

/// A branch moves up to so many values one by one, from wherever they are. More are settled and moved by one uop; otherwise
/// a function could have as many uops as branches times values.
const FEW: usize = 4;
/// The same for each target of a `br_table`, which may be a single byte of the module.
const FEW_IN_TABLE: usize = 1;

/// The target of a branch, and the values that it takes.
struct Target {
    /// None for the end of the function.
    label: Option<Label>,
    /// The slot of the first value.
    slot: Slot,
    arity: usize,
    /// The most values to move one by one.
    few: usize,
}

impl Function<'_, '_> {
    fn target(&self, depth: u32) -> Target {
        let control = &self.controls[self.controls.len() - 1 - depth as usize];
        let (label, arity) = match control.kind {
            Kind::Function | Kind::Dead => return self.end_of_function(),
            Kind::Loop(label) => (label, control.params.len()),
            Kind::Block(label) | Kind::If { end: label, .. } => (label, control.results.len()),
        };
        Target { label: Some(label), slot: control.home, arity, few: FEW }
    }

    fn end_of_function(&self) -> Target {
        Target { label: None, slot: Slot::FIRST, arity: self.results.len(), few: FEW }
    }

    /// Prepares the topmost values for a branch. Returns the label if the branch needs no more than a jump to it.
    fn ready(&mut self, target: &Target) -> Option<Label> {
        if target.arity == 0 {
            return target.label;
        }
        let in_place = target.slot == self.stack.home_of_top(target.arity);
        if in_place || target.arity > target.few {
            self.settle_all();
        }
        target.label.filter(|_| in_place)
    }

    /// Emits a branch to a target, for which the topmost values are ready. The stack stays as it is.
    fn go(&mut self, target: &Target) {
        self.move_down(target.arity, target.slot, target.few);
        self.emit(target.label.map_or_else(Wasm::leave, Wasm::jump));
    }

    /// Copies the topmost values to slots that are not above their homes. If there are more than `few`, they have been
    /// settled.
    fn move_down(&mut self, count: usize, slot: Slot, few: usize) {
        let first = self.stack.height() - count;
        if count > few {
            let (from, end) = (self.stack.home_of_top(count), self.stack.next_home());
            self.emit(Wasm::copy_slots(slot.offset(), from.offset(), end.since(from)));
            return;
        }
        // A value may be a local, and its slot the target of another value. Then all go to their homes first, which are
        // above the locals.
        let through_homes = count > 1 && slot < self.locals.end();
        if through_homes {
            for index in first..self.stack.height() {
                let entry = self.stack.entry(index);
                self.put_in_slot(entry, entry.home);
            }
        }
        // From the lowest up, so that each value is read before its slot is written.
        let mut to = slot;
        for index in first..self.stack.height() {
            let entry = self.stack.entry(index);
            let entry = if through_homes { Entry { place: Place::Slot(entry.home), ..entry } } else { entry };
            self.put_in_slot(entry, to);
            to = to.after(entry.ty.slots());
        }
    }

    /// Copies the topmost values to the frame's first slots.
    pub(super) fn move_to_front(&mut self, count: usize) {
        if count > FEW {
            self.settle_all();
        }
        self.move_down(count, Slot::FIRST, FEW);
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
        for (index, depth) in table.targets().chain([Ok(table.default())]).enumerate() {
            // Each target takes a byte at least.
            (self.step)(self.site as usize + index)?;
            let depth = depth?;
            let label = match known.get(&depth) {
                Some(label) => *label,
                None => {
                    let target = Target { few: FEW_IN_TABLE, ..self.target(depth) };
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
        self.code.tables.push(JumpTable { addresses, labels });
        for (depth, stub) in stubs {
            self.emit(Wasm::bind(stub));
            let target = Target { few: FEW_IN_TABLE, ..self.target(depth) };
            self.go(&target);
        }
        self.leave();
        Ok(())
    }

    /// Returns with the topmost values, which go to the frame's first slots. The stack stays as it is.
    pub(super) fn return_(&mut self) {
        self.move_to_front(self.results.len());
        self.emit(Wasm::leave());
    }
}

#[cfg(test)]
mod tests {
    use crate::lower::lower_function;
    use crate::module::Module;

    /// The number of uops of a function with `count` branches, each of which takes 1,000 values.
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
    fn the_cost_of_a_branch_does_not_depend_on_its_values() {
        for branch in [
            "br_if 0",
            "br_if 1",
            "if (type $t) br 1 end",
            "if (type $t) br 2 end",
            "if (type $t) return end",
            "if (type $t) local.get 0 br_table 0 1 2 1 end",
        ] {
            let (few, many) = (uops(branch, 0), uops(branch, 200));
            assert!(few < 1100, "{branch}: {few} uops");
            assert!(many - few <= 200 * 12, "{branch}: {} uops for each", (many - few) / 200);
        }
    }
}
