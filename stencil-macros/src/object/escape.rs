//! Escape analysis of constants that differ between the copies of a uop, such as tables of label addresses.
//!
//! A body may read such a constant. It may not use the constant's address as a value, since the address differs from copy
//! to copy and becomes invalid when the program is dropped. A compiler loads the address into a register and then reads
//! through it. This module follows the register along all paths and refuses every other use. Where it cannot tell whether
//! a register is an argument of a call, it refuses.

use std::collections::HashSet;
use std::ops::Range;

use object::{Object as _, ObjectSection as _, SectionIndex};

use super::{Builder, Relocation, Target};
use crate::instruction::{self, Field, Flow, Instruction, Register, RelocationKind};
use crate::isa;
use crate::model::{Abi, PatchKind, Refusal, Symbol};

impl Builder<'_, '_, '_> {
    /// Refuses a function that uses the address of a copied constant as a value.
    pub(super) fn keeps_addresses(
        &mut self,
        section: SectionIndex,
        range: &Range<usize>,
        code: &[u8],
        relocations: &[Relocation],
    ) -> Result<(), Refusal> {
        let decoded = self.decode(code)?;
        for relocation in relocations {
            let Target::Local { section: constant, offset, named } = self.target(relocation)? else { continue };
            let index = instruction::index_at(&decoded, relocation.offset);
            let Some(item) =
                decoded.get(index).filter(|_| relocation.kind != RelocationKind::Fetched && !self.is_code(constant))
            else {
                continue;
            };
            let rest = if item.is_relative() { item.rest(relocation.offset) } else { 0 };
            let effective = offset.wrapping_add_signed(relocation.addend as isize + rest as isize);
            let entity = self.entity(constant, if named { offset } else { effective })?;
            let reads_relative = item.is_relative() && !item.is_address;
            let reads = reads_relative && relocation.kind != RelocationKind::Slot
                || item.field(relocation.offset, PatchKind::Abs64.size()) == Some(Field::Displacement);
            if reads || self.home(constant, effective, &entity)?.is_some() {
                continue;
            }
            let function = Followed { section, range, decoded: &decoded, relocations };
            if item.moves_to.is_none_or(|register| self.escapes(&function, index, register)) {
                return Err(self.copied_address(self.symbol_at(constant, effective)));
            }
        }
        Ok(())
    }

    /// Returns whether a register that the instruction `start` sets is used other than to read from memory.
    fn escapes(&self, function: &Followed<'_>, start: usize, register: Register) -> bool {
        let Followed { decoded, relocations, .. } = *function;
        let relocation_at =
            |item: &Instruction| relocations.iter().find(|relocation| Some(relocation.offset) == item.destination());
        let parameters = self.reader.machine_registers();
        let (mut seen, mut work) = (HashSet::new(), vec![start + 1]);
        while let Some(index) = work.pop() {
            let Some(item) = decoded.get(index).filter(|_| seen.insert(index)) else { continue };
            if item.values.contains(register) {
                return true;
            }
            if item.flow.is_call() && (parameters.contains(register) || self.may_be_argument(function, register)) {
                return true;
            }
            if item.sets.contains(register) || item.flow.is_call() && isa::LOST_IN_CALLS.contains(register) {
                continue;
            }
            let internal = item.internal_target(|offset| relocations.iter().any(|other| other.offset == offset));
            let leaves_for = match (item.flow, internal) {
                (flow, _) if !flow.ends_block() => None,
                (_, Some(target)) => {
                    work.extend(instruction::index_of(decoded, target));
                    None
                }
                (Flow::Return, None) => {
                    let results = if self.is_own(function) { &isa::RESULTS[..1] } else { &isa::RESULTS };
                    if results.contains(&register) {
                        return true;
                    }
                    None
                }
                _ => Some(relocation_at(item).map(|relocation| self.target(relocation))),
            };
            if let Some(target) = leaves_for {
                let argument = match target {
                    Some(Ok(Target::Symbol(Symbol::Host(_)) | Target::Builtin(_) | Target::Local { .. })) => {
                        self.may_be_argument(function, register)
                    }
                    _ => parameters.contains(register),
                };
                if argument {
                    return true;
                }
                if !matches!(item.flow, Flow::Jump | Flow::Branch) {
                    work.extend(self.labels(function));
                }
            }
            if item.flow.continues() {
                work.push(index + 1);
            }
        }
        false
    }

    /// Returns whether a function is the uop's own.
    fn is_own(&self, function: &Followed<'_>) -> bool {
        function.section == self.own.section && *function.range == self.own.range
    }

    /// Returns whether a call may pass a register to a C function. Arguments fill the registers in order, so all earlier
    /// ones hold arguments, too.
    fn may_be_argument(&self, function: &Followed<'_>, register: Register) -> bool {
        let all = isa::parameters(Abi::C);
        let Some(position) = all.iter().position(|other| *other == register) else { return false };
        all[..position].iter().all(|&earlier| {
            !self.is_own(function)
                || self.reader.machine_registers().contains(earlier)
                || function.decoded.iter().any(|item| item.effects.writes.contains(earlier))
        })
    }

    /// Returns the instructions that relocations refer to: the possible targets of computed jumps.
    fn labels(&self, function: &Followed<'_>) -> Vec<usize> {
        let sections = self.reader.file.sections();
        let relocations = sections.flat_map(|section| {
            let whole = 0..usize::MAX;
            self.relocations(section.index(), &whole).unwrap_or_default()
        });
        let places = relocations.filter_map(|relocation| match self.target(&relocation) {
            Ok(Target::Local { section, offset, .. }) if section == function.section => {
                Some(offset.wrapping_add_signed(relocation.addend as isize).wrapping_sub(function.range.start))
            }
            _ => None,
        });
        places.filter_map(|place| instruction::index_of(function.decoded, place)).collect()
    }
}

/// A function whose registers are followed.
struct Followed<'a> {
    section: SectionIndex,
    range: &'a Range<usize>,
    decoded: &'a [Instruction],
    relocations: &'a [Relocation],
}
