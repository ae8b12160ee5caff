//! Accesses to any memory: a uop turns their address into a host address first (`uop::located`).

use wasmparser::{MemArg, MemArgTarget};

use super::Function;
use super::place::Uop;
use super::slot::array_offset;
use super::stack::{Entry, Place};
use crate::module::trap::Trap;
use crate::module::types::{AddressType, ValueType};
use crate::uop::Wasm;

impl Function<'_, '_> {
    /// Whether an instruction accesses a memory that the uops of `uop::memory` do not serve.
    pub(super) fn needs_location(&self, memarg: MemArg) -> bool {
        self.memory_of(memarg) != (0, AddressType::I32)
    }

    /// The memory that an instruction accesses, and the type of its addresses.
    fn memory_of(&self, memarg: MemArg) -> (u32, AddressType) {
        // Validation admits no arrays.
        let (MemArgTarget::Memory(index) | MemArgTarget::Array(index)) = memarg.target;
        (index, self.module.memories[index as usize].address)
    }

    /// Puts the host address of an access into a register.
    pub(super) fn locate(&mut self, address: Entry, memarg: MemArg) -> usize {
        let register = self.put_in_register(address);
        let (memory, address) = self.memory_of(memarg);
        let uop = match address {
            AddressType::I32 => Wasm::locate32,
            AddressType::I64 => Wasm::locate64,
        };
        let size = 1 << memarg.max_align;
        let outside = self.trap_label(Trap::MemoryOutOfBounds);
        self.emit(uop(register, array_offset(memory), memarg.offset, size, outside));
        register
    }

    pub(super) fn memory_size(&mut self, memory: u32) {
        let ty = self.module.memories[memory as usize].address.value_type();
        let register = self.vacate(ty);
        let uop = if memory == 0 {
            Wasm::memory_size(register)
        } else {
            Wasm::size_of_memory(register, array_offset(memory))
        };
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

    /// Loads a float as an integer and moves it to a float register. Vectors are loaded directly.
    pub(super) fn located_float_load(&mut self, memarg: MemArg, ty: ValueType) {
        match ty {
            ValueType::V128 => {
                let address = self.stack.pop();
                let (from, to) = (self.locate(address, memarg), self.vacate(ty));
                let uop = match memarg.max_align {
                    2 => Wasm::load_v128_zero32,
                    3 => Wasm::load_v128_zero64,
                    _ => Wasm::load_v128,
                };
                self.result(uop(to, from), ty, to);
            }
            ValueType::F32 => {
                self.located_load(Wasm::load_u32, memarg, ValueType::I32);
                self.conversion(Wasm::f32_reinterpret_i32, ty);
            }
            _ => {
                self.located_load(Wasm::load_u64, memarg, ValueType::I64);
                self.conversion(Wasm::f64_reinterpret_i64, ty);
            }
        }
    }

    pub(super) fn located_store(&mut self, memarg: MemArg) {
        let (value, address) = (self.stack.pop(), self.stack.pop());
        let value = self.bits(value);
        let register = self.locate(address, memarg);
        let uop = match memarg.max_align {
            0 => Wasm::store_8,
            1 => Wasm::store_16,
            2 => Wasm::store_32,
            3 => Wasm::store_64,
            _ => Wasm::store_v128,
        };
        self.emit(uop(register, value));
    }

    /// Puts the bits of a value into an integer register; those of a vector, into a vector register.
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

/// The load of the access's size, with zero extension.
pub(super) fn located_load(memarg: MemArg) -> fn(usize) -> Uop {
    match memarg.max_align {
        0 => Wasm::load_u8,
        1 => Wasm::load_u16,
        2 => Wasm::load_u32,
        _ => Wasm::load_u64,
    }
}
