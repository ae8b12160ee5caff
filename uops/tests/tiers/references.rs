//! Features of WebAssembly 2.0 through the public API: references and multiple results.

use uops::{
    Error, ExternRef, FuncType, Global, Instance, Linker, RefType, Store, StoreLimits, Trap, Value, ValueType,
};

use super::compile;

const EXTERN: ValueType = ValueType::Ref(RefType::Extern);
const FUNC: ValueType = ValueType::Ref(RefType::Func);

fn instantiate(store: &Store, fields: &str, linker: &Linker) -> Instance {
    let program = compile(format!("(module {fields})").as_bytes()).unwrap();
    Instance::new(store, &program, linker).unwrap()
}

#[test]
fn host_values_pass_through_modules() {
    let (store, mut linker) = (Store::new().unwrap(), Linker::new());
    linker.func_new("env", "swap", FuncType::new([EXTERN, FUNC], [FUNC, EXTERN]), |_, args| Ok(vec![args[1], args[0]]));
    let instance = instantiate(
        &store,
        r#"(import "env" "swap" (func $swap (param externref funcref) (result funcref externref)))
           (global $kept (export "kept") (mut externref) (ref.null extern))
           (table $t 1 externref)
           (func $f (export "f") (result funcref) (ref.func $f))
           (func (export "run") (param externref) (result funcref externref i32)
               (local externref)
               (global.set $kept (local.get 0))
               (table.set $t (i32.const 0) (local.get 0))
               (drop (table.grow $t (local.get 0) (i32.const 1000)))
               (call $swap (table.get $t (i32.const 1000)) (ref.func $f))
               (ref.is_null (local.get 1)))"#,
        &linker,
    );
    let value = Value::ExternRef(Some(ExternRef::new(&store, "text")));
    let function = instance.func(&store, "f").unwrap();
    let results = instance.call(&store, "run", &[value]).unwrap();
    assert_eq!(results, [Value::FuncRef(Some(function)), value, Value::I32(1)]);
    assert_eq!(instance.global(&store, "kept").unwrap().get(&store).unwrap(), value);
    let Value::ExternRef(Some(kept)) = results[1] else { panic!("{results:?}") };
    assert_eq!(kept.get(&store).unwrap().downcast_ref(), Some(&"text"));
    assert_eq!(function.call(&store, &[]).unwrap(), [Value::FuncRef(Some(function))]);
}

#[test]
fn references_of_another_store_are_refused() {
    let (store, other) = (Store::new().unwrap(), Store::new().unwrap());
    let foreign = Value::ExternRef(Some(ExternRef::new(&other, 1)));
    let mut linker = Linker::new();
    linker.func_new("env", "give", FuncType::new([], [EXTERN]), move |_, _| Ok(vec![foreign]));
    let instance = instantiate(
        &store,
        r#"(import "env" "give" (func $give (result externref)))
           (global (export "kept") (mut externref) (ref.null extern))
           (func (export "take") (param externref))
           (func (export "get") (drop (call $give)))"#,
        &linker,
    );
    assert!(matches!(Global::new(&store, foreign, false), Err(Error::OtherStore)));
    assert!(matches!(instance.global(&store, "kept").unwrap().set(&store, foreign), Err(Error::OtherStore)));
    assert!(matches!(instance.call(&store, "take", &[foreign]), Err(Error::OtherStore)));
    let Err(Error::Host { source, .. }) = instance.call(&store, "get", &[]) else { panic!("it should be refused") };
    assert!(matches!(source.downcast_ref(), Some(Error::OtherStore)));
    assert!(matches!(instance.call(&store, "take", &[Value::FuncRef(None)]), Err(Error::WrongArguments { .. })));
    instance.call(&store, "take", &[Value::ExternRef(None)]).unwrap();
}

#[test]
fn tables_grow_within_the_options() {
    let store = Store::with_limits(StoreLimits { table_elements: 10, ..StoreLimits::default() }).unwrap();
    let grow = r#"(func (export "grow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0)))"#;
    let instance = instantiate(&store, &format!("(table $t 1 funcref) {grow}"), &Linker::new());
    let call = |by: i32| instance.call(&store, "grow", &[by.into()]).unwrap()[0];
    assert_eq!([call(0), call(9), call(1), call(-1), call(0)], [1, 1, -1, -1, 10].map(Value::I32));
}

#[test]
fn segments_belong_to_their_instance_and_can_be_dropped() {
    let store = Store::new().unwrap();
    let fields = r#"(memory (export "memory") 1) (data $d "abc") (table 2 funcref) (elem $e func $f) (func $f)
        (func (export "init") (memory.init $d (i32.const 5) (i32.const 1) (i32.const 2))
            (table.init $e (i32.const 1) (i32.const 0) (i32.const 1)))
        (func (export "drop") (data.drop $d) (elem.drop $e))"#;
    let [one, other] = [(); 2].map(|()| instantiate(&store, fields, &Linker::new()));
    one.call(&store, "drop", &[]).unwrap();
    assert_eq!(one.call(&store, "init", &[]).unwrap_err().trap(), Some(Trap::MemoryOutOfBounds));
    other.call(&store, "init", &[]).unwrap();
    let mut bytes = [0; 3];
    other.memory(&store, "memory").unwrap().read(&store, 5, &mut bytes).unwrap();
    assert_eq!(&bytes, b"bc\0");
}

/// The maximum number of results, through calls, a loop, a branch out of blocks, and the host.
#[test]
fn a_thousand_results() {
    let (store, mut linker) = (Store::new().unwrap(), Linker::new());
    let all: Vec<ValueType> = vec![ValueType::I32; 1000];
    linker.func_new("env", "reverse", FuncType::new(all.clone(), all), |_, args| {
        Ok(args.iter().rev().copied().collect())
    });
    let many = "i32 ".repeat(1000);
    let constants: String = (0..1000).map(|n| format!("(i32.const {n}) ")).collect();
    let instance = instantiate(
        &store,
        &format!(
            r#"(type $t (func (param {many}) (result {many})))
               (import "env" "reverse" (func $reverse (type $t)))
               (func $loop (type $t) (local $again i32)
                   (block (result {many})
                       {locals}
                       (loop (type $t)
                           (call $reverse)
                           (br_if 0 (local.tee $again (i32.eqz (local.get $again))))
                           (br 1))))
               (func (export "run") (result {many}) (i32.const 7) {constants} (call $loop) (return))"#,
            locals = (0..1000).map(|n| format!("(local.get {n}) ")).collect::<String>(),
        ),
        &linker,
    );
    let results = instance.call(&store, "run", &[]).unwrap();
    assert_eq!(results, (0..1000).map(Value::I32).collect::<Vec<_>>());
}
