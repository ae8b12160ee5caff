//! Random operations on two threads: each links, unlinks, replaces and runs the same blocks.
//!
//! The ordinary test is a small set with fixed seeds. The whole set is 10^7 operations for each mapping:
//! `cargo test --release -p stencil-runtime --test links random -- --ignored`
//!
//! Each block writes its identity to a trace. The exits of a block may only lead to certain blocks, so a jump to a wrong target shows,
//! as does a block that was freed before.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64};

use super::*;

stencil! {
    machine Traced(trace: *mut u64, fuel: u64) -> *mut u64;
    uop visit(block: u64) { *trace++ = block; if (!--fuel) RETURN(trace); }
    uop branch_traced(mask: u64, exit: CodeExit) { if (fuel & mask) JUMP(exit); }
    uop go_traced(exit: CodeExit) { JUMP(exit); }
    uop either_traced(mask: u64, a: CodeExit, b: CodeExit) { if (fuel & mask) JUMP(a); JUMP(b); }
    uop leave() { RETURN(trace); }
}

/// The number of blocks at a time, and how many of them an exit may lead to.
const BLOCKS: usize = 24;
const TARGETS: usize = 5;
/// The most blocks that wait until no thread is inside.
const RETIRED: usize = 24;
/// The most blocks that a run visits.
const FUEL: usize = 24;

/// xorshift64* (Vigna, 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit as u64) as usize
    }
}

/// Returns the block to which an exit of a block may lead, the `choice`th of several.
fn target(block: usize, exit: usize, choice: usize) -> usize {
    (block * 7 + exit * 11 + choice * 3 + 1) % BLOCKS
}

struct Block {
    fragment: Fragment<Traced>,
    /// The number of the version: each replacement has its own.
    version: usize,
    /// The blocks to which the exits are linked.
    links: [Option<usize>; 2],
}

/// A block that no exit leads to any more, and the threads' runs at that time.
struct Retired {
    block: Block,
    runs: [u64; 2],
}

struct Shared<'a> {
    arenas: &'a [Arena; 2],
    entry: FragmentEntry<Traced>,
    blocks: Mutex<(Vec<Block>, Vec<Retired>)>,
    /// For each thread an odd number while it runs code.
    runs: [AtomicU64; 2],
    /// For each version 1 once it is freed.
    freed: Vec<AtomicU8>,
    versions: AtomicU64,
}

impl<'a> Shared<'a> {
    fn new(arenas: &'a [Arena; 2], operations: usize) -> Self {
        let shared = Self {
            arenas,
            entry: FragmentEntry::new_in(&arenas[0]).unwrap(),
            blocks: Mutex::default(),
            runs: Default::default(),
            freed: (0..operations + BLOCKS).map(|_| AtomicU8::new(0)).collect(),
            versions: AtomicU64::new(0),
        };
        let blocks = (0..BLOCKS).map(|index| shared.block(index, &mut Random(index as u64 + 1))).collect();
        shared.blocks.lock().unwrap().0 = blocks;
        shared
    }

    fn block(&self, index: usize, random: &mut Random) -> Block {
        let version = self.versions.fetch_add(1, Ordering::Relaxed) as usize;
        let mut program = vec![Traced::visit((version * BLOCKS + index) as u64)];
        let mask = 1 << random.below(5);
        if random.below(4) == 0 {
            program.push(Traced::either_traced(mask, CodeExit(OUT), CodeExit(OTHER)));
        } else {
            program.extend([Traced::branch_traced(mask, CodeExit(OUT)), Traced::go_traced(CodeExit(OTHER))]);
        }
        program.extend([Traced::bind(OUT), Traced::bind(OTHER), Traced::leave()]);
        let fragment = Traced::compile_fragment_in(&self.arenas[random.below(2)], &program).unwrap();
        Block { fragment, version, links: [None; 2] }
    }

    fn link(&self, random: &mut Random) {
        let (blocks, _) = &mut *self.blocks.lock().unwrap();
        let (index, exit) = (random.below(BLOCKS), random.below(2));
        let to = target(index, exit, random.below(TARGETS));
        let address = blocks[to].fragment.start();
        // SAFETY: a block is retired only when no exit leads to it.
        unsafe { blocks[index].fragment.link([OUT, OTHER][exit], address) }.unwrap();
        blocks[index].links[exit] = Some(to);
    }

    fn unlink(&self, random: &mut Random) {
        let (blocks, _) = &mut *self.blocks.lock().unwrap();
        let (index, exit) = (random.below(BLOCKS), random.below(2));
        blocks[index].fragment.unlink([OUT, OTHER][exit]).unwrap();
        blocks[index].links[exit] = None;
    }

    /// Replaces a block, and frees the blocks that no thread can be inside any more.
    fn replace(&self, random: &mut Random) {
        let (blocks, retired) = &mut *self.blocks.lock().unwrap();
        let now = || self.runs.each_ref().map(|run| run.load(Ordering::SeqCst));
        let is_left =
            |retired: &Retired| retired.runs.iter().zip(now()).all(|(&then, now)| then % 2 == 0 || then != now);
        let (left, kept) = std::mem::take(retired).into_iter().partition(is_left);
        *retired = kept;
        for Retired { block, .. } in left {
            self.freed[block.version].store(1, Ordering::SeqCst);
            drop(block);
        }
        // A thread may stay inside for long if the system does not run it.
        if retired.len() > RETIRED {
            return;
        }
        let index = random.below(BLOCKS);
        for block in &mut *blocks {
            for exit in (0..2).filter(|&exit| block.links[exit] == Some(index)) {
                block.fragment.unlink([OUT, OTHER][exit]).unwrap();
            }
            block.links.iter_mut().for_each(|link| *link = link.filter(|&to| to != index));
        }
        let block = std::mem::replace(&mut blocks[index], self.block(index, random));
        retired.push(Retired { block, runs: now() });
    }

    fn run(&self, thread: usize, random: &mut Random) {
        let mut trace = [0_u64; FUEL];
        let (index, fuel) = (random.below(BLOCKS), 1 + random.below(FUEL));
        let start = {
            let (blocks, _) = &*self.blocks.lock().unwrap();
            self.runs[thread].fetch_add(1, Ordering::SeqCst);
            blocks[index].fragment.start()
        };
        // SAFETY: blocks are freed only when no thread is inside, and the trace has room for as many blocks as there is fuel.
        let end = unsafe { self.entry.function()(start, trace.as_mut_ptr(), fuel as u64) };
        // SAFETY: both pointers are into the trace.
        let length = unsafe { end.offset_from(trace.as_ptr()) } as usize;
        let visited: Vec<_> = trace[..length].iter().map(|&id| (id as usize % BLOCKS, id as usize / BLOCKS)).collect();
        assert!((1..=fuel).contains(&length) && visited[0].0 == index, "{visited:?}");
        for pair in visited.windows(2) {
            let (from, to) = (pair[0].0, pair[1].0);
            let allowed = (0..2).any(|exit| (0..TARGETS).any(|choice| target(from, exit, choice) == to));
            assert!(allowed, "{visited:?}");
        }
        for &(_, version) in &visited {
            assert_eq!(self.freed[version].load(Ordering::SeqCst), 0, "{visited:?}");
        }
        self.runs[thread].fetch_add(1, Ordering::SeqCst);
    }
}

fn random(mapping: Mapping, operations: usize, seed: u64) {
    // Small arenas, so that freed lines are soon used again.
    let size = if mapping == Mapping::Dual { 16 << 10 } else { 1 << 20 };
    let arenas = [(); 2].map(|()| Arena::with(ArenaOptions::default().size(size).mapping(mapping)).unwrap());
    let shared = Shared::new(&arenas, operations);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let shared = &shared;
            scope.spawn(move || {
                let mut random = Random(seed * 2 + thread as u64 + 1);
                for _ in 0..operations / 2 {
                    match random.below(16) {
                        0..8 => shared.run(thread, &mut random),
                        8..13 => shared.link(&mut random),
                        13 => shared.unlink(&mut random),
                        _ => shared.replace(&mut random),
                    }
                }
            });
        }
    });
    drop(shared);
    for arena in &arenas {
        assert_eq!((arena.stats().functions, arena.stats().used), (0, 0));
    }
}

fn check(operations: usize) {
    for mapping in BOTH {
        for seed in 1..=3 {
            random(mapping, operations / 3, seed);
        }
    }
}

#[test]
fn random_operations_on_two_threads() {
    check(extent::choose(15_000, 300_000));
}

#[test]
#[ignore = "takes half a minute when optimized"]
fn ten_million_random_operations_on_two_threads() {
    check(10_000_000);
}
