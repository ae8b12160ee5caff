//! What modules may use of WebAssembly and its proposals, and the names of what they may not.

use wasmparser::{BinaryReaderError, Validator, WasmFeatures};

/// What modules may use: WebAssembly 2.0, and these proposals of 3.0.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64);

/// What they may use on this CPU. Uops on vectors are compiled with `-msse4.2`, which lets gcc use `popcnt`, too.
pub(crate) fn available() -> WasmFeatures {
    let vectors = std::arch::is_x86_feature_detected!("sse4.2") && std::arch::is_x86_feature_detected!("popcnt");
    if vectors { FEATURES } else { FEATURES.difference(WasmFeatures::SIMD) }
}

/// What they may not, in people's words. Of two that a module needs at once, the first names both.
const OTHERS: [(WasmFeatures, &str); 11] = [
    (WasmFeatures::COMPONENT_MODEL, "components"),
    (WasmFeatures::SIMD, "vectors on a CPU without SSE 4.2"),
    (WasmFeatures::RELAXED_SIMD, "relaxed vectors (relaxed SIMD)"),
    (WasmFeatures::THREADS, "threads"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "exceptions"),
    (WasmFeatures::FUNCTION_REFERENCES, "typed function references"),
    (WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES), "garbage collection"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
];

/// What a module that was refused, having these features, needs, unless it is not valid at all.
#[cold]
pub(crate) fn unsupported(wasm: &[u8], features: WasmFeatures, error: &BinaryReaderError) -> Option<String> {
    let others = || OTHERS.iter();
    // The validator may know; or else all of the module is looked at again, which is slow, but it cannot run anyway.
    let named = match error.missing_wasm_feature() {
        Some(missing) => others().find(|(feature, _)| feature.intersects(missing)),
        None => {
            let valid = |features| Validator::new_with_features(features).validate_all(wasm).is_ok();
            if !valid(WasmFeatures::all()) {
                return None;
            }
            others().find(|(feature, _)| valid(features.union(*feature)))
        }
    };
    Some(named.map_or_else(|| error.message().to_owned(), |(_, name)| (*name).to_owned()))
}
