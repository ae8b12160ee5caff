//! The command line: what it prints, where, and its exit codes.

use std::path::PathBuf;
use std::process::{Command, Output};

const MODULE: &str = r#"(module
    (import "env" "print_i32" (func $print (param i32)))
    (func $one (result i32) (i32.const 1))
    (func $half (export "half") (param i32) (result i32)
        (call $print (local.get 0))
        (i32.div_u (local.get 0) (i32.add (call $one) (i32.const 1))))
    (func $trap (export "trap") (drop (i32.div_s (i32.const 1) (i32.const 0))))
    (func (export "hang") (loop (br 0))))"#;

/// Writes a file with this content.
fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn uops(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_uops")).args(args).output().unwrap()
}

/// Returns the exit code, the standard output and the standard error.
fn outcome(args: &[&str]) -> (Option<i32>, String, String) {
    let output = uops(args);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn results_go_to_stdout_and_errors_to_stderr() {
    let file = file("module.wat", MODULE);
    let run = |args: &[&str]| outcome(&[&["run", file.to_str().unwrap(), "--invoke"], args].concat());
    assert_eq!(run(&["half", "9"]), (Some(0), "9\n4\n".into(), String::new()));
    let trap = "trap: integer divide by zero\n   0: function 3 `trap`\n";
    assert_eq!(run(&["trap"]), (Some(134), String::new(), trap.into()));
    let hang = "trap: interrupted: raise the limit with --timeout\n   0: function 4 `hang`\n";
    assert_eq!(run(&["hang", "--timeout", "0.05"]), (Some(134), String::new(), hang.into()));
    let (code, _, messages) = run(&["half", "x"]);
    assert_eq!(code, Some(1));
    assert!(messages.starts_with("error: argument 1 of `half`: `x` is not an i32"), "{messages}");
    let (code, _, messages) = outcome(&["run", "/no/such/file"]);
    assert_eq!((code, messages.starts_with("error: /no/such/file: ")), (Some(1), true));
}

#[test]
fn a_program_determines_the_exit_code() {
    let exit = |code: i32| {
        let text = format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const {code}))))"#
        );
        let file = file(&format!("exit{code}.wat"), &text);
        outcome(&["run", file.to_str().unwrap()])
    };
    for (code, expected) in [(0, 0), (42, 42), (255, 255), (-1, 255)] {
        assert_eq!(exit(code), (Some(expected), String::new(), String::new()));
    }
    // The system would truncate it to 0.
    let message = "error: the program exited with code 256: expected a code from 0 to 255\n";
    assert_eq!(exit(256), (Some(1), String::new(), message.into()));
}

#[test]
fn reactors_are_initialized() {
    let file = file(
        "reactor.wat",
        r#"(module
            (global $calls (mut i32) (i32.const 41))
            (func $initialize (export "_initialize") (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
            (func (export "run") (result i32) (global.get $calls)))"#,
    );
    let file = file.to_str().unwrap();
    assert_eq!(outcome(&["run", file, "--invoke", "run"]), (Some(0), "42\n".into(), String::new()));
    assert_eq!(outcome(&["run", file]), (Some(0), "42\n".into(), String::new()));
    assert_eq!(outcome(&["run", file, "--invoke", "_initialize"]), (Some(0), String::new(), String::new()));
    let odd =
        self::file("odd-reactor.wat", r#"(module (func (export "_initialize") (param i32)) (func (export "run")))"#);
    let (code, _, messages) = outcome(&["run", odd.to_str().unwrap()]);
    assert_eq!((code, messages.contains("(i32)")), (Some(1), true), "{messages}");
}

/// Names with terminal escape sequences, as a hostile module might have.
#[test]
fn names_cannot_control_the_terminal() {
    let name = r"\1b[2J\r\c2\9bJ\n   1: function 7 `x";
    let files = [
        format!(r#"(module (func (export "{name}") unreachable))"#),
        format!(r#"(module (import "{name}" "{name}" (func)) (func (export "run")))"#),
        format!(r#"(module (func (export "{name}")) (func (export "{name}")) (func (export "run") unreachable))"#),
        format!(r#"(module (func $f (@name "{name}") (result i32)))"#),
        format!(r#"(module (func $f (@name "{name}") unreachable) (func (export "run") (call $f)))"#),
        // In the source text, which messages quote.
        "(module (func (i32.const \u{1b}[2J)))".to_owned(),
        "(module (; \u{1b}[2J ;) (func bad))".to_owned(),
    ];
    for (index, text) in files.iter().enumerate() {
        let file = file(&format!("names{index}.wat"), text);
        let file = file.to_str().unwrap();
        for args in [&["run", file][..], &["run", file, "--invoke", "none"], &["dump", file], &["wast", file]] {
            let (_, output, messages) = outcome(args);
            let printed = format!("{output}{messages}");
            let odd = |char: char| char.is_control() && char != '\n' && char != '\t';
            assert!(!printed.contains(odd), "{args:?} {printed:?}");
            assert!(!printed.contains("\n   1: function 7"), "{args:?} {printed}");
        }
    }
}

#[test]
fn a_dump_has_the_names_of_functions() {
    let file = file("dump.wat", MODULE);
    let (code, listing, _) = outcome(&["dump", file.to_str().unwrap(), "--function", "half"]);
    assert_eq!(code, Some(0));
    assert!(listing.starts_with("function 2 `half` (i32) -> (i32): "), "{listing}");
    for call in ["call_import import=0 ", "call function=2 "] {
        let line = listing.lines().find(|line| line.contains(call)).unwrap();
        assert!(line.ends_with(if call.starts_with("call_import") { "(`print`)" } else { "(`one`)" }), "{line}");
    }
    let (code, _, messages) = outcome(&["dump", file.to_str().unwrap(), "--function", "none"]);
    assert_eq!((code, messages.as_str()), (Some(1), "error: the module defines no function `none`\n"));
}

#[test]
fn a_summary_counts_narrow_forms() {
    let text = |number: i32| format!("(module (func (param i32) (result i32) local.get 0 i32.const {number} i32.add))");
    let summary = |number| {
        let file = file(&format!("summary{number}.wat"), &text(number));
        let (code, output, messages) = outcome(&["dump", file.to_str().unwrap(), "--summary"]);
        assert_eq!((code, messages.as_str()), (Some(0), ""));
        let number_after = |word: &str| -> usize {
            let (before, _) = output.split_once(word).unwrap();
            before.split_whitespace().last().unwrap().parse().unwrap()
        };
        [" uops", " of them narrow", " bytes of machine code"].map(number_after)
    };
    let [small, large] = [summary(100), summary(1000)];
    assert_eq!(small[0], large[0]);
    assert_eq!(small[1], large[1] + 1);
    assert!(small[2] < large[2], "{small:?} {large:?}");
}

#[test]
fn scripts_report_their_failures() {
    let claim = |n| {
        format!(
            "(module (func (export \"f\") (result i32) (i32.const 1)))\n(assert_return (invoke \"f\") (i32.const {n}))"
        )
    };
    let (good, bad) = (file("good.wast", &claim(1)), file("bad.wast", &claim(2)));
    let [good, bad] = [good.to_str().unwrap(), bad.to_str().unwrap()];
    assert_eq!(outcome(&["wast", good]), (Some(0), format!("{good}: 2 passed, 0 failed\n"), String::new()));
    let (code, output, messages) = outcome(&["wast", good, bad]);
    assert_eq!((code, messages.as_str()), (Some(1), "error: 1 directive failed\n"));
    assert!(output.contains(&format!("{bad}:2: assert_return: [I32(1)] instead of ")), "{output}");
    let memories = file("memories.wast", r#"(assert_invalid (module (memory 0) (memory 0)) "multiple memories")"#);
    assert_eq!(outcome(&["wast", "--v2", memories.to_str().unwrap()]).0, Some(0));
    assert_eq!(outcome(&["wast", memories.to_str().unwrap()]).0, Some(1));
    let text = r#"(module
        (func $f (export "f") (result funcref) (ref.func $f))
        (func $g (export "g") (result funcref i32) (ref.func $f) (i32.const 2)))
        (assert_return (invoke "f") (ref.func 0))
        (assert_return (invoke "f") (ref.func $f))
        (assert_return (invoke "g") (either (ref.null func) (ref.func 0)) (either (i32.const 1) (i32.const 2)))
        (assert_return (invoke "f") (ref.func 1))
        (assert_return (invoke "f") (ref.func 9))
        (assert_return (invoke "f") (ref.func $none))
        (assert_return (invoke "g") (ref.func) (either (i32.const 1) (i32.const 3)))"#;
    let forms = file("forms.wast", text);
    let (code, output, _) = outcome(&["wast", forms.to_str().unwrap()]);
    let lines: Vec<_> = output.lines().map(|line| line.split(':').nth(1).unwrap()).collect();
    assert_eq!((code, &lines[..]), (Some(1), &["7", "8", "9", "10", " 4 passed, 4 failed"][..]), "{output}");
    let broken = file("broken.wast", "(module");
    let (code, _, messages) = outcome(&["wast", broken.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(messages.ends_with("error: 1 file could not be run\n"), "{messages}");
    // The remaining files still run.
    let files = ["/no/such/file", broken.to_str().unwrap(), good, bad];
    let (code, output, all) = outcome(&[&["wast"], &files[..]].concat());
    assert!(output.starts_with(&format!("{good}: 2 passed, 0 failed\n{bad}:2: ")), "{output}");
    assert!(all.starts_with("error: /no/such/file: "), "{all}");
    assert!(all.ends_with("error: 1 directive failed, 2 files could not be run\n"), "{all}");
    assert_eq!(code, Some(1));
    assert!(messages.contains("broken.wast:") && messages.contains("--> <anon>:1:8"), "{messages}");
}
