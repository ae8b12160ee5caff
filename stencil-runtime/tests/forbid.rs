//! A crate that forbids unsafe code can contain a block. Only running compiled code is unsafe.

#![forbid(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

use stencil_runtime::{Code, Emitter, Label, Reused, stencil};

stencil! {
    machine Forbid(x: u64, f: f64) -> u64;
    struct Pair { left: u64, right: u64 }
    #[derive(Clone, Copy)]
    union Word { bits: u64, number: f64 }
    struct Opaque { .. }
    c {
        typedef struct hidden Opaque;
        long labs(long);
    }
    extern fn host(x: u64) -> u64 = crate::host;
    extern fn labs(..);
    extern static LIMIT: u64 = crate::LIMIT;
    uop pair(pair: *const Pair) { x += pair->left * pair->right; }
    uop call() { x = host(x); }
    uop shift<const BY: 0..3>(n: u8) where BY != 1 { x = (x << BY) + n; }
    uop limited(word: *const Word, o: *mut Opaque) { x = labs(x) + LIMIT + word->bits + !o; }
    uop scale(by: f64) { f *= by; }
    uop jump(target: Label) { if (x) JUMP(target); }
    uop ret() { RETURN(x); }
}

mod more {
    stencil_runtime::stencil! {
        continue machine super::Forbid(x: u64, f: f64) -> u64;
        pub uop twice() { x += x; }
    }
}

macro_rules! wrapped {
    ($machine:ident, $uop:ident) => {
        stencil! {
            pub machine $machine(x: u64) -> u64;
            pub uop $uop(n: u32) { x ^= n; }
        }
    };
}

mod in_a_macro {
    use stencil_runtime::stencil;
    wrapped!(Wrapped, flip);
}

static LIMIT: u64 = 7;

extern "C" fn host(x: u64) -> u64 {
    x + 1
}

#[test]
fn expansions_are_allowed_where_unsafe_code_is_forbidden() {
    let word = Word { bits: 1 };
    let pair = Pair { left: 2, right: 3 };
    let program = [
        Forbid::pair(&raw const pair),
        Forbid::call(),
        Forbid::limited(&raw const word, std::ptr::null_mut()),
        Forbid::shift(2, 1),
        Forbid::scale(0.5),
        Forbid::twice(),
        Forbid::jump(Label(0)),
        Forbid::bind(Label(0)),
        Forbid::ret(),
    ];
    let code: Code<Forbid> = Forbid::compile(&program).unwrap();
    assert!(!code.bytes().is_empty());
    assert!(Forbid::compile(&[Forbid::shift(1, 1)]).is_err());
    let (mut bytes, mut data) = ([0; 64], [0; 64]);
    emit_shift(&mut Emitter::<Reused>::new(&mut bytes, &mut data), 2, 1).unwrap();
    assert!(in_a_macro::Wrapped::compile(&[in_a_macro::Wrapped::flip(5)]).is_ok());
}
