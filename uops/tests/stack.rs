//! Calls that nest too deeply trap. They must do so before the native stack ends, which would end the process.

use uops::{Error, FuncType, Instance, Linker, Program, Store, StoreLimits, Trap, Value, ValueType};

/// Bytes of frames in these tests.
const FRAMES: usize = 4 << 20;
/// What else the native stack is needed for: the test itself, and nested host functions.
const REST: usize = 1 << 20;

/// Runs something on a native stack that is hardly larger than the stack of frames.
fn on_small_stack(test: impl FnOnce(&Store) + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(FRAMES + REST);
        let test = move || test(&Store::with_limits(StoreLimits { stack: FRAMES, ..StoreLimits::default() }).unwrap());
        thread.spawn_scoped(scope, test).unwrap().join().unwrap();
    });
}

/// Calls `run` of a module until the stack is exhausted, twice, because the first time must leave all as it was.
fn exhaust(text: &str) {
    let program = Program::new(text.as_bytes()).unwrap();
    on_small_stack(|store| {
        let instance = Instance::new(store, &program, &Linker::new()).unwrap();
        for _ in 0..2 {
            let error = instance.call(store, "run", &[]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::StackExhausted));
        }
        assert!(instance.call(store, "fine", &[]).is_ok());
    });
}

#[test]
fn direct_calls() {
    exhaust(r#"(module (func (export "run") (call 0)) (func (export "fine")))"#);
}

#[test]
fn indirect_calls() {
    exhaust(
        r#"(module (table funcref (elem $run)) (func (export "fine"))
             (func $run (export "run") (call_indirect (i32.const 0))))"#,
    );
}

#[test]
fn calls_with_values_on_the_stack() {
    let params = " i64".repeat(200);
    let args = " (i64.const -1)".repeat(200);
    exhaust(&format!(
        r#"(module (func (export "fine"))
             (func $f (param{params}) (result i32) (i32.add (i32.const 1) (call $f{args})))
             (func (export "run") (drop (call $f{args}))))"#,
    ));
}

#[test]
fn calls_of_another_instance() {
    let first = r#"(module (import "env" "table" (table 2 funcref)) (type $t (func))
        (func $f (call_indirect (type $t) (i32.const 1))) (elem (i32.const 0) $f) (export "run" (func $f)))"#;
    let second = r#"(module (import "env" "run" (func $run)) (import "env" "table" (table 2 funcref))
        (func $g (call $run)) (elem (i32.const 1) $g))"#;
    let [first, second] = [first, second].map(|text| Program::new(text.as_bytes()).unwrap());
    on_small_stack(|store| {
        let mut linker = Linker::new();
        let limits = uops::Limits { min: 2, max: None };
        let ty = uops::TableType::new(uops::RefType::Func, limits);
        linker.define("env", "table", uops::Table::new(store, ty).unwrap());
        let first = Instance::new(store, &first, &linker).unwrap();
        linker.define("env", "run", first.func(store, "run").unwrap());
        Instance::new(store, &second, &linker).unwrap();
        let error = first.call(store, "run", &[]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::StackExhausted));
    });
}

/// Host functions take far more of the native stack: how often they may nest is counted.
#[test]
fn calls_by_way_of_host_functions() {
    let text = r#"(module (import "env" "again" (func $again (param i32) (result i32)))
        (func $run (export "run") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (call $run (i32.sub (local.get 0) (i32.const 1))))
            (else (call $again (i32.const 100))))))"#;
    let program = Program::new(text.as_bytes()).unwrap();
    on_small_stack(|store| {
        let mut linker = Linker::new();
        let ty = FuncType::new([ValueType::I32], [ValueType::I32]);
        linker.func_new("env", "again", ty, |caller, args| Ok(caller.instance().call(caller.store(), "run", args)?));
        let instance = Instance::new(store, &program, &linker).unwrap();
        let result = instance.call(store, "run", &[Value::I32(100)]);
        assert!(matches!(result, Err(Error::Trap { trap: Trap::StackExhausted, .. })), "{result:?}");
    });
}

#[test]
fn thousands_of_calls_nest() {
    let text = r#"(module (func $depth (export "depth") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.add (i32.const 1) (call $depth (i32.sub (local.get 0) (i32.const 1)))))
          (else (i32.const 0)))))"#;
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &Program::new(text.as_bytes()).unwrap(), &Linker::new()).unwrap();
    assert_eq!(instance.call(&store, "depth", &[Value::I32(10_000)]).unwrap(), [Value::I32(10_000)]);
}
