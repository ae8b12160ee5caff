//! What compilers made before, for a user: with nothing changed, none is started again.
//!
//! The request of an entry is the C, the flags, and all else that a compiler's work depends on and that can be known
//! without running it: the program's path, size and time of change, and where headers are looked for.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::compiler::{Compiler, Output, Traits, Unit};
use crate::headers::Header;
use crate::model::Abi;
use crate::store::{Entry, Store};

/// The environment variable that names the folder of the cache, or is `off`.
const VARIABLE: &str = "STENCIL_CACHE";
/// The bytes that the cache may take.
const LIMIT: u64 = 256 << 20;
/// Environment variables by which compilers look for headers and for parts of themselves.
const ENVIRONMENT: [&str; 5] = ["CPATH", "C_INCLUDE_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "SOURCE_DATE_EPOCH"];

/// The cache; without a folder it keeps nothing.
pub struct Cache(Option<Store>);

impl Cache {
    /// The cache of the user.
    pub fn of_user() -> Self {
        Self(folder(|name| std::env::var_os(name).map(PathBuf::from)).map(|folder| Store::new(folder, LIMIT)))
    }

    /// The compiler of this process.
    ///
    /// # Errors
    /// As of [`crate::compiler::find`].
    pub fn compiler(&self) -> Result<&'static Compiler, String> {
        crate::compiler::find(|path| self.traits(path))
    }

    /// What the compiler at `path` is and can do.
    fn traits(&self, path: &Path) -> Result<Traits, String> {
        let Some((store, program)) = self.0.as_ref().zip(identity(path)) else { return Traits::probe(path) };
        let request = format!("traits {}\n{program}", env!("CARGO_PKG_VERSION"));
        if let Some(traits) = store.find(&request).and_then(|entry| traits_from(&entry.messages)) {
            return Ok(traits);
        }
        let traits = Traits::probe(path)?;
        let messages = traits_to(&traits);
        // Without it the compiler is asked again.
        let _ = store.keep(&Entry { request, headers: Vec::new(), messages, object: Vec::new() });
        Ok(traits)
    }

    /// What the compiler makes of a unit, or made of it before.
    ///
    /// # Errors
    /// As of [`Compiler::run`].
    pub fn compile(&self, compiler: &Compiler, unit: Unit) -> Result<Output, String> {
        let Some((store, program)) = self.0.as_ref().zip(identity(compiler.path())) else { return compiler.run(unit) };
        let request = format!("{program}{}\n{}", surroundings(unit), unit.request());
        if let Some(output) = store.find(&request).and_then(|entry| Output::of(entry, unit)) {
            return Ok(output);
        }
        let started = SystemTime::now();
        let output = compiler.run(unit)?;
        if let Some(entry) = entry(request, &output, unit, started) {
            // Without it the compiler is run again.
            let _ = store.keep(&entry);
        }
        Ok(output)
    }
}

/// The folder of the cache by an environment, if it is not off and there is a place for it.
fn folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|path| !path.as_os_str().is_empty());
    if let Some(chosen) = set(VARIABLE) {
        return (chosen != Path::new("off")).then_some(chosen);
    }
    let absolute = |name| set(name).filter(|path| path.is_absolute());
    let caches = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join("Library/Caches"))
    } else {
        absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))
    };
    Some(caches?.join("stencil"))
}

/// What tells a program from another one, or from what it was before, in a line.
fn identity(path: &Path) -> Option<String> {
    let file = path.canonicalize().ok()?;
    let data = file.metadata().ok()?;
    let changed = data.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("compiler {path:?} {file:?} {} {}\n", data.len(), changed.as_nanos()))
}

/// What else of this machine a compiler's work depends on.
fn surroundings(unit: Unit) -> String {
    let variables = ENVIRONMENT.map(|name| (name, std::env::var_os(name)));
    format!("{:?} {:?} {variables:?}", std::env::current_dir().ok(), unit.directories.paths())
}

/// What is kept of an output: nothing if it is an error, or if headers may have changed since they were read.
fn entry(request: String, output: &Output, unit: Unit, started: SystemTime) -> Option<Entry> {
    let object = output.object.clone()?;
    let mut headers = Vec::new();
    for path in &output.headers {
        headers.push(Header::read(unit.directories, path)?);
        if path.metadata().ok()?.modified().ok()? >= started {
            return None;
        }
    }
    Some(Entry { request, headers, messages: output.messages.clone(), object })
}

fn traits_to(Traits { clang, abi, version }: &Traits) -> String {
    format!("{}\n{}\n{version}", if *clang { "clang" } else { "gcc" }, abi.name())
}

fn traits_from(text: &str) -> Option<Traits> {
    let mut lines = text.splitn(3, '\n');
    let clang = lines.next()? == "clang";
    let abi = lines.next()?;
    let abi = Abi::ALL.into_iter().find(|other| other.name() == abi)?;
    Some(Traits { clang, abi, version: lines.next()?.into() })
}
