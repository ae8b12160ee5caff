//! Position-independent code: operands and host functions through slots of a global offset table, constants relative to
//! the code. Also data whose alignment exceeds a page.
//!
//! Calls of compiled code are sound: bodies write only to `memory`, at most 160 bytes.

use stencil_runtime::{Error, Instruction, Label, Machine};

extern "C" fn triple(x: u64) -> u64 {
    x.wrapping_mul(3)
}

macro_rules! with_flags {
    ($($module:ident: $($flag:literal),*;)*) => {$(
        mod $module {
            use stencil_runtime::{Label, stencil};

            stencil! {
                #![c_flags($($flag),*)]
                pub machine Pic(x: u64, memory: *mut u64) -> u64;
                extern fn triple(x: u64) -> u64 = super::triple;
                c {
                    static const uint64_t squares[] = { 0, 1, 4, 9, 16, 25, 36, 49 };
                    static __attribute__((noinline)) uint64_t outside(uint64_t y) { return triple(y) + 1; }
                    typedef struct { uint64_t words[20]; } block;
                }
                pub uop host() { x = triple(x) + triple(x + 1); }
                pub uop helper() { x = outside(x) + outside(1); }
                pub uop operands(n: u64, m: u64) { x = n * 10 + m; }
                pub uop pointer(p: *mut u64) { *p += x; x = *p; }
                pub uop branch(target: Label) { if (x > 5) JUMP(target); x++; }
                pub uop factorial(again: Label) { uint64_t n = x; if (n > 1) { x = n - 1; x = n * CALL(again); } RETURN(x); }
                pub uop floats() { memory[0] = (uint64_t)(x * 2.5 + 0.25); }
                pub uop copy() { *(block *)memory = (block){ { 7, 8, 9 } }; }
                pub uop table() { x = squares[x & 7] + (uint64_t)"0123456"[x & 3]; }
                pub uop ret() { RETURN(x); }
            }
        }

        #[test]
        fn $module() {
            use $module::Pic;
            let run = |program: &[Instruction<Pic>], x: u64, memory: &mut [u64; 20]| {
                let code = Pic::compile(&[program, &[Pic::ret()]].concat()).unwrap();
                unsafe { code.entry()(x, memory.as_mut_ptr()) }
            };
            let memory = &mut [1; 20];
            for x in [0, 5, 6, 1 << 40] {
                assert_eq!(run(&[Pic::host()], x, memory), x * 6 + 3);
                assert_eq!(run(&[Pic::helper()], x, memory), x * 3 + 1 + 4);
                assert_eq!(run(&[Pic::table()], x, memory), (x & 7) * (x & 7) + 48 + (x & 3));
                assert_eq!(run(&[Pic::branch(Label(0)), Pic::host(), Pic::bind(Label(0))], x, memory), if x > 5 { x } else { x * 6 + 9 });
                run(&[Pic::floats()], x, memory);
                assert_eq!(memory[0], (x as f64 * 2.5 + 0.25) as u64);
            }
            assert_eq!(run(&[Pic::operands(12, 3), Pic::operands(12, 4), Pic::host()], 0, memory), 124 * 6 + 3);
            let mut place = 40;
            assert_eq!(run(&[Pic::pointer(&raw mut place), Pic::pointer(&raw mut place)], 2, memory), 84);
            assert_eq!(place, 84);
            let code = Pic::compile(&[Pic::bind(Label(0)), Pic::factorial(Label(0))]).unwrap();
            assert_eq!(unsafe { code.entry()(10, std::ptr::null_mut()) }, 3_628_800);
            run(&[Pic::copy()], 0, memory);
            assert_eq!(memory[..5], [7, 8, 9, 0, 0]);
            // No field of the entry remains unpatched.
            assert!(Pic::ENTRY.stencil().patches().len() <= 2);
        }
    )*};
}

with_flags! {
    fpic: "-fpic", "-mcmodel=small";
    fpic_without_plt: "-fpic", "-fno-plt", "-mcmodel=small";
    fpie: "-fpie", "-mcmodel=small";
    without_plt: "-fno-plt";
    unoptimized_size: "-Os";
    most_optimized: "-O3";
}

mod aligned {
    stencil_runtime::stencil! {
        pub machine Aligned(x: u64) -> u64;
        c {
            struct page { const void *p[2]; } __attribute__((aligned(8192)));
            static const struct page page = { { &page, 0 } };
        }
        pub uop address() { x = (uint64_t)&page.p[x & 1] + (page.p[x & 1] == &page); }
        pub uop ret() { RETURN(x); }
    }
}

#[test]
fn data_may_require_more_than_page_alignment() {
    use aligned::Aligned;
    // The data is either aligned as declared, or refused with an error, but never misaligned.
    for _ in 0..4 {
        match Aligned::compile(&[Aligned::address(), Aligned::ret()]) {
            Ok(code) => assert_eq!(unsafe { (code.entry()(0) % 8192, code.entry()(1) % 8192) }, (1, 8)),
            Err(error) => assert!(!matches!(error, Error::BufferFull { .. }), "{error}"),
        }
    }
}

mod named {
    stencil_runtime::stencil! {
        #![c_flags("-fpic", "-mcmodel=small")]
        pub machine Named(x: u64) -> u64;
        c { static const uint64_t places[] = { 1, 2 }; }
        pub uop compared() { __asm__ volatile("cmpq $7, %0" : : "m"(places[0]) : "cc"); }
        pub uop compared_wide() { __asm__ volatile("cmpq $0x12345678, %0" : : "m"(places[1]) : "cc"); }
        pub uop loaded() { __asm__ volatile("mov %1, %0" : "=r"(x) : "m"(places[0])); }
    }
}

#[test]
fn the_disassembly_names_data_whatever_follows_the_displacement() {
    use named::{STENCIL_compared, STENCIL_compared_wide, STENCIL_loaded};
    for (stencil, expected) in [
        (STENCIL_compared, "  0: cmpq $7, data(%rip)"),
        (STENCIL_compared_wide, "  0: cmpq $0x12345678, data+8(%rip)"),
        (STENCIL_loaded, "  0: mov data(%rip), "),
    ] {
        let [data] = stencil.patches()[..] else { panic!("{}", stencil.name()) };
        assert_eq!(data.value, stencil_runtime::Value::Data(0));
        assert!(stencil.disassembly().starts_with(expected), "{}", stencil.disassembly());
        assert!(expected.ends_with(' ') || stencil.disassembly() == expected, "{}", stencil.disassembly());
    }
}
