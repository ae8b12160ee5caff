//! Every kind of relocation, each in a uop that provokes it and whose result Rust can predict.
//!
//! Calls of compiled code are sound: bodies write only to `memory`, which has 256 bytes here, and read only that, their
//! own constants, and the arguments of host functions.

use stencil_runtime::{Label, PatchKind, Section, Stencil, Value, stencil};

extern "C" fn sum_of_string(text: *const u8) -> u64 {
    // Bodies pass strings that end in a zero byte.
    let bytes = unsafe { std::ffi::CStr::from_ptr(text.cast()) }.to_bytes();
    bytes.iter().fold(0, |sum, &byte| sum * 10 + u64::from(byte - b'0'))
}

extern "C" fn triple(x: u64) -> u64 {
    x.wrapping_mul(3)
}

stencil! {
    machine Relocations(x: u64, memory: *mut u8, f: f64) -> u64;
    extern fn sum_of_string(text: *const u8) -> u64 = sum_of_string;
    extern fn triple(x: u64) -> u64 = triple;
    c {
        static const uint64_t squares[] = { 0, 1, 4, 9, 16, 25, 36, 49 };
        static const char *const words[] = { "10", "21", "32", "43" };
        static const uint64_t *const pointers[] = { &squares[3], &squares[5], &squares[7] };
        struct row { const char *name; const struct row *next; uint64_t value; };
        static const struct row rows[] = {
            { "1", &rows[1], 100 }, { "2", &rows[2], 200 }, { "3", &rows[0], 300 },
        };
        typedef struct { uint64_t words[20]; } block;
        static const block full = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 } };
        static __attribute__((noinline)) uint64_t slowly(uint64_t y) { return y * y + squares[y & 7]; }
        static __attribute__((noinline)) uint64_t outside(uint64_t y) { return triple(y) + 1; }
        static __attribute__((noinline)) uint64_t nested(uint64_t y) { return outside(slowly(y)) + outside(y); }
        static __attribute__((noinline)) double halves(double y) { return y * 0.5 + 0.25; }
    }

    uop string() { x = sum_of_string((const uint8_t *)"0123"); }
    uop string_from(i: u64) { x = sum_of_string((const uint8_t *)&"90123"[i - 1]); }
    uop string_tail() { x = sum_of_string((const uint8_t *)"0123" + 2) + sum_of_string((const uint8_t *)"23"); }
    uop character(i: u8) { x = "0123"[i - 1]; }
    uop table() { x = squares[x & 7]; }
    uop table_at(i: u8) { x = squares[i]; }
    uop table_before(i: u64) { x = squares[i - 1]; }
    uop table_before_narrow(i: u32) { x = squares[i - 1]; }
    uop table_backwards() { x = squares[7 - (x & 7)]; }
    uop local_table() { static const uint16_t t[] = { 5, 6, 7, 8 }; x = t[(x & 3) ^ 1]; }
    uop single_byte() { static const uint8_t t[] = { 11, 22, 33 }; x = t[x % 3]; }
    uop strings() { x = sum_of_string((const uint8_t *)words[x & 3]); }
    uop string_of(i: u8) { x = sum_of_string((const uint8_t *)words[i]); }
    uop pointed_to() { x = pointers[x % 3][-2]; }
    uop linked(i: u8) { const struct row *r = rows[i].next->next; x = r->value + sum_of_string((const uint8_t *)r->name); }
    uop float_4(g: f32) { *(float *)memory = g * 1.5f + 0.1f; }
    uop float_8() { f = f * 1.1 + 3.3; *(double *)memory = f; }
    uop floats_16() { double *d = (double *)memory; d[0] = -d[0]; d[1] = -d[1]; d[2] = __builtin_fabs(d[2]); d[3] = __builtin_fabs(d[3]); }
    uop unsigned_to_float() { *(double *)memory = (double)x; }
    uop float_to_unsigned() { x = (uint64_t)f; }
    uop compare_float() { x = f < 2.5 ? 1 : f == 2.5 ? 2 : 3; }
    uop helper() { x = slowly(x) + 1; }
    uop helper_hosted() { x = outside(x) + 1; }
    uop helper_nested() { x = nested(x) + slowly(x); }
    uop helper_float() { f = halves(f); *(double *)memory = f; }
    uop host() { x = triple(x) + triple(x + 1); }
    uop copy_struct() { *(block *)memory = full; }
    uop move_struct() { block b = *(block *)memory; b.words[0]++; *(block *)(memory + 8) = b; }
    uop clear_struct() { *(block *)memory = (block){ { 0 } }; }
    uop fill_bytes(byte: u8, size: u64) { __builtin_memset(memory, byte, size); }
    uop compare_bytes(other: *const u8) { x = __builtin_memcmp(memory, other, x) == 0; }
    uop loop_fill(n: u64) { for (uint64_t i = 0; i < n; i++) memory[i] = 0x5a; }
    uop goto_table() {
        static const void *const places[] = { &&zero, &&one, &&two, &&three };
        goto *places[x & 3];
        zero: x = 100; goto end;
        one: x = triple(7); goto end;
        two: x += 1000; goto end;
        three: x = 0;
        end:;
    }
    uop switched(target: Label) {
        switch (x) {
            case 0: x = 3; break;
            case 1: x = 1; break;
            case 2: x = 4; JUMP(target);
            case 3: x = triple(5); break;
            case 4: x = 9; CONTINUE();
            default: x = 77;
        }
        x++;
    }
    uop remember(place: Label) { *(void **)memory = ADDRESS_OF(place); }
    uop recall() { JUMP(*(void **)memory); }
    uop remember_two(here: Label, there: Label) {
        ((void **)memory)[0] = x & 1 ? (void *)ADDRESS_OF(here) : (void *)ADDRESS_OF(there);
        x = ADDRESS_OF(here) == ADDRESS_OF(there);
    }
    uop factorial(again: Label) {
        uint64_t n = x;
        if (n > 1) { x = n - 1; x = n * CALL(again); }
        RETURN(x);
    }
    uop fibonacci(again: Label) {
        if (x >= 2) { uint64_t n = x; x = n - 1; uint64_t a = CALL(again); x = n - 2; x = a + CALL(again); }
        RETURN(x);
    }
    uop call(function: Label) { x = CALL(function) + 1; }
    uop set(n: u64) { x = n; }
    uop jump(target: Label) { JUMP(target); }
    uop ret() { RETURN(x); }
}

/// Runs a program, and returns its result and its effect on memory.
fn run(program: &[stencil_runtime::Instruction<Relocations>], x: u64, f: f64, memory: &mut [u64; 32]) -> u64 {
    let code = Relocations::compile(&[program, &[Relocations::ret()]].concat()).unwrap();
    unsafe { code.entry()(x, memory.as_mut_ptr().cast(), f) }
}

fn result(uop: stencil_runtime::Instruction<Relocations>, x: u64) -> u64 {
    run(&[uop], x, 0.0, &mut [0; 32])
}

fn has(stencil: &Stencil, section: Section, kind: PatchKind, value: impl Fn(Value) -> bool) -> bool {
    stencil.patches().iter().any(|patch| patch.section == section && patch.kind == kind && value(patch.value))
}

#[test]
fn strings() {
    assert!(has(&STENCIL_string, Section::Code, PatchKind::Abs64, |value| value == Value::Static));
    assert_eq!(STENCIL_string.calls(), ["sum_of_string"]);
    assert_eq!(result(Relocations::string(), 0), 123);
    assert_eq!(result(Relocations::string_tail(), 0), 23 + 23);
    for i in 1..6 {
        assert_eq!(result(Relocations::string_from(i), 0), [90123, 123, 123, 23, 3][i as usize - 1]);
    }
    for i in 1..5 {
        assert_eq!(result(Relocations::character(i), 0), u64::from(b'0' + i - 1));
    }
}

#[test]
fn tables() {
    for i in 0..8 {
        assert_eq!(result(Relocations::table(), i), i * i);
        assert_eq!(result(Relocations::table_backwards(), i), (7 - i) * (7 - i));
        assert_eq!(result(Relocations::table_at(i as u8), 0), i * i);
        assert_eq!(result(Relocations::table_before(i + 1), 0), i * i);
        assert_eq!(result(Relocations::table_before_narrow(i as u32 + 1), 0), i * i);
        assert_eq!(result(Relocations::local_table(), i), [6, 5, 8, 7][i as usize % 4]);
        assert_eq!(result(Relocations::single_byte(), i), [11, 22, 33][i as usize % 3]);
    }
}

#[test]
fn tables_with_addresses() {
    assert_eq!(STENCIL_strings.data.size, 0, "the table is in the executable");
    assert!(has(&STENCIL_strings, Section::Code, PatchKind::Abs64, |value| value == Value::Static));
    for i in 0..4 {
        assert_eq!(result(Relocations::strings(), i), 10 + 11 * i);
        assert_eq!(result(Relocations::string_of(i as u8), 0), 10 + 11 * i);
    }
    for i in 0..3 {
        assert_eq!(result(Relocations::pointed_to(), i), [1, 9, 25][i as usize]);
        assert_eq!(result(Relocations::linked(i as u8), 0), [303, 101, 202][i as usize]);
    }
}

#[test]
fn float_constants() {
    assert!(has(&STENCIL_float_8, Section::Code, PatchKind::Rel32, |value| matches!(value, Value::Data(_))));
    let mut memory = [0; 32];
    for f in [0.0, -1.0, 2.5, 1e300, 0.1, 2.6] {
        run(&[Relocations::float_8()], 0, f, &mut memory);
        assert_eq!(f64::from_bits(memory[0]), f * 1.1 + 3.3);
        run(&[Relocations::float_4(f as f32)], 0, f, &mut memory);
        assert_eq!(f32::from_bits(memory[0] as u32), f as f32 * 1.5 + 0.1);
        assert_eq!(
            run(&[Relocations::compare_float()], 0, f, &mut memory),
            if f < 2.5 {
                1
            } else if f == 2.5 {
                2
            } else {
                3
            }
        );
        run(&[Relocations::helper_float(), Relocations::helper_float()], 0, f, &mut memory);
        assert_eq!(f64::from_bits(memory[0]), (f * 0.5 + 0.25) * 0.5 + 0.25);
    }
    for x in [0, 1, 1 << 53, (1 << 53) + 1, 1 << 63, u64::MAX, u64::MAX - 1024, 0x8000_0000_0000_0401] {
        run(&[Relocations::unsigned_to_float()], x, 0.0, &mut memory);
        assert_eq!(f64::from_bits(memory[0]), x as f64, "{x:#x}");
        if x <= 1 << 63 {
            assert_eq!(run(&[Relocations::float_to_unsigned()], 0, x as f64, &mut memory), x as f64 as u64);
        }
    }
    let numbers = [1.5, -2.5, -3.5, 4.5];
    memory[..4].copy_from_slice(&numbers.map(f64::to_bits));
    run(&[Relocations::floats_16()], 0, 0.0, &mut memory);
    assert_eq!([0, 1, 2, 3].map(|i| f64::from_bits(memory[i])), [-1.5, 2.5, 3.5, 4.5]);
}

#[test]
fn helpers_and_host_functions() {
    let slowly = |y: u64| y.wrapping_mul(y).wrapping_add((y & 7) * (y & 7));
    let outside = |y: u64| y.wrapping_mul(3).wrapping_add(1);
    assert_ne!(STENCIL_helper.data.size, 0, "the helper is copied to the data");
    for x in [0, 1, 5, 7, 1 << 40, u64::MAX] {
        assert_eq!(result(Relocations::helper(), x), slowly(x).wrapping_add(1));
        assert_eq!(result(Relocations::helper_hosted(), x), outside(x).wrapping_add(1));
        let nested = outside(slowly(x)).wrapping_add(outside(x));
        assert_eq!(result(Relocations::helper_nested(), x), nested.wrapping_add(slowly(x)));
        assert_eq!(result(Relocations::host(), x), x.wrapping_mul(6).wrapping_add(3));
    }
    assert_eq!(STENCIL_host.calls(), ["triple"], "each callee once");
}

#[test]
fn library_functions() {
    let mut memory = [0xCCCC; 32];
    run(&[Relocations::copy_struct()], 0, 0.0, &mut memory);
    let full: Vec<u64> = (1..=20).collect();
    assert_eq!((&memory[..20], memory[20]), (&full[..], 0xCCCC));
    run(&[Relocations::move_struct()], 0, 0.0, &mut memory);
    assert_eq!((&memory[..4], memory[20]), (&[1, 2, 2, 3][..], 20));
    let same = memory;
    for (size, expected) in [(0, 1), (8, 1), (200, 1), (256, 0)] {
        let mut memory = memory;
        memory[31] ^= 1;
        assert_eq!(run(&[Relocations::compare_bytes(same.as_ptr().cast())], size, 0.0, &mut memory), expected);
    }
    run(&[Relocations::clear_struct()], 0, 0.0, &mut memory);
    assert_eq!((&memory[..20], memory[20]), (&[0; 20][..], 20));
    run(&[Relocations::fill_bytes(0xAB, 100)], 0, 0.0, &mut memory);
    assert_eq!((memory[11], memory[12]), (u64::from_le_bytes([0xAB; 8]), 0xABAB_ABAB));
    run(&[Relocations::loop_fill(33)], 0, 0.0, &mut memory);
    assert_eq!((memory[3], memory[4]), (u64::from_le_bytes([0x5a; 8]), 0xABAB_ABAB_ABAB_AB5A));
}

#[test]
fn computed_gotos_and_switches() {
    for x in 0..6 {
        assert_eq!(result(Relocations::goto_table(), x), [100, 21, 1000 + x, 0][x as usize % 4]);
        let target = Label(0);
        let program =
            [Relocations::switched(target), Relocations::ret(), Relocations::bind(target), Relocations::host()];
        assert_eq!(run(&program, x, 0.0, &mut [0; 32]), [4, 2, 27, 16, 9, 78][x as usize]);
    }
}

#[test]
fn labels_as_values() {
    let (a, b) = (Label(0), Label(1));
    let program = [
        Relocations::remember(b),
        Relocations::recall(),
        Relocations::set(1),
        Relocations::ret(),
        Relocations::bind(b),
        Relocations::set(2),
    ];
    let mut memory = [0; 32];
    let code = Relocations::compile(&[&program[..], &[Relocations::bind(a), Relocations::ret()]].concat()).unwrap();
    assert_eq!(unsafe { code.entry()(0, memory.as_mut_ptr().cast(), 0.0) }, 2);
    assert_eq!(memory[0], code.address(b).unwrap() as u64);
    for (x, there) in [(0, a), (1, a), (0, b), (1, b)] {
        let program = [
            Relocations::remember_two(b, there),
            Relocations::jump(Label(2)),
            Relocations::bind(a),
            Relocations::set(9),
            Relocations::bind(b),
            Relocations::set(9),
            Relocations::bind(Label(2)),
            Relocations::ret(),
        ];
        let code = Relocations::compile(&program).unwrap();
        assert_eq!(unsafe { code.entry()(x, memory.as_mut_ptr().cast(), 0.0) }, u64::from(b == there));
        assert_eq!(memory[0], code.address(if x == 1 { b } else { there }).unwrap() as u64);
    }
}

#[test]
fn calls_return() {
    let function = Label(0);
    for (uop, expected) in [(Relocations::factorial(function), 3_628_800), (Relocations::fibonacci(function), 55)] {
        let program = [Relocations::call(function), Relocations::ret(), Relocations::bind(function), uop];
        let code = Relocations::compile(&program).unwrap();
        assert_eq!(unsafe { code.entry()(10, std::ptr::null_mut(), 0.0) }, expected + 1);
    }
}
