//! C that exists already: symbols of libraries, data of the host, headers, and what compilers call of their own accord.

mod statics {
    use std::sync::atomic::{AtomicU64, Ordering};

    use stencil_runtime::stencil;

    pub static TABLE: [u64; 4] = [3, 5, 7, 11];
    pub static LIMITS: Limits = Limits { low: -7, high: 9 };
    pub static mut COUNT: u64 = 0;

    /// A symbol of a library, as far as the linker is concerned.
    #[unsafe(no_mangle)]
    pub static hosted_test_numbers: [u32; 3] = [100, 200, 300];
    #[unsafe(no_mangle)]
    pub static hosted_test_cell: AtomicU64 = AtomicU64::new(40);
    #[unsafe(no_mangle)]
    pub extern "C" fn hosted_test_double(x: u64) -> u64 {
        x * 2
    }

    stencil! {
        machine M(x: u64) -> u64;
        pub struct Limits { pub low: i64, pub high: i64 }
        extern static TABLE: [u64; 4] = TABLE;
        extern static LIMITS: Limits = LIMITS;
        extern static mut COUNT: u64 = COUNT;
        extern static hosted_test_numbers: [u32; 3];
        extern static hosted_test_cell: ..;
        extern fn hosted_test_double(..);
        c {
            extern uint64_t hosted_test_cell;
            uint64_t hosted_test_double(uint64_t);
            static inline uint64_t twice(uint64_t x) { return hosted_test_double(hosted_test_double(x)); }
            static const uint64_t *const pointers[] = { TABLE, TABLE + 2, &hosted_test_cell };
        }
        uop table(i: u32) { x = TABLE[i & 3]; }
        uop third() { x = TABLE[2]; }
        uop spread() { x = (uint64_t)(LIMITS.high - LIMITS.low); }
        uop high() { x = (uint64_t)&LIMITS.high; }
        uop count(n: u64) { COUNT += n; x = COUNT; }
        uop number() { x += hosted_test_numbers[1]; }
        uop cell() { hosted_test_cell += x; x = hosted_test_cell; }
        uop through(i: u32) { x = *pointers[i & 1]; }
        uop fourfold() { x = twice(x); }
        uop done() { RETURN(x); }
    }

    fn run(uops: &[stencil_runtime::Instruction<M>], x: u64) -> u64 {
        // SAFETY: the bodies read and write statics that nothing else uses at the same time.
        unsafe { M::compile(uops).unwrap().entry()(x) }
    }

    #[test]
    fn bodies_read_and_write_statics() {
        for (index, value) in TABLE.iter().enumerate() {
            assert_eq!(run(&[M::table(index as u32), M::done()], 0), *value);
        }
        assert_eq!(run(&[M::third(), M::done()], 0), 7);
        assert_eq!(run(&[M::spread(), M::done()], 0), 16);
        assert_eq!(run(&[M::high(), M::done()], 0), (&raw const LIMITS.high) as u64);
        assert_eq!(run(&[M::count(u64::MAX), M::count(5), M::done()], 0), 4);
        // SAFETY: only this test uses the counter.
        assert_eq!(unsafe { COUNT }, 4);
        assert_eq!(run(&[M::through(0), M::done()], 0), 3);
        assert_eq!(run(&[M::through(1), M::done()], 0), 7);
    }

    #[test]
    fn symbols_are_linked_by_their_names() {
        assert_eq!(run(&[M::number(), M::done()], 1), 201);
        assert_eq!(run(&[M::cell(), M::done()], 2), 42);
        assert_eq!(hosted_test_cell.load(Ordering::Relaxed), 42);
        assert_eq!(run(&[M::fourfold(), M::done()], 3), 12);
    }
}

mod addresses {
    use stencil_runtime::stencil;

    extern "C" fn add_one(x: u64) -> u64 {
        x + 1
    }

    extern "C" fn call(function: u64, x: u64) -> u64 {
        // SAFETY: the bodies pass the address of `add_one`.
        let function: extern "C" fn(u64) -> u64 = unsafe { std::mem::transmute(function) };
        function(x)
    }

    stencil! {
        machine M(x: u64, memory: *mut u64) -> u64;
        extern fn add_one(x: u64) -> u64 = add_one;
        extern fn call(function: u64, x: u64) -> u64 = call;
        uop value() { x = (uint64_t)add_one; }
        uop store() { *(uint64_t (**)(uint64_t))memory = add_one; }
        uop compare() { x = (uint64_t (*)(uint64_t))*memory == add_one; }
        uop compare_memory() { x = *(uint64_t (*volatile *)(uint64_t))memory == &add_one; }
        uop pass() { x = call((uint64_t)&add_one, x); }
        uop difference() { x -= (uint64_t)add_one; }
        uop sum() { x += (uint64_t)add_one; }
        uop choose() {
            uint64_t (*chosen)(uint64_t) = x > 5 ? add_one : (uint64_t (*)(uint64_t))*memory;
            x = (uint64_t)chosen;
        }
        uop done() { RETURN(x); }
    }

    #[test]
    fn the_address_of_a_host_function_is_a_value() {
        let mut memory = 0;
        let mut run = |uop, x| {
            // SAFETY: the bodies write one word of memory and call functions.
            unsafe { M::compile(&[uop, M::done()]).unwrap().entry()(x, &raw mut memory) }
        };
        let address = add_one as *const () as u64;
        assert_eq!(run(M::value(), 0), address);
        assert_eq!(run(M::compare(), 0), 0);
        run(M::store(), 0);
        assert_eq!(run(M::compare(), 0), 1);
        assert_eq!(run(M::compare_memory(), 0), 1);
        assert_eq!(run(M::choose(), 0), address);
        assert_eq!(run(M::choose(), 6), address);
        assert_eq!(run(M::pass(), u64::MAX - 1), u64::MAX);
        assert_eq!(run(M::difference(), 0), address.wrapping_neg());
        assert_eq!(run(M::sum(), u64::MAX), address - 1);
        assert_eq!(memory, address);
    }
}

mod headers {
    use stencil_runtime::stencil;

    stencil! {
        #![hosted]
        #![allow(unused_variables)]
        machine M(x: i64, y: i64, d: f64) -> i64;
        extern fn __errno_location(..);
        extern fn __assert_fail(..);
        extern fn strtol(..);
        extern fn snprintf(..);
        c {
            #include <assert.h>
            #include <errno.h>
            #include <limits.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #define CALL 52
            #define RETURN(x) "not that of stencil!"
            #define STENCIL_TEST_NAME STENCIL_CONCAT(x, )
        }
        uop limit(unused: u64) { x = SSIZE_MAX; }
        uop parse() {
            char buffer[64];
            snprintf(buffer, sizeof buffer, "%ld%s%.1f", x, "", d);
            errno = 0;
            y = strtol(buffer, NULL, 10);
            x = errno;
        }
        uop sure() { assert(x != INT_MIN); }
        uop divide() { __int128 a = (__int128)x << 64; x = (int64_t)(a / y); y = (int64_t)(a % y); }
        uop divide_unsigned() {
            unsigned __int128 a = (unsigned __int128)(uint64_t)x << 64;
            x = (int64_t)(a / (uint64_t)y);
            y = (int64_t)(a % (uint64_t)y);
        }
        uop count() { x = __builtin_popcountll(x); }
        uop modulo() { d = __builtin_fmod(d, 3.0); x = (int64_t)(d * 1000); }
        uop floor_() { d = __builtin_floor(d); x = (int64_t)d; }
        uop half() { _Float16 h = (_Float16)d; x = (int64_t)(float)(h + h); }
        uop wide() { long double l = d; __int128 a = (__int128)l; x = (int64_t)(a >> 1); }
        uop quad() { __float128 q = d; q = q * q; x = (int64_t)q; }
        uop concat() { STENCIL_CONCAT(x, ) = STENCIL_CONCAT(1, 2); x += CALL; }
        uop end() { STENCIL_RETURN(x); }
        uop end_y() { STENCIL_RETURN(y); }
    }

    fn run(uops: &[stencil_runtime::Instruction<M>], x: i64, y: i64, d: f64) -> i64 {
        // SAFETY: the bodies compute and call functions of the C library.
        unsafe { M::compile(uops).unwrap().entry()(x, y, d) }
    }

    #[test]
    fn headers_are_whole_and_functions_of_libraries_are_called() {
        assert_eq!(run(&[M::limit(1), M::end()], 0, 0, 0.0), i64::MAX);
        assert_eq!(run(&[M::parse(), M::end_y()], 123_456, 0, 7.5), 1_234_567);
        assert_eq!(run(&[M::parse(), M::end()], i64::MAX, 0, 7.5), 34);
        assert_eq!(run(&[M::sure(), M::end()], 5, 0, 0.0), 5);
        assert_eq!(run(&[M::concat(), M::end()], 5, 0, 0.0), 64);
    }

    #[test]
    fn functions_that_compilers_call_are_linked() {
        for (x, y) in [(7, 3), (-7, 3), (i64::MAX, 2), (1, -1), (0, 9), (i64::MIN + 1, 7)] {
            let a = i128::from(x) << 64;
            assert_eq!(run(&[M::divide(), M::end()], x, y, 0.0), (a / i128::from(y)) as i64);
            assert_eq!(run(&[M::divide(), M::end_y()], x, y, 0.0), (a % i128::from(y)) as i64);
            let (a, b) = (u128::from(x as u64) << 64, u128::from(y as u64));
            assert_eq!(run(&[M::divide_unsigned(), M::end()], x, y, 0.0), (a / b) as i64);
            assert_eq!(run(&[M::divide_unsigned(), M::end_y()], x, y, 0.0), (a % b) as i64);
            assert_eq!(run(&[M::count(), M::end()], x, y, 0.0), i64::from(x.count_ones()));
        }
        assert_eq!(run(&[M::modulo(), M::end()], 0, 0, 7.25), 1250);
        assert_eq!(run(&[M::floor_(), M::end()], 0, 0, -7.25), -8);
        assert_eq!(run(&[M::half(), M::end()], 0, 0, 1.5), 3);
        assert_eq!(run(&[M::wide(), M::end()], 0, 0, 1e15), 500_000_000_000_000);
        assert_eq!(run(&[M::quad(), M::end()], 0, 0, 3e4), 900_000_000);
    }
}
