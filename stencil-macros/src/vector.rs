//! The vector types of `core::arch`.

/// A type whose values fill a vector register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vector {
    /// Its name in both languages.
    pub name: &'static str,
    /// Its size and alignment in bytes.
    pub bytes: usize,
    /// Its C type, as the compilers' headers define it. These headers take long to read.
    pub c: &'static str,
}

macro_rules! vector {
    ($name:literal, $element:literal, $bytes:literal) => {
        Vector { name: $name, bytes: $bytes, c: concat!($element, " __attribute__((vector_size(", $bytes, ")))") }
    };
}

/// All of them.
pub const VECTORS: [Vector; 9] = [
    vector!("__m128i", "long long", 16),
    vector!("__m128", "float", 16),
    vector!("__m128d", "double", 16),
    vector!("__m256i", "long long", 32),
    vector!("__m256", "float", 32),
    vector!("__m256d", "double", 32),
    vector!("__m512i", "long long", 64),
    vector!("__m512", "float", 64),
    vector!("__m512d", "double", 64),
];

impl Vector {
    /// Returns the vector type of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        VECTORS.iter().find(|vector| vector.name == name)
    }

    /// Returns the number of 64-bit words of a value.
    pub fn words(&self) -> usize {
        self.bytes / 8
    }
}
