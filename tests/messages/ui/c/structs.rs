//! Mistakes in the C of declarations.

mod fields {
    stencil_runtime::stencil! {
        machine A(vm: *mut Vm);
        struct Vm { fuel: u64 }
        uop one() { vm->feul--; }
        uop two(other: *mut Other) { other->x = 1; }
    }
    pub struct Other;
}

mod itself {
    stencil_runtime::stencil! {
        machine A(vm: *mut Vm);
        struct T { t: T }
        struct Vm { fuel: u64 }
    }
}

mod not_in_c {
    #[repr(C)]
    pub struct Vm {
        fuel: u64,
    }
    stencil_runtime::stencil! {
        machine A(vm: *mut Vm);
        c { typedef struct { uint64_t fuel; } VM; }
        struct Vm = Vm { fuel: u64, .. }
    }
}

mod no_such_field {
    #[repr(C)]
    pub struct Vm {
        fuel: u64,
    }
    stencil_runtime::stencil! {
        machine A(x: u64);
        c { typedef struct { uint64_t gas; } Vm; }
        struct Vm = Vm { fuel: u64, .. }
        uop one(vm: *mut Vm) { x = vm->gas; }
    }
}

mod calls {
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut u8);
        extern fn host(a: u64, b: *mut u64) = super::host;
        uop few() { host(x); }
        uop types() { host(x, p); }
        uop value() { x = host(x, (void *)p); }
    }
}

mod twice {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c { static int host(void) { return 1; } }
        extern fn host(a: u64, b: *mut u64) = super::host;
    }
}

unsafe extern "C" fn host(_: u64, _: *mut u64) {}
fn main() {}
