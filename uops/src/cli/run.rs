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

/// Calls a function and prints its result.
///
/// Modules may import `print_i32`, `print_i64`, `print_f32` and `print_f64` from `env`. Of programs for WASI
/// preview 1 (`wasi_snapshot_preview1`), `_start` is called, and their exit code is this one's.
#[derive(Args)]
pub(super) struct Options {
    /// The module, in the binary or in the text format.
    pub(super) file: PathBuf,
    /// The exported function; otherwise `run`, `_start` or `main`, whichever there is first.
    #[arg(long, value_name = "NAME")]
    pub(super) invoke: Option<String>,
    /// A directory for a WASI program to use, and its name there if that is another one.
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    pub(super) dirs: Vec<String>,
    /// A variable for a WASI program's environment.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub(super) variables: Vec<String>,
    #[command(flatten)]
    limits: Limits,
    /// Ends the run after so many seconds, reading and compiling included.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// The arguments: integers in decimal or, after 0x, in hexadecimal; floats in decimal, or inf or nan. Of WASI
    /// programs: any text. From the first one on, or after `--`, there are no more options.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub(super) args: Vec<String>,
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "write a number of seconds, like 10 or 0.5".to_owned())
}

pub(super) fn run(options: &Options) -> Result<()> {
    let deadline = Deadline::new(options.timeout, deadline::exit)?;
    let program = load(&options.file, &deadline)?;
    let is_wasi = program.module().imports().any(|(module, ..)| module == uops::wasi::MODULE);
    let mut linker = prints();
    let (invoke, args) = match options.invoke.as_deref() {
        None if is_wasi => {
            wasi(options)?.args(&options.args).define(&mut linker);
            (Some("_start"), &[][..])
        }
        invoke => {
            if is_wasi {
                wasi(options)?.define(&mut linker);
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
    let results = Instance::new(&store, &program, &linker)?.call(&store, name, &args)?;
    drop(deadline);
    for result in results {
        writeln!(io::stdout(), "{result}")?;
    }
    Ok(())
}

/// What a WASI program is given, but for its arguments.
fn wasi(options: &Options) -> Result<Wasi> {
    let Options { file, dirs, variables, .. } = options;
    let name = file.file_name().unwrap_or(file.as_os_str());
    let mut wasi = Wasi::new().arg(name.to_string_lossy()).inherit_stdio();
    for variable in variables {
        let (name, value) = variable.split_once('=').ok_or_else(|| format!("`{variable}` is not NAME=VALUE"))?;
        wasi = wasi.env(name, value);
    }
    for dir in dirs {
        let (host, guest) = dir.split_once("::").unwrap_or((dir, dir));
        wasi = wasi.dir(host, guest).map_err(|error| format!("the directory {host}: {error}"))?;
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
        let exported: Vec<String> = functions().take(LISTED).map(|(name, ty)| format!("\n  {name} {ty}")).collect();
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

/// The arguments as the function's type has them.
fn parse(name: &str, ty: &FuncType, args: &[String]) -> std::result::Result<Vec<Value>, String> {
    if args.len() != ty.params.len() {
        let (wanted, given) = (ty.params.len(), args.len());
        let plural = if wanted == 1 { "" } else { "s" };
        return Err(format!("`{name}` is a function {ty}: it takes {wanted} argument{plural}, and {given} were given"));
    }
    (ty.params.iter().zip(args).enumerate())
        .map(|(index, (&ty, text))| {
            Value::parse(ty, text).map_err(|error| format!("argument {} of `{name}`: {error}", index + 1))
        })
        .collect()
}

/// What modules may import.
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
        let limits = Limits::default();
        let options = Options { file, variables, invoke: None, dirs: vec![], limits, timeout: None, args: vec![] };
        assert_eq!(wasi(&options).unwrap_err().to_string(), "`K` is not NAME=VALUE");
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
        assert_eq!(
            parse(&["7"]).unwrap_err(),
            "`f` is a function (i32, f64) -> (): it takes 2 arguments, and 1 were given"
        );
        assert!(parse(&["7", "x"]).unwrap_err().starts_with("argument 2 of `f`: `x` is no f64"));
    }
}
