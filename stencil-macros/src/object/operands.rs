//! Loads of operands in a stencil's code, as the pass that folds them wants to know of them.

use super::{Builder, Filling, Relocation, Target};
use crate::compiler::flags;
use crate::ctype::Type;
use crate::instruction::{self, Effects, Flow, Instruction, Registers, RelocationKind};
use crate::isa;
use crate::isa::fold::{self, Fill, Function, Operand, Reference, Replacement, To};
use crate::layout::Replacements;
use crate::model::{Abi, Refusal, Symbol};

impl Builder<'_, '_, '_> {
    /// Folds loads of operands into the code. Returns the code, the replacements for its instructions, and the content of fields: what
    /// the relocations say, in their order, and then what replacements need.
    pub(super) fn fold(
        &self,
        code: &[u8],
        decoded: &[Instruction],
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
                        Filling::Relocation(Relocation { kind: RelocationKind::Absolute, ..relocations[reference] })
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
            Ok(Target::Symbol(Symbol::Operand(operand))) if !self.is_code_operand(operand) => Some(operand),
            _ => None,
        }
    }

    fn reference(&self, decoded: &[Instruction], relocation: &Relocation) -> Reference {
        let index = instruction::index_at(decoded, relocation.offset);
        let rest = decoded.get(index).map_or(0, |item| item.rest(relocation.offset));
        let known = matches!(
            self.target(relocation),
            Ok(Target::Local { .. } | Target::Symbol(Symbol::Host(_)) | Target::Builtin(_))
        );
        let to = match (relocation.kind, self.operand_of(relocation)) {
            (RelocationKind::Relative, Some(operand)) => To::Variable { operand, at: relocation.addend + rest },
            (RelocationKind::Narrow(32), operand) if operand.is_some() || known => To::Address,
            _ => To::Other,
        };
        Reference { offset: relocation.offset, to }
    }

    fn known_operand(&self, operand: usize) -> Operand {
        let known = match self.operand_type(operand) {
            Type::Integer { bits, signed, .. } => {
                let known = Operand::integer(*bits, *signed);
                Operand { may_be_refused: known.may_be_refused && !self.has_full_range(), ..known }
            }
            Type::Bool => Operand { range: (0, 1), ..Operand::integer(8, false) },
            Type::F32 => Operand { may_be_refused: false, ..Operand::integer(32, false) },
            // An instruction can hold the first word.
            Type::Vector(vector) => Operand { bytes: vector.bytes as u32, ..Operand::integer(64, false) },
            _ => Operand::integer(64, false),
        };
        match self.assumed.get(operand) {
            Some(Some((least, greatest))) => Operand { range: ((*least).into(), (*greatest).into()), ..known },
            _ => known,
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
    fn destination(&self, item: &Instruction, relocations: &[Relocation]) -> Option<Target> {
        let offset = item.destination()?;
        let index = relocations.binary_search_by_key(&offset, |relocation| relocation.offset).ok()?;
        self.target(&relocations[index]).ok()
    }

    /// Whether a jump or a call goes to a uop.
    fn goes_to_uop(&self, item: &Instruction, relocations: &[Relocation]) -> bool {
        let direct = matches!(item.flow, Flow::Jump | Flow::Branch | Flow::Call);
        match self.destination(item, relocations) {
            Some(Target::Symbol(Symbol::Next)) => true,
            Some(Target::Symbol(Symbol::Operand(operand))) => direct && self.is_code_operand(operand),
            _ => false,
        }
    }

    /// The registers that are live where an instruction leaves the uop.
    fn live_at_exit(&self, item: &Instruction, relocations: &[Relocation]) -> Registers {
        let Some(convention) = &self.reader.convention else { return Registers::GENERAL };
        let preserved = convention.kept().with(isa::RESERVED);
        if self.goes_to_uop(item, relocations) {
            return self.reader.machine_registers().with(preserved);
        }
        // Another function may want any register.
        if item.flow == Flow::Return { preserved.with(Registers::from(&isa::RESULTS)) } else { Registers::GENERAL }
    }

    /// What a call may do to registers.
    fn effects_of_call(&self, item: &Instruction, relocations: &[Relocation]) -> Effects {
        match self.destination(item, relocations) {
            _ if self.goes_to_uop(item, relocations) => {
                Effects::of_call(self.reader.machine_registers(), isa::LOST_IN_CALLS, Registers::GENERAL)
            }
            Some(Target::Symbol(Symbol::Host(_)) | Target::Builtin(_)) => {
                Effects::of_call(isa::C_CALL_READS, isa::LOST_IN_CALLS, Registers::NONE)
            }
            // A function that a pointer leads to may preserve more than others. It reads parameters at most: the number that
            // a variadic function gets beside them depends on no operand.
            _ if item.flow == Flow::IndirectCall => {
                let parameters = Registers::from(isa::parameters(Abi::C));
                Effects::of_call(parameters.with(self.reader.machine_registers()), Registers::NONE, Registers::GENERAL)
            }
            _ => Effects::of_call(Registers::GENERAL, Registers::NONE, Registers::GENERAL),
        }
    }
}
