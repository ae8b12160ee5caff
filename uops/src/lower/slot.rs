//! Slots of a frame, and the offsets that instructions take. All of their arithmetic is here, and none of it wraps.

use crate::module::MAX_ITEMS;
use crate::module::validate::MAX_OPERANDS;
use crate::runtime::frames::MAX_FRAME_SLOTS;

// A function has at most 50,000 locals, its parameters included (a limit of wasmparser), and at most `MAX_OPERANDS`
// operands, or up to 1,000 more within one operator. Each takes at most two slots, so the frame of every valid function
// fits.
const _: () = assert!(2 * (50_000 + MAX_OPERANDS + 1_000) + 100 < MAX_FRAME_SLOTS);

/// The bytes of a slot.
const SLOT_BYTES: u32 = 8;

/// A slot of the frame, at most [`MAX_FRAME_SLOTS`] after its start.
///
/// Sums saturate at that limit. A frame that reaches it is refused (see [`is_limit`](Self::is_limit)), so no code with a
/// saturated slot is ever used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(u32);

impl Slot {
    /// The first slot of the frame.
    pub(super) const FIRST: Self = Self(0);

    /// The slot that lies `slots` after this one.
    pub(super) fn after(self, slots: u32) -> Self {
        Self(self.0.saturating_add(slots).min(MAX_FRAME_SLOTS))
    }

    /// The slot that lies `slots` before this one; the first slot if there is none.
    pub(super) fn before(self, slots: u32) -> Self {
        Self(self.0.saturating_sub(slots))
    }

    /// The number of slots from `start` to this one; 0 if `start` is not below.
    pub(super) fn since(self, start: Self) -> u32 {
        self.0.saturating_sub(start.0)
    }

    /// The number of slots below this one.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The offset from the start of the frame, in bytes.
    pub(super) fn offset(self) -> u32 {
        const { assert!(MAX_FRAME_SLOTS <= u32::MAX / SLOT_BYTES) };
        self.0 * SLOT_BYTES
    }

    /// Whether the slot is beyond what any frame may have.
    pub(super) fn is_limit(self) -> bool {
        self.0 == MAX_FRAME_SLOTS
    }
}

/// The offset of a pointer, or of another word, in one of an instance's arrays, in bytes.
///
/// Decoding refuses modules with more than [`MAX_ITEMS`](crate::module::MAX_ITEMS) items of a kind.
pub(super) fn array_offset(index: u32) -> u32 {
    const { assert!(MAX_ITEMS <= u32::MAX / SLOT_BYTES) };
    index.min(MAX_ITEMS) * SLOT_BYTES
}

/// The index of the item that [`array_offset`] has made this of.
pub(super) fn array_index(offset: u32) -> u32 {
    offset / SLOT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate_at_the_limit() {
        for slots in [MAX_FRAME_SLOTS, MAX_FRAME_SLOTS + 1, u32::MAX / 8 + 1, u32::MAX] {
            let slot = Slot::FIRST.after(slots);
            assert!(slot.is_limit() && slot.after(1).is_limit() && slot.after(u32::MAX).is_limit());
            assert_eq!(slot.offset(), MAX_FRAME_SLOTS * 8);
        }
        let slot = Slot::FIRST.after(MAX_FRAME_SLOTS - 1);
        assert!(!slot.is_limit());
        assert_eq!(slot.before(u32::MAX), Slot::FIRST);
        assert_eq!((slot.since(Slot::FIRST), Slot::FIRST.since(slot)), (MAX_FRAME_SLOTS - 1, 0));
    }

    #[test]
    fn offsets_in_arrays_do_not_wrap() {
        assert_eq!([0, 1, 999_999].map(array_offset), [0, 8, 7_999_992]);
        assert_eq!(array_offset(u32::MAX), 8_000_000);
        assert_eq!(array_index(array_offset(999_999)), 999_999);
    }
}
