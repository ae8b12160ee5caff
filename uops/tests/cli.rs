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

/// A file that contains this.
fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn uops(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_uops")).args(args).output().unwrap()
}

/// Exit code, standard output, messages.
fn outcome(args: &[&str]) -> (Option<i32>, String, String) {
    let output = uops(args);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn results_go_to_the_output_and_reasons_to_the_messages() {
    let file = file("module.wat", MODULE);
    let run = |args: &[&str]| outcome(&[&["run", file.to_str().unwrap(), "--invoke"], args].concat());
    assert_eq!(run(&["half", "9"]), (Some(0), "9\n4\n".into(), String::new()));
    let trap = "trap: integer divide by zero\n   0: function 3 `trap`\n";
    assert_eq!(run(&["trap"]), (Some(1), String::new(), trap.into()));
    let hang = "trap: interrupted\n   0: function 4 `hang`\n";
    assert_eq!(run(&["hang", "--timeout", "0.05"]), (Some(1), String::new(), hang.into()));
    let (code, _, messages) = run(&["half", "x"]);
    assert_eq!(code, Some(1));
    assert!(messages.starts_with("error: argument 1 of `half`: `x` is not an i32"), "{messages}");
    let (code, _, messages) = outcome(&["run", "/no/such/file"]);
    assert_eq!((code, messages.starts_with("error: /no/such/file: ")), (Some(1), true));
}

#[test]
fn programs_exit_with_their_own_code() {
    let text = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 42))))"#;
    let file = file("exit.wat", text);
    assert_eq!(outcome(&["run", file.to_str().unwrap()]), (Some(42), String::new(), String::new()));
}

#[test]
fn a_dump_has_the_names_of_functions() {
    let file = file("dump.wat", MODULE);
    let (code, listing, _) = outcome(&["dump", file.to_str().unwrap(), "--function", "half"]);
    assert_eq!(code, Some(0));
    assert!(listing.starts_with("function 2 `half` (i32) -> (i32): "), "{listing}");
    for call in ["call_import import=0x0 ", "call function=0x2 "] {
        let line = listing.lines().find(|line| line.contains(call)).unwrap();
        assert!(line.ends_with(if call.starts_with("call_import") { "(`print`)" } else { "(`one`)" }), "{line}");
    }
    let (code, _, messages) = outcome(&["dump", file.to_str().unwrap(), "--function", "none"]);
    assert_eq!((code, messages.as_str()), (Some(1), "error: the module defines no function `none`\n"));
}

#[test]
fn scripts_pass_or_say_what_failed() {
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
    let broken = file("broken.wast", "(module");
    let (code, _, messages) = outcome(&["wast", broken.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(messages.contains("broken.wast:") && messages.contains("--> <anon>:1:8"), "{messages}");
}
