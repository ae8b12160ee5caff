//! Errors report which functions were running.

use uops::{Error, FuncType, Instance, Linker, Store, Trap};

use super::compile;

fn instance(store: &Store, text: &str, linker: &Linker) -> Instance {
    Instance::new(store, &compile(text.as_bytes()).unwrap(), linker).unwrap()
}

/// Returns the lines of the backtrace, without positions.
fn functions(error: &Error) -> Vec<String> {
    let lines = error.backtrace().expect("it was running").to_string();
    lines.lines().map(|line| line.trim().split(", at byte").next().unwrap().to_owned()).collect()
}

const NESTED: &str = r#"(module $m
    (import "env" "h" (func $h))
    (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
    (func $twice (param i32) (result i32) (i32.add (call $divide (i32.const 1)) (call $divide (local.get 0))))
    (table funcref (elem $twice))
    (func $indirect (param i32) (result i32) (call_indirect (param i32) (result i32) (local.get 0) (local.get 0)))
    (func (export "run") (param i32) (result i32) (call $indirect (local.get 0)))
    (func $host (export "host") (call $h))
    (func (export "unreachable") (nop) (unreachable))
    (memory 1)
    (func (export "fill") (memory.fill (i32.const 0) (i32.const 0) (i32.const 65537)))
    (func $forever (export "forever") (call $forever)))"#;

fn linker() -> Linker {
    let mut linker = Linker::new();
    linker.func_new("env", "h", FuncType::new([], []), |caller, _| {
        caller.instance().call(caller.store(), "run", &[0.into()])?;
        Ok(vec![])
    });
    linker
}

#[test]
fn innermost_first() {
    let store = Store::new().unwrap();
    let instance = instance(&store, NESTED, &linker());
    for _ in 0..2 {
        let error = instance.call(&store, "run", &[0.into()]).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::IntegerDivisionByZero));
        assert_eq!(
            functions(&error),
            ["0: function 1 `divide`", "1: function 2 `twice`", "2: function 3 `indirect`", "3: function 4 `run`"]
        );
    }
    // An indirect call that is refused traps in the caller.
    let error = instance.call(&store, "run", &[1.into()]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::UndefinedElement));
    assert_eq!(functions(&error), ["0: function 3 `indirect`", "1: function 4 `run`"]);
}

/// The backtrace has the offset of each call, and of each instruction that records its own.
#[test]
fn positions_are_offsets_in_the_module() {
    let wasm = wat::parse_str(NESTED).unwrap();
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &compile(&wasm).unwrap(), &linker()).unwrap();
    let byte = |name: &str, depth: usize| {
        let error = instance.call(&store, name, &vec![0.into(); usize::from(name == "run")]).unwrap_err();
        Some(wasm[error.backtrace().unwrap().frames()[depth].offset()? as usize])
    };
    assert_eq!([0, 1, 2, 3].map(|depth| byte("run", depth)), [None, Some(0x10), Some(0x11), Some(0x10)]);
    assert_eq!(byte("unreachable", 0), Some(0x00));
    assert_eq!(byte("fill", 0), Some(0xfc));
}

#[test]
fn through_host_functions() {
    let store = Store::new().unwrap();
    let instance = instance(&store, NESTED, &linker());
    let error = instance.call(&store, "host", &[]).unwrap_err();
    let names = ["divide", "twice", "indirect", "run", "host"];
    let frames = error.backtrace().unwrap().frames();
    assert_eq!(frames.iter().map(|frame| frame.name().unwrap()).collect::<Vec<_>>(), names);
    assert_eq!(frames[4].index(), 5);
    let mut linker = Linker::new();
    linker.func_wrap("env", "h", || Err::<(), _>("no"));
    let instance = Instance::new(&store, &compile(NESTED.as_bytes()).unwrap(), &linker).unwrap();
    let error = instance.call(&store, "host", &[]).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), functions(&error)),
        ("host function `env.h`: no", vec!["0: function 5 `host`".into()])
    );
}

#[test]
fn across_instances() {
    let (store, mut linker) = (Store::new().unwrap(), linker());
    let inner = instance(&store, NESTED, &linker);
    linker.define("env", "h", inner.func(&store, "unreachable").unwrap());
    let outer = instance(&store, NESTED, &linker);
    let error = outer.call(&store, "host", &[]).unwrap_err();
    assert_eq!(functions(&error), ["0: function 6 `unreachable`", "1: function 5 `host`"]);
}

#[test]
fn a_deep_backtrace_keeps_the_innermost_calls_and_counts_the_rest() {
    let store = Store::new().unwrap();
    let error = instance(&store, NESTED, &linker()).call(&store, "forever", &[]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::StackExhausted));
    let backtrace = error.backtrace().unwrap();
    assert_eq!(backtrace.frames().len(), 64);
    assert!(backtrace.omitted() > 10_000);
    assert_eq!(functions(&error)[64], format!("and {} more", backtrace.omitted()));
}

#[test]
fn functions_without_names_have_numbers() {
    let store = Store::new().unwrap();
    let text = r#"(module (func (unreachable)) (func (call 0)) (start 1))"#;
    let error = Instance::new(&store, &compile(text.as_bytes()).unwrap(), &Linker::new()).unwrap_err();
    assert_eq!(functions(&error), ["0: function 0", "1: function 1"]);
}
