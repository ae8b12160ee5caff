//! wasmtime with one of its compilers, for the host's processor or for Pulley, its portable interpreter.

use wasmtime::{Caller, Config, FuncType, Linker, Store, Strategy, Trap, Val, ValType};

use super::{Compiled, End, Entry};
use crate::Result;
use crate::host::{FUNCTIONS, Host};
use crate::value::{Type, Value};

struct Module(wasmtime::Module);

pub fn compile(wasm: &[u8], strategy: Strategy, target: Option<&str>) -> Result<Box<dyn Compiled>> {
    let mut config = Config::new();
    config.strategy(strategy);
    if let Some(target) = target {
        config.target(target)?;
    }
    Ok(Box::new(Module(wasmtime::Module::new(&wasmtime::Engine::new(&config)?, wasm)?)))
}

impl Compiled for Module {
    fn run(&self, host: Host, entry: &Entry) -> Result<(End, Host)> {
        let mut store = Store::new(self.0.engine(), host);
        let linker = linker(self.0.engine())?;
        let instance = match linker.instantiate(&mut store, &self.0) {
            Ok(instance) => instance,
            Err(error) if error.is::<Trap>() || store.data().exit.is_some() => {
                return Ok((End::of_error(store.data(), error.root_cause()), store.into_data()));
            }
            Err(error) => return Err(error.into()),
        };
        let Entry::Export { name, args } = entry else {
            return Ok((End::Returned(Vec::new()), store.into_data()));
        };
        let function = instance.get_func(&mut store, name).ok_or_else(|| format!("no exported function `{name}`"))?;
        let ty = function.ty(&store);
        let types = ty.params().map(type_of).collect::<Result<Vec<_>>>()?;
        let args: Vec<Val> = Value::parse_all(&types, args)?.into_iter().map(to_wasmtime).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        let end = match function.call(&mut store, &args, &mut results) {
            Ok(()) => End::Returned(results.iter().map(of_wasmtime).collect::<Result<_>>()?),
            Err(error) => End::of_error(store.data(), error.root_cause()),
        };
        Ok((end, store.into_data()))
    }
}

fn linker(engine: &wasmtime::Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    for function in &FUNCTIONS {
        let (params, result) = function.ty();
        let ty = FuncType::new(engine, params.into_iter().map(to_type), result.map(to_type));
        let call = move |mut caller: Caller<'_, Host>, args: &[Val], results: &mut [Val]| {
            let memory = caller.get_export("memory").and_then(wasmtime::Extern::into_memory);
            let (mut memory, host) = match memory {
                Some(memory) => memory.data_and_store_mut(&mut caller),
                None => (&mut [][..], caller.data_mut()),
            };
            let args = args.iter().filter_map(|arg| of_wasmtime(arg).ok());
            let result = function.call(host, &mut memory, args);
            let result = result.map_err(|error| wasmtime::Error::msg(error.to_string()))?;
            results.iter_mut().for_each(|into| *into = to_wasmtime(result));
            Ok(())
        };
        linker.func_new(function.module, function.name, ty, call)?;
    }
    Ok(linker)
}

fn to_type(ty: Type) -> ValType {
    match ty {
        Type::I32 => ValType::I32,
        Type::I64 => ValType::I64,
        Type::F32 => ValType::F32,
        Type::F64 => ValType::F64,
    }
}

fn type_of(ty: ValType) -> Result<Type> {
    Ok(match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        other => return Err(format!("parameters of type {other} are not supported").into()),
    })
}

fn to_wasmtime(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(value) => Val::F32(value.to_bits()),
        Value::F64(value) => Val::F64(value.to_bits()),
    }
}

fn of_wasmtime(value: &Val) -> Result<Value> {
    Ok(match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)),
        other => return Err(format!("results like {other:?} are not supported").into()),
    })
}
