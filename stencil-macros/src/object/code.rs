//! The instructions of a stencil: folds operands into them, and lays them out.

use std::ops::Range;

use object::SectionIndex;

use super::{Builder, Filling, Relocation, Target};
use crate::instruction::{self, RelocationKind};
use crate::isa;
use crate::layout::{self, Edge, Place};
use crate::model::{Abi, Patch, PatchKind, Refusal, Section, Symbol, Value};
use crate::text;

/// The macro that leaves compiled code for the interpreter, which is not a tail call that compilers guarantee.
const INTERPRET: &str = "STENCIL_INTERPRET";

impl Builder<'_, '_, '_> {
    /// Refuses code that refers to something outside of its function without a relocation. Assemblers write no relocation
    /// between two functions of one section.
    pub(super) fn stays_inside(
        &self,
        section: SectionIndex,
        range: &Range<usize>,
        code: &[u8],
        relocations: &[Relocation],
    ) -> Result<(), Refusal> {
        let relocated = |offset: usize| relocations.iter().any(|relocation| relocation.offset == offset);
        let targets = self.decode(code)?.into_iter().filter_map(|item| item.relative_target(relocated));
        let outside = { targets }.find(|&target| target > code.len() as u64);
        outside.map_or(Ok(()), |target| {
            let at = range.start.wrapping_add(target as usize);
            Err(self.same_section(self.function_at(section, at).map(|function| function.name.as_str())))
        })
    }

    /// Turns a `lea` of the address of a constant, a static or a host function into a load of that address from a slot in the
    /// stencil's data: the executable may be out of the code's reach.
    pub(super) fn fetch_addresses(&mut self, code: &mut [u8], relocations: &mut [Relocation]) -> Result<(), Refusal> {
        let decoded = self.decode(code)?;
        for relocation in relocations {
            let index = instruction::index_at(&decoded, relocation.offset);
            let (Some(item), RelocationKind::Relative) = (decoded.get(index), relocation.kind) else { continue };
            if !(item.is_address && item.is_relative()) {
                continue;
            }
            let is_outside = match self.target(relocation)? {
                Target::Symbol(Symbol::Host(_)) | Target::Builtin(_) => true,
                Target::Local { section, offset, named } if !self.is_code(section) => {
                    let rest = item.rest(relocation.offset) as isize;
                    let effective = offset.wrapping_add_signed(relocation.addend as isize + rest);
                    let range = self.entity(section, if named { offset } else { effective })?;
                    self.home(section, effective, &range)?.is_some()
                }
                _ => false,
            };
            if is_outside && isa::lea_to_load(code, relocation.offset) {
                relocation.kind = RelocationKind::Fetched;
            }
        }
        Ok(())
    }

    /// Lays out the code and turns all its relocations into patches.
    pub(super) fn lay_out(&mut self, code: Vec<u8>, relocations: Vec<Relocation>) -> Result<(), Refusal> {
        let decoded = self.decode(&code)?;
        if decoded.is_empty() {
            // The body is `__builtin_unreachable();`.
            return Ok(());
        }
        if self.uop.is_some() && self.reader.abi == Abi::C {
            let is_label = |offset| relocations.iter().any(|r| r.offset == offset && self.is_code_target(r));
            if instruction::has_tail_call(&decoded, is_label) {
                return Err(self.not_a_jump("JUMP"));
            }
        }
        if self.uop.is_some_and(|uop| text::call(&uop.body, INTERPRET).is_some())
            && instruction::has_tail_call(&decoded, |_| false)
        {
            return Err(self.not_a_jump(INTERPRET));
        }
        let is_next = |r: &Relocation| matches!(self.target(r), Ok(Target::Symbol(Symbol::Next)));
        let offsets: Vec<usize> = relocations.iter().map(|relocation| relocation.offset).collect();
        let exit = |offset: usize| {
            let index = offsets.binary_search(&offset).ok()?;
            let relocation = &relocations[index];
            let edge = if is_next(relocation) { Edge::Next } else { Edge::Exit(index) };
            (relocation.addend == isa::JUMP_ADDEND).then_some(edge)
        };
        let own =
            |r: &Relocation| matches!(self.target(r), Ok(Target::Local { section, .. }) if section == self.own.section);
        // Code stays as it is if something holds the address of a location in it.
        let fixed = relocations.iter().any(own) || self.refers_to_code(&relocations)?;
        let folded = (!fixed).then(|| self.fold(&code, &decoded, &relocations)).transpose()?;
        let laid_out = folded.and_then(|(code, replacements, fillings)| {
            Some((layout::lay_out(&code, &decoded, &offsets, &replacements, exit)?, fillings))
        });
        let Some(((inside, outside), fillings)) = laid_out else {
            let (mut code, mut relocations) = (code, relocations);
            if let Some(end) = instruction::without_last_jump(&decoded)
                && relocations.last().is_some_and(|last| last.offset >= end && is_next(last))
            {
                code.truncate(end);
                relocations.pop();
            }
            self.stencil.code.clone_from(&code);
            return self.fields(Section::Code, 0, Some(&code), &super::fillings(relocations));
        };
        let moved = |part: &layout::Part| -> Vec<Filling> {
            part.relocations.iter().map(|&(index, offset)| fillings[index].at(offset)).collect()
        };
        self.stencil.code.clone_from(&inside.bytes);
        self.fields(Section::Code, 0, Some(&inside.bytes), &moved(&inside))?;
        if !outside.bytes.is_empty() {
            let at = self.extend_data(&outside.bytes, 1);
            self.outside = Some(at..at + outside.bytes.len());
            self.fields(Section::Data, at, Some(&outside.bytes), &moved(&outside))?;
            self.jumps_across(&inside, &outside, at);
        }
        Ok(())
    }

    /// Adds patches for the jumps between the code and the code out of line, which begins at `at` in the data.
    pub(super) fn jumps_across(&mut self, inside: &layout::Part, outside: &layout::Part, at: usize) {
        let jumps = (inside.across.iter().map(|&(offset, place)| (Section::Code, offset, place)))
            .chain(outside.across.iter().map(|&(offset, place)| (Section::Data, at + offset, place)));
        for (section, offset, place) in jumps {
            let value = match (place, section) {
                (Place::Next, _) => Value::Next,
                (Place::Other(start), Section::Code) => Value::Data(at + start),
                (Place::Other(start), Section::Data) => Value::Code(start),
            };
            let addend = isa::JUMP_ADDEND;
            self.patch(Patch { section, offset, kind: PatchKind::Rel32, value, addend }, -addend);
        }
    }

    /// Returns whether data that the code refers to holds addresses of locations in the code.
    pub(super) fn refers_to_code(&self, relocations: &[Relocation]) -> Result<bool, Refusal> {
        let mut known = vec![self.own.section];
        let mut work: Vec<Relocation> = relocations.to_vec();
        while let Some(relocation) = work.pop() {
            if let Ok(Target::Local { section, .. }) = self.target(&relocation)
                && !known.contains(&section)
            {
                known.push(section);
                let inner = self.relocations(section, &(0..usize::MAX))?;
                let own = |r: &Relocation| matches!(self.target(r), Ok(Target::Local { section, .. }) if section == self.own.section);
                if inner.iter().any(own) {
                    return Ok(true);
                }
                work.extend(inner);
            }
        }
        Ok(false)
    }
}
