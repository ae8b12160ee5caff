//! The behaviour of stencils: every test emits code, inspects its bytes, runs it, and compares the result with Rust.
//!
//! All modules form one test crate, so that it is linked once; each module has one theme. A `stencil!` block is in a
//! separate module where its names would clash with those of another.

mod arrays;
mod avx;
mod constants;
#[cfg(not(no_c_compiler))]
mod differential;
mod far;
mod fill;
mod flow;
mod functions;
mod holes;
mod holes_alias;
mod holes_other;
mod hygiene;
mod interpreter;
mod layout;
mod lockstep;
mod machines;
mod names;
mod narrow;
mod one_line;
mod pic;
mod program;
mod relocations;
mod scratch;
mod seed;
mod types;
mod vector_operands;

/// Returns whether a test can compare bytes. A C compiler without `preserve_none` produces different ones; then a
/// message says that the test skips the comparison.
fn exact_bytes<M: stencil_runtime::Machine>(test: &str) -> bool {
    let exact = M::ABI == stencil_runtime::Abi::PreserveNone;
    if !exact {
        eprintln!(
            "{test}: compiled for the plain C convention, by a compiler other than the seed's: bytes not compared"
        );
    }
    exact
}

/// A fixed pseudo-random sequence (xorshift64*), which is the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
