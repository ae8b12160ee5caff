//! The eBPF example runs the test programs of the crate `rbpf`, and random programs beside rbpf's interpreter.

mod random;
mod rbpf;

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
