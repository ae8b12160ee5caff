//! The tier `auto` at run time: functions get their streams when they are first called, and the tier changes when the machine code
//! exists.
//!
//! Only compiled code of the store's own thread calls this, so that thread alone reads and writes the addresses of functions.

use std::ffi::c_void;
use std::ptr::null;
use std::sync::atomic::AtomicU64;

use crate::module::trap::Trap;
use crate::runtime::executable::MachineCode;
use crate::runtime::instance::InstanceData;
use crate::runtime::store::Inner;
use crate::runtime::vm::{Func, Vm};

/// What [`Vm::compiled`] points to where the tier never changes.
pub(crate) static NEVER: AtomicU64 = AtomicU64::new(0);

/// The store and the instance of a `Vm`.
///
/// # Safety
/// `vm` is an instance's, of a store with a call in progress, which outlives the references.
unsafe fn owners<'s>(vm: *mut Vm) -> (&'s Inner, &'s InstanceData) {
    // SAFETY: both were set when the instance was made, and live as long as the store.
    unsafe { (&*(*vm).store.cast::<Inner>(), &*(*vm).instance.cast::<InstanceData>()) }
}

/// Prepares a function for the interpreter: sets [`Func::stream`]. Returns a trap's code or 0. A trap is recorded for the backtrace.
///
/// # Safety
/// Compiled code calls it: `function` is one of the functions that an instance defines, of a store with a call in progress.
pub(crate) unsafe extern "C" fn prepare(function: *mut c_void) -> u64 {
    let function = function.cast::<Func>();
    // SAFETY: the caller's promise.
    let (store, instance) = unsafe { owners((*function).vm) };
    let (program, first) = (&instance.program, instance.arrays.own.as_ptr().addr());
    let index = (function.addr() - first) / size_of::<Func>();
    let mut step = |_| Ok(store.interrupt().check()?);
    let prepared = program.code.stream(&program.module, index, &mut step).and_then(|(stream, size)| {
        store.budget.take(size)?;
        Ok(stream)
    });
    match prepared {
        Ok(stream) => {
            // SAFETY: the function is in a cell, no reference to it exists, and no other thread accesses it.
            unsafe { (*function).stream = stream };
            0
        }
        Err(error) => {
            store.trail.record(&program.module, program.module.bodies[index].start as u32);
            match error.trap() {
                Some(trap) => trap.code(),
                None => {
                    store.failure.set(Some(error));
                    Trap::Host.code()
                }
            }
        }
    }
}

/// Changes an instance from the interpreter to machine code: sets the addresses of all its functions. Returns the address at which the
/// interrupted function continues, which begins or is at the start of a loop at the offset `site` in the module. If the instance stays
/// in the interpreter, returns null, and nobody asks again.
///
/// # Safety
/// Compiled code calls it: `vm` is an instance's, of a store with a call in progress.
pub(crate) unsafe extern "C" fn change_tier(vm: *mut Vm, site: u32) -> *const c_void {
    // SAFETY: the caller's promise.
    let (store, instance) = unsafe { owners(vm) };
    let program = &instance.program;
    let continued = program.code.machine_code().and_then(|code| {
        let address = code.begin(site)?;
        store.count_code(program, code.size()).ok()?;
        if !instance.compiled.replace(true) {
            change_functions(instance, code);
        }
        Some(address)
    });
    continued.unwrap_or_else(|| {
        // SAFETY: no reference to the `Vm` exists.
        unsafe { (*vm).compiled = NEVER.as_ptr() };
        null()
    })
}

fn change_functions(instance: &InstanceData, code: &dyn MachineCode) {
    for (index, function) in instance.arrays.own.iter().enumerate() {
        let at = code.function(index);
        // SAFETY: no reference to what is in the cell exists, and no other thread accesses it.
        unsafe {
            (*function.get()).code = at.code;
            (*function.get()).stream = at.stream;
        }
    }
}
