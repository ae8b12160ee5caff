//! Arenas: programs that come and go, on many threads, in child processes, and where the system says no.

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
    /// Zeros in its middle, which are not written.
    uop add(n: u64) { x += n; }
    /// Has no data, so that a short program is one cache line.
    uop plus(n: i32) { x += n; }
    uop small(n: u8) { x = x * 3 + n; }
    /// Data: an aligned constant.
    uop float(n: f64) { f = f * 1.5 + n; x += (uint64_t)f; }
    /// Data: a function out of line.
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
        /// Has data with a larger alignment than a cache line's: it reads the constant relative to the code.
        pub uop wide(n: u64) { x += n; __asm__("add %1, %0" : "+r"(x) : "m"(aligned.n[2]) : "cc"); }
    }
}

// Not inlined, it has one address in all instances of the emit functions.
#[inline(never)]
extern "C" fn host(x: u64) -> u64 {
    x ^ 0x5555
}

const BOTH: [Mapping; 2] = [Mapping::Single, Mapping::Dual];

fn arena(size: usize, mapping: Mapping) -> Arena {
    Arena::with(ArenaOptions::default().size(size).mapping(mapping)).unwrap()
}

/// A program that adds `n`, and as many others as it takes to be about as long as this.
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
