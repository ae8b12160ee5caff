//! The operand stack while lowering: where each value is.

use crate::module::types::ValueType;

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this register of its type's file.
    Register(usize),
    /// In this slot of the frame.
    Slot(u32),
    /// In the local in this slot, as long as that is not set. `below` is the next entry down the stack that is the same
    /// local.
    Local { slot: u32, below: Option<u32> },
    /// Nowhere: these are its bits. (Vectors are never constants here.)
    Constant(u64),
}

/// A value of the operand stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) ty: ValueType,
    pub(super) place: Place,
    /// Its home slot, the first of two if it is a vector: right behind that of the entry below.
    pub(super) home: u32,
}

impl Entry {
    /// The slot that holds the value, or the first of them, if one does.
    pub(super) fn slot(self) -> Option<u32> {
        match self.place {
            Place::Slot(slot) | Place::Local { slot, .. } => Some(slot),
            _ => None,
        }
    }

    /// The value as a constant that sign extension makes 64 bits wide; of a 32-bit type the upper half is free.
    pub(super) fn immediate(self) -> Option<i32> {
        match (self.place, self.ty) {
            (Place::Constant(bits), ValueType::I32 | ValueType::F32) => Some(bits as i32),
            (Place::Constant(bits), _) => i32::try_from(bits as i64).ok(),
            _ => None,
        }
    }
}

/// The most registers that a file has.
const MAX_REGISTERS: usize = 3;
/// Registers of each file.
const REGISTERS: [usize; 4] = [3, 3, 3, 2];

/// The file of a type's registers: integers, `f32`, `f64`, vectors.
pub(super) fn file(ty: ValueType) -> usize {
    match ty {
        ValueType::I32 | ValueType::I64 | ValueType::Ref(_) => 0,
        ValueType::F32 => 1,
        ValueType::F64 => 2,
        ValueType::V128 => 3,
    }
}

/// The operand stack. It is used for one function after the other.
#[derive(Default)]
pub(super) struct Stack {
    entries: Vec<Entry>,
    /// The entries below this one are in their home slots.
    settled: usize,
    /// Of each register the entry that is in it.
    registers: [[Option<u32>; MAX_REGISTERS]; REGISTERS.len()],
    /// Of each file the registers that the operator at hand uses, as bits.
    pinned: [u8; REGISTERS.len()],
    /// Of each local, by its slot, the topmost entry that is that local. There is none between functions, so that one
    /// with many locals costs nothing but their zeros, once.
    local_entries: Vec<Option<u32>>,
    /// The home slot of the lowest entry.
    base: u32,
    /// The end of the slots that entries have been at home in.
    end: u32,
}

impl Stack {
    /// Begins a function whose locals are in so many slots.
    pub(super) fn reset(&mut self, locals: u32, base: u32) {
        self.truncate(0);
        if self.local_entries.len() < locals as usize {
            self.local_entries.resize(locals as usize, None);
        }
        (self.base, self.end) = (base, base);
    }

    pub(super) fn height(&self) -> usize {
        self.entries.len()
    }

    /// The slots that the frame needs: for locals, for the operand stack, and one for an index on its way.
    pub(super) fn frame_slots(&self) -> u32 {
        self.end + 1
    }

    /// The home slot of an entry, or of the next one to come.
    pub(super) fn home(&self, index: usize) -> u32 {
        match self.entries.get(index) {
            Some(entry) => entry.home,
            None => self.entries.last().map_or(self.base, |entry| entry.home + entry.ty.slots()),
        }
    }

    pub(super) fn entry(&self, index: usize) -> Entry {
        self.entries[index]
    }

    pub(super) fn push(&mut self, ty: ValueType, place: Place) {
        let index = self.entries.len() as u32;
        if let Place::Register(register) = place {
            self.registers[file(ty)][register] = Some(index);
        }
        let home = self.home(self.entries.len());
        self.entries.push(Entry { ty, place, home });
        self.end = self.end.max(home + ty.slots());
    }

    pub(super) fn push_local(&mut self, ty: ValueType, slot: u32) {
        let index = self.entries.len() as u32;
        let below = self.local_entries[slot as usize].replace(index);
        self.push(ty, Place::Local { slot, below });
    }

    /// Pushes a value that is in its home slot already, like the result of a call.
    pub(super) fn push_home(&mut self, ty: ValueType) {
        let index = self.entries.len();
        self.push(ty, Place::Slot(self.home(index)));
        if self.settled == index {
            self.settled += 1;
        }
    }

    /// Takes the top. Its register stays pinned until the next operator.
    pub(super) fn pop(&mut self) -> Entry {
        let entry = self.entries.pop().expect("validation has made sure of the operand");
        self.settled = self.settled.min(self.entries.len());
        match entry.place {
            Place::Register(register) => {
                self.registers[file(entry.ty)][register] = None;
                self.pin(entry.ty, register);
            }
            Place::Local { slot, below } => self.local_entries[slot as usize] = below,
            Place::Slot(_) | Place::Constant(_) => {}
        }
        entry
    }

    pub(super) fn truncate(&mut self, height: usize) {
        while self.entries.len() > height {
            self.pop();
        }
        self.unpin();
    }

    pub(super) fn pin(&mut self, ty: ValueType, register: usize) {
        self.pinned[file(ty)] |= 1 << register;
    }

    pub(super) fn unpin(&mut self) {
        self.pinned = [0; REGISTERS.len()];
    }

    /// A register that no entry is in and that is not pinned; or else, to be spilled, the lowest entry in one.
    pub(super) fn vacancy(&self, ty: ValueType) -> Result<usize, usize> {
        let registers = self.registers[file(ty)];
        let usable = (0..REGISTERS[file(ty)]).filter(|register| self.pinned[file(ty)] & 1 << register == 0);
        let taken = |register: usize| registers[register].map(|entry| entry as usize);
        match usable.clone().find(|&register| registers[register].is_none()) {
            Some(register) => Ok(register),
            // An operator pins fewer registers than there are, so that there is an entry in one of the others.
            None => Err(usable.filter_map(taken).min().unwrap_or_default()),
        }
    }

    /// Notes that an entry is now in its home slot.
    pub(super) fn settle(&mut self, index: usize) {
        let home = self.home(index);
        match self.entries[index].place {
            Place::Register(register) => self.registers[file(self.entries[index].ty)][register] = None,
            // All lower entries that are this local are settled before this one, or at once after it.
            Place::Local { slot, .. } => self.local_entries[slot as usize] = None,
            Place::Slot(_) | Place::Constant(_) => {}
        }
        self.entries[index].place = Place::Slot(home);
    }

    /// The entries that are not known to be in their home slots; they are, after this.
    pub(super) fn take_unsettled(&mut self) -> std::ops::Range<usize> {
        let unsettled = self.settled..self.entries.len();
        self.settled = self.entries.len();
        unsettled
    }

    /// An entry that is the local in this slot, before that is set.
    pub(super) fn entry_of_local(&self, slot: u32) -> Option<usize> {
        self.local_entries[slot as usize].map(|entry| entry as usize)
    }

    /// Notes that the topmost entry of a local is now in its home slot.
    pub(super) fn detach_local(&mut self, index: usize) {
        if let Place::Local { slot, below } = self.entries[index].place {
            self.local_entries[slot as usize] = below;
        }
        self.entries[index].place = Place::Slot(self.home(index));
    }
}
