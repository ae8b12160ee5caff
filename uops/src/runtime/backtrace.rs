//! Backtraces: which functions of modules were running when one of them could not go on.
//!
//! A function that ends with a trap notes where, and so does each call of it on the way out: only runs that fail pay
//! for it. See the uop `unwind`.

use std::cell::RefCell;
use std::fmt;
use std::mem::take;

use crate::module::Module;
use crate::runtime::instance::InstanceData;
use crate::runtime::store::Inner;
use crate::runtime::vm::Vm;

/// Functions that are kept of a backtrace, the innermost ones.
const KEPT: usize = 64;

/// The functions of modules that were running when one could not go on, the innermost first. Host functions are not among
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backtrace {
    frames: Vec<Frame>,
    omitted: usize,
}

/// A function in a backtrace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    index: u32,
    name: Option<String>,
    offset: Option<u64>,
}

impl Backtrace {
    /// The functions, of which the innermost 64 are kept.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// How many functions there were further out that are not kept.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    fn push(&mut self, frame: impl FnOnce() -> Frame) {
        match self.frames.len() {
            KEPT => self.omitted += 1,
            _ => self.frames.push(frame()),
        }
    }

    /// Adds what lies further out.
    pub(crate) fn append(&mut self, outer: Self) {
        outer.frames.into_iter().for_each(|frame| self.push(|| frame));
        self.omitted += outer.omitted;
    }
}

impl Frame {
    /// The function's index in its module, imported functions included.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The name that the module gives it: see [`Module::function_name`].
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where in the module the instruction is, as an offset in bytes, if it is a call or one of those instructions on whose
    /// account it is known.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }

    fn new(module: &Module, site: u32) -> Self {
        let at = site as usize;
        let defined = module.bodies.partition_point(|body| body.end <= at);
        let index = (module.imported_functions() + defined) as u32;
        // At the start there are the locals, and no instruction: the function is all that is known.
        let known = module.bodies.get(defined).is_none_or(|body| body.start != at);
        Self { index, name: module.function_name(index).map(str::to_owned), offset: known.then_some(site.into()) }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.index)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        self.offset.map_or(Ok(()), |offset| write!(f, ", at byte {offset:#x}"))
    }
}

impl fmt::Display for Backtrace {
    /// A line for each function.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, frame) in self.frames.iter().enumerate() {
            writeln!(f, "{depth:4}: {frame}")?;
        }
        match self.omitted {
            0 => Ok(()),
            omitted => writeln!(f, "      and {omitted} more"),
        }
    }
}

/// What a run that fails has noted so far.
#[derive(Debug, Default)]
pub(crate) struct Trail(RefCell<Backtrace>);

impl Trail {
    /// The backtrace, when the run has ended.
    pub(crate) fn take(&self) -> Backtrace {
        take(&mut self.0.borrow_mut())
    }
}

/// Compiled code calls it when a function ends that could not go on.
///
/// # Safety
/// `vm` is an instance's, of a store with a call in progress; `site` is an offset in the body of one of its functions.
pub(crate) unsafe extern "C" fn note(vm: *mut Vm, site: u32) {
    // SAFETY: both were set when the instance was made, and live as long as the store, which the call in progress borrows.
    let (store, instance) = unsafe { (&*(*vm).store.cast::<Inner>(), &*(*vm).instance.cast::<InstanceData>()) };
    store.trail.0.borrow_mut().push(|| Frame::new(instance.program.module(), site));
}
