//! The recording of backtraces.
//!
//! A function that traps records its location, and so does each of its callers while the stack unwinds. Only runs that
//! fail pay for this. See the uop `unwind`.

use std::cell::RefCell;
use std::mem::take;

use crate::module::Module;
use crate::module::backtrace::{Backtrace, Frame};
use crate::runtime::instance::InstanceData;
use crate::runtime::store::Inner;
use crate::runtime::vm::Vm;

/// The locations that a failing run has recorded so far.
#[derive(Debug, Default)]
pub(crate) struct Trail(RefCell<Backtrace>);

impl Trail {
    /// Takes the backtrace, after the run has ended.
    pub(crate) fn take(&self) -> Backtrace {
        take(&mut self.0.borrow_mut())
    }

    /// Records the function that contains `site`, an offset in the body of one of the module's functions.
    pub(crate) fn record(&self, module: &Module, site: u32) {
        self.0.borrow_mut().push(|| Frame::new(module, site));
    }
}

/// Records the location of a function that ends with a trap. Compiled code calls it.
///
/// # Safety
/// `vm` is an instance's, of a store with a call in progress; `site` is an offset in the body of one of its functions.
pub(crate) unsafe extern "C" fn note(vm: *mut Vm, site: u32) {
    // SAFETY: both were set when the instance was made, and live as long as the store, which the call in progress borrows.
    let (store, instance) = unsafe { (&*(*vm).store.cast::<Inner>(), &*(*vm).instance.cast::<InstanceData>()) };
    store.trail.record(&instance.program.module, site);
}
