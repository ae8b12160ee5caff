//! uops as an engine under comparison.

use uops::{Error, Extern, Linker, Module, Store, StoreLimits, Tier, Trap, Value};

use super::watchdog::within;
use super::{Instance, Item, PAGES, Program, State, Stop};

/// Programs of uops.
#[derive(Debug)]
pub struct Uops(Vec<(String, uops::Program)>);

/// Programs of uops in its interpreter.
#[derive(Debug)]
pub struct Interpreted(Uops);

/// Programs of uops that begin in its interpreter, and continue in machine code at some time.
#[derive(Debug)]
pub struct Auto(Uops);

/// Instances of uops.
#[derive(Debug)]
pub struct Running {
    store: Store,
    instances: Vec<uops::Instance>,
}

impl Program for Uops {
    const NAME: &str = "uops";
    type Instance = Running;

    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop> {
        Self::for_tier(modules, Tier::Jit)
    }

    fn instantiate(&self) -> Result<Running, Stop> {
        let limits = StoreLimits { memory_pages: PAGES, ..StoreLimits::default() };
        let (store, mut linker) = (Store::with_limits(limits).map_err(stop)?, Linker::new());
        let mut instances = Vec::new();
        for (name, program) in &self.0 {
            let instance = within(&store, || uops::Instance::new(&store, program, &linker)).map_err(stop)?;
            linker.instance(&store, name, instance).map_err(stop)?;
            instances.push(instance);
        }
        Ok(Running { store, instances })
    }
}

impl Program for Interpreted {
    const NAME: &str = "the interpreter of uops";
    type Instance = Running;

    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop> {
        Uops::for_tier(modules, Tier::Interpreter).map(Self)
    }

    fn instantiate(&self) -> Result<Running, Stop> {
        self.0.instantiate()
    }
}

impl Program for Auto {
    const NAME: &str = "the tier auto of uops";
    type Instance = Running;

    fn new(modules: &[(&str, &[u8])]) -> Result<Self, Stop> {
        Uops::for_tier(modules, Tier::Auto).map(Self)
    }

    fn instantiate(&self) -> Result<Running, Stop> {
        self.0.instantiate()
    }
}

impl Uops {
    fn for_tier(modules: &[(&str, &[u8])], tier: Tier) -> Result<Self, Stop> {
        let compile = |wasm: &[u8]| Module::from_text(wasm).and_then(|module| uops::Program::for_tier(module, tier));
        let compile = |&(name, wasm): &(&str, &[u8])| Ok((name.to_owned(), compile(wasm).map_err(stop)?));
        modules.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }
}

impl Instance for Running {
    fn call(&mut self, function: &str, args: &[Value]) -> Result<Vec<String>, Stop> {
        let instance = self.instances.last().expect("there is a module");
        let results = within(&self.store, || instance.call(&self.store, function, args)).map_err(stop)?;
        Ok(results.iter().map(Value::to_string).collect())
    }

    fn state(&mut self) -> State {
        let mut state = State::new();
        for (index, instance) in self.instances.iter().enumerate() {
            for (name, export) in instance.exports(&self.store).unwrap() {
                if let Some(item) = self.item(export).unwrap() {
                    state.insert((index, name), item);
                }
            }
        }
        state
    }
}

impl Running {
    fn item(&self, export: Extern) -> Result<Option<Item>, Error> {
        let store = &self.store;
        Ok(Some(match export {
            Extern::Func(_) => return Ok(None),
            Extern::Global(global) => Item::Global(global.get(store)?.to_string()),
            Extern::Memory(memory) => {
                let mut bytes = vec![0; memory.pages(store)? as usize * 65536];
                memory.read(store, 0, &mut bytes)?;
                Item::Memory(bytes)
            }
            Extern::Table(table) => {
                let element = |index| Ok(table.get(store, index)?.to_string());
                Item::Table((0..table.size(store)?).map(element).collect::<Result<_, Error>>()?)
            }
        }))
    }
}

fn stop(error: Error) -> Stop {
    if matches!(error, Error::NoInterpreter) {
        return Stop::Unsupported;
    }
    match error.trap() {
        Some(Trap::StackExhausted) => Stop::Exhausted,
        Some(Trap::Interrupted) => Stop::Interrupted,
        // wasmi has one trap for both.
        Some(Trap::UndefinedElement) => Stop::Trap(Trap::TableOutOfBounds),
        Some(trap) => Stop::Trap(trap),
        None => Stop::Refused(error.to_string()),
    }
}
