//! Typed closures as host functions, and typed calls.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use uops::{Caller, Error, ExternRef, Func, HostError, Instance, Linker, Store, Trap, Value};

use super::compile;

fn instance(store: &Store, text: &str, linker: &Linker) -> Instance {
    Instance::new(store, &compile(text.as_bytes()).unwrap(), linker).unwrap()
}

#[test]
fn values_of_every_type_pass_both_ways() {
    let text = r#"(module
        (import "env" "all" (func $all (param i32 i32 i64 i64 f32 f64 funcref externref)
                                       (result i32 i32 i64 i64 f32 f64 funcref externref)))
        (func (export "all") (param i32 i32 i64 i64 f32 f64 funcref externref)
                             (result i32 i32 i64 i64 f32 f64 funcref externref)
            local.get 0 local.get 1 local.get 2 local.get 3 local.get 4 local.get 5 local.get 6 local.get 7 call $all))"#;
    type All = (i32, u32, i64, u64, f32, f64, Option<Func>, Option<ExternRef>);
    let mut linker = Linker::new();
    let seen = Rc::new(Cell::new(0));
    let count = seen.clone();
    linker.func_wrap(
        "env",
        "all",
        move |a: i32, b: u32, c: i64, d: u64, e: f32, f: f64, g: Option<Func>, h: Option<ExternRef>| -> All {
            count.set(count.get() + 1);
            (a, b, c, d, e, f, g, h)
        },
    );
    let store = Store::new().unwrap();
    let instance = instance(&store, text, &linker);
    let func = instance.func(&store, "all").unwrap();
    let all = func.typed::<All, All>(&store).unwrap();
    let value = ExternRef::new(&store, 7);
    for values in [
        (i32::MIN, u32::MAX, i64::MIN, u64::MAX, f32::MIN, f64::MAX, None, None),
        (-1, 0, 1, 2, -0.0, f64::INFINITY, Some(func), Some(value)),
    ] {
        assert_eq!(all.call(&store, values).unwrap(), values);
    }
    assert_eq!(seen.get(), 2);
    assert!(all.func() == func);
}

#[test]
fn signatures_are_types() {
    fn ty<S>(function: impl uops::IntoHost<S>, wanted: &str) {
        let mut linker = Linker::new();
        linker.func_wrap("m", "f", function);
        let text = format!("(module (import \"m\" \"f\" (func {wanted})))");
        instance(&Store::new().unwrap(), &text, &linker);
        let other = "(module (import \"m\" \"f\" (func (param f32 f32 f32))))";
        let error = Instance::new(&Store::new().unwrap(), &compile(other.as_bytes()).unwrap(), &linker);
        assert!(matches!(error, Err(Error::IncompatibleImport { .. })));
    }
    ty(|| (), "");
    ty(|_: &Caller<'_>| (), "");
    ty(|_: i32| -> u64 { 0 }, "(param i32) (result i64)");
    ty(|_: &Caller<'_>, _: i32| -> (f32, f64) { (0.0, 0.0) }, "(param i32) (result f32 f64)");
    ty(|_: i32, _: i32| -> Result<(), String> { Ok(()) }, "(param i32 i32)");
    ty(|| -> Result<u32, HostError> { Ok(1) }, "(result i32)");
}

#[test]
fn errors_and_panics_end_the_call() {
    let text = r#"(module (import "env" "f" (func $f (param i32) (result i32)))
        (func (export "f") (param i32) (result i32) (call $f (local.get 0))))"#;
    let mut linker = Linker::new();
    linker.func_wrap("env", "f", |n: i32| -> Result<i32, HostError> {
        match n {
            0 => Err("zero".into()),
            1 => Err(Error::from(Trap::Unreachable).into()),
            2 => panic!("two"),
            n => Ok(n + 1),
        }
    });
    let store = Store::new().unwrap();
    let f = instance(&store, text, &linker).func(&store, "f").unwrap().typed::<i32, i32>(&store).unwrap();
    assert_eq!(f.call(&store, 0).unwrap_err().to_string(), "host function `env.f`: zero");
    assert_eq!(f.call(&store, 1).unwrap_err().trap(), Some(Trap::Unreachable));
    assert_eq!(f.call(&store, 2).unwrap_err().to_string(), "host function `env.f`: it panicked: two");
    assert_eq!(f.call(&store, 3).unwrap(), 4);
}

#[test]
fn a_host_function_uses_the_memory_of_its_caller_and_calls_back() {
    let text = r#"(module (import "env" "say" (func $say (param i32 i32)))
        (memory (export "memory") 1) (data (i32.const 8) "hello")
        (func (export "again") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
        (func (export "run") (result i32) (call $say (i32.const 8) (i32.const 5)) (i32.load8_u (i32.const 8))))"#;
    let (mut linker, said) = (Linker::new(), Rc::new(RefCell::new(String::new())));
    let to = said.clone();
    linker.func_wrap("env", "say", move |caller: &Caller<'_>, at: u32, len: u32| -> Result<(), Error> {
        let (store, instance) = (caller.store(), caller.instance());
        let memory = instance.memory(store, "memory")?;
        let mut bytes = vec![0; len as usize];
        memory.read(store, at.into(), &mut bytes)?;
        to.borrow_mut().push_str(&String::from_utf8_lossy(&bytes));
        let twice = instance.func(store, "again")?.typed::<u32, u32>(store)?.call(store, len)?;
        memory.write(store, at.into(), &[twice as u8])
    });
    let store = Store::new().unwrap();
    assert_eq!(instance(&store, text, &linker).call(&store, "run", &[]).unwrap(), [Value::I32(10)]);
    assert_eq!(*said.borrow(), "hello");
}

#[test]
fn other_types_and_stores_are_refused() {
    let store = Store::new().unwrap();
    let f = instance(&store, r#"(module (func (export "f") (param i32)))"#, &Linker::new()).func(&store, "f").unwrap();
    let error = f.typed::<(i32, i32), ()>(&store).unwrap_err();
    assert_eq!(error.to_string(), "the function's type is (i32) -> (), not (i32, i32) -> ()");
    let f = f.typed::<i32, ()>(&store).unwrap();
    let other = Store::new().unwrap();
    assert!(matches!(f.call(&other, 1), Err(Error::OtherStore)));
    // The host function returns a reference of another store.
    let mut linker = Linker::new();
    let foreign = ExternRef::new(&other, 1);
    linker.func_wrap("env", "f", move || Some(foreign));
    let text = r#"(module (import "env" "f" (func $f (result externref))) (func (export "f") (drop (call $f))))"#;
    let error = instance(&store, text, &linker).call(&store, "f", &[]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::Host));
    assert!(error.to_string().contains("another store"), "{error}");
}

/// A payload that panics when it is dropped must not end the process.
#[test]
fn a_panic_is_an_error_whatever_its_payload_does() {
    struct Bomb(u32);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if let Some(next) = self.0.checked_sub(1) {
                std::panic::panic_any(Bomb(next));
            }
        }
    }
    let mut linker = Linker::new();
    linker.func_wrap("env", "f", || -> () { std::panic::panic_any(Bomb(3)) });
    let store = Store::new().unwrap();
    let program = compile(br#"(module (import "env" "f" (func $f)) (export "f" (func $f)))"#).unwrap();
    let error = Instance::new(&store, &program, &linker).unwrap().call(&store, "f", &[]).unwrap_err();
    assert_eq!(error.to_string(), "host function `env.f`: it panicked: (without a message)");
}
