//! Random C bodies as stencils and as C functions whose operands are variables, by the same compiler.
//!
//! [`generate`] makes a body of a seed and [`input`] makes inputs of it. [`source`] writes many bodies into one program,
//! [`batch`] builds and runs that, and [`harness`] is what the program does: it compares registers and memory. The program
//! is a process of its own, since wrong code may end it.

pub mod batch;
pub mod generate;
pub mod harness;
pub mod input;
mod source;

use std::ops::AddAssign;
use std::path::{Path, PathBuf};

pub use batch::Batch;
pub use generate::{Body, Part};

/// A body that does not do as a stencil what it does as a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The body's seed.
    pub seed: u64,
    /// Its operands and its text.
    pub body: String,
    /// The first difference, with its input; or the signal that ended the program.
    pub what: String,
    /// How many inputs gave a difference.
    pub cases: u64,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bodies that were compiled.
    pub bodies: u64,
    /// Bodies that `stencil!` refused, by their seeds, and its messages.
    pub refused: Vec<(u64, String)>,
    /// Inputs that were compared.
    pub cases: u64,
    /// Inputs that were not, because the runtime refused an operand.
    pub out_of_range: u64,
    /// Bodies that differ.
    pub differences: Vec<Difference>,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.bodies += other.bodies;
        self.refused.extend(other.refused);
        self.cases += other.cases;
        self.out_of_range += other.out_of_range;
        self.differences.extend(other.differences);
    }
}

/// How bodies are compared.
#[derive(Clone, Debug)]
pub struct Options {
    /// Inputs of each body.
    pub inputs: usize,
    /// The C compiler.
    pub compiler: String,
    /// Where programs are built. The folder is made if it is not there.
    pub folder: PathBuf,
}

impl Options {
    /// Twenty inputs, the compiler that `STENCIL_CC` names or else the first one that `stencil!` looks for, and a folder
    /// beside the other build artifacts.
    #[must_use]
    pub fn new() -> Self {
        let compiler = std::env::var("STENCIL_CC").unwrap_or_else(|_| {
            let usable = |name: &&str| std::process::Command::new(name).arg("--version").output().is_ok();
            ["clang-19", "clang", "gcc"].into_iter().find(usable).unwrap_or("cc").into()
        });
        Self { inputs: 20, compiler, folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bodies") }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
