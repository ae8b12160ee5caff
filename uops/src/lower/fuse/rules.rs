//! The rules: for each uop of `uop::fused`, the instructions that it stands for.

use stencil_runtime::Label;

use super::Rules;
use crate::lower::place::{IN_IMM, IN_SLOT};
use crate::uop::Wasm;

/// The registers that fused uops work on.
const REGISTERS: std::ops::Range<usize> = 0..2;
/// All locations of an integer.
const PLACES: std::ops::RangeInclusive<usize> = 0..=IN_IMM;
/// A label in an example.
const LABEL: Label = Label(0);

impl Rules {
    pub(super) fn new() -> Self {
        let mut rules = Self::default();
        rules.integers();
        rules.floats();
        rules.loads();
        rules.conditions();
        rules.rest();
        rules
    }

    fn integers(&mut self) {
        macro_rules! rules {
            ($($uop:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| PLACES.map(move |b| (a, b))) {
                    let (get, uop, set) = (Wasm::get(a, 0), Wasm::$uop(a, b, 0, 0), Wasm::set(a, 0));
                    let get_uop = Wasm::$fused(1, a, b, 0, 0, 0, 0, 0);
                    self.pair([get, uop], [1, a, b, 0], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, x[0] as u32, y[0] as u32, y[1] as i32, 0))
                    });
                    self.pair([uop, set], [0, a, b, 1], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, 0, x[0] as u32, x[1] as i32, y[0] as u32))
                    });
                    self.pair([get_uop, set], [1, a, b, 1], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, x[0] as u32, x[1] as u32, x[2] as i32, y[0] as u32))
                    });
                }
            )*};
        }
        rules! {
            i32_add i32_add_slots
            i32_mul i32_mul_slots
            i32_and i32_and_slots
            i32_or i32_or_slots
            i32_xor i32_xor_slots
            i32_sub i32_sub_slots
            i32_shl i32_shl_slots
            i32_shr_s i32_shr_s_slots
            i32_shr_u i32_shr_u_slots
            i32_rotl i32_rotl_slots
            i64_add i64_add_slots
            i64_mul i64_mul_slots
            i64_and i64_and_slots
            i64_or i64_or_slots
            i64_xor i64_xor_slots
            i64_sub i64_sub_slots
            i64_shl i64_shl_slots
            i64_shr_s i64_shr_s_slots
            i64_shr_u i64_shr_u_slots
            i64_rotl i64_rotl_slots
        }
    }

    fn floats(&mut self) {
        macro_rules! rules {
            ($($uop:ident $get:ident $set:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| (0..=IN_SLOT).map(move |b| (a, b))) {
                    let (get, uop, set) = (Wasm::$get(a, 0), Wasm::$uop(a, b, 0), Wasm::$set(a, 0));
                    let get_uop = Wasm::$fused(1, a, b, 0, 0, 0, 0);
                    self.pair([get, uop], [1, a, b, 0], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, x[0] as u32, y[0] as u32, 0))
                    });
                    self.pair([uop, set], [0, a, b, 1], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, 0, x[0] as u32, y[0] as u32))
                    });
                    self.pair([get_uop, set], [1, a, b, 1], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, x[0] as u32, x[1] as u32, y[0] as u32))
                    });
                }
            )*};
        }
        rules! {
            f32_add f32_get f32_set f32_add_slots
            f32_sub f32_get f32_set f32_sub_slots
            f32_mul f32_get f32_set f32_mul_slots
            f64_add f64_get f64_set f64_add_slots
            f64_sub f64_get f64_set f64_sub_slots
            f64_mul f64_get f64_set f64_mul_slots
        }
    }

    fn loads(&mut self) {
        macro_rules! to_slot {
            ($($load:ident $set:ident $fused:ident)*) => {$(
                for (to, a) in REGISTERS.flat_map(|to| (0..=IN_SLOT).map(move |a| (to, a))) {
                    let example = [Wasm::$load(to, a, 0, 0, LABEL), Wasm::$set(to, 0)];
                    self.pair(example, [to, a, 0, 0], |[to, a, ..], x, y| {
                        Some(Wasm::$fused(to, a, x[0] as u32, x[1] as u32, y[0] as u32, label(x[2])))
                    });
                }
            )*};
        }
        to_slot! {
            i32_load set i32_load_slot
            i64_load set i64_load_slot
            i32_load8_s set i32_load8_s_slot
            i32_load8_u set i32_load8_u_slot
            i32_load16_s set i32_load16_s_slot
            i32_load16_u set i32_load16_u_slot
            i64_load32_u set i64_load32_u_slot
            f32_load f32_set f32_load_slot
            f64_load f64_set f64_load_slot
        }
        macro_rules! from_sum {
            ($($load:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| PLACES.map(move |b| (a, b))) {
                    let load = Wasm::$load(a, a, 0, 0, LABEL);
                    self.pair([Wasm::i32_add(a, b, 0, 0), load], [0, a, b, 0], |[from, a, b, _], x, y| {
                        Some(Wasm::$fused(from, a, b, 0, x[0] as u32, x[1] as i32, y[1] as u32, label(y[2])))
                    });
                    let sum = Wasm::i32_add_slots(1, a, b, 0, 0, 0, 0, 0);
                    self.pair([sum, load], [1, a, b, 0], |[from, a, b, _], x, y| {
                        Some(Wasm::$fused(from, a, b, x[0] as u32, x[1] as u32, x[2] as i32, y[1] as u32, label(y[2])))
                    });
                }
            )*};
        }
        from_sum! {
            i32_load i32_load_sum
            i64_load i64_load_sum
            i32_load8_s i32_load8_s_sum
            i32_load8_u i32_load8_u_sum
            i32_load16_s i32_load16_s_sum
            i32_load16_u i32_load16_u_sum
        }
    }

    fn conditions(&mut self) {
        macro_rules! rules {
            ($($jump:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| PLACES.map(move |b| (a, b))) {
                    let (get, jump) = (Wasm::get(a, 0), Wasm::$jump(a, b, 0, 0, LABEL));
                    self.jump(2, jump, [0, 1, a, b], |[from, again, a, b], x, y| {
                        Some(Wasm::$fused(from, again, a, b, 0, x[0] as u32, x[1] as i32, label(y[0]), label(y[1])))
                    });
                    self.pair([get, jump], [1, 0, a, b], |[from, again, a, b], x, y| {
                        let target = label(y[2]);
                        Some(Wasm::$fused(from, again, a, b, x[0] as u32, y[0] as u32, y[1] as i32, target, target))
                    });
                    let jump = Wasm::$fused(0, 1, a, b, 0, 0, 0, LABEL, LABEL);
                    self.pair([get, jump], [1, 1, a, b], |[from, again, a, b], x, y| {
                        let (target, interrupted) = (label(y[3]), label(y[4]));
                        Some(Wasm::$fused(from, again, a, b, x[0] as u32, y[1] as u32, y[2] as i32, target, interrupted))
                    });
                }
            )*};
        }
        rules! {
            jump_i32_eq jump_i32_eq_fused
            jump_i32_ne jump_i32_ne_fused
            jump_i32_lt_s jump_i32_lt_s_fused
            jump_i32_lt_u jump_i32_lt_u_fused
            jump_i32_gt_s jump_i32_gt_s_fused
            jump_i32_gt_u jump_i32_gt_u_fused
            jump_i32_le_s jump_i32_le_s_fused
            jump_i32_le_u jump_i32_le_u_fused
            jump_i32_ge_s jump_i32_ge_s_fused
            jump_i32_ge_u jump_i32_ge_u_fused
            jump_i64_eq jump_i64_eq_fused
            jump_i64_ne jump_i64_ne_fused
            jump_i64_lt_s jump_i64_lt_s_fused
            jump_i64_lt_u jump_i64_lt_u_fused
            jump_i64_gt_s jump_i64_gt_s_fused
            jump_i64_gt_u jump_i64_gt_u_fused
            jump_i64_le_s jump_i64_le_s_fused
            jump_i64_le_u jump_i64_le_u_fused
            jump_i64_ge_s jump_i64_ge_s_fused
            jump_i64_ge_u jump_i64_ge_u_fused
        }
        macro_rules! count {
            ($($jump:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| [IN_SLOT, IN_IMM].map(move |b| (a, b))) {
                    let add = Wasm::i32_add_slots(1, a, IN_IMM, 1, 0, 0, 0, 0);
                    let jump = Wasm::$jump(0, 1, a, b, 0, 0, 0, LABEL, LABEL);
                    self.pair([add, jump], [a, b, 0, 0], |[a, b, ..], x, y| {
                        let bound = if b == IN_SLOT { y[1] } else { y[2] } as u32;
                        let (target, interrupted) = (label(y[3]), label(y[4]));
                        (x[0] == x[3]).then(|| Wasm::$fused(a, b, x[0] as u32, x[2] as i32, bound, target, interrupted))
                    });
                }
            )*};
        }
        count! {
            jump_i32_ne_fused count_ne
            jump_i32_lt_s_fused count_lt_s
            jump_i32_lt_u_fused count_lt_u
            jump_i32_gt_s_fused count_gt_s
            jump_i32_gt_u_fused count_gt_u
            jump_i32_le_s_fused count_le_s
            jump_i32_ge_s_fused count_ge_s
        }
        let add = |a| Wasm::i32_add_slots(1, a, IN_IMM, 1, 0, 0, 0, 0);
        for a in REGISTERS {
            self.pair([add(a), Wasm::jump_i32_nez_back(a, 0, LABEL, LABEL)], [a, IN_IMM, 0, 0], |[a, b, ..], x, y| {
                (x[0] == x[3]).then(|| Wasm::count_ne(a, b, x[0] as u32, x[2] as i32, 0, label(y[1]), label(y[2])))
            });
        }
    }

    fn rest(&mut self) {
        self.jump(0, Wasm::jump(LABEL), [0; 4], |_, _, y| Some(Wasm::jump_back(label(y[0]), label(y[1]))));
        for a in 0..=IN_SLOT {
            self.jump(1, Wasm::jump_i32_eqz(a, 0, LABEL), [a, 0, 0, 0], |[a, ..], x, y| {
                Some(Wasm::jump_i32_eqz_back(a, x[0] as u32, label(y[0]), label(y[1])))
            });
            self.jump(1, Wasm::jump_i32_nez(a, 0, LABEL), [a, 0, 0, 0], |[a, ..], x, y| {
                Some(Wasm::jump_i32_nez_back(a, x[0] as u32, label(y[0]), label(y[1])))
            });
        }
        let (copy, constant) = (Wasm::copy(0, 0), Wasm::constant_to_slot(0, 0));
        macro_rules! two {
            ($($first:ident $second:ident $fused:ident)*) => {$(
                self.moves([$first, $second], [0; 4], |_, x, y| {
                    Some(Wasm::$fused(x[0] as u32, x[1] as u32, y[0] as u32, y[1] as u32))
                });
            )*};
        }
        two! {
            copy copy copy_copy
            constant constant constant_constant
            constant copy constant_copy
            copy constant copy_constant
        }
        self.moves([copy, Wasm::jump(LABEL)], [0; 4], |_, x, y| {
            Some(Wasm::copy_jump(x[0] as u32, x[1] as u32, label(y[0])))
        });
        for a in REGISTERS {
            let (get, set) = (Wasm::get(a, 0), Wasm::set(a, 0));
            self.moves([get, set], [a, 0, 0, 0], |[a, ..], x, y| Some(Wasm::get_set(a, x[0] as u32, y[0] as u32)));
            self.moves([set, copy], [a, 0, 0, 0], |[a, ..], x, y| {
                Some(Wasm::set_copy(a, x[0] as u32, y[0] as u32, y[1] as u32))
            });
            self.moves([set, Wasm::jump(LABEL)], [a, 0, 0, 0], |[a, ..], x, y| {
                Some(Wasm::set_jump(a, x[0] as u32, label(y[0])))
            });
            for b in REGISTERS {
                self.moves([get, Wasm::get(b, 0)], [a, b, 0, 0], |[a, b, ..], x, y| {
                    Some(Wasm::get_get(a, b, x[0] as u32, y[0] as u32))
                });
                self.moves([set, Wasm::get(b, 0)], [a, b, 0, 0], |[a, b, ..], x, y| {
                    Some(Wasm::set_get(a, b, x[0] as u32, y[0] as u32))
                });
            }
        }
    }
}

fn label(word: u64) -> Label {
    Label(word as u32)
}
