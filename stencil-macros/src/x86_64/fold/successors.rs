//! Where control goes after each instruction of a function.

use iced_x86::ConditionCode;

use super::Function;
use super::flow::Next;
use super::step::Step;
use crate::instruction::{self, Flow, Instruction, Registers};

/// Returns where control goes after each instruction. `steps` are the instructions.
pub fn successors(function: &Function, steps: &[Step]) -> Vec<Next> {
    let relocated =
        |offset: usize| function.references.binary_search_by_key(&offset, |reference| reference.offset).is_ok();
    let count = function.decoded.len();
    let step = |(index, item): (usize, &Instruction)| {
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
