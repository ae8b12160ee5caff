//! Arenas: allocation and reuse, many threads, child processes, and system limits.

mod child;
mod large;
mod property;
mod threads;
mod uses;

use stencil_runtime::{Arena, ArenaOptions, Code, Instruction, Label, Mapping, stencil};

stencil! {
    machine Test(x: u64, f: f64) -> u64;
    c {
        static __attribute__((noinline)) uint64_t slowly(uint64_t y) { return y * y + 1; }
    }
    extern fn host(x: u64) -> u64 = crate::host;
    /// Its code has zeros in the middle, which are not written.
    uop add(n: u64) { x += n; }
    /// Has no data, so that a short program is one cache line.
    uop plus(n: i32) { x += n; }
    uop small(n: u8) { x = x * 3 + n; }
    /// Its data is an aligned constant.
    uop float(n: f64) { f = f * 1.5 + n; x += (uint64_t)f; }
    /// Its data is an out-of-line function.
    uop slow() { x = slowly(x); }
    uop kilobyte() { __asm__ volatile(".fill 1024, 1, 0x90"); }
    uop call() { x = host(x); }
    uop jump(target: Label) { if (x & 1) JUMP(target); x += 5; }
    uop ret() { RETURN(x); }
}

mod pic {
    stencil_runtime::stencil! {
        #![c_flags("-fpic")]
        continue machine super::Test(x: u64, f: f64) -> u64;
        c {
            struct aligned { uint64_t n[16]; } __attribute__((aligned(128)));
            static const struct aligned aligned = { { 1, 2, 3 } };
        }
        /// Its data is aligned to more than a cache line: it reads the constant relative to the code.
        pub uop wide(n: u64) { x += n; __asm__("add %1, %0" : "+r"(x) : "m"(aligned.n[2]) : "cc"); }
    }
}

// Inlining would give the function several addresses among the instances of the emit functions.
#[inline(never)]
extern "C" fn host(x: u64) -> u64 {
    x ^ 0x5555
}

const BOTH: [Mapping; 2] = [Mapping::Single, Mapping::Dual];

fn arena(size: usize, mapping: Mapping) -> Arena {
    Arena::with(ArenaOptions::default().size(size).mapping(mapping)).unwrap()
}

/// Returns a program that adds `n`, padded to about `uops` uops.
fn adds(n: u64, uops: usize) -> Vec<Instruction<Test>> {
    let mut program = vec![i32::try_from(n).map_or_else(|_| Test::add(n), Test::plus)];
    program.extend((1..uops).map(|_| Test::plus(0)));
    program.push(Test::ret());
    program
}

fn run(code: &Code<Test>, x: u64) -> u64 {
    // SAFETY: the bodies above touch no memory.
    unsafe { code.entry()(x, 0.5) }
}
