//! The limits of the command line, and processes that run out of memory: hostile modules end in an error.

use std::borrow::Cow;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Section, TypeSection, ValType,
};

/// The exit code after a trap or a timeout.
const TRAPPED: i32 = 134;

/// Writes a file with this content.
fn file(name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Runs a module in a process whose address space is limited to this many KiB.
fn run(file: &PathBuf, options: &[&str], address_space: Option<u64>) -> (i32, String) {
    let limit = address_space.map_or("unlimited".to_owned(), |size| size.to_string());
    let output = Command::new("sh")
        .args(["-c", r#"ulimit -v "$0" && exec "$@""#, &limit, env!("CARGO_BIN_EXE_uops"), "run"])
        .args(options)
        .arg(file)
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    let Some(code) = output.status.code() else {
        panic!("{}: signal {:?}: {messages}", file.display(), output.status.signal())
    };
    (code, messages)
}

#[test]
fn messages_name_the_option_to_raise() {
    let grow = r#"(func (export "run") (result i32 i32)
        (memory.grow (i32.const 9)) (table.grow (ref.null func) (i32.const 9))))"#;
    let small = file("small.wat", format!("(module (memory 1) (table 1 funcref) {grow}"));
    let large = file("large.wat", format!("(module (memory 3) (table 11 funcref) {grow}"));
    let deep = file("deep.wat", r#"(module (func $f (export "run") (call $f)))"#);
    let error = |file, options: &[&str]| {
        let (code, messages) = run(file, options, None);
        (code, messages.lines().next().unwrap_or_default().to_owned())
    };
    assert_eq!(error(&large, &[]), (0, String::new()));
    let pages =
        "error: a memory of 3 pages is larger than the limit of 2 (pages have 64 KiB): raise it with --max-memory";
    assert_eq!(error(&large, &["--max-memory", "191K"]), (1, pages.to_owned()));
    let elements = "error: a table of 11 elements is larger than the limit of 10: raise it with --max-table";
    assert_eq!(error(&large, &["--max-table", "10"]), (1, elements.to_owned()));
    let (code, message) = error(&large, &["--max-total", "128K"]);
    assert!(
        message.starts_with("error: the store needs ") && message.ends_with(": raise it with --max-total"),
        "{message}"
    );
    assert_eq!(code, 1);
    let stack = "trap: call stack exhausted: raise the limit with --max-stack";
    assert_eq!(error(&deep, &["--max-stack", "64K"]), (TRAPPED, stack.to_owned()));
    for options in [["--max-memory", "x"], ["--max-total", "-1"], ["--max-table", "1.5"], ["--max-stack", "1T"]] {
        assert_eq!(run(&small, &options, None).0, 2, "{options:?}");
    }
    assert_eq!(run(&small, &["--max-memory", "640K", "--max-table", "10", "--max-total", "1M"], None).0, 0);
}

#[test]
fn hostile_modules_end_in_an_error_with_any_amount_of_memory() {
    for (name, module) in hostile() {
        let file = file(name, module);
        for address_space in [200 << 10, 500 << 10, 2 << 20] {
            let (code, messages) = run(&file, &["--timeout", "60"], Some(address_space));
            let explained = match code {
                0 => messages.is_empty(),
                1 => messages.starts_with("error: "),
                TRAPPED => messages.starts_with("trap: "),
                _ => false,
            };
            assert!(explained, "{name}: {code}: {messages}");
        }
    }
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let text = |fields: &str| format!(r#"(module {fields})"#).into_bytes();
    let nothing = r#"(func (export "run"))"#;
    let until_full = |count: usize, item: &str, by: &str, instruction: &str| {
        let all: String = (0..count)
            .map(|index| {
                let grow = instruction.replace('N', &index.to_string()).replace("BY", by);
                format!("(block (loop (br_if 1 (i32.eq (i32.const -1) {grow})) (br 0)))")
            })
            .collect();
        text(&format!(r#"(func $f) (elem declare func $f) {} (func (export "run") {all})"#, item.repeat(count)))
    };
    let mut modules = vec![
        ("tables.wat", text(&format!("{} {nothing}", "(table 10000000 funcref)".repeat(20)))),
        ("empty-tables.wat", text(&format!("{} {nothing}", "(table 0 funcref)".repeat(9000)))),
        ("memories.wat", text(&format!("{} {nothing}", "(memory 1)".repeat(90)))),
        ("wide-memories.wat", text(&format!("{} {nothing}", "(memory i64 1)".repeat(90)))),
        ("large-memory.wat", text(&format!("(memory 65536) {nothing}"))),
        (
            "fill.wat",
            text(
                r#"(memory 512) (func (export "run") (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x2000000)))"#,
            ),
        ),
        ("grow-memory.wat", until_full(8, "(memory 0)", "7", "(memory.grow N (i32.const BY))")),
        ("grow-table.wat", until_full(8, "(table 0 funcref)", "99999", "(table.grow N (ref.func $f) (i32.const BY))")),
        ("recursion.wat", text(r#"(func $f (export "run") (call $f))"#)),
    ];
    let many = 300_000;
    let mut globals = GlobalSection::new();
    for _ in 0..many {
        globals.global(global(), &ConstExpr::i32_const(1));
    }
    modules.push(("globals.wasm", module(&[&globals])));
    let mut types = TypeSection::new();
    types.ty().function([], []);
    for index in 0..many / 100 {
        // All of them differ.
        let bits = (0..17).map(|bit| if index >> bit & 1 == 0 { ValType::I32 } else { ValType::I64 });
        types.ty().function(bits, [ValType::I32; 900]);
    }
    modules.push(("types.wasm", with_types(&types, &[])));
    let mut imports = ImportSection::new();
    for _ in 0..many / 3 {
        imports.import("env", "print_i32", EntityType::Function(1));
    }
    modules.push(("imports.wasm", module(&[&imports])));
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut code = CodeSection::new();
    let mut empty = Function::new([]);
    empty.raw([0x0b]);
    code.function(&empty);
    let mut elements = ElementSection::new();
    for _ in 0..3 {
        elements.passive(Elements::Functions(Cow::Owned(vec![0; 3_000_000])));
    }
    modules.push(("elements.wasm", module(&[&functions, &elements, &code])));
    let mut memory = MemorySection::new();
    memory.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut data = DataSection::new();
    for _ in 0..many / 3 {
        data.active(0, &ConstExpr::i32_const(0), [1]);
    }
    modules.push(("data.wasm", module(&[&memory, &data])));
    let mut deep = GlobalSection::new();
    let operators = [[0x41, 1].repeat(200_001), vec![0x6a; 200_000]].concat();
    deep.global(global(), &ConstExpr::raw(operators));
    modules.push(("constant.wasm", module(&[&deep])));
    modules
}

fn global() -> GlobalType {
    GlobalType { val_type: ValType::I32, mutable: false, shared: false }
}

/// Returns a module with the types `() -> ()` and `(i32) -> ()`.
fn module(sections: &[&dyn Section]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([ValType::I32], []);
    with_types(&types, sections)
}

fn with_types(types: &TypeSection, sections: &[&dyn Section]) -> Vec<u8> {
    let mut module = wasm_encoder::Module::HEADER.to_vec();
    types.append_to(&mut module);
    sections.iter().for_each(|section| section.append_to(&mut module));
    module
}

/// Runs a command that would never end, checks that it ends soon after its time limit, and returns its messages.
fn ends(mut command: Command) -> String {
    let start = Instant::now();
    // Its standard streams are pipes that stay open, but that nobody writes to or reads from.
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{command:?}");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(TRAPPED));
    let mut messages = String::new();
    child.stderr.unwrap().read_to_string(&mut messages).unwrap();
    messages
}

#[test]
fn the_time_limit_covers_the_whole_run() {
    let run = |file: &PathBuf| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uops"));
        command.args(["run", "--timeout", "0.2"]).arg(file);
        command
    };
    let program = |body: &str| {
        format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 17)
                (func (export "_start") (i32.store (i32.const 4) (i32.const 0x100000)) {body}))"#
        )
    };
    let interrupted = "trap: interrupted: raise the limit with --timeout\n";
    let input = "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))";
    assert!(ends(run(&file("input.wat", program(input)))).starts_with(interrupted));
    let output = "(loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0))";
    assert!(ends(run(&file("output.wat", program(output)))).starts_with(interrupted));
    // Compilation alone exceeds the limit.
    let mut body = Function::new([]);
    body.raw([0x41, 1, 0x1a].repeat(2_000_000)).raw([0x0b]);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..3 {
        functions.function(0);
        code.function(&body);
    }
    let large = file("large.wasm", module(&[&functions, &code]));
    let messages = ends(run(&large));
    assert!(
        messages.ends_with("the time is over before the module is compiled: raise the limit with --timeout\n"),
        "{messages}"
    );
    // Opening a FIFO blocks if nobody writes to it. Only the last resort, ending the process, stops that.
    let fifo = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fifo-{}", std::process::id()));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let messages = ends(run(&fifo));
    std::fs::remove_file(&fifo).unwrap();
    assert!(messages.starts_with("error: the time is over"), "{messages}");
}
