use stencil_runtime::{Address, Emitter, Fresh, Label, Reused, stencil};

pub struct Executor {
    pub pad: [u8; 0x22],
    pub valid: u8,
}
mod seed {
    use super::*;
    stencil! {
        #![c_flags("-fpic", "-fno-plt")]
        machine Seed(x: u64) -> u64;
        c { typedef struct { char pad[0x22]; unsigned char valid : 1; } executor_t; }
        /// Checks.
        pub uop _CHECK_VALIDITY(executor: *const Executor, target: Label) {
            if (!((const executor_t *)executor)->valid) JUMP(target);
        }
    }
}
mod default {
    use super::*;
    stencil! {
        machine Seed(x: u64) -> u64;
        c { typedef struct { char pad[0x22]; unsigned char valid : 1; } executor_t; }
        /// Checks.
        pub uop _CHECK_VALIDITY(executor: *const Executor, target: Label) {
            if (!((const executor_t *)executor)->valid) JUMP(target);
        }
        extern fn hello(a: u64) -> u64 = crate::hello;
        pub uop many(a: u8, b: i8, c: u16, d: i16, e: u32, f: i32, g: u64, h: f32, i: f64, j: bool, k: *mut u8, l: Label) {
            x = x + a + b + c + d + e + f + g + (int64_t)h + (int64_t)i * 3.5 + j + (uint64_t)k;
            x = hello(x);
            k[a] = 5;
            if (x == 77) { x = ((uint64_t)"hello")+ x; }
            static const int t[] = {1,2,3,4,5,6,7};
            x += t[x & 7];
            struct { char z[500]; } q;
            __builtin_memset(&q, 0, sizeof q);
            hello((uint64_t)&q);
            if (x== 9) JUMP(l);
            if (x== 10) ((Seed_uop*)x)(x);
        }
    }
}
extern "C" fn hello(a: u64) -> u64 {
    a + 1
}

#[test]
fn main() {
    println!("{:#?}", seed::STENCIL__CHECK_VALIDITY);
    println!("{}\n", seed::STENCIL__CHECK_VALIDITY.disassembly);
    println!("{:#?}", default::STENCIL__CHECK_VALIDITY);
    println!("{}\n", default::STENCIL__CHECK_VALIDITY.disassembly);
    println!("{:#?}", default::STENCIL_many);
    println!("{}\n", default::STENCIL_many.disassembly);
}
