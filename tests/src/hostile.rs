//! Runs untrusted modules. Each must end in an error or a result, within limits.

use std::ops::AddAssign;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use uops::{
    Error, ExternType, Global, Instance, Linker, Memory, Module, Program, Store, StoreLimits, Table, Tier, Value,
};

use crate::mutate;
use crate::rng::Rng;

/// The time after which a module is interrupted.
const TIME: Duration = Duration::from_millis(10);
/// The time it may take to stop. This is generous, since the machine may be busy.
const GRACE: Duration = Duration::from_secs(20);
/// The limits of a module.
const LIMITS: StoreLimits =
    StoreLimits { stack: 1 << 18, memory_pages: 32, table_elements: 10_000, memories: 10, tables: 10, bytes: 64 << 20 };

/// Counts of modules by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Invalid modules, and those that need unsupported features.
    pub refused: usize,
    /// Modules whose start function or segments led to an error.
    pub failed: usize,
    /// Modules that were instantiated and whose functions were called.
    pub ran: usize,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.refused += other.refused;
        self.failed += other.failed;
        self.ran += other.ran;
    }
}

impl Report {
    /// Compiles a module for each tier in turn, instantiates it with stubs for its imports, and calls its exports.
    ///
    /// # Panics
    /// If the module exceeds the limits.
    pub fn add(&mut self, wasm: &[u8]) {
        let turn = (self.refused + self.failed + self.ran) % 3;
        let new = |tier| Program::for_tier(Module::new(wasm)?, tier);
        let program = match new([Tier::Jit, Tier::Interpreter, Tier::Auto][turn]) {
            // gcc compiled the uops.
            Err(Error::NoInterpreter) => new(Tier::Jit),
            result => result,
        };
        match program {
            Err(error) => {
                assert!(!error.to_string().is_empty());
                self.refused += 1;
            }
            Ok(program) => match run(&program) {
                Ok(()) => self.ran += 1,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    self.failed += 1;
                }
            },
        }
    }

    /// Tries truncated modules: at every `step` bytes, and at the end of each section.
    ///
    /// # Panics
    /// If a module that ends within a section is accepted.
    pub fn add_truncations(&mut self, wasm: &[u8], step: usize) {
        let boundaries = mutate::boundaries(wasm);
        for length in (0..wasm.len()).step_by(step).filter(|length| !boundaries.contains(length)) {
            assert!(Module::new(&wasm[..length]).is_err(), "{length} bytes");
            self.refused += 1;
        }
        for length in boundaries {
            self.add(&wasm[..length]);
        }
    }

    /// Tries this many variants of a module.
    pub fn add_mutations(&mut self, wasm: &[u8], other: &[u8], count: usize, seed: u64) {
        let mut rng = Rng::new(seed);
        for _ in 0..count {
            self.add(&mutate::mutated(wasm, other, &mut rng));
        }
    }
}

fn run(program: &Program) -> Result<(), Error> {
    let store = Store::with_limits(LIMITS)?;
    let linker = stubs(&store, program.module())?;
    within(&store, || {
        let instance = Instance::new(&store, program, &linker)?;
        for (name, ty) in program.module().exports() {
            match ty {
                ExternType::Func(ty) => {
                    let args: Vec<Value> = ty.params.iter().map(|&ty| Value::zero(ty)).collect();
                    // Most calls trap, and calls follow the one that is interrupted.
                    let _ = instance.call(&store, name, &args);
                }
                ExternType::Memory(_) => assert!(instance.memory(&store, name)?.pages(&store)? <= LIMITS.memory_pages),
                ExternType::Table(_) => {
                    assert!(instance.table(&store, name)?.size(&store)? <= LIMITS.table_elements.into())
                }
                ExternType::Global(_) => drop(instance.global(&store, name)?.get(&store)?),
            }
        }
        Ok(())
    })
}

/// Interrupts the store's calls repeatedly once the time is over.
fn within<T>(store: &Store, run: impl FnOnce() -> T) -> T {
    let (done, waiting) = channel::<()>();
    let handle = store.interrupt_handle();
    let start = Instant::now();
    let result = std::thread::scope(|scope| {
        scope.spawn(move || {
            while waiting.recv_timeout(TIME) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        let result = run();
        drop(done);
        result
    });
    assert!(start.elapsed() < GRACE, "{:?}", start.elapsed());
    result
}

/// Defines a value of the right type for each import, within the limits.
fn stubs(store: &Store, module: &Module) -> Result<Linker, Error> {
    let mut linker = Linker::new();
    for (name, field, ty) in module.imports() {
        match ty {
            ExternType::Func(ty) => {
                let results: Vec<Value> = ty.results.iter().map(|&ty| Value::zero(ty)).collect();
                linker.func_new(name, field, ty.clone(), move |_, _| Ok(results.clone()))
            }
            ExternType::Memory(limits) => linker.define(name, field, Memory::new(store, *limits)?),
            ExternType::Table(ty) => linker.define(name, field, Table::new(store, *ty)?),
            ExternType::Global(ty) => {
                linker.define(name, field, Global::new(store, Value::zero(ty.value), ty.mutable)?)
            }
        };
    }
    Ok(linker)
}
