//! Random programs do on the example what they do on rbpf's interpreter: the same result, the same memory, or a fault in both.

use std::collections::HashMap;

use examples::ebpf::{Error, Helper, Program};

/// Programs of a test run.
const PROGRAMS: u64 = 5000;

/// xorshift64* (Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A constant: small, a limit, a power of two, or any.
    fn constant(&mut self) -> i32 {
        match self.below(4) {
            0 => self.below(40) as i32 - 8,
            1 => [i32::MIN, i32::MAX, -1, 0, 255, 256, 65535, -128][self.below(8) as usize],
            2 => 1 << self.below(32),
            _ => self.next() as i32,
        }
    }
}

fn insn(opcode: u8, dst: u64, src: u64, offset: i64, imm: i32) -> [u8; 8] {
    let ([o0, o1], [i0, i1, i2, i3]) = ((offset as i16).to_le_bytes(), imm.to_le_bytes());
    [opcode, (dst | src << 4) as u8, o0, o1, i0, i1, i2, i3]
}

/// A program of straight code and forward jumps, with a local function at the end. All registers are set first.
///
/// The generator omits `mod32` by zero, where rbpf keeps the upper half that RFC 9669 clears, and `neg`, with which rbpf
/// panics in debug builds for the smallest integer.
fn program(random: &mut Random) -> Vec<u8> {
    let mut body = Vec::new();
    for register in [0, 2, 3, 4, 5, 6, 7, 8] {
        let value = if random.below(2) == 0 { random.constant() as u64 } else { random.next() };
        body.push(insn(0x18, register, 0, 0, value as i32));
        body.push(insn(0, 0, 0, 0, (value >> 32) as i32));
    }
    // r9 keeps the memory's address, which calls lose.
    body.push(insn(0xbf, 9, 1, 0, 0));
    let calls = random.below(3) == 0;
    for left in (0..random.below(40) + 1).rev() {
        let (dst, src) = (random.below(10), random.below(10));
        let dst = if dst == 1 || dst == 9 { 0 } else { dst };
        match random.below(10) {
            0..=4 => {
                let operation = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12][random.below(12) as usize];
                let class = [4, 7][random.below(2) as usize];
                let by_constant = random.below(2) == 0 || (class, operation) == (4, 9);
                let imm = random.constant();
                // `mod32` by zero.
                let imm = if (class, operation, imm) == (4, 9, 0) { 3 } else { imm };
                let source = if by_constant { 0 } else { 8 };
                body.push(insn(operation << 4 | source | class, dst, if by_constant { 0 } else { src }, 0, imm));
            }
            5 => body.push(insn([0xd4, 0xdc][random.below(2) as usize], dst, 0, 0, 16 << random.below(3))),
            6 => {
                let condition = [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13][random.below(11) as usize];
                let class = [5, 6][random.below(2) as usize];
                let by_constant = random.below(2) == 0;
                let imm = random.constant();
                let source = if by_constant { 0 } else { 8 };
                let offset = random.below(left + 1) as i64;
                body.push(insn(condition << 4 | source | class, dst, if by_constant { 0 } else { src }, offset, imm));
            }
            7 => {
                // The memory has 64 bytes, and rbpf's stack 512: most accesses are in bounds.
                let size = [0x10, 0x08, 0x00, 0x18][random.below(4) as usize];
                let (base, offset) = if random.below(2) == 0 {
                    (1, random.below(64) as i64 - 2)
                } else {
                    (10, -(random.below(64) as i64) - 8)
                };
                match random.below(3) {
                    0 => body.push(insn(0x61 | size, dst, base, offset, 0)),
                    1 => body.push(insn(0x62 | size, base, 0, offset, random.constant())),
                    _ => body.push(insn(0x63 | size, base, src, offset, 0)),
                }
            }
            8 => body.push(insn(0xbf, dst, src, 0, 0)),
            _ if calls && random.below(2) == 0 => body.push(insn(0x85, 0, 0, 0, 5)),
            _ if calls => {
                // The constant becomes the offset of the local function. What a callee leaves in r1 to r5 is undefined.
                body.extend([insn(0x85, 0, 1, 0, i32::MAX), insn(0xbf, 1, 9, 0, 0)]);
                body.extend((2..=5).map(|register| insn(0xb7, register, 0, 0, 7)));
            }
            _ => body.push(insn(0x07, dst, 0, 0, random.constant())),
        }
    }
    body.push(insn(0x95, 0, 0, 0, 0));
    // The local function changes r6, which its caller gets back.
    let function = body.len();
    body.extend([insn(0xbf, 0, 6, 0, 0), insn(0xb7, 6, 0, 0, 9), insn(0x0f, 0, 7, 0, 0), insn(0x95, 0, 0, 0, 0)]);
    for (at, code) in body.iter_mut().enumerate() {
        if code[0] == 0x85 && code[4..] == i32::MAX.to_le_bytes() {
            *code = insn(0x85, 0, 1, 0, (function - at - 1) as i32);
        }
    }
    body.concat()
}

/// The helper: it mixes its arguments.
fn mix(a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    a.rotate_left(1) ^ b.rotate_left(2) ^ c.rotate_left(3) ^ d.rotate_left(4) ^ e.rotate_left(5)
}

#[test]
fn random_programs_agree_with_rbpf() {
    let helpers = HashMap::from([(5, mix as Helper)]);
    let (mut ran, mut faults) = (0, 0);
    for seed in 1..=PROGRAMS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let program = program(&mut random);
        let memory: Vec<u8> = (0..64).map(|_| random.next() as u8).collect();

        // Both run on memory at the same address, because results depend on it.
        let mut shared = memory.clone();
        let found = Program::new(&program, &helpers).unwrap().run(&mut shared);
        let found_memory = shared.clone();
        shared.copy_from_slice(&memory);
        let mut vm = ::rbpf::EbpfVmRaw::new(Some(&program)).unwrap();
        vm.register_helper(5, mix).unwrap();
        let expected = vm.execute_program(&mut shared);
        drop(vm);
        match (expected, found) {
            (Ok(expected), Ok(found)) => {
                assert_eq!((found, found_memory), (expected, shared), "seed {seed}");
                ran += 1;
            }
            (Err(_), Err(Error::Fault { .. })) => faults += 1,
            (expected, found) => panic!("seed {seed}: rbpf {expected:?}, found {found:?}"),
        }
    }
    // Enough of both kinds, or else the generator has gone wrong.
    assert!(ran > PROGRAMS / 3 && faults > PROGRAMS / 100, "{ran} ran, {faults} faulted");
}

/// Hostile input: random bytes, and valid programs with a few bytes changed, compile or end in an error that names an
/// instruction of the program.
#[test]
fn any_bytes_compile_or_end_in_an_error() {
    let helpers = HashMap::from([(5, mix as Helper)]);
    let (mut compiled, mut refused) = (0, 0);
    for seed in 1..=PROGRAMS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut program = match seed % 4 {
            0 => (0..random.below(100)).map(|_| random.next() as u8).collect(),
            _ => program(&mut random),
        };
        for _ in 0..random.below(4) {
            if let Some(byte) = program.len().checked_sub(1).map(|last| random.below(last as u64 + 1) as usize) {
                program[byte] = random.next() as u8;
            }
        }
        match Program::new(&program, &helpers) {
            Ok(_) => compiled += 1,
            Err(Error::Invalid { at, .. }) => {
                assert!(at <= program.len() / 8, "seed {seed}: instruction {at} of {}", program.len() / 8);
                refused += 1;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(compiled > PROGRAMS / 10 && refused > PROGRAMS / 10, "{compiled} compiled, {refused} refused");
}
