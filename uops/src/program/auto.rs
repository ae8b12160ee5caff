//! The tier `auto`: programs that begin in the interpreter and continue in machine code, which another thread compiles.
//!
//! A function's stream is made when the function is first called. A word says that the machine code exists; streams read it when a
//! function or an iteration of a loop begins ([`crate::runtime::tier`]).

use std::ffi::c_void;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::lower::{ALONE_LABEL, Checkpoints};
use crate::module::error::Error;
use crate::module::{Module, allocate};
use crate::program::bridge;
use crate::program::code::Code;
use crate::program::compile::{Compiled, without_interpreter};
use crate::runtime::executable::{Entry, Executable, MachineCode};
use crate::runtime::vm::Addresses;

/// A program's streams, and its machine code as soon as it has been compiled.
#[derive(Debug)]
pub(crate) struct Auto {
    entry: Entry,
    /// The streams of the functions that have been called.
    streams: Vec<OnceLock<Box<Compiled>>>,
    machine_code: OnceLock<Result<Resumable, Error>>,
    /// 1 once there is machine code. Interpreted functions read it.
    compiled: AtomicU64,
}

/// Machine code, and where interpreted functions can continue in it.
#[derive(Debug)]
pub(super) struct Resumable {
    pub(super) code: Compiled,
    checkpoints: Checkpoints,
}

impl Auto {
    /// Makes a program without streams and without machine code.
    pub(super) fn new(module: &Module) -> Result<Self, Error> {
        let entry = bridge::entry().map_err(without_interpreter)?;
        let mut streams = allocate::vec("module", module.bodies.len())?;
        streams.resize_with(module.bodies.len(), OnceLock::new);
        Ok(Self { entry, streams, machine_code: OnceLock::new(), compiled: AtomicU64::new(0) })
    }

    pub(super) fn entry(&self) -> Entry {
        self.entry
    }

    /// The bytes that it takes from the beginning.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.streams)
    }

    /// The size of a function's stream in bytes, 0 if it has not been called.
    pub(super) fn stream_size(&self, index: usize) -> usize {
        self.streams[index].get().map_or(0, |stream| stream.size())
    }

    /// The word that is not 0 once there is machine code.
    pub(super) fn compiled(&self) -> *const u64 {
        self.compiled.as_ptr()
    }

    /// Makes the stream of a function, or finds it.
    pub(super) fn stream(
        &self,
        module: &Module,
        index: usize,
        step: &mut dyn FnMut(usize) -> Result<(), Error>,
    ) -> Result<(*const c_void, u64), Error> {
        let stream = match self.streams[index].get() {
            Some(stream) => stream,
            None => {
                let stream = Box::new(Compiled::function_stream(module, index, step)?);
                // Another thread may have made the same stream in the meantime. One of them is enough.
                self.streams[index].get_or_init(|| stream)
            }
        };
        Ok((stream.address(ALONE_LABEL), stream.size() as u64))
    }

    /// The machine code, once it has been compiled.
    pub(super) fn machine_code(&self) -> Option<&Resumable> {
        self.machine_code.get()?.as_ref().ok()
    }

    /// Waits for the machine code.
    pub(super) fn wait(&self) -> Result<(), &Error> {
        self.machine_code.wait().as_ref().map(|_| ())
    }

    /// Compiles the machine code, and publishes it.
    fn compile(&self, module: &Module, mut wanted: impl FnMut() -> bool) {
        let mut observer = |_| if wanted() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let compiled = Compiled::machine_code(module, &mut observer);
        let compiled = compiled.map(|(code, checkpoints)| Resumable { code, checkpoints });
        let exists = compiled.is_ok();
        // Nobody else sets it.
        let _ = self.machine_code.set(compiled);
        self.compiled.store(exists.into(), Ordering::Release);
    }
}

/// Compiles a program's machine code on a thread of its own, or on this one if the system refuses a thread. The thread gives up when it
/// is the last that uses the program.
pub(super) fn compile_beside(program: &Arc<Executable<Code>>) {
    let shared = program.clone();
    let compile = move || {
        if let Code::Auto(auto) = &shared.code {
            auto.compile(&shared.module, || Arc::strong_count(&shared) > 1);
        }
    };
    if std::thread::Builder::new().name("uops compiler".to_owned()).spawn(compile).is_err()
        && let Code::Auto(auto) = &program.code
    {
        auto.compile(&program.module, || true);
    }
}

impl MachineCode for Resumable {
    fn function(&self, index: usize) -> Addresses {
        self.code.function(index)
    }

    fn begin(&self, site: u32) -> Option<*const c_void> {
        let index = self.checkpoints.binary_search_by_key(&site, |&(site, _)| site).ok()?;
        Some(self.code.address(self.checkpoints[index].1))
    }

    fn size(&self) -> u64 {
        (self.code.size() + size_of_val(&*self.checkpoints)) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::module::progress::nobody;
    use crate::program::{Program, Tier};
    use crate::{FuncType, Instance, Linker, Store, StoreLimits, Trap, Value};

    /// A program without the thread that compiles it, or none if there is no interpreter.
    fn interpreted(text: &str) -> Option<Arc<Executable<Code>>> {
        let module = Module::from_text(text.as_bytes()).unwrap();
        match Code::new(&module, Tier::Auto, &mut nobody) {
            Ok(code) => {
                let size = (module.wasm.len() + code.size()) as u64;
                Some(Arc::new(Executable { entry: code.entry(), size, module, code }))
            }
            Err(Error::NoInterpreter) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn compile(program: &Executable<Code>) {
        let Code::Auto(auto) = &program.code else { panic!("it is of the tier auto") };
        auto.compile(&program.module, || true);
        auto.wait().unwrap();
    }

    /// Runs `run` of a module that calls `env.tick`, whose machine code is there from a call of `tick` on. Returns the results or the error,
    /// and the number of calls.
    fn run(program: Program, code: Option<(u32, Arc<Executable<Code>>)>) -> (Result<Vec<Value>, String>, u32) {
        let (store, mut linker, ticks) = (Store::new().unwrap(), Linker::new(), Rc::new(Cell::new(0)));
        let counted = ticks.clone();
        linker.func_new("env", "tick", FuncType::new([], []), move |_, _| {
            if let Some((_, program)) = code.as_ref().filter(|(at, _)| *at == counted.get()) {
                compile(program);
            }
            counted.set(counted.get() + 1);
            Ok(vec![])
        });
        let instance = Instance::new(&store, &program, &linker).unwrap();
        let result = instance.call(&store, "run", &[]).map_err(|error| format!("{error}\n{:?}", error.backtrace()));
        (result, ticks.get())
    }

    /// Checks that it makes no difference when a program changes to machine code.
    fn at_any_time(text: &str) {
        let expected = run(Program::new(text.as_bytes()).unwrap(), None);
        assert!(expected.1 > 2, "{expected:?}");
        for at in 0..=expected.1 {
            let Some(program) = interpreted(text) else { return };
            assert_eq!(run(Program(program.clone()), Some((at, program))), expected, "{text}: code from tick {at} on");
        }
    }

    #[test]
    fn loops_continue_in_machine_code() {
        at_any_time(
            r#"(module (import "env" "tick" (func $tick)) (memory 1)
                (func (export "run") (result i64 f64) (local $i i32) (local $j i32) (local $sum i64) (local $f f64) (local $v v128)
                    (loop $outer (call $tick)
                        (local.set $j (i32.const 0))
                        (local.set $v (i32x4.splat (local.get $i)))
                        (loop $inner (call $tick)
                            (i64.store offset=8 (i32.const 0) (local.get $sum))
                            (local.set $sum (i64.add (i64.load offset=8 (i32.const 0))
                                (i64.extend_i32_u (i32x4.extract_lane 3 (local.get $v)))))
                            (local.set $f (f64.add (local.get $f) (f64.const 0.25)))
                            (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 3))))
                        (br_if $outer (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
                    (local.get $sum) (local.get $f)))"#,
        );
    }

    #[test]
    fn loops_with_parameters_and_values_below_them() {
        at_any_time(
            r#"(module (import "env" "tick" (func $tick)) (global $n (mut i32) (i32.const 0))
                (func $next (param i64 i64) (result i64 i64) (local.get 1) (i64.add (local.get 0) (local.get 1)))
                (func $more (result i32)
                    (global.set $n (i32.add (global.get $n) (i32.const 1))) (i32.lt_u (global.get $n) (i32.const 9)))
                (func (export "run") (result i32 i64 i64)
                    (i32.const 17) (i64.const 1) (i64.const 1)
                    (loop $fib (param i64 i64) (result i64 i64) (call $tick) (call $next) (br_if $fib (call $more)))))"#,
        );
    }

    #[test]
    fn recursion_without_loops() {
        at_any_time(
            r#"(module (import "env" "tick" (func $tick)) (table funcref (elem $odd $even))
                (type $t (func (param i32) (result i32)))
                (func $even (type $t) (call $tick)
                    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
                        (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
                (func $odd (type $t) (call $tick)
                    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
                        (else (call $even (i32.sub (local.get 0) (i32.const 1))))))
                (func $tail (type $t) (call $tick)
                    (if (i32.eqz (local.get 0)) (then (return (i32.const 5))))
                    (return_call $tail (i32.sub (local.get 0) (i32.const 1))))
                (func (export "run") (result i32 i32 i32)
                    (call $even (i32.const 6)) (call $odd (i32.const 4)) (call $tail (i32.const 4))))"#,
        );
    }

    #[test]
    fn traps_have_the_same_backtrace() {
        at_any_time(
            r#"(module (import "env" "tick" (func $tick))
                (func $f (param i32) (result i32) (local $n i32)
                    (block $done (loop $again (call $tick)
                        (br_table $again $done (i32.ge_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 3)))))
                    (if (result i32) (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))
                        (else (i32.div_u (i32.const 1) (local.get 0)))))
                (func (export "run") (drop (call $f (i32.const 2)))))"#,
        );
    }

    #[test]
    fn instances_in_several_threads_share_streams_and_code() {
        let text = r#"(module (func $add (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
            (func (export "run") (result i32) (local i32)
                (loop (br_if 0 (i32.lt_u (local.tee 0 (call $add (local.get 0))) (i32.const 200000))))
                (local.get 0)))"#;
        let Some(executable) = interpreted(text) else { return };
        let program = Program(executable.clone());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let store = Store::new().unwrap();
                    let linker = Linker::new();
                    let instances = [0; 2].map(|_| Instance::new(&store, &program, &linker).unwrap());
                    for instance in [instances, instances].concat() {
                        assert_eq!(instance.call(&store, "run", &[]).unwrap(), [Value::I32(200_000)]);
                    }
                });
            }
            scope.spawn(|| compile(&executable));
        });
    }

    #[test]
    fn a_thread_whose_program_nobody_uses_gives_up() {
        let Some(program) = interpreted("(module (func) (func))") else { return };
        let Code::Auto(auto) = &program.code else { panic!("it is of the tier auto") };
        auto.compile(&program.module, || false);
        assert!(matches!(auto.wait(), Err(Error::Cancelled)));
        let (store, linker) = (Store::new().unwrap(), Linker::new());
        Instance::new(&store, &Program(program), &linker).unwrap();
    }

    #[test]
    fn the_budget_includes_what_has_been_called_and_the_machine_code() {
        let text = format!(
            r#"(module (func $f (result i32) (i32.const 3)) (func (export "run") (result i32) {} (call $f)))"#,
            "(drop (call $f))".repeat(2000)
        );
        let used = |store: &Store, text: &str, compiled: bool| {
            let program = interpreted(text)?;
            let instance = Instance::new(store, &Program(program.clone()), &Linker::new()).unwrap();
            let before = store.bytes_used();
            if compiled {
                compile(&program);
            }
            let result = instance.call(store, "run", &[]).map_err(|error| error.to_string());
            Some((result, store.bytes_used() - before))
        };
        let store = Store::new().unwrap();
        let Some((result, streams)) = used(&store, &text, false) else { return };
        assert_eq!(result, Ok(vec![Value::I32(3)]));
        let (result, all) = used(&Store::new().unwrap(), &text, true).unwrap();
        assert_eq!(result, Ok(vec![Value::I32(3)]));
        assert!(streams > 2000 * 8 && all > streams + 2000, "{streams} {all}");
        let limited = |bytes| Store::with_limits(StoreLimits { bytes, ..StoreLimits::default() }).unwrap();
        let base = Store::new().unwrap();
        Instance::new(&base, &Program(interpreted(&text).unwrap()), &Linker::new()).unwrap();
        // Enough for the streams: the program stays in the interpreter.
        let (result, bytes) = used(&limited(base.bytes_used() + streams), &text, true).unwrap();
        assert_eq!((result, bytes), (Ok(vec![Value::I32(3)]), streams));
        let (result, _) = used(&limited(base.bytes_used() + streams - 1), &text, true).unwrap();
        assert!(result.as_ref().is_err_and(|error| error.contains("bytes")), "{result:?}");
    }

    #[test]
    fn an_interruption_ends_the_translation_of_a_function() {
        let Some(program) = interpreted(r#"(module (func (export "run")))"#) else { return };
        let store = Store::new().unwrap();
        let instance = Instance::new(&store, &Program(program.clone()), &Linker::new()).unwrap();
        let Code::Auto(auto) = &program.code else { panic!("it is of the tier auto") };
        let result = auto.stream(&program.module, 0, &mut |_| Err(Trap::Interrupted.into()));
        assert_eq!(result.unwrap_err().trap(), Some(Trap::Interrupted));
        assert_eq!(instance.call(&store, "run", &[]).unwrap(), []);
        assert!(auto.stream_size(0) > 0);
    }
}
