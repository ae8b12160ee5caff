//! Backtraces: the functions of modules that were running when one of them trapped.

use std::fmt;

use crate::module::Module;

/// The most functions that a backtrace keeps.
const KEPT: usize = 64;

/// The functions of modules that were running when one of them trapped, the innermost first. Host functions are not
/// among them.
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
    /// Returns the innermost functions, at most 64.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Returns the number of outer functions that were not kept.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Adds a function further out. `frame` is called only if it is kept.
    pub(crate) fn push(&mut self, frame: impl FnOnce() -> Frame) {
        match self.frames.len() {
            KEPT => self.omitted += 1,
            _ => self.frames.push(frame()),
        }
    }

    /// Appends the functions further out.
    pub(crate) fn append(&mut self, outer: Self) {
        outer.frames.into_iter().for_each(|frame| self.push(|| frame));
        self.omitted += outer.omitted;
    }
}

impl Frame {
    /// Returns the function's index in its module. Imported functions count.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Returns the function's name: see [`Module::function_name`].
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the offset of the instruction in the module, in bytes. It is known for calls and for instructions on
    /// many bytes or elements.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }

    /// The function that contains `site`, an offset in the body of one of the module's functions.
    pub(crate) fn new(module: &Module, site: u32) -> Self {
        let at = site as usize;
        let defined = module.bodies.partition_point(|body| body.end <= at);
        let index = (module.imported_functions() + defined) as u32;
        // A body starts with its locals. That offset stands for an unknown instruction of the function.
        let known = module.bodies.get(defined).is_none_or(|body| body.start != at);
        Self { index, name: module.function_name(index).map(str::to_owned), offset: known.then_some(site.into()) }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.index)?;
        if let Some(name) = &self.name {
            // A module must not be able to control the terminal through the names of its functions.
            write!(f, " `{}`", name.escape_debug())?;
        }
        self.offset.map_or(Ok(()), |offset| write!(f, ", at byte {offset:#x}"))
    }
}

impl fmt::Display for Backtrace {
    /// Writes one line per function.
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
