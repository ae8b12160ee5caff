//! Large sections, which are validated in pieces, against the validator's verdict on the whole module.

use uops::{Error, Instance, Linker, Program, Store, Value};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, MemArg, MemArgTarget, MemorySection, MemoryType, Module,
    RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{Validator, WasmFeatures};

/// Items of each section: enough for several pieces.
const COUNT: u32 = 9_000;

/// The number of tables, less than what a store has by default.
const TABLES: u32 = 9_000;

/// Returns a module in which the last item of each section refers to the last items of others. `run` returns 7 if they
/// are the right ones.
fn module() -> Vec<u8> {
    let (mut types, mut imports, mut functions) = (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    for index in 0..COUNT {
        let bits = (0..16).map(|bit| if index >> bit & 1 == 0 { ValType::I32 } else { ValType::I64 });
        types.ty().function(bits, []);
        let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        imports.import("module", "global", EntityType::Global(ty));
    }
    types.ty().function([], [ValType::I32]);
    functions.function(COUNT).function(COUNT);
    let mut tables = TableSection::new();
    for _ in 0..TABLES {
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            minimum: 2,
            maximum: Some(u32::MAX.into()),
            table64: false,
            shared: false,
        });
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let (mut globals, mut exports) = (GlobalSection::new(), ExportSection::new());
    for index in 0..COUNT {
        let ty = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        globals.global(ty, &ConstExpr::global_get(COUNT - 1).with_i32_const(index as i32).with_i32_add());
        exports.export(&format!("global {index}"), ExportKind::Global, COUNT + index);
    }
    exports.export("run", ExportKind::Func, 0);
    let mut elements = ElementSection::new();
    for _ in 0..COUNT {
        elements.passive(Elements::Functions((&[0; 8][..]).into()));
    }
    let null = ConstExpr::ref_null(wasm_encoder::HeapType::FUNC);
    let expressions = [vec![null; COUNT as usize], vec![ConstExpr::ref_func(1)]].concat();
    elements.passive(Elements::Expressions(RefType::FUNCREF, expressions.into()));
    let mut data = DataSection::new();
    for _ in 0..COUNT {
        data.active(0, &ConstExpr::i32_const(0), [1]);
    }
    data.active(0, &ConstExpr::i32_const(8), [5]);
    let mut run = Function::new([]);
    run.instructions()
        .i32_const(0)
        .i32_const(COUNT as i32)
        .i32_const(1)
        .table_init(TABLES - 1, COUNT)
        .i32_const(0)
        .call_indirect(TABLES - 1, COUNT)
        .i32_const(0)
        .i32_load8_u(MemArg { offset: 8, align: 0, target: MemArgTarget::Memory(0), ordering: None })
        .i32_add()
        .end();
    let mut two = Function::new([]);
    two.instructions().global_get(2 * COUNT - 1).i32_const(-(COUNT as i32) - 39).i32_add().end();
    let mut code = CodeSection::new();
    code.function(&run).function(&two);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&tables)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&elements)
        .section(&code)
        .section(&data);
    module.finish()
}

#[test]
fn items_of_all_pieces_have_their_indices() {
    let program = Program::new(&module()).unwrap();
    let store = Store::new().unwrap();
    let (mut globals, mut exports) = (GlobalSection::new(), ExportSection::new());
    globals.global(GlobalType { val_type: ValType::I32, mutable: false, shared: false }, &ConstExpr::i32_const(42));
    exports.export("global", ExportKind::Global, 0);
    let imported = Program::new(&Module::new().section(&globals).section(&exports).clone().finish()).unwrap();
    let imported = Instance::new(&store, &imported, &Linker::new()).unwrap();
    let mut linker = Linker::new();
    linker.instance(&store, "module", imported).unwrap();
    let instance = Instance::new(&store, &program, &linker).unwrap();
    let run = instance.func(&store, "run").unwrap();
    assert_eq!(run.call(&store, &[]).unwrap(), [Value::I32(7)]);
}

#[test]
fn a_module_with_a_changed_byte_is_refused_where_the_validator_refuses_it() {
    let module = module();
    let features = WasmFeatures::WASM2
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::MEMORY64;
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    for _ in 0..extent::choose(10, 40) {
        let mut module = module.clone();
        let (at, byte) = (random(module.len()), random(256) as u8);
        module[at] = byte;
        let expected = Validator::new_with_features(features).validate_all(&module);
        match (Program::new(&module), expected) {
            (Ok(_), Ok(_)) => {}
            (Err(Error::Invalid { message, offset }), Err(error)) => {
                assert_eq!((&*message, offset), (error.message(), error.offset()), "byte {at} is {byte:#x}");
                refused += 1;
            }
            (Err(Error::Unsupported { offset, .. }), Err(error)) => assert_eq!(offset, error.offset()),
            (ours, theirs) => panic!("byte {at} is {byte:#x}: {:?}, but {:?}", ours.err(), theirs.err()),
        }
    }
    assert!(refused > 0);
}
