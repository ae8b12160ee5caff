//! Blocks that continue a machine.

stencil_runtime::stencil! {
    /// The machine.
    machine Calc(x: u64, y: u64) -> u64;
    uop nop(a: u64) { x += a; }
}

mod other_registers {
    stencil_runtime::stencil! {
        continue machine super::Calc(x: u64) -> u64;
        uop one() {}
    }
}

mod other_types {
    stencil_runtime::stencil! {
        continue machine super::Calc(x: u64, y: i64) -> u64;
        uop two() {}
    }
}

mod other_result {
    stencil_runtime::stencil! {
        continue machine super::Calc(x: u64, y: u64);
        uop three() {}
    }
}

mod missing {
    stencil_runtime::stencil! {
        continue machine super::Missing(x: u64);
        uop four() {}
    }
}

mod same_name {
    stencil_runtime::stencil! {
        continue machine super::Calc(x: u64, y: u64) -> u64;
        uop nop() {}
    }
}

mod mistaken {
    stencil_runtime::stencil! {
        machine Calc(x: u64) -> u64;
        uop one(x: u64) {}
    }
    mod more {
        stencil_runtime::stencil! {
            continue machine super::Calc(x: u64) -> u64;
            uop two(a: u64, b: u64) { x = a + b; }
        }
        pub fn uses() {
            super::Calc::one(1);
            super::Calc::two(1, 2);
        }
    }
}

mod not_declared {
    stencil_runtime::stencil! {
        #[operands(3)]
        continue machine super::Calc(x: u64, y: u64) -> u64;
        uop five() {}
    }
}

fn main() {}
