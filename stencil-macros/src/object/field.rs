//! Turns relocations into patches, which describe the fields that an emit function fills in.

use super::{Builder, Filling, Relocation, Target};
use crate::instruction::{self, Field, Flow, Instruction, RelocationKind};
use crate::model::{Patch, PatchKind, Refusal, Section, Symbol, Value};

impl Builder<'_, '_, '_> {
    /// Turns fields into patches. Their bytes begin at `at` in `section`; `code` holds those bytes if they are
    /// instructions.
    pub(super) fn fields(
        &mut self,
        section: Section,
        at: usize,
        code: Option<&[u8]>,
        fillings: &[Filling],
    ) -> Result<(), Refusal> {
        let decoded = code.map_or(Ok(Vec::new()), |code| self.decode(code))?;
        self.stencil.calls += decoded.iter().filter(|item| item.flow.is_call()).count();
        self.stencil.stack += decoded.iter().filter(|item| item.uses_stack).count();
        for filling in fillings {
            let relocation = match filling {
                Filling::Relocation(relocation) => relocation,
                &Filling::Operand { offset, operand, kind, addend } => {
                    let value = Value::Operand(operand);
                    self.patch(Patch { section, offset: at + offset, kind, value, addend }, 0);
                    continue;
                }
            };
            let index = instruction::index_at(&decoded, relocation.offset);
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
        place: Option<(&Instruction, usize)>,
    ) -> Result<(), Refusal> {
        let target = self.target(relocation)?;
        // A call at the end of a body may be a tail call.
        let leaves = matches!(target, Target::Symbol(Symbol::Host(_)) | Target::Builtin(_));
        self.stencil.calls += usize::from(leaves && place.is_some_and(|(item, _)| item.flow.is_jump()));
        let (kind, value, addend) = match relocation.kind {
            RelocationKind::Absolute => self.wide_field(relocation, target)?,
            RelocationKind::Narrow(_) => return Err(self.narrow_address(relocation, &target)),
            RelocationKind::Relative => self.relative_field(relocation, target, place)?,
            RelocationKind::Slot => self.slot_field(relocation, target, place)?,
            RelocationKind::Fetched => self.fetched_field(relocation, target, place)?,
            RelocationKind::ThreadLocal | RelocationKind::Unknown => return Err(self.unknown(relocation)),
        };
        let rest = place.map_or(0, |(item, at)| item.rest(at));
        self.patch(Patch { section, offset, kind, value, addend }, rest);
        Ok(())
    }

    /// Resolves [`RelocationKind::Absolute`].
    pub(super) fn wide_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let addend = relocation.addend;
        let (value, addend) = match target {
            Target::Symbol(Symbol::Operand(operand)) if self.is_code_operand(operand) => {
                return Err(self.address_taken(operand));
            }
            Target::Local { section, offset, named } => {
                let effective = offset.wrapping_add_signed(addend as isize);
                self.address(section, (offset, named), effective, addend)?
            }
            Target::Symbol(symbol) => (self.value_of(symbol), addend),
            Target::Builtin(function) => (Value::Builtin(function), addend),
        };
        Ok((PatchKind::Abs64, value, addend))
    }

    /// Resolves [`RelocationKind::Relative`]: jumps, calls, and data near the code.
    pub(super) fn relative_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Instruction, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let field = place.and_then(|(decoded, at)| decoded.field(at, PatchKind::Rel32.size()));
        let value = match (target, field) {
            (Target::Symbol(Symbol::Next), Some(Field::Call)) if self.uop.is_some() => {
                return Err(self.not_a_jump("CONTINUE"));
            }
            (Target::Symbol(symbol @ Symbol::Operand(operand)), field) if self.is_code_operand(operand) => {
                match field {
                    Some(Field::Jump | Field::Call) => self.value_of(symbol),
                    _ => return Err(self.address_taken(operand)),
                }
            }
            (Target::Symbol(symbol @ (Symbol::Next | Symbol::Host(_))), Some(Field::Jump | Field::Call)) => {
                self.value_of(symbol)
            }
            (
                Target::Symbol(symbol @ (Symbol::Operand(operand) | Symbol::AddressOf(operand))),
                Some(Field::Relative),
            ) => {
                let rest = place.map_or(0, |(decoded, at)| decoded.rest(at));
                let read = place.map_or(0, |(decoded, _)| decoded.access) as i64;
                let at = relocation.addend + rest;
                if at < 0 || at + read > self.variable_size(operand) as i64 {
                    return Err(self.outside_operand(operand));
                }
                self.value_of(symbol)
            }
            (Target::Symbol(Symbol::Host(host)), _) => return Err(self.host_address(host)),
            (Target::Builtin(function), Some(Field::Jump | Field::Call)) => Value::Builtin(function),
            (Target::Local { section, offset, named }, Some(_)) => {
                let rest = place.map_or(0, |(decoded, at)| decoded.rest(at));
                let effective = offset.wrapping_add_signed(relocation.addend as isize + rest as isize);
                self.near(section, (offset, named), effective)?
            }
            _ => return Err(self.unknown(relocation)),
        };
        Ok((PatchKind::Rel32, value, relocation.addend))
    }

    /// Resolves [`RelocationKind::Slot`].
    pub(super) fn slot_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Instruction, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let (value, addend) = match target {
            Target::Symbol(symbol) => (self.value_of(symbol), 0),
            Target::Builtin(function) => (Value::Builtin(function), 0),
            Target::Local { section, offset, named } => self.address(section, (offset, named), offset, 0)?,
        };
        let call = place.is_some_and(|(decoded, _)| decoded.flow == Flow::IndirectCall);
        if value == Value::Next && call && self.uop.is_some() {
            return Err(self.not_a_jump("CONTINUE"));
        }
        Ok((PatchKind::Rel32, Value::Data(self.slot(value, addend)), relocation.addend))
    }

    /// Resolves [`RelocationKind::Fetched`], which [`Builder::fetch_addresses`] makes.
    fn fetched_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Instruction, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        // The addend is relative to the field.
        let rest = place.map_or(0, |(decoded, at)| decoded.rest(at));
        let addend = relocation.addend + rest;
        let (value, addend) = match target {
            Target::Symbol(symbol) => (self.value_of(symbol), addend),
            Target::Builtin(function) => (Value::Builtin(function), addend),
            Target::Local { section, offset, named } => {
                let effective = offset.wrapping_add_signed(addend as isize);
                self.address(section, (offset, named), effective, addend)?
            }
        };
        Ok((PatchKind::Rel32, Value::Data(self.slot(value, addend)), -rest))
    }
}
