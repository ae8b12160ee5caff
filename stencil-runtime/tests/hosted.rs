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
    use stencil_runtime::{Patch, Section, Value, stencil};

    stencil! {
        #![hosted]
        #![allow(unused_variables)]
        machine M(x: i64, y: i64, d: f64) -> i64;
        extern fn __errno_location(..);
        extern fn __assert_fail(..);
        extern fn strtol(..);
        extern fn sprintf(..);
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
            sprintf(buffer, "%ld%s%.1f", x, "", d);
            errno = 0;
            y = strtol(buffer, NULL, 10);
            x = errno;
        }
        uop sure(n: i32) { assert(x != INT_MIN); x += n; }
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
        assert_eq!(run(&[M::sure(-3), M::end()], 5, 0, 0.0), 2);
        assert_eq!(run(&[M::concat(), M::end()], 5, 0, 0.0), 64);
        // A call that does not return does not keep operands out of the instructions.
        let in_code = |patch: &Patch| patch.section == Section::Code && patch.value == Value::Operand(0);
        assert!(STENCIL_sure.patches().iter().any(in_code), "{}", STENCIL_sure.disassembly());
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

mod types {
    use std::ffi::{c_char, c_int, c_long, c_uint, c_ulonglong};

    use stencil_runtime::stencil;

    unsafe extern "C" {
        fn snprintf(to: *mut c_char, size: usize, format: *const c_char, ...) -> c_int;
        fn labs(x: c_long) -> c_long;
    }

    #[derive(Clone, Copy)]
    #[repr(C)]
    pub struct Mixed {
        pub a: f64,
        pub b: u32,
    }

    extern "C" fn swap(pair: Pair) -> Pair {
        Pair { low: pair.high, high: pair.low }
    }

    extern "C" fn double(mixed: Mixed, by: Small) -> Mixed {
        Mixed { a: mixed.a * f64::from(by.x), b: mixed.b * by.y as u32 }
    }

    extern "C" fn large(large: Large) -> Large {
        Large { words: large.words.map(|word| word + 1) }
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    pub enum Level {
        Below = -2,
        Low = 1,
        High = 7,
    }

    extern "C" fn lower(level: Level) -> Level {
        if level == Level::High { Level::Low } else { Level::Below }
    }

    extern "C" fn bits_of(word: Word) -> Word {
        // SAFETY: all bits of a float are bits of an integer.
        Word { bits: unsafe { word.bits } ^ 1 << 63 }
    }

    extern "C" fn negate(x: c_int) -> c_int {
        x.wrapping_neg()
    }

    extern "C" fn square(x: c_int) -> c_int {
        x.wrapping_mul(x)
    }

    extern "C" fn choose(
        nth: c_uint,
        functions: *const unsafe extern "C" fn(c_int) -> c_int,
    ) -> Option<unsafe extern "C" fn(c_int) -> c_int> {
        // SAFETY: the body passes the table of two functions.
        (nth < 2).then(|| unsafe { *functions.add(nth as usize) })
    }

    stencil! {
        #![hosted]
        machine M(x: c_long, table: *mut Table, text: *mut c_char) -> c_long;
        c { typedef enum { BELOW = -2, LOW = 1, HIGH = 7 } Level; }
        struct Pair { pub low: u64, pub high: u64 }
        struct Mixed = Mixed { a: f64, b: u32 }
        struct Small { pub x: f32, pub y: f32 }
        #[derive(Clone, Copy)]
        union Word { pub number: f64, pub bits: u64 }
        enum Level = Level { .. }
        struct Log { pub level: Level, pub word: Word }
        struct Large { pub words: [u64; 4] }
        struct Table { pub negate: Option<unsafe extern "C" fn(c_int) -> c_int>, pub all: [unsafe extern "C" fn(c_int) -> c_int; 2] }
        extern fn snprintf(to: *mut c_char, size: usize, format: *const c_char, ...) -> c_int = snprintf;
        extern fn labs(x: c_long) -> c_long = labs;
        extern fn swap(pair: Pair) -> Pair = swap;
        extern fn double_mixed(mixed: Mixed, by: Small) -> Mixed = double;
        extern fn lower(level: Level) -> Level = lower;
        extern fn bits_of(word: Word) -> Word = bits_of;
        extern fn large(large: Large) -> Large = large;
        extern fn choose(nth: c_uint, functions: *const unsafe extern "C" fn(c_int) -> c_int) -> Option<unsafe extern "C" fn(c_int) -> c_int> = choose;
        c {
            #include <stdio.h>
            #include <stdlib.h>
            static const char *const format = "%s %d %.2f";
        }
        uop print(number: c_int, string: *const c_char) { x = snprintf(text, 32, format, string, number, 1.5); }
        uop absolute() { x = labs(x); }
        uop exchange() { Pair p = swap((Pair){ 3, (uint64_t)x }); x = (long)(p.low * 10 + p.high); }
        uop doubled() { Mixed m = double_mixed((Mixed){ 1.5, 7 }, (Small){ 4, 3 }); x = (long)(m.a * 100 + m.b); }
        uop enlarged() { Large l = large((Large){ { 1, 2, 3, (uint64_t)x } }); x = (long)(l.words[0] * 1000 + l.words[3]); }
        uop apply(f: unsafe extern "C" fn(c_int) -> c_int) { x = f((int)x); }
        uop apply_if(f: Option<unsafe extern "C" fn(c_int) -> c_int>) { if (f) x = f((int)x); }
        uop through() { x = table->negate((int)x) + table->all[1]((int)x); }
        uop chosen(nth: c_uint) { int (*f)(int) = choose(nth, table->all); x = f ? f((int)x) : -1; }
        uop level(level: Level) { x = level == HIGH ? lower(level) * 100 : level; }
        uop logged(log: *mut Log, level: Level) { log->level = lower(level); log->word.number = 1.5; }
        uop negated() { Word w = { .number = 2.5 }; x = (long)(bits_of(w).number * 10); }
        uop wide(value: c_ulonglong) { x = (long)(value >> 1); }
        uop end() { RETURN(x); }
    }

    fn run(uop: stencil_runtime::Instruction<M>, x: c_long) -> (c_long, String) {
        let mut table = Table { negate: Some(negate), all: [negate, square] };
        let mut text = [0; 32];
        // SAFETY: the bodies write at most 32 bytes of text, and call functions with their own types.
        let result = unsafe { M::compile(&[uop, M::end()]).unwrap().entry()(x, &raw mut table, text.as_mut_ptr()) };
        let text = text.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8 as char).collect();
        (result, text)
    }

    #[test]
    fn types_of_c_are_those_of_core_ffi() {
        assert_eq!(run(M::print(-7, c"of C".as_ptr()), 0), (12, "of C -7 1.50".into()));
        assert_eq!(run(M::absolute(), c_long::MIN + 1).0, c_long::MAX);
        assert_eq!(run(M::wide(c_ulonglong::MAX), 0).0, c_long::MAX);
    }

    #[test]
    fn structs_are_passed_by_the_rules_of_the_platform() {
        assert_eq!(run(M::exchange(), 5).0, 53);
        assert_eq!(run(M::doubled(), 0).0, 621);
        assert_eq!(run(M::enlarged(), 8).0, 2009);
        assert_eq!(run(M::negated(), 0).0, -25);
    }

    #[test]
    fn enumerations_are_operands_fields_and_parameters() {
        assert_eq!(run(M::level(Level::High), 0).0, 100);
        assert_eq!(run(M::level(Level::Low), 0).0, 1);
        assert_eq!(run(M::level(Level::Below), 0).0, -2);
        let mut log = Log { level: Level::High, word: Word { bits: 0 } };
        run(M::logged(&raw mut log, Level::Low), 0);
        // SAFETY: the body wrote the float.
        assert_eq!((log.level, unsafe { log.word.number }), (Level::Below, 1.5));
    }

    #[test]
    fn functions_are_values() {
        assert_eq!(run(M::apply(negate), 5).0, -5);
        assert_eq!(run(M::apply(square), c_long::from(c_int::MIN)).0, 0);
        assert_eq!(run(M::apply_if(Some(square)), 5).0, 25);
        assert_eq!(run(M::apply_if(None), 5).0, 5);
        assert_eq!(run(M::through(), 5).0, 20);
        assert_eq!(run(M::chosen(0), 5).0, -5);
        assert_eq!(run(M::chosen(2), 5).0, -1);
    }
}

mod thread_locals {
    use std::cell::Cell;

    use stencil_runtime::stencil;

    thread_local! {
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }

    extern "C" fn count() -> *mut u64 {
        COUNT.with(Cell::as_ptr)
    }

    stencil! {
        machine M(x: u64) -> u64;
        extern fn count() -> *mut u64 = count;
        uop by_function() { x = ++*count(); }
        uop by_offset(offset: i64) { x = ++*(uint64_t *)((char *)__builtin_thread_pointer() + offset); }
        uop thread_pointer() { x = (uint64_t)__builtin_thread_pointer(); }
        uop end() { RETURN(x); }
    }

    #[test]
    fn a_thread_local_is_reached_by_a_function_or_by_its_offset() {
        let run = |uop, x| {
            // SAFETY: the bodies count in this thread's counter.
            unsafe { M::compile(&[uop, M::end()]).unwrap().entry()(x) }
        };
        let here = move || {
            let before = COUNT.get();
            assert_eq!(run(M::by_function(), 0), before + 1);
            // The offset is the same in all threads where the linker places the variable in the executable's own block.
            let offset = (count() as u64).wrapping_sub(run(M::thread_pointer(), 0)) as i64;
            assert_eq!(run(M::by_offset(offset), 0), before + 2);
            assert_eq!(COUNT.get(), before + 2);
            offset
        };
        assert_eq!(here(), std::thread::spawn(here).join().unwrap());
    }
}
