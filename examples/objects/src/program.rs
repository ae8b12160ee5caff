//! Programs in the interpreter's bytecode, and their verification.
//!
//! The interpreter trusts its bytecode, so [`Program::new`] checks everything that a body relies on.

/// The opcodes, in the order of `opcode.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)] // `interpret.c` defines them.
#[rustfmt::skip]
pub enum Opcode {
    LoadConstant, LoadLocal, StoreLocal, LoadGlobal, PopTop, Duplicate, Binary, AddInt, Compare, Not, BuildTuple,
    Subscript, JumpForward, JumpBackward, JumpIfFalse, CallFunction, Print, ReturnValue,
}

impl Opcode {
    /// All opcodes.
    #[rustfmt::skip]
    pub const ALL: [Self; 18] = [
        Self::LoadConstant, Self::LoadLocal, Self::StoreLocal, Self::LoadGlobal, Self::PopTop, Self::Duplicate,
        Self::Binary, Self::AddInt, Self::Compare, Self::Not, Self::BuildTuple, Self::Subscript, Self::JumpForward,
        Self::JumpBackward, Self::JumpIfFalse, Self::CallFunction, Self::Print, Self::ReturnValue,
    ];
}

/// An instruction of the bytecode, as C and Rust declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// The operation.
    pub op: Opcode,
    /// An index, an operator, a count or the index of another instruction. Not all operations have one.
    pub arg: u32,
}

/// A constant of a function.
#[derive(Clone, Debug)]
pub enum Constant {
    /// `none`
    None,
    /// An integer.
    Int(i64),
    /// A string.
    Text(String),
}

/// A function, before verification.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// The name, for output and errors.
    pub name: String,
    /// How many arguments it takes. They are its first locals.
    pub parameters: u32,
    /// The local variables, including the parameters.
    pub locals: u32,
    /// The constants.
    pub constants: Vec<Constant>,
    /// The instructions. The last one is a jump or a return.
    pub instructions: Vec<Instruction>,
}

/// The number of native functions: `length`, `str` and `map` are the globals 0, 1 and 2. A program's functions follow.
pub const NATIVES: u32 = 3;

/// The largest number of locals, and of values on a function's operand stack.
const MAX_VALUES: u32 = 256;
/// The largest number of functions, for `GLOBALS` in `thread.h`.
const MAX_FUNCTIONS: usize = 60;

/// A verified program. Its first function takes no arguments and runs first.
#[derive(Clone, Debug)]
pub struct Program {
    /// The functions, each with the size of its operand stack.
    functions: Vec<(Function, u32)>,
}

impl Program {
    /// Verifies a program.
    ///
    /// # Errors
    /// The function and the instruction that break a rule, and which one.
    pub fn new(functions: Vec<Function>) -> Result<Self, String> {
        if functions.first().is_none_or(|first| first.parameters != 0) {
            return Err("expected a first function without parameters".into());
        }
        if functions.len() > MAX_FUNCTIONS {
            return Err(format!("{} functions exceed {MAX_FUNCTIONS}", functions.len()));
        }
        let globals = NATIVES + functions.len() as u32;
        let verified = functions.into_iter().map(|function| {
            let stack = verify(&function, globals).map_err(|error| format!("{}:{error}", function.name))?;
            Ok((function, stack))
        });
        Ok(Self { functions: verified.collect::<Result<_, String>>()? })
    }

    /// Returns the functions, each with the size of its operand stack.
    pub(crate) fn functions(&self) -> &[(Function, u32)] {
        &self.functions
    }
}

/// Returns the size of a function's operand stack.
fn verify(function: &Function, globals: u32) -> Result<u32, String> {
    let Function { name, parameters, locals, constants, instructions } = function;
    if parameters > locals || *locals > MAX_VALUES || constants.len() > u32::MAX as usize || name.contains('\0') {
        return Err(format!("0: expected a name without NUL, and at most {MAX_VALUES} locals with the parameters"));
    }
    let count = u32::try_from(instructions.len()).map_err(|_| "0: too many instructions")?;
    let mut depths: Vec<Option<u32>> = vec![None; instructions.len()];
    let (mut next, mut largest) = (Some(0), 0);
    for (index, Instruction { op, arg }) in (0..).zip(instructions) {
        let fail = |what: &str| Err(format!("{index}: {op:?} {arg}: {what}"));
        // The code before and the jumps to an instruction agree on the depth.
        let known = depths[index as usize];
        let (Some(depth), true) = (next.or(known), next.is_none() || known.is_none() || next == known) else {
            return fail("expected an instruction that is reached with one depth of the stack");
        };
        depths[index as usize] = Some(depth);
        let (limit, pops, pushes) = match op {
            Opcode::LoadConstant => (constants.len() as u32, 0, 1),
            Opcode::LoadLocal => (*locals, 0, 1),
            Opcode::StoreLocal => (*locals, 1, 0),
            Opcode::LoadGlobal => (globals, 0, 1),
            Opcode::PopTop | Opcode::Print | Opcode::ReturnValue => (u32::MAX, 1, 0),
            Opcode::Duplicate => (u32::MAX, 1, 2),
            Opcode::Binary => (5, 2, 1),
            Opcode::Compare => (6, 2, 1),
            Opcode::AddInt | Opcode::Subscript => (u32::MAX, 2, 1),
            Opcode::Not => (u32::MAX, 1, 1),
            Opcode::BuildTuple => (MAX_VALUES, *arg, 1),
            Opcode::CallFunction => (MAX_VALUES, arg.saturating_add(1), 1),
            Opcode::JumpForward => (count, 0, 0),
            Opcode::JumpIfFalse => (count, 1, 0),
            Opcode::JumpBackward => (index + 1, 0, 0),
        };
        if *arg >= limit {
            return fail("the argument is out of range");
        }
        let Some(left) = depth.checked_sub(pops) else { return fail("the stack has too few values") };
        let after = left + pushes;
        largest = largest.max(after);
        if largest > MAX_VALUES {
            return fail("the stack has too many values");
        }
        if matches!(op, Opcode::JumpForward | Opcode::JumpIfFalse | Opcode::JumpBackward) {
            if *op != Opcode::JumpBackward && *arg <= index {
                return fail("expected a jump forward");
            }
            let target = &mut depths[*arg as usize];
            if *target.get_or_insert(after) != after {
                return fail("expected an instruction that is reached with one depth of the stack");
            }
        }
        next = if matches!(op, Opcode::JumpForward | Opcode::JumpBackward | Opcode::ReturnValue) {
            None
        } else {
            Some(after)
        };
    }
    match next {
        None if count > 0 => Ok(largest),
        _ => Err(format!("{count}: expected a jump or a return at the end")),
    }
}
