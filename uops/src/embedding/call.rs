//! Calls from Rust into compiled code.

use std::rc::Rc;

use crate::embedding::typed::{TypedFunc, WasmTypes};
use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::module::types::{FuncType, ValueType};
use crate::runtime::func::Func;
use crate::runtime::host::HostData;
use crate::runtime::instance::InstanceData;
use crate::runtime::slots::{self, Slots};
use crate::runtime::store::Store;
use crate::runtime::value::Value;
use crate::runtime::vm;

impl Func {
    /// Checks the function's type against Rust types. Calls of the result check nothing and allocate nothing.
    ///
    /// ```
    /// use uops::{Linker, Instance, Program, Store};
    ///
    /// # fn main() -> Result<(), uops::Error> {
    /// let text = br#"(module (func (export "div") (param i32 i32) (result i32 i32)
    ///     (i32.div_u (local.get 0) (local.get 1)) (i32.rem_u (local.get 0) (local.get 1))))"#;
    /// let store = Store::new()?;
    /// let instance = Instance::new(&store, &Program::new(text)?, &Linker::new())?;
    /// let div = instance.func(&store, "div")?.typed::<(u32, u32), (u32, u32)>(&store)?;
    /// assert_eq!(div.call(&store, (17, 5))?, (3, 2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongType`], [`Error::OtherStore`].
    pub fn typed<P: WasmTypes, R: WasmTypes>(self, store: &Store) -> Result<TypedFunc<P, R>, Error> {
        TypedFunc::new(store, self)
    }

    /// Calls the function.
    ///
    /// # Errors
    /// [`Error::WrongArguments`], [`Error::Trap`], [`Error::Host`], [`Error::OtherStore`].
    pub fn call(self, store: &Store, args: &[Value]) -> Result<Vec<Value>, Error> {
        let ty = store.type_of(self.0.get(store)?.ty);
        check(&ty, args)?;
        let results = |slots: &Slots<'_>| Ok(slots.read(&ty.results).collect());
        self.enter(store, &ty.params, &ty.results, args.iter().copied(), results)
    }

    /// Calls the function. The caller has checked that the arguments and results have the function's types.
    pub(crate) fn enter<R>(
        self,
        store: &Store,
        params: &[ValueType],
        results: &[ValueType],
        args: impl IntoIterator<Item = Value>,
        read: impl FnOnce(&Slots<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let function = self.0.pointer(store)?;
        store.0.frames.call(slots::count(params).max(slots::count(results)), |first| {
            // SAFETY: the slots have room for the arguments and the results, and no other function uses them.
            let slots = unsafe { Slots::new(store, first) };
            slots.write(args)?;
            // SAFETY: the function is of this store, and the arguments are in the slots.
            unsafe { run(store, function, &slots) }?;
            read(&slots)
        })
    }
}

/// Fails unless the arguments have the types of the parameters.
fn check(ty: &Rc<FuncType>, args: &[Value]) -> Result<(), Error> {
    if ty.params.iter().copied().eq(args.iter().map(|arg| arg.ty())) {
        return Ok(());
    }
    Err(Error::WrongArguments { ty: Box::new(FuncType::clone(ty)), given: args.iter().map(|arg| arg.ty()).collect() })
}

/// Runs a function, and leaves its results in the slots.
///
/// # Safety
/// The function must belong to the store. The slots must be those of the current call, and hold its arguments.
unsafe fn run(store: &Store, function: *const vm::Func, slots: &Slots<'_>) -> Result<(), Error> {
    // SAFETY: the function lives as long as its store.
    let vm = unsafe { (*function).vm };
    // SAFETY: the `Vm` of a function lives as long as its store. `host` points to the `HostData` of a host function, or
    // is null, and does not change.
    if let Some(host) = unsafe { (*vm).host.cast::<HostData>().as_ref() } {
        return host.call(store, slots);
    }
    // SAFETY: a `Vm` without `host` belongs to an instance, which lives as long as the store.
    let instance = unsafe { &*(*vm).instance.cast::<InstanceData>() };
    // SAFETY: no reference to the `Vm` or the function exists. The entry and the function belong to the same validated module, of which this is an
    // instance. The arguments are in the frame. This frame and those of all callees end below the limit. The code and host
    // functions write only to cells and through raw pointers. No panic leaves a host function.
    let code = unsafe { instance.program.entry.call(function, slots.first()) };
    let trap = match Trap::from_code(code) {
        None => return Ok(()),
        // An interrupted store has no room for frames.
        Some(Trap::StackExhausted) if store.is_interrupted() => Trap::Interrupted,
        Some(trap) => trap,
    };
    let error = if trap == Trap::Host { store.0.failure.take() } else { None };
    Err(error.unwrap_or_else(|| trap.into()).called_from(store.0.trail.take()))
}
