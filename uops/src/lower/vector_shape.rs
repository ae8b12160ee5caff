//! Vector operators by their shape. Some are two uops: one on a scalar, and one on a vector.

use std::arch::x86_64::__m128i;

use stencil_runtime::VectorOperand as _;
use wasmparser::MemArg;

use super::Function;
use super::located::located_load;
use super::place::Uop;
use super::shape::{Load, Store};
use super::stack::Place;
use crate::module::types::ValueType::{self, I32, V128};
use crate::uop::Wasm;

/// Returns the vector with these bits, lane 0 being the lowest ones.
fn vector(bits: u128) -> __m128i {
    __m128i::from_words([bits as u64, (bits >> 64) as u64])
}

/// Uops whose last parameter is a lane.
pub(super) type Lane = fn(usize, usize, usize) -> Uop;
pub(super) type Binary = fn(usize, usize, u32) -> Uop;

impl Function<'_, '_> {
    pub(super) fn vector_constant(&mut self, bits: u128) {
        let register = self.vacate(V128);
        self.result(Wasm::v128_constant(register, vector(bits)), V128, register);
    }

    pub(super) fn vector_unary(&mut self, uop: fn(usize) -> Uop) {
        self.float_unary(uop, V128);
    }

    pub(super) fn vector_binary(&mut self, uop: Binary) {
        self.float_binary(uop, V128);
    }

    pub(super) fn vector_commutative(&mut self, uop: Binary) {
        let (a, b) = self.pair(|| true);
        let (a, (place, slot)) = self.float_places(a, b);
        self.result(uop(a, place, slot), V128, a);
    }

    /// An operator that is implemented by another one with exchanged operands.
    pub(super) fn vector_exchanged(&mut self, uop: Binary) {
        let (b, a) = self.pair(|| false);
        let (a, (place, slot)) = self.float_places(a, b);
        self.result(uop(a, place, slot), V128, a);
    }

    pub(super) fn shuffle(&mut self, lanes: [u8; 16]) {
        // For each lane, the vector that does not supply it contributes zero. Validation ensures that a lane is less than 32.
        const ZERO: u8 = 0x80;
        let of_a = lanes.map(|lane| if lane < 16 { lane } else { ZERO });
        let of_b = lanes.map(|lane| lane.checked_sub(16).unwrap_or(ZERO));
        let [of_a, of_b] = [of_a, of_b].map(|lanes| vector(u128::from_le_bytes(lanes)));
        let (a, (place, slot)) = self.float_operands();
        self.result(Wasm::i8x16_shuffle(a, place, slot, of_a, of_b), V128, a);
    }

    /// There are three operands but two registers. If the two topmost operands occupy both, the mask goes to its slot.
    pub(super) fn bitselect(&mut self) {
        let mask = self.stack.height() - 1;
        if [mask - 1, mask].iter().all(|&index| matches!(self.stack.entry(index).place, Place::Register(_))) {
            self.put_in_slot(self.stack.top(), self.stack.top().home);
            self.stack.settle(mask);
        }
        let mask = self.stack.pop();
        let (mask, mask_slot) = self.slot_or_register(mask);
        let (a, (place, slot)) = self.float_operands();
        self.result(Wasm::v128_bitselect(a, place, mask, slot, mask_slot), V128, a);
    }

    pub(super) fn shift(&mut self, uop: fn(usize, usize, u32, i32) -> Uop) {
        let count = self.stack.pop();
        let count = self.integer(count);
        let a = self.pop_register();
        self.result(uop(a, count.place, count.slot, count.imm), V128, a);
    }

    /// A test of all lanes.
    pub(super) fn vector_test(&mut self, uop: fn(usize, usize) -> Uop) {
        self.conversion(uop, I32);
    }

    // Lanes.

    pub(super) fn splat(&mut self, uop: Binary) {
        let entry = self.stack.pop();
        let (place, slot) = self.slot_or_register(entry);
        let register = self.vacate(V128);
        self.result(uop(register, place, slot), V128, register);
    }

    pub(super) fn extract_lane(&mut self, uop: Lane, lane: u8, ty: ValueType) {
        let from = self.pop_register();
        let register = self.vacate(ty);
        self.result(uop(register, from, lane.into()), ty, register);
    }

    pub(super) fn extract_lane_signed(&mut self, uop: Lane, lane: u8, extend: fn(usize, usize, u32) -> Uop) {
        self.extract_lane(uop, lane, I32);
        self.unary(extend, I32);
    }

    pub(super) fn replace_lane(&mut self, uop: Lane, lane: u8) {
        let value = self.pop_register();
        let register = self.pop_register();
        self.result(uop(register, value, lane.into()), V128, register);
    }

    // Memory.

    pub(super) fn vector_load(&mut self, uop: Load, memarg: MemArg) {
        self.float_load(uop, memarg, V128);
    }

    pub(super) fn load_extend(&mut self, extend: fn(usize) -> Uop, memarg: MemArg) {
        self.vector_load(Wasm::v128_load64_zero, memarg);
        self.vector_unary(extend);
    }

    pub(super) fn load_splat(&mut self, load: Load, ty: ValueType, splat: Binary, memarg: MemArg) {
        self.load(load, located_load(memarg), memarg, ty);
        self.splat(splat);
    }

    pub(super) fn load_lane(&mut self, load: Load, ty: ValueType, replace: Lane, lane: u8, memarg: MemArg) {
        let vector = self.stack.pop();
        self.load(load, located_load(memarg), memarg, ty);
        let value = self.pop_register();
        let register = self.put_in_register(vector);
        self.result(replace(register, value, lane.into()), V128, register);
    }

    pub(super) fn store_lane(&mut self, store: Store, ty: ValueType, extract: Lane, lane: u8, memarg: MemArg) {
        self.extract_lane(extract, lane, ty);
        self.store(store, memarg);
    }
}
