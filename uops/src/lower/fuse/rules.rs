//! The rules: for each uop of `uop::fused`, the instructions that it replaces.

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
        rules.addresses();
        rules.float_operands();
        rules.tests();
        rules.stores();
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
        let back = Wasm::jump_back(LABEL, LABEL);
        self.moves([copy, back], [0; 4], |_, x, y| {
            Some(Wasm::copy_jump_back(x[0] as u32, x[1] as u32, label(y[0]), label(y[1])))
        });
        self.moves([copy, Wasm::jump_i32_nez_back(IN_SLOT, 0, LABEL, LABEL)], [0; 4], |_, x, y| {
            let (target, interrupted) = (label(y[1]), label(y[2]));
            Some(Wasm::copy_jump_i32_nez_back(x[0] as u32, x[1] as u32, y[0] as u32, target, interrupted))
        });
        self.moves([copy, Wasm::leave()], [0; 4], |_, x, _| Some(Wasm::copy_leave(x[0] as u32, x[1] as u32)));
        for a in REGISTERS {
            let (get, set) = (Wasm::get(a, 0), Wasm::set(a, 0));
            self.moves([get, set], [a, 0, 0, 0], |[a, ..], x, y| Some(Wasm::get_set(a, x[0] as u32, y[0] as u32)));
            self.moves([set, Wasm::leave()], [a, 0, 0, 0], |[a, ..], x, _| Some(Wasm::set_leave(a, x[0] as u32)));
            let add = |a| Wasm::i32_add_slots(1, a, IN_IMM, 1, 0, 0, 0, 0);
            self.moves([set, back], [a, 0, 0, 0], |[a, ..], x, y| {
                Some(Wasm::set_jump_back(a, x[0] as u32, label(y[0]), label(y[1])))
            });
            self.moves([add(a), copy], [a, 0, 0, 0], |[a, ..], x, y| {
                (x[0] == x[3]).then(|| Wasm::add_copy(a, x[0] as u32, x[2] as i32, y[0] as u32, y[1] as u32))
            });
            self.moves([add(a), back], [a, 0, 0, 0], |[a, ..], x, y| {
                (x[0] == x[3]).then(|| Wasm::add_jump_back(a, x[0] as u32, x[2] as i32, label(y[0]), label(y[1])))
            });
            for (b, condition) in
                [IN_SLOT, IN_IMM].into_iter().flat_map(|b| (0..3).map(move |condition| (b, condition)))
            {
                let select = Wasm::select(a, b, condition, 0, 0);
                self.moves([select, set], [a, b, condition, 0], |[a, b, condition, _], x, y| {
                    Some(Wasm::select_slot(a, b, condition, x[0] as u32, x[1] as i32, y[0] as u32))
                });
            }
            for b in REGISTERS {
                self.moves([add(a), add(b)], [a, b, 0, 0], |[a, b, ..], x, y| {
                    let fused = Wasm::add_add(a, b, x[0] as u32, x[2] as i32, y[0] as u32, y[2] as i32);
                    (x[0] == x[3] && y[0] == y[3]).then_some(fused)
                });
            }
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

    fn addresses(&mut self) {
        macro_rules! index {
            ($($uop:ident $slots:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| PLACES.map(move |b| (a, b))) {
                    let (uop, add) = (Wasm::$uop(a, IN_IMM, 0, 0), Wasm::i32_add(a, b, 0, 0));
                    self.pair([uop, add], [0, a, b, 0], |[from, a, b, _], x, y| {
                        Some(Wasm::$fused(from, a, b, 0, x[1] as i32, y[0] as u32, y[1] as i32))
                    });
                    let uop = Wasm::$slots(1, a, IN_IMM, 0, 0, 0, 0, 0);
                    self.pair([uop, add], [1, a, b, 0], |[from, a, b, _], x, y| {
                        Some(Wasm::$fused(from, a, b, x[0] as u32, x[2] as i32, y[0] as u32, y[1] as i32))
                    });
                }
            )*};
        }
        index! {
            i32_shl i32_shl_slots i32_shl_add
            i32_mul i32_mul_slots i32_mul_add
        }
        macro_rules! element {
            ($($load:ident $fused:ident)*) => {$(
                for (from, a, to) in (0..2).flat_map(|from| REGISTERS.flat_map(move |a| (0..3).map(move |to| (from, a, to)))) {
                    let index = Wasm::i32_shl_add(from, a, IN_SLOT, 0, 0, 0, 0);
                    self.pair([index, Wasm::$load(to, a, 0, 0, LABEL)], [from, a, to, 0], |[from, a, to, _], x, y| {
                        Some(Wasm::$fused(from, a, to, x[0] as u32, x[1] as i32, x[2] as u32, y[1] as u32, label(y[2])))
                    });
                }
            )*};
        }
        element! {
            i32_load i32_load_element
            i64_load i64_load_element
            f32_load f32_load_element
            f64_load f64_load_element
        }
    }

    fn float_operands(&mut self) {
        macro_rules! from_sum {
            ($($load:ident $fused:ident)*) => {$(
                for (a, b, to) in REGISTERS.flat_map(|a| PLACES.flat_map(move |b| (0..3).map(move |to| (a, b, to)))) {
                    let load = Wasm::$load(to, a, 0, 0, LABEL);
                    self.pair([Wasm::i32_add(a, b, 0, 0), load], [0, a, b, to], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, 0, x[0] as u32, x[1] as i32, y[1] as u32, label(y[2])))
                    });
                    let sum = Wasm::i32_add_slots(1, a, b, 0, 0, 0, 0, 0);
                    self.pair([sum, load], [1, a, b, to], |[from, a, b, to], x, y| {
                        Some(Wasm::$fused(from, a, b, to, x[0] as u32, x[1] as u32, x[2] as i32, y[1] as u32, label(y[2])))
                    });
                }
            )*};
        }
        from_sum! {
            f32_load f32_load_sum
            f64_load f64_load_sum
        }
        macro_rules! operators {
            ($($uop:ident $load:ident $loaded:ident)*) => {$(
                for (a, b, at) in REGISTERS.flat_map(|a| (0..3).flat_map(move |b| (0..=IN_SLOT).map(move |at| (a, b, at)))) {
                    let example = [Wasm::$load(b, at, 0, 0, LABEL), Wasm::$uop(a, b, 0)];
                    self.moves(example, [a, b, at, 0], |[a, b, at, _], x, _| {
                        Some(Wasm::$loaded(a, b, at, x[0] as u32, x[1] as u32, label(x[2])))
                    });
                }
            )*};
        }
        operators! {
            f32_add f32_load f32_add_loaded
            f32_sub f32_load f32_sub_loaded
            f32_mul f32_load f32_mul_loaded
            f64_add f64_load f64_add_loaded
            f64_sub f64_load f64_sub_loaded
            f64_mul f64_load f64_mul_loaded
        }
        macro_rules! constants {
            ($zero:expr, $value:expr, $constant:ident: $($uop:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| (0..3).map(move |b| (a, b))) {
                    let example = [Wasm::$constant(b, $zero), Wasm::$uop(a, b, 0)];
                    self.moves(example, [a, b, 0, 0], |[a, b, ..], x, _| Some(Wasm::$fused(a, b, $value(x[0]))));
                }
            )*};
        }
        constants! { 0.0, |bits| f32::from_bits(bits as u32), f32_constant:
            f32_add f32_add_constant
            f32_sub f32_sub_constant
            f32_mul f32_mul_constant
        }
        constants! { 0.0, f64::from_bits, f64_constant:
            f64_add f64_add_constant
            f64_sub f64_sub_constant
            f64_mul f64_mul_constant
        }
        macro_rules! comparisons {
            ($($uop:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| (0..=IN_SLOT).map(move |b| (a, b))) {
                    for (is, jump) in [Wasm::jump_i32_eqz, Wasm::jump_i32_nez].into_iter().enumerate() {
                        self.pair([Wasm::$uop(0, a, b, 0), jump(0, 0, LABEL)], [a, b, is, 0], |[a, b, is, _], x, y| {
                            Some(Wasm::$fused(a, b, is, x[0] as u32, label(y[1])))
                        });
                    }
                }
            )*};
        }
        comparisons! {
            f32_eq jump_f32_eq
            f32_ne jump_f32_ne
            f32_lt jump_f32_lt
            f32_gt jump_f32_gt
            f32_le jump_f32_le
            f32_ge jump_f32_ge
            f64_eq jump_f64_eq
            f64_ne jump_f64_ne
            f64_lt jump_f64_lt
            f64_gt jump_f64_gt
            f64_le jump_f64_le
            f64_ge jump_f64_ge
        }
    }

    fn tests(&mut self) {
        for (a, b) in REGISTERS.flat_map(|a| PLACES.map(move |b| (a, b))) {
            for (not, jump) in [Wasm::jump_i32_eqz, Wasm::jump_i32_nez].into_iter().enumerate() {
                let jump = jump(a, 0, LABEL);
                self.pair([Wasm::i32_and(a, b, 0, 0), jump], [0, a, b, not], |[from, a, b, not], x, y| {
                    Some(Wasm::jump_i32_and(from, a, b, not, 0, x[0] as u32, x[1] as i32, label(y[1])))
                });
                let and = Wasm::i32_and_slots(1, a, b, 0, 0, 0, 0, 0);
                self.pair([and, jump], [1, a, b, not], |[from, a, b, not], x, y| {
                    Some(Wasm::jump_i32_and(from, a, b, not, x[0] as u32, x[1] as u32, x[2] as i32, label(y[1])))
                });
            }
        }
        macro_rules! loaded {
            ($($load:ident $fused:ident)*) => {$(
                for (a, at) in REGISTERS.flat_map(|a| (0..=IN_SLOT).map(move |at| (a, at))) {
                    let load = Wasm::$load(a, at, 0, 0, LABEL);
                    for (not, jump) in [Wasm::jump_i32_eqz, Wasm::jump_i32_nez].into_iter().enumerate() {
                        self.pair([load, jump(a, 0, LABEL)], [a, at, not, 0], |[a, at, not, _], x, y| {
                            Some(Wasm::$fused(a, at, not, x[0] as u32, x[1] as u32, label(x[2]), 0, label(y[1])))
                        });
                    }
                    for (not, jump) in [Wasm::jump_i32_eq, Wasm::jump_i32_ne].into_iter().enumerate() {
                        let jump = jump(a, IN_IMM, 0, 0, LABEL);
                        self.pair([load, jump], [a, at, not, 0], |[a, at, not, _], x, y| {
                            let (slot, offset, outside) = (x[0] as u32, x[1] as u32, label(x[2]));
                            Some(Wasm::$fused(a, at, not, slot, offset, outside, y[1] as i32, label(y[2])))
                        });
                    }
                }
            )*};
        }
        loaded! {
            i32_load jump_i32_loaded
            i32_load8_u jump_i32_loaded8
        }
    }

    fn stores(&mut self) {
        macro_rules! to_sum {
            ($($store:ident $fused:ident)*) => {$(
                for (a, b, value) in REGISTERS.flat_map(|a| [IN_SLOT, IN_IMM].into_iter().flat_map(move |b| PLACES.map(move |v| (a, b, v)))) {
                    let sum = Wasm::i32_add_slots(1, a, b, 0, 0, 0, 0, 0);
                    let store = Wasm::$store(a, value, 0, 0, 0, 0, LABEL);
                    self.pair([sum, store], [a, b, value, 0], |[a, b, value, _], x, y| {
                        let by = if b == IN_SLOT { x[1] } else { x[2] } as u32;
                        let stored = if value == IN_IMM { y[2] } else { y[1] } as u32;
                        Some(Wasm::$fused(a, b, value, x[0] as u32, by, stored, y[3] as u32, label(y[4])))
                    });
                }
            )*};
        }
        to_sum! {
            i32_store i32_store_sum
            i64_store i64_store_sum
            i32_store8 i32_store8_sum
        }
        macro_rules! result {
            ($($uop:ident $fused:ident)*) => {$(
                for (a, b) in REGISTERS.flat_map(|a| PLACES.map(move |b| (a, b))) {
                    let example = [Wasm::$uop(a, b, 0, 0), Wasm::i32_store(IN_SLOT, a, 0, 0, 0, 0, LABEL)];
                    self.pair(example, [a, b, 0, 0], |[a, b, ..], x, y| {
                        Some(Wasm::$fused(a, b, x[0] as u32, x[1] as i32, y[0] as u32, y[3] as u32, label(y[4])))
                    });
                }
            )*};
        }
        result! {
            i32_add i32_add_store
            i32_sub i32_sub_store
            i32_and i32_and_store
            i32_or i32_or_store
            i32_xor i32_xor_store
        }
        macro_rules! copies {
            ($($load:ident $store:ident $fused:ident)*) => {$(
                for a in REGISTERS {
                    let load = Wasm::$load(a, IN_SLOT, 0, 0, LABEL);
                    let store = Wasm::$store(IN_SLOT, a, 0, 0, 0, 0, LABEL);
                    self.pair([load, store], [a, 0, 0, 0], |[a, ..], x, y| {
                        let fused = Wasm::$fused(a, x[0] as u32, x[1] as u32, label(x[2]), y[0] as u32, y[3] as u32);
                        (x[2] == y[4]).then_some(fused)
                    });
                }
            )*};
        }
        copies! {
            i32_load i32_store i32_load_store
            i64_load i64_store i64_load_store
        }
    }
}

fn label(word: u64) -> Label {
    Label(word as u32)
}
