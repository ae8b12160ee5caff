//! Decodes machine code.

use iced_x86::{
    ConstantOffsets, Decoder, DecoderOptions, FlowControl, InstructionInfo, InstructionInfoFactory, Mnemonic, OpAccess,
    OpKind, Register,
};

use super::registers::general;
use crate::instruction::{Effects, Encoded, Field, Flow, Instruction, Reference, Registers};

/// Decodes a function. Compiler output decodes to its last byte.
///
/// # Errors
/// Fails at bytes that are not an instruction.
pub fn decode(code: &[u8]) -> Result<Vec<Instruction>, String> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut factory = InstructionInfoFactory::new();
    let mut all = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return Err(format!("the instruction at byte {:#x} is not known", instruction.ip()));
        }
        all.push(neutral(&instruction, decoder.get_constant_offsets(&instruction), &mut factory));
    }
    Ok(all)
}

/// Returns what the other phases need to know of an instruction.
fn neutral(
    instruction: &iced_x86::Instruction,
    offsets: ConstantOffsets,
    factory: &mut InstructionInfoFactory,
) -> Instruction {
    let (start, flow) = (instruction.ip() as usize, flow(instruction));
    let immediate = offsets.has_immediate().then(|| Encoded {
        offset: start + offsets.immediate_offset(),
        size: offsets.immediate_size(),
        field: match flow {
            Flow::Jump | Flow::Branch => Field::Jump,
            Flow::Call => Field::Call,
            _ => Field::Immediate,
        },
    });
    let displacement = offsets.has_displacement().then(|| Encoded {
        offset: start + offsets.displacement_offset(),
        size: offsets.displacement_size(),
        field: if instruction.is_ip_rel_memory_operand() { Field::Relative } else { Field::Displacement },
    });
    let effects = Effects::of(factory, instruction);
    let info = factory.info(instruction);
    let (values, sets) = uses(instruction, flow, info);
    Instruction {
        start,
        end: instruction.next_ip() as usize,
        origin: instruction.next_ip() as usize,
        flow,
        fields: if immediate.is_some() { [immediate, displacement] } else { [displacement, None] },
        refers: refers(instruction, immediate, displacement),
        access: instruction.memory_size().size(),
        is_address: instruction.mnemonic() == Mnemonic::Lea,
        moves_to: matches!(instruction.mnemonic(), Mnemonic::Mov | Mnemonic::Lea)
            .then(|| instruction.op0_register())
            .filter(|register| register.is_gpr64())
            .and_then(general),
        effects,
        values,
        sets,
        uses_stack: uses_stack(instruction),
        is_epilogue: is_epilogue(instruction),
    }
}

fn flow(instruction: &iced_x86::Instruction) -> Flow {
    match instruction.flow_control() {
        FlowControl::UnconditionalBranch => Flow::Jump,
        FlowControl::ConditionalBranch => Flow::Branch,
        FlowControl::IndirectBranch => Flow::IndirectJump,
        FlowControl::Return => Flow::Return,
        FlowControl::Exception => Flow::Trap,
        FlowControl::Call => Flow::Call,
        FlowControl::IndirectCall => Flow::IndirectCall,
        FlowControl::XbeginXabortXend => Flow::Transaction,
        FlowControl::Next | FlowControl::Interrupt => Flow::Plain,
    }
}

/// Returns the location to which an instruction refers relative to itself.
fn refers(
    instruction: &iced_x86::Instruction,
    immediate: Option<Encoded>,
    displacement: Option<Encoded>,
) -> Option<Reference> {
    if instruction.is_ip_rel_memory_operand() {
        let target = instruction.ip_rel_memory_address();
        return displacement.map(|field| Reference { field: field.offset, target });
    }
    use OpKind::{NearBranch16, NearBranch32, NearBranch64};
    let near = matches!(instruction.op0_kind(), NearBranch16 | NearBranch32 | NearBranch64);
    let target = instruction.near_branch_target();
    immediate.filter(|_| near).map(|field| Reference { field: field.offset, target })
}

/// Returns the registers that an instruction reads other than to compute the address of a memory read, and those that it
/// sets without reading them in such a way.
fn uses(instruction: &iced_x86::Instruction, flow: Flow, info: &InstructionInfo) -> (Registers, Registers) {
    let (mut values, mut sets) = (Registers::NONE, Registers::NONE);
    let is_set = |access| matches!(access, OpAccess::Write);
    for used in info.used_registers() {
        let register = used.register().full_register();
        let Some(number) = general(register) else { continue };
        let own = || info.used_registers().iter().filter(|other| other.register().full_register() == register);
        let mut set = own().filter(|other| is_set(other.access())).peekable();
        let set = if own().all(|other| is_set(other.access())) {
            // Writing a 32-bit register clears the upper half; writing a smaller one preserves it.
            set.any(|other| other.register().size() >= 4)
        } else {
            let explicit = (0..instruction.op_count()).any(|operand| {
                instruction.op_kind(operand) == OpKind::Register
                    && instruction.op_register(operand).full_register() == register
                    && !is_set(info.op_access(operand))
            });
            // An instruction with one operand may read registers implicitly.
            let jumps = flow.is_call() || matches!(flow, Flow::IndirectJump | Flow::Return | Flow::Trap);
            let names_all = instruction.op_count() > 1 || jumps;
            let address = instruction.memory_base() == register || instruction.memory_index() == register;
            if !address || explicit || !names_all || instruction.mnemonic() == Mnemonic::Lea {
                values = values.with(Registers::from(&[number]));
                continue;
            }
            set.peek().is_some()
        };
        if set {
            sets = sets.with(Registers::from(&[number]));
        }
    }
    (values, sets)
}

fn uses_stack(instruction: &iced_x86::Instruction) -> bool {
    let is_pointer = |operand| instruction.op_register(operand).full_register() == Register::RSP;
    instruction.flow_control() != FlowControl::Return
        && (instruction.is_stack_instruction()
            || instruction.memory_base() == Register::RSP
            || (0..instruction.op_count()).any(is_pointer))
}

fn is_epilogue(instruction: &iced_x86::Instruction) -> bool {
    match instruction.mnemonic() {
        Mnemonic::Pop | Mnemonic::Leave | Mnemonic::Vzeroupper => true,
        Mnemonic::Add => instruction.op0_register() == Register::RSP,
        _ => false,
    }
}
