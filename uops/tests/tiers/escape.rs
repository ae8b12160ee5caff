//! The size of a function's frame is bounded, so that no slot offset wraps and no frame extends beyond the stack of
//! frames.

use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, FunctionSection, Instruction, Module, TypeSection,
    ValType,
};

use uops::{Error, Instance, Linker, Store, StoreLimits, Trap};

use super::compile;

/// Returns a function that skips `blocks` blocks, each with 1,000 vectors as results, then holds `constants` constants
/// on the operand stack while it calls an empty function.
fn tall(blocks: usize, constants: usize) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([], vec![ValType::V128; 1000]);
    let mut functions = FunctionSection::new();
    functions.function(0).function(0);
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, 1);
    let mut body = Function::new([]);
    body.instruction(&Instruction::Block(BlockType::Empty));
    body.instruction(&Instruction::I32Const(1)).instruction(&Instruction::BrIf(0));
    for _ in 0..blocks {
        body.instruction(&Instruction::Block(BlockType::FunctionType(1)));
        body.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
    }
    body.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
    for _ in 0..constants {
        body.instruction(&Instruction::I64Const(0x4141_4141_4141_4141));
    }
    body.instruction(&Instruction::Call(0)).instruction(&Instruction::Unreachable).instruction(&Instruction::End);
    let mut empty = Function::new([]);
    empty.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&empty).function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    module.finish()
}

/// 2^29 + 1,088 slots of eight bytes: a 32-bit offset would wrap to 8.8 kB, which fits.
#[test]
fn a_frame_of_four_gibibytes_does_not_wrap_to_a_small_one() {
    let wasm = tall(268_436, 400_000);
    let error = match compile(&wasm) {
        Err(error) => error,
        Ok(program) => {
            let store = Store::new().unwrap();
            let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
            panic!("it runs: {:?}", instance.call(&store, "run", &[]));
        }
    };
    let Error::Limit { limit: 65_536, offset, .. } = error else { panic!("{error}") };
    // The offset is that of the `end` of the 66th block, which exceeds the limit.
    assert_eq!(wasm[offset as usize], 0x0b);
    assert!(
        compile(&tall(65, 1)).is_ok() && compile(&tall(66, 1)).is_err(),
        "65,000 values fit, 66,000 do not"
    );
}

/// Nearly the largest frame: 50,000 vectors as locals, 65,000 as operands, 1.8 MB in all.
#[test]
fn the_largest_frame_needs_as_large_a_stack() {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([], vec![ValType::V128; 1000]);
    let mut functions = FunctionSection::new();
    functions.function(1).function(0);
    let mut exports = ExportSection::new();
    exports.export("run", ExportKind::Func, 1);
    let mut results = Function::new([]);
    (0..1000).for_each(|index| _ = results.instruction(&Instruction::V128Const(index)));
    let mut body = Function::new([(50_000, ValType::V128)]);
    (0..65).for_each(|_| _ = body.instruction(&Instruction::Call(0)));
    // The last result goes to the last local.
    body.instruction(&Instruction::LocalSet(49_999));
    (1..65_000).for_each(|_| _ = body.instruction(&Instruction::Drop));
    body.instruction(&Instruction::LocalGet(49_999)).instruction(&Instruction::I64x2ExtractLane(0));
    body.instruction(&Instruction::I64Const(999)).instruction(&Instruction::I64Ne);
    body.instruction(&Instruction::If(BlockType::Empty)).instruction(&Instruction::Unreachable);
    body.instruction(&Instruction::End).instruction(&Instruction::End);
    let mut code = CodeSection::new();
    results.instruction(&Instruction::End);
    code.function(&results).function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    let program = compile(&module.finish()).unwrap();
    for (stack, expected) in [(1 << 20, Some(Trap::StackExhausted)), (8 << 20, None)] {
        let program = program.clone();
        let run = move || {
            let store = Store::with_limits(StoreLimits { stack, ..StoreLimits::default() }).unwrap();
            let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
            instance.call(&store, "run", &[]).err().and_then(|error| error.trap())
        };
        assert_eq!(std::thread::Builder::new().stack_size(9 << 20).spawn(run).unwrap().join().unwrap(), expected);
    }
}
