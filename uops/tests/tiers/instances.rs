//! Linking and instantiation, mostly of modules without functions.

use std::cell::RefCell;
use std::rc::Rc;

use uops::{
    Error, FuncType, Global, Instance, Limits, Linker, Memory, Program, RefType, Store, StoreLimits, Table, TableType,
    Trap, Value, ValueType,
};

use super::compile;

fn program(fields: &str) -> Program {
    compile(format!("(module {fields})").as_bytes()).unwrap()
}

fn instantiate(store: &Store, fields: &str, linker: &Linker) -> Result<Instance, Error> {
    Instance::new(store, &program(fields), linker)
}

fn bytes(memory: Memory, store: &Store, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    memory.read(store, offset, &mut bytes).unwrap();
    bytes
}

fn int_to_int() -> FuncType {
    FuncType::new([ValueType::I32], [ValueType::I32])
}

/// A module that re-exports a host function.
const RELAY: &str = r#"(import "env" "f" (func $f (param i32) (result i32))) (export "f" (func $f))"#;

#[test]
fn segments_are_written_in_order() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.define("env", "base", Global::new(&store, Value::I32(3), false).unwrap());
    let instance = instantiate(
        &store,
        r#"(import "env" "base" (global $base i32))
           (memory (export "memory") 1)
           (global (export "copy") i32 (global.get $base))
           (data (i32.const 0) "abcdef") (data (global.get $base) "XY") (data (i32.const 65536) "")"#,
        &linker,
    )
    .unwrap();
    let memory = instance.memory(&store, "memory").unwrap();
    assert_eq!(bytes(memory, &store, 0, 7), b"abcXYf\0");
    assert_eq!(instance.global(&store, "copy").unwrap().get(&store).unwrap(), Value::I32(3));
}

#[test]
fn a_segment_that_does_not_fit_traps_after_those_before_it() {
    let store = Store::new().unwrap();
    let memory = Memory::new(&store, Limits { min: 1, max: None }).unwrap();
    let mut linker = Linker::new();
    linker.define("env", "memory", memory);
    let error = instantiate(
        &store,
        r#"(import "env" "memory" (memory 1)) (data (i32.const 0) "ab") (data (i32.const 65535) "cd")"#,
        &linker,
    )
    .unwrap_err();
    assert_eq!(error.trap(), Some(Trap::MemoryOutOfBounds));
    assert_eq!((bytes(memory, &store, 0, 2), bytes(memory, &store, 65535, 1)), (b"ab".to_vec(), vec![0]));
    let error = instantiate(&store, r#"(memory 1) (data (i32.const -1) "")"#, &linker).unwrap_err();
    assert_eq!(error.to_string(), "out of bounds memory access");
    let error = instantiate(&store, r#"(table 1 funcref) (elem (i32.const 2))"#, &linker).unwrap_err();
    assert_eq!(error.to_string(), "out of bounds table access");
}

#[test]
fn imports_must_exist_and_match() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.func_new("env", "f", int_to_int(), |_, args| Ok(args.to_vec()));
    linker.define("env", "memory", Memory::new(&store, Limits { min: 1, max: Some(4) }).unwrap());
    linker.define(
        "env",
        "table",
        Table::new(&store, TableType::new(RefType::Func, Limits { min: 5, max: None })).unwrap(),
    );
    linker.define("env", "global", Global::new(&store, Value::F64(1.5), true).unwrap());
    for fits in [
        r#"(import "env" "f" (func (param i32) (result i32)))"#,
        r#"(import "env" "memory" (memory 1 4))"#,
        r#"(import "env" "memory" (memory 0))"#,
        r#"(import "env" "table" (table 5 funcref))"#,
        r#"(import "env" "global" (global (mut f64)))"#,
    ] {
        assert!(instantiate(&store, fits, &linker).is_ok(), "{fits}");
    }
    for (misfit, found) in [
        (r#"(import "env" "f" (func (param i64) (result i32)))"#, "function (i32) -> (i32)"),
        (r#"(import "env" "f" (memory 1))"#, "function (i32) -> (i32)"),
        (r#"(import "env" "memory" (memory 2))"#, "memory 1 4"),
        (r#"(import "env" "memory" (memory 1 3))"#, "memory 1 4"),
        (r#"(import "env" "table" (table 5 9 funcref))"#, "table 5 funcref"),
        (r#"(import "env" "global" (global f64))"#, "global (mut f64)"),
    ] {
        let message = instantiate(&store, misfit, &linker).unwrap_err().to_string();
        assert!(message.starts_with("incompatible import type: the module imports `env`.`"), "{misfit}: {message}");
        assert!(message.ends_with(&format!("defined as a {found}")), "{misfit}: {message}");
    }
    assert_eq!(
        instantiate(&store, r#"(import "env" "g" (func (param f32)))"#, &linker).unwrap_err().to_string(),
        "unknown import: the module imports `env`.`g`, a function (f32) -> (), which is not defined"
    );
    let other = Store::new().unwrap();
    let error = instantiate(&other, r#"(import "env" "memory" (memory 1))"#, &linker).unwrap_err();
    assert!(matches!(error, Error::OtherStore));
}

#[test]
fn instances_share_what_they_export() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.func_new("env", "f", int_to_int(), |_, args| Ok(args.to_vec()));
    let fields = format!(
        r#"{RELAY} (memory (export "memory") 1 3) (global (export "global") (mut i32) (i32.const 1))
           (table (export "table") 2 funcref) (elem (i32.const 1) $f)"#
    );
    let first = instantiate(&store, &fields, &linker).unwrap();
    linker.instance(&store, "first", first).unwrap();
    let second = instantiate(
        &store,
        r#"(import "first" "f" (func $f (param i32) (result i32)))
           (import "first" "memory" (memory 1 3)) (import "first" "global" (global (mut i32)))
           (import "first" "table" (table 2 funcref)) (elem (i32.const 0) $f)
           (export "memory" (memory 0)) (export "table" (table 0)) (export "f" (func $f))"#,
        &linker,
    )
    .unwrap();
    let memory = first.memory(&store, "memory").unwrap();
    assert_eq!(memory.grow(&store, 1).unwrap(), Some(1));
    assert_eq!(second.memory(&store, "memory").unwrap(), memory);
    assert_eq!(second.memory(&store, "memory").unwrap().pages(&store).unwrap(), 2);
    let (table, function) = (second.table(&store, "table").unwrap(), first.func(&store, "f").unwrap());
    assert_eq!(table.get(&store, 0).unwrap(), Value::FuncRef(Some(function)));
    assert_eq!(table.get(&store, 1).unwrap(), Value::FuncRef(Some(function)));
    assert_eq!(second.call(&store, "f", &[Value::I32(8)]).unwrap(), [Value::I32(8)]);
    // Memory that has grown satisfies a larger minimum.
    assert!(instantiate(&store, r#"(import "first" "memory" (memory 2))"#, &linker).is_ok());
}

#[test]
fn exports_have_the_declared_kind() {
    let store = Store::new().unwrap();
    let instance = instantiate(&store, r#"(memory (export "memory") 1)"#, &Linker::new()).unwrap();
    let message = instance.call(&store, "memory", &[]).unwrap_err().to_string();
    assert_eq!(message, "the export `memory` is not a function but a memory 1");
    let message = instance.call(&store, "run", &[]).unwrap_err().to_string();
    assert_eq!(message, "unknown export `run`; the module exports: memory");
    assert!(matches!(instance.exports(&Store::new().unwrap()), Err(Error::OtherStore)));
}

#[test]
fn calls_are_checked_against_the_type() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.func_new("env", "f", int_to_int(), |_, args| Ok(vec![args[0], args[0]]));
    let instance = instantiate(&store, RELAY, &linker).unwrap();
    let message = instance.call(&store, "f", &[Value::I64(1)]).unwrap_err().to_string();
    assert_eq!(message, "wrong arguments: expected (i32), found (i64)");
    let message = instance.call(&store, "f", &[Value::I32(1)]).unwrap_err().to_string();
    assert_eq!(message, "host function `env.f`: its type is (i32) -> (i32), but it returned (i32, i32)");
}

#[test]
fn host_errors_and_panics_keep_their_messages() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.func_new("env", "f", int_to_int(), |_, args| match args[0] {
        Value::I32(0) => Err("no zeros here".into()),
        Value::I32(1) => Err(Box::new(Error::from(Trap::Unreachable))),
        other => panic!("cannot stand {other}"),
    });
    let instance = instantiate(&store, RELAY, &linker).unwrap();
    let call = |n| instance.call(&store, "f", &[Value::I32(n)]).unwrap_err();
    assert_eq!(
        (call(0).to_string(), call(0).trap()),
        ("host function `env.f`: no zeros here".into(), Some(Trap::Host))
    );
    assert_eq!(call(1).trap(), Some(Trap::Unreachable));
    assert_eq!(call(2).to_string(), "host function `env.f`: it panicked: cannot stand 2");
}

#[test]
fn host_functions_reach_their_instance() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    linker.func_new("env", "f", int_to_int(), |caller, args| {
        let &[Value::I32(n)] = args else { return Err("not reached".into()) };
        if n == 0 {
            return Ok(vec![Value::I32(0)]);
        }
        caller.instance().memory(caller.store(), "memory")?.write(caller.store(), n as u64, &[n as u8])?;
        caller.instance().call(caller.store(), "f", &[Value::I32(n - 1)]).map_err(Into::into)
    });
    let fields = format!(r#"{RELAY} (memory (export "memory") 1)"#);
    let instance = instantiate(&store, &fields, &linker).unwrap();
    assert_eq!(instance.call(&store, "f", &[Value::I32(5)]).unwrap(), [Value::I32(0)]);
    assert_eq!(bytes(instance.memory(&store, "memory").unwrap(), &store, 0, 7), [0, 1, 2, 3, 4, 5, 0]);
    // Deep recursion exhausts the stack, and leaves the instance usable.
    let error = instance.call(&store, "f", &[Value::I32(60_000)]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::StackExhausted));
    assert!(instance.call(&store, "f", &[Value::I32(50)]).is_ok());
}

#[test]
fn a_start_function_runs_after_initialization() {
    let store = Store::new().unwrap();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let mut linker = Linker::new();
    let log = seen.clone();
    linker.func_new("env", "start", FuncType::default(), move |caller, _| {
        let memory = caller.instance().memory(caller.store(), "memory")?;
        let mut bytes = [0; 2];
        memory.read(caller.store(), 0, &mut bytes)?;
        log.borrow_mut().push(bytes);
        Ok(vec![])
    });
    let fields = r#"(import "env" "start" (func $start)) (start $start)
                    (memory (export "memory") 1) (data (i32.const 0) "ok")"#;
    instantiate(&store, fields, &linker).unwrap();
    assert_eq!(*seen.borrow(), [*b"ok"]);
}

#[test]
fn limits_bound_memories_and_tables() {
    let store =
        Store::with_limits(StoreLimits { memory_pages: 2, table_elements: 10, ..StoreLimits::default() }).unwrap();
    let none = Linker::new();
    let message = instantiate(&store, "(memory 3)", &none).unwrap_err().to_string();
    assert_eq!(message, "a memory of 3 pages is larger than the limit of 2: raise `StoreLimits::memory_pages`");
    assert!(instantiate(&store, "(table 11 funcref)", &none).is_err());
    let memory =
        instantiate(&store, r#"(memory (export "memory") 1)"#, &none).unwrap().memory(&store, "memory").unwrap();
    assert_eq!((memory.grow(&store, 1).unwrap(), memory.grow(&store, 1).unwrap()), (Some(1), None));
}
