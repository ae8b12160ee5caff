//! Rounding, which the oldest x86-64 has no instruction for: compiled code calls these.

macro_rules! rounding {
    ($($name:ident: $ty:ty, $method:ident;)*) => {$(
        pub(crate) extern "C" fn $name(value: $ty) -> $ty {
            value.$method()
        }
    )*};
}

rounding! {
    f32_ceil: f32, ceil;
    f32_floor: f32, floor;
    f32_trunc: f32, trunc;
    f32_nearest: f32, round_ties_even;
    f64_ceil: f64, ceil;
    f64_floor: f64, floor;
    f64_trunc: f64, trunc;
    f64_nearest: f64, round_ties_even;
}
