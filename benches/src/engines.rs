//! The WebAssembly engines. Each has its defaults, except that it compiles all functions eagerly, on one thread.

use uops::{Instance, Linker, Program, Store, Value};
use wasmi::Val;
use wasmtime::Strategy;

use crate::Result;

/// Calls an instance's function `run` and returns the result as the programs print it.
pub type Run = Box<dyn FnMut(i32) -> Result<String>>;

/// An engine.
pub struct Engine {
    pub name: &'static str,
    /// Decodes, validates and compiles a module.
    pub compile: fn(&[u8]) -> Result<()>,
    /// Compiles and instantiates a module.
    pub instance: fn(&[u8]) -> Result<Run>,
}

/// All engines, ours first.
pub const ENGINES: [Engine; 4] = [
    Engine { name: "uops", compile: |wasm| Ok(drop(Program::new(wasm)?)), instance: uops },
    Engine { name: "wasmi", compile: |wasm| Ok(drop(wasmi_module(wasm)?)), instance: wasmi },
    Engine {
        name: "Winch",
        compile: |wasm| Ok(drop(wasmtime_module(wasm, Strategy::Winch)?)),
        instance: |wasm| wasmtime(wasm, Strategy::Winch),
    },
    Engine {
        name: "Cranelift",
        compile: |wasm| Ok(drop(wasmtime_module(wasm, Strategy::Cranelift)?)),
        instance: |wasm| wasmtime(wasm, Strategy::Cranelift),
    },
];

/// Formats a result as the programs print it.
fn integer(value: i64) -> Result<String> {
    Ok(value.to_string())
}
fn float(bits: u64) -> Result<String> {
    Ok(format!("{bits:016x}"))
}

fn uops(wasm: &[u8]) -> Result<Run> {
    let store = Store::new()?;
    let instance = Instance::new(&store, &Program::new(wasm)?, &Linker::new())?;
    let function = instance.func(&store, "run")?;
    Ok(Box::new(move |n| match function.call(&store, &[n.into()])?[..] {
        [Value::I64(value)] => integer(value),
        [Value::F64(value)] => float(value.to_bits()),
        ref other => Err(format!("{other:?} is no result").into()),
    }))
}

fn wasmi_module(wasm: &[u8]) -> Result<wasmi::Module> {
    let mut config = wasmi::Config::default();
    config.compilation_mode(wasmi::CompilationMode::Eager);
    Ok(wasmi::Module::new(&wasmi::Engine::new(&config), wasm)?)
}

fn wasmi(wasm: &[u8]) -> Result<Run> {
    let module = wasmi_module(wasm)?;
    let mut store = wasmi::Store::new(module.engine(), ());
    let instance = wasmi::Linker::new(module.engine()).instantiate_and_start(&mut store, &module)?;
    let function = instance.get_func(&store, "run").ok_or("there is no `run`")?;
    Ok(Box::new(move |n| {
        let mut results = [Val::I64(0)];
        function.call(&mut store, &[Val::I32(n)], &mut results)?;
        match &results[0] {
            Val::I64(value) => integer(*value),
            Val::F64(value) => float(value.to_bits()),
            other => Err(format!("{other:?} is no result").into()),
        }
    }))
}

fn wasmtime_module(wasm: &[u8], strategy: Strategy) -> Result<wasmtime::Module> {
    let mut config = wasmtime::Config::new();
    config.strategy(strategy);
    Ok(wasmtime::Module::new(&wasmtime::Engine::new(&config)?, wasm)?)
}

fn wasmtime(wasm: &[u8], strategy: Strategy) -> Result<Run> {
    let module = wasmtime_module(wasm, strategy)?;
    let mut store = wasmtime::Store::new(module.engine(), ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[])?;
    let function = instance.get_func(&mut store, "run").ok_or("there is no `run`")?;
    Ok(Box::new(move |n| {
        let mut results = [wasmtime::Val::I64(0)];
        function.call(&mut store, &[wasmtime::Val::I32(n)], &mut results)?;
        match results[0] {
            wasmtime::Val::I64(value) => integer(value),
            wasmtime::Val::F64(bits) => float(bits),
            ref other => Err(format!("{other:?} is no result").into()),
        }
    }))
}
