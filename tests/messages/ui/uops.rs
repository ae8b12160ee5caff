//! Signatures of uops.

mod bodies {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop no_body();
        uop arrow() -> u64 { RETURN(x); }
        uop no_operands { x++; }
        uop arrow_body() => { x++; }
        uop good(value: u64) { x += value; }
    }
    pub fn uses() {
        A::no_body();
        A::good(1);
    }
}

mod ranges {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop empty<const N: 3..3>() {}
        uop backwards<const N: 3..1>() {}
        uop empty_inclusive<const N: 1..=0>() {}
        uop open<const N: ..3>() {}
        uop endless<const N: 0..>() {}
        uop typed<const N: usize>() {}
        uop negative<const N: -1..3>() {}
        uop three_dots<const N: 0...3>() {}
        uop no_const<N: 0..3>() {}
        uop ty<T>() {}
        uop lifetime<'a>() {}
        uop huge<const N: 0..99999999999999999999>() {}
        uop unclosed<const N: 0..3() {}
    }
}

mod conditions {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop no_family() where x != 0 { x++; }
        uop nothing<const N: 0..3>() where { x++; }
        uop no_body<const N: 0..3>() where N != 0;
    }
}

mod separators {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop semicolon(a: u64; b: u64) {}
        uop pattern((a, b): u64) {}
        uop untyped(a) {}
        uop default(a: u64 = 3) {}
        uop attribute(#[cfg(test)] a: u64) {}
        uop visibility(pub a: u64) {}
        uop fine() {}
    }
}

mod uses_of_what_cannot_be_parsed {
    stencil_runtime::stencil! {
        machine A(x: u64);
        /// Has one operand too few.
        pub uop mistaken(a: u64, b) { x += a + b; }
    }
    pub fn uses(out: &mut stencil_runtime::Emitter<'_, stencil_runtime::Fresh>) -> stencil_runtime::Instruction<A> {
        let _ = emit_mistaken(out, 1, 2);
        let _ = STENCIL_mistaken.code.size;
        A::mistaken(1, 2)
    }
}

fn main() {}
