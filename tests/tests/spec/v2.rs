//! WebAssembly 2.0, as far as it is supported.

suite! { V2:
    conversions 619,
    i32 460,
    i64 416,
}
