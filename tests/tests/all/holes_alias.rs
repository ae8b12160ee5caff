//! Memory that is reached through operands: at equal, overlapping and distinct addresses, with what Rust says is there afterwards. And
//! what else compilers once knew too much about: narrow and lone addresses, constants of one byte, choices between constants.
//!
//! Calls of compiled code are sound: bodies access `memory` below 256 bytes, which the tests own, and functions that take what they get.

use stencil_runtime::{Error, Label, stencil};

stencil! {
    machine Alias(a: u64, b: u64, fp: *mut u8) -> u64;
    uop two_stores(x: u32, y: u32) { fp[x] = a; fp[y] = b; a = fp[x]; }
    uop store_beside_a_constant(n: u32) { *(uint64_t *)(fp + 24) = a; *(uint64_t *)(fp + n + 8) = b; a = *(uint64_t *)(fp + 24); }
    uop copies(x: u16, y: i32) {
        uint64_t *to = (uint64_t *)(fp + x), *from = (uint64_t *)(fp + y);
        to[0] = from[0] + 1;
        to[1] = from[0] + from[1];
        a = from[0];
    }
    uop indexed(x: u64, y: u64) { ((uint16_t *)fp)[x] = a; fp[y] = b; a = ((uint16_t *)fp)[x]; }
    uop lone(base: u64) { ((uint8_t *)(uintptr_t)base)[a] = 7; fp[b] = 8; a = ((uint8_t *)(uintptr_t)base)[a]; }
    uop of_u64(p: u64, q: u64) { *(uint64_t *)p = a; *(uint64_t *)q = b; a = *(uint64_t *)p; }

    uop or_u32(n: u32) { a |= n; }
    uop subtract_u32(n: u32) { a -= n; }
    #[stencil(full_range)]
    uop load_full(n: u32) { a = *(uint8_t *)(b + n); }
    uop load(n: u32) { a = *(uint8_t *)(b + n); }

    uop one_byte() { static const char c[1] = { 5 }; a = (uint64_t)c; }
    uop empty() { a = (uint64_t)""; }
    uop read() { a = *(const uint8_t *)a; }
    uop choice_of_floats() { double x = a ? 1.0 : -1.0; a = (int64_t)(x * 4); }
    uop choice_of_operands(n: u64, m: u64) { a = a ? n : m; }
    uop jump_to(place: u64) { JUMP(place); }
    uop address(target: Label) { b = (uint64_t)ADDRESS_OF(target); }
    uop jump() { JUMP(b); }
    uop constant(n: u64) { a = n; }
    uop ret() { RETURN(a); }
}

fn run(uop: stencil_runtime::Instruction<Alias>, a: u64, b: u64, memory: &mut [u8; 256]) -> Result<u64, Error> {
    let code = Alias::compile(&[uop, Alias::ret()])?;
    Ok(unsafe { code.entry()(a, b, memory.as_mut_ptr()) })
}

fn word(memory: &[u8; 256], at: usize) -> u64 {
    u64::from_le_bytes(memory[at..at + 8].try_into().unwrap())
}

#[test]
fn stores_and_loads_at_all_distances() {
    let (a, b) = (0x1111_2222_3333_4407, 0x5555_6666_7777_8808);
    for x in 0..40_usize {
        for y in 0..40_usize {
            let memory = &mut std::array::from_fn(|at| at as u8);
            let expected = if x == y { b as u8 } else { a as u8 };
            assert_eq!(run(Alias::two_stores(x as u32, y as u32), a, b, memory), Ok(expected.into()));
            let mut start = std::array::from_fn(|at| at as u8);
            let memory = &mut start.clone();
            let actual = run(Alias::copies(x as u16, y as i32), a, b, memory);
            let first = word(&start, y).wrapping_add(1);
            start[x..x + 8].copy_from_slice(&first.to_le_bytes());
            let second = word(&start, y).wrapping_add(word(&start, y + 8));
            start[x + 8..x + 16].copy_from_slice(&second.to_le_bytes());
            assert_eq!((actual, *memory), (Ok(word(&start, y)), start), "{x} {y}");
            let memory = &mut [0; 256];
            let actual = run(Alias::indexed(x as u64, y as u64), a, b, memory);
            assert_eq!(actual, Ok(u16::from_le_bytes([memory[2 * x], memory[2 * x + 1]]).into()), "{x} {y}");
            assert_eq!(memory[y], b as u8);
        }
        let memory = &mut [0; 256];
        let actual = run(Alias::store_beside_a_constant(x as u32), a, b, memory);
        let mut expected = [0; 256];
        expected[24..32].copy_from_slice(&a.to_le_bytes());
        expected[x + 8..x + 16].copy_from_slice(&b.to_le_bytes());
        assert_eq!((actual, *memory), (Ok(word(&expected, 24)), expected), "{x}");
    }
}

#[test]
fn addresses_that_are_numbers() {
    let mut memory = [0; 256];
    let base = memory.as_mut_ptr().expose_provenance() as u64;
    for (a, b) in [(3, 3), (3, 4)] {
        assert_eq!(run(Alias::lone(base), a, b, &mut memory), Ok(if a == b { 8 } else { 7 }));
    }
    assert_eq!(run(Alias::of_u64(base, base), 1, 2, &mut memory), Ok(2));
    assert_eq!(run(Alias::of_u64(base, base + 8), 1, 2, &mut memory), Ok(1));
    assert_eq!(run(Alias::of_u64(base, base + 4), 1, 2, &mut memory), Ok(1 | 2 << 32));
}

#[test]
fn a_u32_takes_all_values_but_in_an_address() {
    let memory = &mut [0; 256];
    for n in [0, 1, i32::MAX as u32, 1 << 31, u32::MAX] {
        let x = 0x8000_0000_1234_5678;
        assert_eq!(run(Alias::or_u32(n), x, 0, memory), Ok(x | u64::from(n)));
        assert_eq!(run(Alias::subtract_u32(n), x, 0, memory), Ok(x.wrapping_sub(n.into())));
        let place = [7_u8];
        let base = (place.as_ptr().expose_provenance() as u64).wrapping_sub(n.into());
        assert_eq!(run(Alias::load_full(n), 0, base, memory), Ok(7));
        let loaded = run(Alias::load(n), 0, base, memory);
        assert!(loaded == Ok(7) || n > i32::MAX as u32 && matches!(loaded, Err(Error::OutOfRange { hole: "n", .. })));
    }
    assert_eq!(STENCIL_load_full.holes()[0].range, None);
    assert_eq!(STENCIL_or_u32.holes()[0].range, None);
    assert_eq!(STENCIL_load.holes()[0].range, Some((0, i32::MAX.into())));
}

#[test]
fn constants_of_one_byte() {
    let memory = &mut [0; 256];
    for (uop, byte) in [(Alias::one_byte(), 5), (Alias::empty(), 0)] {
        let code = Alias::compile(&[uop, Alias::read(), Alias::ret()]).unwrap();
        assert_eq!(unsafe { code.entry()(0, 0, memory.as_mut_ptr()) }, byte);
        let first = run(uop, 0, 0, memory);
        assert_eq!(first, run(uop, 0, 0, memory), "in the executable, so that it stays where it is");
    }
}

#[test]
fn choices_between_constants() {
    let memory = &mut [0; 256];
    assert_eq!(run(Alias::choice_of_floats(), 1, 0, memory), Ok(4));
    assert_eq!(run(Alias::choice_of_floats(), 0, 0, memory), Ok(4_u64.wrapping_neg()));
    assert_eq!(run(Alias::choice_of_operands(u64::MAX, 1 << 40), 1, 0, memory), Ok(u64::MAX));
    assert_eq!(run(Alias::choice_of_operands(u64::MAX, 1 << 40), 0, 0, memory), Ok(1 << 40));
}

#[test]
fn jumps_to_numbers() {
    let ret = Alias::compile(&[Alias::constant(9), Alias::ret()]).unwrap();
    let memory = &mut [0; 256];
    // The entry leaves a frame of the machine's convention; a uop's address is one from `ADDRESS_OF`.
    let target = Label(0);
    let program = [
        Alias::address(target),
        Alias::jump(),
        Alias::constant(1),
        Alias::ret(),
        Alias::bind(target),
        Alias::constant(2),
        Alias::ret(),
    ];
    let code = Alias::compile(&program).unwrap();
    assert_eq!(unsafe { code.entry()(0, 0, memory.as_mut_ptr()) }, 2);
    assert_eq!(unsafe { ret.entry()(0, 0, memory.as_mut_ptr()) }, 9);
    assert!(Alias::compile(&[Alias::jump_to(u64::MAX)]).is_ok());
}
