//! Instructions on any memory: their address becomes the host's first (`uop::located`).

use wasmparser::{MemArg, MemArgTarget};

use super::Function;
use super::place::Uop;
use super::stack::{Entry, Place};
use crate::trap::Trap;
use crate::types::{AddressType, ValueType};
use crate::uop::Wasm;

impl Function<'_> {
    /// Whether an instruction is for a memory that the uops of `uop::memory` are not for.
    pub(super) fn needs_location(&self, memarg: MemArg) -> bool {
        self.memory_of(memarg) != (0, AddressType::I32)
    }

    /// The memory that an instruction is for, and the type of its addresses.
    fn memory_of(&self, memarg: MemArg) -> (u32, AddressType) {
        // Validation admits no arrays.
        let (MemArgTarget::Memory(index) | MemArgTarget::Array(index)) = memarg.target;
        (index, self.module.memories[index as usize].address)
    }

    /// A register with the host's address of what an instruction accesses.
    pub(super) fn locate(&mut self, address: Entry, memarg: MemArg) -> usize {
        let register = self.put_in_register(address);
        let (memory, address) = self.memory_of(memarg);
        let uop = match address {
            AddressType::I32 => Wasm::locate32,
            AddressType::I64 => Wasm::locate64,
        };
        let size = 1 << memarg.max_align;
        let outside = self.trap_label(Trap::MemoryOutOfBounds);
        self.emit(uop(register, memory * 8, memarg.offset, size, outside));
        register
    }

    pub(super) fn memory_size(&mut self, memory: u32) {
        let ty = self.module.memories[memory as usize].address.value_type();
        let register = self.vacate(ty);
        let uop = if memory == 0 { Wasm::memory_size(register) } else { Wasm::size_of_memory(register, memory * 8) };
        self.result(uop, ty, register);
    }

    pub(super) fn memory_grow(&mut self, memory: u32) {
        let ty = self.module.memories[memory as usize].address.value_type();
        let register = self.pop_register();
        self.result(Wasm::memory_grow(register, memory), ty, register);
    }

    pub(super) fn located_load(&mut self, uop: fn(usize) -> Uop, memarg: MemArg, ty: ValueType) {
        let address = self.stack.pop();
        let register = self.locate(address, memarg);
        self.result(uop(register), ty, register);
    }

    /// As for integers, and then to the other kind of register.
    pub(super) fn located_float_load(&mut self, uop: fn(usize) -> Uop, memarg: MemArg, ty: ValueType) {
        if ty == ValueType::F32 {
            self.located_load(uop, memarg, ValueType::I32);
            self.conversion(Wasm::f32_reinterpret_i32, ty);
        } else {
            self.located_load(uop, memarg, ValueType::I64);
            self.conversion(Wasm::f64_reinterpret_i64, ty);
        }
    }

    pub(super) fn located_store(&mut self, uop: fn(usize, usize) -> Uop, memarg: MemArg) {
        let (value, address) = (self.stack.pop(), self.stack.pop());
        let value = self.bits(value);
        let register = self.locate(address, memarg);
        self.emit(uop(register, value));
    }

    /// An integer register with the bits of a value.
    fn bits(&mut self, entry: Entry) -> usize {
        let (ty, reinterpret): (_, fn(usize, usize) -> Uop) = match entry.ty {
            ValueType::F32 => (ValueType::I32, Wasm::i32_reinterpret_f32),
            ValueType::F64 => (ValueType::I64, Wasm::i64_reinterpret_f64),
            _ => return self.put_in_register(entry),
        };
        let Place::Register(from) = entry.place else { return self.put_in_register(Entry { ty, ..entry }) };
        let register = self.vacate(ty);
        self.emit(reinterpret(register, from));
        register
    }
}
