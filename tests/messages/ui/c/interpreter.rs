use stencil_runtime::stencil;

mod called {
    super::stencil! {
        #[interpreter]
        machine A(x: u64) -> u64;
        uop call(callee: Label) { x = callee(x + 1); }
        uop ret() { RETURN(x); }
    }
    use stencil_runtime::Label;
}

mod without {
    super::stencil! {
        machine A(x: u64) -> u64;
        uop interpret(at: u64) { STENCIL_INTERPRET(at); }
        uop ret() { RETURN(x); }
    }
}

mod registers {
    super::stencil! {
        #[interpreter]
        machine A(a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: u64) -> u64;
        uop ret() { RETURN(a); }
    }
}

fn main() {}
