//! Another thread can interrupt anything that a module does, and the store remains usable.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use uops::wasi::Wasi;
use uops::{Error, FuncType, Instance, InterruptHandle, Linker, Phase, Program, Progress, Store, Trap, Value};

use super::compile;

/// Runs a closure and interrupts it after a while.
fn interrupted<T>(handle: &InterruptHandle, run: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            handle.interrupt();
        });
        run()
    })
}

/// Calls `run`, interrupts it after a while, and checks that the store still works.
fn interrupt(text: &str, linker: &Linker) -> Error {
    let program = compile(text.as_bytes()).unwrap();
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &program, linker).unwrap();
    let handle = store.interrupt_handle();
    let error = interrupted(&handle, || instance.call(&store, "run", &[]).unwrap_err());
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

/// Recursion only: 2^60 calls, at most 60 deep.
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
fn through_host_functions() {
    let mut linker = Linker::new();
    linker.func_new("env", "again", FuncType::new([], []), |caller, _| {
        // A host function that ignores an interruption does not prevent its caller from ending.
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

/// Code without loops that would run for minutes, because its bulk instructions do all the work.
#[test]
fn bulk_instructions() {
    let many = |instruction: &str| instruction.repeat(600);
    for instruction in [
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x10000000))",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.const 0xfffffff))",
        "(memory.copy (i32.const 1) (i32.const 0) (i32.const 0xfffffff))",
        "(table.fill (i32.const 0) (ref.func $f) (i32.const 5000000))",
        "(table.copy (i32.const 0) (i32.const 1) (i32.const 4999999))",
        "(drop (table.grow (ref.func $f) (i32.const 9)))
         (table.fill (i32.const 0) (ref.null func) (i32.const 5000000))",
    ] {
        let start = Instant::now();
        hangs(&format!(
            r#"(memory 4096) (table 5000000 funcref) (func $f) (elem declare func $f)
               (func (export "run") {})"#,
            many(instruction)
        ));
        assert!(start.elapsed() < Duration::from_secs(10), "{instruction}: {:?}", start.elapsed());
    }
}

#[test]
fn instantiation() {
    let program = compile(b"(module (func $hang (loop (br 0))) (start $hang))").unwrap();
    let fine = compile(format!("(module {FINE})").as_bytes()).unwrap();
    let (store, linker) = (Store::new().unwrap(), Linker::new());
    let handle = store.interrupt_handle();
    let error = interrupted(&handle, || Instance::new(&store, &program, &linker).unwrap_err());
    assert_eq!(error.trap(), Some(Trap::Interrupted));
    assert!(!store.is_interrupted());
    // An early interruption ends the next instantiation.
    handle.interrupt();
    assert_eq!(Instance::new(&store, &fine, &linker).unwrap_err().trap(), Some(Trap::Interrupted));
    let instance = Instance::new(&store, &fine, &linker).unwrap();
    assert_eq!(instance.call(&store, "fine", &[]).unwrap(), [Value::I32(10)]);
}

/// A host function that does not check for interruptions does not prevent its caller from ending.
#[test]
fn calls_of_host_functions() {
    let mut linker = Linker::new();
    linker.func_wrap("env", "slow", || std::thread::sleep(Duration::from_millis(1)));
    let calls = "(call $slow)".repeat(100_000);
    let text = format!(r#"(module (import "env" "slow" (func $slow)) {FINE} (func (export "run") {calls}))"#);
    let start = Instant::now();
    assert_eq!(interrupt(&text, &linker).trap(), Some(Trap::Interrupted));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn compilation_is_cancelled_by_its_callback() {
    let functions = "(func (drop (i32.const 1)))".repeat(20);
    // Larger functions report progress several times.
    let text = format!("(module {functions} (func {}))", "(drop (i32.const 1))".repeat(10_000));
    let mut all = Vec::new();
    let observer = |progress: Progress| {
        all.push(progress);
        ControlFlow::Continue(())
    };
    Program::with_progress(text.as_bytes(), observer).unwrap();
    let count = |phase| all.iter().filter(|progress| progress.phase == phase).count();
    let counts = [Phase::Validating, Phase::Lowering, Phase::Emitting].map(count);
    assert!(counts[0] > 25 && counts[1] > 25 && counts[2] == 1, "{counts:?}");
    for last in [0, 5, 25, counts[0], counts[0] + 25, all.len() - 1] {
        let mut left = last;
        let result = Program::with_progress(text.as_bytes(), |progress| {
            assert_eq!(progress, all[last - left]);
            if left == 0 {
                return ControlFlow::Break(());
            }
            left -= 1;
            ControlFlow::Continue(())
        });
        assert!(matches!(result, Err(Error::Cancelled)), "{last}");
    }
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
fn an_early_interruption_ends_the_next_call_unless_it_is_reset() {
    let program = compile(format!("(module {FINE})").as_bytes()).unwrap();
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
