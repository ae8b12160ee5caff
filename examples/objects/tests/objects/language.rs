//! Programs written by hand, one for each part of the language.

use objects::Outcome;
use objects::program::{Constant, Function, Instruction, Opcode, Program};

use super::compare;
use Opcode::*;

const LENGTH: u32 = 0;
const STR: u32 = 1;
const MAP: u32 = 2;
const FIRST: u32 = 3;
const ADD: u32 = 0;
const SUBTRACT: u32 = 1;
const MULTIPLY: u32 = 2;
const DIVIDE: u32 = 3;
const LESS: u32 = 0;

fn function(name: &str, parameters: u32, locals: u32, constants: &[Constant], code: &[(Opcode, u32)]) -> Function {
    let instructions = code.iter().map(|&(op, arg)| Instruction { op, arg }).collect();
    Function { name: name.into(), parameters, locals, constants: constants.to_vec(), instructions }
}

fn outcome(functions: Vec<Function>) -> Outcome {
    compare(&Program::new(functions).expect("the program is valid"), 100_000)
}

/// Runs one function with these constants.
fn main(constants: &[Constant], code: &[(Opcode, u32)]) -> Outcome {
    outcome(vec![function("main", 0, 4, constants, code)])
}

fn int(value: i64) -> Constant {
    Constant::Int(value)
}

fn text(value: &str) -> Constant {
    Constant::Text(value.into())
}

/// Returns the result of `left <op> right`.
fn binary(op: Opcode, arg: u32, left: Constant, right: Constant) -> Result<String, String> {
    main(&[left, right], &[(LoadConstant, 0), (LoadConstant, 1), (op, arg), (ReturnValue, 0)]).result
}

#[test]
fn operators() {
    let max = i64::MAX;
    assert_eq!(binary(Binary, SUBTRACT, int(3), int(10)), Ok("-7".into()));
    assert_eq!(binary(AddInt, 0, int(250), int(7)), Ok("257".into()));
    assert_eq!(binary(AddInt, 0, int(-2), int(-3)), Ok("-5".into()));
    assert_eq!(binary(AddInt, 0, text("ab"), text("c")), Ok("abc".into()));
    assert_eq!(binary(Compare, LESS, text("ab"), text("b")), Ok("1".into()));
    let overflow = format!("ValueError at main:2: {max} + 1 does not fit 64 bits");
    assert_eq!(binary(AddInt, 0, int(max), int(1)), Err(overflow));
    let overflow = format!("ValueError at main:2: {} / -1 does not fit 64 bits", i64::MIN);
    assert_eq!(binary(Binary, DIVIDE, int(i64::MIN), int(-1)), Err(overflow));
    assert_eq!(binary(Binary, DIVIDE, int(5), int(0)), Err("ValueError at main:2: 5 / 0".into()));
    let types = "TypeError at main:2: unsupported operands of *: 'int' and 'none'";
    assert_eq!(binary(Binary, MULTIPLY, int(5), Constant::None), Err(types.into()));
    let types = "TypeError at main:2: '<' is not supported between 'str' and 'int'";
    assert_eq!(binary(Compare, LESS, text("5"), int(0)), Err(types.into()));
    assert_eq!(binary(Subscript, 0, text("abc"), int(1)), Ok("b".into()));
    assert_eq!(binary(Subscript, 0, text("abc"), int(3)), Err("IndexError at main:2: index 3 is not below 3".into()));
}

#[test]
fn a_loop_prints_sums() {
    let sum = main(
        &[int(0), int(100), int(1)],
        &[
            (LoadConstant, 0),
            (StoreLocal, 0),
            (LoadConstant, 0),
            (StoreLocal, 1),
            (LoadLocal, 0), // 4
            (LoadConstant, 1),
            (Compare, LESS),
            (JumpIfFalse, 19),
            (LoadLocal, 0),
            (LoadLocal, 1),
            (AddInt, 0),
            (Duplicate, 0),
            (Print, 0),
            (StoreLocal, 1),
            (LoadLocal, 0),
            (LoadConstant, 2),
            (AddInt, 0),
            (StoreLocal, 0),
            (JumpBackward, 4),
            (LoadLocal, 1), // 19
            (ReturnValue, 0),
        ],
    );
    assert_eq!((sum.output.len(), &*sum.output[3], sum.result), (100, "6", Ok("4950".into())));
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let result = main(&[], &[(JumpBackward, 0)]).result;
    assert_eq!(result, Err("LimitError at main:0: out of fuel in main, at depth 1".into()));
}

#[test]
fn an_unset_local_is_an_error_and_the_stack_is_released() {
    let result = main(&[text("left behind")], &[(LoadConstant, 0), (LoadLocal, 3), (BuildTuple, 2), (ReturnValue, 0)]);
    assert_eq!(result.result, Err("NameError at main:1: local variable 3 has no value".into()));
}

/// Two functions that compute factorials, so interpreted and compiled code call each other.
#[test]
fn functions_call_each_other() {
    let even = |next| {
        [
            (LoadLocal, 0),
            (JumpIfFalse, 9),
            (LoadLocal, 0),
            (LoadGlobal, next),
            (LoadLocal, 0),
            (LoadConstant, 0),
            (Binary, SUBTRACT),
            (CallFunction, 1),
            (JumpForward, 11),
            (LoadConstant, 1), // 9
            (JumpForward, 12),
            (Binary, MULTIPLY), // 11
            (ReturnValue, 0),
        ]
    };
    let start = |n| {
        vec![
            function(
                "main",
                0,
                0,
                &[int(n)],
                &[(LoadGlobal, 4), (LoadConstant, 0), (CallFunction, 1), (ReturnValue, 0)],
            ),
            function("even", 1, 1, &[int(1), int(1)], &even(FIRST + 2)),
            function("odd", 1, 1, &[int(1), int(1)], &even(FIRST + 1)),
        ]
    };
    assert_eq!(outcome(start(20)).result, Ok("2432902008176640000".into()));
    let overflow = "ValueError at even:11: 21 * 2432902008176640000 does not fit 64 bits";
    assert_eq!(outcome(start(21)).result, Err(overflow.into()));
    let deep = outcome(start(1000)).result.expect_err("1,000 calls are too deep");
    assert_eq!(deep, "LimitError at even:7: too many calls: odd is at depth 64");
}

/// C calls compiled code for each item, and compiled code calls natives.
#[test]
fn natives_call_functions() {
    let program = |item: Constant| {
        let code = [
            (LoadGlobal, MAP),
            (LoadGlobal, FIRST + 1),
            (LoadConstant, 0),
            (LoadConstant, 1),
            (LoadGlobal, STR),
            (BuildTuple, 3),
            (CallFunction, 2),
            (Duplicate, 0),
            (Print, 0),
            (StoreLocal, 0),
            (LoadGlobal, LENGTH),
            (LoadLocal, 0),
            (CallFunction, 1),
            (ReturnValue, 0),
        ];
        let double = [
            (LoadGlobal, STR),
            (LoadLocal, 0),
            (CallFunction, 1),
            (LoadConstant, 0),
            (Binary, ADD),
            (Duplicate, 0),
            (Print, 0),
            (LoadLocal, 0),
            (BuildTuple, 2),
            (ReturnValue, 0),
        ];
        vec![function("main", 0, 1, &[item, text("é")], &code), function("twice", 1, 1, &[text("!")], &double)]
    };
    let outcome = outcome(program(int(1000)));
    assert_eq!(outcome.output, ["1000!", "é!", "str!", "((1000!, 1000), (é!, é), (str!, str))"]);
    assert_eq!(outcome.result, Ok("3".into()));
    let call = main(&[int(1)], &[(LoadConstant, 0), (CallFunction, 0), (ReturnValue, 0)]).result;
    assert_eq!(call, Err("TypeError at main:1: 'int' object cannot be called".into()));
    let count = main(&[], &[(LoadGlobal, MAP), (CallFunction, 0), (ReturnValue, 0)]).result;
    assert_eq!(count, Err("TypeError at main:1: map takes 2 arguments, not 0".into()));
}

#[test]
fn invalid_programs_are_refused() {
    let refused = |code: &[(Opcode, u32)], why: &str| {
        let error = Program::new(vec![function("main", 0, 1, &[int(1)], code)]).expect_err(why);
        assert!(error.contains(why), "{error}");
    };
    refused(&[], "expected a jump or a return at the end");
    refused(&[(LoadConstant, 0)], "expected a jump or a return at the end");
    refused(&[(LoadConstant, 1), (ReturnValue, 0)], "the argument is out of range");
    refused(&[(LoadGlobal, 4), (ReturnValue, 0)], "the argument is out of range");
    refused(&[(Binary, 0), (ReturnValue, 0)], "the stack has too few values");
    refused(&[(LoadConstant, 0), (CallFunction, u32::MAX), (ReturnValue, 0)], "the argument is out of range");
    refused(&[(LoadConstant, 0), (CallFunction, 1), (ReturnValue, 0)], "the stack has too few values");
    refused(&[(LoadConstant, 0), (JumpBackward, 0)], "one depth of the stack");
    refused(&[(LoadConstant, 0), (JumpIfFalse, 3), (LoadConstant, 0), (JumpBackward, 0)], "one depth of the stack");
    refused(&[(JumpForward, 0)], "expected a jump forward");
    refused(&[(JumpForward, 1)], "the argument is out of range");
    refused(&[(JumpBackward, 1)], "the argument is out of range");
    refused(&[(LoadConstant, 0), (ReturnValue, 0), (ReturnValue, 0)], "one depth of the stack");
    let many = vec![(LoadConstant, 0); 257];
    refused(&many, "the stack has too many values");
}
