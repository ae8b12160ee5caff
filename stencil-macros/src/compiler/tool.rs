//! How a C compiler is started: the program, a wrapper before it, arguments that come first.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// A command that takes a compiler's arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The program that is started.
    program: PathBuf,
    /// What comes before the compiler's arguments: of a wrapper, the compiler itself.
    arguments: Vec<OsString>,
    /// Variables that are set for it.
    pub environment: Vec<(OsString, OsString)>,
}

impl Tool {
    /// The program at a path, or of a name on the search path.
    ///
    /// # Errors
    /// It is not there.
    pub fn new(program: &Path) -> Result<Self, String> {
        let found = located(program).ok_or_else(|| match program.components().count() {
            1 => "it is not on the search path".to_owned(),
            _ => "there is no such file".to_owned(),
        })?;
        Ok(Self { program: found, arguments: Vec::new(), environment: Vec::new() })
    }

    /// A command line: a program whose name may contain spaces, or else words that spaces separate, as in `ccache clang-19`.
    ///
    /// # Errors
    /// The program is not there.
    pub fn parse(line: &OsStr) -> Result<Self, String> {
        let whole = Self::new(Path::new(line));
        let mut words = match line.to_str() {
            Some(line) if whole.is_err() => line.split_whitespace(),
            _ => return whole,
        };
        let first = words.next().map_or(whole, |first| Self::new(Path::new(first)))?;
        Ok(Self { arguments: words.map(OsString::from).collect(), ..first })
    }

    /// The command that the crate `cc` chooses for the target, by `CC_<target>`, `TARGET_CC` or `HOST_CC`, and `CC`, without its flags:
    /// `CFLAGS` are for other C. Starts the compiler, of which `cc` asks what it is.
    ///
    /// # Errors
    /// What `cc` reports, or the program is not there.
    pub fn of_cc(target: &str, folder: &Path) -> Result<Self, String> {
        let mut build = cc::Build::new();
        build.target(target).host(env!("STENCIL_HOST")).opt_level(2).out_dir(folder);
        build.cargo_metadata(false).cargo_warnings(false).no_default_flags(true);
        let tool = build.try_get_compiler().map_err(|error| error.to_string())?;
        let command = tool.to_command();
        let own = command.get_args().count().saturating_sub(tool.args().len());
        let arguments = command.get_args().take(own).map(OsStr::to_owned).collect();
        let first = Self::new(Path::new(command.get_program()))?;
        let set = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Ok(Self { arguments, environment: set.collect(), ..first })
    }

    /// Returns the lines that [`Self::from_lines`] reads; none if a word cannot be written in one.
    pub fn to_lines(&self) -> Option<String> {
        let program = self.program.clone().into_os_string();
        let variables = self.environment.iter().flat_map(|(name, value)| [name, value]);
        let words = std::iter::once(&program)
            .chain(&self.arguments)
            .chain(variables)
            .map(|word| Some(word.to_str().filter(|word| !word.contains('\n'))?.to_owned()))
            .collect::<Option<Vec<_>>>()?;
        Some(format!("{}\n{}", self.arguments.len(), words.join("\n")))
    }

    pub fn from_lines(lines: &str) -> Option<Self> {
        let mut words = lines.split('\n');
        let count: usize = words.next()?.parse().ok()?;
        let program = words.next()?.into();
        let rest: Vec<OsString> = words.map(OsString::from).collect();
        let (arguments, variables) = rest.split_at_checked(count)?;
        let (pairs, []) = variables.as_chunks() else { return None };
        let environment = pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect();
        Some(Self { program, arguments: arguments.to_vec(), environment })
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }

    /// What tells the programs from others, or from what they were before, in a line: those that are started, and those that a
    /// wrapper starts. None if the first one cannot be looked at.
    pub fn identity(&self) -> Option<String> {
        let wrapped = self.arguments.iter().filter_map(|argument| identity(&located(Path::new(argument))?));
        let programs: Vec<String> = std::iter::once(identity(&self.program)?).chain(wrapped).collect();
        Some(format!("{:?} {:?} {programs:?}", self.arguments, self.environment))
    }
}

fn identity(path: &Path) -> Option<String> {
    let file = path.canonicalize().ok()?;
    let data = file.metadata().ok()?;
    let changed = data.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("{path:?} {file:?} {} {}", data.len(), changed.as_nanos()))
}

/// Directories in which programs are looked for.
pub fn search_path() -> Vec<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect()
}

/// A program as the system finds it: a path as it is, a name alone on the search path.
fn located(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 || program.is_absolute() {
        return Some(program.to_owned()).filter(|path| path.is_file());
    }
    search_path().into_iter().map(|directory| directory.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    #[test]
    fn a_command_line_is_a_program_or_words() {
        let scratch = Temporary::new().unwrap();
        let path = |name: &str| scratch.0.join(name);
        for name in ["ccache", "my cc"] {
            std::fs::write(path(name), "").unwrap();
        }
        let parse = |line: &Path| Tool::parse(line.as_os_str());
        let spaced = parse(&path("my cc")).unwrap();
        assert_eq!((&spaced.program, spaced.arguments.len()), (&path("my cc"), 0));
        let wrapped = parse(&path("ccache  clang-19 -m64 ")).unwrap();
        assert_eq!(
            (&wrapped.program, &wrapped.arguments[..]),
            (&path("ccache"), &["clang-19", "-m64"].map(OsString::from)[..])
        );
        let with_variable = Tool { environment: vec![("A".into(), "b c".into())], ..wrapped.clone() };
        for tool in [spaced, wrapped, with_variable] {
            let lines = tool.to_lines().unwrap();
            assert_eq!(Tool::from_lines(&lines), Some(tool));
            assert_eq!(Tool::from_lines(&format!("{lines}\nodd")), None);
        }
        assert_eq!(Tool::from_lines(""), None);
        assert_eq!(parse(Path::new("no-such-cc")).unwrap_err(), "it is not on the search path");
        assert_eq!(parse(Path::new("no-such-cc clang")).unwrap_err(), "it is not on the search path");
        assert_eq!(parse(Path::new("/no/cc")).unwrap_err(), "there is no such file");
        assert!(parse(Path::new("")).is_err() && parse(Path::new(" ")).is_err());
    }

    #[test]
    fn a_program_that_changes_is_another_one() {
        let scratch = Temporary::new().unwrap();
        let (wrapper, program) = (scratch.0.join("wrapper"), scratch.0.join("cc"));
        std::fs::write(&wrapper, "").unwrap();
        std::fs::write(&program, "one").unwrap();
        let line = format!("{} {}", wrapper.display(), program.display());
        let identity = || Tool::parse(OsStr::new(&line)).unwrap().identity().unwrap();
        let before = identity();
        assert_eq!(identity(), before);
        std::fs::write(&program, "three").unwrap();
        let after = identity();
        assert_ne!(after, before);
        std::fs::write(&wrapper, "exec").unwrap();
        assert_ne!(identity(), after);
    }
}
