//! Mistakes that involve a C macro, with its use and its definition.

mod in_the_block {
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut u8);
        c {
            #define INNER(a) ((a) + missing)
            #define OUTER(a) (INNER(a) * 2)
        }
        c {
            static inline uint64_t helper(uint64_t a) { return OUTER(a); }
            static inline uint64_t takes(uint64_t *a) { return *a; }
        }
        uop one() { x = OUTER(x); }
        uop two() {
            x =
                INNER(
                    x
                );
        }
        uop three() { x = helper(x) + takes(p); }
        uop four() {
            #define LOCAL(a) ((a) + unknown)
            x = LOCAL(x);
        }
    }
}

mod in_headers {
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut u8);
        include "../include/macros.h";
        uop one() { x = FROM_INNER(x); }
        uop two() { x = FROM_OUTER(x); }
        uop three() { x = from_inner(p); }
        uop four() { x = INT64_C(y); }
    }
}

mod in_an_inner_header {
    stencil_runtime::stencil! {
        machine A(x: u64);
        include "../include/outermost.h";
        uop one() { x = helper(x); }
    }
}

macro_rules! machine {
    ($name:ident, $operator:tt, $value:expr, $body:tt) => {
        stencil_runtime::stencil! {
            machine $name(x: u64);
            c {
                #define MADE(a) ((a) $operator made_there)
            }
            uop made() { x = MADE(x); }
            uop value() { x = $value; }
            uop given() $body
        }
    };
}

mod through_a_macro {
    machine!(A, +, missing_here + 1, {
        x = MADE(1);
        x = MAED(1);
    });
}

fn main() {}
