//! Modules that try to occupy a thread beyond its time limit while they are compiled, instantiated or run.
//!
//! The ordinary test has a generous bound, because it runs unoptimized and beside other tests. The documented bound is
//! checked on an idle machine:
//!
//! cargo test --release -p uops --test evasion -- --ignored --nocapture

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use uops::wasi::Wasi;
use uops::{Error, Instance, Linker, Program, Store, Trap};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, Encode, Function, FunctionSection, GlobalSection,
    GlobalType, MemorySection, MemoryType, NameMap, NameSection, RefType, Section, TableSection, TableType,
    TypeSection, ValType,
};

/// The time limit of a compilation, an instantiation or a run.
const TIME: Duration = Duration::from_millis(20);
/// The scale of the modules. Compiling them takes far longer than the time limit.
const SIZE: usize = if cfg!(debug_assertions) { 1 } else { 40 };

#[test]
fn no_module_holds_a_thread_for_long() {
    check(1, Duration::from_secs(10));
}

#[test]
#[ignore = "needs an idle machine"]
fn no_module_holds_a_thread_for_100_ms() {
    check(3, Duration::from_millis(100));
}

/// Runs all modules, and prints how long each continues after its time limit: the minimum of `attempts` attempts.
fn check(attempts: u32, bound: Duration) {
    let mut late = Vec::new();
    let dir = Dir::new();
    for (name, attempt) in cases(&dir) {
        let least = (0..attempts).map(|_| attempt()).min().unwrap();
        println!("{:>8.1} ms  {name}", least.as_secs_f64() * 1e3);
        if least > bound {
            late.push(name);
        }
    }
    assert!(late.is_empty(), "{late:?}");
}

type Case<'c> = (&'static str, Box<dyn Fn() -> Duration + 'c>);

fn cases(dir: &Dir) -> Vec<Case<'_>> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (name, wasm) in large_modules().into_iter().chain(large_sections()) {
        cases.push((name, Box::new(move || compile(&wasm))));
    }
    for (name, wasm) in large_instances() {
        cases.push((name, Box::new(move || run(&wasm, linker(None)))));
    }
    for (name, instruction) in INSTRUCTIONS {
        let body = instruction.repeat(600);
        cases.push((name, Box::new(move || run(text(&body).as_bytes(), linker(None)))));
    }
    for (name, body) in PROGRAMS {
        cases.push((name, Box::new(move || run(text(body).as_bytes(), linker(Some(dir))))));
    }
    cases
}

/// Compiles a module until the time limit, and returns by how much it exceeds the limit.
fn compile(wasm: &[u8]) -> Duration {
    let end = Instant::now() + TIME;
    let result = Program::with_progress(wasm, |_| {
        if Instant::now() < end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let late = end.elapsed();
    assert!(!matches!(result, Err(Error::Invalid { .. })), "{result:?}");
    late
}

/// Runs a module until the time limit, and returns by how much it exceeds the limit.
fn run(wasm: &[u8], linker: Linker) -> Duration {
    let program = Program::new(wasm).unwrap();
    let store = Store::new().unwrap();
    let handle = store.interrupt_handle();
    std::thread::scope(|scope| {
        let interrupt = scope.spawn(move || {
            std::thread::sleep(TIME);
            let end = Instant::now();
            handle.interrupt();
            end
        });
        let result = Instance::new(&store, &program, &linker)
            .and_then(|instance| instance.func(&store, "run").map_or(Ok(vec![]), |run| run.call(&store, &[])));
        let now = Instant::now();
        if let Err(error) = result {
            assert_eq!(error.trap(), Some(Trap::Interrupted), "{error}");
        }
        now.saturating_duration_since(interrupt.join().unwrap())
    })
}

/// Instructions that take long individually or in large numbers.
const INSTRUCTIONS: [(&str, &str); 9] = [
    ("600 memory.fill", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x10000000))"),
    ("600 memory.copy up", "(memory.copy (i32.const 0) (i32.const 1) (i32.const 0xfffffff))"),
    ("600 memory.copy down", "(memory.copy (i32.const 1) (i32.const 0) (i32.const 0xfffffff))"),
    ("600 memory.init", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0x100000))"),
    ("600 table.fill", "(table.fill $t (i32.const 0) (ref.func $f) (i32.const 5000000))"),
    ("600 table.copy", "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 4999999))"),
    ("600 table.grow", "(drop (table.grow $u (ref.func $f) (i32.const 100000)))"),
    ("600 slow host calls", "(call $slow)"),
    ("600 trees of host calls", "(call $again)"),
];

/// WASI programs, with a directory that contains a FIFO and a huge file.
const PROGRAMS: [(&str, &str); 9] = [
    ("random_get", "(loop (drop (call $random_get (i32.const 0) (i32.const 0x10000000))) (br 0))"),
    (
        "poll_oneoff",
        "(i64.store (i32.const 24) (i64.const -1))
        (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))",
    ),
    (
        "fd_write",
        "(call $slices) (loop
        (drop (call $fd_write (i32.const 1) (i32.const 0x1000) (i32.const 1024) (i32.const 0))) (br 0))",
    ),
    (
        "fd_read",
        r#"(call $slices) (call $open (i32.const 6) (i64.const 2)) (loop
        (drop (call $fd_read (i32.const 4) (i32.const 0x1000) (i32.const 1024) (i32.const 0))) (br 0))"#,
    ),
    (
        "path_open of a FIFO to read",
        "(call $open (i32.const 0) (i64.const 2))
        (call $slices) (drop (call $fd_read (i32.const 4) (i32.const 0x1000) (i32.const 1) (i32.const 0)))",
    ),
    ("path_open of a FIFO to write", "(call $open (i32.const 0) (i64.const 64))"),
    (
        "fd_write to a full FIFO",
        "(call $slices) (call $open (i32.const 0) (i64.const 66)) (loop
        (drop (call $fd_write (i32.const 4) (i32.const 0x1000) (i32.const 1024) (i32.const 0))) (br 0))",
    ),
    (
        "fd_readdir",
        "(loop (drop (call $fd_readdir
        (i32.const 3) (i32.const 0x10000) (i32.const 0x1000000) (i64.const 0) (i32.const 0))) (br 0))",
    ),
    (
        "fd_readdir to the last entry",
        "(loop (drop (call $fd_readdir
        (i32.const 3) (i32.const 0x10000) (i32.const 0x1000000) (i64.const -1) (i32.const 0))) (br 0))",
    ),
];

/// Returns a module whose function `run` has this body.
fn text(body: &str) -> String {
    let import = |name: &str, params: &str| {
        let module = uops::wasi::MODULE;
        format!(r#"(import "{module}" "{name}" (func ${name} (param {params}) (result i32)))"#)
    };
    let imports = [
        import("random_get", "i32 i32"),
        import("poll_oneoff", "i32 i32 i32 i32"),
        import("fd_write", "i32 i32 i32 i32"),
        import("fd_read", "i32 i32 i32 i32"),
        import("fd_readdir", "i32 i32 i32 i64 i32"),
        import("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
    ];
    let data = if body.contains("memory.init") { "x".repeat(1 << 20) } else { String::new() };
    format!(
        r#"(module {} (import "env" "slow" (func $slow)) (import "env" "again" (func $again))
            (memory (export "memory") 4096) (table $t 5000000 funcref) (table $u 0 funcref)
            (data (i32.const 0xff00) "fifo  huge") (data $d "{data}") (func $f) (elem declare func $f)
            ;; 1024 slices of 4 MiB.
            (func $slices (local $i i32)
                (loop
                    (i32.store offset=0x1004 (i32.mul (local.get $i) (i32.const 8)) (i32.const 0x3fff00))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.get $i) (i32.const 1024)))))
            ;; Opens a file of the directory, with rights.
            (func $open (param $name i32) (param $rights i64)
                (drop (call $path_open (i32.const 3) (i32.const 0) (i32.add (local.get $name) (i32.const 0xff00))
                    (i32.const 4) (i32.const 0) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 8))))
            (func (export "run") {body}))"#,
        imports.concat()
    )
}

fn linker(dir: Option<&Dir>) -> Linker {
    let wasi = Wasi::new();
    let wasi = match dir {
        Some(dir) => wasi.dir(&dir.0, "/").unwrap(),
        None => wasi,
    };
    let mut linker = wasi.linker().unwrap();
    linker.func_wrap("env", "slow", || std::thread::sleep(Duration::from_millis(1)));
    linker.func_wrap("env", "again", |caller: &uops::Caller<'_>| {
        // Ignore the result: this host function continues although it should return.
        let _ = caller.instance().call(caller.store(), "run", &[]);
    });
    linker
}

/// A directory with a FIFO, an empty sparse file of one tebibyte, and many entries.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("evasion-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        assert!(Command::new("mkfifo").arg(path.join("fifo")).status().unwrap().success());
        std::fs::File::create(path.join("huge")).unwrap().set_len(1 << 40).unwrap();
        for index in 0..2000 * SIZE {
            std::fs::File::create(path.join(format!("entry{index}"))).unwrap();
        }
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns a module with the types `() -> ()` and `() -> (i32, 1,000 times)`, and other sections.
fn module(sections: &[&dyn Section]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([], [ValType::I32; 1000]);
    let mut module = wasm_encoder::Module::HEADER.to_vec();
    types.append_to(&mut module);
    sections.iter().for_each(|section| section.append_to(&mut module));
    module
}

/// Returns a module with these functions of type 0.
fn functions(bodies: impl IntoIterator<Item = Function>) -> Vec<u8> {
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for body in bodies {
        functions.function(0);
        code.function(&body);
    }
    module(&[&functions, &code])
}

/// Returns a function of encoded instructions.
fn body(instructions: impl IntoIterator<Item = u8>) -> Function {
    let mut body = Function::new([]);
    body.raw(instructions).raw([0x0b]);
    body
}

fn repeat(instructions: &[u8], size: usize) -> impl Iterator<Item = u8> {
    instructions.iter().copied().cycle().take(size / instructions.len() * instructions.len())
}

/// Returns modules that take long to compile.
fn large_modules() -> Vec<(&'static str, Vec<u8>)> {
    let size = SIZE * 750_000;
    let function = size.min(7_500_000);
    let (i32_const, drop, end) = (0x41, 0x1a, 0x0b);
    // The most targets that a table may have. Each table is in a block, since the code after it is unreachable.
    let targets = 65_520;
    let mut br_table = vec![0x02, 0x40, i32_const, 0, 0x0e];
    targets.encode(&mut br_table);
    br_table.extend(std::iter::repeat_n(0, targets as usize + 1).chain([end]));
    let mut too_large = vec![i32_const, 0, 0x0e];
    (function as u32).encode(&mut too_large);
    too_large.extend(std::iter::repeat_n(0, function + 1));
    let depth = function / 5;
    let blocks = [0x02, 0x40].repeat(depth).into_iter().chain(std::iter::repeat_n(end, depth));
    let mut wide_functions = FunctionSection::new();
    wide_functions.function(1).function(0);
    let mut wide_code = CodeSection::new();
    wide_code.function(&body([0x00])).function(&body(repeat(&[0x10, 0x00], function / 20).chain([0x00])));
    let mut elements = ElementSection::new();
    elements.passive(Elements::Functions(Cow::Owned(vec![0; size.min(2_000_000)])));
    let mut segments = ElementSection::new();
    let count = 90_000;
    (0..count).for_each(|_| _ = segments.passive(Elements::Functions(Cow::Owned(vec![0; size / count]))));
    let mut expressions = ElementSection::new();
    let null = ConstExpr::ref_null(wasm_encoder::HeapType::FUNC);
    expressions.passive(Elements::Expressions(RefType::FUNCREF, Cow::Owned(vec![null; size / 3])));
    let (mut one, mut code) = (FunctionSection::new(), CodeSection::new());
    one.function(0);
    code.function(&body([]));
    let mut names = NameMap::new();
    (0..size as u32 / 10).for_each(|index| names.append(index, "name"));
    let mut name_section = NameSection::new();
    name_section.functions(&names);
    vec![
        ("compile: one large function", functions([body(repeat(&[i32_const, 1, drop], function))])),
        ("compile: large br_tables", functions([body(repeat(&br_table, function))])),
        ("compile: too large br_table", functions([body(too_large)])),
        ("compile: nested blocks", functions([body(blocks)])),
        ("compile: many functions", functions((0..(size / 8).min(1_000_000)).map(|_| body([i32_const, 1, drop])))),
        (
            "compile: many functions of 4 KiB",
            functions((0..size / 400).map(|_| body(repeat(&[i32_const, 1, drop], 4096)))),
        ),
        ("compile: many results", module(&[&wide_functions, &wide_code])),
        ("compile: large element segment", module(&[&one, &elements, &code])),
        ("compile: large element segment of expressions", module(&[&expressions])),
        ("compile: many element segments", module(&[&one, &segments, &code])),
        ("compile: many names", module(&[&one, &code, &name_section])),
    ]
}

/// Returns modules with large sections, and with large items in them, some of which are refused.
fn large_sections() -> Vec<(&'static str, Vec<u8>)> {
    const TYPE: u8 = 1;
    const IMPORT: u8 = 2;
    const TABLE: u8 = 4;
    const GLOBAL: u8 = 6;
    const EXPORT: u8 = 7;
    const ELEMENT: u8 = 9;
    const DATA: u8 = 11;
    let size = SIZE * 750_000;
    // A sum of constants that ends after about that many bytes.
    let sum = |size: usize| [&[0x41, 1][..], &[0x41, 1, 0x6a].repeat(size / 3), &[0x0b]].concat();
    let count = |item: usize, most: usize| (size / item).min(most);
    let items = |count: usize, item: &dyn Fn(usize) -> Vec<u8>| {
        let mut section = Vec::new();
        (count as u32).encode(&mut section);
        (0..count).for_each(|index| section.extend(item(index)));
        section
    };
    let wide = [&[0x60, 0xe8, 0x07][..], &[0x7e; 1000], &[0]].concat();
    // Types that all differ: parameters by the bits of the index.
    let distinct = |index: usize| {
        let bits = (0..20).map(|bit| if index >> bit & 1 == 0 { 0x7f } else { 0x7e });
        [0x60, 20].into_iter().chain(bits).chain([0]).collect::<Vec<u8>>()
    };
    let export = |index: usize| {
        let name = format!("{index:x}");
        [&[name.len() as u8], name.as_bytes(), &[3, 0]].concat()
    };
    let global = (GLOBAL, [&[1, 0x7f, 0][..], &sum(3)].concat());
    let memory = (5, vec![1, 0, 0]);
    let table = (TABLE, vec![1, 0x70, 0, 0]);
    let raw = |sections: &[(u8, Vec<u8>)]| {
        let mut module = wasm_encoder::Module::HEADER.to_vec();
        for (id, data) in sections {
            module.push(*id);
            data.encode(&mut module);
        }
        module
    };
    let one = |id: u8, data: Vec<u8>| raw(&[(id, data)]);
    vec![
        ("compile: many types", one(TYPE, items(count(3, 1_000_000), &|_| vec![0x60, 0, 0]))),
        ("compile: many distinct types", one(TYPE, items(count(23, 1_000_000), &distinct))),
        ("compile: many wide types", one(TYPE, items(count(wide.len(), 1_000_000), &|_| wide.clone()))),
        ("compile: many imports", one(IMPORT, items(count(6, 1_000_000), &|_| vec![0, 0, 3, 0x7f, 0]))),
        ("compile: many tables", one(TABLE, items(count(3, 100_000), &|_| vec![0x70, 0, 0]))),
        ("compile: many globals", one(GLOBAL, items(count(5, 1_000_000), &|_| vec![0x7f, 0, 0x41, 1, 0x0b]))),
        ("compile: many large globals", one(GLOBAL, items(size / 300, &|_| [&[0x7f, 0][..], &sum(300)].concat()))),
        (
            "compile: large globals",
            one(GLOBAL, items(size / 2_000_000, &|_| [&[0x7f, 0][..], &sum(1_999_998)].concat())),
        ),
        ("compile: too large global", one(GLOBAL, items(1, &|_| [&[0x7f, 0][..], &sum(size)].concat()))),
        ("compile: many exports", raw(&[global, (EXPORT, items(count(9, 1_000_000), &export))])),
        (
            "compile: large offset of elements",
            raw(&[table.clone(), (ELEMENT, items(1, &|_| [&[0][..], &sum(size), &[0]].concat()))]),
        ),
        (
            "compile: many large offsets of elements",
            raw(&[table.clone(), (ELEMENT, items(size / 300, &|_| [&[0][..], &sum(300), &[0]].concat()))]),
        ),
        (
            "compile: many large expressions of elements",
            raw(&[
                table,
                (
                    ELEMENT,
                    items(size / 2_000_000, &|_| {
                        let expressions = items(500_000, &|_| vec![0xd0, 0x70, 0x0b]);
                        [&[5, 0x70][..], &expressions].concat()
                    }),
                ),
            ]),
        ),
        (
            "compile: large offset of data",
            raw(&[memory.clone(), (DATA, items(1, &|_| [&[0][..], &sum(size), &[0]].concat()))]),
        ),
        (
            "compile: many large offsets of data",
            raw(&[memory, (DATA, items(size / 300, &|_| [&[0][..], &sum(300), &[0]].concat()))]),
        ),
    ]
}

/// Returns modules that take long to instantiate.
fn large_instances() -> Vec<(&'static str, Vec<u8>)> {
    let size = (SIZE * 1_000_000).min(9_000_000);
    let (mut one, mut code) = (FunctionSection::new(), CodeSection::new());
    one.function(0);
    code.function(&body([]));
    let limits = MemoryType { minimum: 4096, maximum: None, memory64: false, shared: false, page_size_log2: None };
    let mut memory = MemorySection::new();
    memory.memory(limits);
    let mut data = DataSection::new();
    for _ in 0..size / 100 {
        data.active(0, &ConstExpr::i32_const(0), [1; 100]);
    }
    let mut one_data = DataSection::new();
    one_data.active(0, &ConstExpr::i32_const(0), std::iter::repeat_n(1, 10 * size));
    let mut table = TableSection::new();
    let element_type = RefType::FUNCREF;
    table.table(TableType { element_type, minimum: size as u64, maximum: None, table64: false, shared: false });
    let mut elements = ElementSection::new();
    // The most functions that a segment may have, about.
    let functions = vec![0; size.min(2_000_000)];
    for _ in 0..size / functions.len() {
        elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(Cow::Borrowed(&functions)));
        elements.passive(Elements::Functions(Cow::Borrowed(&functions)));
    }
    let mut globals = GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
    let mut sum = vec![0x41, 1];
    sum.extend([0x41, 1, 0x6a].repeat(size.min(2_000_000) / 3));
    globals.global(ty, &ConstExpr::raw(sum));
    let mut hang = Function::new([]);
    hang.raw([0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b]);
    let mut start_code = CodeSection::new();
    start_code.function(&hang);
    let start = wasm_encoder::StartSection { function_index: 0 };
    vec![
        ("instantiate: many data segments", module(&[&memory, &data])),
        ("instantiate: large data segment", module(&[&memory, &one_data])),
        ("instantiate: large element segments", module(&[&one, &table, &elements, &code])),
        ("instantiate: large constant expression", module(&[&globals])),
        ("instantiate: start function", module(&[&one, &start, &start_code])),
    ]
}
