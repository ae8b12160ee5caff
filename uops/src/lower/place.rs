//! Operands: their locations, and how they get to where an operator takes them.

use stencil_runtime::Instruction;

use super::Function;
use super::slot::Slot;
use super::stack::{Entry, Place};
use crate::module::types::ValueType;
use crate::uop::Wasm;

pub(super) type Uop = Instruction<Wasm>;

/// The place numbers of families (`uop.h`): lower ones are registers.
pub(super) const IN_SLOT: usize = 3;
pub(super) const IN_IMM: usize = 4;

/// An integer operand as families take it: place, offset of the slot, constant.
#[derive(Clone, Copy)]
pub(super) struct Operand {
    pub(super) place: usize,
    pub(super) slot: u32,
    pub(super) imm: i32,
}

impl Function<'_, '_> {
    /// Frees a register for a value of this type. A value that it holds goes to its home slot.
    pub(super) fn vacate(&mut self, ty: ValueType) -> usize {
        let register = match self.stack.vacancy(ty) {
            Ok(register) => register,
            Err(index) => {
                let entry = self.stack.entry(index);
                self.put_in_slot(entry, entry.home);
                self.stack.settle(index);
                match entry.place {
                    Place::Register(register) => register,
                    _ => 0,
                }
            }
        };
        self.stack.pin(ty, register);
        register
    }

    /// Loads a value into a register, unless it is in one. Returns the register.
    pub(super) fn put_in_register(&mut self, entry: Entry) -> usize {
        use ValueType::{F32, F64, I32, I64, Ref, V128};
        if let Place::Register(register) = entry.place {
            return register;
        }
        let register = self.vacate(entry.ty);
        let uop = match (entry.place, entry.ty) {
            (Place::Constant(bits), F32) => Wasm::f32_constant(register, f32::from_bits(bits as u32)),
            (Place::Constant(bits), F64) => Wasm::f64_constant(register, f64::from_bits(bits)),
            (Place::Constant(bits), I32 | I64 | Ref(_)) => match (u32::try_from(bits), entry.immediate()) {
                (Ok(value), _) => Wasm::constant(register, value),
                (_, Some(imm)) => Wasm::signed_constant(register, imm),
                _ => Wasm::wide_constant(register, bits),
            },
            _ => {
                let slot = entry.slot().unwrap_or_default().offset();
                match entry.ty {
                    I32 | I64 | Ref(_) => Wasm::get(register, slot),
                    F32 => Wasm::f32_get(register, slot),
                    F64 => Wasm::f64_get(register, slot),
                    V128 => Wasm::v128_get(register, slot),
                }
            }
        };
        self.emit(uop);
        register
    }

    pub(super) fn pop_register(&mut self) -> usize {
        let entry = self.stack.pop();
        self.put_in_register(entry)
    }

    /// Copies a value to a slot. This needs no register.
    pub(super) fn put_in_slot(&mut self, entry: Entry, slot: Slot) {
        use ValueType::{F32, F64, I32, I64, Ref, V128};
        let to = slot.offset();
        let uop = match (entry.place, entry.ty) {
            (Place::Register(register), I32 | I64 | Ref(_)) => Wasm::set(register, to),
            (Place::Register(register), F32) => Wasm::f32_set(register, to),
            (Place::Register(register), F64) => Wasm::f64_set(register, to),
            (Place::Register(register), V128) => Wasm::v128_set(register, to),
            (Place::Constant(bits), _) => match entry.immediate() {
                Some(value @ 0..) => Wasm::constant_to_slot(to, value as u32),
                Some(value) => Wasm::signed_constant_to_slot(to, value),
                None => Wasm::wide_constant_to_slot(to, bits),
            },
            (Place::Slot(from) | Place::Local { slot: from, .. }, _) if from == slot => return,
            (Place::Slot(from) | Place::Local { slot: from, .. }, V128) => Wasm::v128_copy(to, from.offset()),
            (Place::Slot(from) | Place::Local { slot: from, .. }, _) => Wasm::copy(to, from.offset()),
        };
        self.emit(uop);
    }

    /// Puts every value into its home slot.
    pub(super) fn settle_all(&mut self) {
        for index in self.stack.take_unsettled() {
            let entry = self.stack.entry(index);
            self.put_in_slot(entry, entry.home);
            self.stack.settle(index);
        }
    }

    /// An integer operand at its location. A constant that no instruction can hold goes to a register.
    pub(super) fn integer(&mut self, entry: Entry) -> Operand {
        let none = Operand { place: 0, slot: 0, imm: 0 };
        if let Some(imm) = entry.immediate() {
            return Operand { place: IN_IMM, imm, ..none };
        }
        match entry.slot() {
            Some(slot) => Operand { place: IN_SLOT, slot: slot.offset(), ..none },
            None => Operand { place: self.put_in_register(entry), ..none },
        }
    }

    /// Returns place and slot offset of an operand in a slot. Any other operand goes to a register.
    pub(super) fn slot_or_register(&mut self, entry: Entry) -> (usize, u32) {
        match entry.slot() {
            Some(slot) => (IN_SLOT, slot.offset()),
            None => (self.put_in_register(entry), 0),
        }
    }

    pub(super) fn result(&mut self, uop: Uop, ty: ValueType, register: usize) {
        self.emit(uop);
        self.stack.push(ty, Place::Register(register));
    }
}
