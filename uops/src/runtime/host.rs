//! Host functions: Rust closures that modules import.
//!
//! To compiled code a host function is like any other, with a [`Vm`] of its own; its code is a stencil that calls
//! [`call_host`]. That finds the closure, turns slots into values, calls it, and turns its results into slots again. A
//! closure that fails or panics leaves the reason in the store, and the call that led to it reports it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::module::types::{FuncType, Tuple};
use crate::runtime::backtrace::Backtrace;
use crate::runtime::instance::{Instance, InstanceData};
use crate::runtime::slots::{self, Slots};
use crate::runtime::store::{Handle, Inner, SharedVm, Store};
use crate::runtime::value::Value;
use crate::runtime::vm::{self, Vm};

/// Why a host function failed. Any error and any text can be turned into one, with `?` or `into`.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// A host function.
///
/// The arguments are in the slots; there it puts its results, all of them and of its type.
pub(crate) type HostFn = dyn Fn(&Caller<'_>, &Slots<'_>) -> Result<(), HostError>;

/// What a host function may know of who called it.
#[derive(Debug)]
pub struct Caller<'a> {
    store: &'a Store,
    instance: Instance,
}

impl<'a> Caller<'a> {
    /// The store. Functions in it may be called, even the one that is running.
    #[must_use]
    pub fn store(&self) -> &'a Store {
        self.store
    }

    /// The instance that imported the function. While that is being instantiated, its start function may call.
    #[must_use]
    pub fn instance(&self) -> Instance {
        self.instance
    }
}

/// A host function as one instance has imported it.
pub(crate) struct HostData {
    /// For compiled code, with `vm`.
    func: vm::Func,
    _vm: SharedVm,
    /// The instance that imported it.
    instance: Handle<InstanceData>,
    /// `module.field`.
    name: String,
    ty: Rc<FuncType>,
    function: Rc<HostFn>,
}

impl HostData {
    /// Makes a host function for an instance that imports it, and returns what compiled code calls.
    pub(crate) fn import(
        store: &Store,
        instance: Handle<InstanceData>,
        name: String,
        (ty, function): (&Rc<FuncType>, &Rc<HostFn>),
        thunk: *const std::ffi::c_void,
    ) -> *const vm::Func {
        let shared = SharedVm::new(Vm::new(store).into());
        let vm = shared.get();
        let host = Rc::new(Self {
            func: vm::Func { code: thunk, vm, ty: store.type_number(ty) },
            _vm: shared,
            instance,
            name,
            ty: ty.clone(),
            function: function.clone(),
        });
        let (data, func) = (Rc::as_ptr(&host), &raw const host.func);
        // SAFETY: `host` owns the `Vm`, and no reference to it exists. The store keeps `host` as long as it lives.
        unsafe { (*vm).host = data.cast_mut().cast() };
        store.keep_host(host);
        func
    }

    /// Calls the closure.
    pub(crate) fn call(&self, store: &Store, slots: &Slots<'_>) -> Result<(), Error> {
        let caller = Caller { store, instance: Instance(self.instance) };
        // What a closure breaks by panicking is its own: whatever the store has is in cells that hold whole values.
        let result = catch_unwind(AssertUnwindSafe(|| (self.function)(&caller, slots)))
            .unwrap_or_else(|payload| Err(format!("it panicked: {}", message(&*payload)).into()));
        let fail =
            |source| Error::Host { function: format!("`{}`", self.name), source, backtrace: Backtrace::default() };
        // What ended a call that it made itself passes through as it is.
        result.map_err(|source| match source.downcast::<Error>() {
            Ok(error) if error.trap().is_some() => *error,
            Ok(error) => fail(error),
            Err(source) => fail(source),
        })
    }
}

/// A closure of values as a host function of this type.
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

/// The words with which something panicked.
fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    (payload.downcast_ref::<&str>().copied())
        .or_else(|| payload.downcast_ref::<String>().map(|message| &**message))
        .unwrap_or("(without a message)")
}

/// What the code of every host function calls. Arguments are in the first slots of the frame; results go there. Returns
/// a trap's code or 0.
///
/// # Safety
/// Compiled code calls it: `vm` is a host function's, of a store with a call in progress, and the frame at `fp` has its
/// arguments, room for its results, and nothing above it that is needed.
pub(crate) unsafe extern "C" fn call_host(vm: *mut Vm, fp: *mut u64) -> u64 {
    // SAFETY: `vm` is a host function's, so `host` was set when it was made, and lives as long as the store, which is
    // borrowed by the call in progress.
    let host = unsafe { &*(*vm).host.cast::<HostData>() };
    // SAFETY: the store lives, and by counting one owner more, this one is free to drop it.
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
        Ok(()) => 0,
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
