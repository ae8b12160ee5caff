//! Loads of operands become immediates, displacements and shift counts.
//!
//! C declares an operand as a variable that is never defined, and its body loads it. To a compiler the value is unknown, and
//! nothing more. The variable is a slot of the stencil's data, which is patched. This pass finds the instructions that read such a
//! variable, and puts the operand into the instructions themselves:
//!
//! - An operation on the variable gets an immediate.
//! - A register that was loaded from the variable holds a known value until it is set again. An instruction that reads the register gets
//!   an immediate or a displacement. If all of them do, the load is deleted; else it becomes a `mov` of an immediate.
//!
//! The pass replaces what it can prove and keeps the other loads, which are right for every value. A value is known where all paths
//! to an instruction agree on it. A register is dead where no path from an instruction reads it. A rule keeps the flags, or they are
//! dead. A field takes all values of the operand, except displacements of a `u32` (see [`Operand::may_be_refused`]).
//!
//! `value` describes the contents of registers and what fits into fields, `flow` follows values and flags, `rules` rewrites instructions,
//! `conditions` exchanges the operands of comparisons, and `encode` writes bytes.

mod conditions;
mod encode;
mod flow;
mod rules;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpKind, Register};

pub use encode::Replacement;
pub use value::Operand;

use crate::instruction::{self, Effects, Flow, Registers};
use crate::model::PatchKind;
use flow::{Next, State};
use rules::{Change, Field, Needs, Site};
use value::{Part, Value};

/// A function whose loads are to be folded.
pub struct Function<'a> {
    pub code: &'a [u8],
    pub decoded: &'a [instruction::Instruction],
    /// The operands of the uop, by index.
    pub operands: &'a [Operand],
    /// All relocated fields, in the order of their offsets.
    pub references: &'a [Reference],
    /// The registers that are live where control leaves the function by the instruction with this index.
    pub leaves: &'a dyn Fn(usize) -> Registers,
    /// The effects of the call at the instruction with this index.
    pub calls: &'a dyn Fn(usize) -> Effects,
    /// Whether a load of 64 bits that has to stay becomes an immediate.
    pub wide_immediates: bool,
}

/// A relocated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub offset: usize,
    pub to: To,
}

/// The target of a relocated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Memory at an offset from the variable of an operand, relative to the next instruction.
    Variable { operand: usize, at: i64 },
    /// An absolute address in 32 bits, which may not be enough.
    Address,
    /// Anything else.
    Other,
}

/// The new content of a field of a changed instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// An operand.
    Operand { operand: usize, kind: PatchKind, addend: i64 },
    /// The whole address that the reference with this index has 32 bits of.
    Address { reference: usize },
    /// The content of the reference with this index; `rest` is added to its addend.
    Kept { reference: usize, rest: i64 },
}

/// A field, and what goes there.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    field: rules::Field,
    fill: Fill,
}

/// The result of the pass.
#[derive(Debug, Default)]
pub struct Folded {
    /// The code; instructions without a replacement may differ in their condition.
    pub code: Vec<u8>,
    /// By the index of the instruction.
    pub replacements: HashMap<usize, Replacement>,
}

/// An instruction on its way.
struct Step {
    instruction: Instruction,
    /// An instruction before it.
    before: Option<(Instruction, Filled)>,
    fills: Vec<Filled>,
    /// The variable that its memory operand is, and the offset in it.
    variable: Option<(usize, i64)>,
    /// The register that it sets to a known value.
    defines: Option<(Register, Value)>,
    changed: bool,
    deleted: bool,
}

/// Folds the loads of a function. All its jumps go where the decoder says, or out of it.
pub fn fold(function: &Function) -> Folded {
    let mut pass = Pass::new(function);
    pass.addresses();
    if function.references.iter().any(|reference| matches!(reference.to, To::Variable { .. })) {
        pass.variables();
        // A change may make further values known, which the next round finds. Each round changes at least one instruction.
        while pass.round() || pass.refusals() {}
        pass.remaining_loads();
        if let Some(operand) = pass.unfounded() {
            // It takes all its values then.
            let mut operands = function.operands.to_vec();
            operands[operand].may_be_refused = false;
            return fold(&Function { operands: &operands, ..*function });
        }
    }
    pass.finish()
}

struct Pass<'a> {
    function: &'a Function<'a>,
    operands: Vec<Operand>,
    code: Vec<u8>,
    factory: InstructionInfoFactory,
    steps: Vec<Step>,
    effects: Vec<Effects>,
    next: Vec<Next>,
    reachable: Vec<bool>,
    live_after: Vec<Registers>,
    known_before: Vec<State>,
}

impl<'a> Pass<'a> {
    fn new(function: &'a Function<'a>) -> Self {
        let mut decoder = Decoder::new(64, function.code, DecoderOptions::NONE);
        let step = |item| Step::new(item, decoder.decode(), function.references);
        let steps: Vec<Step> = function.decoded.iter().map(step).collect();
        let mut pass = Self {
            function,
            operands: function.operands.to_vec(),
            code: function.code.to_vec(),
            factory: InstructionInfoFactory::new(),
            steps,
            effects: Vec::new(),
            next: next(function),
            reachable: Vec::new(),
            live_after: Vec::new(),
            known_before: Vec::new(),
        };
        for index in 0..pass.steps.len() {
            let instruction = pass.steps[index].instruction;
            let effects = pass.effects_of(index, &instruction);
            pass.effects.push(effects);
        }
        pass.reachable = flow::reachable(&pass.next);
        pass.analyze();
        pass
    }

    fn effects_of(&mut self, index: usize, instruction: &Instruction) -> Effects {
        if flow::is_call(instruction) {
            return (self.function.calls)(index);
        }
        Effects::of(&mut self.factory, instruction)
    }

    fn analyze(&mut self) {
        self.live_after = flow::live_after(&self.effects, &self.next);
        let (steps, operands) = (&self.steps, self.operands.as_slice());
        self.known_before =
            flow::known_before(&self.effects, &self.next, |index, state| steps[index].definition(state, operands));
    }

    /// Makes absolute addresses of 32 bits whole: in the register that they are moved to, or in one that is free.
    fn addresses(&mut self) {
        for (reference, Reference { offset, to }) in self.function.references.iter().enumerate() {
            let index = instruction::index_at(self.function.decoded, *offset);
            if *to != To::Address || index >= self.steps.len() {
                continue;
            }
            let instruction = self.steps[index].instruction;
            let fill = Filled { field: Field::Immediate, fill: Fill::Address { reference } };
            let whole = |register| Instruction::with2(Code::Mov_r64_imm64, register, 0_u64);
            match instruction.code() {
                Code::Mov_r32_imm32 | Code::Mov_rm64_imm32 if instruction.op0_kind() == OpKind::Register => {
                    let Ok(whole) = whole(instruction.op0_register().full_register()) else { continue };
                    self.change(index, whole, vec![fill]);
                }
                // A table, at an address plus one register.
                _ if instruction.memory_base() == Register::None
                    && is_displacement(&self.function.decoded[index], *offset) =>
                {
                    let Effects { reads, writes, .. } = self.effects[index];
                    let taken = self.live_after[index].with(reads).with(writes);
                    let Some(free) = taken.absent() else { continue };
                    let Ok(whole) = whole(free) else { continue };
                    let mut new = instruction;
                    new.set_memory_base(free);
                    new.set_memory_displ_size(0);
                    new.set_memory_displacement64(0);
                    self.change(index, new, Vec::new());
                    self.steps[index].before = Some((whole, fill));
                    let (free, effects) = (Registers::of(free), &mut self.effects[index]);
                    effects.reads = effects.reads.without(free);
                    effects.writes = effects.writes.with(free);
                    effects.kills = effects.kills.with(free);
                }
                _ => {}
            }
        }
        self.analyze();
    }

    /// Operations on variables.
    fn variables(&mut self) {
        for index in 0..self.steps.len() {
            let Some((operand, 0)) = self.steps[index].variable else { continue };
            let instruction = self.steps[index].instruction;
            let bits = instruction.memory_size().size() as u32 * 8;
            let Some(value) = Value::loaded(&self.operands, operand, bits, bits, false) else { continue };
            // A load into a register is left for later: it may not be needed.
            if self.steps[index].definition(&[None; 16], &self.operands).is_some() {
                continue;
            }
            if let Some(change) = rules::substitute(&instruction, Site::Variable, &value, &self.operands)
                && let Some(flips) = self.allowed(index, &change)
            {
                self.apply(index, Site::Variable, &change, &flips);
                self.analyze();
            }
        }
    }

    /// Tries to do without each instruction that sets a register to a known value. Whether anything changed.
    fn round(&mut self) -> bool {
        let mut changed = false;
        for index in 0..self.steps.len() {
            if !self.steps[index].deleted && self.without(index).is_some() {
                changed = true;
                self.analyze();
            }
        }
        changed
    }

    /// The greatest value of an operand that all addresses take, if one refuses values.
    fn limit(&self, operand: usize) -> Option<i128> {
        // Layout removes unreachable code.
        let steps = self.steps.iter().zip(&self.reachable).filter(|(step, reachable)| **reachable && !step.deleted);
        let limits = steps.flat_map(|(step, _)| &step.fills).filter_map(|filled| match filled.fill {
            Fill::Operand { operand: other, kind: PatchKind::Abs32S, addend } if other == operand => {
                Some(i128::from(i32::MAX) - i128::from(addend))
            }
            _ => None,
        });
        limits.min()
    }

    /// Notes which operands an address refuses values of by now. Whether there are new ones.
    fn refusals(&mut self) -> bool {
        let mut changed = false;
        for operand in 0..self.operands.len() {
            if let Some(limit) = self.limit(operand)
                && !self.operands[operand].is_refused
            {
                let known = &mut self.operands[operand];
                (known.is_refused, changed) = (true, true);
                known.range.1 = known.range.1.min(limit);
            }
        }
        if changed {
            self.analyze();
        }
        changed
    }

    /// An operand whose other fields rely on a refusal that no longer exists.
    fn unfounded(&self) -> Option<usize> {
        let founded = |operand: usize| self.limit(operand).is_some_and(|limit| limit <= self.operands[operand].range.1);
        (0..self.operands.len()).find(|&operand| self.operands[operand].is_refused && !founded(operand))
    }

    /// Lets all that reads the register set by an instruction do without it, and deletes the instruction.
    fn without(&mut self, index: usize) -> Option<()> {
        let (register, value) = self.steps[index].definition(&self.known_before[index], &self.operands)?;
        let set = Registers::of(register);
        // Without the instruction, the register holds what it held before: the base of the sum.
        let of_itself = value.base == Some(register);
        let own_flags = self.effects[index].writes.intersects(Registers::FLAGS);
        if own_flags && self.live_after[index].intersects(Registers::FLAGS) {
            return None;
        }
        let uses = flow::uses(index, set, &self.effects, &self.next)?;
        // In a loop, a sum of itself is its own user.
        if uses.contains(&index) || of_itself && !flow::only_from(index, set, &uses, &self.effects, &self.next) {
            return None;
        }
        let mut changes = Vec::new();
        for user in uses {
            let held = if of_itself { value } else { self.known_before[user][flow::number(register)?]? };
            let change = self.replaced(user, register, &held)?;
            let flips = self.allowed(user, &change)?;
            changes.push((user, change, flips));
        }
        for (user, change, flips) in changes {
            self.apply(user, Site::Register(register), &change, &flips);
        }
        self.delete(index);
        Some(())
    }

    /// An instruction that does not read a register whose value is known.
    fn replaced(&mut self, index: usize, register: Register, value: &Value) -> Option<Change> {
        let step = &self.steps[index];
        let change = rules::substitute(&step.instruction, Site::Register(register), value, &self.operands)?;
        // A field holds one value, and an address that is relative to the code has no room for another.
        let taken = |field| step.fills.iter().any(|filled| filled.field == field);
        if step.before.is_some() || change.fill.is_some_and(|(field, _)| taken(field)) {
            return None;
        }
        // The rules do not see the content of a field that was filled before, so the field must stay as it is.
        let same = change.defines.is_none() && change.instruction.mnemonic() == step.instruction.mnemonic();
        if !step.fills.is_empty() && !same {
            return None;
        }
        let mut change = change;
        if taken(Field::Displacement) {
            // Only a register can take the place of another one then.
            if value.operand.is_some() && change.fill.is_none() || value.number != 0 {
                return None;
            }
            change.instruction.set_memory_displ_size(step.instruction.memory_displ_size());
            change.instruction.set_memory_displacement64(step.instruction.memory_displacement64());
        }
        // It may read the register in a way that the rules do not know of.
        let mut probe = change.instruction;
        if value.base == Some(register) {
            let other = |part| if part == register { Register::None } else { part };
            probe.set_memory_base(other(probe.memory_base()));
            probe.set_memory_index(other(probe.memory_index()));
        }
        (!self.effects_of(index, &probe).reads.intersects(Registers::of(register))).then_some(change)
    }

    /// Whether a change may be made: the conditions to exchange with it, as offsets in the code and bytes.
    fn allowed(&self, index: usize, change: &Change) -> Option<Vec<(usize, usize, u8)>> {
        match change.needs {
            Needs::Nothing => Some(Vec::new()),
            Needs::DeadFlags => (!self.live_after[index].intersects(Registers::FLAGS)).then(Vec::new),
            Needs::SwappedConditions => {
                let readers = conditions::readers(index, &self.effects, &self.next)?;
                let flip = |reader: usize| {
                    let item = &self.function.decoded[reader];
                    let bytes = &self.code[item.start..item.end];
                    let (offset, byte) = conditions::exchanged(bytes).filter(|_| !self.steps[reader].changed)?;
                    Some((reader, item.start + offset, byte))
                };
                readers.into_iter().map(flip).collect()
            }
        }
    }

    fn apply(&mut self, index: usize, site: Site, change: &Change, flips: &[(usize, usize, u8)]) {
        for &(reader, offset, byte) in flips {
            self.code[offset] = byte;
            let (start, end) = (self.function.decoded[reader].start, self.function.decoded[reader].end);
            let mut decoder = Decoder::with_ip(64, &self.code[start..end], start as u64, DecoderOptions::NONE);
            self.steps[reader].instruction = decoder.decode();
        }
        let mut fills = self.steps[index].fills.clone();
        if site == Site::Variable {
            fills.retain(|filled| filled.field != Field::Displacement);
            self.steps[index].variable = None;
        }
        // A register that is set needs nothing of what was there.
        if change.defines.is_some() {
            fills.clear();
            self.steps[index].variable = None;
        }
        if let Some((field, Part { kind, operand, addend })) = change.fill {
            fills.push(Filled { field, fill: Fill::Operand { operand, kind, addend } });
        }
        self.change(index, change.instruction, fills);
        self.steps[index].defines = change.defines;
    }

    fn change(&mut self, index: usize, mut instruction: Instruction, fills: Vec<Filled>) {
        let step = &mut self.steps[index];
        instruction.set_ip(step.instruction.ip());
        (step.instruction, step.fills, step.changed) = (instruction, fills, true);
        self.effects[index] = self.effects_of(index, &instruction);
    }

    fn delete(&mut self, index: usize) {
        let step = &mut self.steps[index];
        (step.deleted, step.changed, step.defines, step.variable) = (true, true, None, None);
        self.effects[index] = Effects::default();
    }

    /// Loads of operands that something still needs.
    fn remaining_loads(&mut self) {
        for index in 0..self.steps.len() {
            if self.steps[index].variable.is_none() {
                continue;
            }
            let Some((register, value)) = self.steps[index].definition(&[None; 16], &self.operands) else { continue };
            let Some(change) = rules::set(register, value, &self.operands) else { continue };
            let wide = change.fill.is_some_and(|(_, part)| part.kind == PatchKind::Abs64);
            if !wide || self.function.wide_immediates {
                self.apply(index, Site::Variable, &change, &[]);
            }
        }
    }

    /// The bytes of what has changed.
    fn finish(self) -> Folded {
        let mut replacements = HashMap::new();
        for (index, step) in self.steps.iter().enumerate().filter(|(_, step)| step.changed) {
            let mut replacement = Replacement::default();
            let encoded = step.deleted || {
                let before = step.before.iter().all(|(before, fill)| replacement.push(before, &[*fill]).is_some());
                before && replacement.push(&step.instruction, &step.fills).is_some()
            };
            if !encoded {
                // Nothing of it can be used: an instruction may rely on any other change.
                return Folded { code: self.function.code.to_vec(), replacements: HashMap::new() };
            }
            replacements.insert(index, replacement);
        }
        Folded { code: self.code, replacements }
    }
}

impl Step {
    fn new(item: &instruction::Instruction, instruction: Instruction, references: &[Reference]) -> Self {
        let first = references.partition_point(|reference| reference.offset < item.start);
        let own = references[first..].iter().take_while(|reference| reference.offset < item.end);
        let (mut fills, mut variable) = (Vec::new(), None);
        for (index, reference) in own.enumerate() {
            let displacement = is_displacement(item, reference.offset);
            let field = if displacement { Field::Displacement } else { Field::Immediate };
            let relative = displacement && item.is_relative();
            let rest = if relative { (item.end - reference.offset) as i64 } else { 0 };
            fills.push(Filled { field, fill: Fill::Kept { reference: first + index, rest } });
            if let To::Variable { operand, at } = reference.to
                && relative
            {
                variable = Some((operand, at));
            }
        }
        Self { instruction, before: None, fills, variable, defines: None, changed: false, deleted: false }
    }

    /// The register that the instruction sets to a known value, with that value, after this state.
    fn definition(&self, state: &State, operands: &[Operand]) -> Option<(Register, Value)> {
        if self.deleted {
            return None;
        }
        if self.defines.is_some() {
            return self.defines;
        }
        let instruction = &self.instruction;
        let (first, second) = (instruction.op0_register(), instruction.op1_register());
        let target = first.full_register();
        let known = |register: Register| state[flow::number(register)?];
        let whole = |base| Value { base: Some(base), operand: None, number: 0, bits: 64 };
        let value = match (instruction.code(), self.variable) {
            (code, Some((operand, 0))) => {
                let (read, bits, signed) = match code {
                    Code::Mov_r64_rm64 => (64, 64, false),
                    Code::Mov_r32_rm32 => (32, 32, false),
                    Code::Movzx_r32_rm16 | Code::Movzx_r64_rm16 => (16, 16, false),
                    Code::Movzx_r32_rm8 | Code::Movzx_r64_rm8 => (8, 8, false),
                    Code::Movsxd_r64_rm32 => (32, 64, true),
                    Code::Movsx_r64_rm16 => (16, 64, true),
                    Code::Movsx_r64_rm8 => (8, 64, true),
                    Code::Movsx_r32_rm16 => (16, 32, true),
                    Code::Movsx_r32_rm8 => (8, 32, true),
                    _ => return None,
                };
                Value::loaded(operands, operand, read, bits, signed)?
            }
            (_, Some(_)) => return None,
            (Code::Mov_r64_rm64 | Code::Mov_rm64_r64, None)
                if instruction.op0_kind() == OpKind::Register && instruction.op1_kind() == OpKind::Register =>
            {
                whole(second)
            }
            (Code::Add_rm64_imm8 | Code::Add_rm64_imm32, None) if instruction.op0_kind() == OpKind::Register => {
                let [Filled { fill: Fill::Operand { operand, addend, .. }, .. }] = *self.fills.as_slice() else {
                    return None;
                };
                Value { operand: Some(operand), number: addend, ..whole(first) }
            }
            (Code::Lea_r64_m, None) => {
                let (base, index) = (instruction.memory_base(), instruction.memory_index());
                if index != Register::None || flow::number(base).is_none() {
                    return None;
                }
                match self.fills.as_slice() {
                    [] => Value { number: instruction.memory_displacement64() as i64, ..whole(base) },
                    [Filled { fill: Fill::Operand { operand, addend, .. }, .. }] => {
                        Value { operand: Some(*operand), number: *addend, ..whole(base) }
                    }
                    _ => return None,
                }
            }
            // A sum that is no `lea`, since the operand may not fit one.
            (Code::Add_r64_rm64 | Code::Add_rm64_r64, None)
                if instruction.op0_kind() == OpKind::Register && instruction.op1_kind() == OpKind::Register =>
            {
                let constant = |register| known(register).filter(|value| value.base.is_none() && value.bits == 64);
                match (constant(first), constant(second)) {
                    (Some(value), None) => Value { base: Some(second), ..value },
                    (None, Some(value)) => Value { base: Some(first), ..value },
                    _ => return None,
                }
            }
            _ => return None,
        };
        // The stack pointer cannot be an index, and what is at it moves.
        (value.base != Some(Register::RSP) && target != Register::RSP).then_some((target, value))
    }
}

/// Whether a field at an offset is the displacement of a memory operand.
fn is_displacement(item: &instruction::Instruction, offset: usize) -> bool {
    use instruction::Field::{Displacement, Relative};
    item.fields.iter().flatten().any(|at| at.offset == offset && matches!(at.field, Displacement | Relative))
}

/// Where control goes after each instruction.
fn next(function: &Function) -> Vec<Next> {
    let relocated =
        |offset: usize| function.references.binary_search_by_key(&offset, |reference| reference.offset).is_ok();
    let count = function.decoded.len();
    let step = |(index, item): (usize, &instruction::Instruction)| {
        let mut next = Next::default();
        let leaves = || Some((function.leaves)(index));
        if item.flow.continues() {
            if index + 1 < count { next.within.push(index + 1) } else { next.leaves = Some(Registers::GENERAL) }
        }
        match item.flow {
            Flow::Jump | Flow::Branch => match item.internal_target(relocated) {
                Some(target) => match instruction::index_of(function.decoded, target) {
                    Some(target) => next.within.push(target),
                    None => next.leaves = Some(Registers::GENERAL),
                },
                None => next.leaves = leaves(),
            },
            flow if flow.ends_block() => next.leaves = leaves(),
            _ => {}
        }
        next
    };
    function.decoded.iter().enumerate().map(step).collect()
}
