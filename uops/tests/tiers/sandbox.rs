//! Processes that may not have executable memory run programs in the interpreter.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use uops::{Instance, Linker, Store, Tier, Value};

use super::{compile_for, has_interpreter};

/// The sum of the numbers from 1 to 1,000, by calls of all kinds.
const SUM: &str = r#"(module
    (table funcref (elem $add))
    (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "run") (result i32) (local $n i32) (local $sum i32)
        (loop $next
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (local.set $sum
                (call_indirect (param i32 i32) (result i32) (local.get $sum) (local.get $n) (i32.const 0)))
            (br_if $next (i32.lt_u (local.get $n) (i32.const 1000))))
        (call $add (local.get $sum) (i32.const 0))))"#;

fn sum(tier: Tier) -> Result<Vec<Value>, uops::Error> {
    let (program, store) = (compile_for(tier, SUM.as_bytes())?, Store::new()?);
    Instance::new(&store, &program, &Linker::new())?.call(&store, "run", &[])
}

/// Makes the system refuse executable memory to this thread from now on.
fn refuse_executable_memory() {
    const ARGUMENT: u32 = 16 + 8 * 2;
    let [load, equal, any, end] = [
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ,
        libc::BPF_JMP | libc::BPF_JSET,
        libc::BPF_RET,
    ];
    let step = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        step(load, 0, 0, 0),
        step(equal, libc::SYS_mmap as u32, 2, 0),
        step(equal, libc::SYS_mprotect as u32, 1, 0),
        step(equal, libc::SYS_pkey_mprotect as u32, 0, 2),
        // The low half of the protection, which is the third argument of each of them.
        step(load, ARGUMENT, 0, 0),
        step(any, libc::PROT_EXEC as u32, 1, 0),
        step(end, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(end, libc::SECCOMP_RET_ERRNO | libc::EACCES as u32, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the filter lives until the calls return, and has as many steps as it says. It affects this thread only.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

#[test]
fn under_a_filter_that_refuses_executable_memory() {
    let thread = std::thread::spawn(|| {
        refuse_executable_memory();
        // Values do not leave their thread.
        [Tier::Interpreter, Tier::Auto, Tier::Jit]
            .map(|tier| sum(tier).map(|sum| sum == [Value::I32(500_500)]).map_err(|error| error.to_string()))
    });
    let [interpreted, auto, compiled] = thread.join().unwrap();
    let error = compiled.unwrap_err();
    assert!(error.contains("executable"), "{error}");
    if has_interpreter() {
        assert_eq!([interpreted, auto], [Ok(true), Ok(true)]);
    }
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The command line, in a process in which nothing that was writable becomes executable (Linux 6.3).
#[test]
fn in_a_process_that_denies_write_and_execute() {
    const PR_SET_MDWE: i32 = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: u64 = 1;
    let file = file("tiers-sum.wat", SUM);
    let run = |tier: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uops"));
        command.args(["run", "--tier", tier]).arg(&file);
        // SAFETY: the closure calls one function, which is safe after a fork. Where the system does not know it, the process runs
        // without the restriction.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0_u64, 0_u64, 0_u64);
                Ok(())
            });
        }
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    if has_interpreter() {
        for tier in ["interpreter", "auto"] {
            assert_eq!(run(tier), (Some(0), "500500\n".to_owned(), String::new()));
        }
    }
    // A second mapping of the same memory may serve.
    let (code, output, messages) = run("jit");
    assert!(output == "500500\n" || code == Some(1) && messages.starts_with("error: "), "{output}{messages}");
}

/// A program that says that it runs, and then waits for its input to end.
const WAITING: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "\40\00\00\00\06\00\00\00") (data (i32.const 64) "ready\n")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))
        (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8)))))"#;

/// Returns the executable mappings of a process that runs a program, except those of files.
fn executable_mappings(tier: &str) -> Vec<String> {
    let file = file(&format!("tiers-waiting-{tier}.wat"), WAITING);
    let mut command = Command::new(env!("CARGO_BIN_EXE_uops"));
    command.args(["run", "--tier", tier]).arg(&file).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let maps = fs::read_to_string(format!("/proc/{}/maps", child.id())).unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    let executable = maps.lines().filter(|line| {
        let mut parts = line.split_whitespace();
        let (permissions, path) = (parts.nth(1).unwrap_or_default(), parts.nth(3).unwrap_or_default());
        let of_file = path.starts_with('/') && !path.starts_with("/memfd:");
        permissions.contains('x') && !of_file && !["[vdso]", "[vsyscall]"].contains(&path)
    });
    executable.map(str::to_owned).collect()
}

#[test]
fn the_interpreter_maps_no_executable_memory() {
    assert_ne!(executable_mappings("jit"), Vec::<String>::new());
    if has_interpreter() {
        assert_eq!(executable_mappings("interpreter"), Vec::<String>::new());
    }
}
