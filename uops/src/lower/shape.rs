//! Operators by their shape: unary, binary, load, store and so on.

use stencil_runtime::Label;
use wasmparser::MemArg;

use super::Function;
use super::place::{IN_IMM, IN_SLOT, Operand, Uop};
use super::slot::array_offset;
use super::stack::{Entry, Place};
use crate::module::trap::Trap;
use crate::module::types::ValueType;
use crate::uop::Wasm;

/// The largest offset of a memory instruction that becomes a displacement. The size of an access is added to it.
const MAX_DISPLACEMENT: u64 = i32::MAX as u64 - 16;

pub(super) type Value = fn(usize, usize, u32, i32) -> Uop;
pub(super) type Load = fn(usize, usize, u32, u32, Label) -> Uop;
pub(super) type Store = fn(usize, usize, u32, u32, i32, u32, Label) -> Uop;

impl Function<'_, '_> {
    // Integers.

    /// Pops the two topmost values. If only the second is in a register, they are exchanged, provided that `exchange` allows it.
    pub(super) fn pair(&mut self, exchange: impl FnOnce() -> bool) -> (Entry, Entry) {
        let (b, a) = (self.stack.pop(), self.stack.pop());
        let in_register = |entry: Entry| matches!(entry.place, Place::Register(_));
        if !in_register(a) && in_register(b) && exchange() { (b, a) } else { (a, b) }
    }

    /// Pops the two topmost values: the first into a register, which may be overwritten, the second at its location.
    pub(super) fn operands(&mut self, exchange: impl FnOnce() -> bool) -> (usize, Operand) {
        let (a, b) = self.pair(exchange);
        let b = self.integer(b);
        (self.put_in_register(a), b)
    }

    pub(super) fn binary(&mut self, uop: Value, ty: ValueType) {
        let (a, b) = self.operands(|| false);
        self.result(uop(a, b.place, b.slot, b.imm), ty, a);
    }

    pub(super) fn commutative(&mut self, uop: Value, ty: ValueType) {
        let (a, b) = self.operands(|| true);
        self.result(uop(a, b.place, b.slot, b.imm), ty, a);
    }

    pub(super) fn division(&mut self, uop: fn(usize, usize, u32, i32, Label, Label) -> Uop, ty: ValueType) {
        let (a, b) = self.operands(|| false);
        let (zero, overflow) = (self.trap_label(Trap::IntegerDivisionByZero), self.trap_label(Trap::IntegerOverflow));
        self.result(uop(a, b.place, b.slot, b.imm, zero, overflow), ty, a);
    }

    pub(super) fn unary(&mut self, uop: fn(usize, usize, u32) -> Uop, ty: ValueType) {
        let entry = self.stack.pop();
        let (place, slot) = self.slot_or_register(entry);
        let register = if place == IN_SLOT { self.vacate(ty) } else { place };
        self.result(uop(register, place, slot), ty, register);
    }

    // Floats and vectors: uops take no constants of these types.

    pub(super) fn float_unary(&mut self, uop: fn(usize) -> Uop, ty: ValueType) {
        let register = self.pop_register();
        self.result(uop(register), ty, register);
    }

    pub(super) fn float_operands(&mut self) -> (usize, (usize, u32)) {
        let (a, b) = self.pair(|| false);
        self.float_places(a, b)
    }

    /// Returns the places of two values: the first in a register, the second in a slot or a register.
    pub(super) fn float_places(&mut self, a: Entry, b: Entry) -> (usize, (usize, u32)) {
        let b = self.slot_or_register(b);
        (self.put_in_register(a), b)
    }

    pub(super) fn float_binary(&mut self, uop: fn(usize, usize, u32) -> Uop, ty: ValueType) {
        let (a, (place, slot)) = self.float_operands();
        self.result(uop(a, place, slot), ty, a);
    }

    pub(super) fn float_comparison(&mut self, uop: fn(usize, usize, usize, u32) -> Uop) {
        let (a, (place, slot)) = self.float_operands();
        let register = self.vacate(ValueType::I32);
        self.result(uop(register, a, place, slot), ValueType::I32, register);
    }

    pub(super) fn conversion(&mut self, uop: fn(usize, usize) -> Uop, ty: ValueType) {
        let from = self.pop_register();
        let register = self.vacate(ty);
        self.result(uop(register, from), ty, register);
    }

    pub(super) fn truncation(&mut self, uop: fn(usize, usize, Label, Label) -> Uop, ty: ValueType) {
        let invalid = self.trap_label(Trap::InvalidConversionToInteger);
        let overflow = self.trap_label(Trap::IntegerOverflow);
        let from = self.pop_register();
        let register = self.vacate(ty);
        self.result(uop(register, from, invalid, overflow), ty, register);
    }

    // Variables.

    pub(super) fn select(&mut self) {
        let condition = self.pop_register();
        let ty = self.stack.top().ty;
        match ty {
            ValueType::I32 | ValueType::I64 | ValueType::Ref(_) => {
                let (a, b) = self.operands(|| false);
                self.result(Wasm::select(a, b.place, condition, b.slot, b.imm), ty, a);
            }
            ValueType::F32 | ValueType::F64 | ValueType::V128 => {
                let uop = match ty {
                    ValueType::F32 => Wasm::f32_select,
                    ValueType::F64 => Wasm::f64_select,
                    _ => Wasm::v128_select,
                };
                let (a, (place, slot)) = self.float_operands();
                self.result(uop(a, place, condition, slot), ty, a);
            }
        }
    }

    pub(super) fn local_set(&mut self, local: u32, keep: bool) {
        let (ty, slot) = self.locals.get(local);
        let mut value = self.stack.pop();
        // The values on the stack that are this local keep its old value.
        while let Some(index) = self.stack.entry_of_local(slot) {
            let entry = self.stack.entry(index);
            self.put_in_slot(entry, entry.home);
            self.stack.detach_local(index);
        }
        if keep && value.slot().is_some() {
            value = Entry { place: Place::Register(self.put_in_register(value)), ..value };
        }
        self.put_in_slot(value, slot);
        if keep {
            self.stack.push(ty, value.place);
        }
    }

    pub(super) fn global_get(&mut self, index: u32) {
        let ty = self.module.globals[index as usize].value;
        let uop = match ty {
            ValueType::I32 | ValueType::I64 | ValueType::Ref(_) => Wasm::global_get,
            ValueType::F32 => Wasm::f32_global_get,
            ValueType::F64 => Wasm::f64_global_get,
            ValueType::V128 => Wasm::v128_global_get,
        };
        let register = self.vacate(ty);
        self.result(uop(register, array_offset(index)), ty, register);
    }

    pub(super) fn global_set(&mut self, index: u32) {
        let uop = match self.module.globals[index as usize].value {
            ValueType::I32 | ValueType::I64 | ValueType::Ref(_) => Wasm::global_set,
            ValueType::F32 => Wasm::f32_global_set,
            ValueType::F64 => Wasm::f64_global_set,
            ValueType::V128 => Wasm::v128_global_set,
        };
        let register = self.pop_register();
        self.emit(uop(register, array_offset(index)));
    }

    // Memory.

    /// Returns the place of an address (slot, register or constant), and the offset that remains to be added.
    pub(super) fn address(&mut self, entry: Entry, memarg: MemArg) -> ((usize, u32), u32) {
        if let Place::Constant(address) = entry.place
            && let sum @ ..=MAX_DISPLACEMENT = u64::from(address as u32) + memarg.offset
        {
            return ((IN_IMM, 0), sum as u32);
        }
        if memarg.offset <= MAX_DISPLACEMENT {
            return (self.slot_or_register(entry), memarg.offset as u32);
        }
        let register = self.put_in_register(entry);
        let outside = self.trap_label(Trap::MemoryOutOfBounds);
        self.emit(Wasm::far_address(register, memarg.offset, outside));
        ((register, 0), 0)
    }

    pub(super) fn load(&mut self, uop: Load, located: fn(usize) -> Uop, memarg: MemArg, ty: ValueType) {
        if self.needs_location(memarg) {
            return self.located_load(located, memarg, ty);
        }
        let entry = self.stack.pop();
        let ((place, slot), offset) = self.address(entry, memarg);
        let register = if place >= IN_SLOT { self.vacate(ty) } else { place };
        let outside = self.trap_label(Trap::MemoryOutOfBounds);
        self.result(uop(register, place, slot, offset, outside), ty, register);
    }

    pub(super) fn float_load(&mut self, uop: Load, memarg: MemArg, ty: ValueType) {
        if self.needs_location(memarg) {
            return self.located_float_load(memarg, ty);
        }
        let entry = self.stack.pop();
        let ((place, slot), offset) = self.address(entry, memarg);
        let register = self.vacate(ty);
        let outside = self.trap_label(Trap::MemoryOutOfBounds);
        self.result(uop(register, place, slot, offset, outside), ty, register);
    }

    pub(super) fn store(&mut self, uop: Store, memarg: MemArg) {
        if self.needs_location(memarg) {
            return self.located_store(memarg);
        }
        let (value, address) = (self.stack.pop(), self.stack.pop());
        let value = self.integer(value);
        let ((place, address_slot), offset) = self.address(address, memarg);
        let outside = self.trap_label(Trap::MemoryOutOfBounds);
        self.emit(uop(place, value.place, address_slot, value.slot, value.imm, offset, outside));
    }

    /// Stores a float from its register. In a slot, or as a constant, its bits are stored like those of an integer.
    pub(super) fn float_store(&mut self, from_register: Store, of_bits: Store, memarg: MemArg) {
        let value = self.stack.top();
        let in_integer = value.slot().is_some() || value.immediate().is_some();
        self.store(if in_integer { of_bits } else { from_register }, memarg);
    }
}
