//! Data flow over a function's instructions: which registers an instruction reads and writes, which are live, and what
//! registers are known to hold.

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register};

use super::value::Value;
use crate::instruction::{self, Effects, Registers};
use crate::x86_64::registers::general;

impl Registers {
    /// Returns the general register that this one is part of; none if it is of another kind.
    pub fn of(register: Register) -> Self {
        general(register).map_or(Self::NONE, |register| Self::from(&[register]))
    }

    /// Returns the lower 32 bits of the general register that this one is part of.
    pub fn low(register: Register) -> Self {
        general(register).map_or(Self::NONE, Self::lower)
    }

    /// Returns the upper 32 bits of the general register that this one is part of.
    pub fn high(register: Register) -> Self {
        general(register).map_or(Self::NONE, Self::upper)
    }

    /// Returns the set with one register in the place of another, which is then absent.
    pub fn renamed(self, from: Register, to: Register) -> Self {
        let halves = [(Self::low(from), Self::low(to)), (Self::high(from), Self::high(to))];
        halves
            .into_iter()
            .fold(self, |set, (from, to)| if set.intersects(from) { set.without(from).with(to) } else { set })
    }

    /// Returns the numbers of the general registers of which the set has a half.
    pub fn numbers(self) -> impl Iterator<Item = usize> {
        let has = move |number: &usize| self.contains(instruction::Register(*number as u8));
        (0..16).filter(has)
    }

    /// Returns a general register that is not in the set, of those which functions need not preserve.
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
        let info = factory.info(instruction);
        for used in info.used_registers() {
            let (register, size) = (used.register(), used.register().size());
            let (all, none) = (Registers::of(register), Registers::NONE);
            let part = if size > 4 { all } else { Registers::low(register) };
            let whole = size >= 4;
            let (reads, writes) = match used.access() {
                OpAccess::None | OpAccess::NoMemAccess => (none, none),
                OpAccess::Read | OpAccess::CondRead => (part, none),
                // 32-bit writes clear the upper half; 8- and 16-bit writes keep the rest of the register.
                OpAccess::Write if whole => (none, all),
                OpAccess::Write => (part, part),
                OpAccess::ReadWrite => (part, if whole { all } else { part }),
                OpAccess::CondWrite | OpAccess::ReadCondWrite => (all, all),
            };
            effects.reads = effects.reads.with(reads);
            effects.writes = effects.writes.with(writes);
            if whole && matches!(used.access(), OpAccess::Write | OpAccess::ReadWrite) {
                effects.kills = effects.kills.with(all);
            }
        }
        for operand in 0..instruction.op_count() {
            let register = instruction.op_register(operand);
            if register.is_gpr32() && matches!(info.op_access(operand), OpAccess::Write | OpAccess::ReadWrite) {
                effects.extends = effects.extends.with(Registers::of(register)).common(effects.kills);
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
    /// The position in `within` to which control goes only if the zero flag is set.
    pub if_zero: Option<usize>,
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
    let transfer = |index: usize, state: &State| transfer(*state, effects[index], define(index, state));
    let merge = |known: &State, after: &State| {
        std::array::from_fn(|number| known[number].filter(|value| after[number] == Some(*value)))
    };
    forward(next, [None; 16], transfer, |_, _, state| state, merge)
}

/// Solves a forward problem: the state before each instruction. `entry` is the state before the first one; `transfer` gives the state
/// after an instruction, `edge` what it becomes on the way to the successor at a position of [`Next::within`], and `merge` what two
/// ways to an instruction have in common. Where control never comes, the state is that of the entry.
pub fn forward<S: Clone + PartialEq>(
    next: &[Next],
    entry: S,
    transfer: impl Fn(usize, &S) -> S,
    edge: impl Fn(usize, usize, S) -> S,
    merge: impl Fn(&S, &S) -> S,
) -> Vec<S> {
    let mut before: Vec<Option<S>> = vec![None; next.len()];
    let mut work = vec![0];
    if let Some(first) = before.first_mut() {
        *first = Some(entry.clone());
    }
    while let Some(index) = work.pop() {
        let Some(state) = before.get(index).and_then(Option::as_ref) else { continue };
        let after = transfer(index, state);
        for (position, &successor) in next[index].within.iter().enumerate() {
            let after = edge(index, position, after.clone());
            let merged = match &before[successor] {
                None => after,
                Some(known) => merge(known, &after),
            };
            if before[successor].as_ref() != Some(&merged) {
                before[successor] = Some(merged);
                work.push(successor);
            }
        }
    }
    before.into_iter().map(|state| state.unwrap_or_else(|| entry.clone())).collect()
}

fn transfer(mut state: State, effects: Effects, defined: Option<(Register, Value)>) -> State {
    for number in effects.writes.numbers() {
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
    let mut leaves = false;
    let uses = follow(from, register, effects, next, |index| {
        leaves |= next[index].leaves.is_some_and(|live| live.intersects(register));
    });
    (!leaves).then_some(uses)
}

/// The instructions of the function that may read a register after `from` has set it, in no order.
pub fn reads(from: usize, register: Registers, effects: &[Effects], next: &[Next]) -> Vec<usize> {
    follow(from, register, effects, next, |_| {})
}

/// Visits the instructions after which a register may hold what `from` has set it to, and returns those that read it.
fn follow(
    from: usize,
    register: Registers,
    effects: &[Effects],
    next: &[Next],
    mut visit: impl FnMut(usize),
) -> Vec<usize> {
    let mut seen = vec![false; effects.len()];
    let (mut uses, mut work) = (Vec::new(), vec![from]);
    while let Some(index) = work.pop() {
        visit(index);
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
    uses
}
