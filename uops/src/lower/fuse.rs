//! Fusion, for the interpreter: sequences of uops become single ones (`uop::fused`), because a dispatch costs more than most bodies.
//!
//! This is a peephole optimization. A rule replaces two adjacent instructions, of which the first may be the result of another rule. The
//! replacement has the same effect as the two, on registers too, so the code that follows need not be examined. A label between
//! two instructions is an instruction of its own, which no rule names.

mod rules;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

use stencil_runtime::{CodeAddress, Label};

use super::place::Uop;
use crate::uop::Wasm;

/// Makes an instruction of a member's parameters and of the operands of two instructions, unless the operands do not suit.
type Make = fn([usize; 4], &[u64], &[u64]) -> Option<Uop>;

/// The operands of examples.
const NONE: [u64; 5] = [0; 5];

/// A rule: how to make the instruction, and the parameters of its uop.
#[derive(Clone, Copy)]
struct Rule {
    make: Make,
    parameters: [usize; 4],
}

impl Rule {
    fn apply(self, first: &[u64], second: &[u64]) -> Option<Uop> {
        (self.make)(self.parameters, first, second)
    }
}

/// All rules. A handler's address identifies a uop.
#[derive(Default)]
struct Rules {
    /// The replacements of two adjacent instructions.
    pairs: HashMap<[CodeAddress; 2], Rule, Hash>,
    /// The same, for instructions that remain after `pairs`.
    moves: HashMap<[CodeAddress; 2], Rule, Hash>,
    /// The replacements of jumps to loops, each with the index of the operand that is the target. Their second operands are the label
    /// behind the loop's `iterate`, and the label to which `iterate` jumps.
    jumps: HashMap<CodeAddress, (usize, Rule), Hash>,
    /// The examples of all rules of pairs.
    #[cfg(test)]
    examples: Vec<([Uop; 2], Rule)>,
    /// The examples of all rules of jumps.
    #[cfg(test)]
    jump_examples: Vec<(Uop, Rule)>,
}

/// Replaces sequences of instructions by single ones.
pub(super) fn fuse(program: &mut Vec<Uop>) {
    static RULES: OnceLock<Rules> = OnceLock::new();
    let rules = RULES.get_or_init(Rules::new);
    rules.close_loops(program);
    replace_pairs(&rules.pairs, program);
    replace_pairs(&rules.moves, program);
}

fn replace_pairs(rules: &HashMap<[CodeAddress; 2], Rule, Hash>, program: &mut Vec<Uop>) {
    program.dedup_by(|next, last| {
        let fused = || {
            let rule = rules.get(&[last.handler()?, next.handler()?])?;
            rule.apply(last.operands(), next.operands())
        };
        let fused = fused();
        if let Some(fused) = fused {
            *last = fused;
        }
        fused.is_some()
    });
}

/// A hash of addresses: the handlers of `uops` are a few hundred kilobytes of code.
type Hash = BuildHasherDefault<AddressHasher>;

#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(26) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Rules {
    /// Adds a rule for two instructions, given by examples, if the families have these members.
    fn pair(&mut self, [first, second]: [Uop; 2], parameters: [usize; 4], make: Make) {
        if let Some((pair, rule)) = rule([first, second], parameters, make) {
            self.pairs.insert(pair, rule);
            #[cfg(test)]
            self.examples.push(([first, second], rule));
        }
    }

    /// Adds a rule to `moves`, in the same way.
    fn moves(&mut self, [first, second]: [Uop; 2], parameters: [usize; 4], make: Make) {
        if let Some((pair, rule)) = rule([first, second], parameters, make) {
            self.moves.insert(pair, rule);
            #[cfg(test)]
            self.examples.push(([first, second], rule));
        }
    }

    /// Adds a rule for a jump whose operand number `target` is the label of a loop.
    fn jump(&mut self, target: usize, jump: Uop, parameters: [usize; 4], make: Make) {
        if let Some(([handler, _], rule)) = rule([jump, jump], parameters, make) {
            self.jumps.insert(handler, (target, rule));
            #[cfg(test)]
            self.jump_examples.push((jump, rule));
        }
    }

    /// Replaces jumps to loops by jumps that check for an interruption themselves and skip the loop's `iterate`.
    fn close_loops(&self, program: &mut [Uop]) {
        let Some(iterate) = Wasm::iterate(Label(0)).handler() else { return };
        // A loop is a label, `iterate`, and another label. A loop with a checkpoint is not changed, because each iteration has to reach it.
        let mut loops: HashMap<u64, [u64; 2], Hash> = HashMap::default();
        for window in program.windows(3) {
            if let [start, check, body] = window
                && check.handler() == Some(iterate)
                && start.handler().is_none()
                && body.handler().is_none()
                && loops.try_reserve(1).is_ok()
            {
                loops.insert(start.operands()[0], [body.operands()[0], check.operands()[0]]);
            }
        }
        for instruction in program {
            let closed = || {
                let (target, rule) = self.jumps.get(&instruction.handler()?)?;
                rule.apply(instruction.operands(), loops.get(&instruction.operands()[*target])?)
            };
            if let Some(closed) = closed() {
                *instruction = closed;
            }
        }
    }
}

/// Makes a rule, unless a family lacks one of the members.
fn rule([first, second]: [Uop; 2], parameters: [usize; 4], make: Make) -> Option<([CodeAddress; 2], Rule)> {
    make(parameters, &NONE, &NONE)?.handler()?;
    Some(([first.handler()?, second.handler()?], Rule { make, parameters }))
}
