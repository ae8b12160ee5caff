//! Items of a block.

mod unknown {
    stencil_runtime::stencil! {
        machine A(x: u64);
        fn add() {}
        /// Good.
        uop good() {}
        union E { x: u8 }
    }
    pub fn uses() {
        A::good();
    }
}

mod misspelt {
    stencil_runtime::stencil! {
        machine A(x: u64);
        upo add() { x++; }
        Uop sub() { x--; }
        inlcude "x.h";
        exten fn host() = super::host;
        pub sturct Vm { fuel: u64 }
    }
}

mod stray {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop nop() {};
    }
    pub fn uses() {
        A::nop();
    }
}

mod attributes {
    stencil_runtime::stencil! {
        machine A(x: u64);
        #[cfg(test)]
        c {}
        #[inline]
        include "x.h";
        /// Documents what nobody sees.
        extern fn f() = crate::f;
        pub c {}
    }
}

mod block_attributes {
    stencil_runtime::stencil! {
        #![allow(dead_code)]
        machine A(x: u64);
    }
}

mod no_flags {
    stencil_runtime::stencil! {
        #![c_flags = "-O3"]
        machine A(x: u64);
    }
}

mod flags_are_strings {
    stencil_runtime::stencil! {
        #![c_flags(-O3)]
        machine A(x: u64);
    }
}

mod includes {
    stencil_runtime::stencil! {
        machine A(x: u64);
        include <stdio.h>;
        include "x.h"
        c { int x; }
        #include "y.h"
    }
}

mod no_c {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c int x;
    }
}

mod dangling {
    stencil_runtime::stencil! {
        machine A(x: u64);
        /// Of what?
    }
}

mod externs {
    stencil_runtime::stencil! {
        machine A(x: u64);
        extern fn typed_by_c(..) = crate::host;
        extern fn no_parameter(...);
        extern fn dots_first(..., x: u64);
        extern fn more(.., x: u64);
        extern static untyped = crate::DATA;
        extern static typed_by_c_2: .. = crate::DATA;
        extern static label: Label = crate::DATA;
        extern static no_end: u64
        extern "C" fn abi(x: u64) = crate::abi;
        extern { fn block(x: u64); }
        extern fn body(x: u64) { }
        extern fn no_parameters = crate::host;
    }
}

fn f() {}
fn main() {}
