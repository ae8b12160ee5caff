//! A block has exactly one machine.

mod nothing {
    stencil_runtime::stencil! {}
}

mod no_machine {
    stencil_runtime::stencil! {
        uop nop() {}
    }
}

mod two_machines {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop nop() {}
        machine B(x: u64);
    }
    pub type Uses = (A, A);
}

mod declared_and_continued {
    stencil_runtime::stencil! {
        machine A(x: u64);
        continue machine super::B(x: u64);
    }
}

mod no_registers {
    stencil_runtime::stencil! {
        machine A;
    }
}

mod generic {
    stencil_runtime::stencil! {
        machine A<T>(x: u64);
    }
}

mod no_semicolon {
    stencil_runtime::stencil! {
        machine A(x: u64) -> u64
        uop nop() {}
    }
    pub fn uses() {
        A::nop();
    }
}

mod self_register {
    stencil_runtime::stencil! {
        machine A(&self, x: u64);
    }
}

mod unnamed_register {
    stencil_runtime::stencil! {
        machine A(u64, i64);
    }
}

mod no_path {
    stencil_runtime::stencil! {
        continue Calc;
        uop nop() {}
    }
}

mod operands {
    stencil_runtime::stencil! {
        #[operands(many)]
        #[operands]
        machine A(x: u64);
        uop nop() {}
    }
}

mod operands_of_a_uop {
    stencil_runtime::stencil! {
        machine A(x: u64);
        #[operands(3)]
        uop nop() {}
    }
}

fn main() {}
