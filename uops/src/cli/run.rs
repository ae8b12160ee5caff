//! `uops run`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use uops::wasi::Wasi;
use uops::{ExternType, FuncType, Instance, Linker, Store, Value, ValueType};

use super::Result;
use super::deadline::{self, Deadline};
use super::limits::Limits;
use super::load::load;
use super::tier::TierName;

/// Calls a function and prints its result.
///
/// Modules may import `print_i32`, `print_i64`, `print_f32` and `print_f64` from `env`. A program for WASI preview 1
/// (`wasi_snapshot_preview1`) starts at `_start`, and its exit code becomes that of this command. A module that exports
/// `_initialize` is initialized first. After a trap the exit code is 134.
#[derive(Args)]
pub(super) struct Options {
    /// The module, in the binary or the text format.
    pub(super) file: PathBuf,
    /// The exported function to call. Without this option: `run`, `_start` or `main`, the first that exists.
    #[arg(long, value_name = "NAME")]
    pub(super) invoke: Option<String>,
    /// Grants a WASI program a directory, and everything in it, under the name GUEST or else HOST.
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    pub(super) dirs: Vec<String>,
    /// Grants a WASI program a directory that it can read and cannot change.
    #[arg(long = "dir-ro", value_name = "HOST[::GUEST]")]
    pub(super) read_only_dirs: Vec<String>,
    /// Sets a variable of a WASI program's environment.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(super) variables: Vec<String>,
    /// How the program runs: compiled to machine code; interpreted, which needs no executable memory; or interpreted until the machine
    /// code is compiled.
    #[arg(long, value_enum, value_name = "TIER", default_value_t)]
    tier: TierName,
    #[command(flatten)]
    limits: Limits,
    /// Ends the run after this many seconds, including reading and compiling.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// The arguments. Integers are decimal or begin with 0x; floats are decimal, inf or nan. A WASI program takes any text.
    /// Everything after the first argument, or after `--`, is an argument.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub(super) args: Vec<String>,
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected a number of seconds, such as 10 or 0.5".to_owned())
}

pub(super) fn run(options: &Options) -> Result<()> {
    let deadline = Deadline::new(options.timeout, deadline::exit)?;
    let program = load(&options.file, options.tier.tier(), &deadline)?;
    let is_wasi = program.module().imports().any(|(module, ..)| module == uops::wasi::MODULE);
    let mut linker = prints();
    let (invoke, args) = match options.invoke.as_deref() {
        None if is_wasi => {
            wasi(options)?.args(&options.args).define(&mut linker)?;
            (Some("_start"), &[][..])
        }
        invoke => {
            if is_wasi {
                wasi(options)?.define(&mut linker)?;
            }
            (invoke, &options.args[..])
        }
    };
    let functions = || {
        program.module().exports().filter_map(|(name, ty)| match ty {
            ExternType::Func(ty) => Some((name, ty)),
            _ => None,
        })
    };
    let (name, ty) = choose(functions, invoke)?;
    let args = parse(name, &ty, args)?;
    let store = Store::with_limits(options.limits.store())?;
    deadline.watch(&store);
    let instance = Instance::new(&store, &program, &linker)?;
    if name != "_initialize" {
        uops::wasi::initialize(&store, instance)?;
    }
    let results = instance.call(&store, name, &args)?;
    drop(deadline);
    for result in results {
        writeln!(io::stdout(), "{result}")?;
    }
    Ok(())
}

/// The host's side of a WASI program, without its arguments.
fn wasi(options: &Options) -> Result<Wasi> {
    let Options { file, dirs, read_only_dirs, variables, .. } = options;
    let name = file.file_name().unwrap_or(file.as_os_str());
    let mut wasi = Wasi::new().arg(name.to_string_lossy()).inherit_stdio();
    for variable in variables {
        let (name, value) =
            variable.split_once('=').ok_or_else(|| format!("expected NAME=VALUE, found `{variable}`"))?;
        wasi = wasi.env(name, value);
    }
    for (dirs, read_only) in [(dirs, false), (read_only_dirs, true)] {
        for dir in dirs {
            let (host, guest) = dir.split_once("::").unwrap_or((dir, dir));
            let granted = if read_only { wasi.dir_read_only(host, guest) } else { wasi.dir(host, guest) };
            wasi = granted.map_err(|error| format!("the directory {host}: {error}"))?;
        }
    }
    Ok(wasi)
}

/// The most functions that a message lists.
const LISTED: usize = 20;

/// Chooses the function to call among those that the module exports.
fn choose<'f, I: Iterator<Item = (&'f str, FuncType)>>(
    functions: impl Fn() -> I,
    invoke: Option<&str>,
) -> std::result::Result<(&'f str, FuncType), String> {
    let find = |wanted: &str| functions().find(|(name, _)| *name == wanted);
    let found = match invoke {
        Some(name) => find(name),
        None => ["run", "_start", "main"].into_iter().find_map(find),
    };
    found.ok_or_else(|| {
        let missing = match invoke {
            Some(name) => format!("the module exports no function `{name}`"),
            None => "the module exports no function `run`, `_start` or `main`: choose one with --invoke".to_owned(),
        };
        let exported: Vec<String> =
            functions().take(LISTED).map(|(name, ty)| format!("\n  {} {ty}", name.escape_debug())).collect();
        let more = match functions().skip(LISTED).count() {
            0 => String::new(),
            more => format!("\n  and {more} more"),
        };
        if exported.is_empty() {
            format!("{missing}; it exports no functions at all")
        } else {
            format!("{missing}; it exports:{}{more}", exported.concat())
        }
    })
}

/// Parses the arguments by the types of the function's parameters.
fn parse(name: &str, ty: &FuncType, args: &[String]) -> std::result::Result<Vec<Value>, String> {
    if args.len() != ty.params.len() {
        let (wanted, given) = (ty.params.len(), args.len());
        let plural = if wanted == 1 { "" } else { "s" };
        return Err(format!("`{name}` is a function {ty}: expected {wanted} argument{plural}, found {given}"));
    }
    (ty.params.iter().zip(args).enumerate())
        .map(|(index, (&ty, text))| {
            Value::parse(ty, text).map_err(|error| format!("argument {} of `{name}`: {error}", index + 1))
        })
        .collect()
}

/// The functions of `env`.
fn prints() -> Linker {
    let mut linker = Linker::new();
    for ty in [ValueType::I32, ValueType::I64, ValueType::F32, ValueType::F64] {
        linker.func_new("env", &format!("print_{ty}"), FuncType::new([ty], []), |_, args| {
            for arg in args {
                writeln!(io::stdout(), "{arg}")?;
            }
            Ok(vec![])
        });
    }
    linker
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_values() {
        let (file, variables) = (PathBuf::from("a.wasm"), vec!["K".to_owned()]);
        let (dirs, read_only_dirs, args, limits) = (vec![], vec![], vec![], Limits::default());
        let (tier, timeout) = (TierName::default(), None);
        let options = Options { file, variables, invoke: None, dirs, read_only_dirs, tier, limits, timeout, args };
        assert_eq!(wasi(&options).unwrap_err().to_string(), "expected NAME=VALUE, found `K`");
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(["-1", "nan", "x", "1e300"].iter().all(|text| seconds(text).is_err()));
    }

    #[test]
    fn functions_are_chosen_by_name_or_custom() {
        let functions = [("main", FuncType::default()), ("_start", FuncType::default()), ("f", FuncType::default())];
        let choose = |from: usize, invoke| choose(|| functions.iter().skip(from).cloned(), invoke);
        assert_eq!(choose(0, None).unwrap().0, "_start");
        assert_eq!(choose(0, Some("f")).unwrap().0, "f");
        assert_eq!(
            choose(2, None).unwrap_err(),
            "the module exports no function `run`, `_start` or `main`: choose one with --invoke; it exports:\n  \
             f () -> ()"
        );
        assert!(choose(3, Some("g")).unwrap_err().contains("exports no functions at all"));
        let many = || std::iter::repeat_n(("g", FuncType::default()), 23);
        assert!(super::choose(many, None).unwrap_err().ends_with("\n  g () -> ()\n  and 3 more"));
    }

    #[test]
    fn arguments_fit_the_type() {
        let ty = FuncType::new([ValueType::I32, ValueType::F64], []);
        let parse = |args: &[&str]| parse("f", &ty, &args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&["7", "0.5"]).unwrap(), [Value::I32(7), Value::F64(0.5)]);
        assert_eq!(parse(&["7"]).unwrap_err(), "`f` is a function (i32, f64) -> (): expected 2 arguments, found 1");
        assert!(parse(&["7", "x"]).unwrap_err().starts_with("argument 2 of `f`: `x` is not an f64"));
    }
}
