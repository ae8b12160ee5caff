//! The C compiler: found without configuration, proved by compiling, run once per block.

pub mod flags;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::headers::{self, Directories};
use crate::model::Abi;
use crate::store::Entry;
use crate::temporary::Temporary;

/// The environment variable that names the C compiler.
pub const VARIABLE: &str = "STENCIL_CC";

/// What the probe learns of a compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// It is clang, and takes its flags and not those of gcc.
    pub clang: bool,
    /// The best convention that it has.
    pub abi: Abi,
    /// What it says of its version.
    pub version: String,
}

/// A compiler that has passed the probe.
pub struct Compiler {
    /// The program.
    path: PathBuf,
    pub traits: Traits,
}

/// What the compiler is given.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    pub c: &'a str,
    /// Flags of the block, after our own.
    pub flags: &'a [String],
    /// Where quoted headers are.
    pub directories: &'a Directories,
}

/// What a run of the compiler yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The object file, if the C is free of errors.
    pub object: Option<Vec<u8>>,
    /// What the compiler had to say; headers in the [`Directories`] have names relative to them.
    pub messages: String,
    /// The files that it read.
    pub headers: Vec<PathBuf>,
}

impl Output {
    /// What an entry has kept, if the headers are as they were then.
    pub fn of(entry: Entry, unit: Unit) -> Option<Self> {
        let headers = entry.current_headers(unit.directories)?;
        Some(Self { object: Some(entry.object), messages: entry.messages, headers })
    }
}

/// Compiled to see whether the compiler has what we want of it; a warning counts as a no.
fn probe(abi: Abi) -> &'static str {
    match abi {
        Abi::PreserveNone => {
            "__attribute__((preserve_none)) long next(long); \
             __attribute__((preserve_none)) long probe(long x) { __attribute__((musttail)) return next(x + 1); }"
        }
        Abi::C => "long next(long); long probe(long x) { return next(x + 1); }",
    }
}

/// Preprocessed to see what the compiler is.
const WHO: &str = "#ifdef __clang__\nclang\n#else\ngcc\n#endif\n__VERSION__\n";

/// The compiler of this process, looked for once. `probe` tells a compiler's traits from its path.
///
/// # Errors
/// What is wrong with the compiler that [`VARIABLE`] names, or with each that there is.
pub fn find(probe: impl Fn(&Path) -> Result<Traits, String>) -> Result<&'static Compiler, String> {
    static FOUND: OnceLock<Result<Compiler, String>> = OnceLock::new();
    FOUND.get_or_init(|| search(&probe)).as_ref().map_err(Clone::clone)
}

/// The compiler that people chose, if they did.
pub fn chosen() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn search(probe: &dyn Fn(&Path) -> Result<Traits, String>) -> Result<Compiler, String> {
    let probed = |path: &Path| {
        let path = located(path).ok_or("it is not on the search path")?;
        let traits = probe(&path)?;
        Ok(Compiler { path, traits })
    };
    if let Some(path) = chosen() {
        return probed(&path).map_err(|why: String| {
            format!("the C compiler that {VARIABLE} names cannot be used: {}: {why}", path.display())
        });
    }
    let mut refused = Vec::new();
    // Any clang that keeps all registers free, then gcc, then whatever there is.
    let candidates = (clangs().into_iter().map(|clang| (clang, Abi::PreserveNone)))
        .chain(["gcc", "clang", "cc"].map(|name| (PathBuf::from(name), Abi::C)));
    for (path, least) in candidates {
        match probed(&path) {
            Ok(compiler) if compiler.traits.abi >= least => return Ok(compiler),
            Ok(_) => refused.push(format!("{}: it does not support preserve_none", path.display())),
            Err(why) => refused.push(format!("{}: {why}", path.display())),
        }
    }
    Err(format!(
        "stencil! needs a C compiler while it is expanded, and found none that works.\n\
         Install clang 19 or later (Debian: `apt-get install clang-19`), or gcc (`apt-get install gcc`), or let \
         the environment variable {VARIABLE} name one.\n\
         Tried: {}",
        refused.join("; ")
    ))
}

/// Directories in which programs are looked for.
fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// A program as the system finds it: a path as it is, a name alone on the search path.
fn located(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return Some(program.to_owned());
    }
    search_path().into_iter().map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// Every clang on the search path: plain `clang` first, then the versions, newest first.
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

impl Traits {
    /// What the compiler at `path` is and can do, by running it.
    ///
    /// # Errors
    /// Why it cannot be used, in its own words as far as it has some.
    pub fn probe(path: &Path) -> Result<Self, String> {
        let mut command = Command::new(path);
        command.args(["-E", "-P", "-x", "c", "-"]);
        let who = run(command, &Temporary::new()?, WHO)?.stdout;
        let who = String::from_utf8_lossy(&who);
        let mut lines = who.lines().filter(|line| !line.is_empty());
        let clang = lines.next() == Some("clang");
        let version = lines.next().unwrap_or_default().trim_matches('"').to_owned();
        let mut why = String::new();
        for abi in Abi::ALL {
            let traits = Self { clang, abi, version: version.clone() };
            let compiler = Compiler { path: path.to_owned(), traits };
            let unit = Unit { c: probe(abi), flags: &["-Werror".into()], directories: &Directories::default() };
            match compiler.run(unit)? {
                Output { object: Some(_), .. } => return Ok(compiler.traits),
                output => why = output.messages.lines().next().unwrap_or("it says no more").to_owned(),
            }
        }
        Err(why)
    }
}

impl Unit<'_> {
    /// All that the object depends on but the compiler and headers; the same on every machine.
    pub fn request(&self) -> String {
        let ours = [flags::ALL, flags::ABSOLUTE, flags::CLANG, flags::GCC];
        let directories: Vec<_> = self.directories.names().collect();
        format!("stencil! {} {ours:?} {:?} {directories:?}\n{}", env!("CARGO_PKG_VERSION"), self.flags, self.c)
    }

    /// The flags that clang, or else gcc, compiles it with.
    pub fn arguments(&self, clang: bool) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |flags: &[&str]| arguments.extend(flags.iter().map(OsString::from));
        add(if clang { flags::CLANG } else { flags::GCC });
        add(flags::ALL);
        if !flags::are_position_independent(self.flags.iter().map(String::as_str)) {
            add(flags::ABSOLUTE);
        }
        for directory in self.directories.paths() {
            arguments.extend(["-iquote".into(), directory.into()]);
        }
        // `__FILE__` in a header is the same wherever the crate is. Of two that fit, gcc takes the last.
        for directory in self.directories.paths().iter().rev() {
            let mut map = OsString::from("-fmacro-prefix-map=");
            map.push(directory.join(""));
            map.push("=");
            arguments.push(map);
        }
        arguments.extend(self.flags.iter().map(OsString::from));
        arguments
    }
}

impl Compiler {
    /// The program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compiles a translation unit.
    ///
    /// # Errors
    /// What kept the compiler from being run; errors in the C are in the output.
    pub fn run(&self, unit: Unit) -> Result<Output, String> {
        let temporary = Temporary::new()?;
        let (object, depends) = (temporary.0.join("stencil.o"), temporary.0.join("stencil.d"));
        let mut command = Command::new(&self.path);
        command.args(unit.arguments(self.traits.clang)).args(["-MD", "-MT", "stencil", "-MF"]).arg(&depends);
        command.args(["-x", "c", "-c", "-", "-o"]).arg(&object);
        let output = run(command, &temporary, unit.c)?;
        let object = if output.status.success() {
            Some(std::fs::read(&object).map_err(|error| format!("its object file cannot be read: {error}"))?)
        } else {
            None
        };
        let headers = std::fs::read_to_string(&depends).map(|text| headers::parse_depends(&text)).unwrap_or_default();
        let messages = unit.directories.shorten(&String::from_utf8_lossy(&output.stderr));
        Ok(Output { object, messages, headers })
    }
}

/// Runs a command on this text.
fn run(mut command: Command, temporary: &Temporary, text: &str) -> Result<std::process::Output, String> {
    // From a file and not through a pipe: a compiler that stops early, as at an unknown flag, would leave the pipe
    // without a reader, and rustc has the signal for that end the process.
    let input = temporary.0.join("stencil.c");
    let unwritten = |error: std::io::Error| format!("{} cannot be written: {error}", input.display());
    std::fs::write(&input, text).map_err(unwritten)?;
    command.stdin(std::fs::File::open(&input).map_err(unwritten)?).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("LC_ALL", "C").output().map_err(|error| format!("it cannot be run: {error}"))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The compiler that a block would be compiled by; none, where there is none and nobody has named one: tests say so then.
    pub fn found() -> Option<&'static Compiler> {
        match find(Traits::probe) {
            Err(why) if chosen().is_none() => {
                eprintln!("not tested: {why}");
                None
            }
            found => Some(found.unwrap()),
        }
    }

    fn compile(compiler: &Compiler, c: &str, flags: &[String]) -> Output {
        compiler.run(Unit { c, flags, directories: &Directories::default() }).unwrap()
    }

    #[test]
    fn a_compiler_that_is_not_there_is_refused() {
        let why = Traits::probe(Path::new("/nonexistent/cc")).unwrap_err();
        assert!(why.contains("cannot be run"), "{why}");
    }

    #[test]
    fn a_program_is_found_as_the_system_finds_it() {
        assert_eq!(located(Path::new("/nonexistent/cc")), Some("/nonexistent/cc".into()));
        assert_eq!(located(Path::new("./cc")), Some("./cc".into()));
        assert_eq!(located(Path::new("no-such-program")), None);
        let program =
            search_path().iter().flat_map(std::fs::read_dir).flatten().flatten().find(|entry| entry.path().is_file());
        let program = program.expect("a program on the search path");
        assert!(located(Path::new(&program.file_name())).unwrap().is_file());
    }

    #[test]
    fn the_version_is_known() {
        let Some(Compiler { traits, .. }) = found() else { return };
        assert!(traits.version.contains(|c: char| c.is_ascii_digit()), "{traits:?}");
        assert_eq!(traits.version.to_lowercase().contains("clang"), traits.clang, "{traits:?}");
    }

    #[test]
    fn an_unknown_attribute_is_not_support() {
        let c = "__attribute__((no_such_attribute)) void f(void) {}";
        let Some(compiler) = found() else { return };
        assert!(compile(compiler, c, &["-Werror".into()]).object.is_none());
    }

    #[test]
    fn long_messages_and_sources_do_not_block() {
        let Some(compiler) = found() else { return };
        let output = compile(compiler, &"int f(void) { return undeclared; }\n".repeat(5000), &[]);
        assert!(output.object.is_none());
        assert!(output.messages.len() > 100_000);
    }
}
