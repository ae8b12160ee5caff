//! Exits: operands whose target can be changed while the code runs.
//!
//! The jump to an exit has a displacement of 32 bits. If it is 4-aligned, one store changes it, and a processor that fetches the jump at the same
//! time gets the old displacement or the new one. So a stencil with such a jump reserves [`SLACK`] bytes: the emitter moves the code up to the
//! next address at which the displacement is aligned, and pads it before and after. A stencil can align one displacement.
//! Other jumps to exits lead to a *cell*, an indirect jump through a word of memory.
//!
//! Where running code is not writable, an unconditional jump at the end of a uop becomes an indirect jump, for which the slack has room, and all others
//! lead to cells.

use crate::label::Label;
use crate::operand::Operand;
use crate::stencil::{Details, Patch, PatchKind, Section, Value};

/// An exit of a program: a jump that can be [linked](crate::Fragment::link) to other code and unlinked while threads run the program. Until it is
/// linked, it leads to its label.
///
/// A body jumps to it (`JUMP(exit)`) or calls it (`CALL(exit)`). Instructions with the same label are one exit.
///
/// ```
/// use stencil_runtime::{Arena, ArenaOptions, CodeExit, FragmentEntry, Label, Mapping, stencil};
///
/// stencil! {
///     machine Guest(count: u64) -> u64;
///     uop step() { count++; }
///     uop leave(exit: CodeExit) { JUMP(exit); }
///     uop ret(code: u64) { RETURN(count + code); }
/// }
///
/// let arena = Arena::with(ArenaOptions::default().mapping(Mapping::Dual))?;
/// let entry = FragmentEntry::<Guest>::new_in(&arena)?;
/// let out = Label(0);
/// let block = |code| [Guest::step(), Guest::leave(CodeExit(out)), Guest::bind(out), Guest::ret(code)];
/// let [first, second] = [100, 200].map(|code| Guest::compile_fragment_in(&arena, &block(code)).unwrap());
/// // SAFETY: the bodies touch no memory, and both fragments exist.
/// unsafe {
///     assert_eq!(entry.function()(first.start(), 0), 101);
///     first.link(out, second.start())?;
///     assert_eq!(entry.function()(first.start(), 0), 202);
/// }
/// first.unlink(out)?;
/// // SAFETY: as above.
/// assert_eq!(unsafe { entry.function()(first.start(), 0) }, 101);
/// # Ok::<(), stencil_runtime::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeExit(pub Label);

impl Operand for CodeExit {
    #[inline(always)]
    fn to_word(self) -> u64 {
        self.0.to_word()
    }
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Self(Label::from_word(word))
    }
}

/// The bytes by which a stencil with an aligned displacement is longer than its code.
pub(crate) const SLACK: usize = 3;

/// Returns how far code at this address moves, so that the field at `offset` in it is 4-aligned.
#[inline(always)]
pub(crate) fn padding(address: u64, offset: usize) -> usize {
    (address.wrapping_add(offset as u64).wrapping_neg() & SLACK as u64) as usize
}

/// Returns `C` bytes of code, behind `padding` bytes and before the rest of the slack. The displacement is at `offset`.
#[inline(always)]
pub fn aligned<const ALL: usize, const C: usize>(code: &mut [u8; ALL], padding: usize, offset: usize) -> &mut [u8; C] {
    const { assert!(ALL == C + SLACK) };
    let (before, rest) = code.split_at_mut(padding & SLACK);
    pad(before, offset);
    let (code, after) = rest.split_at_mut(C);
    nops(after);
    code.try_into().expect("as many bytes as it was split at")
}

/// Returns whether the code begins with the jump or call whose displacement is at `offset`: an opcode of one byte.
pub(crate) fn is_first(offset: usize) -> bool {
    offset == 1
}

/// Fills the bytes before the code. A jump at its start gets prefixes instead of a `nop`, which cost nothing: segment overrides, which
/// direct jumps ignore, and with which assemblers pad jumps as well.
#[inline(always)]
pub(crate) fn pad(before: &mut [u8], offset: usize) {
    if is_first(offset) {
        before.fill(0x2e);
    } else {
        nops(before);
    }
}

/// Fills at most three bytes with one `nop` (Intel SDM, volume 2, "Recommended Multi-Byte Sequence of NOP Instruction").
#[inline(always)]
pub(crate) fn nops(bytes: &mut [u8]) {
    match bytes {
        [one] => *one = 0x90,
        [one, two] => (*one, *two) = (0x66, 0x90),
        [one, two, three] => (*one, *two, *three) = (0x0f, 0x1f, 0),
        _ => {}
    }
}

/// Returns whether a patch is the displacement of a jump to an exit.
pub(crate) fn is_exit(details: &Details, patch: &Patch) -> bool {
    match patch.value {
        Value::Operand(operand) => patch.kind == PatchKind::Rel32 && details.holes[operand].type_name() == "CodeExit",
        _ => false,
    }
}

/// Returns whether the code ends with an unconditional jump whose displacement is at `offset`: `jmp rel32`, which can become a longer
/// indirect jump. `size` includes the slack.
pub(crate) fn is_last(stored: &[u8], size: usize, offset: usize) -> bool {
    offset + 4 + SLACK == size && offset.checked_sub(1).and_then(|at| stored.get(at)) == Some(&0xe9)
}

/// Returns the operand whose displacement is aligned, and the offset of the displacement in the code: the first exit that has one jump, in
/// line. The macro chooses it in the same way.
pub(crate) fn aligned_exit(details: &Details) -> Option<(usize, usize)> {
    let exits = || details.patches.iter().filter(|patch| is_exit(details, patch));
    let alone = |patch: &&Patch| exits().filter(|other| other.value == patch.value).count() == 1;
    let patch = exits().filter(alone).find(|patch| patch.section == Section::Code)?;
    match patch.value {
        Value::Operand(operand) => Some((operand, patch.offset)),
        _ => None,
    }
}

/// Where a program that has been emitted jumps to an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) exit: Label,
    /// The address of the displacement, or that of the cell.
    pub(crate) address: u64,
    pub(crate) kind: SiteKind,
}

/// What changes if an exit is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SiteKind {
    /// An aligned displacement.
    Displacement,
    /// The displacement of a jump at the end of a uop's code, before [`SLACK`] bytes. It becomes an indirect jump.
    Indirect,
    /// A cell, and the address of the exit's label.
    Cell { label: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_padded_so_that_displacements_are_aligned() {
        for (address, offset) in (0..8).flat_map(|address| (0..8).map(move |offset| (address, offset))) {
            let padding = padding(address, offset);
            assert_eq!((address as usize + padding + offset) % 4, 0);
            let mut bytes = [0xcc; 8];
            aligned::<8, 5>(&mut bytes, padding, offset).copy_from_slice(&[1, 2, 3, 4, 5]);
            let nop = |size: usize| [&[][..], &[0x90], &[0x66, 0x90], &[0x0f, 0x1f, 0]][size];
            let before = if offset == 1 { &[0x2e; 3][..padding] } else { nop(padding) };
            assert_eq!(bytes.to_vec(), [before, &[1, 2, 3, 4, 5], nop(3 - padding)].concat());
        }
    }
}
