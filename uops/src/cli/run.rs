//! `uops run`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::Args;
use uops::wasi::Wasi;
use uops::{ExternType, FuncType, Instance, Linker, Store, Value, ValueType};

use super::Result;
use super::load::load;

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
    /// Ends the program after so many seconds.
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
    let program = load(&options.file)?;
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
    let functions: Vec<(&str, FuncType)> = (program.module().exports())
        .filter_map(|(name, ty)| if let ExternType::Func(ty) = ty { Some((name, ty)) } else { None })
        .collect();
    let (name, ty) = choose(&functions, invoke)?;
    let args = parse(name, ty, args)?;
    let store = Store::new()?;
    for result in within(options.timeout, &store, || {
        let instance = Instance::new(&store, &program, &linker)?;
        if name != "_initialize" {
            uops::wasi::initialize(&store, instance)?;
        }
        instance.call(&store, name, &args)
    })? {
        writeln!(io::stdout(), "{result}")?;
    }
    Ok(())
}

/// Runs something in a store, and interrupts it after a time.
fn within<T>(timeout: Option<Duration>, store: &Store, run: impl FnOnce() -> T) -> T {
    let Some(timeout) = timeout else { return run() };
    let (done, waiting) = channel::<()>();
    let handle = store.interrupt_handle();
    std::thread::spawn(move || {
        // The other end is dropped when the run ends.
        if waiting.recv_timeout(timeout).is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout) {
            handle.interrupt();
        }
    });
    let result = run();
    drop(done);
    result
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

/// Chooses the function to call.
fn choose<'f>(
    functions: &'f [(&str, FuncType)],
    invoke: Option<&str>,
) -> std::result::Result<(&'f str, &'f FuncType), String> {
    let find = |wanted: &str| functions.iter().find(|(name, _)| *name == wanted).map(|(name, ty)| (*name, ty));
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
            functions.iter().map(|(name, ty)| format!("\n  {} {ty}", name.escape_debug())).collect();
        if exported.is_empty() {
            format!("{missing}; it exports no functions at all")
        } else {
            format!("{missing}; it exports:{}", exported.concat())
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
    use uops::{Program, Trap};

    use super::*;

    #[test]
    fn variables_have_values() {
        let (file, variables) = (PathBuf::from("a.wasm"), vec!["K".to_owned()]);
        let (dirs, read_only_dirs, args) = (vec![], vec![], vec![]);
        let options = Options { file, variables, invoke: None, dirs, read_only_dirs, timeout: None, args };
        assert_eq!(wasi(&options).unwrap_err().to_string(), "expected NAME=VALUE, found `K`");
    }

    #[test]
    fn time_is_over_for_those_who_hang_and_for_no_others() {
        let program =
            Program::new(br#"(module (func (export "f") (param i32) (loop (br_if 0 (local.get 0)))))"#).unwrap();
        let store = Store::new().unwrap();
        let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
        let run = |n: i32| instance.call(&store, "f", &[n.into()]);
        within(Some(Duration::from_secs(3600)), &store, || run(0)).unwrap();
        within(None, &store, || run(0)).unwrap();
        let error = within(Some(Duration::from_millis(1)), &store, || run(1)).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::Interrupted));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(["-1", "nan", "x", "1e300"].iter().all(|text| seconds(text).is_err()));
    }

    #[test]
    fn functions_are_chosen_by_name_or_custom() {
        let functions = [("main", FuncType::default()), ("_start", FuncType::default()), ("f", FuncType::default())];
        assert_eq!(choose(&functions, None).unwrap().0, "_start");
        assert_eq!(choose(&functions, Some("f")).unwrap().0, "f");
        assert_eq!(
            choose(&functions[2..], None).unwrap_err(),
            "the module exports no function `run`, `_start` or `main`: choose one with --invoke; it exports:\n  \
             f () -> ()"
        );
        assert!(choose(&[], Some("g")).unwrap_err().contains("exports no functions at all"));
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
