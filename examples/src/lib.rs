//! Complete small interpreters on [`stencil!`](stencil_runtime::stencil): [`tracing`], a dynamic language with a tracing
//! JIT, and the programs in `src/bin`.

pub mod tracing;
