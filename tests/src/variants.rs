//! Variants of modules, made by `wasm-mutate`. Equal seeds yield equal variants.

use std::panic::catch_unwind;
use std::sync::Arc;

use wasm_mutate::WasmMutate;
use wasmparser::{Validator, WasmFeatures};

use crate::programs::EXAMPLES;
use crate::rng::Rng;
use crate::smith;

/// The greatest number of successive mutations.
const MUTATIONS: usize = 8;
/// The effort that one mutation may take.
const FUEL: u64 = 300;
/// The greatest size of a variant in bytes.
const SIZE: usize = 1 << 16;
/// The greatest number of bytes that a mutation adds to a data segment.
const DATA: usize = 64;
/// The features of uops.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::MULTI_MEMORY);

/// Generates a binary module from a seed: a module of `wasm-smith` or a compiled program after a few mutations. A quarter of
/// the variants behave as the original does.
#[must_use]
pub fn module(seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut wasm = match rng.below(8) {
        0 => rng.pick(&EXAMPLES).to_vec(),
        _ => smith::module(rng.bits()),
    };
    let preserve = rng.below(4) == 0;
    for _ in 0..=rng.below(MUTATIONS) {
        if let Some(variant) = mutation(&wasm, rng.bits(), |mutate| mutate.preserve_semantics(preserve)) {
            wasm = variant;
        }
    }
    wasm
}

/// Returns a module with one mutation that makes it smaller, if this seed yields one.
#[must_use]
pub fn smaller(wasm: &[u8], seed: u64) -> Option<Vec<u8>> {
    mutation(wasm, seed, |mutate| mutate.reduce(true)).filter(|variant| variant.len() < wasm.len())
}

/// Returns a module with one mutation, if this seed yields one that is valid and not too large.
fn mutation<'a>(
    wasm: &'a [u8],
    seed: u64,
    configure: impl for<'m> FnOnce(&'m mut WasmMutate<'a>) -> &'m mut WasmMutate<'a>,
) -> Option<Vec<u8>> {
    let mut mutate = WasmMutate::default();
    configure(mutate.seed(seed).fuel(FUEL));
    let mut rng = Rng::new(seed);
    let (pick, bytes) = (rng.bits() as usize, rng.bytes(DATA));
    mutate.raw_mutate_func(Some(Arc::new(move |data, _| {
        let at = pick % (data.len() + 1);
        let end = (at + usize::from(bytes[0] % 8)).min(data.len());
        data.splice(at..end, bytes[..pick % DATA].iter().copied());
        Ok(())
    })));
    // Some mutations panic on modules that they do not expect.
    let variant = catch_unwind(std::panic::AssertUnwindSafe(|| mutate.run(wasm).ok()?.next()?.ok())).ok()??;
    (variant.len() <= SIZE && Validator::new_with_features(FEATURES).validate_all(&variant).is_ok()).then_some(variant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_yield_equal_variants_and_most_mutations_succeed() {
        let differs = |seed| {
            let wasm = smith::module(seed);
            let variant = mutation(&wasm, seed, |mutate| mutate);
            assert_eq!(variant, mutation(&wasm, seed, |mutate| mutate));
            assert_eq!(module(seed), module(seed));
            variant.is_some_and(|variant| variant != wasm)
        };
        assert!((0..50).filter(|&seed| differs(seed)).count() > 25);
    }
}
