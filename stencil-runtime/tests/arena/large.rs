//! A gibibyte of code, and an arena far away from the executable.

use super::*;

#[test]
fn a_gibibyte_of_code() {
    for mapping in BOTH {
        let arena = arena(1 << 30, mapping);
        let mut batch = arena.batch();
        for n in 0..512 {
            let mut program = vec![Test::add(n)];
            program.resize(2048, Test::kilobyte());
            program.push(Test::ret());
            batch.compile(&program).unwrap();
        }
        let mut codes = batch.publish().unwrap();
        for (n, code) in codes.iter().enumerate() {
            assert_eq!(run(code, 5), 5 + n as u64);
        }
        let stats = arena.stats();
        assert!(stats.used > (1 << 30) - (1 << 20), "{stats:?}");
        // All but the last can be freed and their space reused.
        codes.drain(..511);
        assert!(Test::compile_in(&arena, &vec![Test::kilobyte(); 1 << 19]).is_ok());
        assert_eq!(run(&codes[0], 5), 516);
    }
}

/// The arena is larger than the free space near the executable, so host functions are called through trampolines.
#[test]
fn an_arena_that_is_far_away() {
    for mapping in BOTH {
        let arena = arena(3 << 30, mapping);
        let mut batch = arena.batch();
        for n in 0..100 {
            batch.compile(&[Test::add(n), Test::call(), Test::float(1.0), Test::call(), Test::ret()]).unwrap();
        }
        let codes = batch.publish().unwrap();
        assert!((codes[0].bytes().as_ptr() as usize).abs_diff(host as *const () as usize) > 1 << 31);
        for (n, code) in (0..).zip(&codes) {
            assert_eq!(run(code, 7), host(host(7 + n) + 1));
        }
    }
}
