//! Operands as the words that instructions hold.

use std::fmt;

use crate::label::Label;

/// An array of words. Only arrays of `u64` implement it.
pub trait Words: sealed::Words + Copy + AsRef<[u64]> + fmt::Debug {
    /// Pads a uop's words with zeros.
    fn from_words<const N: usize>(words: [u64; N]) -> Self;
}

mod sealed {
    pub trait Words {}
    impl<const SIZE: usize> Words for [u64; SIZE] {}
}

impl<const SIZE: usize> Words for [u64; SIZE] {
    #[inline(always)]
    fn from_words<const N: usize>(words: [u64; N]) -> Self {
        const {
            assert!(
                N <= SIZE,
                "a uop has more operands than all those of the block that declares the machine: write \
                 `#[operands(N)] machine ...` there, N being the most operands that a uop has"
            );
        }
        let mut all = [0; SIZE];
        all[..N].copy_from_slice(&words);
        all
    }
}

/// A type of operands, which an [`Instruction`](crate::Instruction) holds as a word.
pub trait Operand: Copy {
    /// Returns the word that carries the value: an integer extended to 64 bits, a float's bits, a pointer's address, or a
    /// label's number.
    fn to_word(self) -> u64;
    /// Returns the value that a word carries.
    fn from_word(word: u64) -> Self;
}

macro_rules! integer_operands {
    ($($ty:ty)*) => {$(
        impl Operand for $ty {
            #[inline(always)]
            fn to_word(self) -> u64 { self as u64 }
            #[inline(always)]
            fn from_word(word: u64) -> Self { word as $ty }
        }
    )*};
}
integer_operands!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl Operand for bool {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.into()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        word != 0
    }
}

impl Operand for f32 {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.to_bits().into()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self::from_bits(word as u32)
    }
}

impl Operand for f64 {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.to_bits()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self::from_bits(word)
    }
}

impl<T> Operand for *const T {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.expose_provenance() as u64
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        std::ptr::with_exposed_provenance(word as usize)
    }
}

impl<T> Operand for *mut T {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.expose_provenance() as u64
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        std::ptr::with_exposed_provenance_mut(word as usize)
    }
}

impl Operand for Label {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.0.into()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self(word as u32)
    }
}
