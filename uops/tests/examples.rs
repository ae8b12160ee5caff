//! The example programs compute their known results on uops, and the same source compiled by a C compiler computes them
//! too.

use std::path::{Path, PathBuf};
use std::process::Command;

use uops::{Error, Instance, Linker, Module, Program, Store, Tier, Value};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Returns the lines of `expected.txt` for a program: `n` and the result.
fn expected(name: &str) -> Vec<(i32, String)> {
    let text = std::fs::read_to_string(examples().join("expected.txt")).unwrap();
    let lines: Vec<_> = (text.lines())
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .filter(|words| words[0] == name)
        .map(|words| (words[1].parse().unwrap(), words[2].to_owned()))
        .collect();
    assert_eq!(lines.len(), 2, "a small n and the default one");
    lines
}

/// Formats a result as the program prints it.
fn print(result: Value) -> String {
    match result {
        Value::I64(value) => value.to_string(),
        Value::F64(value) => format!("{:016x}", value.to_bits()),
        other => panic!("{other:?}"),
    }
}

/// Compiles a program for this machine, if a C compiler is installed.
fn native(name: &str) -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let chosen = std::env::var("CC").ok();
    for compiler in chosen.as_deref().into_iter().chain(["cc", "gcc", "clang"]) {
        let output = Command::new(compiler)
            .args(["-std=c99", "-O2", "-ffp-contract=off", "-o"])
            .arg(&program)
            .arg(examples().join(format!("{name}.c")))
            .arg("-lm")
            .output();
        match output {
            Ok(output) if output.status.success() => return Some(program),
            Ok(output) => eprintln!("{compiler} fails: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => {}
        }
    }
    eprintln!("no C compiler here makes a native program: {name} is compared with expected.txt only");
    None
}

fn check(name: &str) {
    let wasm = std::fs::read(examples().join(format!("{name}.wasm"))).unwrap();
    check_program(name, &Program::new(&wasm).unwrap());
    match Program::for_tier(Module::new(&wasm).unwrap(), Tier::Interpreter) {
        // gcc compiled the uops.
        Err(Error::NoInterpreter) => {}
        program => check_program(name, &program.unwrap()),
    }
}

fn check_program(name: &str, program: &Program) {
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, program, &Linker::new()).unwrap();
    let native = native(name);
    for (n, result) in expected(name) {
        let results = instance.call(&store, "run", &[n.into()]).unwrap();
        assert_eq!(results.into_iter().map(print).collect::<Vec<_>>(), [&*result], "{name} {n}");
        if let Some(native) = &native {
            let output = Command::new(native).arg(n.to_string()).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), result, "{name} {n}, native");
        }
    }
}

macro_rules! examples {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn all_examples_are_tested() {
            let mut found: Vec<_> = (std::fs::read_dir(examples()).unwrap())
                .map(|file| file.unwrap().path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
                .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            found.sort();
            assert_eq!(found, [$(stringify!($name)),*]);
        }
    };
}
examples!(bytecode matmul nbody quicksort sha256 sieve);
