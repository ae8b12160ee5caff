//! Translates bytecode to uops, one for one.

use stencil_runtime::{Code, Error, Label};

use crate::program::{Instruction, Opcode};
use crate::uops::{Interpreter as Uop, Object};

/// Compiles a function that is verified. The code contains the addresses of the constants.
pub fn compile(instructions: &[Instruction], constants: &[*mut Object]) -> Result<Code<Uop>, Error> {
    let error = Label(instructions.len() as u32);
    let mut uops = Vec::new();
    for (index, &Instruction { op, arg }) in (0..).zip(instructions) {
        let target = Label(arg);
        let uop = match op {
            Opcode::LoadConstant => Uop::load_constant(constants[arg as usize]),
            Opcode::LoadLocal => Uop::load_local(arg, error),
            Opcode::StoreLocal => Uop::store_local(arg),
            Opcode::LoadGlobal => Uop::load_global(arg),
            Opcode::PopTop => Uop::pop_top(),
            Opcode::Duplicate => Uop::duplicate(),
            Opcode::Binary => Uop::binary(arg, error),
            Opcode::AddInt => Uop::add_int(error),
            Opcode::Compare => Uop::compare(arg, error),
            Opcode::Not => Uop::not(),
            Opcode::BuildTuple => Uop::build_tuple(arg),
            Opcode::Subscript => Uop::subscript(error),
            Opcode::JumpForward => Uop::jump_forward(target),
            Opcode::JumpBackward => Uop::jump_backward(target, error),
            Opcode::JumpIfFalse => Uop::jump_if_false(target),
            Opcode::CallFunction => Uop::call_function(arg, error),
            Opcode::Print => Uop::print(),
            Opcode::ReturnValue => Uop::return_value(),
        };
        uops.extend([Uop::bind(Label(index)), Uop::set_position(index), uop]);
    }
    uops.extend([Uop::bind(error), Uop::error()]);
    Uop::compile(&uops)
}
