//! The C compiler: probed by a test compilation, run once per block.

pub mod environment;
pub mod flags;
mod include_path;
pub mod search;
pub mod tool;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::entry::Entry;
use crate::hash::Hash;
use crate::headers::{self, Directories};
use crate::inputs::{Inputs, Traced};
use crate::model::Abi;
use crate::temporary::Temporary;
use environment::Environment;
use tool::Tool;

/// The environment variable that names the C compiler.
pub const VARIABLE: &str = "STENCIL_CC";
/// The target of all generated code, as clang and the crate `cc` name it.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The properties of a compiler that the probe determines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Whether it is clang, and takes clang's flags rather than gcc's.
    pub clang: bool,
    /// The best calling convention that it supports.
    pub abi: Abi,
    /// The compiler's name and version.
    pub version: String,
}

/// A compiler that has passed the probe.
#[derive(Clone, Debug)]
pub struct Compiler {
    pub tool: Tool,
    pub traits: Traits,
}

/// The input of the compiler.
#[derive(Clone, Copy)]
pub struct Unit<'a> {
    pub c: &'a str,
    /// The block's flags, which follow the macro's own.
    pub flags: &'a [String],
    /// The directories of quoted headers.
    pub directories: &'a Directories,
}

/// The output of a compiler run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The object file, unless the C has errors.
    pub object: Option<Vec<u8>>,
    /// The compiler's messages. Headers in the [`Directories`] have names relative to these.
    pub messages: String,
    /// The files that the compiler read, for Cargo to watch.
    pub files: Vec<PathBuf>,
    /// The inputs that the object depends on, or why they are unknown.
    pub inputs: Result<Inputs, String>,
    /// The compiler's name and version.
    pub compiler: String,
}

impl Output {
    /// Returns the output that an entry holds, if its inputs have not changed.
    pub fn of(entry: Entry, unit: Unit) -> Option<Self> {
        let Entry { object, messages, inputs, compiler, .. } = entry;
        let files = inputs.current(unit.directories)?;
        Some(Self { object: Some(object), messages, files, inputs: Ok(inputs), compiler })
    }
}

/// Returns C that tests whether the compiler supports a convention. A warning counts as a failure.
fn probe(abi: Abi) -> &'static str {
    match abi {
        Abi::PreserveNone => {
            "__attribute__((preserve_none)) long next(long); \
             __attribute__((preserve_none)) long probe(long x) { __attribute__((musttail)) return next(x + 1); }"
        }
        Abi::C => "long next(long); long probe(long x) { return next(x + 1); }",
    }
}

/// The preprocessor input that identifies the compiler.
const WHO: &str = "#ifdef __clang__\nclang\n#else\ngcc\n#endif\n__VERSION__\n";

/// The output of the compiler process itself.
struct Made {
    object: Option<Vec<u8>>,
    messages: String,
    /// The files that the compiler reports as read.
    read: Vec<PathBuf>,
}

impl Unit<'_> {
    /// Returns everything that the object depends on, except the compiler and files. It is the same on every machine.
    pub fn request(&self) -> String {
        let ours = [flags::ALL, flags::ABSOLUTE, flags::CLANG, flags::GCC];
        let directories: Vec<_> = self.directories.names().collect();
        format!("stencil! {} {ours:?} {:?} {directories:?}\n{}", env!("CARGO_PKG_VERSION"), self.flags, self.c)
    }

    /// Returns the flags with which clang or gcc compiles the unit.
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
        // The paths are relative, so that `__FILE__` in a header does not depend on the crate's location. gcc applies
        // the last prefix that matches.
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
    /// Identifies a command and its capabilities by running it. Also returns the object file that it produced.
    ///
    /// # Errors
    /// Returns why the command cannot be used, quoting its own message if there is one.
    pub fn probe(tool: &Tool) -> Result<(Self, Vec<u8>), String> {
        let environment = Environment::of_user();
        let mut command = tool.command();
        command.args(["-E", "-P", "-x", "c", "-"]);
        let who = run(command, tool, &environment, &Temporary::new()?, WHO)?.stdout;
        let who = String::from_utf8_lossy(&who);
        let mut lines = who.lines().filter(|line| !line.is_empty());
        let clang = lines.next() == Some("clang");
        // Only clang's version string contains its name.
        let version = lines.next().unwrap_or_default().trim_matches('"');
        let version = if clang { version.to_owned() } else { format!("gcc {version}") };
        let mut why = String::new();
        for abi in Abi::ALL {
            let traits = Traits { clang, abi, version: version.clone() };
            let compiler = Self { tool: tool.clone(), traits };
            let unit = Unit { c: probe(abi), flags: &["-Werror".into()], directories: &Directories::default() };
            match compiler.compile(unit, &environment)? {
                Made { object: Some(object), .. } => return Ok((compiler, object)),
                made => why = made.messages.lines().next().unwrap_or("it failed without a message").to_owned(),
            }
        }
        Err(why)
    }

    /// Compiles a translation unit in this environment, and collects the inputs of the object.
    ///
    /// # Errors
    /// Returns what prevented the run. Errors in the C are part of the output.
    pub fn run(&self, unit: Unit, environment: &Environment) -> Result<Output, String> {
        let Made { object, messages, read } = self.compile(unit, environment)?;
        let compiler = self.traits.version.clone();
        if object.is_none() {
            return Ok(Output { object, messages, files: read, inputs: Err("it is no object".into()), compiler });
        }
        let current =
            std::env::current_dir().map_err(|error| format!("the current directory cannot be determined: {error}"))?;
        let inputs =
            self.include_path(unit, environment)?.ok_or("it does not report its header directories".to_owned());
        let inputs = inputs.and_then(|search| {
            let Unit { c, flags, directories } = unit;
            Inputs::of(&Traced { c, flags, directories, read: &read, search: &search, current: &current })
        });
        let (inputs, files) = inputs.map_or_else(|why| (Err(why), read), |(inputs, files)| (Ok(inputs), files));
        Ok(Output { object, messages, files, inputs, compiler })
    }

    fn compile(&self, unit: Unit, environment: &Environment) -> Result<Made, String> {
        let temporary = Temporary::new()?;
        let (object, depends) = (temporary.0.join("stencil.o"), temporary.0.join("stencil.d"));
        let mut command = self.tool.command();
        command.args(unit.arguments(self.traits.clang)).args(["-MD", "-MT", "stencil", "-MF"]).arg(&depends);
        command.args(["-x", "c", "-c", "-", "-o"]).arg(&object);
        let output = run(command, &self.tool, environment, &temporary, unit.c)?;
        let object = if output.status.success() {
            Some(std::fs::read(&object).map_err(|error| format!("its object file cannot be read: {error}"))?)
        } else {
            None
        };
        let read = std::fs::read_to_string(&depends).map(|text| headers::parse_depends(&text)).unwrap_or_default();
        let messages = unit.directories.shorten(&String::from_utf8_lossy(&output.stderr));
        Ok(Made { object, messages, read })
    }

    /// Returns the directories in which the compiler looks for headers. The compiler is asked once for all units that
    /// have the same flags.
    fn include_path(&self, unit: Unit, environment: &Environment) -> Result<Option<Vec<PathBuf>>, String> {
        type Known = HashMap<(Vec<OsString>, Hash), Option<Vec<PathBuf>>>;
        static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
        let key = (unit.arguments(self.traits.clang), environment.hash());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&key) {
            return Ok(known.clone());
        }
        let mut command = self.tool.command();
        command.args(&key.0).args(["-E", "-v", "-x", "c", "-"]);
        let output = run(command, &self.tool, environment, &Temporary::new()?, "")?;
        let current = std::env::current_dir().unwrap_or_default();
        let directories = include_path::parse(&String::from_utf8_lossy(&output.stderr), &current);
        known.insert(key, directories.clone());
        Ok(directories)
    }
}

/// Runs a command with this text as its source file.
fn run(
    mut command: Command,
    tool: &Tool,
    environment: &Environment,
    temporary: &Temporary,
    text: &str,
) -> Result<std::process::Output, String> {
    // The source is a file rather than a pipe: a compiler that stops early, for example at an unknown flag, would close
    // the pipe, and the resulting signal kills rustc.
    let input = temporary.0.join("stencil.c");
    let unwritten = |error: std::io::Error| format!("{} cannot be written: {error}", input.display());
    std::fs::write(&input, text).map_err(unwritten)?;
    command.stdin(std::fs::File::open(&input).map_err(unwritten)?).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().envs(environment.variables());
    command.envs(tool.environment.iter().map(|(name, value)| (name, value)));
    command.output().map_err(|error| format!("it cannot be run: {error}"))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::path::Path;

    /// Returns the compiler that blocks use, or none if nothing is installed and none was named. Tests then report that
    /// they are skipped.
    pub fn found() -> Option<&'static Compiler> {
        let probe = |candidate: &search::Candidate| match candidate {
            search::Candidate::Tool(tool) => Compiler::probe(tool).map(|(compiler, _)| compiler),
            search::Candidate::Cc(_) => Err("the tests of this crate do not ask `cc`".into()),
        };
        match search::find(probe) {
            Err(why) if search::chosen().is_none() => {
                eprintln!("not tested: {why}");
                None
            }
            found => Some(found.unwrap()),
        }
    }

    /// Compiles C with a compiler.
    pub fn compile(compiler: &Compiler, c: &str, flags: &[&str]) -> Output {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        compiler.run(Unit { c, flags: &flags, directories: &Directories::default() }, &Environment::of_user()).unwrap()
    }

    #[test]
    fn a_program_other_than_a_compiler_is_refused() {
        let why = Compiler::probe(&Tool::new(Path::new("/dev/../etc/passwd")).unwrap()).unwrap_err();
        assert!(why.contains("cannot be run"), "{why}");
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
        assert!(compile(compiler, c, &["-Werror"]).object.is_none());
    }

    #[test]
    fn long_messages_and_sources_do_not_block() {
        let Some(compiler) = found() else { return };
        let output = compile(compiler, &"int f(void) { return undeclared; }\n".repeat(5000), &[]);
        assert!(output.object.is_none());
        assert!(output.messages.len() > 100_000);
    }

    #[test]
    fn missing_headers_are_inputs() {
        let Some(compiler) = found() else { return };
        let scratch = Temporary::new().unwrap();
        for directory in ["first", "second"] {
            std::fs::create_dir(scratch.0.join(directory)).unwrap();
        }
        std::fs::write(scratch.0.join("second/a.h"), "int a;").unwrap();
        let [first, second, later] =
            ["first", "second", "later"].map(|name| format!("-I{}", scratch.0.join(name).display()));
        let output = compile(compiler, "#include <a.h>\n#include <stdint.h>\n", &[&later, &first, &second]);
        let inputs = output.inputs.unwrap();
        for name in ["first/a.h", "later/a.h"] {
            let absent = scratch.0.join(name).display().to_string();
            assert!(inputs.absent.contains(&absent), "{absent} in {inputs:?}");
        }
        assert!(inputs.read.iter().any(|header| header.name.ends_with("second/a.h")), "{inputs:?}");
    }
}
