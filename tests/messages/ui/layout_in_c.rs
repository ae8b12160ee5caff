//! A type that is defined in both languages.

#[repr(C)]
pub struct Vm {
    fuel: u64,
    limit: u64,
}

mod fields {
    stencil_runtime::stencil! {
        machine A(vm: *mut Vm);
        c { typedef struct { uint64_t limit, fuel; } Vm; }
        struct Vm = super::Vm { fuel: u64, .. }
    }
}

mod sizes {
    stencil_runtime::stencil! {
        machine A(vm: *mut Vm);
        c { typedef struct { uint32_t fuel; uint32_t pad[5]; } Vm; }
        struct Vm = super::Vm { fuel: u64, .. }
    }
}

fn main() {}
