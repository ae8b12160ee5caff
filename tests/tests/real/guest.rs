//! A program with WASI, and access to its memory.

use std::path::Path;

use uops::wasi::{Capture, Exit, Wasi};
use uops::{Instance, Linker, Memory, Program, Store, Value};

/// An instance of a program.
pub struct Guest {
    store: Store,
    instance: Instance,
    memory: Memory,
    output: Capture,
    errors: Capture,
}

/// The output of a program and how it ended.
#[derive(Debug, PartialEq)]
pub struct Ended {
    pub code: u32,
    pub output: String,
    pub errors: String,
}

/// Reads a fetched program.
pub fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("real/modules").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run tests/real/fetch", path.display()))
}

impl Guest {
    /// Instantiates a fetched program with these arguments, directories, and imports besides WASI.
    pub fn new(name: &str, wasi: Wasi, define: impl FnOnce(&Program, &mut Linker)) -> Self {
        let program = Program::new(&read(name)).unwrap();
        let (output, errors, mut linker) = (Capture::default(), Capture::default(), Linker::new());
        wasi.stdout(output.clone()).stderr(errors.clone()).define(&mut linker).unwrap();
        define(&program, &mut linker);
        let store = Store::new().unwrap();
        let instance = Instance::new(&store, &program, &linker).unwrap();
        let memory = instance.memory(&store, "memory").unwrap();
        Self { store, instance, memory, output, errors }
    }

    /// Runs a command to its end.
    pub fn run(name: &str, args: &[&str], wasi: Wasi) -> Ended {
        let guest = Self::new(name, wasi.arg(name).args(args.iter().copied()), |_, _| ());
        let code = match guest.instance.call(&guest.store, "_start", &[]) {
            Ok(_) => 0,
            Err(error) => Exit::of(&error).unwrap_or_else(|| panic!("{error}\n{}", guest.errors())).0,
        };
        Ended { code, output: guest.output(), errors: guest.errors() }
    }

    /// The standard output so far.
    pub fn output(&self) -> String {
        String::from_utf8(self.output.bytes()).unwrap()
    }

    /// The standard error so far.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.errors.bytes()).into_owned()
    }

    /// Calls a function of 32-bit integers. Returns 0 if it has no result.
    pub fn call(&self, function: &str, args: &[u32]) -> u32 {
        let args: Vec<Value> = args.iter().map(|&arg| arg.into()).collect();
        match self.instance.call(&self.store, function, &args) {
            Ok(results) => match results[..] {
                [Value::I32(result)] => result as u32,
                [] => 0,
                _ => panic!("{results:?}"),
            },
            Err(error) => panic!("{function}: {error}\n{}{}", self.output(), self.errors()),
        }
    }

    /// Reads this many bytes.
    pub fn read(&self, at: u32, len: u32) -> Vec<u8> {
        let mut bytes = vec![0; len as usize];
        self.memory.read(&self.store, at.into(), &mut bytes).unwrap();
        bytes
    }

    /// Reads a 32-bit integer.
    pub fn read_u32(&self, at: u32) -> u32 {
        u32::from_le_bytes(self.read(at, 4).try_into().unwrap())
    }

    /// Reads a string that ends with a zero.
    pub fn read_text(&self, at: u32) -> String {
        let bytes = (at..).map(|at| self.read(at, 1)[0]).take_while(|&byte| byte != 0).collect();
        String::from_utf8(bytes).unwrap()
    }

    /// Writes bytes to memory that a function of the program allocates.
    pub fn put(&self, bytes: &[u8], allocate: impl FnOnce(u32) -> u32) -> u32 {
        let at = allocate(bytes.len() as u32);
        assert_ne!(at, 0, "room for {} bytes", bytes.len());
        self.memory.write(&self.store, at.into(), bytes).unwrap();
        at
    }

    /// Writes a string and a zero to memory from `malloc`.
    pub fn put_text(&self, text: &str) -> u32 {
        self.put(&[text.as_bytes(), &[0]].concat(), |size| self.call("malloc", &[size]))
    }
}

/// A new empty directory for a test. Dropping it removes it.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("uops-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
