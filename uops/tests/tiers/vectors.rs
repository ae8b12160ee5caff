//! Vectors in every location that uops accept, and across every interface that values cross.
//!
//! The official suite tests the result of each instruction, mostly with operands in slots. These tests compute the same
//! with operands in registers: values below them on the stack keep other registers busy.

use std::collections::HashMap;

use uops::{FuncType, Global, Instance, Linker, Program, Store, Trap, Value, ValueType};

use super::compile;

/// Operands without a NaN lane, because the result of arithmetic on two NaNs may depend on their locations.
const A: u128 = 0x80ff_7f01_c2a1_0400_0001_fffe_4049_0fdb;
const B: u128 = 0x7fff_0080_3f9d_f3b6_8000_0003_c0c8_1c0a;
const MASK: u128 = 0x0f0f_ffff_0000_1234_8000_0001_aaaa_5555;
const N: u32 = 0x89ab_cdef;

/// Parses lines of names. A word that ends with `.` is the prefix of the names that follow it.
fn names(text: &str) -> Vec<String> {
    let mut shape = "";
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_suffix('.') {
            Some(name) => shape = name,
            None => all.push(format!("{shape}.{word}")),
        }
    }
    all
}

const BINARY: &str = "
    v128. and andnot or xor
    i8x16. swizzle eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u narrow_i16x8_s narrow_i16x8_u add add_sat_s add_sat_u sub
        sub_sat_s sub_sat_u min_s min_u max_s max_u avgr_u shuffle
    i16x8. eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u narrow_i32x4_s narrow_i32x4_u add add_sat_s add_sat_u sub
        sub_sat_s sub_sat_u mul min_s min_u max_s max_u avgr_u q15mulr_sat_s extmul_low_i8x16_s extmul_high_i8x16_s
        extmul_low_i8x16_u extmul_high_i8x16_u
    i32x4. eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u add sub mul min_s min_u max_s max_u dot_i16x8_s
        extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u
    i64x2. eq ne lt_s gt_s le_s ge_s add sub mul extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u
        extmul_high_i32x4_u
    f32x4. eq ne lt gt le ge add sub mul div min max pmin pmax
    f64x2. eq ne lt gt le ge add sub mul div min max pmin pmax";

const UNARY: &str = "
    v128. not
    i8x16. abs neg popcnt
    i16x8. extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u abs neg extend_low_i8x16_s extend_high_i8x16_s
        extend_low_i8x16_u extend_high_i8x16_u
    i32x4. extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u abs neg extend_low_i16x8_s extend_high_i16x8_s
        extend_low_i16x8_u extend_high_i16x8_u trunc_sat_f32x4_s trunc_sat_f32x4_u trunc_sat_f64x2_s_zero
        trunc_sat_f64x2_u_zero
    i64x2. abs neg extend_low_i32x4_s extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u
    f32x4. abs neg sqrt ceil floor trunc nearest convert_i32x4_s convert_i32x4_u demote_f64x2_zero
    f64x2. abs neg sqrt ceil floor trunc nearest convert_low_i32x4_s convert_low_i32x4_u promote_low_f32x4";

const TESTS: &str = "
    v128. any_true i8x16. all_true bitmask i16x8. all_true bitmask i32x4. all_true bitmask i64x2. all_true bitmask";

const SHIFTS: &str = "i8x16. shl shr_s shr_u i16x8. shl shr_s shr_u i32x4. shl shr_s shr_u i64x2. shl shr_s shr_u";

/// Loads an operand to a register: `A`, `B`, the mask, or the integer.
const LOAD_A: &str = "(v128.load (i32.const 0))";
const LOAD_B: &str = "(v128.load (i32.const 16))";
const LOAD_MASK: &str = "(v128.load (i32.const 32))";
const LOAD_N: &str = "(i32.load (i32.const 48))";

/// Functions that compute something with their operands in certain locations.
#[derive(Default)]
struct Cases {
    text: String,
    /// For each function, what it computes, and the uop that proves the operands' locations.
    cases: Vec<(String, String)>,
}

impl Cases {
    /// Adds a function whose operands follow `busy` integers and vectors in registers.
    fn add(&mut self, what: &str, uop: &str, busy: (usize, usize), result: &str, body: &str) {
        let below = LOAD_N.repeat(busy.0) + &LOAD_MASK.repeat(busy.1);
        let drops = "drop ".repeat(busy.0 + busy.1);
        self.text += &format!(
            "(func (export \"{}\") (param $a v128) (param $b v128) (param $mask v128) (param $n i32) (result {result})
                (local $result {result})
                {below} {body} local.set $result {drops} local.get $result)\n",
            self.cases.len()
        );
        self.cases.push((what.to_owned(), uop.to_owned()));
    }

    /// Runs the functions. All functions of the same name must compute the same result, and the expected one if there
    /// is one.
    fn run(self, expected: &HashMap<String, Value>) {
        let text = format!("(module (memory (export \"memory\") 1) {})", self.text);
        let program = compile(text.as_bytes()).unwrap();
        let store = Store::new().unwrap();
        let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
        // Both tiers run the same uops, but only machine code is listed.
        let listed = Program::new(text.as_bytes()).unwrap();
        let memory = instance.memory(&store, "memory").unwrap();
        for (index, bytes) in [A, B, MASK, N.into()].map(u128::to_le_bytes).iter().enumerate() {
            memory.write(&store, 16 * index as u64, bytes).unwrap();
        }
        let mut results = expected.clone();
        for (index, (what, uop)) in self.cases.iter().enumerate() {
            let listing = listed.listing(index).unwrap();
            assert!(without_names(&listing).contains(uop), "{what} has no {uop}:\n{listing}");
            let args = [A.into(), B.into(), MASK.into(), N.into()];
            let result = instance.call(&store, &index.to_string(), &args).unwrap()[0];
            assert_eq!(*results.entry(what.clone()).or_insert(result), result, "{what} by {uop}");
        }
    }
}

/// Returns a listing without the names of parameters: `add[0, 1]` in place of `add[TO=0, FROM=1]`.
fn without_names(listing: &str) -> String {
    let is_name = |char: char| char.is_ascii_uppercase() || char == '_';
    listing.split('=').map(|part| part.trim_end_matches(is_name)).collect::<Vec<_>>().concat()
}

#[test]
fn binary_operators_accept_operands_in_all_locations() {
    let mut cases = Cases::default();
    for name in names(BINARY) {
        let op =
            name.clone() + if name.ends_with("shuffle") { " 0 31 2 17 15 16 6 6 1 30 11 12 20 21 14 3" } else { "" };
        // A third vector in a register spills the lowest one to its slot.
        for (busy, a) in (0..3).flat_map(|busy| [(busy, LOAD_A), (busy, "(local.get $a)")]) {
            for b in [LOAD_B, "(local.get $b)"] {
                cases.add(&name, "", (0, busy), "v128", &format!("{a} {b} {op}"));
            }
        }
    }
    // These are all locations. `lt` is `gt` with swapped operands.
    for (op, places, busy, b) in [
        ("sub", "sub[0, 1]", 0, LOAD_B),
        ("sub", "sub[0, 3]", 0, "(local.get $b)"),
        ("sub", "sub[1, 0]", 1, LOAD_B),
        ("sub", "sub[1, 3]", 1, "(local.get $b)"),
        ("lt_s", "gt_s[0, 1]", 1, LOAD_B),
        ("lt_s", "gt_s[1, 0]", 0, LOAD_B),
        ("lt_s", "gt_s[1, 0]", 0, "(local.get $b)"),
    ] {
        let body = format!("{LOAD_A} {b} i8x16.{op}");
        cases.add(&format!("i8x16.{op}"), &format!("i8x16_{places}"), (0, busy), "v128", &body);
    }
    cases.run(&HashMap::new());
}

#[test]
fn other_operators_accept_operands_in_all_locations() {
    let mut cases = Cases::default();
    for name in names(UNARY) {
        let uop = name.replace('.', "_");
        cases.add(&name, &format!("{uop}[0]"), (0, 0), "v128", &format!("(local.get $a) {name}"));
        cases.add(&name, &format!("{uop}[0]"), (0, 0), "v128", &format!("{LOAD_A} {name}"));
        cases.add(&name, &format!("{uop}[1]"), (0, 1), "v128", &format!("{LOAD_A} {name}"));
    }
    for name in names(TESTS) {
        let uop = name.replace('.', "_");
        for (to, a) in (0..3).flat_map(|to| [(to, 0), (to, 1)]) {
            cases.add(&name, &format!("{uop}[{to}, {a}]"), (to, a), "i32", &format!("{LOAD_A} {name}"));
        }
    }
    for name in names(SHIFTS) {
        let uop = name.replace('.', "_");
        for a in 0..2 {
            for place in 0..5 {
                let (busy, count) = match place {
                    3 => (0, "(local.get $n)"),
                    4 => (0, "(i32.const 0x89abcdef)"),
                    register => (register, LOAD_N),
                };
                let body = format!("{LOAD_A} {count} {name}");
                cases.add(&name, &format!("{uop}[{a}, {place}]"), (busy, a), "v128", &body);
            }
        }
    }
    let mut expected = HashMap::new();
    for busy in 0..3 {
        for (a, b, mask) in (0..8).map(|bits| (bits & 1, bits >> 1 & 1, bits >> 2)) {
            let a = ["(local.get $a)", LOAD_A][a];
            let b = ["(local.get $b)", LOAD_B][b];
            let mask = ["(local.get $mask)", LOAD_MASK][mask];
            cases.add(
                "v128.bitselect",
                "v128_bitselect[",
                (0, busy),
                "v128",
                &format!("{a} {b} {mask} v128.bitselect"),
            );
        }
    }
    for (a, place, condition) in (0..12).map(|n| (n % 2, n / 2 % 2, n / 4)) {
        let (place, b) = [(1 - a, LOAD_B), (3, "(local.get $b)")][place];
        let places = format!("v128_select[{a}, {place}, {condition}]");
        for (address, chosen) in [(52, "second"), (48, "first")] {
            let body = format!("{LOAD_A} {b} (i32.load (i32.const {address})) select (result v128)");
            cases.add(chosen, &places, (condition, a), "v128", &body);
        }
    }
    for places in ["[0, 3, 1]", "[0, 1, 3]", "[1, 3, 0]", "[1, 0, 3]", "[0, 3, 3]", "[1, 3, 3]"] {
        let busy = usize::from(places.starts_with("[1"));
        let body = match &places[4..] {
            "3, 1]" | "3, 0]" => format!("{LOAD_A} (local.get $b) {LOAD_MASK} v128.bitselect"),
            "3, 3]" => format!("{LOAD_A} (local.get $b) (local.get $mask) v128.bitselect"),
            _ => format!("{LOAD_A} {LOAD_B} (local.get $mask) v128.bitselect"),
        };
        cases.add("v128.bitselect", &format!("v128_bitselect{places}"), (0, busy), "v128", &body);
    }
    expected.insert("v128.bitselect".to_owned(), Value::V128(A & MASK | B & !MASK));
    expected.insert("first".to_owned(), Value::V128(A));
    expected.insert("second".to_owned(), Value::V128(B));
    cases.run(&expected);
}

/// Shape, scalar type, bits per lane, and the unsigned extraction instruction.
const SHAPES: [(&str, &str, u32, &str); 6] = [
    ("i8x16", "i32", 8, "extract_lane_u"),
    ("i16x8", "i32", 16, "extract_lane_u"),
    ("i32x4", "i32", 32, "extract_lane"),
    ("i64x2", "i64", 64, "extract_lane"),
    ("f32x4", "f32", 32, "extract_lane"),
    ("f64x2", "f64", 64, "extract_lane"),
];

#[test]
fn lanes_move_between_all_registers() {
    let mut cases = Cases::default();
    let mut expected = HashMap::new();
    let scalar = |ty: &str, bits: u64| match ty {
        "i32" => Value::I32(bits as i32),
        "i64" => Value::I64(bits as i64),
        "f32" => Value::F32(f32::from_bits(bits as u32)),
        _ => Value::F64(f64::from_bits(bits)),
    };
    for (shape, ty, bits, extract) in SHAPES {
        let mask = u64::MAX >> (64 - bits);
        let load = |address: u32| format!("({ty}.load (i32.const {address}))");
        let low = (B as u64) & mask;
        for a in 0..2 {
            for register in 0..3 {
                // Busy registers of the scalar's file, below everything else on the stack.
                let (below, drops) = (load(32).repeat(register), "drop ".repeat(register));
                let mut add = |what: &str, uop: String, result: &str, body: String| {
                    let body = format!(
                        "{below} {} {body} local.set $result {drops} {} local.get $result",
                        LOAD_MASK.repeat(a),
                        "drop ".repeat(a)
                    );
                    cases.add(what, &format!("{shape}_{uop}"), (0, 0), result, &body);
                };
                for lane in 0..128 / bits {
                    let what = format!("{shape} lane {lane}");
                    let value = (A >> (lane * bits)) as u64 & mask;
                    expected.insert(what.clone(), scalar(ty, value));
                    let uop = format!("{extract}[{register}, {a}, {lane}]");
                    add(&what, uop, ty, format!("{LOAD_A} {shape}.{extract} {lane}"));

                    let what = format!("{shape} with lane {lane}");
                    let replaced = A & !(u128::from(mask) << (lane * bits)) | u128::from(low) << (lane * bits);
                    expected.insert(what.clone(), Value::V128(replaced));
                    let uop = format!("replace_lane[{a}, {register}, {lane}]");
                    add(&what, uop, "v128", format!("{LOAD_A} {} {shape}.replace_lane {lane}", load(16)));
                }
                let what = format!("{shape} splat");
                let all = (0..128 / bits).fold(0, |all, lane| all | u128::from(low) << (lane * bits));
                expected.insert(what.clone(), Value::V128(all));
                add(&what, format!("splat[{a}, {register}]"), "v128", format!("{} {shape}.splat", load(16)));
            }
        }
    }
    cases.run(&expected);
}

#[test]
fn addresses_may_be_in_all_locations() {
    let mut cases = Cases::default();
    let mut expected = HashMap::new();
    for a in 0..2 {
        for place in 0..5 {
            // Address 48 holds the integer whose low four bits are 15.
            let (busy, address, offset) = match place {
                3 => (0, "(local.set $n (i32.const 15)) (local.get $n)".to_owned(), 0),
                4 => (0, "(i32.const 4)".to_owned(), 11),
                register => (register, format!("(i32.and {LOAD_N} (i32.const 15))"), 0),
            };
            for (name, bits) in [("v128.load", 128), ("v128.load32_zero", 32), ("v128.load64_zero", 64)] {
                let memory = A >> 120 | B << 8;
                expected.insert(name.to_owned(), Value::V128(memory & (u128::MAX >> (128 - bits))));
                let uop = format!("{}[{a}, {place}]", name.replace('.', "_"));
                cases.add(name, &uop, (busy, a), "v128", &format!("{address} {name} offset={offset}"));
            }
            let uop = format!("v128_store[{place}, {a}]");
            let body = format!("{address} {LOAD_B} v128.store offset={} (v128.load (i32.const 79))", offset + 64);
            cases.add("v128.store", &uop, (busy, a), "v128", &body);
            let body = body.replace(LOAD_B, "(local.get $b)");
            cases.add("v128.store", &format!("v128_store[{place}, 3]"), (busy, a), "v128", &body);
            expected.insert("v128.store".to_owned(), Value::V128(B));
        }
    }
    cases.run(&expected);
}

#[test]
fn vectors_cross_every_interface() {
    use ValueType::{F64, I32, I64, V128};
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.func_new("env", "turn", FuncType::new([I32, V128, F64, V128], [V128, I64, V128]), |_, args| match *args {
        [Value::I32(n), Value::V128(a), Value::F64(x), Value::V128(b)] => {
            Ok(vec![Value::V128(b), Value::I64(i64::from(n) + x as i64), Value::V128(a)])
        }
        _ => Err(format!("{args:?}").into()),
    });
    let global = Global::new(&store, Value::V128(A), true).unwrap();
    linker.define("env", "shared", global);
    let program = compile(
        br#"(module
            (type $turn (func (param i32 v128 f64 v128) (result v128 i64 v128)))
            (import "env" "turn" (func $turn (type $turn)))
            (import "env" "shared" (global $shared (mut v128)))
            (global $own (export "own") (mut v128) (v128.const i64x2 1 2))
            (table funcref (elem $turn $local))
            (func $local (type $turn)
                (local i32) (local $x v128) (local i64 i64) (local $y v128)
                (local.set $y (local.get 1)) (local.set $x (local.get 3))
                local.get $x
                (i64.add (i64.extend_i32_s (local.get 0)) (i64.trunc_f64_s (local.get 2)))
                local.get $y)
            (func (export "call") (type $turn)
                (call $turn (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
            (func (export "indirect") (param i32 v128 f64 v128 i32) (result v128 i64 v128)
                local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 call_indirect (type $turn))
            (func (export "globals") (param v128) (result v128 v128)
                (global.get $own) (global.get $shared) (global.set $own (local.get 0))
                (global.set $shared (v128.not (local.get 0))))
            ;; Takes vectors down over others, out of one block, or of two, or of the function.
            (func (export "blocks") (param $n i32) (param $a v128) (param $b v128) (result v128 i32 v128)
                (block $outer (result v128 i32 v128)
                    i64.const 9 (v128.const i64x2 7 7)
                    (block $inner (result v128 i32 v128)
                        i32.const 5
                        local.get $a i32.const 10 local.get $b
                        local.get $n br_table $inner $outer 2)
                    local.set $b (i32.add (i32.const 1)) local.get $b
                    br $outer)
                local.set $b (i32.add (i32.const 100)) local.get $b)
            (func (export "swap") (param $n i32) (param v128 v128) (result v128 v128)
                local.get 1 local.get 2
                (loop (param v128 v128) (result v128 v128)
                    local.set 1 local.set 2
                    local.get 1 local.get 2
                    (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#,
    );
    let instance = Instance::new(&store, &program.unwrap(), &linker).unwrap();
    let args = [Value::I32(-7), Value::V128(A), Value::F64(3.5), Value::V128(B)];
    let turned = [Value::V128(B), Value::I64(-4), Value::V128(A)];
    assert_eq!(instance.call(&store, "call", &args).unwrap(), turned);
    for element in 0..2 {
        let args = [&args[..], &[Value::I32(element)]].concat();
        assert_eq!(instance.call(&store, "indirect", &args).unwrap(), turned);
    }
    assert_eq!(instance.call(&store, "globals", &[Value::V128(B)]).unwrap(), [1 | 2 << 64, A].map(Value::V128));
    assert_eq!(instance.global(&store, "own").unwrap().get(&store).unwrap(), Value::V128(B));
    assert_eq!(global.get(&store).unwrap(), Value::V128(!B));
    global.set(&store, Value::V128(5)).unwrap();
    assert_eq!(instance.call(&store, "globals", &[Value::V128(0)]).unwrap(), [B, 5].map(Value::V128));
    for (n, sum) in [(0, 111), (1, 110), (2, 10), (-1, 10)] {
        let results = instance.call(&store, "blocks", &[Value::I32(n), Value::V128(A), Value::V128(B)]).unwrap();
        assert_eq!(results, [Value::V128(A), Value::I32(sum), Value::V128(B)]);
    }
    for (n, swapped) in [(1, [B, A]), (2, [A, B]), (7, [B, A])] {
        let results = instance.call(&store, "swap", &[Value::I32(n), Value::V128(A), Value::V128(B)]).unwrap();
        assert_eq!(results, swapped.map(Value::V128));
    }
}

#[test]
fn a_thousand_vectors_exhaust_the_stack_exactly() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    let all = vec![ValueType::V128; 1000];
    linker.func_new("env", "same", FuncType::new(all.clone(), all), |_, args| Ok(args.to_vec()));
    let (types, gets) = ("v128 ".repeat(1000), (0..1000).map(|n| format!("local.get {n} ")).collect::<String>());
    let program = compile(
        format!(
            r#"(module
                (import "env" "same" (func $same (param {types}) (result {types})))
                (func $deep (export "deep") (param {types}) (result {types}) {gets} call $same call $deep))"#
        )
        .as_bytes(),
    );
    let instance = Instance::new(&store, &program.unwrap(), &linker).unwrap();
    let args: Vec<_> = (0..1000).map(Value::V128).collect();
    let error = instance.call(&store, "deep", &args).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::StackExhausted), "{error}");
}
