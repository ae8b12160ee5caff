//! Vectors as operands: the words that an instruction holds.

/// A vector type of `core::arch`. An operand of this type takes `WORDS` words of an [`Instruction`](crate::Instruction).
///
/// ```
/// # #[cfg(target_arch = "x86_64")] {
/// use core::arch::x86_64::__m256i;
/// use stencil_runtime::VectorOperand;
///
/// let v = __m256i::from_words([1, 2, 3, 4]);
/// assert_eq!(v.to_words(), [1, 2, 3, 4]);
/// # }
/// ```
pub trait VectorOperand<const WORDS: usize>: sealed::Sealed + Copy {
    /// Returns the words of a vector, the lowest lanes first.
    fn to_words(self) -> [u64; WORDS];
    /// Returns the vector of these words.
    fn from_words(words: [u64; WORDS]) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

#[cfg(target_arch = "x86_64")]
macro_rules! vectors {
    ($($name:ident: $words:literal),*) => {$(
        impl sealed::Sealed for core::arch::x86_64::$name {}
        impl VectorOperand<$words> for core::arch::x86_64::$name {
            #[inline(always)]
            fn to_words(self) -> [u64; $words] {
                // SAFETY: both types have the same size, and every bit pattern is a value of both.
                unsafe { std::mem::transmute::<Self, [u64; $words]>(self) }
            }
            #[inline(always)]
            fn from_words(words: [u64; $words]) -> Self {
                // SAFETY: as above.
                unsafe { std::mem::transmute::<[u64; $words], Self>(words) }
            }
        }
    )*};
}
#[cfg(target_arch = "x86_64")]
vectors! {
    __m128i: 2, __m128: 2, __m128d: 2, __m256i: 4, __m256: 4, __m256d: 4, __m512i: 8, __m512: 8, __m512d: 8
}

/// Returns the number of words of an operand of the type with this name.
pub(crate) fn words(type_name: &str) -> usize {
    match type_name {
        "__m128i" | "__m128" | "__m128d" => 2,
        "__m256i" | "__m256" | "__m256d" => 4,
        "__m512i" | "__m512" | "__m512d" => 8,
        _ => 1,
    }
}
