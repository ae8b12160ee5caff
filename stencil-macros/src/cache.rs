//! What compilers made before, for a user: with nothing changed, none is started again.
//!
//! The request of an entry is the C, the flags, and all else that a compiler's work depends on and that can be known without
//! running it: the programs' paths, sizes and times of change, their environment, and where headers are looked for.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::compiler::environment::Environment;
use crate::compiler::search::{self, Candidate};
use crate::compiler::tool::Tool;
use crate::compiler::{Compiler, Output, TARGET, Traits, Unit};
use crate::entry::Entry;
use crate::hash::Hash;
use crate::inputs::Inputs;
use crate::model::Abi;
use crate::store::Store;
use crate::temporary::Temporary;

/// The environment variable that names the folder of the cache, or is `off`.
const VARIABLE: &str = "STENCIL_CACHE";
/// The bytes that the cache may take.
const LIMIT: u64 = 256 << 20;

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
    /// As of [`search::find`].
    pub fn compiler(&self) -> Result<&'static Compiler, String> {
        search::find(|candidate| self.probed(candidate))
    }

    /// What a candidate is and can do.
    fn probed(&self, candidate: &Candidate) -> Result<Compiler, String> {
        let what = match candidate {
            Candidate::Tool(tool) => tool.to_lines(),
            Candidate::Cc(variables) => Some(format!("cc {variables}")),
        };
        let environment = Environment::of_user().hash();
        let request = what.map(|what| format!("probe {}\n{environment}\n{what}", env!("CARGO_PKG_VERSION")));
        let request = request.map(|request| Hash::of(request.as_bytes()));
        let store = self.0.as_ref().zip(request);
        if let Some(compiler) = store.and_then(|(store, request)| probed_before(&store.find(request)?)) {
            return Ok(compiler);
        }
        let (compiler, object) = match candidate {
            Candidate::Tool(tool) => Compiler::probe(tool)?,
            Candidate::Cc(_) => Compiler::probe(&Tool::of_cc(TARGET, &Temporary::new()?.0)?)?,
        };
        if let Some((store, request)) = store
            && let Some(messages) = to_keep(&compiler)
        {
            let (block, inputs, version) = (String::new(), Inputs::default(), compiler.traits.version.clone());
            // Without it the compiler is asked again.
            let _ = store.keep(&Entry { request, compiler: version, block, inputs, messages, object });
        }
        Ok(compiler)
    }

    /// What the compiler makes of a unit, or made of it before.
    ///
    /// # Errors
    /// As of [`Compiler::run`].
    pub fn compile(&self, compiler: &Compiler, unit: Unit) -> Result<Output, String> {
        let environment = Environment::of_user();
        let Some((store, program)) = self.0.as_ref().zip(compiler.tool.identity()) else {
            return compiler.run(unit, &environment);
        };
        let (current, paths) = (std::env::current_dir().ok(), unit.directories.paths());
        let request = format!("{program}\n{}\n{current:?} {paths:?}\n{}", environment.hash(), unit.request());
        let request = Hash::of(request.as_bytes());
        if let Some(output) = store.find(request).and_then(|entry| Output::of(entry, unit)) {
            return Ok(output);
        }
        let started = SystemTime::now();
        let output = compiler.run(unit, &environment)?;
        if let (Some(object), Ok(inputs)) = (output.object.clone(), output.inputs.clone())
            && output.files.iter().all(|path| unchanged_since(started, path))
        {
            let (block, messages, compiler) = (String::new(), output.messages.clone(), output.compiler.clone());
            // Without it the compiler is run again.
            let _ = store.keep(&Entry { request, compiler, block, inputs, messages, object });
        }
        Ok(output)
    }
}

/// What is kept of a probe, if it can be written in lines: what the compiler is, its programs, and how it is started.
fn to_keep(Compiler { tool, traits }: &Compiler) -> Option<String> {
    let family = if traits.clang { "clang" } else { "gcc" };
    let identity = Hash::of(tool.identity()?.as_bytes());
    Some(format!("{family} {}\n{identity}\n{}", traits.abi.name(), tool.to_lines()?))
}

/// What [`to_keep`] kept, if the programs are what they were.
fn probed_before(entry: &Entry) -> Option<Compiler> {
    let (traits, rest) = entry.messages.split_once('\n')?;
    let (identity, tool) = rest.split_once('\n')?;
    let tool = Tool::from_lines(tool)?;
    let (family, abi) = traits.split_once(' ')?;
    let abi = Abi::ALL.into_iter().find(|other| other.name() == abi)?;
    let traits = Traits { clang: family == "clang", abi, version: entry.compiler.clone() };
    let same = Hash::parse(identity)? == Hash::of(tool.identity()?.as_bytes());
    same.then_some(Compiler { tool, traits })
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

/// Whether a header is still what the compiler has read.
fn unchanged_since(started: SystemTime, path: &Path) -> bool {
    path.metadata().and_then(|data| data.modified()).is_ok_and(|changed| changed < started)
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
    fn a_probe_is_kept_until_the_program_changes() {
        let scratch = Temporary::new().unwrap();
        let cache = Cache(Some(Store::new(scratch.0.clone(), LIMIT)));
        let Some(compiler) = crate::compiler::tests::found() else { return };
        let candidate = Candidate::Tool(compiler.tool.clone());
        for _ in 0..2 {
            assert_eq!(cache.probed(&candidate).unwrap().traits, compiler.traits);
        }
        assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 1);
        let kept = to_keep(compiler).unwrap();
        let entry = |messages: String| Entry { messages, ..crate::entry::tests::entry("one", Vec::new()) };
        assert!(probed_before(&entry(kept.clone())).is_some());
        let (first, rest) = kept.split_once('\n').unwrap();
        let (_, tool) = rest.split_once('\n').unwrap();
        assert!(probed_before(&entry(format!("{first}\n{}\n{tool}", Hash::of(b"other")))).is_none());
    }
}
