//! Constant expressions with several instructions.

use uops::{Global, Instance, Linker, Store, Trap, Value};

use super::compile;

/// Returns the value of a global that is initialized by an expression. It may read the imports `$i` and `$j`.
fn value(ty: &str, expr: &str) -> Value {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.define("env", "i", Global::new(&store, Value::I32(i32::MIN), false).unwrap());
    linker.define("env", "j", Global::new(&store, Value::I64(-3), false).unwrap());
    let text = format!(
        r#"(module (import "env" "i" (global $i i32)) (import "env" "j" (global $j i64))
             (global (export "value") {ty} {expr}))"#
    );
    let instance = Instance::new(&store, &compile(text.as_bytes()).unwrap(), &linker).unwrap();
    instance.global(&store, "value").unwrap().get(&store).unwrap()
}

#[test]
fn integers_wrap() {
    assert_eq!(value("i32", "(i32.add (global.get $i) (i32.const -1))"), Value::I32(i32::MAX));
    assert_eq!(value("i32", "(i32.sub (i32.const 1) (global.get $i))"), Value::I32(i32::MIN + 1));
    assert_eq!(value("i32", "(i32.mul (global.get $i) (i32.const 2))"), Value::I32(0));
    assert_eq!(value("i64", "(i64.add (i64.const 0x7fffffffffffffff) (i64.const 1))"), Value::I64(i64::MIN));
    assert_eq!(value("i64", "(i64.sub (global.get $j) (i64.const 0x7fffffffffffffff))"), Value::I64(i64::MAX - 1));
    assert_eq!(value("i64", "(i64.mul (global.get $j) (i64.sub (i64.const 5) (global.get $j)))"), Value::I64(-24));
}

#[test]
fn a_hundred_thousand_operations_may_nest() {
    const DEPTH: usize = 100_000;
    let expr = format!("{} i32.const 0 {}", "i32.const 1 ".repeat(DEPTH), "i32.add ".repeat(DEPTH));
    assert_eq!(value("i32", &expr), Value::I32(DEPTH as i32));
}

#[test]
fn offsets_are_computed() {
    let store = Store::new().unwrap();
    let run = |offset: &str| {
        let text = format!(r#"(module (memory (export "memory") 1) (data (offset {offset}) "xy"))"#);
        Instance::new(&store, &compile(text.as_bytes()).unwrap(), &Linker::new())
    };
    let instance = run("(i32.mul (i32.const 0x7fff) (i32.const 2))").unwrap();
    let mut bytes = [0; 2];
    instance.memory(&store, "memory").unwrap().read(&store, 65534, &mut bytes).unwrap();
    assert_eq!(&bytes, b"xy");
    let error = run("(i32.sub (i32.const 0) (i32.const 1))").unwrap_err();
    assert_eq!(error.trap(), Some(Trap::MemoryOutOfBounds));
}
