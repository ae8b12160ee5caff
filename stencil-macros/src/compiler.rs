//! The C compiler: found without configuration, proved by compiling, run once per block.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::model::Abi;

/// The environment variable that names the C compiler.
pub const VARIABLE: &str = "STENCIL_CC";

/// What stencils are compiled for, whatever the system that will run them: ELF is the one object format we read.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What a compiler can do for us.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    pub abi: Abi,
}

/// A compiler that has passed the probe.
pub struct Compiler {
    command: cc::Tool,
    pub features: Features,
}

/// What a run of the compiler yields.
pub struct Output {
    /// The object file, if the C is free of errors.
    pub object: Option<Vec<u8>>,
    /// What the compiler had to say.
    pub messages: String,
    /// The files that it read, but for those of the system.
    pub headers: Vec<PathBuf>,
}

/// Flags for every compiler, and why.
const FLAGS: &[&str] = &[
    "-std=gnu17",
    "-O2",
    // No start-up code, no library: what runs around stencils is Rust.
    "-ffreestanding",
    // A switch becomes branches, not a table of addresses that every copy would have to carry.
    "-fno-jump-tables",
    // Each uop and each table can then be taken by itself.
    "-ffunction-sections",
    "-fdata-sections",
    // Stencils are not aligned, so that alignment within them is but padding.
    "-falign-functions=1",
    "-falign-loops=1",
    // Nothing unwinds through stencils, debuggers do not look for them, and no canary or landing pad guards them.
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fno-exceptions",
    "-fno-stack-protector",
    "-fcf-protection=none",
    "-fomit-frame-pointer",
    "-g0",
    "-fno-ident",
    // Bodies share memory with Rust, which has neither type-based aliasing nor undefined overflow.
    "-fno-strict-aliasing",
    "-fwrapv",
    "-fno-delete-null-pointer-checks",
    // Every compiler computes the same floating-point results.
    "-ffp-contract=off",
    "-fno-math-errno",
    // Errors are found at build time.
    "-Wall",
    "-Wextra",
    "-Werror=implicit-function-declaration",
    "-Werror=int-conversion",
    "-Werror=incompatible-pointer-types",
    "-Werror=return-type",
    // A uop need not use every register, and what it assigns to one, the next uop uses.
    "-Wno-unused-parameter",
    "-Wno-unused-but-set-parameter",
    "-Wno-unused-function",
];

/// Flags for blocks that do not ask for position-independent code, which reaches everything through its own data.
const ABSOLUTE_FLAGS: &[&str] = &[
    // Holes of 32 bits are objects of one byte; all that is larger, strings and tables included, is reached by 64-bit
    // addresses, since the executable may be anywhere.
    "-fno-pic",
    "-mcmodel=medium",
    "-mlarge-data-threshold=1",
];

const CLANG_FLAGS: &[&str] = &[
    // One line for a diagnostic, which we can read.
    "-fno-caret-diagnostics",
    "-fno-color-diagnostics",
    "-fno-diagnostics-show-note-include-stack",
    "-ferror-limit=0",
    // Lowered for the target, whatever the machine we run on.
    "--target=x86_64-unknown-linux-gnu",
];

const GCC_FLAGS: &[&str] = &[
    "-fno-diagnostics-show-caret",
    "-fdiagnostics-color=never",
    "-fdiagnostics-column-unit=byte",
    // Each uop stays in one piece and is a function of its own, not an alias of an equal one.
    "-fno-reorder-blocks-and-partition",
    "-fno-ipa-icf",
    "-falign-jumps=1",
    "-falign-labels=1",
    "-foptimize-sibling-calls",
];

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

/// The compiler of this process, looked for once.
pub fn find() -> Result<&'static Compiler, String> {
    static FOUND: OnceLock<Result<Compiler, String>> = OnceLock::new();
    FOUND.get_or_init(search).as_ref().map_err(Clone::clone)
}

fn search() -> Result<Compiler, String> {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return Compiler::probed(&path, &[Abi::PreserveNone, Abi::C])
            .map_err(|why| format!("the C compiler that {VARIABLE} names cannot be used: {}: {why}", path.display()));
    }
    let mut refused = Vec::new();
    // Any clang that keeps all registers free, then gcc, then whatever there is.
    let candidates = (clangs().into_iter().map(|clang| (clang, &[Abi::PreserveNone][..])))
        .chain(["gcc", "clang", "cc"].map(|name| (PathBuf::from(name), &[Abi::PreserveNone, Abi::C][..])));
    for (path, abis) in candidates {
        match Compiler::probed(&path, abis) {
            Ok(compiler) => return Ok(compiler),
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

/// Every clang on the search path: plain `clang` first, then the versions, newest first.
fn clangs() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for directory in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
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

impl Compiler {
    /// The compiler at `path` with the first of the conventions that it has.
    fn probed(path: &Path, abis: &[Abi]) -> Result<Self, String> {
        let command = cc::Build::new()
            .compiler(path)
            .target(TARGET)
            .host(TARGET)
            .opt_level(2)
            .cargo_metadata(false)
            .cargo_warnings(false)
            .no_default_flags(true)
            .inherit_rustflags(false)
            .try_get_compiler()
            .map_err(|error| error.to_string())?;
        let mut why = String::new();
        for &abi in abis {
            let compiler = Self { command: command.clone(), features: Features { abi } };
            match compiler.run(probe(abi), &["-Werror".into()], &[]) {
                Ok(Output { object: Some(_), .. }) => return Ok(compiler),
                Ok(output) => why = output.messages.lines().next().unwrap_or("it says no more").to_owned(),
                // It cannot be started: the other conventions will not help.
                Err(error) => return Err(error),
            }
        }
        Err(why)
    }

    /// Compiles a translation unit. `flags` come after our own; `directories` are where quoted headers are.
    ///
    /// # Errors
    /// What kept the compiler from being run; errors in the C are in the output.
    pub fn run(&self, c: &str, flags: &[String], directories: &[PathBuf]) -> Result<Output, String> {
        let temporary = Temporary::new()?;
        let (object, depends) = (temporary.0.join("stencil.o"), temporary.0.join("stencil.d"));
        let mut command: Command = self.command.to_command();
        command.args(FLAGS).args(if self.command.is_like_clang() { CLANG_FLAGS } else { GCC_FLAGS });
        let independent = ["-fpic", "-fPIC", "-fpie", "-fPIE"];
        if !flags.iter().any(|flag| independent.contains(&flag.as_str())) {
            command.args(ABSOLUTE_FLAGS);
        }
        for directory in directories {
            command.arg("-iquote").arg(directory);
        }
        command.args(flags).args(["-MMD", "-MT", "stencil", "-MF"]).arg(&depends);
        command.args(["-x", "c", "-c", "-", "-o"]).arg(&object).env("LC_ALL", "C");
        // From a file and not through a pipe: a compiler that stops early, as at an unknown flag, would leave the pipe
        // without a reader, and rustc has the signal for that end the process.
        let input = temporary.0.join("stencil.c");
        let unwritten = |error: std::io::Error| format!("{} cannot be written: {error}", input.display());
        std::fs::write(&input, c).map_err(unwritten)?;
        command.stdin(std::fs::File::open(&input).map_err(unwritten)?).stdout(Stdio::null()).stderr(Stdio::piped());
        let cannot = |error: std::io::Error| format!("{:?} cannot be run: {error}", self.command.path());
        let output = command.output().map_err(cannot)?;
        let object = if output.status.success() {
            Some(std::fs::read(&object).map_err(|error| format!("its object file cannot be read: {error}"))?)
        } else {
            None
        };
        let headers = std::fs::read_to_string(&depends).map(|text| parse_depends(&text)).unwrap_or_default();
        Ok(Output { object, messages: String::from_utf8_lossy(&output.stderr).into_owned(), headers })
    }
}

/// The prerequisites in a make rule.
fn parse_depends(rule: &str) -> Vec<PathBuf> {
    let mut paths = vec![String::new()];
    let mut characters = rule.split_once(':').map_or("", |(_, rest)| rest).chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some('\n')) => {}
            ('\\', Some(escaped @ (' ' | '#' | '\\'))) | ('$', Some(escaped @ '$')) => {
                paths.last_mut().expect("never empty").push(*escaped);
                characters.next();
            }
            (' ' | '\n' | '\t', _) => paths.push(String::new()),
            (other, _) => paths.last_mut().expect("never empty").push(other),
        }
    }
    paths.into_iter().filter(|path| !path.is_empty() && path != "-").map(PathBuf::from).collect()
}

/// A directory of our own, removed on drop.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let base = std::env::temp_dir();
        loop {
            let mut name = OsString::from(format!("stencil-{}-", std::process::id()));
            name.push(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
            let path = base.join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("no temporary directory in {}: {error}", base.display())),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What is left behind in the temporary directory does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn make_rules() {
        let rule = "stencil: \\\n  a.h b\\ c.h \\\n /d/e$$.h\n";
        assert_eq!(parse_depends(rule), ["a.h", "b c.h", "/d/e$.h"].map(PathBuf::from));
        assert_eq!(parse_depends("stencil: -\n"), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_compiler_that_is_not_there_is_refused() {
        let why = Compiler::probed(Path::new("/nonexistent/cc"), &[Abi::C]).err().unwrap();
        assert!(why.contains("/nonexistent/cc"), "{why}");
    }

    #[test]
    fn an_unknown_attribute_is_not_support() {
        let compiler = find().unwrap();
        let c = "__attribute__((no_such_attribute)) void f(void) {}";
        assert!(compiler.run(c, &["-Werror".into()], &[]).unwrap().object.is_none());
    }

    #[test]
    fn long_messages_and_sources_do_not_block() {
        let c = "int f(void) { return undeclared; }\n".repeat(5000);
        let output = find().unwrap().run(&c, &[], &[]).unwrap();
        assert!(output.object.is_none());
        assert!(output.messages.len() > 100_000);
    }
}
