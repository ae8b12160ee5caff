//! Runs modules that nobody trusts: whatever they are, they end in an error or a result, and within limits.

use std::ops::AddAssign;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use uops::{Error, ExternType, Global, Instance, Linker, Memory, Module, Program, Store, StoreLimits, Table, Value};

use crate::mutate;
use crate::rng::Rng;

/// How long a module may run before it is interrupted.
const TIME: Duration = Duration::from_millis(10);
/// How long it may go on then: much longer than it does, since the machine may have something else to do.
const GRACE: Duration = Duration::from_secs(20);
/// What a module may have.
const LIMITS: StoreLimits = StoreLimits {
    stack: 1 << 18,
    memory_pages: 32,
    table_elements: 10_000,
    memories: 10,
    tables: 10,
    bytes: 64 << 20,
};

/// What came of modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Those that are not valid, or need what uops does not have.
    pub refused: usize,
    /// Those whose start or data led to an error.
    pub failed: usize,
    /// Those that were instantiated, and whose functions were called.
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
    /// Compiles a module, instantiates it with stubs for all that it imports, and calls all that it exports.
    ///
    /// # Panics
    /// If it does not keep within the limits.
    pub fn add(&mut self, wasm: &[u8]) {
        match Module::new(wasm).and_then(Program::compile) {
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

    /// Tries a module cut off after so many bytes: after every `step` of them, and at the end of each section.
    ///
    /// # Panics
    /// If one that does not end with a section is not refused.
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

    /// Tries so many variants of a module.
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
                    // Most will trap, and the one that is interrupted is not the last.
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

/// Interrupts the store's calls again and again when the time is over.
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

/// Something of the right type for each import, as far as the limits allow.
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
