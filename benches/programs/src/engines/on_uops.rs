//! uops, in one of its tiers.

use std::cell::RefCell;
use std::rc::Rc;

use uops::{Caller, Error, FuncType, Instance, Linker, Program, Store, Tier, ValueType};

use super::{Compiled, End, Entry};
use crate::Result;
use crate::host::{FUNCTIONS, Host, Memory};
use crate::value::{Type, Value};

struct Module(Program);

pub fn compile(wasm: &[u8], tier: Tier) -> Result<Box<dyn Compiled>> {
    Ok(Box::new(Module(Program::for_tier(uops::Module::new(wasm)?, tier)?)))
}

impl Compiled for Module {
    fn run(&self, host: Host, entry: &Entry) -> Result<(End, Host)> {
        let host = Rc::new(RefCell::new(host));
        let end = run(&self.0, &host, entry)?;
        Ok((end, host.take()))
    }
}

fn run(program: &Program, host: &Rc<RefCell<Host>>, entry: &Entry) -> Result<End> {
    let store = Store::new()?;
    let instance = match Instance::new(&store, program, &linker(host)) {
        Ok(instance) => instance,
        Err(error @ (Error::Trap { .. } | Error::Host { .. })) => return Ok(End::of_error(&host.borrow(), error)),
        Err(error) => return Err(error.into()),
    };
    let Entry::Export { name, args } = entry else {
        return Ok(End::Returned(Vec::new()));
    };
    let function = instance.func(&store, name)?;
    let types = function.ty(&store)?.params.iter().map(type_of).collect::<Result<Vec<_>>>()?;
    let args: Vec<uops::Value> = Value::parse_all(&types, args)?.into_iter().map(to_uops).collect();
    Ok(match function.call(&store, &args) {
        Ok(results) => End::Returned(results.into_iter().map(of_uops).collect::<Result<_>>()?),
        Err(error) => End::of_error(&host.borrow(), error),
    })
}

/// The memory that the caller exports as `memory`.
struct CallerMemory<'a>(&'a Caller<'a>);

impl CallerMemory<'_> {
    fn memory(&self) -> Result<uops::Memory> {
        Ok(self.0.instance().memory(self.0.store(), "memory")?)
    }
}

impl Memory for CallerMemory<'_> {
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<()> {
        Ok(self.memory()?.read(self.0.store(), address.into(), into)?)
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<()> {
        Ok(self.memory()?.write(self.0.store(), address.into(), bytes)?)
    }
}

fn linker(host: &Rc<RefCell<Host>>) -> Linker {
    let mut linker = Linker::new();
    for function in &FUNCTIONS {
        let (params, result) = function.ty();
        let ty =
            FuncType::new(params.into_iter().map(to_type).collect::<Vec<_>>(), Vec::from_iter(result.map(to_type)));
        let host = host.clone();
        linker.func_new(function.module, function.name, ty, move |caller, args| {
            let args = args.iter().filter_map(|&arg| of_uops(arg).ok());
            let value = function.call(&mut host.borrow_mut(), &mut CallerMemory(caller), args);
            let value = value.map_err(|error| error.to_string())?;
            Ok(result.map(|_| to_uops(value)).into_iter().collect())
        });
    }
    linker
}

fn to_type(ty: Type) -> ValueType {
    match ty {
        Type::I32 => ValueType::I32,
        Type::I64 => ValueType::I64,
        Type::F32 => ValueType::F32,
        Type::F64 => ValueType::F64,
    }
}

fn type_of(ty: &ValueType) -> Result<Type> {
    Ok(match ty {
        ValueType::I32 => Type::I32,
        ValueType::I64 => Type::I64,
        ValueType::F32 => Type::F32,
        ValueType::F64 => Type::F64,
        other => return Err(format!("parameters of type {other} are not supported").into()),
    })
}

fn to_uops(value: Value) -> uops::Value {
    match value {
        Value::I32(value) => value.into(),
        Value::I64(value) => value.into(),
        Value::F32(value) => value.into(),
        Value::F64(value) => value.into(),
    }
}

fn of_uops(value: uops::Value) -> Result<Value> {
    Ok(match value {
        uops::Value::I32(value) => Value::I32(value),
        uops::Value::I64(value) => Value::I64(value),
        uops::Value::F32(value) => Value::F32(value),
        uops::Value::F64(value) => Value::F64(value),
        other => return Err(format!("results like {other:?} are not supported").into()),
    })
}
