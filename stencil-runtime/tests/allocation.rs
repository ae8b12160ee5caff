//! Building, compiling, publishing and freeing programs allocates nothing in steady state.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use stencil_runtime::{Arena, ArenaOptions, Assembler, Code, Label, Mapping, stencil};

/// Counts the allocations of each thread. The test harness has threads of its own.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // The thread may be ending.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: it passes every call on to `System`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

stencil! {
    machine Trace(x: u64, f: f64) -> u64;
    extern fn host(x: u64) -> u64 = crate::host;
    uop add(n: u64) { x += n; }
    uop small(n: u8) { x = x * 3 + n; }
    uop float(n: f64) { f = f * 1.5 + n; x += (uint64_t)f; }
    uop call() { x = host(x); }
    uop leave(exit: Label) { if (x & 1) JUMP(exit); x += 5; }
    uop ret() { RETURN(x); }
}

extern "C" fn host(x: u64) -> u64 {
    x / 2
}

/// Builds a trace of this many rounds, with a label before each, and an exit.
fn build(assembler: &mut Assembler<Trace>, rounds: u32) -> Label {
    assembler.clear();
    let exit = assembler.label();
    for label in assembler.labels(rounds) {
        assembler.bind(label);
        assembler.extend([Trace::add(u64::MAX / 7), Trace::small(3), Trace::float(0.5)]);
        assembler.extend([Trace::call(), Trace::leave(exit), Trace::leave(label)]);
    }
    assembler.bind(exit);
    assembler.push(Trace::ret());
    exit
}

#[test]
fn programs_are_built_compiled_and_freed_without_allocation() {
    for mapping in [Mapping::Single, Mapping::Dual] {
        let arena = Arena::with(ArenaOptions::default().size(16 << 20).mapping(mapping)).unwrap();
        let mut assembler = Assembler::new();
        let mut live: [Option<Code<Trace>>; 16] = [const { None }; 16];
        build(&mut assembler, 40);
        assert_ne!(ALLOCATIONS.get(), 0);
        let before = ALLOCATIONS.get();
        for round in 0..1000 {
            let exit = build(&mut assembler, 1 + round * 7 % 40);
            let code = assembler.compile_in(&arena).unwrap();
            assert!(code.address(exit).is_some());
            live[round as usize * 5 % 16] = Some(code);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{mapping:?}");
        drop(live);
        assert_eq!(arena.stats().functions, 0);
    }
}
