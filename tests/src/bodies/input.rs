//! Random inputs of a body: operands and registers, chosen so that every access is within a window of memory and many
//! accesses alias.

use super::generate::{Body, Kind, Role, Scalar, Type};
use crate::rng::Rng;

/// The size of the window in bytes.
pub const WINDOW: usize = 256;

/// The offset in the window from which addresses count. They range from there to about 140 bytes beyond.
const ORIGIN: u64 = 64;

/// The limits of 8-bit fields, alone and with addends: around them an instruction has either form.
const NEAR: [i128; 6] = [-128, 127, -136, 119, -120, 135];

/// The input of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The operand words, without the label.
    pub words: Vec<u64>,
    /// The registers `fp`, `mem`, `i`, `a` and `b`, and the bits of `x`.
    pub registers: [u64; 6],
    /// The window's address.
    pub window: u64,
    /// The initial content of the window.
    pub memory: [u8; WINDOW],
}

/// Returns a random input for one of two windows, which are given by their addresses. `low` fits all types of 31 bits.
#[must_use]
pub fn input(body: &Body, rng: &mut Rng, [low, high]: [u64; 2]) -> Input {
    let narrow = body.operands.iter().any(|operand| match (operand.role, operand.ty) {
        (Role::Address, Type::Scalar(scalar)) => scalar.size < 8,
        _ => false,
    });
    let window = if narrow || rng.below(4) == 0 { low } else { high };
    let origin = window + ORIGIN;
    let bias = if body.near { 0 } else { bias(body, rng, window == low) };
    let first = rng.below(4) as u64 * 8;
    let words = body.operands.iter().map(|operand| {
        let place = match rng.below(4) {
            0 | 1 => first,
            2 => first + rng.below(9) as u64,
            _ => rng.below(32) as u64,
        };
        match (operand.role, operand.ty) {
            (Role::Address, Type::Pointer { to, .. }) => origin + place / to.size * to.size,
            (Role::Address, Type::Scalar(_)) => origin + place,
            (Role::Offset(to), Type::Scalar(scalar)) => {
                let (least, greatest) = scalar.range();
                let index = (bias + i128::from(place)) / i128::from(to.size);
                index.clamp(least, greatest) as u64
            }
            (_, Type::Scalar(scalar)) => value(rng, scalar),
            (_, Type::Pointer { .. }) => origin + place,
        }
    });
    let words = words.collect();
    let number = [0.0, -0.0, 1.5, -7.25, 1e300, f64::INFINITY][rng.below(6)];
    let [a, b] = [number_of_bits(rng), number_of_bits(rng)];
    let fp = origin.wrapping_sub(bias as u64);
    Input {
        words,
        registers: [fp, origin, rng.below(9) as u64, a, b, number.to_bits()],
        window,
        memory: std::array::from_fn(|_| rng.bits() as u8),
    }
}

/// Returns how far before the window `fp` points, in bytes: a multiple of 8 that all offsets can compensate for.
fn bias(body: &Body, rng: &mut Rng, low: bool) -> i128 {
    let offsets = body.operands.iter().filter_map(|operand| match (operand.role, operand.ty) {
        (Role::Offset(to), Type::Scalar(scalar)) => Some((scalar.range(), i128::from(to.size))),
        _ => None,
    });
    // C addresses do not wrap. The low window has less address space below it.
    let room = if low { (-(1 << 40), 1 << 28) } else { (-(1 << 40), 1 << 40) };
    let (least, greatest) = offsets
        .fold(room, |(least, greatest), ((from, to), size)| (least.max(from * size), greatest.min(to * size - 64)));
    let bias = match rng.below(6) {
        0 => least,
        1 => greatest,
        2 => least + i128::from(rng.bits()) % (greatest - least).max(1),
        // Offsets on both sides of the limits of 8 bits.
        3 | 4 => (NEAR[rng.below(NEAR.len())] - 16).clamp(least, greatest.max(least)),
        _ => 0,
    };
    // Types that are too narrow for any other offset use offsets from 0 on.
    if greatest < least { 0 } else { bias / 8 * 8 }
}

/// Returns a random value as a word, often an extreme one.
fn value(rng: &mut Rng, scalar: Scalar) -> u64 {
    if scalar.kind == Kind::Float {
        let value = [0.0, -0.0, 1.0, -2.5, 1e10, f64::NEG_INFINITY, 0.1][rng.below(7)];
        return if scalar.size == 8 { value.to_bits() } else { u64::from((value as f32).to_bits()) };
    }
    let (least, greatest) = scalar.range();
    let value = match rng.below(8) {
        6 | 7 => NEAR[rng.below(NEAR.len())] + rng.below(3) as i128 - 1,
        0 => least,
        1 => greatest,
        2 => i128::from(rng.below(2) as u64),
        3 => i128::from(rng.below(100) as u64),
        4 => -1,
        _ => least + i128::from(rng.bits()) % (greatest - least + 1),
    };
    value.clamp(least, greatest) as u64
}

fn number_of_bits(rng: &mut Rng) -> u64 {
    let number = rng.bits();
    number >> rng.below(64)
}

#[cfg(test)]
mod tests {
    use super::super::generate::Part;
    use super::*;

    /// Values beside the limits of 8 bits occur as numbers and as offsets.
    #[test]
    fn operands_are_near_the_limits_of_8_bits() {
        let limits: Vec<i64> = vec![-129, -128, 127, 128];
        for part in [Part::Values, Part::Addresses] {
            let mut found = Vec::new();
            for seed in 0..300 {
                let (body, mut rng) = (Body::new(part, seed), Rng::new(seed));
                let inputs = (0..20).map(|_| input(&body, &mut rng, [0x1000_0000, 0x7f00_0000_0000]));
                for (index, word) in inputs.flat_map(|input| input.words.into_iter().enumerate()) {
                    let is_number = !matches!(body.operands[index].role, Role::Address);
                    if is_number && limits.contains(&(word as i64)) && !found.contains(&(word as i64)) {
                        found.push(word as i64);
                    }
                }
            }
            found.sort_unstable();
            assert_eq!(found, limits, "{part:?}");
        }
    }

    #[test]
    fn addresses_are_in_the_window() {
        let windows = [0x1000_0000, 0x7f00_0000_0000];
        for seed in 0..2000 {
            let body = Body::new(Part::Addresses, seed);
            let mut rng = Rng::new(seed);
            for _ in 0..10 {
                let Input { words, registers: [fp, mem, ..], window, .. } = input(&body, &mut rng, windows);
                let inside = |address: u64| (ORIGIN..ORIGIN + 72).contains(&address.wrapping_sub(window));
                assert!(inside(mem));
                for (operand, word) in body.operands.iter().zip(words) {
                    match operand.role {
                        Role::Value => {}
                        Role::Address => assert!(inside(word), "{}", body.shown()),
                        Role::Offset(to) => {
                            assert!(inside(fp.wrapping_add(word.wrapping_mul(to.size))), "{}", body.shown());
                        }
                    }
                }
            }
        }
    }
}
