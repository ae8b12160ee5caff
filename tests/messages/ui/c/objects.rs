//! C that compiles but cannot become stencils.

use stencil_runtime::{CodeAddress, CodeExit, Label};

mod variables {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c {
            static uint64_t counter;
            uint64_t initialized = 7;
            _Thread_local uint64_t per_thread;
            extern _Thread_local uint64_t theirs;
            uint64_t common;
            extern uint64_t elsewhere;
            void function(uint64_t);
            static inline void helper(void) { counter++; }
        }
        uop one() { x = counter++; }
        uop two() { x = initialized++; }
        uop three() { x = per_thread++; }
        uop four() { x = theirs; }
        uop five() { x = common++; }
        uop six() { x = elsewhere; }
        uop seven() { function(x); }
        uop eight() { static uint64_t local = 3; x = local++; }
        uop nine() { static uint64_t zero; x = zero++; }
        uop ten() { helper(); }
        uop family<const N: 0..4>() { x = counter + N; counter = x; }
        uop fine() { x++; }
    }
    pub fn uses() {
        A::fine();
        A::one();
    }
}

mod labels {
    use super::{CodeAddress, CodeExit, Label};
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut *mut ());
        extern fn host(a: u64) = super::host;
        uop label(target: Label) { x = (uint64_t)target; }
        uop stored(target: Label) { *p = target; }
        uop compared(target: Label) { if ((void *)target == *p) x++; }
        uop code_address(target: CodeAddress) { x = (uint64_t)target; }
        uop exit(target: CodeExit) { x = (uint64_t)target; }
        uop host_added() { x = x + (uint64_t)p + (uint64_t)host; }
    }
}

mod constants {
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut u64);
        c {
            static const uint64_t placed __attribute__((section(".elsewhere"))) = 1;
            static const char overaligned[2] __attribute__((aligned(1 << 20))) = { 5 };
        }
        uop four() { x = x + (uint64_t)p + (uint64_t)&placed; }
        uop five() { x = (uint64_t)overaligned; }
    }
}

mod copied_constants {
    use super::Label;
    stencil_runtime::stencil! {
        machine A(x: u64, p: *mut u64);
        c {
            typedef uint64_t (*function)(uint64_t);
            static __attribute__((noinline)) uint64_t plus(uint64_t y) { return y + 7; }
            static __attribute__((noinline)) uint64_t twice(uint64_t y) { return y * 2; }
            static const function both[] = { plus, twice };
            struct type { const function *functions; };
            static const struct type TYPE = { both };
            static inline uint64_t escapes(void) { static const function inner[] = { twice, plus }; return (uint64_t)inner; }
        }
        uop labels() {
            static const void *const places[] = { &&one, &&two };
            *p = (uint64_t)places;
            goto *places[x & 1];
            one: x++;
            two: x++;
        }
        uop register() { x = (uint64_t)both; }
        uop stored() { x = both[x & 1](x); *p = (uint64_t)both; }
        uop inlined() { x = escapes(); }
        uop pointed_to() { x = (uint64_t)&TYPE; }
        uop other_uop() { static A_uop *const next_uops[] = { stencil_uop_0_0, stencil_uop_1_0 }; JUMP(next_uops[x & 1]); }
        uop next() { static A_uop *const next_uops[] = { stencil_next, stencil_next }; x = (uint64_t)next_uops; }
        uop label(a: Label, b: Label) { A_uop *const targets[] = { a, b }; JUMP(targets[x & 1]); }
    }
}

mod volatile_constant {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c { static const volatile uint64_t limit = 5; }
        // clang has it with the constants, and gcc with the variables.
        uop one() { x = limit; }
    }
}

mod sanitized {
    stencil_runtime::stencil! {
        #![c_flags("-fsanitize=shift")]
        machine A(x: u64);
        uop one(n: u32) { x = (int)x << n; }
    }
}

mod resolved {
    stencil_runtime::stencil! {
        machine A(x: u64);
        c {
            static uint64_t one(uint64_t y) { return y; }
            static uint64_t other(uint64_t y) { return y + 1; }
            extern int which;
            static uint64_t (*resolve(void))(uint64_t) { return which ? one : other; }
            uint64_t chosen(uint64_t) __attribute__((ifunc("resolve")));
        }
        uop one() { x = chosen(x); }
        uop two() { x = (uint64_t)chosen; }
    }
}

mod one_section {
    stencil_runtime::stencil! {
        #![c_flags("-fno-function-sections")]
        machine A(x: u64);
        c { static __attribute__((noinline)) uint64_t helper(uint64_t y) { return y + 1; } }
        uop one() { x = helper(x) + 1; }
    }
}

mod numbers {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop differences() {
            static const int places[] = { &&zero - &&zero, &&one - &&zero };
            goto *(&&zero + places[x & 1]);
            zero: x = 10;
            one: x++;
        }
    }
}

mod flags {
    use super::Label;
    stencil_runtime::stencil! {
        #![c_flags("-mcmodel=large")]
        machine A(x: u64);
        extern fn host(a: u64) = super::host;
        uop one() { host(x); }
        uop two(target: Label) { if (x) JUMP(target); }
    }
}

mod pic_tls {
    stencil_runtime::stencil! {
        #![c_flags("-fpic")]
        machine A(x: u64);
        c { extern _Thread_local uint64_t theirs; _Thread_local uint64_t ours; }
        uop one() { x = theirs; }
        uop two() { x = ours; }
    }
}

mod bad_flags {
    stencil_runtime::stencil! {
        #![c_flags("-fno-such-flag")]
        machine A(x: u64);
    }
}

mod other_target {
    stencil_runtime::stencil! {
        #![c_flags("-m32")]
        machine A(x: u64);
    }
}

mod assembly {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop one() { __asm__("mov nowhere(%%rip), %0" : "=r"(x)); }
        uop two() { __asm__("mov $nowhere, %k0" : "=r"(x)); }
    }
}

mod relocation {
    stencil_runtime::stencil! {
        machine A(x: u64);
        extern fn host(a: u64) = super::host;
        uop one() { __asm__("jrcxz %c0" : : "i"(host)); }
    }
}

mod put_off {
    stencil_runtime::stencil! {
        #![c_flags("-flto")]
        machine A(x: u64);
        uop one() { x++; }
    }
    mod continued {
        stencil_runtime::stencil! {
            #![c_flags("-flto")]
            continue machine super::A(x: u64);
            uop two() { x++; }
        }
    }
}

mod another_target {
    stencil_runtime::stencil! {
        #![c_flags("-fpic", "--target=aarch64-linux-gnu")]
        machine A(x: u64);
        uop one() { x++; }
    }
}

mod instrumented {
    stencil_runtime::stencil! {
        #![c_flags("-fstack-protector-all")]
        machine A(x: u64);
        uop one() { x++; }
    }
}

mod places {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop fixed() { __asm__ volatile("call 0x1234"); }
        uop no_instruction() { __asm__ volatile(".byte 0x06"); }
    }
}

mod mnemonic {
    stencil_runtime::stencil! {
        machine A(x: u64);
        uop two() { __asm__("frobnicate %0" : "=r"(x)); }
    }
}

unsafe extern "C" fn host(_: u64) {}
fn main() {}
