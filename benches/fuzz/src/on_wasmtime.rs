//! wasmtime as an engine under comparison. Winch compiles fast, but lacks features; Cranelift has all.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use tests::engine::{Instance, Item, PAGES, Program, STEPS, State, Stop};
use uops::{Trap, Value};
use wasmtime::{
    AsContext, Config, Engine, Error, Extern, Linker, Module, OptLevel, Store, StoreLimits, StoreLimitsBuilder,
    Strategy, Val,
};

/// The engine with Winch.
static WINCH: LazyLock<Engine> = LazyLock::new(|| engine(Strategy::Winch));
/// The engine with Cranelift.
static CRANELIFT: LazyLock<Engine> = LazyLock::new(|| engine(Strategy::Cranelift));

/// Compiled modules that others import from.
type Known = BTreeMap<Vec<u8>, Module>;

static WINCH_ENVIRONMENTS: Mutex<Known> = Mutex::new(Known::new());
static CRANELIFT_ENVIRONMENTS: Mutex<Known> = Mutex::new(Known::new());

fn engine(strategy: Strategy) -> Engine {
    let mut config = Config::new();
    config.strategy(strategy).consume_fuel(true).cranelift_opt_level(OptLevel::None);
    // Omit what costs time and does not affect results.
    config.generate_address_map(false).native_unwind_info(false).wasm_backtrace_max_frames(None).memory_init_cow(false);
    // Most instances live for a few microseconds, and mapping memory takes longer.
    config.memory_reservation(PAGES << 16).memory_guard_size(1 << 16).memory_reservation_for_growth(0);
    Engine::new(&config).expect("the configuration is valid")
}

/// Modules compiled by wasmtime.
type Modules = Vec<(String, Module)>;

/// Programs of Winch.
pub struct Winch(Modules);
/// Programs of Cranelift.
pub struct Cranelift(Modules);

/// Instances of wasmtime.
pub struct Running {
    store: Store<StoreLimits>,
    instances: Vec<wasmtime::Instance>,
}

impl Program for Winch {
    const NAME: &str = "Winch";
    type Instance = Running;

    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop> {
        // If Cranelift refuses the module as well, that is a difference.
        compile(&WINCH, &WINCH_ENVIRONMENTS, modules).map(Self).map_err(|_| Stop::Unsupported)
    }

    fn instantiate(&self) -> Result<Running, Stop> {
        instantiate(&WINCH, &self.0)
    }
}

impl Program for Cranelift {
    const NAME: &str = "Cranelift";
    type Instance = Running;

    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop> {
        compile(&CRANELIFT, &CRANELIFT_ENVIRONMENTS, modules)
            .map(Self)
            .map_err(|error| Stop::Refused(format!("{error:#}")))
    }

    fn instantiate(&self) -> Result<Running, Stop> {
        instantiate(&CRANELIFT, &self.0)
    }
}

/// Compiles modules, except those before the last that are known.
fn compile(engine: &Engine, known: &Mutex<Known>, modules: &[(&str, &[u8])]) -> Result<Modules, Error> {
    let (&(name, wasm), before) = modules.split_last().expect("there is a module");
    let mut all = Vec::new();
    for &(name, wasm) in before {
        let mut known = known.lock().expect("no holder panics");
        let module = match known.get(wasm) {
            Some(module) => module.clone(),
            None => known.entry(wasm.to_vec()).or_insert(Module::new(engine, wasm)?).clone(),
        };
        all.push((name.to_owned(), module));
    }
    all.push((name.to_owned(), Module::new(engine, wasm)?));
    Ok(all)
}

fn instantiate(engine: &Engine, modules: &Modules) -> Result<Running, Stop> {
    let limits = StoreLimitsBuilder::new().memory_size(PAGES as usize * 65536).build();
    let (mut store, mut linker) = (Store::new(engine, limits), Linker::new(engine));
    store.limiter(|limits| limits);
    let mut instances = Vec::new();
    for (name, module) in modules {
        store.set_fuel(STEPS).map_err(stop)?;
        let instance = linker.instantiate(&mut store, module).map_err(stop)?;
        linker.instance(&mut store, name, instance).map_err(stop)?;
        instances.push(instance);
    }
    Ok(Running { store, instances })
}

impl Instance for Running {
    fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<String>, Stop> {
        let instance = self.instances.last().expect("there is a module");
        let function = instance.get_func(&mut self.store, function).expect("uops found it");
        let ty = function.ty(&self.store);
        let args: Vec<Val> = args.iter().map(|&arg| to_wasmtime(arg)).collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        self.store.set_fuel(STEPS).map_err(stop)?;
        function.call(&mut self.store, &args, &mut results).map_err(stop)?;
        Ok(results.iter().map(show).collect())
    }

    fn state(&mut self) -> State {
        let mut state = State::new();
        for (index, instance) in self.instances.iter().enumerate() {
            let exports: Vec<_> = instance
                .exports(&mut self.store)
                .map(|export| (export.name().to_owned(), export.into_extern()))
                .collect();
            for (name, export) in exports {
                if let Some(item) = item(&mut self.store, export) {
                    state.insert((index, name), item);
                }
            }
        }
        state
    }
}

fn item(store: &mut Store<StoreLimits>, export: Extern) -> Option<Item> {
    Some(match export {
        Extern::Global(global) => Item::Global(show(&global.get(store))),
        Extern::Memory(memory) => Item::Memory(memory.data(store.as_context()).to_vec()),
        Extern::Table(table) => {
            let size = table.size(&*store);
            let element = |index| show(&table.get(&mut *store, index).expect("it is in the table").into());
            Item::Table((0..size).map(element).collect())
        }
        _ => return None,
    })
}

fn stop(error: Error) -> Stop {
    use wasmtime::Trap as Theirs;

    let trap = match error.downcast_ref() {
        Some(Theirs::UnreachableCodeReached) => Trap::Unreachable,
        Some(Theirs::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(Theirs::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(Theirs::IndirectCallToNull) => Trap::UninitializedElement,
        Some(Theirs::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(Theirs::IntegerOverflow) => Trap::IntegerOverflow,
        Some(Theirs::BadConversionToInteger) => Trap::InvalidConversionToInteger,
        Some(Theirs::BadSignature) => Trap::IndirectCallTypeMismatch,
        Some(Theirs::StackOverflow) => return Stop::Exhausted,
        Some(Theirs::OutOfFuel) => return Stop::Interrupted,
        _ => return Stop::Refused(format!("{error:#}")),
    };
    Stop::Trap(trap)
}

fn to_wasmtime(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(value) => value.into(),
        Value::F64(value) => value.into(),
        Value::V128(value) => Val::V128(value.into()),
        Value::FuncRef(_) => Val::FuncRef(None),
        Value::ExternRef(_) => Val::ExternRef(None),
    }
}

/// Formats a value as uops does.
fn show(value: &Val) -> String {
    match value {
        Val::I32(value) => Value::I32(*value).to_string(),
        Val::I64(value) => Value::I64(*value).to_string(),
        Val::F32(bits) => Value::F32(f32::from_bits(*bits)).to_string(),
        Val::F64(bits) => Value::F64(f64::from_bits(*bits)).to_string(),
        Val::V128(value) => format!("{:#034x}", value.as_u128()),
        Val::FuncRef(None) | Val::ExternRef(None) => "null".to_owned(),
        Val::FuncRef(_) => "funcref".to_owned(),
        Val::ExternRef(_) => "externref".to_owned(),
        _ => unreachable!("uops has no other types"),
    }
}
