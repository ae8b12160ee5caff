//! Compiled C programs.

/// The programs of `uops/examples`. Each exports a memory and a function `run`.
pub const EXAMPLES: [&[u8]; 6] = [
    include_bytes!("../../uops/examples/bytecode.wasm"),
    include_bytes!("../../uops/examples/matmul.wasm"),
    include_bytes!("../../uops/examples/nbody.wasm"),
    include_bytes!("../../uops/examples/quicksort.wasm"),
    include_bytes!("../../uops/examples/sha256.wasm"),
    include_bytes!("../../uops/examples/sieve.wasm"),
];

/// The programs of `benches/kernels`.
pub const KERNELS: [&[u8]; 5] = [
    include_bytes!("../../benches/kernels/coremark.wasm"),
    include_bytes!("../../benches/kernels/covariance.wasm"),
    include_bytes!("../../benches/kernels/floyd.wasm"),
    include_bytes!("../../benches/kernels/jacobi.wasm"),
    include_bytes!("../../benches/kernels/lu.wasm"),
];
