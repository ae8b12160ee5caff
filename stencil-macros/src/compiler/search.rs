//! Selects the C compiler: the one that a variable names, or else the best one on the search path.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::OnceLock;

use super::tool::{Tool, search_path};
use super::{Compiler, TARGET, VARIABLE};
use crate::model::Abi;
use crate::temporary::Temporary;

/// A command that may be a C compiler.
pub enum Candidate {
    Tool(Tool),
    /// The choice of `cc`, given these variables and their values. Determining it takes a process.
    Cc(String),
}

/// Returns the compiler of this process, which is searched for once. `probe` determines a candidate's identity and
/// capabilities.
///
/// # Errors
/// Returns what is wrong with the compiler that a variable names, or with every candidate.
pub fn find(probe: impl Fn(&Candidate) -> Result<Compiler, String>) -> Result<&'static Compiler, String> {
    static FOUND: OnceLock<Result<Compiler, String>> = OnceLock::new();
    FOUND.get_or_init(|| search(&probe)).as_ref().map_err(Clone::clone)
}

/// Returns the command that [`VARIABLE`] names, if it is set.
pub fn chosen() -> Option<OsString> {
    std::env::var_os(VARIABLE).filter(|line| !line.is_empty())
}

/// Returns the variables by which the crate `cc` chooses a compiler, in its order of precedence.
pub fn variables_of_cc() -> [String; 5] {
    let underscores = TARGET.replace(['-', '.'], "_");
    let kind = if env!("STENCIL_HOST") == TARGET { "HOST_CC" } else { "TARGET_CC" };
    [format!("CC_{TARGET}"), format!("CC_{underscores}"), kind.into(), "CC".into(), "CC_KNOWN_WRAPPER_CUSTOM".into()]
}

fn search(probe: &dyn Fn(&Candidate) -> Result<Compiler, String>) -> Result<Compiler, String> {
    // Without a temporary directory no compiler can be tried, so blame the directory instead.
    let blame = |why: String| Temporary::new().err().unwrap_or(why);
    let named = |variable: &str, line: &OsStr, why: String| {
        blame(format!("the C compiler that {variable} names cannot be used: {}: {why}", line.display()))
    };
    if let Some(line) = chosen() {
        let compiler = Tool::parse(&line).and_then(|tool| probe(&Candidate::Tool(tool)));
        return compiler.map_err(|why| named(VARIABLE, &line, why));
    }
    let set: Vec<(String, OsString)> = (variables_of_cc().into_iter())
        .filter_map(|name| std::env::var_os(&name).filter(|value| !value.is_empty()).map(|value| (name, value)))
        .collect();
    if let Some((name, line)) = set.iter().find(|(name, _)| name != "CC_KNOWN_WRAPPER_CUSTOM") {
        let wrapper = std::env::var_os("RUSTC_WRAPPER");
        return probe(&Candidate::Cc(format!("{set:?} {wrapper:?}"))).map_err(|why| named(name, line, why));
    }
    let mut refused = Vec::new();
    // Prefer any clang that supports `preserve_none`, then gcc, then any other compiler.
    let candidates = (clangs().into_iter().map(|clang| (clang, Abi::PreserveNone)))
        .chain(["gcc", "clang", "cc"].map(|name| (PathBuf::from(name), Abi::C)));
    for (path, least) in candidates {
        match Tool::new(&path).and_then(|tool| probe(&Candidate::Tool(tool))) {
            Ok(compiler) if compiler.traits.abi >= least => return Ok(compiler),
            Ok(_) => refused.push(format!("{}: it does not support preserve_none", path.display())),
            Err(why) => refused.push(format!("{}: {why}", path.display())),
        }
    }
    Err(blame(format!(
        "stencil! needs a C compiler while it is expanded, and found none that works.\n\
         Install clang 19 or later (Debian: `apt-get install clang-19`), or gcc (`apt-get install gcc`), or let \
         the environment variable {VARIABLE} name one.\n\
         Tried: {}",
        refused.join("; ")
    )))
}

/// Returns every clang on the search path: plain `clang`, which is the user's own choice, then the newest by name
/// first.
fn clangs() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for directory in search_path() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let version = match name.strip_prefix("clang") {
                Some("") => Some(u32::MAX),
                Some(rest) => rest.strip_prefix('-').and_then(|version| version.parse().ok()),
                None => None,
            };
            if let Some(version) = version {
                found.push((version, entry.path()));
            }
        }
    }
    // The sort is stable: among equal versions, the first one on the path wins.
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}
