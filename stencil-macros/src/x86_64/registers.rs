//! The registers that carry the parameters of functions.

use iced_x86::Register::{self, R8, R9, R11, R12, R13, R14, R15, RAX, RCX, RDI, RDX, RSI};

use crate::model::Abi;

/// The most integers and pointers that a machine passes. `preserve_none` has as many registers for them.
pub const MAX_INTEGERS: usize = 12;
/// The most floats and vectors. Both conventions have as many registers for them.
pub const MAX_VECTORS: usize = 8;

/// A register that bodies can have for their own values. The others have no special role in instructions: a machine leaves
/// them to bodies by declaring fewer registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scratch {
    pub register: Register,
    pub name: &'static str,
    /// The constraint that selects the register in an asm statement.
    pub constraint: &'static str,
}

pub const SCRATCH: [Scratch; 5] = [
    Scratch { register: RAX, name: "rax", constraint: "a" },
    Scratch { register: RCX, name: "rcx", constraint: "c" },
    Scratch { register: RDX, name: "rdx", constraint: "d" },
    Scratch { register: RSI, name: "rsi", constraint: "S" },
    Scratch { register: RDI, name: "rdi", constraint: "D" },
];

/// Returns the general-purpose registers that carry the parameters of a function, in order.
pub fn parameters(abi: Abi) -> &'static [Register] {
    match abi {
        Abi::C => &[RDI, RSI, RDX, RCX, R8, R9],
        Abi::PreserveNone => &[R12, R13, R14, R15, RDI, RSI, RDX, RCX, R8, R9, R11, RAX],
    }
}
