//! Rounding functions for compiled code, since the oldest x86-64 processors have no instruction for it.

/// `$quiet` is the quiet bit of a NaN. WebAssembly's rounding sets it; Rust's need not.
macro_rules! rounding {
    ($($name:ident: $ty:ty, $method:ident, $quiet:literal;)*) => {$(
        pub(crate) extern "C" fn $name(value: $ty) -> $ty {
            if value.is_nan() { <$ty>::from_bits(value.to_bits() | $quiet) } else { value.$method() }
        }
    )*};
}

rounding! {
    f32_ceil: f32, ceil, 0x40_0000;
    f32_floor: f32, floor, 0x40_0000;
    f32_trunc: f32, trunc, 0x40_0000;
    f32_nearest: f32, round_ties_even, 0x40_0000;
    f64_ceil: f64, ceil, 0x8_0000_0000_0000;
    f64_floor: f64, floor, 0x8_0000_0000_0000;
    f64_trunc: f64, trunc, 0x8_0000_0000_0000;
    f64_nearest: f64, round_ties_even, 0x8_0000_0000_0000;
}
