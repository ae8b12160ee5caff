//! Host functions: Rust closures that modules import.
//!
//! Compiled code calls a host function like any other function. It has its own [`Vm`], and its code is a stencil that calls
//! [`call_host`]. That finds the closure, converts slots to values, calls the closure, and converts the results back. If the
//! closure fails or panics, the store keeps the error until the call from Rust that led to it reports it.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::module::backtrace::Backtrace;
use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::module::types::{FuncType, Tuple};
use crate::runtime::instance::{Instance, InstanceData};
use crate::runtime::slots::{self, Slots};
use crate::runtime::store::{Handle, Inner, Store};
use crate::runtime::value::Value;
use crate::runtime::vm::{self, Addresses, Vm};

/// The error of a host function. `?` and `into` convert any error and any string to it.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// A host function.
///
/// It reads its arguments from the slots and writes its results there, all of them and of its type.
pub(crate) type HostFn = dyn Fn(&Caller<'_>, &Slots<'_>) -> Result<(), HostError>;

/// The caller of a host function.
#[derive(Debug)]
pub struct Caller<'a> {
    store: &'a Store,
    instance: Instance,
}

impl<'a> Caller<'a> {
    /// Returns the store. Its functions may be called, even the one that is running.
    #[must_use]
    pub fn store(&self) -> &'a Store {
        self.store
    }

    /// Returns the instance that imported the function. It may still be in instantiation, if its start function calls.
    #[must_use]
    pub fn instance(&self) -> Instance {
        self.instance
    }
}

/// A host function as one instance has imported it.
pub(crate) struct HostData {
    /// What functions of modules call.
    func: vm::Func,
    /// The instance that imported it.
    instance: Handle<InstanceData>,
    /// The index of the import.
    import: usize,
    ty: Rc<FuncType>,
    function: Rc<HostFn>,
}

/// A host function to import: the index of the import, its type and its closure.
pub(crate) type HostImport<'i> = (usize, &'i Rc<FuncType>, &'i Rc<HostFn>);

/// All host functions that an instance imports.
pub(crate) struct Hosts {
    data: Vec<HostData>,
    /// A `Vm` for each of them, which points to it.
    _vms: Vec<UnsafeCell<Vm>>,
}

impl Hosts {
    /// Makes host functions for an instance that imports them. `at` are the addresses of
    /// each of them.
    pub(crate) fn new(
        store: &Store,
        instance: Handle<InstanceData>,
        imports: &[HostImport<'_>],
        at: Addresses,
    ) -> Result<Self, Error> {
        let vms = store.0.collect("host function", imports.iter().map(|_| Ok(UnsafeCell::new(Vm::new(store)))))?;
        let data = store.0.collect(
            "host function",
            imports.iter().zip(&vms).map(|(&(import, ty, function), vm)| {
                let func = vm::Func::new(at, vm.get(), store.type_number(ty)?);
                Ok(HostData { func, instance, import, ty: ty.clone(), function: function.clone() })
            }),
        )?;
        for (host, vm) in data.iter().zip(&vms) {
            // SAFETY: no reference to the `Vm` exists. It and the data stay where they are: neither vector changes.
            unsafe { (*vm.get()).host = std::ptr::from_ref(host).cast_mut().cast() };
        }
        Ok(Self { data, _vms: vms })
    }

    /// What compiled code calls, in the order of the imports. It stays where it is as long as this lives.
    pub(crate) fn functions(&self) -> impl Iterator<Item = *const vm::Func> {
        self.data.iter().map(|host| &raw const host.func)
    }
}

impl HostData {
    /// The names by which the instance imports it, for messages.
    fn name(&self, store: &Store) -> String {
        let instance = self.instance.get(store).ok();
        let import = instance.and_then(|instance| instance.program.module.imports.get(self.import));
        import.map(|import| format!("`{}.{}`", import.module, import.field)).unwrap_or_default()
    }

    /// Calls the closure.
    pub(crate) fn call(&self, store: &Store, slots: &Slots<'_>) -> Result<(), Error> {
        let caller = Caller { store, instance: Instance(self.instance) };
        // A panic leaves the store consistent: it consists of cells that hold whole values.
        let result = catch_unwind(AssertUnwindSafe(|| (self.function)(&caller, slots))).unwrap_or_else(|payload| {
            let error = format!("it panicked: {}", message(&*payload));
            // The payload may panic when it is dropped, and that panic's payload likewise: it is leaked.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(std::mem::forget);
            Err(error.into())
        });
        let fail = |source| Error::Host { function: self.name(store), source, backtrace: Backtrace::default() };
        // A trap of a call that the closure made is passed on unchanged.
        result.map_err(|source| match source.downcast::<Error>() {
            Ok(error) if error.trap().is_some() => *error,
            Ok(error) => fail(error),
            Err(source) => fail(source),
        })
    }
}

/// Makes a host function of this type out of a closure on values.
pub(crate) fn of_values<F>(ty: FuncType, function: F) -> Box<HostFn>
where
    F: Fn(&Caller<'_>, &[Value]) -> Result<Vec<Value>, HostError> + 'static,
{
    Box::new(move |caller, slots| {
        let args: Vec<Value> = slots.read(&ty.params).collect();
        let results = function(caller, &args)?;
        let found = results.iter().map(|value| value.ty());
        if !found.clone().eq(ty.results.iter().copied()) {
            return Err(format!("its type is {ty}, but it returned {}", Tuple(found)).into());
        }
        Ok(slots.write(results)?)
    })
}

/// The message of a panic.
fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    (payload.downcast_ref::<&str>().copied())
        .or_else(|| payload.downcast_ref::<String>().map(|message| &**message))
        .unwrap_or("(without a message)")
}

/// Calls a host function: the code of each of them is a call of this. Arguments are in the first slots of the frame, and
/// results go there. Returns a trap's code or 0.
///
/// # Safety
/// Compiled code calls it: `vm` is a host function's, of a store with a call in progress, and the frame at `fp` has its
/// arguments, room for its results, and nothing above it that is needed.
pub(crate) unsafe extern "C" fn call_host(vm: *mut Vm, fp: *mut u64) -> u64 {
    // SAFETY: `vm` is a host function's, so `host` was set when it was made, and lives as long as the store, which is
    // borrowed by the call in progress.
    let host = unsafe { &*(*vm).host.cast::<HostData>() };
    // SAFETY: the store lives. Incrementing the count makes this owner one more, which may be dropped.
    let store = unsafe {
        let store = (*vm).store.cast::<Inner>();
        Rc::increment_strong_count(store);
        Store(Rc::from_raw(store))
    };
    let room = slots::count(&host.ty.params).max(slots::count(&host.ty.results));
    let top = store.0.frames.set_top(fp.wrapping_add(room));
    // SAFETY: compiled code has put arguments there of the types of the function that it calls, and left room for the
    // results. It is valid, and references are all of its store. Calls that the host function makes begin above.
    let result = host.call(&store, &unsafe { Slots::new(&store, fp) });
    store.0.frames.set_top(top);
    match result {
        // A host function that was interrupted may not have noticed. The error of one that failed matters more.
        Ok(()) => store.0.interrupt().check().map_or_else(Trap::code, |()| 0),
        Err(error) => {
            store.0.failure.set(Some(error));
            Trap::Host.code()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::types::ValueType;
    use crate::{Linker, Program};

    /// Calls a host function as compiled code does, and returns the trap's code and the first slot.
    fn call(store: &Store, linker: &Linker, argument: u64) -> (u64, u64) {
        let program =
            Program::new(br#"(module (import "env" "f" (func (param i32) (result i32))) (export "f" (func 0)))"#);
        let instance = Instance::new(store, &program.unwrap(), linker).unwrap();
        let function = instance.func(store, "f").unwrap().0.get(store).unwrap();
        let fp = store.0.frames.enter(1).unwrap();
        // SAFETY: there is room for one slot, and the function is a host function of the store.
        let result = unsafe {
            *fp = argument;
            (call_host(function.vm, fp), *fp)
        };
        store.0.frames.leave(false);
        result
    }

    #[test]
    fn slots_become_values_and_values_slots() {
        let (store, mut linker) = (Store::new().unwrap(), Linker::new());
        let ty = FuncType::new([ValueType::I32], [ValueType::I32]);
        linker.func_new("env", "f", ty, |caller, args| match args {
            // Above the frame of this call.
            [Value::I32(7)] => Ok(caller.instance().call(caller.store(), "f", &[Value::I32(-3)])?),
            [Value::I32(n @ ..0)] => Ok(vec![Value::I32(n - 1)]),
            _ => Err("not negative".into()),
        });
        assert_eq!(call(&store, &linker, 0xdead_beef_ffff_ffff), (0, 0xffff_fffe));
        assert_eq!(call(&store, &linker, 7), (0, 0xffff_fffc));
        assert_eq!(call(&store, &linker, 5).0, Trap::Host.code());
        let failure = store.0.failure.take().unwrap();
        assert_eq!(failure.to_string(), "host function `env.f`: not negative");
        assert_eq!(Rc::strong_count(&store.0), 1);
    }
}
