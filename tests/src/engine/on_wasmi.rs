//! wasmi, an independent interpreter, as the engine to compare with.

use uops::{Trap, Value};
use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{
    Config, Engine, Error, Extern, Linker, Module, Ref, Store, StoreLimits, StoreLimitsBuilder, TrapCode, Val,
};

use super::{Instance, Item, PAGES, Program, STEPS, State, Stop};

/// Programs of wasmi.
#[derive(Debug)]
pub struct Wasmi {
    engine: Engine,
    modules: Vec<(String, Module)>,
}

/// Instances of wasmi.
#[derive(Debug)]
pub struct Running {
    store: Store<StoreLimits>,
    instances: Vec<wasmi::Instance>,
}

impl Program for Wasmi {
    const NAME: &str = "wasmi";
    type Instance = Running;

    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop> {
        let mut config = Config::default();
        // More frames than uops has, so that uops runs out first.
        config.set_max_recursion_depth(1_000_000).set_max_stack_height(64 << 20).consume_fuel(true);
        let engine = Engine::new(&config);
        let compile = |&(name, wasm): &(&str, &[u8])| Ok((name.to_owned(), Module::new(&engine, wasm).map_err(stop)?));
        let modules = modules.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { engine, modules })
    }

    fn instantiate(&self) -> Result<Running, Stop> {
        let limits = StoreLimitsBuilder::new().memory_size(PAGES as usize * 65536).build();
        let (mut store, mut linker) = (Store::new(&self.engine, limits), Linker::new(&self.engine));
        store.limiter(|limits| limits);
        let mut instances = Vec::new();
        for (name, module) in &self.modules {
            store.set_fuel(STEPS).map_err(stop)?;
            let instance = linker.instantiate_and_start(&mut store, module).map_err(stop)?;
            linker.instance(&mut store, name, instance).map_err(|error| Stop::Refused(error.to_string()))?;
            instances.push(instance);
        }
        Ok(Running { store, instances })
    }
}

impl Instance for Running {
    fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<String>, Stop> {
        let instance = self.instances.last().expect("there is a module");
        let function = instance.get_func(&self.store, function).expect("uops found it");
        let args: Vec<Val> = args.iter().map(|&arg| to_wasmi(arg)).collect();
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        self.store.set_fuel(STEPS).map_err(stop)?;
        function.call(&mut self.store, &args, &mut results).map_err(stop)?;
        Ok(results.iter().map(show).collect())
    }

    fn state(&mut self) -> State {
        let exports = self.instances.iter().enumerate();
        let exports = exports.flat_map(|(index, instance)| instance.exports(&self.store).map(move |one| (index, one)));
        exports
            .filter_map(|(index, export)| {
                let name = export.name().to_owned();
                Some(((index, name), self.item(export.into_extern())?))
            })
            .collect()
    }
}

impl Running {
    fn item(&self, export: Extern) -> Option<Item> {
        let store = &self.store;
        Some(match export {
            Extern::Func(_) => return None,
            Extern::Global(global) => Item::Global(show(&global.get(store))),
            Extern::Memory(memory) => Item::Memory(memory.data(store).to_vec()),
            Extern::Table(table) => {
                let element = |index| show(&table.get(store, index).expect("it is in the table"));
                Item::Table((0..table.size(store)).map(element).collect())
            }
        })
    }
}

fn stop(error: Error) -> Stop {
    let trap = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(TrapCode::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(TrapCode::IndirectCallToNull) => Trap::UninitializedElement,
        Some(TrapCode::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(TrapCode::IntegerOverflow) => Trap::IntegerOverflow,
        Some(TrapCode::BadConversionToInteger) => Trap::InvalidConversionToInteger,
        Some(TrapCode::BadSignature) => Trap::IndirectCallTypeMismatch,
        Some(TrapCode::StackOverflow) => return Stop::Exhausted,
        Some(TrapCode::OutOfFuel) => return Stop::Interrupted,
        _ => match error.kind() {
            ErrorKind::Memory(_) => Trap::MemoryOutOfBounds,
            ErrorKind::Table(_) | ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
                Trap::TableOutOfBounds
            }
            _ => return Stop::Refused(error.to_string()),
        },
    };
    Stop::Trap(trap)
}

fn to_wasmi(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(value) => Val::F32(value.into()),
        Value::F64(value) => Val::F64(value.into()),
        Value::V128(value) => Val::V128(value.into()),
        Value::FuncRef(_) => Val::FuncRef(Ref::Null),
        Value::ExternRef(_) => Val::ExternRef(Ref::Null),
    }
}

/// Formats a value as uops does.
fn show(value: &Val) -> String {
    match value {
        Val::I32(value) => Value::I32(*value).to_string(),
        Val::I64(value) => Value::I64(*value).to_string(),
        Val::F32(value) => Value::F32((*value).into()).to_string(),
        Val::F64(value) => Value::F64((*value).into()).to_string(),
        Val::FuncRef(Ref::Null) | Val::ExternRef(Ref::Null) => "null".to_owned(),
        Val::FuncRef(_) => "funcref".to_owned(),
        Val::ExternRef(_) => "externref".to_owned(),
        Val::V128(value) => format!("{:#034x}", value.as_u128()),
    }
}
