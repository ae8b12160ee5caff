//! Functions, and the call from Rust into compiled code.

use std::arch::x86_64::_mm_setzero_si128;
use std::rc::Rc;

use crate::error::Error;
use crate::host::HostData;
use crate::instance::InstanceData;
use crate::slots;
use crate::store::{Handle, Store};
use crate::trap::Trap;
use crate::types::FuncType;
use crate::value::Value;
use crate::vm;

/// A function of a store: an instance's, or a host function that an instance imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Func(pub(crate) Handle<vm::Func>);

impl Func {
    /// Its type.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn ty(self, store: &Store) -> Result<FuncType, Error> {
        Ok(FuncType::clone(&*store.type_of(self.0.get(store)?.ty)))
    }

    /// Calls it.
    ///
    /// # Errors
    /// [`Error::WrongArguments`], [`Error::Trap`], [`Error::Host`], [`Error::OtherStore`].
    pub fn call(self, store: &Store, args: &[Value]) -> Result<Vec<Value>, Error> {
        let function = self.0.get(store)?;
        let ty = store.type_of(function.ty);
        check(&ty, args)?;
        let frames = &store.0.frames;
        let fp = frames.enter(slots::count(&ty.params).max(slots::count(&ty.results)))?;
        // SAFETY: the function is of this store, and `enter` has made room for the arguments and the results.
        let result = unsafe { enter(store, function, &ty, fp, args) };
        frames.leave();
        result
    }
}

/// That there are as many arguments as parameters, and of the same types.
fn check(ty: &Rc<FuncType>, args: &[Value]) -> Result<(), Error> {
    if ty.params.iter().copied().eq(args.iter().map(|arg| arg.ty())) {
        return Ok(());
    }
    Err(Error::WrongArguments { ty: Box::new(FuncType::clone(ty)), given: args.iter().map(|arg| arg.ty()).collect() })
}

/// Runs a function.
///
/// # Safety
/// The function is of the store; its type is `ty`, of which `args` are; `fp` points to slots of the store's frames that
/// no function that is running uses, enough for the arguments and for the results.
unsafe fn enter(
    store: &Store,
    function: &vm::Func,
    ty: &FuncType,
    fp: *mut u64,
    args: &[Value],
) -> Result<Vec<Value>, Error> {
    let vm = function.vm;
    // SAFETY: the `Vm` of a function lives as long as its store. `host` points to the `HostData` of a host function, or
    // is null, and does not change.
    if let Some(host) = unsafe { (*vm).host.cast::<HostData>().as_ref() } {
        return host.call(store, args);
    }
    // SAFETY: a `Vm` that is not a host function's is an instance's, which lives as long as the store.
    let instance = unsafe { &*(*vm).instance.cast::<InstanceData>() };
    // SAFETY: there is room for the arguments.
    unsafe { slots::write(store, fp, args)? };
    // SAFETY: nothing but the entry reads `start`, at once, and no reference to the `Vm` exists. The entry and the code
    // are those of one module, of which this is an instance, and which was validated. Its arguments are in the frame,
    // and its frame and those that it makes end below the limit. What it may reach by way of the `Vm` is of this
    // store and lives; what it and host functions write to is in cells or behind raw pointers. No panic leaves a host
    // function.
    let code = unsafe {
        (*vm).start = function.code;
        let none = _mm_setzero_si128();
        instance.entry()(vm, fp, (*vm).memory, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, none, none)
    };
    match Trap::from_code(code) {
        // SAFETY: compiled code has left the results there. It is valid, and references are all of its store.
        None => Ok(unsafe { slots::read(store, fp, &ty.results) }),
        Some(Trap::Host) => Err(store.0.failure.take().unwrap_or(Error::Trap(Trap::Host))),
        Some(trap) => Err(Error::Trap(trap)),
    }
}
