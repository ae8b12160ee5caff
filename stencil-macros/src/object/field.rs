//! Turns relocations into patches, which describe the fields that an emit function fills in.

use object::elf;

use super::{Builder, Relocation, Target, value_of};
use crate::ctype::{Type, Width};
use crate::model::{Patch, PatchKind, Refusal, Section, Symbol, Value};
use crate::x86_64::{Decoded, Field};

impl Builder<'_, '_, '_> {
    /// Turns relocations into patches. Their bytes begin at `at` in `section`; `code` holds those bytes if they are
    /// instructions.
    pub(super) fn fields(
        &mut self,
        section: Section,
        at: usize,
        code: Option<&[u8]>,
        relocations: &[Relocation],
    ) -> Result<(), Refusal> {
        let decoded = code.map_or(Ok(Vec::new()), |code| self.decode(code))?;
        self.stencil.calls += decoded.iter().filter(|item| item.is_call()).count();
        self.stencil.stack += decoded.iter().filter(|item| item.uses_stack()).count();
        for relocation in relocations {
            let index = decoded.partition_point(|item| item.end() <= relocation.offset);
            let place = decoded.get(index).map(|item| (item, relocation.offset));
            self.field(relocation, section, at + relocation.offset, place)?;
        }
        Ok(())
    }

    /// Turns one relocation into the patch of the field at `offset` of a section. `place` is the instruction that contains
    /// the field, with the field's offset in the decoded code; a field of data has none.
    pub(super) fn field(
        &mut self,
        relocation: &Relocation,
        section: Section,
        offset: usize,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(), Refusal> {
        let target = self.target(relocation)?;
        // A call at the end of a body may be a tail call.
        let leaves = matches!(target, Target::Symbol(Symbol::Host(_)) | Target::Libc(_));
        self.stencil.calls += usize::from(leaves && place.is_some_and(|(item, _)| item.is_jump()));
        let (kind, value, addend) = match relocation.r_type {
            elf::R_X86_64_64 => self.wide_field(relocation, target)?,
            elf::R_X86_64_32 | elf::R_X86_64_32S | elf::R_X86_64_16 | elf::R_X86_64_8 => {
                self.narrow_field(relocation, target, place)?
            }
            elf::R_X86_64_PC32 if relocation.slot => self.fetched_field(relocation, target, place)?,
            elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => self.relative_field(relocation, target, place)?,
            elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX => {
                self.slot_field(relocation, target, place)?
            }
            _ => return Err(self.unknown(relocation)),
        };
        let rest = place.map_or(4, |(item, at)| item.end() - at) as i64;
        self.patch(Patch { section, offset, kind, value, addend }, rest);
        Ok(())
    }

    /// Resolves `R_X86_64_64`.
    pub(super) fn wide_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let addend = relocation.addend;
        let (value, addend) = match target {
            Target::Symbol(Symbol::Operand(operand)) if self.width(operand) == Width::Label => {
                return Err(self.address_taken(operand));
            }
            Target::Local { section, offset, named } => {
                let effective = offset.wrapping_add_signed(addend as isize);
                self.address(section, (offset, named), effective, addend)?
            }
            Target::Symbol(symbol) => (value_of(symbol), addend),
            Target::Libc(function) => (Value::Libc(function), addend),
        };
        Ok((PatchKind::Abs64, value, addend))
    }

    /// Resolves `R_X86_64_32`, `32S`, `16` and `8`: operands of up to 32 bits.
    pub(super) fn narrow_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let Target::Symbol(Symbol::Operand(operand)) = target else {
            return Err(self.narrow_address(relocation, &target));
        };
        if self.width(operand) == Width::Label {
            return Err(self.address_taken(operand));
        }
        let field = |size| place.and_then(|(decoded, at)| decoded.field(at, size));
        let kind = match (relocation.r_type, field(4), field(2), field(1)) {
            (elf::R_X86_64_32, Some(Field::Immediate), ..) if relocation.truncated => PatchKind::Low32,
            (elf::R_X86_64_32, Some(Field::Immediate), ..) => PatchKind::Abs32,
            (elf::R_X86_64_32S, Some(Field::SignedImmediate | Field::Displacement), ..) => PatchKind::Abs32S,
            (elf::R_X86_64_16, _, Some(Field::Immediate), _) => PatchKind::Low16,
            (elf::R_X86_64_8, .., Some(Field::Immediate)) => PatchKind::Low8,
            _ => return Err(self.unknown(relocation)),
        };
        Ok((self.narrow(kind, operand, relocation.addend), Value::Operand(operand), relocation.addend))
    }

    /// Resolves `R_X86_64_PC32` and `PLT32`: jumps, calls, and data near the code.
    pub(super) fn relative_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let field = place.and_then(|(decoded, at)| decoded.field(at, 4));
        let value = match (target, field) {
            (Target::Symbol(Symbol::Next), Some(Field::Call)) if self.uop.is_some() => {
                return Err(self.not_a_jump("CONTINUE"));
            }
            (Target::Symbol(symbol @ Symbol::Operand(operand)), field) if self.width(operand) == Width::Label => {
                match field {
                    Some(Field::Jump | Field::Call) => value_of(symbol),
                    _ => return Err(self.address_taken(operand)),
                }
            }
            (Target::Symbol(symbol @ (Symbol::Next | Symbol::Host(_))), Some(Field::Jump | Field::Call)) => {
                value_of(symbol)
            }
            (Target::Symbol(Symbol::Operand(operand)), Some(Field::Jump | Field::Call)) => {
                return Err(self.number_called(operand));
            }
            (Target::Symbol(Symbol::Host(host)), _) => return Err(self.host_address(host)),
            (Target::Libc(function), Some(Field::Jump | Field::Call)) => Value::Libc(function),
            (Target::Local { section, offset, named }, Some(_)) => {
                // The displacement counts from the end of the instruction; an immediate may follow the field.
                let rest = place.map_or(4, |(decoded, at)| decoded.end() - at);
                let effective = offset.wrapping_add_signed(relocation.addend as isize + rest as isize);
                self.near(section, (offset, named), effective)?
            }
            _ => return Err(self.unknown(relocation)),
        };
        Ok((PatchKind::Rel32, value, relocation.addend))
    }

    /// Resolves `R_X86_64_GOTPCREL`, `GOTPCRELX` and `REX_GOTPCRELX`: the displacement of a slot that holds a value.
    pub(super) fn slot_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let (value, addend) = match target {
            Target::Symbol(symbol) => (value_of(symbol), 0),
            Target::Libc(function) => (Value::Libc(function), 0),
            Target::Local { section, offset, named } => self.address(section, (offset, named), offset, 0)?,
        };
        let call = place.is_some_and(|(decoded, _)| decoded.instruction.is_call_near_indirect());
        if value == Value::Next && call && self.uop.is_some() {
            return Err(self.not_a_jump("CONTINUE"));
        }
        Ok((PatchKind::Rel32, Value::Data(self.slot(value, addend)), relocation.addend))
    }

    /// Resolves a load of an address from a slot, made by [`Builder::fetch_addresses`] or `wide_addresses`.
    fn fetched_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        // The addend was relative to the field; the address counts from the end of the instruction.
        let rest = place.map_or(4, |(decoded, at)| decoded.end() - at) as i64;
        let addend = relocation.addend + rest;
        let (value, addend) = match target {
            Target::Symbol(symbol) => (value_of(symbol), addend),
            Target::Libc(function) => (Value::Libc(function), addend),
            Target::Local { section, offset, named } => {
                let effective = offset.wrapping_add_signed(addend as isize);
                self.address(section, (offset, named), effective, addend)?
            }
        };
        Ok((PatchKind::Rel32, Value::Data(self.slot(value, addend)), -rest))
    }

    /// Returns the kind of a narrow field, without a range check if the operand's type makes one superfluous.
    pub(super) fn narrow(&self, kind: PatchKind, operand: usize, addend: i64) -> PatchKind {
        let ty = self.operand_type(operand);
        let Some((least, greatest)) = ty.symbol_range() else { return kind };
        // C reads an `int32_t` through a cast that drops the upper half.
        let cast = matches!(ty, Type::Integer { bits: 32, signed: true, .. }) && addend == 0;
        match kind.range(addend) {
            Some((min, max)) if (min <= least && greatest <= max) || cast => PatchKind::Low32,
            _ => kind,
        }
    }
}
