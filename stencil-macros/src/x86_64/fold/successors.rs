//! Where control goes after each instruction of a function.

use iced_x86::ConditionCode;

use super::Function;
use super::flow::{Next, Registers};
use crate::x86_64::{Decoded, Kind};

/// Returns where control goes after each instruction.
pub fn successors(function: &Function) -> Vec<Next> {
    let relocated =
        |offset: usize| function.references.binary_search_by_key(&offset, |reference| reference.offset).is_ok();
    let count = function.decoded.len();
    let step = |(index, item): (usize, &Decoded)| {
        let mut next = Next::default();
        let leaves = || Some((function.leaves)(index));
        if matches!(item.kind(), Kind::Plain | Kind::Branch) {
            if index + 1 < count { next.within.push(index + 1) } else { next.leaves = Some(Registers::GENERAL) }
        }
        let equal = item.instruction.condition_code() == ConditionCode::e;
        if item.instruction.condition_code() == ConditionCode::ne && item.kind() == Kind::Branch {
            next.if_zero = Some(0);
        }
        match item.kind() {
            Kind::Plain => {}
            Kind::Jump | Kind::Branch => match item.internal_target(&relocated) {
                Some(target) => match function.decoded.binary_search_by_key(&target, Decoded::start) {
                    Ok(target) => {
                        next.if_zero = equal.then_some(next.within.len()).or(next.if_zero);
                        next.within.push(target);
                    }
                    Err(_) => next.leaves = Some(Registers::GENERAL),
                },
                None => next.leaves = leaves(),
            },
            Kind::Leave => next.leaves = leaves(),
        }
        next
    };
    function.decoded.iter().enumerate().map(step).collect()
}
