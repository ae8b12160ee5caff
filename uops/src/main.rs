//! `uops`: runs WebAssembly modules, and shows what they are compiled to.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use uops::wasi::{Exit, Wasi};
use uops::{ExternType, FuncType, Imports, Instance, Program, Store, Value, ValueType};

/// Runs WebAssembly modules, and shows what they are compiled to.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Calls a function and prints its result.
    ///
    /// Modules may import `print_i32`, `print_i64`, `print_f32` and `print_f64` from `env`. Of programs for WASI
    /// preview 1 (`wasi_snapshot_preview1`), `_start` is called, and their exit code is this one's.
    Run {
        /// The module, in the binary or in the text format.
        file: PathBuf,
        /// The exported function; otherwise `run`, `_start` or `main`, whichever there is first.
        #[arg(long, value_name = "NAME")]
        invoke: Option<String>,
        /// A directory for a WASI program to use, and its name there if that is another one.
        #[arg(long = "dir", value_name = "HOST[::GUEST]")]
        dirs: Vec<String>,
        /// A variable for a WASI program's environment.
        #[arg(long = "env", value_name = "NAME=VALUE")]
        variables: Vec<String>,
        /// The arguments: integers in decimal or, after 0x, in hexadecimal; floats in decimal, or inf or nan; vectors as one number
        /// in hexadecimal. Of WASI
        /// programs: any text. From the first one on, or after `--`, there are no more options.
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        args: Vec<String>,
    },
    /// Prints the uops of each function and their machine code.
    Dump {
        /// The module, in the binary or in the text format.
        file: PathBuf,
        /// The one function to print, by its name or its index.
        #[arg(long, value_name = "NAME")]
        function: Option<String>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run { file, invoke, dirs, variables, args } => {
            run(&file, invoke.as_deref(), &args, || wasi(&file, &dirs, &variables))
        }
        Command::Dump { file, function } => dump(&file, function.as_deref()),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    if let Some(Exit(code)) = error.downcast_ref().and_then(Exit::of) {
        // What the system makes of a number of more than eight bits is its own affair.
        std::process::exit(code.cast_signed());
    }
    let error_of_uops = error.downcast_ref::<uops::Error>();
    let kind = if matches!(error_of_uops, Some(uops::Error::Trap { .. })) { "trap" } else { "error" };
    // Where even this cannot be written, the exit code has to do.
    let _ = writeln!(io::stderr(), "{kind}: {error}");
    if let Some(backtrace) = error_of_uops.and_then(uops::Error::backtrace) {
        let _ = write!(io::stderr(), "{backtrace}");
    }
    ExitCode::FAILURE
}

fn load(file: &Path) -> Result<Program, Box<dyn Error>> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Program::new(&bytes).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn run(
    file: &Path,
    invoke: Option<&str>,
    args: &[String],
    wasi: impl FnOnce() -> Result<Wasi, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let program = load(file)?;
    let is_wasi = program.module().imports().any(|(module, ..)| module == uops::wasi::MODULE);
    let mut imports = prints();
    let (invoke, args) = match invoke {
        None if is_wasi => {
            wasi()?.args(args).define(&mut imports);
            (Some("_start"), &[][..])
        }
        _ if is_wasi => {
            wasi()?.define(&mut imports);
            (invoke, args)
        }
        _ => (invoke, args),
    };
    let functions: Vec<(&str, FuncType)> = (program.module().exports())
        .filter_map(|(name, ty)| if let ExternType::Func(ty) = ty { Some((name, ty)) } else { None })
        .collect();
    let (name, ty) = choose(&functions, invoke)?;
    let args = parse(name, ty, args)?;
    let store = Store::new()?;
    let instance = Instance::new(&store, &program, &imports)?;
    for result in instance.call(&store, name, &args)? {
        writeln!(io::stdout(), "{result}")?;
    }
    Ok(())
}

/// What a WASI program is given, but for its arguments.
fn wasi(file: &Path, dirs: &[String], variables: &[String]) -> Result<Wasi, Box<dyn Error>> {
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

/// The function to call.
fn choose<'f>(functions: &'f [(&str, FuncType)], invoke: Option<&str>) -> Result<(&'f str, &'f FuncType), String> {
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
        let exported: Vec<String> = functions.iter().map(|(name, ty)| format!("\n  {name} {ty}")).collect();
        if exported.is_empty() {
            format!("{missing}; it exports no functions at all")
        } else {
            format!("{missing}; it exports:{}", exported.concat())
        }
    })
}

/// The arguments as the function's type has them.
fn parse(name: &str, ty: &FuncType, args: &[String]) -> Result<Vec<Value>, String> {
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
fn prints() -> Imports {
    let mut imports = Imports::new();
    for ty in [ValueType::I32, ValueType::I64, ValueType::F32, ValueType::F64] {
        imports.func("env", &format!("print_{ty}"), FuncType::new([ty], []), |_, args| {
            for arg in args {
                writeln!(io::stdout(), "{arg}")?;
            }
            Ok(vec![])
        });
    }
    imports
}

fn dump(file: &Path, function: Option<&str>) -> Result<(), Box<dyn Error>> {
    let program = load(file)?;
    let module = program.module();
    let imported = module.imported_functions();
    let mut found = false;
    for index in imported..module.function_count() {
        let (defined, name) = (index - imported, module.function_name(index as u32));
        if function.is_some_and(|wanted| name != Some(wanted) && wanted.parse() != Ok(index)) {
            continue;
        }
        let (Some(ty), Some(wasm), Some(code), Some(listing)) = (
            module.function_type(index as u32),
            module.body_size(defined),
            program.code_size(defined),
            program.listing(defined),
        ) else {
            continue;
        };
        let separator = if found { "\n" } else { "" };
        let name = name.map(|name| format!(" `{name}`")).unwrap_or_default();
        let header = format!("function {index}{name} {ty}: {wasm} bytes of wasm, {code} bytes of machine code");
        writeln!(io::stdout(), "{separator}{header}\n{}", listing.trim_end())?;
        found = true;
    }
    match function {
        Some(wanted) if !found => Err(format!("the module defines no function `{wanted}`").into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli(args: &[&str]) -> Command {
        Cli::try_parse_from(args).unwrap_or_else(|error| panic!("{error}")).command
    }

    #[test]
    fn negative_numbers_are_arguments() {
        let all = ["uops", "run", "a.wasm", "--invoke", "f", "-1", "-0x2", "-inf", "3"];
        for line in [&all[..], &["uops", "run", "--invoke", "f", "a.wasm", "-1", "-0x2", "-inf", "3"]] {
            let Command::Run { file, invoke, args, .. } = cli(line) else { panic!("not run") };
            assert_eq!((file.to_str(), invoke.as_deref()), (Some("a.wasm"), Some("f")));
            assert_eq!(args, ["-1", "-0x2", "-inf", "3"]);
        }
    }

    #[test]
    fn programs_have_options_too() {
        for rest in [&["x", "--env", "-h", "--"][..], &["--", "--env", "-h", "x"]] {
            let line = ["uops", "run", "--dir", "a::b", "a.wasm", "--env", "K=V=W", "--dir=c"];
            let Command::Run { dirs, variables, args, .. } = cli(&[&line, rest].concat()) else { panic!("not run") };
            assert_eq!((dirs, variables), (vec!["a::b".to_owned(), "c".to_owned()], vec!["K=V=W".to_owned()]));
            assert_eq!(args, if rest[0] == "--" { &rest[1..] } else { rest });
        }
        let error = wasi(Path::new("a.wasm"), &[], &["K".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "`K` is not NAME=VALUE");
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
        assert_eq!(
            parse(&["7"]).unwrap_err(),
            "`f` is a function (i32, f64) -> (): it takes 2 arguments, and 1 were given"
        );
        assert!(parse(&["7", "x"]).unwrap_err().starts_with("argument 2 of `f`: `x` is no f64"));
    }
}
