//! Complete small interpreters on [`stencil!`](stencil_runtime::stencil): [`tracing`], a dynamic language with a tracing
//! JIT; [`ebpf`], a register machine with checked memory; and the programs in `src/bin`.

pub mod ebpf;
pub mod tracing;
