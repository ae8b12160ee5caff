//! Structs that both languages share.

mod in_c_only {
    stencil_runtime::stencil! {
        machine A(x: u64);
        struct Vm { fuel: u64, .. }
    }
}

mod rest_is_last {
    stencil_runtime::stencil! {
        machine A(x: u64);
        struct Vm = super::Vm { .., fuel: u64 }
    }
}

mod shapes {
    stencil_runtime::stencil! {
        machine A(x: u64);
        struct Unit;
        struct Tuple(u64, u64);
        struct Generic<T> { x: *mut T }
        struct Type = u64;
        struct Base = super::Vm { fuel: u64, ..base }
    }
}

mod declared_elsewhere {
    stencil_runtime::stencil! {
        machine A(x: u64);
        #[derive(Clone)]
        struct Derived = super::Vm { fuel: u64 }
        pub struct Public = super::Vm { fuel: u64 }
        /// Fine.
        struct Documented = super::Vm { fuel: u64 }
    }
}

mod layout {
    #[repr(C)]
    pub struct Small {
        a: u8,
        b: u64,
    }
    #[repr(C)]
    pub struct Swapped {
        a: u64,
        b: u32,
        c: u32,
    }
    #[repr(C)]
    pub struct Typed {
        a: u64,
        b: u32,
        c: f32,
    }
    #[repr(C)]
    pub struct Fields {
        a: u64,
    }
    #[repr(C, align(64))]
    pub struct Aligned {
        a: u64,
    }
    stencil_runtime::stencil! {
        machine A(x: u64);
        struct Small = Small { a: u8 }
        struct Swapped = Swapped { a: u64, c: u32, b: u32 }
        struct Typed = Typed { a: u64, b: i32, c: u32 }
        struct Fields = Fields { b: u64 }
        struct Aligned = Aligned { a: u64 }
        struct Unknown = Unknown { a: u64 }
    }
}

struct Vm {
    fuel: u64,
}

fn main() {}
