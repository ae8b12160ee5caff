//! Complete small interpreters on [`stencil!`](stencil_runtime::stencil): see the programs in `src/bin`.
