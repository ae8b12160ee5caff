//! Leaves out of a trace what is known: guards of types that cannot be others, tags that are there already.

use std::collections::HashMap;

use super::bytecode::Slot;
use super::trace::{Step, Traced};

/// What is known of the values in slots at one place of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    tags: HashMap<Slot, u64>,
    bits: HashMap<Slot, u64>,
}

impl Knowledge {
    /// Whether all that `other` knows is known here.
    pub fn implies(&self, other: &Self) -> bool {
        let within = |all: &HashMap<Slot, u64>, some: &HashMap<Slot, u64>| {
            some.iter().all(|(slot, value)| all.get(slot) == Some(value))
        };
        within(&self.tags, &other.tags) && within(&self.bits, &other.bits)
    }
}

/// Notes what a slot holds, or that nothing is known; tells whether that is new.
fn learn(known: &mut HashMap<Slot, u64>, slot: Slot, value: Option<u64>) -> bool {
    match value {
        Some(value) => known.insert(slot, value) != Some(value),
        None => {
            known.remove(&slot);
            true
        }
    }
}

/// The steps that are needed, if this is known before the first one; `known` is what is known after the last.
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
