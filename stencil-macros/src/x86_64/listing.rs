//! Disassembly for people.

use std::collections::HashMap;

use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter, Instruction, OpKind, SymbolResolver, SymbolResult};

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
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let (mut instructions, mut by_operand) = (Vec::new(), HashMap::new());
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return String::new();
        }
        let (start, offsets) = (instruction.ip(), decoder.get_constant_offsets(&instruction));
        let displacement = offsets.has_displacement().then(|| (offsets.displacement_offset(), true));
        let immediate = offsets.has_immediate().then(|| (offsets.immediate_offset(), false));
        for (offset, memory) in displacement.into_iter().chain(immediate) {
            if let Some(name) = names.get(&(start as usize + offset)) {
                by_operand.insert((start, memory), name.clone());
            }
        }
        instructions.push(instruction);
    }
    let mut formatter = GasFormatter::with_options(Some(Box::new(Names { names: by_operand })), None);
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_rip_relative_addresses(true);
    formatter.options_mut().set_branch_leading_zeros(false);
    let mut text = String::new();
    for instruction in &instructions {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{:3x}: ", instruction.ip()));
        formatter.format(instruction, &mut text);
    }
    text
}
