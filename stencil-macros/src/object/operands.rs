//! Loads of operands in a stencil's code, as the pass that folds them wants to know of them.

use iced_x86::{FlowControl, Register};
use object::elf;

use super::{Builder, Filling, Relocation, Target};
use crate::compiler::flags;
use crate::ctype::Type;
use crate::layout::Replacements;
use crate::model::{Refusal, Symbol};
use crate::x86_64::fold::{self, Effects, Fill, Function, Operand, Reference, Registers, Replacement, To};
use crate::x86_64::probe::Location;
use crate::x86_64::{Decoded, Kind};

/// The registers in which the C convention passes integers.
const C: [Register; 6] = {
    use Register::{R8, R9, RCX, RDI, RDX, RSI};
    [RDI, RSI, RDX, RCX, R8, R9]
};

/// The registers that a call loses with either convention.
const LOST: [Register; 9] = {
    use Register::{R8, R9, R10, R11, RAX, RCX, RDI, RDX, RSI};
    [RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11]
};

impl Builder<'_, '_, '_> {
    /// Folds loads of operands into the code. Returns the code, the replacements for its instructions, and the content of fields: what
    /// the relocations say, in their order, and then what replacements need.
    pub(super) fn fold(
        &self,
        code: &[u8],
        decoded: &[Decoded],
        relocations: &[Relocation],
    ) -> Result<(Vec<u8>, Replacements, Vec<Filling>), Refusal> {
        let references: Vec<_> = relocations.iter().map(|relocation| self.reference(decoded, relocation)).collect();
        let mut fillings: Vec<_> = relocations.iter().copied().map(Filling::Relocation).collect();
        let mut replacements = Replacements::new();
        let operands: Vec<_> = (0..self.operands().len()).map(|operand| self.known_operand(operand)).collect();
        let leaves = |index: usize| self.live_at_exit(&decoded[index], relocations);
        let calls = |index: usize| self.effects_of_call(&decoded[index], relocations);
        let folded = fold::fold(&Function {
            code,
            decoded,
            operands: &operands,
            references: &references,
            leaves: &leaves,
            calls: &calls,
            // Position-independent code reaches all values through its data.
            wide_immediates: !self.is_position_independent(),
        });
        let folded = folded.map_err(|why| self.cannot_fold(&why))?;
        for (index, Replacement { bytes, fields }) in folded.replacements {
            let mut located = Vec::with_capacity(fields.len());
            for (field, fill) in fields {
                located.push((field, fillings.len()));
                fillings.push(match fill {
                    Fill::Operand { operand, kind, addend } => Filling::Operand { offset: 0, operand, kind, addend },
                    Fill::Address { reference } => {
                        Filling::Relocation(Relocation { r_type: elf::R_X86_64_64, ..relocations[reference] })
                    }
                    Fill::Kept { reference, rest } => {
                        let kept = relocations[reference];
                        Filling::Relocation(Relocation { addend: kept.addend + rest, ..kept })
                    }
                });
            }
            replacements.insert(index, (bytes, located));
        }
        Ok((folded.code, replacements, fillings))
    }

    /// The operand whose variable a relocation refers to.
    fn operand_of(&self, relocation: &Relocation) -> Option<usize> {
        match self.target(relocation) {
            Ok(Target::Symbol(Symbol::AddressOf(operand))) => Some(operand),
            Ok(Target::Symbol(Symbol::Operand(operand))) if self.operand_type(operand) != &Type::Label => Some(operand),
            _ => None,
        }
    }

    fn reference(&self, decoded: &[Decoded], relocation: &Relocation) -> Reference {
        let index = decoded.partition_point(|item| item.end() <= relocation.offset);
        let rest = decoded.get(index).map_or(4, |item| item.end() - relocation.offset) as i64;
        let known = matches!(
            self.target(relocation),
            Ok(Target::Local { .. } | Target::Symbol(Symbol::Host(_)) | Target::Libc(_))
        );
        let to = match (relocation.r_type, self.operand_of(relocation)) {
            (elf::R_X86_64_PC32 | elf::R_X86_64_PLT32, Some(operand)) => {
                To::Variable { operand, at: relocation.addend + rest }
            }
            (elf::R_X86_64_32 | elf::R_X86_64_32S, operand) if operand.is_some() || known => To::Address,
            _ => To::Other,
        };
        Reference { offset: relocation.offset, to }
    }

    fn known_operand(&self, operand: usize) -> Operand {
        match self.operand_type(operand) {
            Type::Integer { bits, signed, .. } => {
                let known = Operand::integer(*bits, *signed);
                Operand { may_be_refused: known.may_be_refused && !self.has_full_range(), ..known }
            }
            Type::Bool => Operand { range: (0, 1), ..Operand::integer(8, false) },
            Type::F32 => Operand { may_be_refused: false, ..Operand::integer(32, false) },
            _ => Operand::integer(64, false),
        }
    }

    fn is_position_independent(&self) -> bool {
        let flags: Vec<String> = self.reader.block.flags.iter().map(syn::LitStr::value).collect();
        flags::are_position_independent(flags.iter().map(String::as_str))
    }

    /// Whether the uop promises to take all values of its operands.
    fn has_full_range(&self) -> bool {
        let contract = self.uop.and_then(|uop| uop.contract.as_ref()).unwrap_or(&self.reader.block.contract);
        contract.full_range
    }

    /// What the field of a jump or a call refers to.
    fn destination(&self, item: &Decoded, relocations: &[Relocation]) -> Option<Target> {
        let offset = item.field_offset()?;
        let index = relocations.binary_search_by_key(&offset, |relocation| relocation.offset).ok()?;
        self.target(&relocations[index]).ok()
    }

    /// Whether a jump or a call goes to a uop.
    fn goes_to_uop(&self, item: &Decoded, relocations: &[Relocation]) -> bool {
        let direct = matches!(item.kind(), Kind::Jump | Kind::Branch) || item.instruction.is_call_near();
        match self.destination(item, relocations) {
            Some(Target::Symbol(Symbol::Next)) => true,
            Some(Target::Symbol(Symbol::Operand(operand))) => direct && self.is_label_operand(operand),
            _ => false,
        }
    }

    /// The registers that hold the parameters of uops, and the stack pointer; all, if they are not known.
    fn machine_registers(&self) -> Registers {
        let Some(convention) = &self.reader.convention else { return Registers::GENERAL };
        let machine = &self.reader.block.machine.parameters;
        // The probe has integers of 64 bits. clang passes those of 8 and 16 bits elsewhere than `preserve_none` says.
        if machine.iter().any(|field| matches!(field.ty.c, Type::Integer { bits: ..32, .. } | Type::Bool)) {
            return Registers::GENERAL;
        }
        let parameters = convention.parameters.iter().zip(machine);
        let registers = parameters.map(|(location, field)| match (location, &field.ty.c) {
            // C says nothing of the upper half of a register that holds a shorter integer.
            (Location::Register(register), Type::Integer { bits: 32, .. }) => Registers::low(*register),
            (Location::Register(register), _) => Registers::of(*register),
            (Location::Stack(_), _) => Registers::NONE,
        });
        registers.fold(Registers::of(Register::RSP), Registers::with)
    }

    /// The registers that are live where an instruction leaves the uop.
    fn live_at_exit(&self, item: &Decoded, relocations: &[Relocation]) -> Registers {
        let Some(convention) = &self.reader.convention else { return Registers::GENERAL };
        let preserved: Registers = convention.kept.iter().copied().chain([Register::RSP, Register::RBP]).collect();
        if self.goes_to_uop(item, relocations) {
            return self.machine_registers().with(preserved);
        }
        let results: Registers = [Register::RAX, Register::RDX].into_iter().collect();
        let returns = item.instruction.flow_control() == FlowControl::Return;
        // Another function may want any register.
        if returns { preserved.with(results) } else { Registers::GENERAL }
    }

    /// What a call may do to registers.
    fn effects_of_call(&self, item: &Decoded, relocations: &[Relocation]) -> Effects {
        let of_c: Registers = C.into_iter().chain([Register::RAX, Register::RSP]).collect();
        let lost: Registers = LOST.into_iter().collect();
        match self.destination(item, relocations) {
            _ if self.goes_to_uop(item, relocations) => {
                Effects::of_call(self.machine_registers(), lost, Registers::GENERAL)
            }
            Some(Target::Symbol(Symbol::Host(_)) | Target::Libc(_)) => Effects::of_call(of_c, lost, Registers::NONE),
            // A function that a pointer leads to may preserve more than others. What it reads is no number of vectors, as variadic
            // functions find it in `rax`: that is no operand.
            _ if item.instruction.is_call_near_indirect() => {
                let parameters: Registers = C.into_iter().collect();
                Effects::of_call(parameters.with(self.machine_registers()), Registers::NONE, Registers::GENERAL)
            }
            _ => Effects::of_call(Registers::GENERAL, Registers::NONE, Registers::GENERAL),
        }
    }
}
