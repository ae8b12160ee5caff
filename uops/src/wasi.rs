//! WASI preview 1: what command-line programs import from `wasi_snapshot_preview1`.
//!
//! ```
//! use uops::wasi::{Capture, Exit, Wasi};
//! use uops::{Instance, Program, Store};
//!
//! # fn main() -> Result<(), uops::Error> {
//! let program = Program::new(
//!     br#"(module
//!         (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
//!         (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
//!         (memory (export "memory") 1)
//!         (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
//!         (func (export "_start")
//!             (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
//!             (call $exit (i32.const 3))))"#,
//! )?;
//! let output = Capture::default();
//! let linker = Wasi::new().arg("hello").stdout(output.clone()).linker();
//! let store = Store::new()?;
//! let result = Instance::new(&store, &program, &linker)?.call(&store, "_start", &[]);
//! assert_eq!(result.as_ref().err().and_then(Exit::of), Some(Exit(3)));
//! assert_eq!(output.bytes(), b"hello\n");
//! # Ok(())
//! # }
//! ```
//!
//! A program has what it was given and nothing else: by default no arguments, no environment, no directories, no
//! input, and output that goes nowhere. Clocks and random numbers are always there. Paths are followed by `cap-std`,
//! which does not leave a directory by `..`, by an absolute path or by a link: such paths are refused with `EPERM`.
//!
//! Pointers are checked before a file is touched: those out of bounds are refused with `EFAULT`. What functions
//! allocate is bounded, whatever sizes they are given. Sockets, signals, setting rights and allocating files
//! return `ENOSYS`. In `poll_oneoff`, descriptors are always ready.
//!
//! `functions` is the table of all functions; `process`, `descriptor` and `path` implement them; `guest` is the only
//! way to the memory of a program.

mod descriptor;
mod errno;
mod functions;
mod guest;
mod path;
mod process;
mod stdio;
mod table;
mod times;

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

pub use self::stdio::{Capture, Input, Output};
use self::table::{Descriptor, Table};
use crate::embedding::linker::Linker;
use crate::module::error::Error;

/// The name of the module that programs import.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// What a program is given.
///
/// All instances that are made with the same linker share their descriptors.
#[derive(Debug, Default)]
pub struct Wasi {
    args: Vec<String>,
    environment: Vec<String>,
    stdin: Input,
    stdout: Output,
    stderr: Output,
    dirs: Vec<(Dir, String)>,
}

/// A program ended itself with this code: the reason of the [`Error::Host`] that its call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u32);

/// The state behind the functions.
struct Context {
    args: Vec<String>,
    environment: Vec<String>,
    table: RefCell<Table>,
}

impl Wasi {
    /// Nothing, yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more argument. The first one is the program's name.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// One more variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Where its standard input comes from.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Input>) -> Self {
        self.stdin = input.into();
        self
    }

    /// Where its standard output goes.
    #[must_use]
    pub fn stdout(mut self, output: impl Into<Output>) -> Self {
        self.stdout = output.into();
        self
    }

    /// Where its messages go.
    #[must_use]
    pub fn stderr(mut self, output: impl Into<Output>) -> Self {
        self.stderr = output.into();
        self
    }

    /// The standard streams of this process.
    #[must_use]
    pub fn inherit_stdio(self) -> Self {
        self.stdin(Input::Inherited).stdout(Output::Inherited).stderr(Output::InheritedError)
    }

    /// One more directory, with all that is in it, to read and to change, under the name that the program knows it by.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn dir(mut self, host: impl AsRef<Path>, guest: impl Into<String>) -> io::Result<Self> {
        self.dirs.push((Dir::open_ambient_dir(host, ambient_authority())?, guest.into()));
        Ok(self)
    }

    /// A linker that has the functions, and nothing else.
    #[must_use]
    pub fn linker(self) -> Linker {
        let mut linker = Linker::new();
        self.define(&mut linker);
        linker
    }

    /// Adds the functions to a linker.
    pub fn define(self, linker: &mut Linker) {
        let stdio = [
            Descriptor::Input(RefCell::new(self.stdin)),
            Descriptor::Output(self.stdout),
            Descriptor::Output(self.stderr),
        ];
        let dirs = (self.dirs.into_iter()).map(|(dir, name)| Descriptor::dir(dir, Some(name)));
        let table = RefCell::new(stdio.into_iter().chain(dirs).collect());
        let context = Context { args: self.args, environment: self.environment, table };
        functions::define(linker, &Rc::new(context));
    }
}

impl Exit {
    /// The exit of a program that a call ended with, if that is why it ended.
    #[must_use]
    pub fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Host { source, .. } => source.downcast_ref().copied(),
            _ => None,
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the program exited with code {}", self.0)
    }
}

impl std::error::Error for Exit {}
