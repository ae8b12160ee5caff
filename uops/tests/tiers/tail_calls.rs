//! Tail calls use neither frames nor the native stack, however many there are.

use uops::{FuncType, Instance, Linker, Store, StoreLimits, Trap, Value, ValueType};

use super::compile;

/// More calls than any stack has space for.
const MANY: i32 = 10_000_000;

/// Returns a store with a tiny stack of frames, which a few hundred ordinary calls would exhaust.
fn small_store() -> Store {
    Store::with_limits(StoreLimits { stack: 32 << 10, ..StoreLimits::default() }).unwrap()
}

fn instance(store: &Store, text: &str, linker: &Linker) -> Instance {
    Instance::new(store, &compile(text.as_bytes()).unwrap(), linker).unwrap()
}

/// Two functions call each other with the remaining number of calls and the sum so far.
#[test]
fn direct() {
    let text = r#"(module
        (func $even (export "run") (param i32 i64) (result i64)
          (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
          (return_call $odd (i64.add (local.get 1) (i64.const 1)) (i32.sub (local.get 0) (i32.const 1))))
        (func $odd (param i64 i32) (result i64)
          (if (i32.eqz (local.get 1)) (then (return (local.get 0))))
          (return_call $even (i32.sub (local.get 1) (i32.const 1)) (i64.add (local.get 0) (i64.const 3)))))"#;
    let store = small_store();
    let instance = instance(&store, text, &Linker::new());
    let sum = instance.call(&store, "run", &[Value::I32(MANY), Value::I64(0)]).unwrap();
    assert_eq!(sum, [Value::I64(i64::from(MANY) * 2)]);
}

#[test]
fn indirect() {
    let text = r#"(module (type $t (func (param i32 f64) (result f64))) (table funcref (elem $run $other $last))
        (func $run (export "run") (type $t)
          (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (f64.add (local.get 1) (f64.const 1))
            (select (i32.const 1) (i32.const 2) (local.get 0))))
        (func $other (type $t)
          (return_call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0)))
        (func $last (type $t) (local.get 1)))"#;
    let store = small_store();
    let instance = instance(&store, text, &Linker::new());
    let sum = instance.call(&store, "run", &[Value::I32(MANY / 2), Value::F64(0.0)]).unwrap();
    assert_eq!(sum, [Value::F64(f64::from(MANY / 2 + 1))]);
}

#[test]
fn invalid_indirect_calls_trap() {
    let text = r#"(module (type $t (func)) (table 3 funcref) (elem (i32.const 1) $f $f) (func $f (param i32))
        (func (export "run") (param i32) (return_call_indirect (type $t) (local.get 0))))"#;
    let store = small_store();
    let instance = instance(&store, text, &Linker::new());
    for (index, trap) in [
        (0, Trap::UninitializedElement),
        (1, Trap::IndirectCallTypeMismatch),
        (3, Trap::UndefinedElement),
        (-1, Trap::UndefinedElement),
    ] {
        assert_eq!(instance.call(&store, "run", &[Value::I32(index)]).unwrap_err().trap(), Some(trap));
    }
}

/// Each of two instances adds the contents of its memory and its global, and calls the other one.
#[test]
fn across_instances() {
    let text = |other: &str, own: &str, factor: u32| {
        format!(
            r#"(module (type $t (func (param i32 i32) (result i32))) (import "env" "table" (table 2 funcref))
                 (memory 1) (data (i32.const 8) "\0{factor}") (global $one (mut i32) (i32.const 1))
                 (elem (i32.const {own}) $f) (export "run" (func $f))
                 (func $f (type $t)
                   (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
                   (return_call_indirect (type $t)
                     (i32.sub (local.get 0) (global.get $one))
                     (i32.add (local.get 1) (i32.load8_u (i32.const 8)))
                     (i32.const {other}))))"#
        )
    };
    let store = small_store();
    let mut linker = Linker::new();
    let holder = instance(&store, r#"(module (table (export "table") 2 funcref))"#, &linker);
    linker.instance(&store, "env", holder).unwrap();
    let first = instance(&store, &text("1", "0", 2), &linker);
    instance(&store, &text("0", "1", 5), &linker);
    let sum = first.call(&store, "run", &[Value::I32(MANY), Value::I32(0)]).unwrap();
    assert_eq!(sum, [Value::I32(MANY / 2 * 7)]);
}

/// After a tail call of an import, the caller has its own memory again.
#[test]
fn of_imports_and_host_functions() {
    let store = small_store();
    let mut linker = Linker::new();
    let ty = FuncType::new([ValueType::I32, ValueType::I64], [ValueType::I64, ValueType::I32]);
    linker.func_new("env", "swap", ty, |_, args| Ok(vec![args[1], args[0]]));
    let middle = r#"(module (import "env" "swap" (func $swap (param i32 i64) (result i64 i32)))
        (memory 1) (data (i32.const 0) "\ff")
        (func (export "swap") (param i32 i32 i64) (result i64 i32)
          (return_call $swap (local.get 1) (local.get 2))))"#;
    let middle = instance(&store, middle, &linker);
    linker.instance(&store, "middle", middle).unwrap();
    let outer = r#"(module (import "middle" "swap" (func $swap (param i32 i32 i64) (result i64 i32)))
        (memory 1) (data (i32.const 0) "\01")
        (func $relay (param i32 i64) (result i64 i32) (return_call $swap (i32.const 9) (local.get 0) (local.get 1)))
        (func (export "run") (result i64 i32)
          (call $relay (i32.const 7) (i64.const -1))
          (i32.add (i32.load8_u (i32.const 0))))
        (func (export "again") (param i32) (result i64 i32)
          (loop $l
            (call $relay (local.get 0) (i64.const 0)) drop drop
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (return_call $relay (local.get 0) (i64.const 5))))"#;
    let outer = instance(&store, outer, &linker);
    assert_eq!(outer.call(&store, "run", &[]).unwrap(), [Value::I64(-1), Value::I32(8)]);
    assert_eq!(outer.call(&store, "again", &[Value::I32(100_000)]).unwrap(), [Value::I64(5), Value::I32(0)]);
}

/// Arguments move to the parameters' slots, some of which hold other arguments.
#[test]
fn arguments_change_places() {
    for count in [2, 3, 8, 9, 10, 17, 300, 1000] {
        let params = " i64".repeat(count);
        let args: String = (1..count).map(|index| format!("(local.get {index})")).collect();
        // Rotates the arguments `n` times, and returns all of them.
        let text = format!(
            r#"(module (global $n (mut i32) (i32.const 0))
                 (func (export "n") (param i32) (global.set $n (local.get 0)))
                 (func $run (export "run") (param{params}) (result{params})
                   (global.set $n (i32.sub (global.get $n) (i32.const 1)))
                   (if (i32.ge_s (global.get $n) (i32.const 0))
                     (then (return_call $run {args} (local.get 0))))
                   {args} (local.get 0)))"#
        );
        let store = Store::new().unwrap();
        let instance = instance(&store, &text, &Linker::new());
        for n in [0, 1, 2, count - 1] {
            let args: Vec<_> = (0..count as i64).map(Value::I64).collect();
            let mut rotated = args.clone();
            rotated.rotate_left((n + 1) % count);
            instance.call(&store, "n", &[Value::I32(n as i32)]).unwrap();
            assert_eq!(instance.call(&store, "run", &args).unwrap(), rotated, "{count} values, {n} times");
        }
    }
}

/// A callee's frame may be larger than the caller's, so it is checked again.
#[test]
fn frames_still_end() {
    let locals = " i64".repeat(10_000);
    let text = format!(
        r#"(module (func (export "run") (return_call $large)) (func $large (local{locals}) (return_call $deep))
             (func $deep (call $deep)))"#
    );
    let store = small_store();
    let error = instance(&store, &text, &Linker::new()).call(&store, "run", &[]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::StackExhausted));
}
