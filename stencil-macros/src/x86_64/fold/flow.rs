//! Data flow over a function's instructions: which registers an instruction reads and writes, which are live, and what
//! registers are known to hold.

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register};

use super::value::Value;
use crate::instruction::{Effects, Registers};
use crate::x86_64::registers::general;

impl Registers {
    /// The general register that this one is part of; none if it is of another kind.
    pub fn of(register: Register) -> Self {
        general(register).map_or(Self::NONE, |register| Self::from(&[register]))
    }

    /// A general register that is not in the set, of those which functions need not preserve.
    pub fn absent(self) -> Option<Register> {
        use Register::{R8, R9, R10, R11, RCX, RDI, RDX, RSI};
        // Not `rax`, which tells a variadic function how many vectors it gets.
        [RCX, RDX, R10, R11, RSI, RDI, R8, R9].into_iter().find(|register| !self.intersects(Self::of(*register)))
    }
}

impl FromIterator<Register> for Registers {
    fn from_iter<I: IntoIterator<Item = Register>>(registers: I) -> Self {
        registers.into_iter().fold(Self::NONE, |set, register| set.with(Self::of(register)))
    }
}

/// The number of the general register that this one is part of.
pub fn number(register: Register) -> Option<usize> {
    general(register).map(|general| general.0.into())
}

/// Carry, parity, adjust, zero, sign and overflow.
const ARITHMETIC_FLAGS: u32 = 0x3f;

impl Effects {
    /// The effects of an instruction other than a call.
    pub fn of(factory: &mut InstructionInfoFactory, instruction: &Instruction) -> Self {
        let mut effects = Self::default();
        for used in factory.info(instruction).used_registers() {
            let (register, whole) = (Registers::of(used.register()), used.register().size() >= 4);
            let (reads, writes) = match used.access() {
                OpAccess::None | OpAccess::NoMemAccess => (false, false),
                OpAccess::Read | OpAccess::CondRead => (true, false),
                // 32-bit writes clear the upper half; 8- and 16-bit writes keep the rest of the register.
                OpAccess::Write => (!whole, true),
                OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite => (true, true),
            };
            if reads {
                effects.reads = effects.reads.with(register);
            }
            if writes {
                effects.writes = effects.writes.with(register);
            }
            if whole && matches!(used.access(), OpAccess::Write | OpAccess::ReadWrite) {
                effects.kills = effects.kills.with(register);
            }
        }
        if instruction.rflags_read() & ARITHMETIC_FLAGS != 0 {
            effects.reads = effects.reads.with(Registers::FLAGS);
        }
        let modified = instruction.rflags_modified() & ARITHMETIC_FLAGS;
        if modified != 0 {
            effects.writes = effects.writes.with(Registers::FLAGS);
        }
        if modified == ARITHMETIC_FLAGS && !has_variable_count(instruction) {
            effects.kills = effects.kills.with(Registers::FLAGS);
        }
        effects
    }
}

/// A shift by a count of 0 leaves the flags as they are.
fn has_variable_count(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|operand| instruction.op_register(operand) == Register::CL)
}

/// Whether an instruction calls, or has the system or another function do something.
pub fn is_call(instruction: &Instruction) -> bool {
    use FlowControl::{Call, IndirectCall, Interrupt};
    matches!(instruction.flow_control(), Call | IndirectCall | Interrupt)
}

/// Where control goes after an instruction.
#[derive(Clone, Debug, Default)]
pub struct Next {
    /// Instructions of the function, by index.
    pub within: Vec<usize>,
    /// The registers that are live where control leaves the function, if it may.
    pub leaves: Option<Registers>,
}

/// The instructions that control may reach.
pub fn reachable(next: &[Next]) -> Vec<bool> {
    let mut reachable = vec![false; next.len()];
    let mut work = vec![0];
    while let Some(index) = work.pop() {
        if index < next.len() && !std::mem::replace(&mut reachable[index], true) {
            work.extend(&next[index].within);
        }
    }
    reachable
}

/// The registers and flags that are live after each instruction.
pub fn live_after(effects: &[Effects], next: &[Next]) -> Vec<Registers> {
    let mut live = vec![Registers::NONE; effects.len()];
    loop {
        let mut changed = false;
        for index in (0..effects.len()).rev() {
            let outside = next[index].leaves.unwrap_or(Registers::NONE);
            let all = next[index].within.iter().fold(outside, |all, &successor| {
                all.with(effects[successor].reads).with(live[successor].without(effects[successor].kills))
            });
            changed |= live[index] != all;
            live[index] = all;
        }
        if !changed {
            return live;
        }
    }
}

/// The known contents of the general registers.
pub type State = [Option<Value>; 16];

/// The values known before each instruction: those on which all paths to it agree. `define` gives the register that an instruction
/// sets to a known value, with that value, from the state before it.
pub fn known_before(
    effects: &[Effects],
    next: &[Next],
    define: impl Fn(usize, &State) -> Option<(Register, Value)>,
) -> Vec<State> {
    let mut before: Vec<Option<State>> = vec![None; effects.len()];
    let mut work = vec![0];
    if let Some(first) = before.first_mut() {
        *first = Some([None; 16]);
    }
    while let Some(index) = work.pop() {
        let Some(state) = before.get(index).copied().flatten() else { continue };
        let after = transfer(state, effects[index], define(index, &state));
        for &successor in &next[index].within {
            let merged = match before[successor] {
                None => after,
                Some(known) => {
                    std::array::from_fn(|number| known[number].filter(|value| after[number] == Some(*value)))
                }
            };
            if before[successor] != Some(merged) {
                before[successor] = Some(merged);
                work.push(successor);
            }
        }
    }
    // Nothing is known where control never comes.
    before.into_iter().map(|state| state.unwrap_or([None; 16])).collect()
}

fn transfer(mut state: State, effects: Effects, defined: Option<(Register, Value)>) -> State {
    for number in effects.writes.numbers().take_while(|number| *number < 16) {
        state[number] = None;
    }
    for known in &mut state {
        if known.is_some_and(|value| value.base.is_some_and(|base| effects.writes.intersects(Registers::of(base)))) {
            *known = None;
        }
    }
    if let Some((register, value)) = defined {
        // A sum of what the register held before says nothing about what it holds now.
        let of_itself = value.base.is_some_and(|base| effects.writes.intersects(Registers::of(base)));
        if let Some(number) = number(register).filter(|_| !of_itself) {
            state[number] = Some(value);
        }
    }
    state
}

/// Whether the instructions, which read a register after `from` has set it, find nothing there that another instruction has set, nor
/// what was there at the entry.
pub fn only_from(from: usize, register: Registers, users: &[usize], effects: &[Effects], next: &[Next]) -> bool {
    let mut reached = vec![false; effects.len()];
    let mut work: Vec<usize> =
        (0..effects.len()).filter(|&index| index != from && effects[index].writes.intersects(register)).collect();
    // The entry is as good as an instruction in front of the first one.
    if let Some(first) = reached.first_mut() {
        *first = true;
        if !effects[0].kills.intersects(register) {
            work.push(0);
        }
    }
    while let Some(index) = work.pop() {
        for &successor in &next[index].within {
            if !std::mem::replace(&mut reached[successor], true) && !effects[successor].kills.intersects(register) {
                work.push(successor);
            }
        }
    }
    users.iter().all(|&user| !reached[user])
}

/// The instructions that may read a register after `from` has set it, in no order; none if the value may leave the function.
pub fn uses(from: usize, register: Registers, effects: &[Effects], next: &[Next]) -> Option<Vec<usize>> {
    let mut seen = vec![false; effects.len()];
    let (mut uses, mut work) = (Vec::new(), vec![from]);
    while let Some(index) = work.pop() {
        if next[index].leaves.is_some_and(|live| live.intersects(register)) {
            return None;
        }
        for &successor in &next[index].within {
            if std::mem::replace(&mut seen[successor], true) {
                continue;
            }
            if effects[successor].reads.intersects(register) {
                uses.push(successor);
            }
            if !effects[successor].kills.intersects(register) {
                work.push(successor);
            }
        }
    }
    Some(uses)
}
