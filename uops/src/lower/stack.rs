//! The operand stack during lowering: the location of each value.
//!
//! Values are numbered from the bottom. A call or a block may leave 1,000 results; they are in their home slots and form
//! one item, so that pushing and dropping them takes constant time and memory.

use super::slot::Slot;
use crate::module::types::ValueType;

/// The location of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// This register of its type's file.
    Register(usize),
    /// This slot of the frame.
    Slot(Slot),
    /// The local in this slot, until the local is set. `below` is the next lower value on the stack that is the same local.
    Local { slot: Slot, below: Option<u32> },
    /// A constant with these bits, stored nowhere. Vectors are never constants here.
    Constant(u64),
}

/// A value of the operand stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) ty: ValueType,
    pub(super) place: Place,
    /// The value's home slot, directly above the home of the value below. A vector has two slots, and this is the first.
    pub(super) home: Slot,
}

impl Entry {
    /// Returns the slot that holds the value, the first one for a vector, or `None` if the value is elsewhere.
    pub(super) fn slot(self) -> Option<Slot> {
        match self.place {
            Place::Slot(slot) | Place::Local { slot, .. } => Some(slot),
            _ => None,
        }
    }

    /// Returns the value as a 32-bit constant whose sign extension is the value, if it is one. The upper half of a 32-bit
    /// value is arbitrary.
    pub(super) fn immediate(self) -> Option<i32> {
        match (self.place, self.ty) {
            (Place::Constant(bits), ValueType::I32 | ValueType::F32) => Some(bits as i32),
            (Place::Constant(bits), _) => i32::try_from(bits as i64).ok(),
            _ => None,
        }
    }
}

/// One or more values that follow each other on the stack.
#[derive(Clone, Copy)]
struct Item<'m> {
    /// The number of its first value.
    first: usize,
    /// The home slot of its first value.
    home: Slot,
    values: Values<'m>,
}

#[derive(Clone, Copy)]
enum Values<'m> {
    /// One value.
    One { ty: ValueType, place: Place },
    /// At least one value, of these types, in their home slots. All values below are in their home slots, too.
    Home(&'m [ValueType]),
}

/// The number of registers of the largest file.
const MAX_REGISTERS: usize = 3;
/// The number of registers of each file.
const REGISTERS: [usize; 4] = [3, 3, 3, 2];

/// Returns the register file of a type: integers, `f32`, `f64` or vectors.
pub(super) fn file(ty: ValueType) -> usize {
    match ty {
        ValueType::I32 | ValueType::I64 | ValueType::Ref(_) => 0,
        ValueType::F32 => 1,
        ValueType::F64 => 2,
        ValueType::V128 => 3,
    }
}

/// Returns the number of slots that values of these types take.
fn slots(types: &[ValueType]) -> u32 {
    types.iter().map(|ty| ty.slots()).sum()
}

/// The operand stack, reused for one function after another.
#[derive(Default)]
pub(super) struct Stack<'m> {
    items: Vec<Item<'m>>,
    /// The number of values.
    height: usize,
    /// All values below this one are in their home slots.
    settled: usize,
    /// The value that each register holds.
    registers: [[Option<u32>; MAX_REGISTERS]; REGISTERS.len()],
    /// The registers of each file that the current operator uses, as bits.
    pinned: [u8; REGISTERS.len()],
    /// For each local, by its slot, the topmost value that is this local. All are `None` between functions, so a new function
    /// does not have to clear the vector.
    local_entries: Vec<Option<u32>>,
    /// The home slot of the next value.
    next: Slot,
    /// The end of all home slots that the function has used.
    end: Slot,
}

impl<'m> Stack<'m> {
    /// Begins a function whose locals end at `locals`, with `base` as the home slot of the lowest value.
    pub(super) fn reset(&mut self, locals: Slot, base: Slot) {
        self.truncate(0);
        if self.local_entries.len() < locals.index() {
            self.local_entries.resize(locals.index(), None);
        }
        (self.next, self.end) = (base, base);
    }

    /// Returns the number of values.
    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// Returns the end of the frame. The frame holds the locals, the operand stack, and one slot for the index of an indirect
    /// call.
    pub(super) fn frame_end(&self) -> Slot {
        self.end.after(1)
    }

    /// Returns the home slot of the next value.
    pub(super) fn next_home(&self) -> Slot {
        self.next
    }

    /// Returns the home slot of the lowest of the `count` topmost values.
    pub(super) fn home_of_top(&self, count: usize) -> Slot {
        let (mut left, mut end) = (count, self.next);
        for item in self.items.iter().rev() {
            if left == 0 {
                break;
            }
            let values = self.height - item.first - (count - left);
            match item.values {
                Values::Home(types) if left < values => return end.before(slots(&types[types.len() - left..])),
                _ => (left, end) = (left - values, item.home),
            }
        }
        end
    }

    /// Finds the item with this value.
    fn item(&self, index: usize) -> usize {
        // Above the topmost item of several values there is one item for each value.
        let direct = self.items.len().wrapping_sub(self.height - index);
        match self.items.get(direct) {
            Some(item) if item.first == index => direct,
            _ => self.items.partition_point(|item| item.first <= index) - 1,
        }
    }

    /// Returns the value with this number.
    pub(super) fn entry(&self, index: usize) -> Entry {
        let item = self.items[self.item(index)];
        match item.values {
            Values::One { ty, place } => Entry { ty, place, home: item.home },
            Values::Home(types) => {
                let home = item.home.after(slots(&types[..index - item.first]));
                Entry { ty: types[index - item.first], place: Place::Slot(home), home }
            }
        }
    }

    /// Returns the topmost value.
    pub(super) fn top(&self) -> Entry {
        self.entry(self.height - 1)
    }

    fn push_item(&mut self, values: Values<'m>, count: usize, slots: u32) {
        self.items.push(Item { first: self.height, home: self.next, values });
        self.height += count;
        self.next = self.next.after(slots);
        self.end = self.end.max(self.next);
    }

    pub(super) fn push(&mut self, ty: ValueType, place: Place) {
        if let Place::Register(register) = place {
            self.registers[file(ty)][register] = Some(self.height as u32);
        }
        self.push_item(Values::One { ty, place }, 1, ty.slots());
    }

    pub(super) fn push_local(&mut self, ty: ValueType, slot: Slot) {
        let below = self.local_entries[slot.index()].replace(self.height as u32);
        self.push(ty, Place::Local { slot, below });
    }

    /// Pushes a value that is in its home slot.
    pub(super) fn push_home(&mut self, ty: ValueType) {
        let settled = self.settled == self.height;
        self.push(ty, Place::Slot(self.next));
        if settled {
            self.settled = self.height;
        }
    }

    /// Pushes values that are in their home slots, such as the results of a call. All values below must be in theirs.
    pub(super) fn push_homes(&mut self, types: &'m [ValueType]) {
        match types {
            [] => {}
            [ty] => self.push_home(*ty),
            _ => {
                debug_assert_eq!(self.settled, self.height);
                self.push_item(Values::Home(types), types.len(), slots(types));
                self.settled = self.height;
            }
        }
    }

    /// Pops the topmost value. Its register stays pinned until the next operator.
    pub(super) fn pop(&mut self) -> Entry {
        let item = self.items.last_mut().expect("validation guarantees the operand");
        self.height -= 1;
        self.settled = self.settled.min(self.height);
        let (ty, place) = match item.values {
            Values::One { ty, place } => {
                self.next = item.home;
                self.items.pop();
                (ty, place)
            }
            Values::Home(types) => {
                let (&ty, rest) = types.split_last().expect("an item has a value");
                self.next = self.next.before(ty.slots());
                if rest.is_empty() {
                    self.items.pop();
                } else {
                    item.values = Values::Home(rest);
                }
                (ty, Place::Slot(self.next))
            }
        };
        match place {
            Place::Register(register) => {
                self.registers[file(ty)][register] = None;
                self.pin(ty, register);
            }
            Place::Local { slot, below } => self.local_entries[slot.index()] = below,
            Place::Slot(_) | Place::Constant(_) => {}
        }
        Entry { ty, place, home: self.next }
    }

    /// Drops values until this many are left.
    pub(super) fn truncate(&mut self, height: usize) {
        while self.height > height {
            let Some(item) = self.items.last_mut() else { break };
            let Values::Home(types) = item.values else {
                self.pop();
                continue;
            };
            if item.first >= height {
                (self.height, self.next) = (item.first, item.home);
                self.items.pop();
            } else {
                let (kept, dropped) = types.split_at(height - item.first);
                (self.height, self.next) = (height, self.next.before(slots(dropped)));
                item.values = Values::Home(kept);
            }
            self.settled = self.settled.min(self.height);
        }
        self.unpin();
    }

    pub(super) fn pin(&mut self, ty: ValueType, register: usize) {
        self.pinned[file(ty)] |= 1 << register;
    }

    pub(super) fn unpin(&mut self) {
        self.pinned = [0; REGISTERS.len()];
    }

    /// Returns a register that holds no value and is not pinned. If there is none, returns the lowest value in a register as an
    /// error, for the caller to spill.
    pub(super) fn vacancy(&self, ty: ValueType) -> Result<usize, usize> {
        let registers = self.registers[file(ty)];
        let usable = (0..REGISTERS[file(ty)]).filter(|register| self.pinned[file(ty)] & 1 << register == 0);
        let taken = |register: usize| registers[register].map(|entry| entry as usize);
        match usable.clone().find(|&register| registers[register].is_none()) {
            Some(register) => Ok(register),
            // An operator never pins all registers, so one of the others holds a value.
            None => Err(usable.filter_map(taken).min().unwrap_or_default()),
        }
    }

    /// Records that a value is now in its home slot.
    pub(super) fn settle(&mut self, index: usize) {
        let item = self.item(index);
        let Item { home, values: Values::One { ty, place }, .. } = &mut self.items[item] else { return };
        match *place {
            Place::Register(register) => self.registers[file(*ty)][register] = None,
            // The caller settles all lower values that are this local before this one, or immediately after it.
            Place::Local { slot, .. } => self.local_entries[slot.index()] = None,
            Place::Slot(_) | Place::Constant(_) => {}
        }
        *place = Place::Slot(*home);
    }

    /// Returns the values that are not known to be in their home slots. The caller puts them there.
    pub(super) fn take_unsettled(&mut self) -> std::ops::Range<usize> {
        let unsettled = self.settled..self.height;
        self.settled = self.height;
        unsettled
    }

    /// Returns a value that is the local in this slot, before the local is set.
    pub(super) fn entry_of_local(&self, slot: Slot) -> Option<usize> {
        self.local_entries[slot.index()].map(|entry| entry as usize)
    }

    /// Records that the topmost value of a local is now in its home slot.
    pub(super) fn detach_local(&mut self, index: usize) {
        let item = self.item(index);
        let Item { home, values: Values::One { place, .. }, .. } = &mut self.items[item] else { return };
        if let Place::Local { slot, below } = *place {
            self.local_entries[slot.index()] = below;
        }
        *place = Place::Slot(*home);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValueType::{F32, I32, I64, V128};

    /// A stack of one value, then four results, then one value.
    fn stack() -> Stack<'static> {
        let mut stack = Stack::default();
        stack.reset(Slot::FIRST, Slot::FIRST.after(8));
        stack.push_home(I64);
        stack.push_homes(&[I32, V128, F32, V128]);
        stack.push(I32, Place::Constant(7));
        stack
    }

    #[test]
    fn results_in_their_homes_are_values_like_others() {
        let mut stack = stack();
        let homes: Vec<_> = (0..stack.height()).map(|index| stack.entry(index).home.index()).collect();
        assert_eq!(homes, [8, 9, 10, 12, 13, 15]);
        for count in 0..=stack.height() {
            let expected = homes.get(stack.height() - count).copied().unwrap_or(16);
            assert_eq!(stack.home_of_top(count).index(), expected, "{count}");
        }
        let types: Vec<_> = (0..stack.height()).map(|index| stack.entry(index).ty).collect();
        assert_eq!(types, [I64, I32, V128, F32, V128, I32]);
        assert_eq!(stack.take_unsettled(), 5..6);
        for index in (0..6).rev() {
            let entry = stack.pop();
            assert_eq!((entry.ty, entry.home.index()), (types[index], homes[index]));
            assert_eq!((stack.height(), stack.next_home()), (index, entry.home));
        }
    }

    #[test]
    fn a_stack_is_cut_anywhere() {
        for height in 0..=6 {
            let (mut cut, mut popped) = (stack(), stack());
            cut.truncate(height);
            (height..6).for_each(|_| _ = popped.pop());
            assert_eq!((cut.height(), cut.next_home()), (height, popped.next_home()));
            cut.push_home(I32);
            assert_eq!(cut.entry(height).home, popped.next_home());
            assert_eq!(cut.frame_end().index(), if height == 6 { 18 } else { 17 });
        }
    }
}
