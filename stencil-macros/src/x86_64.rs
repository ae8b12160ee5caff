//! The x86-64 instruction set: locates an instruction's fields and interprets them, removes and inverts jumps, and
//! disassembles.

pub mod probe;
pub mod registers;

use std::collections::HashMap;

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter, GasFormatter, Instruction, InstructionInfoFactory, OpAccess,
    OpKind, Register, SymbolResolver, SymbolResult,
};

/// An instruction and the positions of its fields.
pub struct Decoded {
    pub instruction: Instruction,
    displacement: Option<(usize, usize)>,
    immediate: Option<(usize, usize)>,
}

/// How the processor interprets a field that a relocation patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The displacement of a direct jump, conditional or not.
    Jump,
    /// The displacement of a direct call.
    Call,
    /// The displacement of a RIP-relative memory operand, whether of an indirect jump or call or of another
    /// instruction.
    RipRelative,
    /// A displacement added to registers, or an absolute address.
    Displacement,
    /// An immediate of the operation's width, or zero-extended to it.
    Immediate,
    /// An immediate that is sign-extended to the operation's width.
    SignedImmediate,
}

/// How an instruction uses a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Not at all, or only to compute the address of a memory read.
    Address,
    /// It reads the register.
    Value,
    /// It sets the register without reading it.
    Set,
}

/// How an instruction affects the control flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Execution continues with the next instruction, perhaps after a call.
    Plain,
    /// It jumps to a displacement.
    Jump,
    /// It jumps to a displacement or continues.
    Branch,
    /// It jumps to a target that is not encoded in the instruction.
    Leave,
}

/// Decodes a function. Compiler output decodes to its last byte.
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

    /// Returns the meaning of the field of `size` bytes at `offset`.
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

    pub fn len(&self) -> usize {
        self.instruction.len()
    }

    /// Returns whether the displacement of the instruction's memory operand begins at an offset.
    pub fn is_displacement(&self, offset: usize) -> bool {
        self.displacement.is_some_and(|(start, _)| start == offset)
    }

    /// Returns how the instruction affects the control flow.
    pub fn kind(&self) -> Kind {
        match self.instruction.flow_control() {
            FlowControl::UnconditionalBranch => Kind::Jump,
            FlowControl::ConditionalBranch => Kind::Branch,
            FlowControl::Return | FlowControl::IndirectBranch | FlowControl::Exception => Kind::Leave,
            _ => Kind::Plain,
        }
    }

    /// Returns whether the instruction is a call.
    pub fn is_call(&self) -> bool {
        matches!(self.instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall)
    }

    /// Returns whether the instruction jumps unconditionally, directly or not.
    pub fn is_jump(&self) -> bool {
        use FlowControl::{ConditionalBranch, IndirectBranch, UnconditionalBranch};
        matches!(self.instruction.flow_control(), ConditionalBranch | IndirectBranch | UnconditionalBranch)
    }

    /// Returns whether the instruction pushes to the native stack or pops from it. A return does not count, because it
    /// only leaves the function.
    pub fn uses_stack(&self) -> bool {
        use iced_x86::Register::RSP;
        let instruction = &self.instruction;
        let register = |operand| instruction.op_register(operand).full_register() == RSP;
        instruction.flow_control() != FlowControl::Return
            && (instruction.is_stack_instruction()
                || instruction.memory_base() == RSP
                || (0..instruction.op_count()).any(register))
    }

    /// Returns the offset of the field that a relocation of a jump patches: its displacement, or that of its slot.
    pub fn field_offset(&self) -> Option<usize> {
        self.immediate.or(self.displacement).map(|(offset, _)| offset)
    }

    /// Returns the target of a jump within the function, that is, one whose displacement no relocation patches.
    pub fn internal_target(&self, relocated: &impl Fn(usize) -> bool) -> Option<usize> {
        let distance = self.immediate.is_some_and(|(offset, _)| !relocated(offset));
        (matches!(self.kind(), Kind::Jump | Kind::Branch) && distance)
            .then(|| self.instruction.near_branch_target() as usize)
    }

    /// Returns whether the instruction refers to a location in the function other than by a jump.
    pub fn hides_a_place(&self, relocated: impl Fn(usize) -> bool) -> bool {
        let address = self.instruction.is_ip_rel_memory_operand()
            && self.displacement.is_some_and(|(offset, _)| !relocated(offset));
        let call = self.instruction.flow_control() == FlowControl::Call
            && self.immediate.is_some_and(|(offset, _)| !relocated(offset));
        // The abort handler of a transaction is also given by a displacement.
        let transaction = self.instruction.flow_control() == FlowControl::XbeginXabortXend;
        address || call || transaction
    }

    /// Returns the offset in the function to which the instruction refers relative to itself, by a field that no
    /// relocation patches. An offset before the function wraps to a huge number.
    pub fn relative_target(&self, relocated: impl Fn(usize) -> bool) -> Option<u64> {
        use FlowControl::{Call, ConditionalBranch, UnconditionalBranch, XbeginXabortXend};
        let fixed = |field: Option<(usize, usize)>| field.is_some_and(|(offset, _)| !relocated(offset));
        if self.instruction.is_ip_rel_memory_operand() && fixed(self.displacement) {
            return Some(self.instruction.ip_rel_memory_address());
        }
        let jumps = matches!(
            self.instruction.flow_control(),
            Call | ConditionalBranch | UnconditionalBranch | XbeginXabortXend
        );
        (jumps && fixed(self.immediate)).then(|| self.instruction.near_branch_target())
    }

    /// Returns whether the instruction refers to memory relative to itself.
    pub fn is_relative(&self) -> bool {
        self.instruction.is_ip_rel_memory_operand()
    }

    /// Returns whether the instruction reads memory relative to itself, rather than only computing the address.
    pub fn reads_relative(&self) -> bool {
        self.is_relative() && !is_lea(self)
    }

    /// Returns whether the instruction is a return.
    pub fn is_return(&self) -> bool {
        self.instruction.flow_control() == FlowControl::Return
    }

    /// Returns the 64-bit register that the instruction sets, if it is a `mov` or a `lea`.
    pub fn sets_register(&self) -> Option<Register> {
        let moves = matches!(self.instruction.mnemonic(), iced_x86::Mnemonic::Mov | iced_x86::Mnemonic::Lea);
        (moves && self.instruction.op0_register().is_gpr64()).then(|| self.instruction.op0_register())
    }

    /// Returns whether the instruction writes to a register or to a part of it.
    pub fn writes(&self, register: Register) -> bool {
        let mut factory = InstructionInfoFactory::new();
        factory.info(&self.instruction).used_registers().iter().any(|used| {
            used.register().full_register() == register && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead)
        })
    }

    /// Returns how the instruction uses a 64-bit register.
    pub fn use_of(&self, register: Register) -> Use {
        let mut factory = InstructionInfoFactory::new();
        let instruction = &self.instruction;
        let info = factory.info(instruction);
        let all: Vec<_> =
            info.used_registers().iter().filter(|used| used.register().full_register() == register).collect();
        let sets = |access| matches!(access, OpAccess::Write);
        if all.iter().all(|used| sets(used.access())) {
            // Writing a 32-bit register clears the upper half; writing a smaller one preserves it.
            let whole = all.iter().any(|used| used.register().is_gpr64() || used.register().is_gpr32());
            return if whole { Use::Set } else { Use::Address };
        }
        let within = (0..instruction.op_count()).any(|operand| {
            instruction.op_kind(operand) == OpKind::Register
                && instruction.op_register(operand).full_register() == register
                && !sets(info.op_access(operand))
        });
        // An instruction with one operand may read registers implicitly.
        let names_all = instruction.op_count() > 1 || self.kind() == Kind::Leave || self.is_call();
        let address = instruction.memory_base() == register || instruction.memory_index() == register;
        if !address || within || !names_all || instruction.mnemonic() == iced_x86::Mnemonic::Lea {
            return Use::Value;
        }
        if all.iter().any(|used| sets(used.access())) { Use::Set } else { Use::Address }
    }

    /// Returns whether only the end of the function can follow the call before this instruction, so that a tail jump
    /// would be equivalent to the call.
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

/// The general-purpose registers in which C functions return results.
pub const RESULTS: [Register; 2] = [Register::RAX, Register::RDX];

/// Returns whether a call of a C function may overwrite a register.
pub fn is_lost_in_calls(register: Register) -> bool {
    use Register::{R8, R9, R10, R11, RAX, RCX, RDI, RDX, RSI};
    [RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11].contains(&register)
}

/// Returns the offset of the first call in tail position that is indirect or whose field is that of a label. A compiler
/// without `musttail` emits such a call where it could not emit a jump.
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

/// Returns the length of the code without the jump that ends the function, because the next uop follows there.
pub fn without_last_jump(code: &[Decoded]) -> Option<usize> {
    let last = code.last()?;
    matches!(last.instruction.flow_control(), FlowControl::UnconditionalBranch | FlowControl::IndirectBranch)
        .then(|| last.start())
}

/// Returns the condition code of the conditional jump at the start of `code`: the low half of its opcode (Intel SDM,
/// volume 2, appendix B.1.4.7). Returns none for jumps on the count register, which have no condition code.
pub fn condition(code: &[u8]) -> Option<u8> {
    match *code {
        [opcode @ 0x70..=0x7f, ..] | [0x0f, opcode @ 0x80..=0x8f, ..] => Some(opcode & 0xf),
        _ => None,
    }
}

/// Returns the negation of a condition.
pub fn negated(condition: u8) -> u8 {
    condition ^ 1
}

/// Returns the size of a jump in bytes. Its displacement has 32 bits if `long`, and 8 bits otherwise.
pub fn jump_size(conditional: bool, long: bool) -> usize {
    match (conditional, long) {
        (_, false) => 2,
        (false, true) => 5,
        (true, true) => 6,
    }
}

/// Appends a jump. If it is short, its displacement must fit 8 bits.
pub fn push_jump(code: &mut Vec<u8>, condition: Option<u8>, long: bool, distance: i32) {
    match (condition, long) {
        (None, false) => code.extend([0xeb, distance as u8]),
        (Some(condition), false) => code.extend([0x70 | condition, distance as u8]),
        (None, true) => code.push(0xe9),
        (Some(condition), true) => code.extend([0x0f, 0x80 | condition]),
    }
    if long {
        code.extend(distance.to_le_bytes());
    }
}

/// Returns whether an instruction computes an address relative to itself.
pub fn is_lea(item: &Decoded) -> bool {
    item.instruction.mnemonic() == iced_x86::Mnemonic::Lea && item.instruction.is_ip_rel_memory_operand()
}

/// Converts a `lea` whose displacement is at `field` into a `mov` from the same location and of the same length: 8D /r
/// becomes 8B /r (Intel SDM, volume 2).
pub fn lea_to_load(code: &mut [u8], field: usize) -> bool {
    let opcode = field.checked_sub(2).and_then(|at| code.get_mut(at)).filter(|opcode| **opcode == 0x8d);
    opcode.is_some_and(|opcode| {
        *opcode = 0x8b;
        true
    })
}

/// Disassembles code, one instruction per line. `names` maps the offset of a patched field to the name of its value.
pub fn disassemble(code: &[u8], names: &HashMap<usize, String>) -> String {
    struct Names {
        /// Keyed by the address of the instruction and whether the operand is in memory.
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
