//! The change to machine code, at a time that the tests choose.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::module::progress::nobody;
use crate::program::{Program, Tier};
use crate::{FuncType, Instance, Linker, Store, StoreLimits, Trap, Value};

/// A program without the thread that compiles it, or none if there is no interpreter.
fn interpreted(text: &str) -> Option<Arc<Executable<Code>>> {
    let module = Module::from_text(text.as_bytes()).unwrap();
    match Code::new(&module, Tier::Auto, &mut nobody) {
        Ok(code) => {
            let size = (module.wasm.len() + code.size()) as u64;
            Some(Arc::new(Executable { entry: code.entry(), size, module, code }))
        }
        Err(Error::NoInterpreter) => None,
        Err(error) => panic!("{error}"),
    }
}

fn compile(program: &Executable<Code>) {
    super::compile(program, || true);
    let Code::Auto(auto) = &program.code else { panic!("it is of the tier auto") };
    auto.wait().unwrap();
}

/// Runs `run` of a module that calls `env.tick`, whose machine code is there from a call of `tick` on. Returns the results or the error,
/// and the number of calls.
fn run(program: Program, code: Option<(u32, Arc<Executable<Code>>)>) -> (Result<Vec<Value>, String>, u32) {
    let (store, mut linker, ticks) = (Store::new().unwrap(), Linker::new(), Rc::new(Cell::new(0)));
    let counted = ticks.clone();
    linker.func_new("env", "tick", FuncType::new([], []), move |_, _| {
        if let Some((_, program)) = code.as_ref().filter(|(at, _)| *at == counted.get()) {
            compile(program);
        }
        counted.set(counted.get() + 1);
        Ok(vec![])
    });
    let instance = Instance::new(&store, &program, &linker).unwrap();
    let result = instance.call(&store, "run", &[]).map_err(|error| format!("{error}\n{:?}", error.backtrace()));
    (result, ticks.get())
}

/// Checks that it makes no difference when a program changes to machine code.
fn at_any_time(text: &str) {
    let expected = run(Program::new(text.as_bytes()).unwrap(), None);
    assert!(expected.1 > 2, "{expected:?}");
    for at in 0..=expected.1 {
        let Some(program) = interpreted(text) else { return };
        assert_eq!(run(Program(program.clone()), Some((at, program))), expected, "{text}: code from tick {at} on");
    }
}

#[test]
fn loops_continue_in_machine_code() {
    at_any_time(
        r#"(module (import "env" "tick" (func $tick)) (memory 1)
            (func (export "run") (result i64 f64) (local $i i32) (local $j i32) (local $sum i64) (local $f f64) (local $v v128)
                (loop $outer (call $tick)
                    (local.set $j (i32.const 0))
                    (local.set $v (i32x4.splat (local.get $i)))
                    (loop $inner (call $tick)
                        (i64.store offset=8 (i32.const 0) (local.get $sum))
                        (local.set $sum (i64.add (i64.load offset=8 (i32.const 0))
                            (i64.extend_i32_u (i32x4.extract_lane 3 (local.get $v)))))
                        (local.set $f (f64.add (local.get $f) (f64.const 0.25)))
                        (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 3))))
                    (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
                (local.get $sum) (local.get $f)))"#,
    );
}

#[test]
fn loops_with_parameters_and_values_below_them() {
    at_any_time(
        r#"(module (import "env" "tick" (func $tick)) (global $n (mut i32) (i32.const 0))
            (func $next (param i64 i64) (result i64 i64) (local.get 1) (i64.add (local.get 0) (local.get 1)))
            (func $more (result i32)
                (global.set $n (i32.add (global.get $n) (i32.const 1))) (i32.lt_u (global.get $n) (i32.const 9)))
            (func (export "run") (result i32 i64 i64)
                (i32.const 17) (i64.const 1) (i64.const 1)
                (loop $fib (param i64 i64) (result i64 i64) (call $tick) (call $next) (br_if $fib (call $more)))))"#,
    );
}

#[test]
fn recursion_without_loops() {
    at_any_time(
        r#"(module (import "env" "tick" (func $tick)) (table funcref (elem $odd $even))
            (type $t (func (param i32) (result i32)))
            (func $even (type $t) (call $tick)
                (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
                    (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
            (func $odd (type $t) (call $tick)
                (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                    (else (call $even (i32.sub (local.get 0) (i32.const 1))))))
            (func $tail (type $t) (call $tick)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 5))))
                (return_call $tail (i32.sub (local.get 0) (i32.const 1))))
            (func (export "run") (result i32 i32 i32)
                (call $even (i32.const 6)) (call $odd (i32.const 4)) (call $tail (i32.const 4))))"#,
    );
}

#[test]
fn traps_have_the_same_backtrace() {
    at_any_time(
        r#"(module (import "env" "tick" (func $tick))
            (func $f (param i32) (result i32) (local $n i32)
                (block $done (loop $again (call $tick)
                    (br_table $again $done (i32.ge_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 3)))))
                (if (result i32) (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))
                    (else (i32.div_u (i32.const 1) (local.get 0)))))
            (func (export "run") (drop (call $f (i32.const 2)))))"#,
    );
}

#[test]
fn instances_in_several_threads_share_streams_and_code() {
    let text = r#"(module (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func (export "run") (result i32) (local i32)
            (loop (br_if 0 (i32.lt_u (local.tee 0 (call $add (local.get 0))) (i32.const 200000))))
            (local.get 0)))"#;
    let Some(executable) = interpreted(text) else { return };
    let program = Program(executable.clone());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let store = Store::new().unwrap();
                let linker = Linker::new();
                let instances = [0; 2].map(|_| Instance::new(&store, &program, &linker).unwrap());
                for instance in [instances, instances].concat() {
                    assert_eq!(instance.call(&store, "run", &[]).unwrap(), [Value::I32(200_000)]);
                }
            });
        }
        scope.spawn(|| compile(&executable));
    });
}

#[test]
fn a_thread_whose_program_nobody_uses_gives_up() {
    let Some(program) = interpreted("(module (func) (func))") else { return };
    let Code::Auto(auto) = &program.code else { panic!("it is of the tier auto") };
    auto.compile(&program.module, || false);
    assert!(matches!(auto.wait(), Err(Error::Cancelled)));
    let (store, linker) = (Store::new().unwrap(), Linker::new());
    Instance::new(&store, &Program(program), &linker).unwrap();
}

#[test]
fn the_budget_includes_what_has_been_called_and_the_machine_code() {
    let text = format!(
        r#"(module (func $f (result i32) (i32.const 3)) (func (export "run") (result i32) {} (call $f)))"#,
        "(drop (call $f))".repeat(2000)
    );
    let used = |store: &Store, text: &str, compiled: bool| {
        let program = interpreted(text)?;
        let instance = Instance::new(store, &Program(program.clone()), &Linker::new()).unwrap();
        let before = store.bytes_used();
        if compiled {
            compile(&program);
        }
        let result = instance.call(store, "run", &[]).map_err(|error| error.to_string());
        Some((result, store.bytes_used() - before))
    };
    let store = Store::new().unwrap();
    let Some((result, streams)) = used(&store, &text, false) else { return };
    assert_eq!(result, Ok(vec![Value::I32(3)]));
    let (result, all) = used(&Store::new().unwrap(), &text, true).unwrap();
    assert_eq!(result, Ok(vec![Value::I32(3)]));
    assert!(streams > 2000 * 8 && all > streams + 2000, "{streams} {all}");
    let limited = |bytes| Store::with_limits(StoreLimits { bytes, ..StoreLimits::default() }).unwrap();
    let base = Store::new().unwrap();
    Instance::new(&base, &Program(interpreted(&text).unwrap()), &Linker::new()).unwrap();
    // Enough for the streams: the program stays in the interpreter.
    let (result, bytes) = used(&limited(base.bytes_used() + streams), &text, true).unwrap();
    assert_eq!((result, bytes), (Ok(vec![Value::I32(3)]), streams));
    let (result, _) = used(&limited(base.bytes_used() + streams - 1), &text, true).unwrap();
    assert!(result.as_ref().is_err_and(|error| error.contains("bytes")), "{result:?}");
}

#[test]
fn an_interruption_ends_the_translation_of_a_function() {
    let Some(program) = interpreted(r#"(module (func (export "run")))"#) else { return };
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &Program(program.clone()), &Linker::new()).unwrap();
    let Code::Auto(auto) = &program.code else { panic!("it is of the tier auto") };
    let result = auto.stream(&program.module, 0, &mut |_| Err(Trap::Interrupted.into()));
    assert_eq!(result.unwrap_err().trap(), Some(Trap::Interrupted));
    assert_eq!(instance.call(&store, "run", &[]).unwrap(), []);
    assert!(auto.code_size(0) > 0);
}

/// Functions that are translated when the native stack is nearly full, and calls that never leave the interpreter.
#[test]
fn calls_in_the_interpreter_exhaust_the_frames_before_the_native_stack() {
    let functions = 4000;
    let types = "(local i32 i64 f32 f64 v128)";
    let mut text = String::from("(module ");
    for index in 0..functions {
        let next = (index + 1) % functions;
        let export = if index == 0 { r#"(export "run")"# } else { "" };
        text += &format!(
            "(func $f{index} {export} (param i32) (result i32) {types}
                (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
                    (else (block $out (loop (br_table 0 $out 1 (i32.const 1))))
                        (i32.add (i32.const 1) (call $f{next} (i32.sub (local.get 0) (i32.const 1)))))))"
        );
    }
    text += ")";
    let Some(program) = interpreted(&text) else { return };
    let depth = |stack: usize, depth: i32| {
        let program = Program(program.clone());
        let run = move || {
            let store = Store::new().unwrap();
            let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
            let result = instance.call(&store, "run", &[depth.into()]);
            result.map(|results| results[0].to_string()).map_err(|error| error.trap())
        };
        std::thread::Builder::new().stack_size(stack).spawn(run).unwrap().join().unwrap()
    };
    for stack in [160 << 10, 200 << 10, 256 << 10, 1 << 20] {
        assert_eq!(depth(stack, i32::MAX), Err(Some(Trap::StackExhausted)), "{stack}");
        assert_eq!(depth(stack, 100), Ok("101".to_owned()), "{stack}");
    }
}

#[test]
fn only_functions_that_are_called_are_translated() {
    let text = r#"(module (func $unused) (func $called) (func (export "run") (if (i32.const 0) (then (call $unused))) (call $called)))"#;
    let Some(program) = interpreted(text) else { return };
    let (store, linker) = (Store::new().unwrap(), Linker::new());
    let instance = Instance::new(&store, &Program(program.clone()), &linker).unwrap();
    let sizes = || [0, 1, 2].map(|index| program.code.code_size(index) > 0);
    assert_eq!(sizes(), [false; 3]);
    instance.call(&store, "run", &[]).unwrap();
    assert_eq!(sizes(), [false, true, true]);
}

#[test]
fn the_thread_ends_with_the_last_use_of_its_program() {
    let text = format!("(module {})", "(func (drop (i32.const 1)))".repeat(5000));
    for _ in 0..5 {
        let Some(program) = interpreted(&text) else { return };
        compile_beside(&program);
        let left = Arc::downgrade(&program);
        drop(program);
        let start = std::time::Instant::now();
        while left.strong_count() > 0 {
            assert!(start.elapsed() < std::time::Duration::from_secs(60), "the thread goes on");
            std::thread::yield_now();
        }
    }
}
