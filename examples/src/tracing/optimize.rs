//! Removes from a trace guards that must hold, and stores of tags that are already in place.

use std::collections::HashMap;

use super::bytecode::Slot;
use super::trace::{Step, Traced};

/// What is known about the values in slots at a point of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    tags: HashMap<Slot, u64>,
    bits: HashMap<Slot, u64>,
}

impl Knowledge {
    /// Whether everything known in `other` is known here.
    pub fn implies(&self, other: &Self) -> bool {
        let within = |all: &HashMap<Slot, u64>, some: &HashMap<Slot, u64>| {
            some.iter().all(|(slot, value)| all.get(slot) == Some(value))
        };
        within(&self.tags, &other.tags) && within(&self.bits, &other.bits)
    }
}

/// Records what a slot holds, or that nothing is known. Returns whether that is new.
fn learn(known: &mut HashMap<Slot, u64>, slot: Slot, value: Option<u64>) -> bool {
    match value {
        Some(value) => known.insert(slot, value) != Some(value),
        None => {
            known.remove(&slot);
            true
        }
    }
}

/// The steps that are needed, given what is known before the first one. Updates `known` to what holds after the last one.
pub fn optimize(steps: &[Traced], known: &mut Knowledge) -> Vec<Traced> {
    let mut kept = Vec::new();
    for &Traced { step, exit } in steps {
        let (step, needed) = match step {
            Step::GuardTag { slot, tag } | Step::SetTag { slot, tag } => {
                (step, learn(&mut known.tags, slot, Some(tag)))
            }
            Step::GuardBits { slot, bits } | Step::SetBits { slot, bits } => {
                (step, learn(&mut known.bits, slot, Some(bits)))
            }
            Step::CopyTag { to, from } => match known.tags.get(&from).copied() {
                Some(tag) => (Step::SetTag { slot: to, tag }, learn(&mut known.tags, to, Some(tag))),
                None => (step, learn(&mut known.tags, to, None)),
            },
            Step::CopyBits { to, from } => match known.bits.get(&from).copied() {
                Some(bits) => (Step::SetBits { slot: to, bits }, learn(&mut known.bits, to, Some(bits))),
                None => (step, learn(&mut known.bits, to, None)),
            },
            Step::Ints { to, .. }
            | Step::Floats { to, .. }
            | Step::CompareInts { to, .. }
            | Step::CompareFloats { to, .. } => (step, learn(&mut known.bits, to, None)),
            Step::Item { to, .. } | Step::Simple { to: Some(to), .. } => {
                learn(&mut known.bits, to, None);
                (step, learn(&mut known.tags, to, None))
            }
            Step::GuardInts { .. }
            | Step::GuardFloats { .. }
            | Step::GuardTest { .. }
            | Step::CheckValidity
            | Step::CheckStack { .. }
            | Step::SetItem { .. }
            | Step::Simple { to: None, .. } => (step, true),
        };
        if needed {
            kept.push(Traced { step, exit });
        }
    }
    kept
}
