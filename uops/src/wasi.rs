//! WASI preview 1: what command-line programs import from `wasi_snapshot_preview1`.
//!
//! ```
//! use uops::wasi::{Capture, Exit, Wasi};
//! use uops::{Instance, Program, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
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
//! let linker = Wasi::new().arg("hello").stdout(output.clone()).linker()?;
//! let store = Store::new()?;
//! let result = Instance::new(&store, &program, &linker)?.call(&store, "_start", &[]);
//! assert_eq!(result.as_ref().err().and_then(Exit::of), Some(Exit(3)));
//! assert_eq!(output.bytes(), b"hello\n");
//! # Ok(())
//! # }
//! ```
//!
//! A program has what it is given and nothing else: by default no arguments, no environment, no directories, empty
//! standard input, and output that is discarded. Clocks and random numbers are always available. `cap-std` resolves
//! paths; a path that leads out of its directory by `..`, as an absolute path or through a link fails with `EPERM`.
//!
//! Every pointer is checked before a file is touched: a pointer out of bounds fails with `EFAULT`. What a function
//! allocates is bounded, whatever sizes it is given, and so is the number of descriptors. There are no sockets
//! (`ENOTSOCK`) and no signals (`ENOSYS`). Descriptors cannot give up rights, and space for files cannot be allocated in
//! advance (`ENOTSUP`).
//!
//! A command exports `_start`. A reactor exports `_initialize` and functions to call afterwards: see [`initialize`].

// The table of functions is in `functions`. `process`, `descriptor`, `listing`, `path`, `times`, `poll` and `socket`
// implement them; `guest` is the only way to a program's memory.

mod descriptor;
mod errno;
mod file_size;
mod functions;
mod guest;
mod listing;
mod path;
mod poll;
mod process;
mod socket;
mod stdio;
mod table;
mod times;
mod wait;

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

pub use self::stdio::{Capture, Input, Output};
use self::table::{Descriptor, OpenDir, Table};
use crate::embedding::linker::Linker;
use crate::module::error::Error;
use crate::runtime::instance::Instance;
use crate::runtime::store::Store;

/// The name of the module that programs import from.
pub const MODULE: &str = "wasi_snapshot_preview1";

/// The host's side of WASI for one program: arguments, environment, standard streams and directories.
///
/// Instances that are made with the same linker share their descriptors.
#[derive(Debug, Default)]
pub struct Wasi {
    args: Vec<String>,
    environment: Vec<(String, String)>,
    stdin: Input,
    stdout: Output,
    stderr: Output,
    dirs: Vec<GrantedDir>,
    max_descriptors: Option<usize>,
}

/// A directory that a program is granted.
#[derive(Debug)]
struct GrantedDir {
    dir: Dir,
    /// Its name for the program.
    name: String,
    read_only: bool,
}

/// The code with which a program ended itself. It is the source of the [`Error::Host`] that the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u32);

/// The state behind the functions.
struct Context {
    args: Vec<String>,
    environment: Vec<String>,
    table: RefCell<Table>,
}

impl Wasi {
    /// Creates a host side that gives a program nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument. The first one is the program's name.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: Into<String>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets where standard input comes from.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Input>) -> Self {
        self.stdin = input.into();
        self
    }

    /// Sets where standard output goes.
    #[must_use]
    pub fn stdout(mut self, output: impl Into<Output>) -> Self {
        self.stdout = output.into();
        self
    }

    /// Sets where standard error goes.
    #[must_use]
    pub fn stderr(mut self, output: impl Into<Output>) -> Self {
        self.stderr = output.into();
        self
    }

    /// Passes on the standard streams of this process.
    #[must_use]
    pub fn inherit_stdio(self) -> Self {
        self.stdin(Input::Inherited).stdout(Output::Inherited).stderr(Output::InheritedError)
    }

    /// Grants a directory of the host and everything in it, to read and to change. `guest` is its name for the program.
    ///
    /// # Errors
    /// The directory cannot be opened, or `guest` contains a NUL byte.
    pub fn dir(self, host: impl AsRef<Path>, guest: impl Into<String>) -> io::Result<Self> {
        self.grant(host.as_ref(), guest.into(), false)
    }

    /// Grants a directory of the host and everything in it, to read only. `guest` is its name for the program.
    ///
    /// What would change a file or a directory fails with `EROFS`. Reading still sets the time of the last access. A
    /// directory inside it that is also granted by [`Wasi::dir`] can be changed under that other name.
    ///
    /// # Errors
    /// The directory cannot be opened, or `guest` contains a NUL byte.
    pub fn dir_read_only(self, host: impl AsRef<Path>, guest: impl Into<String>) -> io::Result<Self> {
        self.grant(host.as_ref(), guest.into(), true)
    }

    fn grant(mut self, host: &Path, name: String, read_only: bool) -> io::Result<Self> {
        without_nul("name of a directory", &name)?;
        let dir = path::grant(Dir::open_ambient_dir(host, ambient_authority())?);
        self.dirs.push(GrantedDir { dir, name, read_only });
        Ok(self)
    }

    /// Sets the most descriptors that the program may have, standard streams and granted directories included.
    ///
    /// A descriptor takes at most one descriptor of this process. The default is 1024, or half of this process's own limit
    /// (`RLIMIT_NOFILE`) if that is less. Programs that run side by side share that limit: give each a part of it. At its
    /// limit a program gets `EMFILE`.
    #[must_use]
    pub fn max_descriptors(mut self, limit: usize) -> Self {
        self.max_descriptors = Some(limit);
        self
    }

    /// Returns a linker that defines the functions of WASI, and nothing else.
    ///
    /// # Errors
    /// Those of [`Wasi::define`].
    pub fn linker(self) -> io::Result<Linker> {
        let mut linker = Linker::new();
        self.define(&mut linker)?;
        Ok(linker)
    }

    /// Defines the functions of WASI in a linker.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if an argument or a variable contains a NUL byte, which would end it for the
    /// program, or if the name of a variable is empty or contains `=`.
    pub fn define(self, linker: &mut Linker) -> io::Result<()> {
        for arg in &self.args {
            without_nul("argument", arg)?;
        }
        for (name, value) in &self.environment {
            without_nul("name of a variable", name)?;
            without_nul("value of a variable", value)?;
            if name.is_empty() || name.contains('=') {
                return Err(invalid(format!("the name of a variable, {name:?}, is empty or contains `=`")));
            }
        }
        let stdio = [
            Descriptor::Input(RefCell::new(self.stdin)),
            Descriptor::Output(self.stdout),
            Descriptor::Output(self.stderr),
        ];
        let dirs = (self.dirs.into_iter())
            .map(|GrantedDir { dir, name, read_only }| Descriptor::Dir(OpenDir::new(dir, Some(name), read_only)));
        let table = RefCell::new(Table::new(stdio.into_iter().chain(dirs), self.max_descriptors));
        let environment = self.environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        functions::define(linker, &Rc::new(Context { args: self.args, environment, table }));
        Ok(())
    }
}

/// Initializes a reactor: calls the function `_initialize` if the instance exports it.
///
/// Call this once, before any other function of the instance. Of a command, which exports `_start`, it calls nothing.
///
/// ```
/// use uops::{Instance, Linker, Program, Store, Value, wasi};
///
/// # fn main() -> Result<(), uops::Error> {
/// let program = Program::new(
///     br#"(module
///         (global $answer (mut i32) (i32.const 0))
///         (func (export "_initialize") (global.set $answer (i32.const 42)))
///         (func (export "answer") (result i32) (global.get $answer)))"#,
/// )?;
/// let store = Store::new()?;
/// let instance = Instance::new(&store, &program, &Linker::new())?;
/// wasi::initialize(&store, instance)?;
/// assert_eq!(instance.call(&store, "answer", &[])?, [Value::I32(42)]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of the call; [`Error::WrongExport`] or [`Error::WrongType`] if `_initialize` is not a function without parameters
/// and results.
pub fn initialize(store: &Store, instance: Instance) -> Result<(), Error> {
    match instance.func(store, "_initialize") {
        Ok(function) => function.typed::<(), ()>(store)?.call(store, ()),
        Err(Error::UnknownExport { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn without_nul(what: &str, text: &str) -> io::Result<()> {
    if text.contains('\0') { Err(invalid(format!("the {what} {text:?} contains a NUL byte"))) } else { Ok(()) }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

impl Exit {
    /// Returns the exit code if the program ended itself and that is why the call failed.
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
