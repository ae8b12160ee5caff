//! Integer holes of every type, at extreme values, in the forms that C compilers fold into instructions: immediates,
//! displacements, comparisons, masks.
//!
//! Calls of compiled code are sound: bodies write only to `memory`, at most 16 bytes, and read nothing else.

use stencil_runtime::{Error, Instruction, Machine};

/// Returns 0, 1, -1, the minimum and maximum values, and powers of two with their neighbours, truncated to 64 bits.
pub fn interesting() -> Vec<u64> {
    let powers = (0..64).flat_map(|bit| {
        let power = 1_u64 << bit;
        [power - 1, power, power + 1, power.wrapping_neg(), !power, power.wrapping_neg().wrapping_add(1)]
    });
    let mut all: Vec<u64> = powers.chain([0, 5, 10, 0x5555_5555_5555_5555, 0x0123_4567_89ab_cdef]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Operations on a hole `n` and a register `x`, in C, each with the equivalent in Rust.
macro_rules! integers {
    ($($module:ident: $t:ident;)*) => {$(
        mod $module {
            use super::{Failures, interesting, may_be_refused};
            use stencil_runtime::{Error, Label, stencil};

            unsafe extern "C" fn host(first: u8, value: $t) -> u64 {
                (value as u64).rotate_left(u32::from(first))
            }

            stencil! {
                machine Holes(x: u64, memory: *mut u8) -> u64;
                extern fn host(first: u8, value: $t) -> u64 = host;
                c {
                    #define CAST(value) ((__typeof__(n))(value))
                    #define SAME(a, b) ((uint64_t)(__typeof__(n))(a) == (uint64_t)(__typeof__(n))(b))
                }

                uop get(n: $t) { x = n; }
                uop store(n: $t) { *(__typeof__(n + 0) *)memory = 0; *(__typeof__(CAST(0)) *)memory = n; x = *(uint64_t *)memory; }
                uop store_wide(n: $t) { *(uint64_t *)memory = n; x = *(uint64_t *)memory; }
                uop add(n: $t) { x += n; }
                uop subtract(n: $t) { x -= n; }
                uop multiply(n: $t) { x *= n; }
                uop or(n: $t) { x |= n; }
                uop compare(n: $t) { x = x == (uint64_t)n; }
                uop less(n: $t) { x = CAST(x) < n; }
                uop greater(n: $t) { x = CAST(x) > n; }
                uop is_zero(n: $t) { x = n == 0; }
                uop is_not_zero(n: $t) { x = n ? 3 : 5; }
                uop is_negative(n: $t) { x = (uint64_t)n >> 63; }
                uop is_ten(n: $t) { x = n == 10; }
                uop below_ten(n: $t) { x = n < 10; }
                uop bit_0(n: $t) { x = n & 1; }
                uop bits_0_to_3(n: $t) { x = n & 15; }
                uop bit_7(n: $t) { x = (n >> 7) & 1; }
                uop without_bits_0_to_2(n: $t) { x = CAST(n & ~7); }
                uop plus_5(n: $t) { x = CAST(n + 5); }
                uop minus_1(n: $t) { x = CAST(n - 1); }
                uop wide_plus_5(n: $t) { x = (int64_t)n + 5; }
                uop wide_minus_1(n: $t) { x = (int64_t)n - 1; }
                uop wide_minus_n(n: $t) { x = 1 - (int64_t)n; }
                uop wide_minus_1000(n: $t) { x = n; x -= 1000; }
                uop x_minus_1(n: $t) { x = x + n - 1; }
                uop times_3(n: $t) { x = CAST(n * 3); }
                uop times_8(n: $t) { x = (uint64_t)n * 8; }
                uop shift_left(n: $t) { x = (uint64_t)n << 3; }
                uop shift_right(n: $t) { x = n >> 1; }
                uop negative(n: $t) { x = CAST(-n); }
                uop complement(n: $t) { x = CAST(~n); }
                uop low_byte(n: $t) { x = (uint8_t)n; }
                uop low_byte_signed(n: $t) { x = (int8_t)n; }
                uop low_32_bits(n: $t) { x = (uint32_t)n; }
                uop low_32_bits_signed(n: $t) { x = (int32_t)n; }
                uop shift_by(n: $t) { x <<= n & 63; }
                uop pass(n: $t) { x = host(3, n); }
                uop branch(n: $t, target: Label) { if (CAST(x) == n) JUMP(target); }
                uop address(n: $t) { x = (uint64_t)(x + n); }
                uop equal(n: $t, m: $t) { x = SAME(n, m); }
                uop plain_equal(n: $t, m: $t) { x = n == m; }
                uop in_order(n: $t, m: $t) { x = n <= m; }
                uop sum(n: $t, m: $t) { x = CAST(n + m); }
                uop difference(n: $t, m: $t) { x = CAST(n - m); }
                uop choose(n: $t, m: $t) { x = x & 1 ? n : m; }
                uop both(n: $t, m: $t) { x = n && m; }
                uop constant(n: u64) { x = n; }
                uop ret() { RETURN(x); }
            }

            #[test]
            fn deliver_their_values() {
                let mut failures = Failures::default();
                let values: Vec<$t> = { let mut all: Vec<_> = interesting().iter().map(|&v| v as $t).collect(); all.sort_unstable(); all.dedup(); all };
                let bytes = size_of::<$t>() as u32;
                for (index, &n) in values.iter().enumerate() {
                    let wide = n as u64;
                    let x = interesting()[(index * 7) % 300].rotate_left(3);
                    let m = values[(index * 31 + 3) % values.len()];
                    let c = x as $t;
                    let stored = wide & (u64::MAX >> (64 - 8 * bytes));
                    let unary = [
                        (Holes::get(n), wide),
                        (Holes::store(n), stored),
                        (Holes::store_wide(n), wide),
                        (Holes::add(n), x.wrapping_add(wide)),
                        (Holes::subtract(n), x.wrapping_sub(wide)),
                        (Holes::multiply(n), x.wrapping_mul(wide)),
                        (Holes::or(n), x | wide),
                        (Holes::compare(n), u64::from(x == wide)),
                        (Holes::less(n), u64::from(c < n)),
                        (Holes::greater(n), u64::from(c > n)),
                        (Holes::is_zero(n), u64::from(n == 0)),
                        (Holes::is_not_zero(n), if n == 0 { 5 } else { 3 }),
                        (Holes::is_negative(n), wide >> 63),
                        (Holes::is_ten(n), u64::from(n == 10)),
                        (Holes::below_ten(n), u64::from(n < 10)),
                        (Holes::bit_0(n), wide & 1),
                        (Holes::bits_0_to_3(n), wide & 15),
                        (Holes::bit_7(n), (wide >> 7) & 1),
                        (Holes::without_bits_0_to_2(n), wide & !7),
                        (Holes::plus_5(n), n.wrapping_add(5) as u64),
                        (Holes::minus_1(n), n.wrapping_sub(1) as u64),
                        (Holes::wide_plus_5(n), wide.wrapping_add(5)),
                        (Holes::wide_minus_1(n), wide.wrapping_sub(1)),
                        (Holes::wide_minus_n(n), 1_u64.wrapping_sub(wide)),
                        (Holes::wide_minus_1000(n), wide.wrapping_sub(1000)),
                        (Holes::x_minus_1(n), x.wrapping_add(wide).wrapping_sub(1)),
                        (Holes::times_3(n), n.wrapping_mul(3) as u64),
                        (Holes::times_8(n), wide.wrapping_mul(8)),
                        (Holes::shift_left(n), wide << 3),
                        (Holes::shift_right(n), (n >> 1) as u64),
                        (Holes::negative(n), n.wrapping_neg() as u64),
                        (Holes::complement(n), !n as u64),
                        (Holes::low_byte(n), wide & 0xff),
                        (Holes::low_byte_signed(n), n as i8 as u64),
                        (Holes::low_32_bits(n), u64::from(n as u32)),
                        (Holes::low_32_bits_signed(n), n as i32 as u64),
                        (Holes::shift_by(n), x << (n & 63)),
                        (Holes::pass(n), wide.rotate_left(3)),
                        (Holes::address(n), x.wrapping_add(wide)),
                    ];
                    let pairs = [(n, m), (n, n), (m, n)].map(|(n, m)| {
                        [
                            (Holes::equal(n, m), u64::from(n == m)),
                            (Holes::plain_equal(n, m), u64::from(n == m)),
                            (Holes::in_order(n, m), u64::from(n <= m)),
                            (Holes::sum(n, m), n.wrapping_add(m) as u64),
                            (Holes::difference(n, m), n.wrapping_sub(m) as u64),
                            (Holes::choose(n, m), (if x & 1 == 1 { n } else { m }) as u64),
                            (Holes::both(n, m), u64::from(n != 0 && m != 0)),
                        ]
                    });
                    for (uop, expected) in unary.into_iter().chain(pairs.into_iter().flatten()) {
                        let code = Holes::compile(&[uop, Holes::ret()]);
                        let mut memory = [0_u64; 2];
                        let actual = code.map(|code| unsafe { code.entry()(x, memory.as_mut_ptr().cast()) });
                        if !(actual.is_err() && may_be_refused(&uop)) {
                            failures.check(&uop.stencil().name(), || format!("{uop:?} with x={x:#x}"), actual, expected);
                        }
                    }
                    for x in [wide, x, !wide] {
                        let taken = Label(0);
                        let program = [Holes::branch(n, taken), Holes::constant(1), Holes::ret(), Holes::bind(taken), Holes::constant(2), Holes::ret()];
                        let code = Holes::compile(&program);
                        let expected = if x as $t == n { 2 } else { 1 };
                        let actual = code.map(|code| unsafe { code.entry()(x, std::ptr::null_mut()) });
                        failures.check("branch", || format!("branch n={n} with x={x:#x}"), actual, expected);
                    }
                }
                failures.report();
            }

            #[test]
            fn ranges_predict_errors() {
                // A value that a hole cannot hold is an error that names the hole. If the hole has a range, it predicts
                // the error.
                for &n in &interesting() {
                    for uop in [Holes::get(n as $t), Holes::add(n as $t), Holes::x_minus_1(n as $t)] {
                        let hole = &uop.stencil().holes()[0];
                        let fits = hole.range.is_none_or(|(min, max)| (i128::from(min)..=i128::from(max)).contains(&(n as $t as i128)));
                        match Holes::compile(&[uop]) {
                            Ok(_) => assert!(fits, "{uop:?}: {hole:?}"),
                            Err(Error::OutOfRange { uop: name, hole: "n", .. }) => assert!(!fits && *name == *uop.stencil().name(), "{uop:?}: {hole:?}"),
                            Err(other) => panic!("{uop:?}: {other}"),
                        }
                    }
                }
            }
        }
    )*};
}

integers! {
    holes_u8: u8;
    holes_u16: u16;
    holes_u32: u32;
    holes_u64: u64;
    holes_usize: usize;
    holes_i8: i8;
    holes_i16: i16;
    holes_i32: i32;
    holes_i64: i64;
    holes_isize: isize;
}

/// A `u32` from 2^31 on may not fit where the processor sign-extends 32 bits. The stencil's description says so.
fn may_be_refused<M: Machine>(uop: &Instruction<M>) -> bool {
    uop.stencil().holes().iter().zip(uop.operands()).any(|(hole, &word)| {
        let outside = hole.range.is_some_and(|(min, max)| !(min..=max).contains(&(word as i64)));
        hole.ty == "u32" && word > i32::MAX as u64 && outside
    })
}

/// Collects failures, so that one run reports all of them: for each uop the first example and the number of failures.
#[derive(Default)]
pub struct Failures(std::collections::BTreeMap<String, (usize, String)>);

impl Failures {
    pub fn check(&mut self, uop: &str, what: impl Fn() -> String, actual: Result<u64, Error>, expected: u64) {
        if actual == Ok(expected) {
            return;
        }
        let actual = actual.map_or_else(|error| error.to_string(), |value| format!("{value:#x}"));
        let message = format!("{}: expected {expected:#x}, got {actual}", what());
        self.0.entry(uop.to_owned()).or_insert((0, message)).0 += 1;
    }

    pub fn report(self) {
        let lines: Vec<_> =
            self.0.iter().map(|(uop, (count, first))| format!("{uop} ({count} times) {first}")).collect();
        assert!(lines.is_empty(), "{} uops are wrong:\n{}", lines.len(), lines.join("\n"));
    }
}
