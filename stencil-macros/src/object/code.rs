//! The instructions of a stencil, with its operands folded into them, laid out.

use super::{Builder, Filling, Relocation, Target};
use crate::layout::{self, Edge, Place};
use crate::model::{Abi, Patch, PatchKind, Refusal, Section, Symbol, Value};
use crate::x86_64;

impl Builder<'_, '_, '_> {
    /// Lays the code out, and turns all its relocations into patches.
    pub(super) fn lay_out(&mut self, code: Vec<u8>, relocations: Vec<Relocation>) -> Result<(), Refusal> {
        let decoded = self.decode(&code)?;
        if self.uop.is_some() && self.reader.abi == Abi::C {
            let is_label = |offset| relocations.iter().any(|r| r.offset == offset && self.is_label(r));
            if x86_64::tail_call(&decoded, is_label).is_some() {
                return Err(self.not_a_jump("JUMP"));
            }
        }
        let is_next = |r: &Relocation| matches!(self.target(r), Ok(Target::Symbol(Symbol::Next)));
        let offsets: Vec<usize> = relocations.iter().map(|relocation| relocation.offset).collect();
        let exit = |offset: usize| {
            let index = offsets.binary_search(&offset).ok()?;
            let relocation = &relocations[index];
            // A distance from the end of the field, or else it leads elsewhere than the symbol says.
            let edge = if is_next(relocation) { Edge::Next } else { Edge::Exit(index) };
            (relocation.addend == -4).then_some(edge)
        };
        let own = |r: &Relocation| matches!(self.target(r), Ok(Target::Local { section, .. }) if section == self.own);
        // Where places in the code are known elsewhere, they have to stay where they are.
        let fixed = relocations.iter().any(own) || self.refers_to_code(&relocations)?;
        let folded = (!fixed).then(|| self.fold(&code, &decoded, &relocations));
        let laid_out = folded.and_then(|(code, replacements, fillings)| {
            Some((layout::lay_out(&code, &decoded, &offsets, &replacements, exit)?, fillings))
        });
        let Some(((inside, outside), fillings)) = laid_out else {
            let (mut code, mut relocations) = (code, relocations);
            if let Some(end) = x86_64::without_last_jump(&decoded)
                && relocations.last().is_some_and(|last| last.offset >= end && is_next(last))
            {
                code.truncate(end);
                relocations.pop();
            }
            self.stencil.code.clone_from(&code);
            let fillings: Vec<_> = relocations.into_iter().map(Filling::Relocation).collect();
            return self.fields(Section::Code, 0, Some(&code), &fillings);
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

    /// The jumps between the code and what is out of line, at `at` in the data.
    pub(super) fn jumps_across(&mut self, inside: &layout::Part, outside: &layout::Part, at: usize) {
        let jumps = (inside.across.iter().map(|&(offset, place)| (Section::Code, offset, place)))
            .chain(outside.across.iter().map(|&(offset, place)| (Section::Data, at + offset, place)));
        for (section, offset, place) in jumps {
            let value = match (place, section) {
                (Place::Next, _) => Value::Next,
                (Place::Other(start), Section::Code) => Value::Data(at + start),
                (Place::Other(start), Section::Data) => Value::Code(start),
            };
            self.patch(Patch { section, offset, kind: PatchKind::Rel32, value, addend: -4 }, 4);
        }
    }

    /// Whether data that the code refers to has addresses of places in the code.
    pub(super) fn refers_to_code(&self, relocations: &[Relocation]) -> Result<bool, Refusal> {
        let mut known = vec![self.own];
        let mut work: Vec<Relocation> = relocations.to_vec();
        while let Some(relocation) = work.pop() {
            if let Ok(Target::Local { section, .. }) = self.target(&relocation)
                && !known.contains(&section)
            {
                known.push(section);
                let inner = self.relocations(section)?;
                let own =
                    |r: &Relocation| matches!(self.target(r), Ok(Target::Local { section, .. }) if section == self.own);
                if inner.iter().any(own) {
                    return Ok(true);
                }
                work.extend(inner);
            }
        }
        Ok(false)
    }
}
