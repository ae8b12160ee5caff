//! Random functions on uops and on another WebAssembly interpreter: results, traps, globals and memory have to agree.

mod control;
mod generate;

use generate::TYPES;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use uops::{Imports, Instance, Program, Store, Value};
use wasmi::{Engine, Linker, Val};

/// What a run leaves behind. Of NaNs the bits are not compared.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// The result, or the reason of a trap.
    result: Result<String, String>,
    globals: Vec<String>,
    memory: Vec<u8>,
}

fn show(value: Value) -> String {
    match value {
        Value::F32(value) if value.is_nan() => "nan".to_owned(),
        Value::F64(value) if value.is_nan() => "nan".to_owned(),
        value => format!("{value:?}"),
    }
}

/// The reason of a trap in the suite's words, of which the other interpreter has several.
fn reason(text: &str) -> String {
    let reasons = [
        ("unreachable", "unreachable"),
        ("undefined element", "undefined element"),
        ("uninitialized element", "uninitialized element"),
    ];
    let known = reasons.iter().find(|(part, _)| text.contains(part)).map(|(_, reason)| *reason);
    known.unwrap_or(text).to_owned()
}

fn on_uops(text: &str, args: &[Value]) -> Outcome {
    let program = Program::new(text.as_bytes()).unwrap();
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &program, &Imports::new()).unwrap();
    let result = match instance.call(&store, "run", args) {
        Ok(results) => Ok(show(results[0])),
        Err(error) => Err(reason(&error.trap().expect("no other error").to_string())),
    };
    let globals = TYPES.map(|ty| show(instance.global(&store, ty.name()).unwrap().get(&store).unwrap()));
    let memory = instance.memory(&store, "memory").unwrap();
    let mut bytes = vec![0; memory.pages(&store).unwrap() as usize * 65536];
    memory.read(&store, 0, &mut bytes).unwrap();
    Outcome { result, globals: globals.into(), memory: bytes }
}

fn on_wasmi(text: &str, args: &[Value]) -> Outcome {
    let engine = Engine::default();
    let module = wasmi::Module::new(&engine, text).unwrap();
    let mut store = wasmi::Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
    let args: Vec<Val> = args.iter().map(|&arg| to_wasmi(arg)).collect();
    let mut results = [Val::I32(0)];
    let called = instance.get_func(&store, "run").unwrap().call(&mut store, &args, &mut results);
    let result = match called {
        Ok(()) => Ok(show(from_wasmi(&results[0]))),
        Err(error) => Err(reason(&error.as_trap_code().expect("no other error").to_string())),
    };
    let globals = TYPES.map(|ty| show(from_wasmi(&instance.get_global(&store, ty.name()).unwrap().get(&store))));
    let memory = instance.get_memory(&store, "memory").unwrap().data(&store).to_vec();
    Outcome { result, globals: globals.into(), memory }
}

fn to_wasmi(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(value) => Val::F32(value.into()),
        Value::F64(value) => Val::F64(value.into()),
        Value::V128(_) | Value::FuncRef(_) | Value::ExternRef(_) => {
            unreachable!("no function here has vectors or references")
        }
    }
}

fn from_wasmi(value: &Val) -> Value {
    match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32((*value).into()),
        Val::F64(value) => Value::F64((*value).into()),
        other => panic!("{other:?}"),
    }
}

fn arguments() -> impl Strategy<Value = [Value; 4]> {
    let bits = || prop_oneof![Just(0u64), Just(1), Just(u64::MAX), 0..70_000u64, any::<u64>()];
    let floats = || prop_oneof![Just(0.0), Just(-1.0), Just(f64::NAN), Just(1e10), any::<f64>()];
    (bits(), bits(), floats(), floats())
        .prop_map(|(a, b, c, d)| [Value::I32(a as i32), Value::I64(b as i64), Value::F32(c as f32), Value::F64(d)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn functions_agree(
        entropy in prop::collection::vec(any::<u32>(), 0..400),
        ty in prop::sample::select(&TYPES[..]),
        args in arguments(),
    ) {
        let text = generate::module(entropy, ty);
        let (uops, wasmi) = (on_uops(&text, &args), on_wasmi(&text, &args));
        let same = uops == wasmi;
        prop_assert!(
            same,
            "{}\n{args:?}\nuops {:?} {:?}\nwasmi {:?} {:?}", text, uops.result, uops.globals, wasmi.result, wasmi.globals
        );
    }
}
