//! Which C compiler compiles blocks: the one that a variable names, or else the best one on the search path.

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
    /// What `cc` chooses by these variables and their values. To learn what that is takes a process.
    Cc(String),
}

/// The compiler of this process, looked for once. `probe` tells what a candidate is and can do.
///
/// # Errors
/// What is wrong with the compiler that a variable names, or with each that there is.
pub fn find(probe: impl Fn(&Candidate) -> Result<Compiler, String>) -> Result<&'static Compiler, String> {
    static FOUND: OnceLock<Result<Compiler, String>> = OnceLock::new();
    FOUND.get_or_init(|| search(&probe)).as_ref().map_err(Clone::clone)
}

/// The command that [`VARIABLE`] names, if it is set.
pub fn chosen() -> Option<OsString> {
    std::env::var_os(VARIABLE).filter(|line| !line.is_empty())
}

/// The variables by which the crate `cc` chooses a compiler, in its order.
pub fn variables_of_cc() -> [String; 5] {
    let underscores = TARGET.replace(['-', '.'], "_");
    let kind = if env!("STENCIL_HOST") == TARGET { "HOST_CC" } else { "TARGET_CC" };
    [format!("CC_{TARGET}"), format!("CC_{underscores}"), kind.into(), "CC".into(), "CC_KNOWN_WRAPPER_CUSTOM".into()]
}

fn search(probe: &dyn Fn(&Candidate) -> Result<Compiler, String>) -> Result<Compiler, String> {
    // Without a temporary directory no compiler can be tried, and none is to blame.
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
    // Any clang that keeps all registers free, then gcc, then whatever there is.
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

/// Every clang on the search path, newest first by name, after plain `clang`, which is what people have chosen.
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
    // Stable: of two of one version, that which is found first on the path.
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}
