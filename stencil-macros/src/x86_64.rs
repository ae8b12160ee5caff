//! What the x86-64 instruction set says about bytes: where an instruction's fields are, what a field means,
//! which jumps can be dropped or turned round, and how it all reads.

use std::collections::HashMap;

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, GasFormatter, Instruction, OpKind, SymbolResolver, SymbolResult,
};

/// An instruction, and where its fields are.
pub struct Decoded {
    pub instruction: Instruction,
    displacement: Option<(usize, usize)>,
    immediate: Option<(usize, usize)>,
}

/// What a field that a relocation patches is to the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The distance of a direct jump, conditional or not.
    Jump,
    /// The distance of a direct call.
    Call,
    /// The distance of a memory operand from the next instruction, of an indirect jump or call or of another one.
    RipRelative,
    /// A displacement added to registers, or an absolute address.
    Displacement,
    /// An immediate operand, as wide as the operation or extended to it with zeros.
    Immediate,
    /// An immediate operand, extended to the operation's width with its sign.
    SignedImmediate,
}

/// Decodes a function. Code that the compiler made decodes to its last byte.
pub fn decode(code: &[u8]) -> Result<Vec<Decoded>, String> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut all = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return Err(format!("the instruction at byte {:#x} is not known", instruction.ip()));
        }
        let offsets = decoder.get_constant_offsets(&instruction);
        let start = instruction.ip() as usize;
        let displacement =
            offsets.has_displacement().then(|| (start + offsets.displacement_offset(), offsets.displacement_size()));
        let immediate = offsets.has_immediate().then(|| (start + offsets.immediate_offset(), offsets.immediate_size()));
        all.push(Decoded { instruction, displacement, immediate });
    }
    Ok(all)
}

impl Decoded {
    pub fn start(&self) -> usize {
        self.instruction.ip() as usize
    }

    pub fn end(&self) -> usize {
        self.instruction.next_ip() as usize
    }

    /// What the field of `size` bytes at `offset` is.
    pub fn field(&self, offset: usize, size: usize) -> Option<Field> {
        if self.immediate == Some((offset, size)) {
            let kinds = (0..self.instruction.op_count()).map(|operand| self.instruction.op_kind(operand));
            return match self.instruction.flow_control() {
                FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch => Some(Field::Jump),
                FlowControl::Call => Some(Field::Call),
                _ if kinds.clone().any(is_sign_extended) => Some(Field::SignedImmediate),
                _ => Some(Field::Immediate),
            };
        }
        if self.displacement == Some((offset, size)) {
            let rip = self.instruction.is_ip_rel_memory_operand();
            return Some(if rip { Field::RipRelative } else { Field::Displacement });
        }
        None
    }

    /// Where a jump within the function goes: one whose distance no relocation fills in.
    fn internal_target(&self, relocated: &impl Fn(usize) -> bool) -> Option<usize> {
        let kind = self.instruction.flow_control();
        let jump = matches!(kind, FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch);
        let distance = self.immediate.is_some_and(|(offset, _)| !relocated(offset));
        (jump && distance).then(|| self.instruction.near_branch_target() as usize)
    }

    /// Whether nothing but the end of the function can follow the call that ends where this begins: if it were a
    /// tail jump, the program would do the same.
    fn only_leaves(&self) -> bool {
        use iced_x86::Mnemonic::{Add, Leave, Pop, Vzeroupper};
        match self.instruction.mnemonic() {
            Pop | Leave | Vzeroupper => true,
            Add => self.instruction.op_register(0) == iced_x86::Register::RSP,
            _ => self.instruction.flow_control() == FlowControl::Return,
        }
    }
}

fn is_sign_extended(kind: OpKind) -> bool {
    use OpKind::{Immediate8to16, Immediate8to32, Immediate8to64, Immediate32to64};
    matches!(kind, Immediate8to16 | Immediate8to32 | Immediate8to64 | Immediate32to64)
}

/// The offset of the first call in tail position that is indirect or to a place in `fields`: what a compiler
/// without `musttail` leaves of a jump that it could not make.
pub fn tail_call(code: &[Decoded], is_label: impl Fn(usize) -> bool) -> Option<usize> {
    code.iter().enumerate().find_map(|(index, call)| {
        let suspicious = match call.instruction.flow_control() {
            FlowControl::IndirectCall => true,
            FlowControl::Call => call.immediate.is_some_and(|(offset, _)| is_label(offset)),
            _ => false,
        };
        let rest = &code[index + 1..];
        let leaves = rest.iter().position(|next| next.instruction.flow_control() == FlowControl::Return);
        let leaves = leaves.is_some_and(|end| rest[..end].iter().all(Decoded::only_leaves));
        (suspicious && leaves).then(|| call.start())
    })
}

/// The bytes of code that remain when the jump that a function ends with is left out: the next uop follows.
pub fn without_last_jump(code: &[Decoded]) -> Option<usize> {
    let last = code.last()?;
    matches!(last.instruction.flow_control(), FlowControl::UnconditionalBranch | FlowControl::IndirectBranch)
        .then(|| last.start())
}

/// A `jcc A; jmp B` at the end, both 32 bits wide and the second reached only past the first: the field of `A`,
/// the field of `B`. With the condition inverted and `B` in the place of `A`, it falls through to `A`.
/// `relocated` says whether a relocation fills in the field at an offset.
pub fn invertible(code: &[Decoded], relocated: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    let [.., conditional, jump] = code else { return None };
    let (a, b) = (conditional.immediate?, jump.immediate?);
    let shape = conditional.instruction.flow_control() == FlowControl::ConditionalBranch
        && jump.instruction.flow_control() == FlowControl::UnconditionalBranch
        && (a.1, b.1) == (4, 4);
    let reached = code.iter().any(|other| other.internal_target(&relocated) == Some(jump.start()));
    (shape && !reached).then_some((a.0, b.0))
}

/// Inverts the condition of the jump whose 32-bit distance is at `field`.
pub fn invert(code: &mut [u8], field: usize) {
    // 0F 80+cc: the lowest bit of a condition negates it (Intel SDM, volume 2, appendix B.1.4.7).
    code[field - 1] ^= 1;
}

/// The instructions, one a line. `names` gives, for the offset of a patched field, what goes there.
pub fn disassemble(code: &[u8], names: &HashMap<usize, String>) -> String {
    struct Names {
        /// By address of the instruction, and whether the operand is in memory.
        names: HashMap<(u64, bool), String>,
    }
    impl SymbolResolver for Names {
        fn symbol(
            &mut self,
            instruction: &Instruction,
            _operand: u32,
            instruction_operand: Option<u32>,
            address: u64,
            _size: u32,
        ) -> Option<SymbolResult<'_>> {
            let memory = instruction.op_kind(instruction_operand?) == OpKind::Memory;
            let name = self.names.get(&(instruction.ip(), memory))?;
            Some(SymbolResult::with_str(address, name))
        }
    }
    let Ok(decoded) = decode(code) else { return String::new() };
    let mut by_operand = HashMap::new();
    for item in &decoded {
        let fields = [(item.displacement, true), (item.immediate, false)];
        for (field, memory) in fields.into_iter().filter_map(|(field, memory)| Some((field?, memory))) {
            if let Some(name) = names.get(&field.0) {
                by_operand.insert((item.instruction.ip(), memory), name.clone());
            }
        }
    }
    let mut formatter = GasFormatter::with_options(Some(Box::new(Names { names: by_operand })), None);
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_rip_relative_addresses(true);
    formatter.options_mut().set_branch_leading_zeros(false);
    let mut text = String::new();
    for item in &decoded {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{:3x}: ", item.start()));
        formatter.format(&item.instruction, &mut text);
    }
    text
}
