//! The two WebAssembly engines, each with its defaults.

use uops::{Imports, Instance, Program, Store, Value};
use wasmi::{Engine, Func, Linker, Module, Val};

use crate::Result;

/// An instance on uops.
pub struct Uops {
    store: Store,
    function: uops::Func,
}

impl Uops {
    /// Decodes, validates and compiles.
    pub fn compile(wasm: &[u8]) -> Result<Program> {
        Ok(Program::new(wasm)?)
    }

    /// Makes an instance.
    pub fn new(wasm: &[u8]) -> Result<Self> {
        let store = Store::new()?;
        let instance = Instance::new(&store, &Self::compile(wasm)?, &Imports::new())?;
        let function = instance.func(&store, "run")?;
        Ok(Self { store, function })
    }

    /// The result of `run`, as the examples print it.
    pub fn run(&mut self, n: i32) -> Result<String> {
        match self.function.call(&self.store, &[n.into()])?[..] {
            [Value::I64(value)] => Ok(value.to_string()),
            [Value::F64(value)] => Ok(format!("{:016x}", value.to_bits())),
            ref other => Err(format!("{other:?} is no result of an example").into()),
        }
    }
}

/// An instance on `wasmi`.
pub struct Wasmi {
    store: wasmi::Store<()>,
    function: Func,
}

impl Wasmi {
    /// Decodes, validates and translates, all functions at once.
    pub fn compile(wasm: &[u8]) -> Result<Module> {
        let mut config = wasmi::Config::default();
        config.compilation_mode(wasmi::CompilationMode::Eager);
        Ok(Module::new(&Engine::new(&config), wasm)?)
    }

    /// Makes an instance.
    pub fn new(wasm: &[u8]) -> Result<Self> {
        let module = Self::compile(wasm)?;
        let mut store = wasmi::Store::new(module.engine(), ());
        let instance = Linker::new(module.engine()).instantiate_and_start(&mut store, &module)?;
        let function = instance.get_func(&store, "run").ok_or("there is no `run`")?;
        Ok(Self { store, function })
    }

    /// The result of `run`, as the examples print it.
    pub fn run(&mut self, n: i32) -> Result<String> {
        let mut results = [Val::I64(0)];
        self.function.call(&mut self.store, &[Val::I32(n)], &mut results)?;
        match &results[0] {
            Val::I64(value) => Ok(value.to_string()),
            Val::F64(value) => Ok(format!("{:016x}", value.to_bits())),
            other => Err(format!("{other:?} is no result of an example").into()),
        }
    }
}
