//! Runs small programs on all engines.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder that is removed at the end of a test.
struct Folder(PathBuf);

impl Folder {
    /// Makes a folder with a module for each source in the text format.
    fn new(test: &str, sources: &[(&str, &str)]) -> Self {
        let folder = Self(std::env::temp_dir().join(format!("programs-{test}-{}", std::process::id())));
        for (name, source) in sources {
            folder.write(&format!("{name}.wasm"), &wat::parse_str(source).unwrap());
        }
        folder
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Runs the command on the folder. Returns its tables without times, or the text that is printed instead of times.
    fn run(&self, options: &[&str]) -> (Output, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_programs"));
        let output = command.arg(&self.0).args(["--repeat", "1"]).args(options).output().unwrap();
        let all = [&*output.stdout, &*output.stderr].concat();
        (output, String::from_utf8(all).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Copies its standard input and a file to its standard output.
const COPY: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "bench" "start" (func $start))
    (memory (export "memory") 1)
    (data (i32.const 0) "\40\00\00\00\10\00\00\00file")
    (func $copy (param $from i32)
        (i32.store (i32.const 4) (i32.const 16))
        (if (call $read (local.get $from) (i32.const 0) (i32.const 1) (i32.const 4)) (then unreachable))
        (if (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)) (then unreachable)))
    (func (export "_start")
        (call $start)
        (call $copy (i32.const 0))
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 4) (i32.const 0)
                (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 20))
            (then unreachable))
        (call $copy (i32.load (i32.const 20)))
        ;; The sum of the first bytes of both.
        (call $exit (i32.sub (i32.load8_u (i32.const 64)) (i32.const 102)))))"#;

#[test]
fn commands_and_start_functions_run_on_all_engines() {
    let start = "(module (func $f) (start $f))";
    let folder = Folder::new("run", &[("copy/copy", COPY), ("start", start)]);
    folder.write("copy/copy.stdin", b"input ");
    folder.write("copy/file", b"from a file");
    let csv = folder.0.join("out.csv");
    let (output, text) = folder.run(&["--csv", csv.to_str().unwrap()]);
    assert!(output.status.success(), "{text}");
    let lines = std::fs::read_to_string(csv).unwrap();
    let ran = |program: &str| lines.lines().filter(|line| line.starts_with(program) && line.contains(",ran,")).count();
    assert_eq!((ran("\"copy\","), ran("\"start\","), lines.lines().count()), (7, 7, 15), "{lines}{text}");
    assert!(text.contains("| geometric mean (programs) | |"), "{text}");
}

#[test]
fn exports_take_arguments() {
    let source = r#"(module (func (export "f") (param i32 i64 f32 f64) (result f64 i32)
        (f64.add (f64.promote_f32 (local.get 2)) (local.get 3))
        (i32.add (local.get 0) (i32.wrap_i64 (local.get 1)))))"#;
    let folder = Folder::new("export", &[("export", source)]);
    let (output, text) = folder.run(&["--invoke", "f", "--", "-1", "5000000000", "0.5", "nan"]);
    assert!(output.status.success() && text.contains("(1)"), "{text}");
    let (output, text) = folder.run(&["--engine", "wasmi", "--invoke", "f", "--", "x", "1", "1", "1"]);
    assert!(output.status.success() && text.contains("argument `x`: expected a number of type I32"), "{text}");
}

#[test]
fn programs_that_cannot_be_compared_are_not_counted() {
    let import = r#"(module (import "env" "unknown" (func)) (func (export "_start")))"#;
    let trap = r#"(module (func (export "_start") unreachable))"#;
    let endless = r#"(module (func (export "_start") (loop (br 0))))"#;
    let exit = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 3))))"#;
    let nothing = "(module)";
    let sources = [("import", import), ("trap", trap), ("endless", endless), ("exit", exit), ("nothing", nothing)];
    let folder = Folder::new("not-counted", &sources);
    folder.write("invalid.wasm", b"\0asm");
    let (output, text) = folder.run(&["--timeout", "1"]);
    assert!(output.status.success(), "{text}");
    for engine in ["uops", "uops-interpreter", "uops-auto", "wasmi", "winch", "cranelift", "pulley"] {
        for problem in ["failed: trapped", "timeout", "failed: exited 3"] {
            assert!(text.contains(&format!("{engine}: {problem}")), "{engine}: {problem}: {text}");
        }
        assert_eq!(text.matches(&format!("{engine}: unsupported")).count(), 3, "{engine}: {text}");
    }
    assert!(!text.contains("(1)"), "{text}");
}
