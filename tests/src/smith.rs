//! Random modules made by `wasm-smith`, which use every feature of uops. Equal seeds yield equal modules.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

use crate::rng::Rng;

/// The module that random modules may import from, by the name [`ENVIRONMENT_NAME`].
pub const ENVIRONMENT: &[u8] = include_bytes!("smith/environment.wat");
/// The same as a binary module.
pub static BINARY_ENVIRONMENT: LazyLock<Vec<u8>> = LazyLock::new(|| binary(ENVIRONMENT));
/// The imports that random modules choose from.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| binary(include_bytes!("smith/imports.wat")));
/// The name of the environment module.
pub const ENVIRONMENT_NAME: &str = "env";

/// The number of loop iterations and calls that a function may perform, including its callees.
const FUEL: u32 = 1000;
/// The number of bytes that a module is generated from.
const ENTROPY: usize = 4096;

/// Generates a binary module from a seed. Its functions terminate.
#[must_use]
pub fn module(seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let config = config(&mut rng);
    let bytes = rng.bytes(ENTROPY);
    let mut module = Module::new(config, &mut Unstructured::new(&bytes)).expect("any bytes make a module");
    module.ensure_termination(FUEL).expect("no function's body is made of raw bytes");
    module.to_bytes()
}

fn binary(text: &[u8]) -> Vec<u8> {
    wat::parse_bytes(text).expect("the text is a module").into_owned()
}

/// The features and limits of modules.
fn config(rng: &mut Rng) -> Config {
    Config {
        // WebAssembly 2.0.
        bulk_memory_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: true,
        // WebAssembly 3.0.
        extended_const_enabled: true,
        max_memories: 3,
        memory64_enabled: true,
        tail_call_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        relaxed_simd_enabled: false,
        // Proposals.
        compact_imports_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,

        // Everything is exported, and results are deterministic.
        canonicalize_nans: true,
        export_everything: true,
        memory_max_size_required: true,
        table_max_size_required: true,
        // Half of the modules get beyond the first possible trap.
        disallow_traps: rng.below(2) == 0,
        allow_floats: rng.below(4) != 0,

        // Many small functions rather than a few large ones.
        available_imports: Some(IMPORTS.clone()),
        max_imports: rng.below(8),
        max_memory32_bytes: 4 << 16,
        max_memory64_bytes: 4 << 16,
        max_table_elements: 20,
        max_tables: 3,
        max_types: 10,
        max_funcs: 16,
        min_funcs: 1,
        max_globals: 10,
        max_element_segments: 5,
        max_elements: 10,
        max_data_segments: 5,
        max_instructions: rng.pick(&[20, 100, 500]),
        ..Config::default()
    }
}
