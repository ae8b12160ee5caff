//! A stencil's data: copied constants and functions, and slots for addresses.

use object::SectionIndex;

use super::Builder;
use crate::model::{Patch, PatchKind, Refusal, Section, Symbol, Value};

impl Builder<'_, '_, '_> {
    /// Returns where something in the object file is in the stencil itself. Copies it to the data, unless it is there
    /// already or is the stencil's own code.
    pub(super) fn near(
        &mut self,
        section: SectionIndex,
        (start, named): (usize, bool),
        effective: usize,
    ) -> Result<Value, Refusal> {
        // `start` may be before the entity, if the symbol is that of the section. The addend makes up for it.
        let own = &self.own;
        if section == own.section && (own.range.start..=own.range.end).contains(&effective) {
            return Ok(Value::Code(start.wrapping_sub(own.range.start)));
        }
        if !self.is_code(section) {
            self.readable(section, effective)?;
        }
        let range = self.entity(section, if named { start } else { effective })?;
        let known = self.placed.iter().find(|(s, r, _)| *s == section && *r == range).map(|(.., at)| *at);
        let at = match known {
            Some(at) => at,
            None => {
                let alignment = if self.is_code(section) { 1 } else { self.alignment_at(section, range.start)? };
                let bytes = self.section_bytes(section)?[range.clone()].to_vec();
                let at = self.extend_data(&bytes, alignment);
                self.placed.push((section, range.clone(), at));
                self.pending.push((section, range.clone(), at));
                at
            }
        };
        Ok(Value::Data((at + start).wrapping_sub(range.start)))
    }

    /// Appends bytes to the data, aligned, and returns their offset.
    pub(super) fn extend_data(&mut self, bytes: &[u8], alignment: u64) -> usize {
        let data = &mut self.stencil.data;
        data.resize(data.len().next_multiple_of(alignment as usize), 0);
        self.stencil.data_alignment = self.stencil.data_alignment.max(alignment);
        data.extend_from_slice(bytes);
        data.len() - bytes.len()
    }

    /// Returns the offset of the slot that holds an address, like an entry of a global offset table. Each address has one
    /// slot.
    pub(super) fn slot(&mut self, value: Value, addend: i64) -> usize {
        self.slot_of(value, addend, &[PatchKind::Abs64])
    }

    /// Returns the offset of the slot that is the variable of an operand.
    fn operand_slot(&mut self, operand: usize) -> usize {
        let kinds: &[PatchKind] = match self.variable_size(operand) {
            1 => &[PatchKind::Low8],
            2 => &[PatchKind::Low16],
            4 => &[PatchKind::Low32],
            8 => &[PatchKind::Abs64],
            size => &(0..size / 8).map(|word| PatchKind::Word(word as u8)).collect::<Vec<_>>(),
        };
        self.slot_of(Value::Operand(operand), 0, kinds)
    }

    /// Returns the size of the variable of an operand, in bytes.
    pub(super) fn variable_size(&self, operand: usize) -> usize {
        self.operand_type(operand).operand_size()
    }

    /// Returns the run-time value of a symbol's address.
    pub(super) fn value_of(&mut self, symbol: Symbol) -> Value {
        match symbol {
            Symbol::Operand(operand) if self.is_code_operand(operand) => Value::Operand(operand),
            Symbol::Operand(operand) | Symbol::AddressOf(operand) => Value::Data(self.operand_slot(operand)),
            Symbol::Next => Value::Next,
            Symbol::Host(host) => Value::Host(host),
        }
    }

    /// Returns the offset of the slot of a value, whose fields are of these kinds and follow one another.
    fn slot_of(&mut self, value: Value, addend: i64, kinds: &[PatchKind]) -> usize {
        if let Some((_, slot)) = self.slots.iter().find(|(known, _)| *known == (value, addend)) {
            return *slot;
        }
        let size = kinds.iter().map(|kind| kind.size()).sum();
        // The alignment of every C type with a slot is its size.
        let slot = self.extend_data(&vec![0; size], size as u64);
        self.slots.push(((value, addend), slot));
        let mut offset = slot;
        for &kind in kinds {
            self.patch(Patch { section: Section::Data, offset, kind, value, addend }, 0);
            offset += kind.size();
        }
        slot
    }
}
