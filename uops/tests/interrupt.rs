//! Another thread can end whatever a module does, and the store is as good as before.

use std::time::Duration;

use uops::wasi::Wasi;
use uops::{Error, FuncType, Instance, Linker, Program, Store, Trap, Value};

/// Calls `run` and interrupts it after a while; then checks that the store still works.
fn interrupt(text: &str, linker: &Linker) -> Error {
    let program = Program::new(text.as_bytes()).unwrap();
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &program, linker).unwrap();
    let handle = store.interrupt_handle();
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            handle.interrupt();
        });
        instance.call(&store, "run", &[]).unwrap_err()
    });
    assert!(!store.is_interrupted());
    assert_eq!(instance.call(&store, "fine", &[]).unwrap(), [Value::I32(10)]);
    error
}

const FINE: &str = r#"(func (export "fine") (result i32) (local i32)
    (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if 0 (i32.lt_u (local.get 0) (i32.const 10))))
    (local.get 0))"#;

fn hangs(body: &str) {
    let error = interrupt(&format!("(module {FINE} {body})"), &Linker::new());
    assert_eq!(error.trap(), Some(Trap::Interrupted), "{body}");
    assert_eq!(error.to_string().lines().next(), Some("interrupted"));
}

#[test]
fn loops() {
    hangs(r#"(func (export "run") (loop (br 0)))"#);
    hangs(r#"(func (export "run") (loop (br_table 0 0 (i32.const 1))))"#);
    hangs(r#"(func (export "run") (block (loop (br_if 0 (i32.const 1)) (br 1))) (unreachable))"#);
}

/// Calls alone: 2^60 of them, never more than 60 deep.
#[test]
fn recursion() {
    hangs(
        r#"(func $run (param i32)
               (if (local.get 0) (then
                   (call $run (i32.sub (local.get 0) (i32.const 1)))
                   (call $run (i32.sub (local.get 0) (i32.const 1))))))
           (func (export "run") (call $run (i32.const 60)))"#,
    );
}

#[test]
fn by_way_of_host_functions() {
    let mut linker = Linker::new();
    linker.func_new("env", "again", FuncType::new([], []), |caller, _| {
        // A host function that goes on when it should not does not keep the caller from ending.
        let result = caller.instance().call(caller.store(), "hang", &[]);
        assert_eq!(result.unwrap_err().trap(), Some(Trap::Interrupted));
        assert!(caller.store().is_interrupted());
        Ok(vec![])
    });
    let text = format!(
        r#"(module (import "env" "again" (func $again)) {FINE}
            (func (export "hang") (loop (br 0)))
            (func (export "run") (loop (call $again) (br 0))))"#
    );
    assert_eq!(interrupt(&text, &linker).trap(), Some(Trap::Interrupted));
}

/// A program that sleeps for half a day.
#[test]
fn sleep() {
    let text = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1) {FINE}
            (func (export "run")
                (i32.store (i32.const 16) (i32.const 1))
                (i64.store (i32.const 24) (i64.const 40000000000000))
                (loop (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))) (br 0))))"#
    );
    assert_eq!(interrupt(&text, &Wasi::new().linker().unwrap()).trap(), Some(Trap::Interrupted));
}

#[test]
fn an_early_interruption_ends_the_next_call_unless_it_is_taken_back() {
    let program = Program::new(format!("(module {FINE})").as_bytes()).unwrap();
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
    let handle = store.interrupt_handle();
    handle.interrupt();
    assert!(handle.is_interrupted());
    assert_eq!(instance.call(&store, "fine", &[]).unwrap_err().trap(), Some(Trap::Interrupted));
    assert!(!handle.is_interrupted());
    handle.interrupt();
    handle.clear();
    assert_eq!(instance.call(&store, "fine", &[]).unwrap(), [Value::I32(10)]);
}
