//! After any sequence of allocations and drops, every program has exactly the bytes that an emitter without an arena
//! writes.

use proptest::collection::vec;
use proptest::prelude::*;
use stencil_runtime::{Address, Assembler, Emitter, Reused, Stencil};

use super::*;

#[derive(Clone, Copy, Debug)]
enum Uop {
    Add(u64),
    Small(u8),
    Float(f64),
    Wide(u64),
    Slow,
    Call,
    /// Jumps to the instruction of this index, or to the end.
    Jump(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Compile(Vec<Uop>),
    Batch {
        programs: Vec<Vec<Uop>>,
        publish: bool,
    },
    /// A program that fails at its end, compiled into a batch between others.
    Fail(Vec<Uop>),
    Drop(Vec<prop::sample::Index>),
    DropAll,
}

/// The size of an arena whose space is reused again and again.
const SMALL: usize = 1 << 18;

/// The least operand of an instruction in the general form, which is the one that emit functions emit.
const LEAST: u64 = 1 << 32;

fn uop() -> impl Strategy<Value = Uop> {
    prop_oneof![
        prop_oneof![Just(LEAST), Just(u64::MAX), Just(0xff00), LEAST..].prop_map(Uop::Add),
        any::<u8>().prop_map(Uop::Small),
        prop_oneof![Just(0.0), any::<f64>()].prop_map(Uop::Float),
        prop_oneof![Just(LEAST), LEAST..].prop_map(Uop::Wide),
        Just(Uop::Slow),
        Just(Uop::Call),
        (0..100_usize).prop_map(Uop::Jump),
    ]
}

fn program() -> impl Strategy<Value = Vec<Uop>> {
    prop_oneof![4 => vec(uop(), 0..12), 2 => vec(uop(), 0..100), 1 => vec(uop(), 300..600)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => program().prop_map(Step::Compile),
        // Five programs of the largest size nearly fill the arena.
        3 => (vec(program(), 0..6), prop::bool::weighted(0.8)).prop_map(|(programs, publish)| Step::Batch { programs, publish }),
        1 => program().prop_map(Step::Fail),
        4 => vec(any::<prop::sample::Index>(), 0..12).prop_map(Step::Drop),
        1 => Just(Step::DropAll),
    ]
}

fn instructions(program: &[Uop]) -> Vec<Instruction<Test>> {
    let label = |index: usize| Label(index.min(program.len()) as u32);
    let mut all = Vec::new();
    for (index, uop) in program.iter().enumerate() {
        all.push(Test::bind(label(index)));
        all.push(match *uop {
            Uop::Add(n) => Test::add(n),
            Uop::Small(n) => Test::small(n),
            Uop::Float(n) => Test::float(n),
            Uop::Wide(n) => Test::wide(n),
            Uop::Slow => Test::slow(),
            Uop::Call => Test::call(),
            Uop::Jump(target) => Test::jump(label(target)),
        });
    }
    all.extend([Test::bind(label(program.len())), Test::ret()]);
    all
}

fn stencil(uop: Uop) -> Stencil {
    match uop {
        Uop::Add(_) => STENCIL_add,
        Uop::Small(_) => STENCIL_small,
        Uop::Float(_) => STENCIL_float,
        Uop::Wide(_) => pic::STENCIL_wide,
        Uop::Slow => STENCIL_slow,
        Uop::Call => STENCIL_call,
        Uop::Jump(_) => STENCIL_jump,
    }
}

/// Returns the expected memory of a program at this address, emitted uop by uop over nonzero bytes.
fn reference(program: &[Uop], entry: &[u8], address: usize) -> Vec<u8> {
    let sizes = program.iter().map(|&uop| stencil(uop).code.size);
    let offsets: Vec<usize> = std::iter::once(entry.len())
        .chain(sizes)
        .scan(0, |sum, size| {
            *sum += size;
            Some(*sum)
        })
        .collect();
    let code_size = offsets[program.len()] + STENCIL_ret.code.size;
    let alignment = program.iter().map(|&uop| stencil(uop).data_alignment).max().unwrap_or(1).max(64);
    let data_start = (address + code_size + 2).next_multiple_of(alignment) - address;
    let (mut code, mut data) = (vec![0xCC; code_size], vec![0xCC; 1 << 16]);
    code[..entry.len()].copy_from_slice(entry);
    let at = |offset| Address((address + offset) as u64);
    let start = at(data_start);
    let mut out = Emitter::<Reused>::for_addresses(&mut code[entry.len()..], &mut data, (at(entry.len()), start));
    for &uop in program {
        match uop {
            Uop::Add(n) => emit_add(&mut out, n),
            Uop::Small(n) => emit_small(&mut out, n),
            Uop::Float(n) => emit_float(&mut out, n),
            Uop::Wide(n) => pic::emit_wide(&mut out, n),
            Uop::Slow => emit_slow(&mut out),
            Uop::Call => emit_call(&mut out),
            Uop::Jump(target) => emit_jump(&mut out, at(offsets[target.min(program.len())])),
        }
        .unwrap();
    }
    emit_ret(&mut out).unwrap();
    assert_eq!(out.left().0, 0);
    let data_size = (out.data_address().0 - start.0) as usize;
    code.extend([0x0f, 0x0b]);
    if data_size != 0 {
        code.resize(data_start, 0);
        code.extend(&data[..data_size]);
    }
    code
}

struct Live {
    code: Code<Test>,
    expected: Vec<u8>,
}

impl Live {
    fn new(code: Code<Test>, program: &[Uop], entry: &[u8]) -> Self {
        let expected = reference(program, entry, code.memory().as_ptr() as usize);
        Self { code, expected }
    }
}

fn check(arena: &Arena, live: &[Live]) {
    for Live { code, expected } in live {
        // Space reserved for alignment may remain unused after the data.
        let (memory, rest) = code.memory().split_at(expected.len());
        let different = memory.iter().zip(expected).position(|(left, right)| left != right);
        assert_eq!((memory.len(), different), (expected.len(), None));
        assert!(rest.len() < 128 && rest.iter().all(|&byte| byte == 0));
    }
    let mut ranges: Vec<_> = live.iter().map(|live| live.code.memory().as_ptr_range()).collect();
    ranges.sort_by_key(|range| range.start);
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let stats = arena.stats();
    assert_eq!(stats.functions, live.len());
    assert_eq!(stats.used, live.iter().map(|live| live.code.size()).sum());
    assert_eq!(stats.committed, stats.used + stats.padding + stats.free);
}

/// If the arena is full, drops some programs first and retries.
fn room<T>(live: &mut Vec<Live>, mut attempt: impl FnMut() -> Result<T, stencil_runtime::Error>) -> T {
    loop {
        match attempt() {
            Err(stencil_runtime::Error::ArenaFull { .. }) => {
                let half = live.len() / 2;
                assert!(!live.is_empty(), "an empty arena reported that it is full");
                live.drain(half..);
            }
            done => return done.unwrap(),
        }
    }
}

/// Puts a program into an assembler, which may have held another one.
fn assemble(assembler: &mut Assembler<Test>, program: &[Uop]) {
    assembler.clear();
    assert_eq!(assembler.labels(program.len() as u32 + 1).len(), program.len() + 1);
    for instruction in instructions(program) {
        assembler.push(instruction);
    }
}

/// Checks that a table of all instructions has each byte of the code and of the data once.
fn check_addresses(code: &Code<Test>, instructions: &[Instruction<Test>]) {
    let table = code.address_table(instructions, |index, _| Some(index)).unwrap();
    let mut sizes = vec![0; instructions.len()];
    for byte in code.memory() {
        if let Some(&index) = table.find(Address::from(std::ptr::from_ref(byte))) {
            sizes[index] += 1;
        }
    }
    let size = |instruction: &Instruction<Test>| instruction.stencil().code.size + instruction.stencil().data.size;
    assert_eq!(sizes, instructions.iter().map(size).collect::<Vec<_>>());
}

fn run_steps(mapping: Mapping, size: usize, steps: &[Step]) {
    assert_eq!((pic::STENCIL_wide.data_alignment, STENCIL_slow.data.size > 0), (128, true));
    let entry = Test::compile(&[]).unwrap().bytes().to_vec();
    let arena = arena(size, mapping);
    let mut live = Vec::new();
    let mut assembler = Assembler::new();
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::Compile(program) if index % 2 == 0 => {
                assemble(&mut assembler, program);
                let code = room(&mut live, || assembler.compile_in(&arena));
                check_addresses(&code, assembler.instructions());
                live.push(Live::new(code, program, &entry));
            }
            Step::Compile(program) => {
                let code = room(&mut live, || Test::compile_in(&arena, &instructions(program)));
                check_addresses(&code, &instructions(program));
                live.push(Live::new(code, program, &entry));
            }
            Step::Batch { programs, publish } => {
                let codes = room(&mut live, || {
                    let mut batch = arena.batch();
                    for (index, program) in programs.iter().enumerate() {
                        if index % 2 == 0 {
                            batch.compile(&instructions(program))?;
                        } else {
                            assemble(&mut assembler, program);
                            assembler.compile_into(&mut batch)?;
                        }
                    }
                    if *publish { batch.publish() } else { Ok(Vec::new()) }
                });
                live.extend(codes.into_iter().zip(programs).map(|(code, program)| Live::new(code, program, &entry)));
            }
            Step::Fail(program) => {
                let mut bad = instructions(program);
                bad.push(Test::jump(Label(bad.len() as u32)));
                let codes = room(&mut live, || {
                    let mut batch = arena.batch();
                    batch.compile(&[Test::ret()])?;
                    match batch.compile(&bad) {
                        Err(stencil_runtime::Error::UnknownLabel { .. }) => {}
                        other => other.map(|()| panic!("it should fail"))?,
                    }
                    batch.compile(&instructions(&program[..program.len() / 2]))?;
                    batch.publish()
                });
                let halves = [&[][..], &program[..program.len() / 2]];
                live.extend(codes.into_iter().zip(halves).map(|(code, program)| Live::new(code, program, &entry)));
            }
            Step::Drop(indices) => {
                for index in indices {
                    if !live.is_empty() {
                        live.swap_remove(index.index(live.len()));
                    }
                }
            }
            Step::DropAll => live.clear(),
        }
        check(&arena, &live);
    }
    drop(live);
    let stats = arena.stats();
    assert_eq!((stats.functions, stats.used, stats.padding, stats.free), (0, 0, 0, stats.committed));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(extent::choose(8, 40)) })]

    #[test]
    fn programs_that_come_and_go_mapped_once(steps in vec(step(), 0..40)) {
        run_steps(Mapping::Single, SMALL, &steps);
    }

    /// Writers of one program claim several pages at a time.
    #[test]
    fn programs_that_come_and_go_in_a_larger_arena(steps in vec(step(), 0..40)) {
        run_steps(Mapping::Single, 16 * SMALL, &steps);
    }

    #[test]
    fn programs_that_come_and_go_mapped_twice(steps in vec(step(), 0..40)) {
        run_steps(Mapping::Dual, SMALL, &steps);
    }
}
