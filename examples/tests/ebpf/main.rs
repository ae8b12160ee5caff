//! Runs the test programs of the crate `rbpf` on the eBPF example, random programs on it and on rbpf's interpreter, and
//! accesses at the limits of the stack.

mod random;
mod rbpf;
mod stack;

/// rbpf's own tests, on our [`rbpf`]: the build script finds them in its package.
mod common {
    include!(concat!(env!("OUT_DIR"), "/common.rs"));
}
mod ubpf_vm {
    include!(concat!(env!("OUT_DIR"), "/ubpf_vm.rs"));
}
#[allow(clippy::undocumented_unsafe_blocks)]
mod ubpf_jit_x86_64 {
    include!(concat!(env!("OUT_DIR"), "/ubpf_jit_x86_64.rs"));
}
