//! What programs import, the same for every engine: a deterministic subset of WASI preview 1, and the two functions with
//! which Sightglass marks what it measures.
//!
//! A program sees its arguments, a standard input, the files of its own folder (read-only), a clock that advances by a
//! millisecond per reading, and pseudorandom numbers with a fixed seed. So every run does the same work. Its output is
//! collected. Everything else of WASI fails with `ENOSYS`.

mod files;
mod functions;

use std::path::{Path, PathBuf};

use files::File;
pub use functions::{FUNCTIONS, Function};

use crate::Result;
use crate::value::{Type, Value};

/// The memory of the program that calls.
pub trait Memory {
    /// Copies bytes out of the memory.
    ///
    /// # Errors
    /// Not all of them are in bounds.
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<()>;

    /// Copies bytes into the memory.
    ///
    /// # Errors
    /// Not all of them are in bounds.
    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<()>;
}

/// Engines that expose memory as bytes use this.
impl Memory for &mut [u8] {
    fn read(&mut self, address: u32, into: &mut [u8]) -> Result<()> {
        let source = self.get(address as usize..).and_then(|rest| rest.get(..into.len()));
        into.copy_from_slice(source.ok_or("an address is out of bounds")?);
        Ok(())
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<()> {
        let destination = self.get_mut(address as usize..).and_then(|rest| rest.get_mut(..bytes.len()));
        destination.ok_or("an address is out of bounds")?.copy_from_slice(bytes);
        Ok(())
    }
}

/// The state of the host during one run.
#[derive(Debug, Default)]
pub struct Host {
    /// What the program has written.
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The code with which the program has exited.
    pub exit: Option<i32>,
    args: Vec<String>,
    folder: PathBuf,
    stdin: Option<File>,
    files: Vec<Option<File>>,
    milliseconds: u64,
    random: u64,
}

impl Host {
    /// Makes a host for a program with these arguments, after its name, and this standard input, which can read the files
    /// of a folder.
    pub fn new(args: Vec<String>, stdin: Vec<u8>, folder: &Path) -> Self {
        let stdin = Some(File { content: stdin, position: 0 });
        Self { args, folder: folder.to_owned(), stdin, ..Self::default() }
    }
}

impl Function {
    /// Returns the types of the parameters and of the result.
    pub fn ty(&self) -> (Vec<Type>, Option<Type>) {
        let ty = |letter| if letter == b'i' { Type::I32 } else { Type::I64 };
        (self.params.bytes().map(ty).collect(), self.returns.then_some(Type::I32))
    }

    /// Calls the function with arguments of its type.
    ///
    /// # Errors
    /// The program exits ([`Host::exit`]), or passes an address out of bounds. The engine has to end the program.
    pub fn call(&self, host: &mut Host, memory: &mut dyn Memory, args: impl Iterator<Item = Value>) -> Result<Value> {
        let args: Vec<u64> = args.map(Value::bits).collect();
        Ok(Value::I32((self.body)(host, memory, &args)?))
    }
}
