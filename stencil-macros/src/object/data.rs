//! What a stencil refers to: copied to its data, or left in the executable.

use object::read::elf::SectionHeader as _;
use object::{ObjectSection as _, SectionIndex, elf};

use super::Builder;
use crate::ctype::Type;
use crate::model::{Patch, PatchKind, Refusal, Section, Static, Symbol, Value};

impl Builder<'_, '_, '_> {
    /// Where an absolute reference to something in the object file leads: to data that stays in the
    /// executable, if it is the same for every copy of the stencil.
    pub(super) fn constant(
        &mut self,
        section: SectionIndex,
        (start, named): (usize, bool),
        effective: usize,
        addend: i64,
    ) -> Result<(Value, i64), Refusal> {
        if section == self.own || self.is_code(section) || !self.relocations(section)?.is_empty() {
            return Ok((self.near(section, (start, named), effective)?, addend));
        }
        self.readable(section)?;
        let anchor = if named { start } else { effective };
        let range = self.entity(section, anchor)?;
        let bytes = self.section_bytes(section)?[range.clone()].to_vec();
        let alignment = self.section_alignment(section).min(range.start as u64 & range.start.wrapping_neg() as u64);
        let alignment = if range.start == 0 { self.section_alignment(section) } else { alignment };
        let index = self.reader.intern(Static { bytes, alignment });
        Ok((Value::Static(index), start as i64 - range.start as i64 + addend))
    }

    /// Where something in the object file is in the stencil itself; it is copied there if it is not yet.
    pub(super) fn near(
        &mut self,
        section: SectionIndex,
        (start, named): (usize, bool),
        effective: usize,
    ) -> Result<Value, Refusal> {
        if section == self.own {
            return Ok(Value::Code(start));
        }
        if !self.is_code(section) {
            self.readable(section)?;
        }
        let range = self.entity(section, if named { start } else { effective })?;
        let known = self.placed.iter().find(|(s, r, _)| *s == section && *r == range).map(|(.., at)| *at);
        let at = match known {
            Some(at) => at,
            None => {
                let alignment = if self.is_code(section) { 1 } else { self.section_alignment(section) };
                let bytes = self.section_bytes(section)?[range.clone()].to_vec();
                let at = self.extend_data(&bytes, alignment);
                self.placed.push((section, range.clone(), at));
                self.pending.push((section, range.clone(), at));
                at
            }
        };
        // `start` may be before the entity, if it is the section's symbol: the addend makes up for it.
        Ok(Value::Data((at + start).wrapping_sub(range.start)))
    }

    /// What belongs together: of a section of mergeable constants or strings one of them, else all of it.
    pub(super) fn entity(&self, index: SectionIndex, at: usize) -> Result<std::ops::Range<usize>, Refusal> {
        let section = self.section(index)?;
        let header = section.elf_section_header();
        let endian = self.reader.file.endian();
        let flags = header.sh_flags(endian);
        let size = section.size() as usize;
        let entry = header.sh_entsize(endian) as usize;
        // What is no place in the section belongs to nothing in particular.
        if !flags.contains(elf::SHF_MERGE) || entry == 0 || at >= size {
            return Ok(0..size);
        }
        let start = at / entry * entry;
        if !flags.contains(elf::SHF_STRINGS) {
            return Ok(start..start + entry);
        }
        let bytes = self.section_bytes(index)?;
        let is_end = |unit: &[u8]| unit.iter().all(|&byte| byte == 0);
        let first = bytes[..start].chunks_exact(entry).rposition(is_end).map_or(0, |end| (end + 1) * entry);
        let rest = bytes[start..].chunks_exact(entry).position(is_end).map_or(size, |end| start + (end + 1) * entry);
        Ok(first..rest)
    }

    pub(super) fn extend_data(&mut self, bytes: &[u8], alignment: u64) -> usize {
        let data = &mut self.stencil.data;
        data.resize(data.len().next_multiple_of(alignment as usize), 0);
        self.stencil.data_alignment = self.stencil.data_alignment.max(alignment);
        data.extend_from_slice(bytes);
        data.len() - bytes.len()
    }

    /// The slot of the global offset table for a value.
    pub(super) fn slot(&mut self, value: Value) -> usize {
        self.slot_of(value, PatchKind::Abs64)
    }

    /// The variable of an operand that C declares, as a slot that holds the operand.
    fn variable(&mut self, operand: usize) -> usize {
        let kind = match self.variable_size(operand) {
            1 => PatchKind::Low8,
            2 => PatchKind::Low16,
            4 => PatchKind::Low32,
            _ => PatchKind::Abs64,
        };
        self.slot_of(Value::Operand(operand), kind)
    }

    /// Size of the variable of an operand, in bytes.
    pub(super) fn variable_size(&self, operand: usize) -> usize {
        match self.operand_type(operand) {
            Type::Integer { bits, .. } => *bits as usize / 8,
            Type::Bool => 1,
            Type::F32 => 4,
            _ => 8,
        }
    }

    /// What a symbol's address is at run time.
    pub(super) fn address_of(&mut self, symbol: Symbol) -> Value {
        match symbol {
            Symbol::Operand(operand) if self.operand_type(operand) == &Type::Label => Value::Operand(operand),
            Symbol::Operand(operand) | Symbol::AddressOf(operand) => Value::Data(self.variable(operand)),
            Symbol::Next => Value::Next,
            Symbol::Host(host) => Value::Host(host),
        }
    }

    fn slot_of(&mut self, value: Value, kind: PatchKind) -> usize {
        if let Some((_, slot)) = self.slots.iter().find(|(known, _)| *known == value) {
            return *slot;
        }
        let zeros = [0; 8];
        let slot = self.extend_data(&zeros[..kind.size()], kind.size() as u64);
        self.slots.push((value, slot));
        self.patch(Patch { section: Section::Data, offset: slot, kind, value, addend: 0 }, 0);
        slot
    }
}
