//! Fragments of machines with all kinds of registers.

use stencil_runtime::{Arena, FragmentEntry, stencil};

/// No registers and no result.
mod none {
    super::stencil! {
        pub machine None();
        pub uop store(to: *mut u64, value: u64) { *to = value; }
        pub uop ret() { RETURN(); }
    }
}

/// As many registers as the C convention passes in registers, and one more of each kind with the entry's address.
mod many {
    super::stencil! {
        pub machine Many(
            a: u64, b: u8, c: i16, d: u32, e: i64, s: *mut u64,
            f: f64, g: f32, h: f64, i: f64, j: f64, k: f64, l: f64, m: f64,
        ) -> u64;
        pub uop sum() {
            s[0] = a; s[1] = b; s[2] = (uint64_t)c; s[3] = d; s[4] = (uint64_t)e;
            s[5] = (uint64_t)(f + g + h + i + j + k + l + m);
            RETURN(a + b);
        }
    }
}

#[test]
fn a_machine_without_registers() {
    let arena = Arena::new().unwrap();
    let entry = FragmentEntry::<none::None>::new_in(&arena).unwrap();
    let mut value = 0_u64;
    let fragment =
        none::None::compile_fragment_in(&arena, &[none::None::store(&raw mut value, 7), none::None::ret()]).unwrap();
    // SAFETY: the pointer is valid.
    unsafe { entry.function()(fragment.start()) };
    assert_eq!(value, 7);
}

#[test]
fn every_register_arrives() {
    let arena = Arena::new().unwrap();
    let entry = FragmentEntry::<many::Many>::new_in(&arena).unwrap();
    let fragment = many::Many::compile_fragment_in(&arena, &[many::Many::sum()]).unwrap();
    let mut s = [0_u64; 6];
    let at = fragment.start();
    // SAFETY: the pointer is valid.
    let sum =
        unsafe { entry.function()(at, 1000, 200, -3, 4, -5, s.as_mut_ptr(), 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0) };
    assert_eq!(sum, 1200);
    assert_eq!(s, [1000, 200, -3_i64 as u64, 4, -5_i64 as u64, 36]);
}

/// As many registers as `preserve_none` has; gcc's convention passes some of them on the stack.
#[allow(deprecated)]
mod most {
    super::stencil! {
        pub machine Most(
            a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: u64,
            x: f64, y: f64, z: f64, u: f64, v: f64, w: f64, s: f64, t: f64,
        ) -> u64;
        pub uop sum() {
            a += 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
            x += 2 * y + 3 * z + 4 * u + 5 * v + 6 * w + 7 * s + 8 * t;
        }
        pub uop ret() { RETURN(a + (uint64_t)x); }
    }
}

#[test]
fn more_registers_than_the_c_convention_has() {
    let arena = Arena::new().unwrap();
    let entry = FragmentEntry::<most::Most>::new_in(&arena).unwrap();
    let fragment = most::Most::compile_fragment_in(&arena, &[most::Most::sum(), most::Most::ret()]).unwrap();
    let at = fragment.start();
    // SAFETY: the bodies touch no memory.
    #[rustfmt::skip]
    let sum = unsafe {
        entry.function()(
            at, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0,
        )
    };
    let squares = |n: u64| (1..=n).map(|n| n * n).sum::<u64>();
    assert_eq!(sum, squares(12) + squares(8));
}
