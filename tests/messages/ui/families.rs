//! Parameters of families: enums, and ranges that depend on constants.

mod unknown {
    stencil_runtime::stencil! {
        machine A();
        uop a<const OP: Cmp>() {}
        uop b<const OP: crate::Cmp, const N: 0..COUNT, const M: LEAST..2>() {}
        uop c<const N: 0..ZERO>() {}
        uop d<const N: 0..MINUS>() {}
        uop e<const N: 0..=ZERO>() {}
        uop f<const N: ONE..1>() {}
        uop g<const N: 0..HUGE>() {}
        const ZERO: usize = 0;
        const ONE: u8 = 1;
        const MINUS: i32 = -1;
        const HUGE: u64 = 1000000000000;
    }
}

mod enums {
    stencil_runtime::stencil! {
        machine A();
        enum Empty {}
        enum Fields { A(u8) }
        enum Negative { A = -1 }
        enum NoVariants;
        enum Huge { A = 4294967296 }
        pub enum Bound = crate::Cmp { Lt }
        enum Twice { A, B = 0, A = 2 }
        enum Twice { C }
        enum Sparse { A, B = 5000 }
        uop sparse<const OP: Sparse>() {}
    }
}

#[derive(Clone, Copy)]
enum Cmp {
    Lt,
    Le = 3,
    Eq,
}

mod other_values {
    stencil_runtime::stencil! {
        machine A();
        enum Cmp = crate::Cmp { Lt, Le, Eq = 4 }
    }
}

mod missing_variant {
    stencil_runtime::stencil! {
        machine A();
        enum Cmp = crate::Cmp { Lt, Le = 3 }
        uop compare<const OP: Cmp>() {}
    }
}

mod wrong_argument {
    stencil_runtime::stencil! {
        machine A();
        enum Cmp = crate::Cmp { Lt, Le = 3, Eq }
        uop compare<const OP: Cmp>() {}
    }
    fn uses() {
        A::compare(3);
        A::compare(super::Cmp::Eq);
    }
}

fn main() {}
