//! Modules in which few bytes stand for much.

use std::iter::repeat_n;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemArg,
    MemArgTarget, MemorySection, MemoryType, Module, NameMap, NameSection, RefType, TableSection, TableType,
    TypeSection, ValType,
};

use Instruction::{
    Block, Br, BrIf, BrTable, Call, CallIndirect, Drop, Else, End, I32Const, I32Eqz, If, LocalGet, LocalSet, LocalTee,
    Loop, Return, ReturnCall, Unreachable, V128Const,
};

/// A shape of modules: its name, and a function that makes a module of about so many bytes.
pub type Shape = (String, Box<dyn Fn(usize) -> Vec<u8>>);

/// The most parameters or results that a type may have.
const MOST: usize = 1000;

// Types of functions and blocks.
const NONE: u32 = 0;
const RESULTS: u32 = 1;
const PARAMS: u32 = 2;
const BOTH: u32 = 3;
const FOUR: u32 = 4;
const EIGHT: u32 = 5;
const NONE_TO_EIGHT: u32 = 6;

/// The types, in which the many values have this type.
fn types(ty: ValType) -> TypeSection {
    let many = |count| vec![ty; count];
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([], many(MOST));
    types.ty().function(many(MOST), []);
    types.ty().function(many(MOST), many(MOST));
    types.ty().function(many(4), many(4));
    types.ty().function(many(8), many(8));
    types.ty().function([], many(8));
    types
}

fn function(locals: &[(u32, ValType)], code: &[Instruction<'_>]) -> Function {
    let mut body = Function::new(locals.iter().copied());
    code.iter().for_each(|instruction| _ = body.instruction(instruction));
    body.instruction(&End);
    body
}

/// A module with functions of all types, which come first, and this one.
fn with_function(ty: ValType, body: &Function) -> Vec<u8> {
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    for ty in NONE..=NONE_TO_EIGHT {
        functions.function(ty);
        code.function(&function(&[], &[Unreachable]));
    }
    functions.function(NONE);
    code.function(body);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: 1,
        maximum: None,
        shared: false,
    });
    let mut memories = MemorySection::new();
    let memory = MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };
    memories.memory(memory).memory(memory);
    let mut module = Module::new();
    module.section(&types(ty)).section(&functions).section(&tables).section(&memories).section(&code);
    module.finish()
}

type Code = Vec<Instruction<'static>>;

/// A function that repeats `open`, has `middle`, and repeats `close` as often, with values of this type.
fn nested(name: &str, ty: ValType, first: Code, open: Code, middle: Code, close: Code, last: Code) -> Shape {
    let name = format!("{name}, {ty:?}");
    let make = move |size: usize| {
        let length = |code: &Code| function(&[], code).byte_len() - 2;
        let times = size / (length(&open) + length(&close)).max(1);
        let repeated = |code: &Code| code.iter().cloned().cycle().take(code.len() * times).collect::<Code>();
        let code = [first.clone(), repeated(&open), middle.clone(), repeated(&close), last.clone()].concat();
        let locals = [(2, ValType::I32), (1, ValType::F32), (1, ValType::F64), (2, ty)];
        with_function(ty, &function(&locals, &code))
    };
    (name, Box::new(make))
}

fn repeated(name: &str, ty: ValType, code: impl Into<Code>) -> Shape {
    nested(name, ty, vec![], code.into(), vec![], vec![], vec![Unreachable])
}

/// A local of the type of the many values.
const VALUE: u32 = 4;

fn values(count: usize) -> Code {
    vec![LocalGet(VALUE); count]
}

fn code(ty: ValType) -> Vec<Shape> {
    let (empty, with) = (BlockType::Empty, BlockType::FunctionType);
    let targets = |count: u32| BrTable((0..count).collect(), 0);
    let to_outermost = BrTable(vec![0; 1000].into(), 0);
    let with_values = |name: &str, count: usize, block: u32, code: Code| {
        let first =
            [values(count), vec![Block(with(block)), I32Const(1), LocalSet(0), I32Const(1)], values(count)].concat();
        nested(name, ty, first, code, vec![], vec![], vec![Unreachable, End, Unreachable])
    };
    vec![
        repeated("calls with 1000 results", ty, [Call(RESULTS)]),
        repeated(
            "indirect calls with 1000 results",
            ty,
            [I32Const(0), CallIndirect { type_index: RESULTS, table_index: 0 }],
        ),
        repeated("calls with 1000 results, dropped by calls", ty, [Call(RESULTS), Call(PARAMS)]),
        nested(
            "calls with 1000 parameters and results",
            ty,
            vec![Call(RESULTS)],
            vec![Call(BOTH)],
            vec![],
            vec![],
            vec![Unreachable],
        ),
        repeated("unreachable calls with 1000 results", ty, [Unreachable, Call(RESULTS)]),
        nested("unreachable calls", ty, vec![Unreachable], vec![Call(RESULTS)], vec![], vec![], vec![]),
        repeated("tail calls in blocks", ty, [Block(with(RESULTS)), ReturnCall(NONE), End]),
        repeated("blocks with 1000 results", ty, [Block(with(RESULTS)), Unreachable, End]),
        repeated("loops with 1000 results", ty, [Loop(with(RESULTS)), Unreachable, End]),
        nested(
            "nested blocks with 1000 values",
            ty,
            vec![Call(RESULTS)],
            vec![Block(with(BOTH))],
            vec![],
            vec![End],
            vec![Unreachable],
        ),
        nested(
            "nested loops with 1000 values",
            ty,
            vec![Call(RESULTS)],
            vec![Loop(with(BOTH))],
            vec![],
            vec![End],
            vec![Unreachable],
        ),
        nested(
            "blocks after another",
            ty,
            vec![Call(RESULTS)],
            vec![Block(with(BOTH)), End],
            vec![],
            vec![],
            vec![Unreachable],
        ),
        nested(
            "conditions with 1000 values",
            ty,
            vec![Call(RESULTS)],
            vec![LocalGet(0), If(with(BOTH)), Else, End],
            vec![],
            vec![],
            vec![Unreachable],
        ),
        nested(
            "nested conditions",
            ty,
            vec![Call(RESULTS)],
            vec![LocalGet(0), If(with(BOTH))],
            vec![],
            vec![End],
            vec![Unreachable],
        ),
        nested("nested empty blocks", ty, vec![], vec![Block(empty)], vec![], vec![End], vec![]),
        nested("nested empty conditions", ty, vec![], vec![LocalGet(0), If(empty)], vec![], vec![End], vec![]),
        nested("unreachable nested blocks", ty, vec![Unreachable], vec![Block(empty)], vec![], vec![End], vec![]),
        nested(
            "unreachable nested blocks with results",
            ty,
            vec![Unreachable],
            vec![Block(with(RESULTS))],
            vec![Unreachable],
            vec![End],
            vec![Unreachable],
        ),
        repeated("empty loops", ty, [Loop(empty), End]),
        repeated("conditions", ty, [LocalGet(0), If(empty), Else, End]),
        with_values("conditional branches with 1000 values", 1000, BOTH, vec![LocalGet(0), BrIf(0)]),
        with_values("conditional branches with 8 values", 8, EIGHT, vec![LocalGet(0), BrIf(0)]),
        with_values("conditional branches with 4 values", 4, FOUR, vec![LocalGet(0), BrIf(0)]),
        repeated("conditional branches", ty, [Block(empty), LocalGet(0), BrIf(0), End]),
        with_values("branches with 1000 values", 1000, BOTH, vec![Block(empty), Br(0), End]),
        with_values(
            "tables with 1000 values",
            1000,
            BOTH,
            vec![LocalGet(0), If(with(BOTH)), LocalGet(0), to_outermost, Else, End],
        ),
        {
            // Each table has a target for each of a hundred blocks.
            let open: Code = repeat_n(Block(with(EIGHT)), 100).collect();
            let table: Code = vec![LocalGet(0), If(with(EIGHT)), LocalGet(0), targets(100), Else, End];
            let first = [values(8), open, vec![I32Const(1)], values(8)].concat();
            let last = [vec![Unreachable], vec![End; 100], vec![Unreachable]].concat();
            nested("tables of many targets with 8 values", ty, first, table, vec![], vec![], last)
        },
        nested("returns", ty, vec![], vec![Block(empty), Return, End], vec![], vec![], vec![]),
        nested("a deep stack", ty, vec![], values(1), vec![], vec![Drop], vec![]),
        nested(
            "a deep stack that is called upon",
            ty,
            vec![],
            [values(1), vec![Call(NONE)]].concat(),
            vec![],
            vec![Drop],
            vec![],
        ),
        repeated("locals that are set", ty, [LocalGet(0), LocalTee(1), LocalSet(0)]),
        nested(
            "locals on the stack that are set",
            ty,
            vec![],
            vec![LocalGet(0), LocalGet(1), LocalSet(0)],
            vec![],
            vec![Drop],
            vec![],
        ),
    ]
}

fn operators() -> Vec<Shape> {
    let i32 = ValType::I32;
    let access = MemArg { offset: 1 << 31, align: 0, target: MemArgTarget::Memory(0), ordering: None };
    let other = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(1), ordering: None };
    let chain = |name: &str, first: Code, code: Code, last: Code| nested(name, i32, first, code, vec![], vec![], last);
    vec![
        chain("eqz", vec![LocalGet(0)], vec![I32Eqz], vec![Drop]),
        chain("comparisons", vec![LocalGet(0)], vec![LocalGet(1), Instruction::I32LtS, I32Eqz], vec![Drop]),
        chain(
            "conversions",
            vec![LocalGet(0)],
            vec![Instruction::F32ConvertI32S, Instruction::I32TruncF32S],
            vec![Drop],
        ),
        chain("conversions of locals", vec![], vec![LocalGet(2), Instruction::I32TruncF32S, Drop], vec![]),
        chain("divisions", vec![LocalGet(0)], vec![LocalGet(1), Instruction::I32DivS], vec![Drop]),
        chain("selections", vec![LocalGet(0)], vec![LocalGet(0), LocalGet(1), Instruction::Select], vec![Drop]),
        chain("loads", vec![LocalGet(0)], vec![Instruction::I32Load(access)], vec![Drop]),
        chain("loads of another memory", vec![LocalGet(0)], vec![Instruction::I32Load8U(other)], vec![Drop]),
        chain("stores to another memory", vec![], vec![LocalGet(0), LocalGet(2), Instruction::F32Store(other)], vec![]),
        chain("sizes", vec![], vec![Instruction::MemorySize(1), Drop], vec![]),
        chain("growth", vec![LocalGet(0)], vec![Instruction::MemoryGrow(0)], vec![Drop]),
        chain("fills", vec![], vec![LocalGet(0), LocalGet(0), LocalGet(0), Instruction::MemoryFill(0)], vec![]),
        chain("vectors", vec![V128Const(1)], vec![Instruction::I8x16Abs], vec![Drop]),
        chain(
            "lanes",
            vec![V128Const(1)],
            vec![Instruction::I8x16ExtractLaneS(0), Instruction::I8x16Splat],
            vec![Drop],
        ),
        chain(
            "vectors and memory",
            vec![V128Const(1)],
            vec![Drop, LocalGet(0), Instruction::V128Load8x8S(access)],
            vec![Drop],
        ),
        chain("no operations", vec![], vec![Instruction::Nop], vec![]),
    ]
}

fn shape(name: &str, make: impl Fn(usize) -> Vec<u8> + 'static) -> Shape {
    (name.to_owned(), Box::new(make))
}

/// A module of sections that `add` adds.
fn module(add: impl FnOnce(&mut Module)) -> Vec<u8> {
    let mut module = Module::new();
    add(&mut module);
    module.finish()
}

/// Many functions of this type and body.
fn functions(name: &str, ty: u32, values: ValType, body: Function) -> Shape {
    shape(name, move |size| {
        module(|module| {
            let count = size / (body.byte_len() + 2);
            let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
            (0..count).for_each(|_| {
                functions.function(ty);
                code.function(&body);
            });
            module.section(&types(values)).section(&functions).section(&code);
        })
    })
}

fn sections() -> Vec<Shape> {
    let table = TableType { element_type: RefType::FUNCREF, table64: false, minimum: 0, maximum: None, shared: false };
    let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
    let global = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
    let imports = |name: &str, step: usize, entity: fn() -> EntityType| {
        shape(name, move |size| {
            module(|module| {
                let mut imports = ImportSection::new();
                (0..size / step).for_each(|_| _ = imports.import("", "", entity()));
                module.section(&types(ValType::V128)).section(&imports);
            })
        })
    };
    let alternating: Vec<_> =
        (0..MOST as u32).map(|index| (1, if index % 2 == 0 { ValType::I32 } else { ValType::V128 })).collect();
    vec![
        shape("empty types", |size| {
            module(|module| {
                let mut types = TypeSection::new();
                (0..size / 3).for_each(|_| types.ty().function([], []));
                module.section(&types);
            })
        }),
        shape("distinct types", |size| {
            module(|module| {
                let mut types = TypeSection::new();
                let kinds = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128];
                (0..size / 11).for_each(|index| {
                    let digits = (0..8).map(|digit| kinds[index / 5_usize.pow(digit) % 5]);
                    types.ty().function(digits.collect::<Vec<_>>(), []);
                });
                module.section(&types);
            })
        }),
        shape("large types", |size| {
            module(|module| {
                let mut types = TypeSection::new();
                (0..=size / 2000).for_each(|_| types.ty().function(vec![ValType::I32; MOST], vec![ValType::I64; MOST]));
                module.section(&types);
            })
        }),
        functions("empty functions", NONE, ValType::I32, function(&[], &[])),
        functions("functions of 1000 parameters", PARAMS, ValType::V128, function(&[], &[])),
        functions("functions of 1000 parameters and results", BOTH, ValType::V128, function(&[], &[Unreachable])),
        functions("functions of 50000 locals", NONE, ValType::I32, function(&[(50_000, ValType::V128)], &[])),
        functions("functions of many groups of locals", NONE, ValType::I32, function(&alternating, &[])),
        functions("functions with all traps", NONE, ValType::I32, {
            function(&[], &[I32Const(1), I32Const(1), Instruction::I32DivS, Drop, Unreachable])
        }),
        imports("imported functions of 1000 parameters and results", 4, || EntityType::Function(BOTH)),
        imports("imported functions", 4, || EntityType::Function(NONE)),
        imports("imported globals", 5, || {
            EntityType::Global(GlobalType { val_type: ValType::I32, mutable: false, shared: false })
        }),
        imports("imported tables", 6, || {
            EntityType::Table(TableType {
                element_type: RefType::FUNCREF,
                table64: false,
                minimum: 0,
                maximum: None,
                shared: false,
            })
        }),
        shape("imports with long names", |size| {
            module(|module| {
                let mut imports = ImportSection::new();
                let name = "a".repeat(1000);
                (0..size / 1000).for_each(|_| _ = imports.import(&name, "", EntityType::Function(NONE)));
                module.section(&types(ValType::I32)).section(&imports);
            })
        }),
        shape("tables", move |size| {
            module(|module| {
                let mut tables = TableSection::new();
                (0..size / 3).for_each(|_| _ = tables.table(table));
                module.section(&tables);
            })
        }),
        shape("memories", move |_| {
            module(|module| {
                let mut memories = MemorySection::new();
                (0..100).for_each(|_| _ = memories.memory(memory));
                module.section(&memories);
            })
        }),
        shape("globals", move |size| {
            module(|module| {
                let mut globals = GlobalSection::new();
                (0..size / 5).for_each(|_| _ = globals.global(global, &ConstExpr::i32_const(0)));
                module.section(&globals);
            })
        }),
        shape("a global with a long initial value", move |size| {
            module(|module| {
                let mut globals = GlobalSection::new();
                let count = size / 3;
                let code = [vec![I32Const(0); count + 1], vec![Instruction::I32Add; count]].concat();
                globals.global(global, &ConstExpr::extended(code));
                module.section(&globals);
            })
        }),
        shape("exports", |size| {
            module(|module| {
                let mut exports = ExportSection::new();
                (0..size / 7).for_each(|index| _ = exports.export(&format!("{index:x}"), ExportKind::Func, 0));
                let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
                functions.function(NONE);
                code.function(&function(&[], &[]));
                module.section(&types(ValType::I32)).section(&functions).section(&exports).section(&code);
            })
        }),
        shape("names", |size| {
            module(|module| {
                let (mut functions, mut code, mut names) = (FunctionSection::new(), CodeSection::new(), NameMap::new());
                for index in 0..size as u32 / 9 {
                    functions.function(NONE);
                    code.function(&function(&[], &[]));
                    names.append(index, "");
                }
                let mut section = NameSection::new();
                section.functions(&names);
                module.section(&types(ValType::I32)).section(&functions).section(&code).section(&section);
            })
        }),
        shape("names of functions that do not exist", |size| {
            module(|module| {
                let mut names = NameMap::new();
                (0..size as u32 / 4).for_each(|index| names.append(index, ""));
                let mut section = NameSection::new();
                section.functions(&names);
                module.section(&section);
            })
        }),
        shape("element segments", |size| {
            module(|module| {
                let mut elements = ElementSection::new();
                (0..size / 3).for_each(|_| _ = elements.passive(Elements::Functions([].as_slice().into())));
                module.section(&elements);
            })
        }),
        shape("active element segments", move |size| {
            module(|module| {
                let (mut tables, mut elements) = (TableSection::new(), ElementSection::new());
                tables.table(table);
                let none = || Elements::Functions([].as_slice().into());
                (0..size / 5).for_each(|_| _ = elements.active(None, &ConstExpr::i32_const(0), none()));
                module.section(&tables).section(&elements);
            })
        }),
        shape("element expressions", |size| {
            module(|module| {
                let mut elements = ElementSection::new();
                let none = vec![ConstExpr::ref_null(wasm_encoder::HeapType::FUNC); size / 3];
                elements.passive(Elements::Expressions(RefType::FUNCREF, none.into()));
                module.section(&elements);
            })
        }),
        shape("data segments", move |size| {
            module(|module| {
                let (mut memories, mut data) = (MemorySection::new(), DataSection::new());
                memories.memory(memory);
                (0..size / 5).for_each(|_| _ = data.active(0, &ConstExpr::i32_const(0), []));
                module.section(&memories).section(&data);
            })
        }),
        shape("custom sections", |size| {
            module(|module| {
                (0..size / 3)
                    .for_each(|_| _ = module.section(&CustomSection { name: "".into(), data: [].as_slice().into() }));
            })
        }),
        shape("an invalid module", |size| {
            // It is determined whether a feature is missing.
            let mut wasm = functions("", NONE, ValType::I32, function(&[], &[Call(0)])).1(size);
            wasm.extend([11, 1, 7]);
            wasm
        }),
        shape("calls with 1000 results in an invalid module", |size| {
            let mut wasm = repeated("", ValType::I32, [Call(RESULTS)]).1(size);
            let end = wasm.len() - 1;
            wasm[end] = 0xff;
            wasm
        }),
    ]
}

/// All shapes.
pub fn all() -> Vec<Shape> {
    [code(ValType::I32), code(ValType::V128), operators(), sections()].into_iter().flatten().collect()
}
