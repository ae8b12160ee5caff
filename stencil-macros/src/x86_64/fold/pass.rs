//! The order in which the rules are applied, and what they may rely on.

use std::collections::HashMap;

use iced_x86::{
    Code, ConditionCode, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register,
};

use super::encode::{self, Replacement};
use super::flow::{self, Next, State};
use super::rules::{self, Change, Field, Needs, Site};
use super::step::Step;
use super::value::{Operand, Part, Value};
use super::{Fill, Filled, Folded, Function, Reference, To, conditions};
use crate::instruction::{self, Effects, Flow, Registers};
use crate::model::PatchKind;

pub struct Pass<'a> {
    pub(super) function: &'a Function<'a>,
    pub(super) operands: Vec<Operand>,
    /// The code; the conditions of jumps change in it.
    code: Vec<u8>,
    factory: InstructionInfoFactory,
    pub(super) steps: Vec<Step>,
    // By the index of the step:
    pub(super) effects: Vec<Effects>,
    pub(super) next: Vec<Next>,
    pub(super) live_after: Vec<Registers>,
    known_before: Vec<State>,
}

impl<'a> Pass<'a> {
    pub fn new(function: &'a Function<'a>) -> Self {
        let mut decoder = Decoder::new(64, function.code, DecoderOptions::NONE);
        let decoded = function.decoded.iter().enumerate();
        let step = |(index, item)| Step::new(index, item, decoder.decode(), function.references);
        let steps: Vec<Step> = decoded.map(step).collect();
        let next = next(function, &steps);
        let mut pass = Self {
            function,
            operands: function.operands.to_vec(),
            code: function.code.to_vec(),
            factory: InstructionInfoFactory::new(),
            steps,
            effects: Vec::new(),
            next,
            live_after: Vec::new(),
            known_before: Vec::new(),
        };
        for index in 0..pass.steps.len() {
            let instruction = pass.steps[index].instruction;
            let effects = pass.effects_of(index, &instruction);
            pass.effects.push(effects);
        }
        pass.analyze();
        pass
    }

    pub(super) fn effects_of(&mut self, index: usize, instruction: &Instruction) -> Effects {
        let own = Effects::of(&mut self.factory, instruction);
        if !flow::is_call(instruction) {
            return own;
        }
        // Besides what the callee reads, the instruction reads the registers that hold the callee's address.
        let call = (self.function.calls)(self.steps[index].origin);
        Effects { reads: call.reads.with(own.reads), ..call }
    }

    pub(super) fn analyze(&mut self) {
        self.live_after = flow::live_after(&self.effects, &self.next);
        let (steps, operands) = (&self.steps, self.operands.as_slice());
        self.known_before =
            flow::known_before(&self.effects, &self.next, |index, state| steps[index].definition(state, operands));
    }

    /// Makes absolute addresses of 32 bits whole: in the register that they are moved to, or in one that is free.
    pub fn addresses(&mut self) {
        for (reference, Reference { offset, to }) in self.function.references.iter().enumerate() {
            let origin = instruction::index_at(self.function.decoded, *offset);
            if *to != To::Address || origin >= self.function.decoded.len() {
                continue;
            }
            let index = self.steps.partition_point(|step| step.origin < origin);
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
                    && self.function.decoded[origin].is_displacement(*offset) =>
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
                    self.insert(index, whole, vec![fill]);
                    self.analyze();
                }
                _ => {}
            }
        }
        self.analyze();
    }

    /// Operations on variables.
    pub fn variables(&mut self) {
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
    pub fn round(&mut self) -> bool {
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
        let reachable = flow::reachable(&self.next);
        let steps = self.steps.iter().zip(reachable).filter(|(step, reachable)| *reachable && !step.deleted);
        let limits = steps.flat_map(|(step, _)| &step.fills).filter_map(|filled| match filled.fill {
            Fill::Operand { operand: other, kind: PatchKind::Abs32S, addend } if other == operand => {
                Some(i128::from(i32::MAX) - i128::from(addend))
            }
            _ => None,
        });
        limits.min()
    }

    /// Notes which operands an address refuses values of by now. Whether there are new ones.
    pub fn refusals(&mut self) -> bool {
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
    pub fn unfounded(&self) -> Option<usize> {
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
        for (user, change, flips) in &changes {
            self.apply(*user, Site::Register(register), change, flips);
        }
        self.delete(index);
        // From the last one on, since those behind it move.
        changes.sort_by_key(|(user, ..)| std::cmp::Reverse(*user));
        for (user, change, _) in changes {
            if let Some(before) = change.before {
                self.insert(user, before, Vec::new());
            }
        }
        Some(())
    }

    /// An instruction that does not read a register whose value is known.
    fn replaced(&mut self, index: usize, register: Register, value: &Value) -> Option<Change> {
        let step = &self.steps[index];
        let change = rules::substitute(&step.instruction, Site::Register(register), value, &self.operands)?;
        // A field holds one value, and an address that is relative to the code has no room for another.
        let taken = |field| step.fills.iter().any(|filled| filled.field == field);
        if change.fill.is_some_and(|(field, _)| taken(field)) {
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
        // A copy in front of it sets the register.
        if let Some(before) = change.before {
            let reads = self.effects_of(index, &before).reads;
            return (!reads.intersects(Registers::of(register))).then_some(change);
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
        if !encode::is_encodable(&change.instruction) {
            return None;
        }
        match change.needs {
            Needs::Nothing => Some(Vec::new()),
            Needs::DeadFlags => (!self.live_after[index].intersects(Registers::FLAGS)).then(Vec::new),
            Needs::Address | Needs::DeadFlagsAndAddress => {
                let flags = change.needs == Needs::DeadFlagsAndAddress;
                let dead = !flags || !self.live_after[index].intersects(Registers::FLAGS);
                (dead && self.becomes_address(index, change.instruction.op0_register())).then(Vec::new)
            }
            Needs::SwappedConditions => {
                let readers = conditions::readers(index, &self.effects, &self.next)?;
                let flip = |reader: usize| {
                    let item = &self.function.decoded[self.steps[reader].origin];
                    let bytes = &self.code[item.start..item.end];
                    let (offset, byte) = conditions::exchanged(bytes).filter(|_| !self.steps[reader].changed)?;
                    Some((reader, item.start + offset, byte))
                };
                readers.into_iter().map(flip).collect()
            }
        }
    }

    /// Whether an instruction that accesses memory has the register that another one sets in its address.
    fn becomes_address(&self, index: usize, register: Register) -> bool {
        let in_address = |step: &Step| {
            let instruction = &step.instruction;
            instruction.mnemonic() != Mnemonic::Lea
                && [instruction.memory_base(), instruction.memory_index()].contains(&register.full_register())
        };
        flow::reads(index, Registers::of(register), &self.effects, &self.next)
            .into_iter()
            .any(|user| in_address(&self.steps[user]))
    }

    fn apply(&mut self, index: usize, site: Site, change: &Change, flips: &[(usize, usize, u8)]) {
        for &(reader, offset, byte) in flips {
            self.code[offset] = byte;
            let item = &self.function.decoded[self.steps[reader].origin];
            let (start, end) = (item.start, item.end);
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

    pub(super) fn change(&mut self, index: usize, mut instruction: Instruction, fills: Vec<Filled>) {
        let step = &mut self.steps[index];
        instruction.set_ip(step.instruction.ip());
        (step.instruction, step.fills, step.changed) = (instruction, fills, true);
        self.effects[index] = self.effects_of(index, &instruction);
    }

    /// Puts an instruction in front of one that is no direct jump. Jumps to the latter go to the former.
    pub(super) fn insert(&mut self, index: usize, mut instruction: Instruction, fills: Vec<Filled>) {
        instruction.set_ip(self.steps[index].instruction.ip());
        let effects = self.effects_of(index, &instruction);
        self.steps.insert(index, Step::inserted(self.steps[index].origin, instruction, fills));
        self.effects.insert(index, effects);
        for successor in self.next.iter_mut().flat_map(|next| &mut next.within) {
            *successor += usize::from(*successor > index);
        }
        self.next.insert(index, Next { within: vec![index + 1], ..Next::default() });
    }

    pub(super) fn delete(&mut self, index: usize) {
        let step = &mut self.steps[index];
        (step.deleted, step.changed, step.defines, step.variable) = (true, true, None, None);
        self.effects[index] = Effects::default();
    }

    /// Loads of operands that something still needs.
    pub fn remaining_loads(&mut self) {
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

    /// Returns the bytes of what has changed.
    ///
    /// # Errors
    /// Fails if an instruction cannot be encoded, which is a mistake in a rule.
    pub fn finish(self) -> Result<Folded, String> {
        let mut replacements = HashMap::new();
        for steps in self.steps.chunk_by(|first, second| first.origin == second.origin) {
            if steps.iter().all(|step| !step.changed) {
                continue;
            }
            let mut replacement = Replacement::default();
            for step in steps.iter().filter(|step| !step.deleted) {
                replacement.push(&step.instruction, &step.fills)?;
            }
            replacements.insert(steps[0].origin, replacement);
        }
        Ok(Folded { code: self.code, replacements })
    }
}

/// Where control goes after each instruction.
fn next(function: &Function, steps: &[Step]) -> Vec<Next> {
    let relocated =
        |offset: usize| function.references.binary_search_by_key(&offset, |reference| reference.offset).is_ok();
    let count = function.decoded.len();
    let step = |(index, item): (usize, &instruction::Instruction)| {
        let mut next = Next::default();
        let leaves = || Some((function.leaves)(index));
        if item.flow.continues() {
            if index + 1 < count { next.within.push(index + 1) } else { next.leaves = Some(Registers::GENERAL) }
        }
        let condition = steps[index].instruction.condition_code();
        let equal = condition == ConditionCode::e;
        if condition == ConditionCode::ne && item.flow == Flow::Branch {
            next.if_zero = Some(0);
        }
        match item.flow {
            Flow::Jump | Flow::Branch => match item.internal_target(relocated) {
                Some(target) => match instruction::index_of(function.decoded, target) {
                    Some(target) => {
                        next.if_zero = equal.then_some(next.within.len()).or(next.if_zero);
                        next.within.push(target);
                    }
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
