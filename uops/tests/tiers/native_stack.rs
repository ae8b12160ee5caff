//! Unbounded recursion traps on every thread, whatever the sizes of its native stack and of the stack of frames.

use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;

use uops::{Error, FuncType, Instance, Linker, Store, StoreLimits, Tier, Trap, Value, ValueType};

use super::{TIER, compile};

/// Sizes of native stacks, in bytes.
const NATIVE: [usize; 4] = [192 << 10, 512 << 10, 1 << 20, 2 << 20];
/// Sizes of the stack of frames, in bytes.
const FRAMES: [usize; 4] = [64 << 10, 1 << 20, 64 << 20, 4 << 30];

fn on_thread<T: Send>(stack: usize, run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

fn store(stack: usize) -> Store {
    Store::with_limits(StoreLimits { stack, ..StoreLimits::default() }).unwrap()
}

/// Runs a test on threads with native stacks of all sizes and in stores of all sizes, and on a native stack that is hardly
/// larger than the frames.
fn on_all_stacks(test: impl Fn(&Store, &str) + Sync) {
    let all = NATIVE.into_iter().flat_map(|native| FRAMES.map(|frames| (native, frames)));
    for (native, frames) in all.chain([(5 << 20, 4 << 20)]) {
        on_thread(native, || test(&store(frames), &format!("{native} bytes, {frames} for frames")));
    }
}

/// Calls `run` of a module until the stack is exhausted. Does so twice, because the first time must leave no trace.
fn exhaust(text: &str) {
    let program = compile(text.as_bytes()).unwrap();
    on_all_stacks(|store, sizes| {
        let instance = Instance::new(store, &program, &Linker::new()).unwrap();
        for _ in 0..2 {
            let error = instance.call(store, "run", &[]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::StackExhausted), "{sizes}");
        }
        instance.call(store, "fine", &[]).unwrap();
    });
}

#[test]
fn direct_calls() {
    exhaust(r#"(module (func $run (export "run") (call $run)) (func (export "fine")))"#);
}

#[test]
fn indirect_calls() {
    exhaust(
        r#"(module (table funcref (elem $run)) (func (export "fine"))
             (func $run (export "run") (call_indirect (i32.const 0))))"#,
    );
}

#[test]
fn calls_with_large_frames() {
    for (count, ty, value) in [(200, "i64", "i64.const -1"), (500, "v128", "v128.const i64x2 1 2")] {
        let (params, args) = (format!(" {ty}").repeat(count), format!(" ({value})").repeat(count));
        exhaust(&format!(
            r#"(module (func (export "fine"))
                 (func $f (param{params}) (result i32) (i32.add (i32.const 1) (call $f{args})))
                 (func (export "run") (drop (call $f{args}))))"#,
        ));
    }
}

#[test]
fn calls_of_another_instance() {
    let first = r#"(module (import "env" "table" (table 2 funcref)) (type $t (func))
        (func $f (call_indirect (type $t) (i32.const 1))) (elem (i32.const 0) $f) (export "run" (func $f)))"#;
    let second = r#"(module (import "env" "run" (func $run)) (import "env" "table" (table 2 funcref))
        (func $g (call $run)) (elem (i32.const 1) $g))"#;
    let [first, second] = [first, second].map(|text| compile(text.as_bytes()).unwrap());
    on_all_stacks(|store, sizes| {
        let mut linker = Linker::new();
        let limits = uops::Limits { min: 2, max: None };
        let ty = uops::TableType::new(uops::RefType::Func, limits);
        linker.define("env", "table", uops::Table::new(store, ty).unwrap());
        let first = Instance::new(store, &first, &linker).unwrap();
        linker.define("env", "run", first.func(store, "run").unwrap());
        Instance::new(store, &second, &linker).unwrap();
        let error = first.call(store, "run", &[]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::StackExhausted), "{sizes}");
    });
}

/// Host functions use far more of the native stack, so the number of nested ones is limited.
#[test]
fn calls_through_host_functions() {
    let text = r#"(module (import "env" "again" (func $again (param i32) (result i32)))
        (func $run (export "run") (param i32) (result i32)
          (if (result i32) (local.get 0)
            (then (call $run (i32.sub (local.get 0) (i32.const 1))))
            (else (call $again (i32.const 100))))))"#;
    let program = compile(text.as_bytes()).unwrap();
    on_all_stacks(|store, sizes| {
        let mut linker = Linker::new();
        let ty = FuncType::new([ValueType::I32], [ValueType::I32]);
        linker.func_new("env", "again", ty, |caller, args| Ok(caller.instance().call(caller.store(), "run", args)?));
        let instance = Instance::new(store, &program, &linker).unwrap();
        let result = instance.call(store, "run", &[Value::I32(100)]);
        assert!(matches!(result, Err(Error::Trap { trap: Trap::StackExhausted, .. })), "{sizes}: {result:?}");
    });
}

#[test]
fn thousands_of_calls_nest() {
    let text = r#"(module (func $depth (export "depth") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.add (i32.const 1) (call $depth (i32.sub (local.get 0) (i32.const 1)))))
          (else (i32.const 0)))))"#;
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &compile(text.as_bytes()).unwrap(), &Linker::new()).unwrap();
    assert_eq!(instance.call(&store, "depth", &[Value::I32(10_000)]).unwrap(), [Value::I32(10_000)]);
}

/// Each host function uses some of the native stack and calls the module again, which then recurses as deep as it can.
#[test]
fn nested_host_functions() {
    let text = r#"(module (import "env" "again" (func $again (param i32)))
        (func $run (export "run") (param i32 i32)
          (if (local.get 0)
            (then (call $run (i32.sub (local.get 0) (i32.const 1)) (local.get 1)))
            (else (call $again (local.get 1))))))"#;
    let program = compile(text.as_bytes()).unwrap();
    for native in NATIVE {
        for calls in [0, 10, 1000, 1_000_000] {
            let deepest = on_thread(native, || {
                let (store, mut linker) = (store(64 << 20), Linker::new());
                let deepest = Rc::new(RefCell::new(0));
                let reached = deepest.clone();
                linker.func_wrap("env", "again", move |caller: &uops::Caller<'_>, depth: i32| {
                    let buffer = std::hint::black_box([0_u8; 8192]);
                    let mut deepest = reached.borrow_mut();
                    *deepest = depth.max(*deepest);
                    drop(deepest);
                    let run = caller.instance().func(caller.store(), "run")?.typed::<(i32, i32), ()>(caller.store())?;
                    run.call(caller.store(), (calls, depth + 1))?;
                    std::hint::black_box(buffer);
                    Ok::<_, Error>(())
                });
                let instance = Instance::new(&store, &program, &linker).unwrap();
                let error = instance.call(&store, "run", &[calls.into(), 0.into()]).unwrap_err();
                assert_eq!(error.trap(), Some(Trap::StackExhausted), "{error}");
                *deepest.borrow()
            });
            assert!(deepest < 100);
            if native == 2 << 20 && calls <= 10 {
                // In debug builds, each takes some 40 KiB.
                assert!(deepest > 40, "{deepest} deep with {native} bytes");
            }
        }
    }
}

/// The bound on frames also bounds the native stack, because no call uses more of the native stack than the smallest
/// frame has.
#[test]
fn a_call_takes_at_most_64_bytes_of_the_native_stack() {
    let text = r#"(module (import "env" "here" (func $here))
        (type $t (func (param i32)))
        (table funcref (elem $indirect))
        (func $direct (export "direct") (param i32)
          (if (local.get 0) (then (call $direct (i32.sub (local.get 0) (i32.const 1)))) (else (call $here))))
        (func $indirect (export "indirect") (param i32)
          (if (local.get 0)
            (then (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))
            (else (call $here)))))"#;
    let other = r#"(module (import "m" "through" (func $f (param i32))) (func (export "f") (param i32) (call $f (local.get 0))))"#;
    let (store, mut linker) = (store(1 << 20), Linker::new());
    let places = Rc::new(RefCell::new(Vec::new()));
    let seen = places.clone();
    linker.func_wrap("env", "here", move || {
        let here = 0_u8;
        seen.borrow_mut().push((&raw const here).addr());
    });
    let instance = Instance::new(&store, &compile(text.as_bytes()).unwrap(), &linker).unwrap();
    let per_call = |instance: Instance, name: &str, depth: i32| {
        places.borrow_mut().clear();
        for depth in [0, depth] {
            instance.call(&store, name, &[depth.into()]).unwrap();
        }
        let places = places.borrow();
        (places[0] - places[1]) as f64 / f64::from(depth)
    };
    for name in ["direct", "indirect"] {
        let bytes = per_call(instance, name, 1000);
        assert!(bytes <= 64.0, "{name}: {bytes} bytes");
    }
    // A chain of instances, each of which calls the previous one.
    let mut through = instance.func(&store, "direct").unwrap();
    let program = compile(other.as_bytes()).unwrap();
    let chain = 100;
    instance.call(&store, "direct", &[0.into()]).unwrap();
    let short = *places.borrow().last().unwrap();
    for _ in 0..chain {
        let mut linker = Linker::new();
        linker.define("m", "through", through);
        through = Instance::new(&store, &program, &linker).unwrap().func(&store, "f").unwrap();
    }
    through.call(&store, &[0.into()]).unwrap();
    let bytes = (short - *places.borrow().last().unwrap()) / chain;
    assert!(bytes <= 64, "{bytes} bytes");
}

/// `ulimit -s` determines the stack of the main thread.
#[test]
fn the_main_thread_of_a_process() {
    let file = std::env::temp_dir().join(format!("uops-recursion-{TIER:?}-{}.wat", std::process::id()));
    std::fs::write(&file, r#"(module (func $run (export "_start") (call $run)))"#).unwrap();
    for kilobytes in ["900", "8192", "unlimited"] {
        let tier = match TIER {
            Tier::Interpreter if crate::has_interpreter() => "interpreter",
            Tier::Auto if crate::has_interpreter() => "auto",
            _ => "jit",
        };
        let script = format!("ulimit -s {kilobytes} && exec \"$0\" run --tier {tier} \"$1\"");
        let output =
            Command::new("sh").args(["-c", &script]).arg(env!("CARGO_BIN_EXE_uops")).arg(&file).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains("call stack exhausted"), "{kilobytes} kB: {message}, {}", output.status);
    }
    std::fs::remove_file(file).unwrap();
}
