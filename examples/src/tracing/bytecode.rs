//! Bytecode: the parser emits it, the interpreter runs it, and the recorder reads it.

use std::fmt;

use super::value::Value;

/// The index of a value in a function's frame.
pub type Slot = u32;

/// The right operand of an operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Right {
    Slot(Slot),
    Int(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Functions that Rust provides. Their arguments begin at a slot, which receives the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    Print,
    Length,
    Push,
    /// The function that `[a, b]` calls.
    List,
}

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Constant {
        to: Slot,
        value: Value,
    },
    /// A string literal of the program.
    Text {
        to: Slot,
        text: usize,
    },
    Copy {
        to: Slot,
        from: Slot,
    },
    Not {
        to: Slot,
        from: Slot,
    },
    Arithmetic {
        op: Arithmetic,
        to: Slot,
        left: Slot,
        right: Right,
    },
    Compare {
        op: Comparison,
        to: Slot,
        left: Slot,
        right: Right,
    },
    Global {
        to: Slot,
        global: usize,
    },
    SetGlobal {
        global: usize,
        from: Slot,
    },
    Index {
        to: Slot,
        list: Slot,
        index: Slot,
    },
    SetIndex {
        list: Slot,
        index: Slot,
        from: Slot,
    },
    Native {
        native: Native,
        at: Slot,
        count: u32,
    },
    /// Continues at `target` unless the comparison holds.
    Unless {
        op: Comparison,
        left: Slot,
        right: Right,
        target: usize,
    },
    /// Continues at `target` unless the value is true.
    UnlessTrue {
        value: Slot,
        target: usize,
    },
    Jump {
        target: usize,
    },
    /// The start of a loop, whose iterations are counted. Loops are numbered through the whole program.
    Head {
        id: usize,
    },
    /// Calls the function in `at`. The callee's frame begins with the arguments, which follow it. The result replaces it.
    Call {
        at: Slot,
        count: u32,
    },
    Return {
        from: Slot,
    },
}

/// A function; the first one of a program is the program itself.
#[derive(Debug, Default)]
pub struct Function {
    pub code: Vec<Op>,
    /// The line of each instruction.
    pub lines: Vec<usize>,
    pub parameters: u32,
    /// The number of slots that it uses.
    pub frame: u32,
}

#[derive(Debug, Default)]
pub struct Program {
    pub functions: Vec<Function>,
    pub globals: Vec<String>,
    pub texts: Vec<String>,
    pub loops: usize,
}

impl Op {
    /// The slot that an instruction writes, if it writes one. Jumps and calls have no such slot.
    pub fn to(&mut self) -> Option<&mut Slot> {
        match self {
            Self::Constant { to, .. }
            | Self::Text { to, .. }
            | Self::Copy { to, .. }
            | Self::Not { to, .. }
            | Self::Arithmetic { to, .. }
            | Self::Compare { to, .. }
            | Self::Global { to, .. }
            | Self::Index { to, .. }
            | Self::Native { at: to, .. } => Some(to),
            _ => None,
        }
    }
}
