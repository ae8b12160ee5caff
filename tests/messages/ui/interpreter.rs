use stencil_runtime::stencil;

mod attribute {
    super::stencil! {
        #[interpreter(always)]
        machine A(x: u64) -> u64;
        uop interpreter() {}
        uop ret() { RETURN(x); }
    }
}

mod method {
    super::stencil! {
        #[interpreter]
        machine A(x: u64) -> u64;
        uop interpreter() {}
        uop ret() { RETURN(x); }
    }
}

mod missing {
    super::stencil! {
        #[interpreter]
        pub machine A(x: u64) -> u64;
        uop ret() { RETURN(x); }
    }
    super::stencil! {
        continue machine crate::missing::A(x: u64) -> u64;
        uop add() { x++; }
    }
}

mod without {
    super::stencil! {
        pub machine A(x: u64) -> u64;
        uop ret() { RETURN(x); }
    }
    super::stencil! {
        #[interpreter]
        continue machine crate::without::A(x: u64) -> u64;
        uop add() { x++; }
    }
}

fn main() {}
