//! Mistakes in headers are reported on the `include`, with their position in the header.

mod included {
    stencil_runtime::stencil! {
        machine A(x: u64);
        include "../include/mistake.h";
        uop one() { x = helper(x); }
    }
}

mod included_in_c {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c {
            #include <stdint.h>
            #include "../include/outer.h"
        }
        uop one() { x = helper(x); }
        uop two() { x = HEADER_MACRO(x); }
    }
}

mod missing {
    stencil_runtime::stencil! {
        machine A(x: u64);
        include "missing.h";
        uop one() {}
    }
}

mod missing_in_c {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c {
            #include <no/such/header.h>
        }
    }
}

fn main() {}
