//! The features of WebAssembly that modules may use, and the names of those that they may not.

use wasmparser::{BinaryReaderError, WasmFeatures};

use crate::module::validate::validate;

/// WebAssembly 2.0.
const V2: WasmFeatures = WasmFeatures::WASM1
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD);

/// All features that modules may use: 2.0 and these proposals of 3.0.
pub(crate) const FEATURES: WasmFeatures = V2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64);

/// A version of the WebAssembly specification. A module that is valid by one version has the same meaning by all later
/// versions.
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
    /// The features that modules may use on this CPU. Uops on vectors are compiled with `-msse4.2`, which lets gcc use
    /// `popcnt`, too.
    pub(crate) fn features(self) -> WasmFeatures {
        let features = match self {
            Self::V2 => V2,
            Self::V3 => FEATURES,
        };
        let vectors = std::arch::is_x86_feature_detected!("sse4.2") && std::arch::is_x86_feature_detected!("popcnt");
        if vectors { features } else { features.difference(WasmFeatures::SIMD) }
    }
}

/// Unsupported features, with their names. If a module needs two of them, the first is named.
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

/// Names the feature that a module needs in addition to `features`; none if the module is not valid with any.
#[cold]
pub(crate) fn unsupported(wasm: &[u8], features: WasmFeatures, error: &BinaryReaderError) -> Option<String> {
    let others = || OTHERS.iter();
    // If the validator does not know, the whole module is validated again with each feature.
    let named = match error.missing_wasm_feature() {
        Some(missing) => others().find(|(feature, _)| feature.intersects(missing)),
        None => {
            let valid = |features| validate(wasm, features, |_| Ok(())).is_ok();
            if !valid(WasmFeatures::all()) {
                return None;
            }
            others().find(|(feature, _)| valid(features.union(*feature)))
        }
    };
    Some(named.map_or_else(|| error.message().to_owned(), |(_, name)| (*name).to_owned()))
}
