//! Conditions after a comparison whose operands have been exchanged.

use super::flow::{self, Next};
use crate::instruction::{Effects, Registers};

/// The instructions that read the flags which the comparison at `from` sets, if they can all be told: no other instruction may have
/// set those flags, and none may keep some of them.
pub fn readers(from: usize, effects: &[Effects], next: &[Next]) -> Option<Vec<usize>> {
    let flags = Registers::FLAGS;
    let mut seen = vec![false; effects.len()];
    let (mut readers, mut work) = (Vec::new(), vec![from]);
    while let Some(index) = work.pop() {
        for &successor in &next[index].within {
            if std::mem::replace(&mut seen[successor], true) {
                continue;
            }
            let Effects { reads, writes, kills, .. } = effects[successor];
            if reads.intersects(flags) {
                readers.push(successor);
            }
            if writes.intersects(flags) && !kills.intersects(flags) {
                return None;
            }
            if !kills.intersects(flags) {
                work.push(successor);
            }
        }
    }
    flow::only_from(from, flags, &readers, effects, next).then_some(readers)
}

/// Where the condition is in an instruction's bytes, and the opcode byte that asks for it with the compared operands exchanged.
/// None for instructions that ask for the sign, the overflow or the parity alone, and for those that are no jump, `set` or `cmov`.
pub fn exchanged(bytes: &[u8]) -> Option<(usize, u8)> {
    let prefixes = bytes.iter().position(|byte| !matches!(byte, 0x40..=0x4f | 0x66))?;
    let (offset, opcode) = match bytes[prefixes..] {
        [opcode @ 0x70..=0x7f, ..] => (prefixes, opcode),
        [0x0f, opcode @ (0x40..=0x4f | 0x80..=0x9f), ..] => (prefixes + 1, opcode),
        _ => return None,
    };
    // Intel SDM, volume 2, appendix B.1.4.7.
    let condition = match opcode & 0xf {
        equality @ (0x4 | 0x5) => equality,
        0x2 => 0x7,
        0x3 => 0x6,
        0x6 => 0x3,
        0x7 => 0x2,
        0xc => 0xf,
        0xd => 0xe,
        0xe => 0xd,
        0xf => 0xc,
        _ => return None,
    };
    Some((offset, opcode & 0xf0 | condition))
}
