//! What links between programs cost: a loop over ten blocks of a guest program that are fragments linked to each other, beside the same loop in
//! one program, in the same process and in turn. Also: what compiling, linking and dropping a block costs.
//!
//! Times are minima of many rounds. Only the ratios carry over to other machines.

#![allow(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use stencil_runtime::{
    Arena, ArenaOptions, Code, CodeExit, Fragment, FragmentEntry, Instruction, Label, Mapping, stencil,
};

stencil! {
    machine Guest(r: *mut u64, left: u64) -> u64;

    uop addi(rd: u32, rs: u32, n: i32) { *(uint64_t *)((char *)r + rd) = *(uint64_t *)((char *)r + rs) + (int64_t)n; }
    uop xor(rd: u32, a: u32, b: u32) { *(uint64_t *)((char *)r + rd) = *(uint64_t *)((char *)r + a) ^ *(uint64_t *)((char *)r + b); }
    /// Leaves the loop at the end of its last round.
    uop count(out: Label) { if (!--left) JUMP(out); }
    uop next_label(next: Label) { JUMP(next); }
    uop next(exit: CodeExit) { JUMP(exit); }
    uop leave(pc: u64) { RETURN(pc); }
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const BLOCKS: u32 = 10;
const ITERATIONS: u64 = 100_000;
const ROUNDS: usize = 200;

/// Returns a block's instructions: those of the guest, as many as `length`, and in the first block the count.
fn body(block: u32, length: u32, out: Label) -> Vec<Instruction<Guest>> {
    let mut program = Vec::new();
    for index in 0..length {
        let register = |n: u32| (block * 3 + n) % 31 * 8;
        program.push(match index % 3 {
            0 => Guest::addi(register(index), register(index + 5), 17),
            1 => Guest::xor(register(index), register(index + 7), register(index + 11)),
            _ => Guest::addi(register(index), register(index), -3),
        });
    }
    if block == 0 {
        program.push(Guest::count(out));
    }
    program
}

/// Returns the loop as one program. Blocks are in order, or each ends with a jump to the next.
fn one_program(length: u32, jumps: bool) -> Vec<Instruction<Guest>> {
    let (out, start) = (Label(0), |block: u32| Label(1 + block % BLOCKS));
    let mut program = Vec::new();
    for block in 0..BLOCKS {
        program.push(Guest::bind(start(block)));
        program.extend(body(block, length, out));
        if jumps || block == BLOCKS - 1 {
            program.push(Guest::next_label(start(block + 1)));
        }
    }
    program.extend([Guest::bind(out), Guest::leave(0)]);
    program
}

/// Returns a block as a fragment: it leaves with the address of the next block unless it is linked.
fn block(number: u32, length: u32) -> Vec<Instruction<Guest>> {
    let (out, exit) = (Label(0), Label(1));
    let mut program = body(number, length, out);
    program.extend([Guest::next(CodeExit(exit)), Guest::bind(exit), Guest::leave(u64::from(number) + 1)]);
    if number == 0 {
        program.extend([Guest::bind(out), Guest::leave(0)]);
    }
    program
}

fn fragments(arena: &Arena, length: u32) -> Result<Vec<Fragment<Guest>>> {
    let fragments: Vec<_> = (0..BLOCKS)
        .map(|number| Guest::compile_fragment_in(arena, &block(number, length)))
        .collect::<std::result::Result<_, _>>()?;
    for (number, fragment) in fragments.iter().enumerate() {
        let next = &fragments[(number + 1) % fragments.len()];
        // SAFETY: all fragments are dropped together, when nothing runs.
        unsafe { fragment.link(Label(1), next.start()) }?;
    }
    Ok(fragments)
}

/// Returns the least nanoseconds of a round per contender, which take turns.
fn least<const N: usize>(mut contenders: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut least = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (time, run) in least.iter_mut().zip(&mut contenders) {
            let start = Instant::now();
            run();
            *time = time.min(start.elapsed().as_secs_f64() * 1e9);
        }
    }
    least
}

fn loops(length: u32) -> Result<()> {
    let arenas = [Mapping::Single, Mapping::Dual].map(|mapping| Arena::with(ArenaOptions::default().mapping(mapping)));
    let [single, dual] = arenas;
    let (single, dual) = (single?, dual?);
    let (by_slots, by_jumps) = (fragments(&single, length)?, fragments(&dual, length)?);
    let entry = FragmentEntry::<Guest>::new_in(&dual)?;
    let in_order = Guest::compile_in(&dual, &one_program(length, false))?;
    let with_jumps = Guest::compile_in(&dual, &one_program(length, true))?;
    let mut states = [[1_u64; 32]; 4];
    let [a, b, c, d] = &mut states;
    // SAFETY: the register files have room for all registers, and all programs exist.
    let code = |code: &Code<Guest>, r: &mut [u64; 32]| unsafe { code.entry()(r.as_mut_ptr(), ITERATIONS) };
    // SAFETY: as above.
    let linked = |first: &Fragment<Guest>, r: &mut [u64; 32]| unsafe {
        entry.function()(first.start(), r.as_mut_ptr(), ITERATIONS)
    };
    let times = least([
        &mut || assert_eq!(black_box(code(&in_order, a)), 0),
        &mut || assert_eq!(black_box(code(&with_jumps, b)), 0),
        &mut || assert_eq!(black_box(linked(&by_jumps[0], c)), 0),
        &mut || assert_eq!(black_box(linked(&by_slots[0], d)), 0),
    ]);
    assert!(states.iter().all(|state| *state == states[0]), "all contenders compute the same");
    let names = [
        "one program, in order",
        "one program, a jump per block",
        "linked fragments, two mappings",
        "linked fragments, one mapping",
    ];
    println!("{length} guest instructions per block");
    for (name, time) in names.iter().zip(times) {
        let per_block = time / (ITERATIONS as f64 * f64::from(BLOCKS));
        println!("    {name:34} {per_block:7.3} ns per block {:7.2}", time / times[0]);
    }
    Ok(())
}

/// The time to compile a block of four instructions, link it, unlink it and drop it.
fn life(mapping: Mapping) -> Result<()> {
    const COUNT: usize = 1000;
    let arena = Arena::with(ArenaOptions::default().mapping(mapping))?;
    let target = Guest::compile_fragment_in(&arena, &[Guest::leave(0)])?;
    let program = block(1, 4);
    let plain: Vec<_> = body(1, 4, Label(0)).into_iter().chain([Guest::leave(0)]).collect();
    let [mut without, mut compile, mut link, mut unlink, mut free] = [f64::INFINITY; 5];
    for _ in 0..ROUNDS {
        let timed = |least: &mut f64, run: &mut dyn FnMut()| {
            let start = Instant::now();
            run();
            *least = least.min(start.elapsed().as_secs_f64() * 1e9 / COUNT as f64);
        };
        let mut fragments = Vec::new();
        let all = |program: &[Instruction<Guest>]| {
            let mut batch = arena.fragments::<Guest>();
            (0..COUNT).for_each(|_| batch.compile(program).expect("there is room"));
            batch.publish().expect("there is memory")
        };
        timed(&mut without, &mut || fragments = all(&plain));
        timed(&mut compile, &mut || fragments = all(&program));
        timed(&mut link, &mut || {
            for fragment in &fragments {
                // SAFETY: nothing runs.
                unsafe { fragment.link(Label(1), target.start()) }.expect("it has this exit");
            }
        });
        timed(&mut unlink, &mut || fragments.iter().for_each(|one| one.unlink(Label(1)).expect("it has this exit")));
        timed(&mut free, &mut || fragments.clear());
    }
    let bytes = Guest::compile_fragment_in(&arena, &program)?.size();
    println!(
        "{mapping:?}: a block of four instructions and an exit takes {bytes} bytes; compile {compile:.0} ns ({without:.0} without \
         the exit, freeing the last ones included), link {link:.1}, unlink {unlink:.1}, drop {free:.0}"
    );
    Ok(())
}

fn main() -> Result<()> {
    [1, 2, 3, 4, 5, 6, 8, 12].into_iter().try_for_each(loops)?;
    [Mapping::Dual, Mapping::Single].into_iter().try_for_each(life)
}
