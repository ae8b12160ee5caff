//! The locals of a function: their types, and their slots in the frame.

use super::slot::Slot;
use crate::module::types::ValueType;

/// The locals, in groups of one type. A few bytes may declare many thousand locals, but a module has no more groups than
/// bytes.
#[derive(Debug, Default)]
pub(super) struct Locals {
    groups: Vec<Group>,
    /// The number of locals.
    count: u32,
    /// The slot after the last local.
    end: Slot,
}

#[derive(Debug)]
struct Group {
    /// Index and slot of the first local of the group.
    first: u32,
    slot: Slot,
    ty: ValueType,
}

impl Locals {
    /// Adds locals of a type. Validation admits 50,000 in all.
    pub(super) fn add(&mut self, count: u32, ty: ValueType) {
        if self.groups.last().is_none_or(|group| group.ty != ty) {
            self.groups.push(Group { first: self.count, slot: self.end, ty });
        }
        self.count = self.count.saturating_add(count);
        self.end = self.end.after(count.saturating_mul(ty.slots()));
    }

    /// The slot after the last local. Locals begin at the first slot of the frame.
    pub(super) fn end(&self) -> Slot {
        self.end
    }

    /// Returns the type and the first slot of a local, which exists.
    pub(super) fn get(&self, local: u32) -> (ValueType, Slot) {
        let group = &self.groups[self.groups.partition_point(|group| group.first <= local) - 1];
        (group.ty, group.slot.after((local - group.first).saturating_mul(group.ty.slots())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValueType::{F64, I32, V128};

    #[test]
    fn vectors_take_two_slots() {
        let mut locals = Locals::default();
        for (count, ty) in [(1, I32), (2, I32), (0, F64), (2, V128), (1, V128), (1, F64), (0, I32), (1, F64)] {
            locals.add(count, ty);
        }
        let all: Vec<_> =
            (0..locals.count).map(|local| locals.get(local)).map(|(ty, slot)| (ty, slot.index())).collect();
        assert_eq!(all, [(I32, 0), (I32, 1), (I32, 2), (V128, 3), (V128, 5), (V128, 7), (F64, 9), (F64, 10)]);
        assert_eq!(locals.end().index(), 11);
    }
}
