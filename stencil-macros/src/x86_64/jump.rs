//! The encoding of jumps.

use crate::instruction::Condition;

/// The addend of a relocation whose jump leads to the symbol itself. The displacement counts from the end of the jump,
/// which is also the end of the field.
pub const JUMP_ADDEND: i64 = -4;

/// Returns the condition of the conditional jump at the start of `code`: the low half of its opcode (Intel SDM,
/// volume 2, appendix B.1.4.7). Returns none for jumps on the count register, which have no condition code.
pub fn condition(code: &[u8]) -> Option<Condition> {
    match *code {
        [opcode @ 0x70..=0x7f, ..] | [0x0f, opcode @ 0x80..=0x8f, ..] => Some(Condition(u32::from(opcode & 0xf))),
        _ => None,
    }
}

/// Returns the negation of a condition.
pub fn negated(condition: Condition) -> Condition {
    Condition(condition.0 ^ 1)
}

/// Returns the size of a jump in bytes. A long jump can leave the code.
pub fn jump_size(condition: Option<Condition>, long: bool) -> usize {
    match (condition, long) {
        (_, false) => 2,
        (None, true) => 5,
        (Some(_), true) => 6,
    }
}

/// Returns whether a short jump can have a displacement, which counts from the end of the jump.
pub fn reaches(_: Option<Condition>, displacement: i64) -> bool {
    i8::try_from(displacement).is_ok()
}

/// Appends a jump, and returns the offset of its displacement, which counts from the end of the jump. A short jump has to
/// reach its target.
pub fn push_jump(code: &mut Vec<u8>, condition: Option<Condition>, long: bool, displacement: i64) -> usize {
    let condition = condition.map(|condition| condition.0 as u8);
    match (condition, long) {
        (None, false) => code.push(0xeb),
        (Some(condition), false) => code.push(0x70 | condition),
        (None, true) => code.push(0xe9),
        (Some(condition), true) => code.extend([0x0f, 0x80 | condition]),
    }
    let field = code.len();
    let bytes = displacement.to_le_bytes();
    code.extend(&bytes[..if long { 4 } else { 1 }]);
    field
}

/// Returns whether the code ends with an unconditional jump whose displacement of 32 bits is at `field`.
pub fn ends_with_jump(code: &[u8], field: usize) -> bool {
    field + 4 == code.len() && field.checked_sub(1).is_some_and(|at| code[at] == 0xe9)
}

/// Converts a `lea` whose displacement is at `field` into a `mov` from the same location and of the same length: 8D /r
/// becomes 8B /r (Intel SDM, volume 2). Returns whether there is one.
pub fn lea_to_load(code: &mut [u8], field: usize) -> bool {
    let opcode = field.checked_sub(2).and_then(|at| code.get_mut(at)).filter(|opcode| **opcode == 0x8d);
    opcode.is_some_and(|opcode| {
        *opcode = 0x8b;
        true
    })
}
