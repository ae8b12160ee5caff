//! The locals of a function: their types, and their slots in the frame.

use crate::module::types::ValueType;

/// Locals, in groups of equal types, of which there are no more than the module's bytes declare: a few bytes may stand for
/// many thousand locals.
#[derive(Debug, Default)]
pub(super) struct Locals {
    groups: Vec<Group>,
    /// Number of locals.
    count: u32,
    /// The slots that they take.
    slots: u32,
}

#[derive(Debug)]
struct Group {
    /// Index and slot of the first local of the group.
    first: u32,
    slot: u32,
    ty: ValueType,
}

impl Locals {
    /// Adds locals of a type.
    pub(super) fn add(&mut self, count: u32, ty: ValueType) {
        if self.groups.last().is_none_or(|group| group.ty != ty) {
            self.groups.push(Group { first: self.count, slot: self.slots, ty });
        }
        // Validation admits 50,000 of them.
        self.count += count;
        self.slots += count * ty.slots();
    }

    /// The slots that all of them take, which are the first ones of the frame.
    pub(super) fn slots(&self) -> u32 {
        self.slots
    }

    /// Type and first slot of a local, which there is.
    pub(super) fn get(&self, local: u32) -> (ValueType, u32) {
        let group = &self.groups[self.groups.partition_point(|group| group.first <= local) - 1];
        (group.ty, group.slot + (local - group.first) * group.ty.slots())
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
        let all: Vec<_> = (0..locals.count).map(|local| locals.get(local)).collect();
        assert_eq!(all, [(I32, 0), (I32, 1), (I32, 2), (V128, 3), (V128, 5), (V128, 7), (F64, 9), (F64, 10)]);
        assert_eq!(locals.slots(), 11);
    }
}
