//! What modules may use of WebAssembly and its proposals, and the names of what they may not.

use wasmparser::{BinaryReaderError, Validator, WasmFeatures};

/// WebAssembly 2.0.
const V2: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD);

/// All that modules may use: of 3.0 these proposals.
pub(crate) const FEATURES: WasmFeatures = V2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64);

/// A version of WebAssembly, by which a module is or is not valid. What is valid by one means the same by all later ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// 2.0.
    V2,
    /// 3.0, as far as it is supported: 2.0 with tail calls, multiple memories, 64-bit memories and tables, and extended
    /// constant expressions.
    #[default]
    V3,
}

impl Version {
    /// What modules may use on this CPU. Uops on vectors are compiled with `-msse4.2`, which lets gcc use `popcnt`, too.
    pub(crate) fn features(self) -> WasmFeatures {
        let features = match self {
            Self::V2 => V2,
            Self::V3 => FEATURES,
        };
        let vectors = std::arch::is_x86_feature_detected!("sse4.2") && std::arch::is_x86_feature_detected!("popcnt");
        if vectors { features } else { features.difference(WasmFeatures::SIMD) }
    }
}

/// What they may not, in people's words. Of two that a module needs at once, the first names both.
const OTHERS: [(WasmFeatures, &str); 15] = [
    (WasmFeatures::COMPONENT_MODEL, "components"),
    (WasmFeatures::SIMD, "vectors on a CPU without SSE 4.2"),
    (WasmFeatures::EXTENDED_CONST, "extended constant expressions"),
    (WasmFeatures::TAIL_CALL, "tail calls"),
    (WasmFeatures::MULTI_MEMORY, "multiple memories"),
    (WasmFeatures::MEMORY64, "64-bit memories and tables"),
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
