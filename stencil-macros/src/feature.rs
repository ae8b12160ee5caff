//! Features of processors that a block may require, by their names in Rust.

/// Each feature that the standard library can detect, and the compilers' flag for it.
pub const FEATURES: &[(&str, &str)] = &[
    ("sse3", "-msse3"),
    ("ssse3", "-mssse3"),
    ("sse4.1", "-msse4.1"),
    ("sse4.2", "-msse4.2"),
    ("sse4a", "-msse4a"),
    ("popcnt", "-mpopcnt"),
    ("lzcnt", "-mlzcnt"),
    ("bmi1", "-mbmi"),
    ("bmi2", "-mbmi2"),
    ("movbe", "-mmovbe"),
    ("adx", "-madx"),
    ("aes", "-maes"),
    ("pclmulqdq", "-mpclmul"),
    ("sha", "-msha"),
    ("rdrand", "-mrdrnd"),
    ("rdseed", "-mrdseed"),
    ("cmpxchg16b", "-mcx16"),
    ("rtm", "-mrtm"),
    ("avx", "-mavx"),
    ("avx2", "-mavx2"),
    ("fma", "-mfma"),
    ("f16c", "-mf16c"),
    ("gfni", "-mgfni"),
    ("vaes", "-mvaes"),
    ("vpclmulqdq", "-mvpclmulqdq"),
    ("avx512f", "-mavx512f"),
    ("avx512bw", "-mavx512bw"),
    ("avx512cd", "-mavx512cd"),
    ("avx512dq", "-mavx512dq"),
    ("avx512vl", "-mavx512vl"),
    ("avx512ifma", "-mavx512ifma"),
    ("avx512vbmi", "-mavx512vbmi"),
    ("avx512vbmi2", "-mavx512vbmi2"),
    ("avx512vnni", "-mavx512vnni"),
    ("avx512bitalg", "-mavx512bitalg"),
    ("avx512vpopcntdq", "-mavx512vpopcntdq"),
    ("avx512bf16", "-mavx512bf16"),
    ("avx512fp16", "-mavx512fp16"),
    ("avx512vp2intersect", "-mavx512vp2intersect"),
];

/// Returns the compilers' flag for a feature.
pub fn flag(name: &str) -> Option<&'static str> {
    FEATURES.iter().find(|(feature, _)| *feature == name).map(|(_, flag)| *flag)
}
