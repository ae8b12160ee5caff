//! Types that have the name of another type.

mod primitive {
    type i32 = u64;
    type u64 = i8;
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop one(n: i32, p: *mut i32) { x += n + *p; }
        uop two(n: self::i32) { x += n; }
    }
}

mod label {
    type Label = u64;
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop one(to: Label) { JUMP(to); }
    }
}

mod structs {
    #[repr(C)]
    pub struct Vm { pub fuel: u64 }
    #[repr(C)]
    pub struct Other { pub limit: u32 }
    pub mod other { pub struct Frame { pub pc: u8 } }
    use Other as Vm2;
    stencil_runtime::stencil! {
        machine A(vm: *mut self::Vm2);
        struct Vm2 = Vm { fuel: u64 }
        struct Frame { pc: u64 }
        uop one(frame: *mut other::Frame) { vm->fuel = frame->pc; }
    }
}

mod taken {
    stencil_runtime::stencil! {
        machine A(x: u64);
        struct Label { a: u64 }
        struct bool { a: u64 }
        uop one(a: u63, b: in32, c: size) {}
    }
}

fn main() {}
