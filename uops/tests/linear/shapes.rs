//! Modules of any size, designed to reveal costs that grow faster than the size.

use std::iter::repeat_n;

use wasm_encoder::Instruction::{
    self, Block, Br, BrIf, BrTable, Call, Drop, Else, End, I32Add, I32Const, I32LtS, I64Const, If, LocalGet, LocalSet,
    LocalTee, Loop, Nop, Unreachable,
};
use wasm_encoder::{
    BlockType, CodeSection, ElementSection, Elements, Encode, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, MemArg, MemArgTarget, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// A shape of modules: its name, and a function that returns a module of about the given size in bytes.
pub type Shape = (&'static str, Box<dyn Fn(usize) -> Vec<u8>>);

type Code = Vec<Instruction<'static>>;

/// The maximum number of parameters or results of a block or a function.
const MOST: usize = 1000;

// Types.
const NONE: u32 = 0;
const UNARY: u32 = 1;
const EIGHT: u32 = 2;
const THOUSAND: u32 = 3;
const MIXED: u32 = 4;

// Functions that the others call, of types `UNARY` and `THOUSAND`.
const INCREMENT: u32 = 0;
const PASS: u32 = 1;

// Locals.
const LOCALS: [(u32, ValType); 4] = [(2, ValType::I32), (1, ValType::I64), (2, ValType::F64), (2, ValType::V128)];
const A: u32 = 0;
const B: u32 = 1;
const LONG: u32 = 2;
const FLOAT: u32 = 3;
const VECTOR: u32 = 5;

/// One large function.
#[derive(Default)]
struct Large {
    first: Code,
    /// The code that is repeated first.
    open: Code,
    middle: Code,
    /// The code that is repeated as often as `open`, after it.
    close: Code,
    last: Code,
    /// The maximum number of repetitions of `open` before `close` follows, or 0 for no maximum.
    deepest: usize,
}

/// The number of values that fit on the operand stack.
const DEEPEST: usize = 60_000;

impl Large {
    fn module(&self, size: usize) -> Vec<u8> {
        let [first, open, middle, close, last] =
            [&self.first, &self.open, &self.middle, &self.close, &self.last].map(|code| encode(code));
        let times = size / (open.len() + close.len());
        let deepest = if self.deepest == 0 { times } else { self.deepest };
        let mut code = first;
        for start in (0..times).step_by(deepest.max(1)) {
            let times = deepest.min(times - start);
            code.extend([open.repeat(times), middle.clone(), close.repeat(times)].concat());
        }
        one(&[code, last].concat())
    }

    fn shape(self, name: &'static str) -> Shape {
        (name, Box::new(move |size| self.module(size)))
    }
}

/// Returns a shape with one function that repeats its code.
fn repeated(name: &'static str, code: impl Into<Code>) -> Shape {
    Large { open: code.into(), ..Large::default() }.shape(name)
}

/// Returns the code after a thousand cheap instructions. The code takes a thousand values, so that it may cost as much as
/// a thousand bytes do.
fn diluted(code: &[Instruction<'static>]) -> Code {
    repeat_n(Nop, MOST).chain(code.iter().cloned()).collect()
}

/// Returns a shape with many functions of this body, which begins with its locals.
fn many(name: &'static str, ty: u32, locals: &'static [(u32, ValType)], code: impl Into<Code>) -> Shape {
    let mut body = Function::new(locals.iter().copied());
    body.raw(encode(&code.into())).instruction(&End);
    let body = body.into_raw_body();
    (name, Box::new(move |size| functions(size / (body.len() + 2), ty, &body, |_| ())))
}

/// Returns a module with one function of this code, after those that it may call.
fn one(code: &[u8]) -> Vec<u8> {
    let mut body = Function::new(LOCALS);
    body.raw(code.iter().copied()).instruction(&End);
    functions(1, NONE, &body.into_raw_body(), |_| ())
}

/// Returns a module with `count` functions of this type and body, after those that they may call.
fn functions(count: usize, ty: u32, body: &[u8], add: impl FnOnce(&mut Module)) -> Vec<u8> {
    let (mut section, mut code) = (FunctionSection::new(), CodeSection::new());
    let called = [(UNARY, vec![LocalGet(A), I32Const(1), I32Add, End]), (THOUSAND, vec![Unreachable, End])];
    for (ty, instructions) in called {
        section.function(ty);
        code.function(Function::new([]).raw(encode(&instructions)));
    }
    for _ in 0..count {
        section.function(ty);
        code.raw(body);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut module = Module::new();
    module.section(&types()).section(&section).section(&memories);
    add(&mut module);
    module.section(&code);
    module.finish()
}

fn types() -> TypeSection {
    let mut types = TypeSection::new();
    let ints = |count| repeat_n(ValType::I32, count);
    types.ty().function([], []);
    types.ty().function(ints(1), ints(1));
    types.ty().function(ints(8), ints(8));
    types.ty().function(ints(MOST), ints(MOST));
    let mixed = (0..MOST).map(|index| if index % 2 == 0 { ValType::V128 } else { ValType::F32 });
    types.ty().function(mixed, []);
    types
}

fn encode(code: &[Instruction<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    code.iter().for_each(|instruction| instruction.encode(&mut bytes));
    bytes
}

/// Pushes `count` integers.
fn values(count: usize) -> impl Iterator<Item = Instruction<'static>> {
    repeat_n(LocalGet(A), count)
}

fn drops(count: usize) -> Code {
    vec![Drop; count]
}

/// Returns all shapes.
#[allow(dead_code, reason = "the test checks them in groups, the benchmark measures all")]
pub fn all() -> impl Iterator<Item = Shape> {
    [vec![common()], straight(), calls(), blocks(), branches(), modules()].into_iter().flatten()
}

/// A mix of the instructions that most functions consist of.
pub fn common() -> Shape {
    let empty = BlockType::Empty;
    let open =
        vec![Loop(empty), LocalGet(A), I32Const(1), I32Add, LocalTee(A), Call(INCREMENT), LocalSet(B), Block(empty)];
    let close = vec![End, LocalGet(A), LocalGet(B), I32LtS, BrIf(0), End];
    Large { open, close, ..Large::default() }.shape("common code")
}

/// Code without branches.
pub fn straight() -> Vec<Shape> {
    let access = MemArg { offset: 8, align: 0, target: MemArgTarget::Memory(0), ordering: None };
    vec![
        repeated("arithmetic on locals", [LocalGet(A), LocalGet(B), I32Add, LocalSet(A)]),
        repeated("arithmetic on one local", [LocalGet(A), I32Const(1), I32Add, LocalTee(A), Drop]),
        repeated("divisions", [LocalGet(A), LocalGet(B), Instruction::I32DivS, LocalSet(A)]),
        repeated("constants", [I64Const(-1), LocalSet(LONG), Instruction::F64Const(0.5.into()), LocalSet(FLOAT)]),
        repeated("floats", [LocalGet(FLOAT), Instruction::F64Sqrt, LocalGet(FLOAT + 1), Instruction::F64Mul, Drop]),
        repeated(
            "vectors",
            [LocalGet(VECTOR), Instruction::V128Const(-2), Instruction::I8x16Add, LocalSet(VECTOR + 1)],
        ),
        repeated("memory", [LocalGet(A), LocalGet(B), Instruction::I32Load(access), Instruction::I32Store(access)]),
        repeated("no operation", [Nop]),
        repeated("comparisons", [LocalGet(A), LocalGet(B), I32LtS, Instruction::I32Eqz, LocalSet(A)]),
        repeated("selections", [LocalGet(A), I32Const(3), LocalGet(B), Instruction::Select, LocalSet(A)]),
        repeated(
            "a local that is set while on the stack",
            [LocalGet(A), LocalGet(A), I32Const(1), LocalSet(A), Drop, Drop],
        ),
        Large {
            open: vec![LocalGet(A)],
            middle: vec![I32Const(1), LocalSet(A)],
            close: vec![Drop],
            deepest: DEEPEST,
            ..Large::default()
        }
        .shape("a local that is set while on the stack many times"),
        Large {
            open: vec![LocalGet(A)],
            middle: vec![LocalGet(B)],
            close: vec![I32Add],
            last: vec![Unreachable],
            deepest: DEEPEST,
            ..Large::default()
        }
        .shape("a deep stack"),
        Large { first: vec![Unreachable], open: vec![I32Add, LocalSet(A)], ..Large::default() }
            .shape("unreachable code"),
    ]
}

/// Calls with few and with many values.
pub fn calls() -> Vec<Shape> {
    let thousand = |open: Code| Large { first: values(MOST).collect(), open, last: drops(MOST), ..Large::default() };
    vec![
        repeated("calls", [LocalGet(A), Call(INCREMENT), LocalSet(A)]),
        thousand(diluted(&[Call(PASS)])).shape("calls with a thousand values"),
        thousand(vec![LocalGet(A), Call(INCREMENT), Drop]).shape("calls above a thousand values"),
        Large { open: vec![LocalGet(A), Call(INCREMENT)], close: vec![Drop], deepest: DEEPEST, ..Large::default() }
            .shape("calls above ever more values"),
    ]
}

/// Sequences of blocks, and nested blocks.
pub fn blocks() -> Vec<Shape> {
    let (empty, thousand) = (BlockType::Empty, BlockType::FunctionType(THOUSAND));
    let nested = |open: &[_], close: &[_]| Large { open: open.into(), close: close.into(), ..Large::default() };
    let with_values = |large: Large| Large { first: values(MOST).collect(), last: drops(MOST), ..large };
    vec![
        repeated("blocks", [Block(empty), LocalGet(A), BrIf(0), End]),
        repeated("loops", [Loop(empty), LocalGet(A), LocalGet(B), I32LtS, BrIf(0), End]),
        repeated("conditions", [LocalGet(A), If(empty), Nop, Else, Nop, End]),
        nested(&[Block(empty)], &[LocalGet(A), BrIf(0), End]).shape("nested blocks"),
        nested(&[Loop(empty)], &[LocalGet(A), BrIf(0), End]).shape("nested loops"),
        nested(&[LocalGet(A), If(empty)], &[Else, Nop, End]).shape("nested conditions"),
        nested(&[LocalGet(A), If(empty), Else], &[End]).shape("nested alternatives"),
        Large { first: vec![Unreachable], ..nested(&[Block(empty)], &[End]) }.shape("unreachable nested blocks"),
        with_values(nested(&diluted(&[LocalGet(A), If(thousand), Else, End]), &[]))
            .shape("conditions with a thousand values"),
        with_values(nested(&diluted(&[Block(thousand)]), &[End])).shape("nested blocks with a thousand values"),
    ]
}

/// Branches, with and without values.
pub fn branches() -> Vec<Shape> {
    let empty = BlockType::Empty;
    // The constant in the block ensures that the values are not yet in their target slots.
    let with_values = |ty, count, branch: &[Instruction<'static>]| Large {
        first: values(count).chain([Block(ty), I64Const(1)]).chain(values(count)).collect(),
        open: branch.into(),
        last: [Br(0), End].into_iter().chain(drops(count)).collect(),
        ..Large::default()
    };
    let (thousand, eight) = (BlockType::FunctionType(THOUSAND), BlockType::FunctionType(EIGHT));
    let table = |targets: &'static [u32]| BrTable(targets.into(), 0);
    let own: Code = [LocalGet(A), If(empty)].into_iter().chain(values(8)).chain([Br(1), End]).collect();
    vec![
        with_values(thousand, MOST, &diluted(&[LocalGet(A), BrIf(0)])).shape("branches with a thousand values"),
        with_values(eight, 8, &[LocalGet(A), BrIf(0)]).shape("branches with eight values"),
        with_values(eight, 8, &own).shape("branches with eight values of their own"),
        repeated("small tables", [Block(empty), Block(empty), LocalGet(A), table(&[1, 0, 1]), End, End]),
        (
            "large tables",
            Box::new(|size| {
                // The most targets that a table may have.
                let (depth, most) = (100, 65_520);
                let targets: Vec<u32> = (0..size as u32).map(|index| index % depth).collect();
                let tables = targets.chunks(most).flat_map(|targets| {
                    [Block(BlockType::Empty), LocalGet(A), BrTable(targets.to_vec().into(), 0), End]
                });
                let blocks = repeat_n(Block(BlockType::Empty), depth as usize);
                one(&encode(&blocks.chain(tables).chain(repeat_n(End, depth as usize)).collect::<Vec<_>>()))
            }),
        ),
    ]
}

/// As many small functions as fit the size.
pub fn small_functions() -> Shape {
    many("small functions", UNARY, &[], [LocalGet(A), I32Const(1), I32Add, Call(INCREMENT)])
}

/// Modules with many functions, or with many items of another kind.
pub fn modules() -> Vec<Shape> {
    const LOCALS: &[(u32, ValType)] = &[(49_998, ValType::I64), (2, ValType::V128)];
    vec![
        many("empty functions", NONE, &[], [Nop, Nop, Nop, Nop]),
        many("functions of fifty thousand locals", NONE, LOCALS, [I64Const(1), LocalSet(49_997)]),
        many("functions of a thousand parameters", THOUSAND, &[], diluted(&[Unreachable])),
        many("functions of a thousand parameters, no two alike", MIXED, &[], diluted(&[Unreachable])),
        small_functions(),
        (
            "imports",
            Box::new(|size| {
                let mut imports = ImportSection::new();
                let name = "a".repeat(MOST);
                (0..size / MOST).for_each(|_| _ = imports.import(&name, "", EntityType::Function(UNARY)));
                let mut module = Module::new();
                module.section(&types()).section(&imports);
                module.finish()
            }),
        ),
        (
            "elements",
            Box::new(|size| {
                let mut elements = ElementSection::new();
                elements.passive(Elements::Functions(vec![INCREMENT; size].into()));
                functions(0, NONE, &[], |module| _ = module.section(&elements))
            }),
        ),
        (
            "exports",
            Box::new(|size| {
                let mut exports = ExportSection::new();
                (0..size / 64).for_each(|index| _ = exports.export(&format!("{index:060x}"), ExportKind::Func, 0));
                functions(0, NONE, &[], |module| _ = module.section(&exports))
            }),
        ),
    ]
}
