//! Narrow forms: which one an instruction has, their bytes, and what they compute.
//!
//! Calls of compiled code are sound: bodies access only `memory`, at offsets that the tests keep within its bytes.

use stencil_runtime::{Emitter, Instruction, Label, PatchKind, Reused, Stencil, Value, stencil};

use super::{Random, exact_bytes};

extern "C" fn host(x: u64, y: u64) -> u64 {
    x.rotate_left(8) ^ y
}

stencil! {
    machine Forms(x: u64, memory: *mut u8) -> u64;
    extern fn host(x: u64, y: u64) -> u64 = host;

    uop add_i16(n: i16) { x += n; }
    uop add_i32(n: i32) { x += n; }
    uop add_u32(n: u32) { x += n; }
    uop add_i64(n: i64) { x += n; }
    uop add_u64(n: u64) { x += n; }
    uop add_isize(n: isize) { x += n; }
    uop low_add(n: u32) { x = (uint32_t)x + n; }
    uop low_and(n: i32) { x = (uint32_t)x & n; }
    uop xor_i64(n: i64) { x ^= n; }
    uop multiply(n: i32) { x *= n; }
    uop less(n: i64) { x = (int64_t)x < n; }
    uop set_i64(n: i64) { x = n; }
    uop set_u64(n: u64) { x = n; }
    uop get(n: i32) { x = *(uint64_t *)(memory + n); }
    uop get_u32(n: u32) { x = *(uint64_t *)(memory + n); }
    uop get_u64(n: u64) { x = *(uint64_t *)(memory + n); }
    #[stencil(full_range)]
    uop get_full(n: u32) { x = *(uint64_t *)(memory + n); }
    uop get_after(n: i32) { x = *(uint64_t *)(memory + n + 8) ^ *(uint64_t *)(memory + n); }
    uop get_before(n: u32) { x = *(uint64_t *)(memory + n - 8); }
    uop get_far(n: u32) { x = *(uint64_t *)(memory + n + 256) ^ *(uint64_t *)(memory + n); }
    uop slot(n: u16) { x = ((uint64_t *)memory)[n]; }
    uop slot_after(n: i16) { x = ((uint64_t *)memory)[n + 1]; }
    uop put_slot(n: u32) { ((uint32_t *)memory)[n] = x; }
    uop move_slot(to: u32, from: u32) { *(uint64_t *)(memory + to) = *(uint64_t *)(memory + from) + x; }
    uop store(at: i32, value: i64) { *(uint64_t *)(memory + at) = value; }
    uop branch(n: i64, to: Label) { if ((int64_t)x == n) JUMP(to); }
    uop calls(n: u64) { x = host(x, n); }
    uop rare(n: i64, at: u32) { if (__builtin_expect(x == 7, 0)) { x = host(x, n) + host(x + 1, n); } x += memory[at]; }
    uop family<const K: 0..3>(n: i32, m: u32) { x = K == 0 ? x + n : K == 1 ? x + m : *(uint64_t *)(memory + n + 16); }
    uop byte(n: u8, m: bool) { x += n + m; }
    uop float(n: f64) { *(double *)memory += n; }
    uop ret() { RETURN(x); }
}

/// The limits of 8 and 32 bits, alone and with the addends of the uops above, and what is beside them.
fn values() -> impl Iterator<Item = i64> {
    let limits = [0, 8, 16, -8, -16].map(|addend| [-128 - addend, 127 - addend]).into_iter().flatten();
    let scaled = [-17, 15, 31];
    let wide = [-256, 255, i32::MIN.into(), i32::MAX.into(), u32::MAX.into(), i64::MIN, i64::MAX, 1 << 40];
    let all = limits.chain(scaled).chain(wide).flat_map(|limit: i64| [-1, 0, 1].map(|step| limit.wrapping_add(step)));
    let mut random = Random(20);
    let random = std::iter::repeat_with(move || (random.next() % 600) as i64 - 300).take(50);
    all.chain(-2..=2).chain(random)
}

fn takes(stencil: &Stencil, words: &[u64]) -> bool {
    let in_range = |(hole, &word): (&stencil_runtime::Hole, &u64)| {
        hole.range.is_none_or(|(least, greatest)| (least..=greatest).contains(&(word as i64)))
    };
    stencil.holes().iter().zip(words).all(in_range)
}

const SIZE: usize = 8192;

fn fresh() -> Vec<u8> {
    let mut random = Random(7);
    (0..SIZE / 8).flat_map(|_| random.next().to_le_bytes()).collect()
}

/// Checks the form of an instruction, and what it computes: `x` and the memory behind the first `SIZE / 2` bytes.
#[track_caller]
fn check(general: Stencil, instruction: Instruction<Forms>, expected: impl FnOnce(u64, &mut [u8]) -> u64) {
    let (narrow, words) = (general.narrow().unwrap(), &instruction.operands()[..general.holes().len()]);
    let is_narrow = takes(&narrow, words);
    assert_eq!(instruction.stencil(), if is_narrow { narrow } else { general }, "{instruction:?}");
    let x = 0xffff_fff0_0000_0123;
    let (mut memory, mut other) = (fresh(), fresh());
    let code = Forms::compile(&[instruction, Forms::ret()]).unwrap();
    let result = unsafe { code.entry()(x, memory[SIZE / 2..].as_mut_ptr()) };
    assert_eq!(result, expected(x, &mut other), "{instruction:?}");
    assert!(memory == other, "{instruction:?}");
    let listing = code.listing(&[instruction, Forms::ret()]).uops().nth(1).unwrap().to_string();
    assert_eq!(listing.lines().next().unwrap().ends_with(" (narrow)"), is_narrow);
    assert_eq!(instruction.stencil().is_narrow(), is_narrow);
}

fn word(memory: &[u8], at: i64) -> u64 {
    let at = (SIZE as i64 / 2 + at) as usize;
    u64::from_le_bytes(memory[at..at + 8].try_into().unwrap())
}

fn put(memory: &mut [u8], at: i64, value: u64) {
    let at = (SIZE as i64 / 2 + at) as usize;
    memory[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// Checks a uop with one operand of type `$ty`, for all values that are of the type and for which `$limit` holds.
macro_rules! checks {
    ($($uop:ident $stencil:ident: $ty:ident, $limit:expr, |$x:pat_param, $n:ident, $memory:pat_param| $expected:expr;)*) => {$(
        for value in values().filter(|value| $ty::try_from(*value).is_ok() && $limit(*value)) {
            let $n = value as $ty;
            check($stencil, Forms::$uop($n), |$x, $memory| $expected);
        }
    )*};
}

fn any(_: i64) -> bool {
    true
}

fn near(at: i64) -> bool {
    (-2000..2000).contains(&at)
}

#[test]
fn both_forms_compute_what_rust_computes() {
    checks! {
        add_i32 STENCIL_add_i32: i32, any, |x, n, _| x.wrapping_add_signed(n.into());
        add_u32 STENCIL_add_u32: u32, any, |x, n, _| x.wrapping_add(n.into());
        add_i64 STENCIL_add_i64: i64, any, |x, n, _| x.wrapping_add_signed(n);
        add_u64 STENCIL_add_u64: u64, any, |x, n, _| x.wrapping_add(n);
        add_isize STENCIL_add_isize: isize, any, |x, n, _| x.wrapping_add_signed(n as i64);
        low_add STENCIL_low_add: u32, any, |x, n, _| (x as u32).wrapping_add(n).into();
        low_and STENCIL_low_and: i32, any, |x, n, _| (x as u32 & n as u32).into();
        xor_i64 STENCIL_xor_i64: i64, any, |x, n, _| x ^ n as u64;
        multiply STENCIL_multiply: i32, any, |x, n, _| x.wrapping_mul(n as u64);
        less STENCIL_less: i64, any, |x, n, _| ((x as i64) < n).into();
        set_i64 STENCIL_set_i64: i64, any, |_, n, _| n as u64;
        set_u64 STENCIL_set_u64: u64, any, |_, n, _| n;
        get STENCIL_get: i32, near, |_, n, memory| word(memory, n.into());
        get_u32 STENCIL_get_u32: u32, near, |_, n, memory| word(memory, n.into());
        get_u64 STENCIL_get_u64: u64, near, |_, n, memory| word(memory, n as i64);
        get_full STENCIL_get_full: u32, near, |_, n, memory| word(memory, n.into());
        get_after STENCIL_get_after: i32, near, |_, n, memory| word(memory, n as i64 + 8) ^ word(memory, n.into());
        get_before STENCIL_get_before: u32, near, |_, n, memory| word(memory, n as i64 - 8);
        get_far STENCIL_get_far: u32, near, |_, n, memory| word(memory, n as i64 + 256) ^ word(memory, n.into());
        calls STENCIL_calls: u64, any, |x, n, _| host(x, n);
        slot STENCIL_slot: u16, |at| at < 300, |_, n, memory| word(memory, 8 * i64::from(n));
        slot_after STENCIL_slot_after: i16, |at| (-300..300).contains(&at), |_, n, memory| word(memory, 8 * i64::from(n) + 8);
        put_slot STENCIL_put_slot: u32, |at| at < 300, |x, n, memory| {
            let before = word(memory, 4 * i64::from(n));
            put(memory, 4 * i64::from(n), before >> 32 << 32 | x & 0xffff_ffff);
            x
        };
    }
    for (to, from) in
        values().filter(|to| near(*to) && *to >= 0).flat_map(|to| [0, 120, 127, 128].map(|from| (to, from)))
    {
        for (to, from) in [(to, from), (from, to)] {
            let expected = |x: u64, memory: &mut [u8]| {
                put(memory, to, word(memory, from).wrapping_add(x));
                x
            };
            check(STENCIL_move_slot, Forms::move_slot(to as u32, from as u32), expected);
        }
    }
    for (at, value) in values().filter(|at| near(*at)).flat_map(|at| values().map(move |value| (at, value))) {
        let expected = |x, memory: &mut [u8]| {
            put(memory, at, value as u64);
            x
        };
        check(STENCIL_store, Forms::store(at as i32, value), expected);
    }
    for (n, at) in values().flat_map(|n| [0, 127, 128].map(|at| (n, at))) {
        let expected = |x: u64, memory: &mut [u8]| x + u64::from(memory[SIZE / 2 + at]);
        check(STENCIL_rare, Forms::rare(n, at as u32), expected);
    }
}

#[test]
fn members_of_a_family_choose_by_the_same_ranges() {
    let [add, other, get] = [0, 1, 2].map(|member| STENCIL_family.member(&[member]).unwrap());
    for (n, m) in values().flat_map(|n| [0, 127, 128].map(|m| (n, m))) {
        let Ok(small) = i32::try_from(n) else { continue };
        check(add, Forms::family(0, small, m), |x, _| x.wrapping_add_signed(n));
        check(other, Forms::family(1, small, m), |x, _| x.wrapping_add(m.into()));
        if near(n) {
            check(get, Forms::family(2, small, m), |_, memory| word(memory, n + 16));
        }
    }
    let ranges =
        |stencil: &Stencil| stencil.narrow().unwrap().holes().iter().map(|hole| hole.range).collect::<Vec<_>>();
    assert_eq!(ranges(&add), [Some((-128, 111)), Some((0, 127))]);
    assert_eq!([ranges(&other), ranges(&get)], [ranges(&add), ranges(&add)]);
    let error = Forms::compile(&[Forms::family(3, 0, 0)]).unwrap_err();
    assert!(error.to_string().contains("family"), "{error}");
}

#[test]
fn a_branch_jumps_if_its_value_is_equal() {
    for (n, x) in values().flat_map(|n| [n, n.wrapping_add(1), 0].map(|x| (n, x))) {
        let branch = Forms::branch(n, Label(0));
        let program = [branch, Forms::set_i64(1), Forms::ret(), Forms::bind(Label(0)), Forms::set_i64(2), Forms::ret()];
        let code = Forms::compile(&program).unwrap();
        let result = unsafe { code.entry()(x as u64, std::ptr::null_mut()) };
        assert_eq!(result, if x == n { 2 } else { 1 }, "{n} {x}");
    }
}

#[test]
fn ranges_are_as_wide_as_the_fields() {
    let ranges =
        |stencil: &Stencil| stencil.narrow().unwrap().holes().iter().map(|hole| hole.range).collect::<Vec<_>>();
    assert_eq!(ranges(&STENCIL_add_i32), [Some((-128, 127))]);
    assert_eq!(ranges(&STENCIL_add_u64), [Some((0, 127))]);
    assert_eq!(ranges(&STENCIL_set_i64), [Some((i32::MIN.into(), i32::MAX.into()))]);
    assert_eq!(ranges(&STENCIL_get_after), [Some((-128, 119))]);
    assert_eq!(ranges(&STENCIL_get_before), [Some((0, 127))]);
    assert_eq!(ranges(&STENCIL_get_far), [Some((0, 127))]);
    assert_eq!(ranges(&STENCIL_slot), [Some((0, 15))]);
    assert_eq!(ranges(&STENCIL_slot_after), [Some((-17, 14))]);
    assert_eq!(ranges(&STENCIL_put_slot), [Some((0, 31))]);
    assert_eq!(ranges(&STENCIL_move_slot), [Some((0, 127)); 2]);
    // The value is no part of an instruction with a field of 8 bits.
    assert_eq!(ranges(&STENCIL_store), [Some((-128, 127)), Some((i32::MIN.into(), i32::MAX.into()))]);
}

#[test]
fn uops_without_a_shorter_form_have_none() {
    assert_eq!(STENCIL_byte.narrow(), None);
    assert_eq!(STENCIL_float.narrow(), None);
    assert_eq!(STENCIL_ret.narrow(), None);
    assert_eq!(STENCIL_add_i32.narrow().unwrap().narrow(), None);
}

/// Emit functions emit the general form, whatever the value: users add up sizes before they know the values.
#[test]
fn emit_functions_emit_the_general_form() {
    let (mut code, mut data) = ([0; 64], [0; 64]);
    let mut out = Emitter::<Reused>::new(&mut code, &mut data);
    emit_add_i32(&mut out, 1).unwrap();
    assert_eq!(out.left().0, 64 - STENCIL_add_i32.code.size);
}

/// The bytes of an instruction are those of its stencil, with the low bits of the operands in their fields.
#[test]
fn fields_hold_the_low_bits() {
    let cases =
        [-128, -1, 0, 1, 127].map(|n| [Forms::add_i32(n), Forms::low_and(n), Forms::get(n), Forms::multiply(n)]);
    for instruction in cases.into_iter().flatten() {
        let stencil = instruction.stencil();
        assert!(stencil.is_narrow());
        let mut expected = stencil.code.stored.to_vec();
        expected.resize(stencil.code.size, 0);
        for patch in stencil.patches() {
            assert_eq!((patch.kind, patch.value, patch.addend), (PatchKind::Low8, Value::Operand(0), 0));
            expected[patch.offset] = instruction.operands()[0] as u8;
        }
        let program = [instruction, Forms::ret()];
        let code = Forms::compile(&program).unwrap();
        assert_eq!(code.listing(&program).uops().nth(1).unwrap().bytes, expected);
    }
}

#[test]
fn narrow_forms_are_as_short_as_an_assembler_makes_them() {
    let sizes = |stencil: &Stencil| [stencil.code.size, stencil.narrow().unwrap().code.size];
    if exact_bytes::<Forms>("narrow_forms_are_as_short_as_an_assembler_makes_them") {
        let stencils = [
            STENCIL_add_i32,
            STENCIL_add_i64,
            STENCIL_low_and,
            STENCIL_multiply,
            STENCIL_set_i64,
            STENCIL_set_u64,
            STENCIL_get,
            STENCIL_get_u32,
            STENCIL_store,
        ];
        let expected = [[7, 4], [7, 4], [7, 4], [7, 4], [10, 7], [10, 6], [7, 4], [7, 4], [17, 8]];
        assert_eq!(stencils.each_ref().map(sizes), expected);
    }
    for narrow in [STENCIL_add_i64, STENCIL_set_i64, STENCIL_store].map(|stencil| stencil.narrow().unwrap()) {
        assert_eq!(narrow.data.size, 0, "{}", narrow.name());
    }
}
