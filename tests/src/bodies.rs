//! Compares random C bodies as stencils with C functions whose operands are variables, both compiled by the same
//! compiler.
//!
//! [`generate`] derives a body from a seed, and [`input`] derives its inputs. The module `source` writes many bodies into one
//! program, [`batch`] builds and runs it, and [`harness`] is its main function, which compares registers and memory.
//! The program is a separate process, because wrong code may crash it.

pub mod batch;
pub mod generate;
pub mod harness;
pub mod input;
pub mod instructions;
mod source;

use std::ops::AddAssign;
use std::path::{Path, PathBuf};

pub use batch::Batch;
pub use generate::{Body, Part};

/// A body that behaves differently as a stencil and as a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The body's seed.
    pub seed: u64,
    /// Its operands and its source.
    pub body: String,
    /// The first difference with its input, or the signal that ended the program.
    pub what: String,
    /// The number of inputs that produced a difference.
    pub cases: u64,
}

/// The extent and the result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bodies that were compiled.
    pub bodies: u64,
    /// Bodies that `stencil!` refused, by their seeds, with its messages.
    pub refused: Vec<(u64, String)>,
    /// Inputs that were compared.
    pub cases: u64,
    /// Those of them whose stencil was a narrow form.
    pub narrow: u64,
    /// Inputs that were skipped because the runtime refused an operand.
    pub out_of_range: u64,
    /// Bodies that differ.
    pub differences: Vec<Difference>,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.bodies += other.bodies;
        self.refused.extend(other.refused);
        self.cases += other.cases;
        self.narrow += other.narrow;
        self.out_of_range += other.out_of_range;
        self.differences.extend(other.differences);
    }
}

/// The options of a comparison.
#[derive(Clone, Debug)]
pub struct Options {
    /// The number of inputs for each body.
    pub inputs: usize,
    /// The C compiler.
    pub compiler: String,
    /// The folder of the program that is built. It is created if necessary.
    pub folder: PathBuf,
    /// The target directory, in which the program's dependencies are built. Other crates may use it, too.
    pub target: PathBuf,
}

impl Options {
    /// Returns the defaults: twenty inputs, the compiler that `STENCIL_CC` names or else the first one that `stencil!`
    /// looks for, and folders beside the other build artifacts.
    #[must_use]
    pub fn new() -> Self {
        let compiler = std::env::var("STENCIL_CC").unwrap_or_else(|_| {
            let usable = |name: &&str| std::process::Command::new(name).arg("--version").output().is_ok();
            ["clang-19", "clang", "gcc"].into_iter().find(usable).unwrap_or("cc").into()
        });
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bodies");
        Self { inputs: 20, compiler, target: folder.join("target"), folder }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
