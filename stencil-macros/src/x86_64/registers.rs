//! General registers, and what calling conventions do with them.

use crate::instruction::{Register, Registers};
use crate::model::Abi;

const RAX: Register = Register(0);
const RCX: Register = Register(1);
const RDX: Register = Register(2);
const RSP: Register = Register(4);
const RBP: Register = Register(5);
const RSI: Register = Register(6);
const RDI: Register = Register(7);
const R8: Register = Register(8);
const R9: Register = Register(9);
const R10: Register = Register(10);
const R11: Register = Register(11);
const R12: Register = Register(12);
const R13: Register = Register(13);
const R14: Register = Register(14);
const R15: Register = Register(15);

/// The registers in which C functions return results, the first part first.
pub const RESULTS: [Register; 2] = [RAX, RDX];

/// The stack pointer.
pub const STACK: Registers = Registers::from(&[RSP]);

/// The stack pointer and the frame pointer. Every convention preserves them.
pub const RESERVED: Registers = Registers::from(&[RSP, RBP]);

/// The registers that a call of a C function may overwrite, and that no convention preserves.
pub const LOST_IN_CALLS: Registers = Registers::from(&[RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11]);

/// The registers that a call of a C function may read. A variadic function finds the number of vectors in `rax`.
pub const C_CALL_READS: Registers = Registers::from(parameters(Abi::C)).with(Registers::from(&[RAX, RSP]));

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

/// All such registers.
pub const SCRATCH: [Scratch; 5] = [
    Scratch { register: RAX, name: "rax", constraint: "a" },
    Scratch { register: RCX, name: "rcx", constraint: "c" },
    Scratch { register: RDX, name: "rdx", constraint: "d" },
    Scratch { register: RSI, name: "rsi", constraint: "S" },
    Scratch { register: RDI, name: "rdi", constraint: "D" },
];

/// Returns the registers that carry the integers among a function's parameters, in order.
pub const fn parameters(abi: Abi) -> &'static [Register] {
    match abi {
        Abi::C => &[RDI, RSI, RDX, RCX, R8, R9],
        Abi::PreserveNone => &[R12, R13, R14, R15, RDI, RSI, RDX, RCX, R8, R9, R11, RAX],
    }
}

/// Returns the registers that carry integers of 8 and 16 bits, in order. clang's `preserve_none` leaves these to the C
/// convention. Each register carries one parameter, so the two orders interleave.
pub const fn narrow_parameters(_: Abi) -> &'static [Register] {
    parameters(Abi::C)
}

/// Returns the general register that a register is part of.
pub fn general(register: iced_x86::Register) -> Option<Register> {
    let full = register.full_register();
    full.is_gpr64().then(|| Register(full as u8 - iced_x86::Register::RAX as u8))
}
