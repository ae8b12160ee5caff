//! The features of WebAssembly that modules may use, and the names of those that they may not.

use wasmparser::{BinaryReaderError, WasmFeatures};

use crate::module::decode::Failure;
use crate::module::error::Error;
use crate::module::progress::{Observer, Phase, Reporter};
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
    /// The supported part of 3.0: 2.0 with tail calls, multiple memories, 64-bit memories and tables, and extended constant
    /// expressions.
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

/// A feature that modules may not use, its name, and what to do about a module that needs it, if compilers can leave it
/// out. If a module needs two features at once, the first in this order is named.
const OTHERS: [(WasmFeatures, &str, Option<&str>); 15] = [
    (WasmFeatures::COMPONENT_MODEL, "components", Some("extract the module inside the component and run that")),
    (WasmFeatures::SIMD, "vectors on a CPU without SSE 4.2", Some("compile the module with `-mno-simd128` (clang)")),
    (WasmFeatures::EXTENDED_CONST, "extended constant expressions", None),
    (WasmFeatures::TAIL_CALL, "tail calls", Some("compile the module with `-mno-tail-call` (clang)")),
    (WasmFeatures::MULTI_MEMORY, "multiple memories", None),
    (WasmFeatures::MEMORY64, "64-bit memories and tables", Some("compile the module for `wasm32`")),
    (WasmFeatures::RELAXED_SIMD, "relaxed vectors (relaxed SIMD)", Some("compile the module without `-mrelaxed-simd`")),
    (WasmFeatures::THREADS, "threads", Some("compile the module without `-pthread` and `-matomics`")),
    (WasmFeatures::EXCEPTIONS, "exceptions", Some("compile the module without `-fwasm-exceptions`")),
    (WasmFeatures::LEGACY_EXCEPTIONS, "exceptions", None),
    (WasmFeatures::FUNCTION_REFERENCES, "typed function references", None),
    (WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES), "garbage collection", None),
    (WasmFeatures::STACK_SWITCHING, "stack switching", None),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic", Some("compile the module without `-mwide-arithmetic`")),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes", None),
];

/// What to do about a module that needs a feature of this name.
pub(crate) fn remedy(name: &str) -> Option<&'static str> {
    OTHERS.iter().find(|(_, other, _)| *other == name)?.2
}

/// The feature that a refused module needs beyond those that it may use. `None` if the module is invalid in any case.
///
/// # Errors
/// [`Error::Cancelled`].
#[cold]
pub(crate) fn unsupported(
    wasm: &[u8],
    features: WasmFeatures,
    error: &BinaryReaderError,
    observer: Observer<'_>,
) -> Result<Option<String>, Error> {
    let mut others = OTHERS.iter();
    // If the validator does not know, the whole module is validated again with each feature.
    let named = match error.missing_wasm_feature() {
        Some(missing) => others.find(|(feature, ..)| feature.intersects(missing)),
        None => {
            let mut valid = |features| {
                let mut reporter = Reporter::new(observer, Phase::Validating, 0, wasm.len());
                match validate(wasm, features, &mut reporter, |_| Ok(())) {
                    Ok(()) => Ok(true),
                    Err(Failure::Refused(Error::Cancelled)) => Err(Error::Cancelled),
                    Err(_) => Ok(false),
                }
            };
            if !valid(WasmFeatures::all())? {
                return Ok(None);
            }
            loop {
                match others.next() {
                    Some(other) if !valid(features.union(other.0))? => {}
                    found => break found,
                }
            }
        }
    };
    Ok(Some(named.map_or_else(|| error.message().to_owned(), |(_, name, _)| (*name).to_owned())))
}
