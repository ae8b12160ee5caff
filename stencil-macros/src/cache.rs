//! What compilers made before, for a user: with nothing changed, none is started again.
//!
//! The request of an entry is the C, the flags, and all else that a compiler's work depends on and that can be known
//! without running it: the program's path, size and time of change, and where headers are looked for.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::compiler::{Compiler, Output, Traits, Unit};
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
        if let Some(traits) = store.find(&request).and_then(|entry| traits_from(&entry)) {
            store.touch(&request);
            return Ok(traits);
        }
        let traits = Traits::probe(path)?;
        let (version, messages) = (traits.version.clone(), traits_to(&traits));
        let (block, headers, object) = (String::new(), Vec::new(), Vec::new());
        // Without it the compiler is asked again.
        let _ = store.keep(&Entry { request, version, block, headers, messages, object });
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
            store.touch(&request);
            return Ok(output);
        }
        let started = SystemTime::now();
        let output = compiler.run(unit)?;
        if let Some(entry) = Entry::new(request, compiler, &output, unit)
            && output.headers.iter().all(|path| unchanged_since(started, path))
        {
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

/// Whether a header is still what the compiler has read.
fn unchanged_since(started: SystemTime, path: &Path) -> bool {
    path.metadata().and_then(|data| data.modified()).is_ok_and(|changed| changed < started)
}

fn traits_to(traits: &Traits) -> String {
    format!("{} {}", if traits.clang { "clang" } else { "gcc" }, traits.abi.name())
}

fn traits_from(entry: &Entry) -> Option<Traits> {
    let (family, abi) = entry.messages.split_once(' ')?;
    let abi = Abi::ALL.into_iter().find(|other| other.name() == abi)?;
    Some(Traits { clang: family == "clang", abi, version: entry.version.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    #[test]
    fn the_folder_is_where_the_platform_has_caches() {
        let with = |variables: &[(&str, &str)]| {
            folder(|name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into()))
        };
        assert_eq!(with(&[]), None);
        assert_eq!(with(&[("STENCIL_CACHE", "off"), ("HOME", "/h")]), None);
        assert_eq!(with(&[("STENCIL_CACHE", "there"), ("HOME", "/h")]), Some("there".into()));
        if cfg!(target_os = "linux") {
            assert_eq!(with(&[("STENCIL_CACHE", ""), ("HOME", "/h")]), Some("/h/.cache/stencil".into()));
            assert_eq!(with(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]), Some("/x/stencil".into()));
            assert_eq!(with(&[("XDG_CACHE_HOME", "x"), ("HOME", "/h")]), Some("/h/.cache/stencil".into()));
            assert_eq!(with(&[("HOME", "")]), None);
        }
    }

    #[test]
    fn traits_are_kept_as_they_are() {
        let scratch = Temporary::new().unwrap();
        let cache = Cache(Some(Store::new(scratch.0.clone(), LIMIT)));
        let Some(compiler) = crate::compiler::tests::found() else { return };
        let path = compiler.path();
        let probed = Traits::probe(path).unwrap();
        for _ in 0..2 {
            assert_eq!(cache.traits(path).unwrap(), probed);
        }
        assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 1);
    }

    #[test]
    fn a_program_that_changes_is_another_one() {
        let scratch = Temporary::new().unwrap();
        let program = scratch.0.join("cc");
        assert_eq!(identity(&program), None);
        std::fs::write(&program, "one").unwrap();
        let before = identity(&program).unwrap();
        assert_eq!(identity(&program).unwrap(), before);
        std::fs::write(&program, "three").unwrap();
        assert_ne!(identity(&program).unwrap(), before);
    }
}
