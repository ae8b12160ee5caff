//! Functions of the object file: where a uop's begins and ends, whatever its section holds, and functions as values.
//!
//! Calls of compiled code are sound: bodies write to `memory` only, of which they use one word.

/// A block with flags that change what stands around functions. Each uop must do what it does without them.
macro_rules! with_flags {
    ($($module:ident: $($flag:literal),*;)*) => {$(
        mod $module {
            stencil_runtime::stencil! {
                #![c_flags($($flag),*)]
                pub machine Functions(x: u64, memory: *mut u64, a: u64, b: u64, c: u64, d: u64) -> u64;
                c {
                    typedef uint64_t (*function)(uint64_t);
                    static __attribute__((noinline)) uint64_t plus(uint64_t y) { return y + 7; }
                    static __attribute__((noinline)) uint64_t twice(uint64_t y) { return y * 2; }
                }
                pub uop add(n: u32) { x += n; }
                pub uop d_stays() { d++; }
                pub uop d_result() { x = d; }
                pub uop chosen() { function f = x ? plus : twice; x = f(x); }
                pub uop chosen_before() { function f = *memory > 5 ? plus : twice; if (x > 100) f = plus; x = f(x); *memory = x; }
                pub uop switched() { function f; switch (x & 3) { case 0: f = plus; break; case 2: f = twice; break; default: CONTINUE(); } x = f(x); }
                pub uop kept() { *memory = (uint64_t)(x ? plus : twice); x = ((function)*memory)(x); }
                pub uop unreachable() { __builtin_unreachable(); }
                pub uop rarely() { if (x == 77) __builtin_unreachable(); x++; }
                pub uop ret() { RETURN(x); }
            }

            #[test]
            fn $module() {
                let run = |program: &[stencil_runtime::Instruction<Functions>], x: u64| {
                    let code = Functions::compile(&[program, &[Functions::ret()]].concat()).unwrap();
                    let mut memory = 3;
                    unsafe { code.entry()(x, &raw mut memory, 1, 2, 3, 4) }
                };
                for x in [0, 1, 2, 3, 100, 101, 1 << 40] {
                    let plus = x + 7;
                    assert_eq!(run(&[Functions::add(4), Functions::add(256 - (x % 200) as u32)], x), x + 260 - x % 200);
                    assert_eq!(run(&[Functions::d_stays(), Functions::add(1), Functions::d_result()], x), 5);
                    assert_eq!(run(&[Functions::chosen()], x), if x != 0 { plus } else { 0 });
                    assert_eq!(run(&[Functions::chosen_before()], x), if x > 100 { plus } else { 2 * x });
                    assert_eq!(run(&[Functions::switched()], x), [plus, x, 2 * x, x][x as usize & 3]);
                    assert_eq!(run(&[Functions::kept()], x), if x != 0 { plus } else { 0 });
                    assert_eq!(run(&[Functions::rarely()], x), x + 1);
                }
                let program = [Functions::add(1), Functions::ret(), Functions::unreachable(), Functions::add(1)];
                assert_eq!(run(&program, 1), 2, "what is not reached may stand there");
            }
        }
    )*};
}

with_flags! {
    plain: "-O2";
    small: "-Os";
    pic: "-fPIC", "-mcmodel=small";
    sanitized: "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error";
    patchable: "-fpatchable-function-entry=6,4";
    aligned: "-falign-functions=64";
}

/// Without sections of their own, all functions share `.text`.
mod one_section {
    stencil_runtime::stencil! {
        #![c_flags("-fno-function-sections")]
        pub machine Shared(x: u64) -> u64;
        pub uop add(n: u32) { x += n; }
        pub uop nothing() {}
        pub uop unreachable() { __builtin_unreachable(); }
        pub uop double() { x += x; if (x > 1000) RETURN(1000); }
        pub uop ret() { RETURN(x); }
    }
}

/// A function in front of a uop, in the section that the uop's own function would have.
mod in_front {
    stencil_runtime::stencil! {
        pub machine InFront(x: u64) -> u64;
        c {
            __attribute__((section(".text.stencil_uop_0_0"), used, noinline)) static uint64_t intruder(uint64_t y) { return y * 1000; }
        }
        pub uop add(n: u32) { x += n; }
        pub uop ret() { RETURN(x); }
    }
}

#[test]
fn a_uop_is_what_its_symbol_covers() {
    use in_front::InFront;
    use one_section::Shared;
    let program = [Shared::add(3), Shared::nothing(), Shared::double(), Shared::ret(), Shared::unreachable()];
    let code = Shared::compile(&program).unwrap();
    assert_eq!(unsafe { (code.entry()(4), code.entry()(998)) }, (14, 1000));
    let code = InFront::compile(&[InFront::add(3), InFront::ret()]).unwrap();
    assert_eq!(unsafe { code.entry()(4) }, 7);
}

/// Tables of addresses of code: each copy of a uop has its own, which it may read.
macro_rules! tables {
    ($($module:ident: $($flag:literal),*;)*) => {$(
        mod $module {
            stencil_runtime::stencil! {
                #![c_flags($($flag),*)]
                pub machine Tables(x: u64, memory: *mut u64) -> u64;
                c {
                    typedef uint64_t (*function)(uint64_t);
                    static __attribute__((noinline)) uint64_t plus(uint64_t y) { return y + 7; }
                    static __attribute__((noinline)) uint64_t twice(uint64_t y) { return y * 2; }
                    static const function both[] = { plus, twice };
                }
                pub uop call() { x = both[x & 1](x); }
                pub uop call_twice() { x = both[x & 1](x); x = both[*memory & 1](x); }
                pub uop store() { *memory = (uint64_t)both[x & 1]; x = ((function)*memory)(x); }
                pub uop computed() {
                    static const void *const places[] = { &&one, &&two, &&three };
                    goto *places[x % 3];
                    one: x++; goto end;
                    two: x *= 3; goto end;
                    three: x -= 2;
                    end:;
                }
                pub uop threaded() {
                    static const void *const places[] = { &&stop, &&add, &&double_it };
                    uint64_t program = x, y = 1;
                    goto *places[program % 3];
                    add: y += 5; program /= 3; goto *places[program % 3];
                    double_it: y *= 2; program /= 3; goto *places[program % 3];
                    stop: x = y;
                }
                pub uop ret() { RETURN(x); }
            }

            #[test]
            fn $module() {
                let run = |uop: stencil_runtime::Instruction<Tables>, x: u64| {
                    let code = Tables::compile(&[uop, Tables::ret()]).unwrap();
                    unsafe { code.entry()(x, [1].as_mut_ptr()) }
                };
                for x in 0..20 {
                    let called = if x & 1 == 0 { x + 7 } else { x * 2 };
                    assert_eq!(run(Tables::call(), x), called);
                    assert_eq!(run(Tables::call_twice(), x), called * 2);
                    assert_eq!(run(Tables::store(), x), called);
                    assert_eq!(run(Tables::computed(), x), [x + 1, x * 3, x.wrapping_sub(2)][x as usize % 3]);
                    let (mut y, mut program) = (1, x);
                    while program % 3 != 0 {
                        y = if program % 3 == 1 { y + 5 } else { y * 2 };
                        program /= 3;
                    }
                    assert_eq!(run(Tables::threaded(), x), y);
                }
            }
        }
    )*};
}

tables! {
    tables_plain: "-O2";
    tables_small: "-Os";
    tables_fast: "-O3";
    tables_pic: "-fPIC", "-mcmodel=small";
}
