//! Exits of programs are linked, linked again and unlinked, before and while threads run them.

mod child;
mod random;

use std::sync::atomic::{AtomicBool, Ordering};

use stencil_runtime::{
    Arena, ArenaOptions, CodeAddress, CodeExit, Error, Fragment, FragmentEntry, Instruction, Label, Mapping, stencil,
};

stencil! {
    machine Guest(x: u64, data: *mut u64) -> u64;

    uop add(n: u64) { x += n; }
    uop go(exit: CodeExit) { JUMP(exit); }
    uop branch(least: u64, exit: CodeExit) { if (x >= least) JUMP(exit); }
    uop either(least: u64, more: CodeExit, less: CodeExit) { if (x >= least) JUMP(more); JUMP(less); }
    uop twice(a: u64, b: u64, exit: CodeExit) { if (x == a) { *data += 1; JUMP(exit); } if (x == b) { *data += 2; JUMP(exit); } }
    /// An exit on a path that goes out of line.
    uop rare(least: u64, exit: CodeExit) {
        if (__builtin_expect(x >= least, 0)) {
            data[0] += x; data[1] ^= x * 3; data[2] -= x; data[3] |= x; x += data[1];
            JUMP(exit);
        }
    }
    uop call(exit: CodeExit) { x = CALL(exit) + 1; }
    uop unused(exit: CodeExit) { (void)exit; x++; }
    uop down(exit: CodeExit) { if (--*data) JUMP(exit); }
    uop ret(n: u64) { RETURN(x + n); }
}

const BOTH: [Mapping; 2] = [Mapping::Single, Mapping::Dual];
const OUT: Label = Label(0);
const OTHER: Label = Label(1);

fn arena(mapping: Mapping) -> Arena {
    Arena::with(ArenaOptions::default().size(1 << 20).mapping(mapping)).unwrap()
}

/// Programs in an arena, and the function that enters them.
struct World {
    arena: Arena,
    entry: FragmentEntry<Guest>,
}

impl World {
    fn new(mapping: Mapping) -> Self {
        let arena = arena(mapping);
        let entry = FragmentEntry::new_in(&arena).unwrap();
        Self { arena, entry }
    }

    fn compile(&self, program: &[Instruction<Guest>]) -> Fragment<Guest> {
        Guest::compile_fragment_in(&self.arena, program).unwrap()
    }

    fn run(&self, fragment: &Fragment<Guest>, x: u64) -> u64 {
        self.run_with(fragment, x, &mut [1; 4])
    }

    fn run_with(&self, fragment: &Fragment<Guest>, x: u64, data: &mut [u64; 4]) -> u64 {
        // SAFETY: the tests keep what they link, and the pointer is valid.
        unsafe { self.entry.function()(fragment.start(), x, data.as_mut_ptr()) }
    }
}

fn link(fragment: &Fragment<Guest>, exit: Label, target: &Fragment<Guest>) {
    // SAFETY: the tests keep the targets.
    unsafe { fragment.link(exit, target.start()) }.unwrap();
}

/// Returns programs whose exit `OUT` is taken for an `x` of 50 or more, and the result without links.
fn forms() -> Vec<(&'static str, Vec<Instruction<Guest>>)> {
    let end = [Guest::bind(OUT), Guest::ret(1000)];
    let with = |body: &[Instruction<Guest>]| [body, &end].concat();
    vec![
        ("go", with(&[Guest::go(CodeExit(OUT))])),
        ("branch", with(&[Guest::branch(50, CodeExit(OUT)), Guest::ret(7)])),
        (
            "branch, wide",
            with(&[Guest::branch(50, CodeExit(OUT)), Guest::branch(1 << 40, CodeExit(OUT)), Guest::ret(7)]),
        ),
        ("either", with(&[Guest::either(50, CodeExit(OUT), CodeExit(OUT))])),
        ("twice", with(&[Guest::twice(50, 60, CodeExit(OUT)), Guest::ret(7)])),
        ("rare", with(&[Guest::rare(50, CodeExit(OUT)), Guest::ret(7)])),
        ("many", with(&[Guest::add(0), Guest::go(CodeExit(OUT)), Guest::go(CodeExit(OUT))])),
    ]
}

#[test]
fn an_exit_leads_to_its_label_or_to_what_it_is_linked_to() {
    for mapping in BOTH {
        let world = World::new(mapping);
        let targets = [2000, 3000].map(|n| world.compile(&[Guest::ret(n)]));
        for (form, program) in forms() {
            // All positions of a displacement, as the uop before has any length.
            for n in 0..8 {
                let before = vec![Guest::add(0); n];
                let fragment = world.compile(&[&before[..], &program].concat());
                let run = |x| world.run_with(&fragment, x, &mut [0; 4]);
                let unlinked = run(50);
                assert!(unlinked >= 1050, "{form} {mapping:?}");
                for _ in 0..2 {
                    for (target, by) in targets.iter().zip([1000, 2000]) {
                        link(&fragment, OUT, target);
                        assert_eq!(run(50), unlinked + by, "{form} {mapping:?} {n}");
                    }
                    fragment.unlink(OUT).unwrap();
                    assert_eq!(run(50), unlinked, "{form} {mapping:?} {n}");
                }
            }
        }
    }
}

#[test]
fn the_exits_of_a_uop_are_linked_one_by_one() {
    for mapping in BOTH {
        let world = World::new(mapping);
        let target = world.compile(&[Guest::ret(2000)]);
        let end = [Guest::bind(OUT), Guest::ret(100), Guest::bind(OTHER), Guest::ret(200)];
        for program in [
            vec![Guest::either(50, CodeExit(OUT), CodeExit(OTHER))],
            vec![Guest::branch(50, CodeExit(OUT)), Guest::go(CodeExit(OTHER))],
        ] {
            let fragment = world.compile(&[&program[..], &end].concat());
            let run = || [50, 49].map(|x| world.run(&fragment, x));
            assert_eq!(run(), [150, 249]);
            link(&fragment, OUT, &target);
            assert_eq!(run(), [2050, 249]);
            link(&fragment, OTHER, &target);
            assert_eq!(run(), [2050, 2049]);
            fragment.unlink(OUT).unwrap();
            assert_eq!(run(), [150, 2049]);
            fragment.unlink(OTHER).unwrap();
            assert_eq!(run(), [150, 249]);
        }
    }
}

#[test]
fn calls_are_linked_too() {
    for mapping in BOTH {
        let world = World::new(mapping);
        let callee = world.compile(&[Guest::add(10), Guest::ret(0)]);
        let program = [Guest::call(CodeExit(OUT)), Guest::ret(0), Guest::bind(OUT), Guest::ret(500)];
        let caller = world.compile(&program);
        assert_eq!(world.run(&caller, 1), 502);
        link(&caller, OUT, &callee);
        assert_eq!(world.run(&caller, 1), 12);
        caller.unlink(OUT).unwrap();
        assert_eq!(world.run(&caller, 1), 502);
    }
}

#[test]
fn programs_with_an_entry_and_programs_of_their_own_memory_have_exits() {
    for mapping in [None, Some(Mapping::Single), Some(Mapping::Dual)] {
        let program = [Guest::add(1), Guest::go(CodeExit(OUT)), Guest::bind(OUT), Guest::ret(10)];
        let arena = mapping.map(arena);
        let compile = |program: &[Instruction<Guest>]| match &arena {
            Some(arena) => Guest::compile_in(arena, program).unwrap(),
            None => Guest::compile(program).unwrap(),
        };
        let (code, target) = (compile(&program), compile(&[Guest::bind(OUT), Guest::ret(20)]));
        // SAFETY: the target is kept, and the bodies that run touch no memory.
        let run = || unsafe { code.entry()(1, std::ptr::null_mut()) };
        assert_eq!(run(), 12);
        // SAFETY: as above.
        unsafe { code.link(OUT, target.address(OUT).unwrap().into()) }.unwrap();
        assert_eq!(run(), 22);
        code.unlink(OUT).unwrap();
        assert_eq!(run(), 12);
    }
}

/// A block of a translator has two exits. What it takes beyond its uops: three bytes per exit, one invalid instruction and, with one
/// mapping, cells.
#[test]
fn a_block_takes_few_bytes_beyond_its_uops() {
    for mapping in BOTH {
        let world = World::new(mapping);
        let program = [
            Guest::add(1),
            Guest::branch(50, CodeExit(OUT)),
            Guest::go(CodeExit(OTHER)),
            Guest::bind(OUT),
            Guest::ret(1),
            Guest::bind(OTHER),
            Guest::ret(2),
        ];
        let fragment = world.compile(&program);
        let uops: usize = program.iter().map(|instruction| instruction.stencil().code.size).sum();
        assert_eq!(fragment.bytes().len(), uops);
        let size = fragment.memory().len();
        match mapping {
            Mapping::Dual => assert_eq!(2 * 3 + size - uops, 8),
            Mapping::Single => assert_eq!(size, (uops + 2).next_multiple_of(64) + 2 * 16),
        }
        // The offsets of both labels follow.
        assert_eq!(fragment.size(), size + 2 * 4);
    }
}

#[test]
fn errors() {
    for mapping in BOTH {
        let world = World::new(mapping);
        let program = [Guest::unused(CodeExit(OUT)), Guest::bind(OUT), Guest::bind(OTHER), Guest::go(CodeExit(OTHER))];
        let fragment = world.compile(&program);
        let address = fragment.start();
        // SAFETY: nothing runs.
        let link = |fragment: &Fragment<Guest>, exit| unsafe { fragment.link(exit, address) };
        assert_eq!(link(&fragment, OUT), Err(Error::UnknownExit { exit: OUT }));
        assert_eq!(link(&fragment, Label(9)), Err(Error::UnknownExit { exit: Label(9) }));
        assert_eq!(fragment.unlink(OUT), Err(Error::UnknownExit { exit: OUT }));
        assert_eq!(link(&fragment, OTHER), Ok(()));
        let none = world.compile(&[Guest::bind(OUT), Guest::ret(0)]);
        assert_eq!(none.unlink(OUT), Err(Error::UnknownExit { exit: OUT }));
        let unbound = [Guest::go(CodeExit(Label(3)))];
        let error = Guest::compile_fragment_in(&world.arena, &unbound).unwrap_err();
        assert_eq!(error, Error::UnknownLabel { label: Label(3), instruction: 0 });
    }
}

#[test]
fn links_of_dropped_programs_are_reused() {
    let world = World::new(Mapping::Single);
    let block = |n| [Guest::go(CodeExit(OUT)), Guest::bind(OUT), Guest::ret(n)];
    let target = world.compile(&[Guest::ret(1)]);
    let mut kept = Vec::new();
    for n in 0..3000 {
        let fragment = world.compile(&block(n));
        link(&fragment, OUT, &target);
        kept.push(fragment);
        if kept.len() > 16 {
            kept.remove(n as usize % 16);
        }
        assert_eq!(world.run(&kept[0], 1), 2);
    }
    drop(kept);
    // One page has room for all of them.
    assert!(world.arena.stats().padding < 2 * 4096 + 4096, "{:?}", world.arena.stats());
}

/// In debug builds, the code of a dropped program is overwritten.
#[test]
fn a_dropped_program_cannot_run_in_debug_builds() {
    let world = World::new(Mapping::Dual);
    let fragment = world.compile(&[Guest::ret(1)]);
    let start = fragment.start().as_ptr();
    drop(fragment);
    // SAFETY: the arena still has this memory.
    let byte = unsafe { start.read_volatile() };
    assert_eq!(byte == 0xcc, cfg!(debug_assertions));
}

/// A thread loops over a chain of blocks while another thread links the last block to different blocks.
#[test]
fn a_running_loop_is_linked() {
    for mapping in BOTH {
        let world = World::new(mapping);
        let block =
            |n| [Guest::add(n), Guest::down(CodeExit(OUT)), Guest::ret(0), Guest::bind(OUT), Guest::ret(1 << 40)];
        let blocks: Vec<_> = (0..4).map(|n| world.compile(&block(1 << (8 * n)))).collect();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..extent::choose(20_000, 2_000_000) {
                    for at in 0..4 {
                        link(&blocks[at], OUT, &blocks[(at + n % 3 + 1) % 4]);
                    }
                    if n % 7 == 0 {
                        blocks[n % 4].unlink(OUT).unwrap();
                    }
                }
                stop.store(true, Ordering::Relaxed);
            });
            while !stop.load(Ordering::Relaxed) {
                let mut data = [100, 0, 0, 0];
                let x = world.run_with(&blocks[0], 0, &mut data);
                let steps: u64 = (0..4).map(|n| x >> (8 * n) & 0xff).sum();
                // Either all steps were made, or an exit was not linked at that moment.
                assert_eq!(steps + data[0], 100, "{x:#x}");
                assert_eq!(data[0] == 0, x >> 40 == 0, "{x:#x}");
            }
        });
    }
}

#[test]
fn code_addresses_and_exits_mix() {
    let world = World::new(Mapping::Dual);
    let end = world.compile(&[Guest::ret(0)]);
    let address: CodeAddress = end.start();
    let fragment = world.compile(&[Guest::go(CodeExit(OUT)), Guest::bind(OUT), Guest::add(1), Guest::ret(0)]);
    // SAFETY: `end` is kept.
    unsafe { fragment.link(OUT, address) }.unwrap();
    assert_eq!(world.run(&fragment, 5), 5);
}
