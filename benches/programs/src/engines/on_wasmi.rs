//! wasmi, with the default configuration except that it compiles all functions at once.

use wasmi::{Caller, CompilationMode, Config, FuncType, Linker, Store, Val, ValType};

use super::{Compiled, End, Entry};
use crate::Result;
use crate::host::{FUNCTIONS, Host};
use crate::value::{Type, Value};

struct Module(wasmi::Module);

pub fn compile(wasm: &[u8]) -> Result<Box<dyn Compiled>> {
    let mut config = Config::default();
    config.compilation_mode(CompilationMode::Eager);
    Ok(Box::new(Module(wasmi::Module::new(&wasmi::Engine::new(&config), wasm)?)))
}

impl Compiled for Module {
    fn run(&self, host: Host, entry: &Entry) -> Result<(End, Host)> {
        let mut store = Store::new(self.0.engine(), host);
        let linker = linker(self.0.engine())?;
        let instance = match linker.instantiate_and_start(&mut store, &self.0) {
            Ok(instance) => instance,
            Err(error) if error.as_trap_code().is_some() || store.data().exit.is_some() => {
                return Ok((End::of_error(store.data(), error), store.into_data()));
            }
            Err(error) => return Err(error.into()),
        };
        let Entry::Export { name, args } = entry else {
            return Ok((End::Returned(Vec::new()), store.into_data()));
        };
        let function = instance.get_func(&store, name).ok_or_else(|| format!("no exported function `{name}`"))?;
        let ty = function.ty(&store);
        let types = ty.params().iter().map(type_of).collect::<Result<Vec<_>>>()?;
        let args: Vec<Val> = Value::parse_all(&types, args)?.into_iter().map(to_wasmi).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|&ty| Val::default_for_ty(ty)).collect();
        let end = match function.call(&mut store, &args, &mut results) {
            Ok(()) => End::Returned(results.iter().map(of_wasmi).collect::<Result<_>>()?),
            Err(error) => End::of_error(store.data(), error),
        };
        Ok((end, store.into_data()))
    }
}

fn linker(engine: &wasmi::Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    for function in &FUNCTIONS {
        let (params, result) = function.ty();
        let ty = FuncType::new(params.into_iter().map(to_type), result.map(to_type));
        let call = move |mut caller: Caller<'_, Host>, args: &[Val], results: &mut [Val]| {
            let memory = caller.get_export("memory").and_then(wasmi::Extern::into_memory);
            let (mut memory, host) = match memory {
                Some(memory) => memory.data_and_store_mut(&mut caller),
                None => (&mut [][..], caller.data_mut()),
            };
            let args = args.iter().filter_map(|arg| of_wasmi(arg).ok());
            let result = function.call(host, &mut memory, args);
            let result = result.map_err(|error| wasmi::Error::new(error.to_string()))?;
            results.iter_mut().for_each(|into| *into = to_wasmi(result));
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

fn type_of(ty: &ValType) -> Result<Type> {
    Ok(match ty {
        ValType::I32 => Type::I32,
        ValType::I64 => Type::I64,
        ValType::F32 => Type::F32,
        ValType::F64 => Type::F64,
        other => return Err(format!("parameters of type {other:?} are not supported").into()),
    })
}

fn to_wasmi(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(value) => Val::F32(value.into()),
        Value::F64(value) => Val::F64(value.into()),
    }
}

fn of_wasmi(value: &Val) -> Result<Value> {
    Ok(match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32((*value).into()),
        Val::F64(value) => Value::F64((*value).into()),
        other => return Err(format!("results like {other:?} are not supported").into()),
    })
}
