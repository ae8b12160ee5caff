//! Stores with programs of both tiers, whose functions call each other.

use std::ops::ControlFlow;

use uops::{Caller, Error, Instance, Linker, Program, Store, StoreLimits, Tier, Trap, Value};

use super::{compile_for, has_interpreter};

/// Pairs of tiers.
const PAIRS: [[Tier; 2]; 7] = [
    [Tier::Jit, Tier::Interpreter],
    [Tier::Interpreter, Tier::Jit],
    [Tier::Interpreter, Tier::Interpreter],
    [Tier::Jit, Tier::Jit],
    [Tier::Auto, Tier::Jit],
    [Tier::Interpreter, Tier::Auto],
    [Tier::Auto, Tier::Auto],
];

fn functions(error: &Error) -> Vec<String> {
    let frames = error.backtrace().expect("it was running").frames();
    frames.iter().map(|frame| frame.name().unwrap_or_default().to_owned()).collect()
}

/// `even` and `odd` call each other across instances: by imports, through a table, by tail calls, and through the host. Each has its
/// own memory, whose first word counts its calls.
const EVEN: &str = r#"(module
    (table (export "table") 4 funcref) (memory (export "memory") 1)
    (type $t (func (param i64 i32) (result i64)))
    (func $count (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
    (func $even (export "even") (param i64 i32) (result i64)
        (call $count)
        (if (result i64) (i64.eqz (local.get 0))
            (then (i64.extend_i32_u (i32.div_u (i32.const 7) (local.get 1))))
            (else (i64.add (i64.const 1)
                (call_indirect (type $t) (i64.sub (local.get 0) (i64.const 1)) (local.get 1) (i32.const 1))))))
    (func $even_tail (export "even_tail") (param i64 i32) (result i64)
        (call $count)
        (if (i64.eqz (local.get 0)) (then (return (i64.extend_i32_u (i32.div_u (i32.const 7) (local.get 1))))))
        (return_call_indirect (type $t) (i64.sub (local.get 0) (i64.const 1)) (local.get 1) (i32.const 3)))
    (elem (i32.const 0) $even) (elem (i32.const 2) $even_tail))"#;
const ODD: &str = r#"(module
    (import "even" "table" (table 4 funcref)) (import "even" "even" (func $even (param i64 i32) (result i64)))
    (import "even" "even_tail" (func $even_tail (param i64 i32) (result i64)))
    (import "env" "host" (func $host (param i64 i32) (result i64)))
    (memory (export "memory") 1)
    (func $count (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))))
    (func $odd (export "odd") (param i64 i32) (result i64)
        (call $count)
        (i64.add (i64.const 1) (call $even (i64.sub (local.get 0) (i64.const 1)) (local.get 1))))
    (func $odd_tail (export "odd_tail") (param i64 i32) (result i64)
        (call $count)
        (return_call $even_tail (i64.sub (local.get 0) (i64.const 1)) (local.get 1)))
    (func $through (export "through") (param i64 i32) (result i64)
        (call $count)
        (call $host (local.get 0) (local.get 1)))
    (elem (i32.const 1) $odd) (elem (i32.const 3) $odd_tail))"#;

fn instances(store: &Store, tiers: [Tier; 2]) -> [Instance; 2] {
    let mut linker = Linker::new();
    linker.func_wrap("env", "host", |caller: &Caller<'_>, n: i64, by: i32| {
        let results = caller.instance().call(caller.store(), "odd", &[n.into(), by.into()])?;
        let &[Value::I64(result)] = &results[..] else { return Err("no result".into()) };
        Ok::<_, uops::HostError>(result)
    });
    let even = Instance::new(store, &compile_for(tiers[0], EVEN.as_bytes()).unwrap(), &linker).unwrap();
    linker.instance(store, "even", even).unwrap();
    [even, Instance::new(store, &compile_for(tiers[1], ODD.as_bytes()).unwrap(), &linker).unwrap()]
}

fn call(store: &Store, instance: Instance, name: &str, n: i64, by: i32) -> Result<i64, Error> {
    match instance.call(store, name, &[n.into(), by.into()])?[..] {
        [Value::I64(result)] => Ok(result),
        _ => panic!("`{name}` has one result"),
    }
}

#[test]
fn functions_of_either_tier_call_each_other() {
    for tiers in PAIRS {
        let store = Store::new().unwrap();
        let [even, odd] = instances(&store, tiers);
        for n in [0, 1, 2, 9, 1000] {
            assert_eq!(call(&store, even, "even", 2 * n, 1).unwrap(), 2 * n + 7, "{tiers:?}");
            assert_eq!(call(&store, odd, "odd", 2 * n + 1, 7).unwrap(), 2 * n + 2, "{tiers:?}");
            assert_eq!(call(&store, odd, "through", 2 * n + 1, 7).unwrap(), 2 * n + 2, "{tiers:?}");
        }
        // Tail calls take no stack.
        assert_eq!(call(&store, even, "even_tail", 1_000_000, 1).unwrap(), 7, "{tiers:?}");
        assert_eq!(call(&store, odd, "odd_tail", 1_000_001, 1).unwrap(), 7, "{tiers:?}");
        // Each function counted in its own memory.
        let count = |instance: Instance| {
            let mut bytes = [0; 4];
            instance.memory(&store, "memory").unwrap().read(&store, 0, &mut bytes).unwrap();
            u32::from_le_bytes(bytes)
        };
        assert_eq!([count(even), count(odd)], [3 * 1017 + 1_000_002, 3 * 1017 + 1_000_001], "{tiers:?}");
    }
}

#[test]
fn backtraces_cross_tiers() {
    for tiers in PAIRS {
        let store = Store::new().unwrap();
        let [even, odd] = instances(&store, tiers);
        for _ in 0..2 {
            let error = call(&store, even, "even", 4, 0).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::IntegerDivisionByZero), "{tiers:?}");
            assert_eq!(functions(&error), ["even", "odd", "even", "odd", "even"], "{tiers:?}");
        }
        let error = call(&store, odd, "through", 3, 0).unwrap_err();
        assert_eq!(functions(&error), ["even", "odd", "even", "odd", "through"], "{tiers:?}");
        let error = call(&store, even, "even_tail", 1000, 0).unwrap_err();
        assert_eq!(functions(&error), ["even_tail"], "{tiers:?}");
    }
}

#[test]
fn limits_and_interruptions_end_calls_across_tiers() {
    for tiers in PAIRS {
        for stack in [1 << 16, 1 << 20, 1 << 30] {
            let store = Store::with_limits(StoreLimits { stack, ..StoreLimits::default() }).unwrap();
            let [even, odd] = instances(&store, tiers);
            for _ in 0..2 {
                let error = call(&store, even, "even", i64::MAX - 1, 1).unwrap_err();
                assert_eq!(error.trap(), Some(Trap::StackExhausted), "{tiers:?}");
            }
            let handle = store.interrupt_handle();
            let error = std::thread::scope(|scope| {
                scope.spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    handle.interrupt();
                });
                call(&store, odd, "odd_tail", i64::MAX, 1).unwrap_err()
            });
            assert_eq!(error.trap(), Some(Trap::Interrupted), "{tiers:?}");
            assert_eq!(call(&store, odd, "odd", 3, 1).unwrap(), 10, "{tiers:?}");
        }
    }
}

#[test]
fn a_build_without_interpreter_says_so() {
    for tier in [Tier::Interpreter, Tier::Auto] {
        match Program::with_options(b"(module)", tier.into(), |_| ControlFlow::Continue(())) {
            Ok(_) => assert!(has_interpreter()),
            Err(error) => assert!(error.to_string().starts_with("this build of uops has no interpreter: "), "{error}"),
        }
    }
}
