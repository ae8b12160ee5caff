//! The rules: how an instruction that reads an operand, from a register or from memory, can hold it itself.
//!
//! Each rule gives an instruction with the same effect for every value of the operand, or none. Where it depends on more than the
//! instruction, it says on what.

use iced_x86::{Code, EncodingKind, Instruction, MemoryOperand, Mnemonic, OpKind, Register};

use crate::model::PatchKind;

use super::value::{Address, Operand, Part, Value};

/// Where an instruction reads the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// In this 64-bit register, or in a part of it.
    Register(Register),
    /// In memory, at the variable that C declares for the operand.
    Variable,
}

/// A field of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Displacement,
    Immediate,
}

/// A further condition of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Nothing reads the flags that the instruction set.
    DeadFlags,
    /// The register that the instruction sets becomes part of an address: a sum must not be the first to refuse values of an operand.
    Address,
    DeadFlagsAndAddress,
    /// Each reader of the flags asks for the condition with the compared operands exchanged.
    SwappedConditions,
}

/// An instruction in the place of another.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub instruction: Instruction,
    pub fill: Option<(Field, Part)>,
    pub needs: Needs,
    /// The register that it sets to a known value, with that value.
    pub defines: Option<(Register, Value)>,
    /// An instruction to put in front of it.
    pub before: Option<Instruction>,
}

impl Change {
    fn new(instruction: Instruction, fill: Option<(Field, Part)>) -> Self {
        Self { instruction, fill, needs: Needs::Nothing, defines: None, before: None }
    }

    fn filled(instruction: Instruction, field: Field, part: Part) -> Self {
        Self::new(instruction, Some((field, part)))
    }

    /// Whether it is the first field to refuse values of an operand.
    fn refuses(&self, operands: &[Operand]) -> bool {
        self.fill.is_some_and(|(_, part)| part.kind == PatchKind::Abs32S && !operands[part.operand].is_refused)
    }

    fn needs(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }
}

/// An operation with an immediate: its codes for 8, 16, 32 and 64 bits, then for 32 and 64 with an immediate of 8 bits.
type Operation = (Mnemonic, [Code; 4], Option<[Code; 2]>);

macro_rules! operation {
    ($mnemonic:ident, $b:ident $w:ident $d:ident $q:ident, $short_d:ident $short_q:ident) => {
        (Mnemonic::$mnemonic, [Code::$b, Code::$w, Code::$d, Code::$q], Some([Code::$short_d, Code::$short_q]))
    };
    ($mnemonic:ident, $b:ident $w:ident $d:ident $q:ident) => {
        (Mnemonic::$mnemonic, [Code::$b, Code::$w, Code::$d, Code::$q], None)
    };
}

/// Operations whose second operand may be an immediate.
const OPERATIONS: [Operation; 10] = [
    operation!(Add, Add_rm8_imm8 Add_rm16_imm16 Add_rm32_imm32 Add_rm64_imm32, Add_rm32_imm8 Add_rm64_imm8),
    operation!(Adc, Adc_rm8_imm8 Adc_rm16_imm16 Adc_rm32_imm32 Adc_rm64_imm32, Adc_rm32_imm8 Adc_rm64_imm8),
    operation!(Sub, Sub_rm8_imm8 Sub_rm16_imm16 Sub_rm32_imm32 Sub_rm64_imm32, Sub_rm32_imm8 Sub_rm64_imm8),
    operation!(Sbb, Sbb_rm8_imm8 Sbb_rm16_imm16 Sbb_rm32_imm32 Sbb_rm64_imm32, Sbb_rm32_imm8 Sbb_rm64_imm8),
    operation!(And, And_rm8_imm8 And_rm16_imm16 And_rm32_imm32 And_rm64_imm32, And_rm32_imm8 And_rm64_imm8),
    operation!(Or, Or_rm8_imm8 Or_rm16_imm16 Or_rm32_imm32 Or_rm64_imm32, Or_rm32_imm8 Or_rm64_imm8),
    operation!(Xor, Xor_rm8_imm8 Xor_rm16_imm16 Xor_rm32_imm32 Xor_rm64_imm32, Xor_rm32_imm8 Xor_rm64_imm8),
    operation!(Cmp, Cmp_rm8_imm8 Cmp_rm16_imm16 Cmp_rm32_imm32 Cmp_rm64_imm32, Cmp_rm32_imm8 Cmp_rm64_imm8),
    operation!(Test, Test_rm8_imm8 Test_rm16_imm16 Test_rm32_imm32 Test_rm64_imm32),
    operation!(Mov, Mov_rm8_imm8 Mov_rm16_imm16 Mov_rm32_imm32 Mov_rm64_imm32),
];

/// Shifts and rotations, whose count may be an immediate: the codes for 8, 16, 32 and 64 bits.
const SHIFTS: [(Mnemonic, [Code; 4]); 5] = [
    (Mnemonic::Shl, [Code::Shl_rm8_imm8, Code::Shl_rm16_imm8, Code::Shl_rm32_imm8, Code::Shl_rm64_imm8]),
    (Mnemonic::Shr, [Code::Shr_rm8_imm8, Code::Shr_rm16_imm8, Code::Shr_rm32_imm8, Code::Shr_rm64_imm8]),
    (Mnemonic::Sar, [Code::Sar_rm8_imm8, Code::Sar_rm16_imm8, Code::Sar_rm32_imm8, Code::Sar_rm64_imm8]),
    (Mnemonic::Rol, [Code::Rol_rm8_imm8, Code::Rol_rm16_imm8, Code::Rol_rm32_imm8, Code::Rol_rm64_imm8]),
    (Mnemonic::Ror, [Code::Ror_rm8_imm8, Code::Ror_rm16_imm8, Code::Ror_rm32_imm8, Code::Ror_rm64_imm8]),
];

/// An instruction that has the value in itself and does not read it from `site`.
pub fn substitute(from: &Instruction, site: Site, value: &Value, operands: &[Operand]) -> Option<Change> {
    let first = u32::from(sets_first_operand(from));
    let reads: Vec<u32> = (first..from.op_count()).filter(|&operand| reads_site(from, operand, site)).collect();
    let in_address = matches!(site, Site::Register(register)
        if has_memory(from) && (is(from.memory_base(), register) || is(from.memory_index(), register)));
    match (reads.as_slice(), in_address) {
        ([] | [0], true) => {
            let Site::Register(register) = site else { return None };
            in_displacement(from, register, value, operands)
        }
        ([1], false) => second_operand(from, value, operands),
        ([0], false) => first_operand(from, site, value, operands),
        // Sign extension of `eax` to `rax` names no operand.
        ([], false) if from.code() == Code::Cdqe => set(Register::RAX, value.sign_extended(operands)?, operands),
        _ => None,
    }
}

/// An instruction that sets a register to a value without a base.
pub fn set(register: Register, value: Value, operands: &[Operand]) -> Option<Change> {
    let register = register.full_register();
    let half = Register::EAX + (register as u32 - Register::RAX as u32);
    let (instruction, part);
    if let Some(low) = value.cut(32, operands).filter(|low| *low == value || value.bits <= 32) {
        (instruction, part) = (Instruction::with2(Code::Mov_r32_imm32, half, 0).ok()?, low.immediate(32)?);
    } else if let Some(signed) = value.signed_immediate(operands) {
        (instruction, part) = (Instruction::with2(Code::Mov_rm64_imm32, register, 0).ok()?, signed);
    } else {
        (instruction, part) = (Instruction::with2(Code::Mov_r64_imm64, register, 0_u64).ok()?, value.immediate(64)?);
    }
    Some(Change { defines: Some((register, value)), ..Change::filled(instruction, Field::Immediate, part) })
}

/// Whether an instruction sets the register that is its first operand without reading it.
fn sets_first_operand(instruction: &Instruction) -> bool {
    use Mnemonic::{Imul, Lea, Mov, Movsx, Movsxd, Movzx};
    let register = instruction.op0_register();
    let sets = match instruction.mnemonic() {
        Mov | Movsx | Movsxd | Movzx | Lea => true,
        Imul => instruction.op_count() == 3,
        _ => false,
    };
    sets && instruction.op0_kind() == OpKind::Register && (register.is_gpr32() || register.is_gpr64())
}

fn is(part: Register, register: Register) -> bool {
    part != Register::None && part.full_register() == register
}

fn has_memory(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::Memory)
}

/// Whether an operand of the instruction is the site, as a register or as memory.
fn reads_site(instruction: &Instruction, operand: u32, site: Site) -> bool {
    match (instruction.op_kind(operand), site) {
        (OpKind::Register, Site::Register(register)) => is(instruction.op_register(operand), register),
        (OpKind::Memory, Site::Variable) => true,
        _ => false,
    }
}

/// The width of an operand, in bits. None for what is no general register or memory of such a size.
fn width(instruction: &Instruction, operand: u32) -> Option<u32> {
    use Register::{AH, BH, CH, DH};
    let bytes = match instruction.op_kind(operand) {
        OpKind::Register if matches!(instruction.op_register(operand), AH | BH | CH | DH) => return None,
        OpKind::Register if !instruction.op_register(operand).is_gpr() => return None,
        OpKind::Register => instruction.op_register(operand).size(),
        OpKind::Memory => instruction.memory_size().size(),
        _ => return None,
    };
    matches!(bytes, 1 | 2 | 4 | 8).then_some(bytes as u32 * 8)
}

/// The value takes the place of the second operand.
fn second_operand(from: &Instruction, value: &Value, operands: &[Operand]) -> Option<Change> {
    let read = width(from, 1)?;
    match from.mnemonic() {
        // The count of a shift, in `cl`.
        Mnemonic::Shl | Mnemonic::Shr | Mnemonic::Sar | Mnemonic::Rol | Mnemonic::Ror => shift(from, value),
        Mnemonic::Imul if from.op_count() == 2 => {
            let target = from.op0_register();
            let new = Instruction::with2(from.code(), target, target).ok()?;
            multiply(&new, value, operands)
        }
        Mnemonic::Imul => product(from, from.try_immediate(2).ok()?, value, operands),
        Mnemonic::Movzx if width(from, 0)? >= 32 => set(from.op0_register(), value.cut(read, operands)?, operands),
        Mnemonic::Movsxd if read == 32 && width(from, 0)? == 64 => {
            set(from.op0_register(), value.sign_extended(operands)?, operands)
        }
        Mnemonic::Mov if from.op0_kind() == OpKind::Register && read >= 32 => {
            width(from, 0)?;
            set(from.op0_register(), value.cut(read, operands)?, operands)
        }
        // A sum of both registers.
        Mnemonic::Add if value.base.is_some() && from.op0_kind() == OpKind::Register => {
            let register = from.op0_register();
            sum(register, register, width(from, 0)?, value, operands)
        }
        _ if from.op_count() == 2 => {
            width(from, 0)?;
            immediate(from, value, operands)
        }
        _ => None,
    }
}

/// The value takes the place of the first operand, which is not written or only depends on the value.
fn first_operand(from: &Instruction, site: Site, value: &Value, operands: &[Operand]) -> Option<Change> {
    let size = width(from, 0)?;
    let register = from.op0_register();
    let in_register = matches!(site, Site::Register(_));
    let other_is_plain = || matches!(from.op1_kind(), OpKind::Register | OpKind::Memory) && width(from, 1).is_some();
    match from.mnemonic() {
        Mnemonic::Cmp | Mnemonic::Test if other_is_plain() => {
            let new = immediate(&exchanged(from), value, operands)?;
            Some(if from.mnemonic() == Mnemonic::Cmp { new.needs(Needs::SwappedConditions) } else { new })
        }
        Mnemonic::Imul if from.op_count() == 2 && in_register => multiply(from, value, operands),
        Mnemonic::Add if in_register && from.op1_kind() == OpKind::Register && width(from, 1).is_some() => {
            sum(register, from.op1_register(), size, value, operands)
        }
        // The operation on a copy of the other operand.
        Mnemonic::And | Mnemonic::Or | Mnemonic::Xor
            if in_register && size >= 32 && from.op1_kind() == OpKind::Register && value.base.is_none() =>
        {
            let change = immediate(from, value, operands)?;
            let code = if size == 64 { Code::Mov_r64_rm64 } else { Code::Mov_r32_rm32 };
            Some(Change { before: Some(Instruction::with2(code, register, from.op1_register()).ok()?), ..change })
        }
        Mnemonic::Shl if in_register => {
            product(from, 1 << (from.try_immediate(1).ok()? & u64::from(size - 1)), value, operands)
        }
        Mnemonic::Add | Mnemonic::Sub | Mnemonic::Inc | Mnemonic::Dec if in_register => {
            let number = match from.mnemonic() {
                Mnemonic::Inc => 1,
                Mnemonic::Dec => -1,
                // An immediate, or else nothing that is known.
                Mnemonic::Add => from.try_immediate(1).ok()? as i64,
                _ => (from.try_immediate(1).ok()? as i64).checked_neg()?,
            };
            (size >= 32).then_some(())?;
            let sum = value.plus(number, size, operands)?;
            let change = match sum.base {
                Some(_) if size != 64 => return None,
                Some(base) => displaced(lea(Code::Lea_r64_m, register, base)?, &sum, Address::Whole, operands)?,
                None => set(register, sum, operands)?,
            };
            Some(change.needs(Needs::DeadFlags))
        }
        Mnemonic::Push if size == 64 => {
            let (code, kind, part) = match value.short_immediate(64, operands) {
                Some(part) => (Code::Pushq_imm8, OpKind::Immediate8to64, part),
                None => (Code::Pushq_imm32, OpKind::Immediate32to64, value.signed_immediate(operands)?),
            };
            let mut new = *from;
            new.set_code(code);
            set_immediate(&mut new, 0, kind);
            Some(Change::filled(new, Field::Immediate, part))
        }
        _ => None,
    }
}

/// A comparison with its operands exchanged; the first one is of no use any more.
fn exchanged(from: &Instruction) -> Instruction {
    let mut new = *from;
    new.set_op0_kind(from.op1_kind());
    new.set_op0_register(if from.op1_kind() == OpKind::Register { from.op1_register() } else { Register::None });
    new.set_op1_kind(from.op0_kind());
    new.set_op1_register(if from.op0_kind() == OpKind::Register { from.op0_register() } else { Register::None });
    new
}

/// One of [`OPERATIONS`], with the value as its second operand. An immediate holds no register.
fn immediate(from: &Instruction, value: &Value, operands: &[Operand]) -> Option<Change> {
    if value.base.is_some() {
        return None;
    }
    let size = width(from, 0)?;
    let (_, codes, short) = OPERATIONS.iter().find(|(mnemonic, ..)| *mnemonic == from.mnemonic())?;
    let short = short.zip(value.short_immediate(size, operands));
    let mut needs = Needs::Nothing;
    let (code, kind, part) = match (size, short) {
        (32, Some((codes, part))) => (codes[0], OpKind::Immediate8to32, part),
        (64, Some((codes, part))) => (codes[1], OpKind::Immediate8to64, part),
        (8, _) => (codes[0], OpKind::Immediate8, value.immediate(8)?),
        (16, _) => (codes[1], OpKind::Immediate16, value.immediate(16)?),
        (32, _) => (codes[2], OpKind::Immediate32, value.immediate(32)?),
        _ => {
            let part = match value.signed_immediate(operands) {
                None if from.mnemonic() == Mnemonic::Add && from.op0_kind() == OpKind::Register => {
                    needs = Needs::Address;
                    value.displacement(Address::Whole, operands)
                }
                part => part,
            };
            (codes[3], OpKind::Immediate32to64, part?)
        }
    };
    let mut new = *from;
    new.set_code(code);
    set_immediate(&mut new, 1, kind);
    Some(Change::filled(new, Field::Immediate, part).needs(needs))
}

/// A multiplication by the value: the first operand is the product, the second one the other factor.
fn multiply(from: &Instruction, value: &Value, operands: &[Operand]) -> Option<Change> {
    let (code, kind, part) = match (width(from, 0)?, value.short_immediate(width(from, 0)?, operands)) {
        (32, Some(part)) => (Code::Imul_r32_rm32_imm8, OpKind::Immediate8to32, part),
        (64, Some(part)) => (Code::Imul_r64_rm64_imm8, OpKind::Immediate8to64, part),
        (32, None) => (Code::Imul_r32_rm32_imm32, OpKind::Immediate32, value.immediate(32)?),
        (64, None) => (Code::Imul_r64_rm64_imm32, OpKind::Immediate32to64, value.signed_immediate(operands)?),
        _ => return None,
    };
    let mut new = *from;
    new.set_code(code);
    set_immediate(&mut new, 2, kind);
    Some(Change::filled(new, Field::Immediate, part))
}

/// A register that is set to the product of the value and a number.
fn product(from: &Instruction, number: u64, value: &Value, operands: &[Operand]) -> Option<Change> {
    let size = width(from, 0).filter(|size| *size >= 32)?;
    Some(set(from.op0_register(), value.times(number, size, operands)?, operands)?.needs(Needs::DeadFlags))
}

/// A shift by the low byte of the value. The processor takes the same bits of an immediate and of `cl`.
fn shift(from: &Instruction, value: &Value) -> Option<Change> {
    let (_, codes) = SHIFTS.iter().find(|(mnemonic, _)| *mnemonic == from.mnemonic())?;
    let mut new = *from;
    new.set_code(codes[width(from, 0)?.trailing_zeros() as usize - 3]);
    set_immediate(&mut new, 1, OpKind::Immediate8);
    Some(Change::filled(new, Field::Immediate, value.immediate(8)?))
}

/// `register = value + other`, of 32 or 64 bits: a `lea`, which leaves the flags alone.
fn sum(register: Register, other: Register, size: u32, value: &Value, operands: &[Operand]) -> Option<Change> {
    let (code, address) = match size {
        32 => (Code::Lea_r32_m, Address::Low32),
        64 => (Code::Lea_r64_m, Address::Whole),
        _ => return None,
    };
    let mut new = lea(code, register, other.full_register())?;
    if let Some(base) = value.base {
        new.set_memory_index(base);
        new.set_memory_index_scale(1);
    }
    let change = displaced(new, value, address, operands)?;
    Some(change.needs(if change.refuses(operands) { Needs::DeadFlagsAndAddress } else { Needs::DeadFlags }))
}

fn lea(code: Code, register: Register, base: Register) -> Option<Instruction> {
    Instruction::with2(code, register, MemoryOperand::with_base(base)).ok()
}

/// The value takes the place of a register in an address.
fn in_displacement(from: &Instruction, register: Register, value: &Value, operands: &[Operand]) -> Option<Change> {
    let (base, index) = (from.memory_base(), from.memory_index());
    // Not in an address of 32 bits.
    if base != register && index != register {
        return None;
    }
    let kept = value.base.unwrap_or(Register::None);
    let address = if from.code() == Code::Lea_r32_m { Address::Low32 } else { Address::Whole };
    let bits = if address == Address::Low32 { 32 } else { 64 };
    let scale = from.memory_index_scale();
    let (mut new, mut value) = (*from, *value);
    if base == register && index == register {
        if kept != Register::None {
            return None;
        }
        value = value.times(u64::from(scale) + 1, bits, operands)?;
        new.set_memory_base(Register::None);
        new.set_memory_index(Register::None);
    } else if base == register {
        new.set_memory_base(kept);
    } else {
        new.set_memory_index(kept);
        if scale != 1 {
            value = Value { base: value.base, ..value.offset().times(scale.into(), bits, operands)? };
        }
    }
    if new.memory_index() == Register::None {
        new.set_memory_index_scale(1);
    }
    if new.memory_index_scale() == 1 && (new.memory_base() == Register::None || new.memory_index() == Register::RSP) {
        let (base, index) = (new.memory_base(), new.memory_index());
        new.set_memory_base(index);
        new.set_memory_index(base);
    }
    if new.memory_index() == Register::RSP {
        return None;
    }
    let number = from.memory_displacement64() as i64;
    let moved = if number == 0 { value } else { value.plus(number, bits, operands)? };
    if matches!(from.code(), Code::Lea_r32_m | Code::Lea_r64_m)
        && new.memory_base() == Register::None
        && new.memory_index() == Register::None
    {
        return set(from.op0_register(), moved.cut(bits, operands)?, operands);
    }
    let change = displaced(new, &moved, address, operands)?;
    let sum = from.mnemonic() == Mnemonic::Lea && change.refuses(operands);
    Some(if sum { change.needs(Needs::Address) } else { change })
}

/// An instruction whose displacement is the value's operand and number.
fn displaced(mut new: Instruction, value: &Value, address: Address, operands: &[Operand]) -> Option<Change> {
    let short = new.memory_base() != Register::None;
    let Some(_) = value.operand else {
        let number = i32::try_from(value.number).ok()?;
        let size = match number {
            0 if short => 0,
            _ if short && i8::try_from(number).is_ok() => 1,
            _ => 8,
        };
        new.set_memory_displ_size(size);
        new.set_memory_displacement64(i64::from(number) as u64);
        return Some(Change::new(new, None));
    };
    // The processor scales the short displacement of an EVEX instruction.
    let short = short && new.encoding() != EncodingKind::EVEX;
    let (size, part) = match value.short_displacement(operands).filter(|_| short) {
        Some(part) => (1, part),
        None => (8, value.displacement(address, operands)?),
    };
    new.set_memory_displ_size(size);
    new.set_memory_displacement64(0);
    Some(Change::filled(new, Field::Displacement, part))
}

fn set_immediate(instruction: &mut Instruction, operand: u32, kind: OpKind) {
    instruction.set_op_kind(operand, kind);
    instruction.set_immediate_u64(operand, 0);
}
