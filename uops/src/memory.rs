//! Linear memory: address space reserved once, so that growing moves no byte and costs no call of the system.
//!
//! The pages of the reservation are zero and take no storage until they are touched. Only the size changes when a
//! memory grows; bounds are checked against it, so what lies beyond is reserved but out of reach.

use std::cell::{Cell, RefCell};

use memmap2::{MmapMut, MmapOptions};

use crate::error::Error;
use crate::store::{Handle, Store};
use crate::trap::Trap;
use crate::types::Limits;
use crate::vm::Vm;

/// Bytes of a page.
pub(crate) const PAGE: usize = 1 << 16;
/// Pages that 32-bit addresses reach.
pub(crate) const MAX_PAGES: u32 = 1 << 16;

/// A linear memory of a store.
///
/// A program may run, and change it, whenever a function is called; so bytes are copied, never borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub(crate) Handle<MemoryData>);

/// A memory's storage.
#[derive(Debug)]
pub(crate) struct MemoryData {
    /// Owns the reservation. All access is through `base`.
    _reservation: MmapMut,
    base: *mut u8,
    pages: Cell<u32>,
    /// What the module declared as its greatest size.
    declared: Option<u32>,
    /// Pages that there is room for.
    reserved: u32,
    /// Who has to know the size: all of the same store as the memory.
    users: RefCell<Vec<*mut Vm>>,
}

impl MemoryData {
    /// A memory of `limits.min` pages that may grow to `limits.max`, to `limit` and as far as there is room.
    pub(crate) fn new(limits: Limits, limit: u32) -> Result<Self, Error> {
        let limit = limit.min(MAX_PAGES);
        if limits.min > limit {
            return Err(Error::TooLarge { what: "memory", size: limits.min, limit });
        }
        let mut pages = limits.max.map_or(limit, |max| max.min(limit)).max(limits.min);
        loop {
            let size = pages as usize * PAGE;
            match MmapOptions::new().len(size).no_reserve_swap().map_anon() {
                Ok(mut reservation) => {
                    let base = reservation.as_mut_ptr();
                    return Ok(Self {
                        _reservation: reservation,
                        base,
                        pages: Cell::new(limits.min),
                        declared: limits.max,
                        reserved: pages,
                        users: RefCell::default(),
                    });
                }
                // Where address space is scarce, less room to grow is better than no memory.
                Err(_) if pages > limits.min => pages = (pages / 2).max(limits.min),
                Err(_) => return Err(Error::OutOfMemory { what: "memory", size: size as u64 }),
            }
        }
    }

    /// Size in bytes.
    fn size(&self) -> usize {
        self.pages.get() as usize * PAGE
    }

    /// The size now, and how far it may grow: what an import of it is matched against.
    pub(crate) fn limits(&self) -> Limits {
        Limits { min: self.pages.get(), max: self.declared }
    }

    /// Grows by a number of pages and returns how many there were before, unless there is no room.
    pub(crate) fn grow(&self, by: u32) -> Option<u32> {
        let old = self.pages.get();
        let new = old.checked_add(by).filter(|&new| new <= self.reserved)?;
        self.pages.set(new);
        for &user in self.users.borrow().iter() {
            // SAFETY: `attach` was promised that it is valid as long as this is, and no reference to a `Vm` is
            // ever made, so that none is invalidated.
            unsafe { (*user).memory_size = self.size() as u64 };
        }
        Some(old)
    }

    /// Tells a `Vm` where the memory is and how large, now and whenever it grows.
    ///
    /// # Safety
    /// `vm` is valid for writes as long as this memory lives, and no reference to it is made.
    pub(crate) unsafe fn attach(&self, vm: *mut Vm) {
        // SAFETY: the caller says that it is valid.
        unsafe {
            (*vm).memory = self.base;
            (*vm).memory_size = self.size() as u64;
        }
        self.users.borrow_mut().push(vm);
    }

    /// The address of `len` bytes at an offset, if they are in the memory.
    fn at(&self, offset: u64, len: usize) -> Result<*mut u8, Trap> {
        let offset = usize::try_from(offset).map_err(|_| Trap::MemoryOutOfBounds)?;
        match offset.checked_add(len) {
            Some(end) if end <= self.size() => Ok(self.base.wrapping_add(offset)),
            _ => Err(Trap::MemoryOutOfBounds),
        }
    }

    pub(crate) fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), Trap> {
        let from = self.at(offset, into.len())?;
        // SAFETY: `at` has checked that the bytes are in the reservation, which is readable. Nothing else refers to
        // them: they are only ever used through `base`, and by one thread. So they do not overlap `into` either.
        unsafe { from.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    /// Copies bytes within the memory, or none of them where not all are in it.
    pub(crate) fn copy(&self, to: u32, from: u32, len: u32) -> Result<(), Trap> {
        let (from, to) = (self.at(from.into(), len as usize)?, self.at(to.into(), len as usize)?);
        // SAFETY: `at` has checked that the bytes are in the reservation, which is readable and writable. They may overlap.
        unsafe { from.copy_to(to, len as usize) };
        Ok(())
    }

    /// Sets bytes to a value, or none of them where not all are in the memory.
    pub(crate) fn fill(&self, offset: u32, value: u8, len: u32) -> Result<(), Trap> {
        let to = self.at(offset.into(), len as usize)?;
        // SAFETY: as for `copy`.
        unsafe { to.write_bytes(value, len as usize) };
        Ok(())
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Trap> {
        let to = self.at(offset, bytes.len())?;
        // SAFETY: as for `read`; and the reservation is writable.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }
}

impl Memory {
    /// Makes a memory, for modules to import.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn new(store: &Store, limits: Limits) -> Result<Self, Error> {
        Ok(Self(store.memory(limits)?))
    }

    /// Size in pages of 64 KiB.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn pages(self, store: &Store) -> Result<u32, Error> {
        Ok(self.0.get(store)?.pages.get())
    }

    /// Grows by a number of pages. Returns how many there were before, or none if it may not grow that far.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn grow(self, store: &Store, pages: u32) -> Result<Option<u32>, Error> {
        Ok(self.0.get(store)?.grow(pages))
    }

    /// Copies bytes out of the memory.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`] if not all are in it; nothing is copied then. [`Error::OtherStore`].
    pub fn read(self, store: &Store, offset: u64, into: &mut [u8]) -> Result<(), Error> {
        Ok(self.0.get(store)?.read(offset, into)?)
    }

    /// Copies bytes into the memory.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`] if not all fit into it; nothing is copied then. [`Error::OtherStore`].
    pub fn write(self, store: &Store, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.0.get(store)?.write(offset, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(min: u32, max: Option<u32>) -> MemoryData {
        MemoryData::new(Limits { min, max }, MAX_PAGES).unwrap()
    }

    #[test]
    fn growth_moves_nothing_and_is_bounded() {
        let memory = memory(1, Some(3));
        let base = memory.base;
        memory.write(65535, &[7]).unwrap();
        assert_eq!(memory.write(65536, &[7]), Err(Trap::MemoryOutOfBounds));
        assert_eq!((memory.grow(0), memory.grow(2), memory.grow(1)), (Some(1), Some(1), None));
        assert_eq!((memory.grow(u32::MAX), memory.grow(0)), (None, Some(3)));
        let mut bytes = [1; 3];
        memory.read(65535, &mut bytes).unwrap();
        assert_eq!((bytes, memory.base), ([7, 0, 0], base));
    }

    #[test]
    fn users_learn_the_size() {
        let memory = memory(0, Some(2));
        let store = crate::store::Store::new().unwrap();
        let mut vm = Vm::new(&store);
        // SAFETY: it outlives the memory's last use, and nothing else refers to it.
        unsafe { memory.attach(&raw mut vm) };
        memory.grow(2);
        assert_eq!((vm.memory, vm.memory_size), (memory.base, 2 << 16));
    }

    #[test]
    fn all_of_the_address_space_can_be_had() {
        let memory = memory(0, None);
        if memory.reserved == MAX_PAGES {
            assert_eq!(memory.grow(MAX_PAGES), Some(0));
            memory.write((1 << 32) - 1, &[1]).unwrap();
        }
        assert_eq!(memory.write(1 << 32, &[1]), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.read(u64::MAX, &mut [0]), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.read(1 << 33, &mut []), Err(Trap::MemoryOutOfBounds));
    }

    #[test]
    fn the_embedder_has_the_last_word() {
        let memory = MemoryData::new(Limits { min: 1, max: Some(9) }, 2).unwrap();
        assert_eq!((memory.grow(1), memory.grow(1)), (Some(1), None));
        assert_eq!(memory.limits(), Limits { min: 2, max: Some(9) });
        let error = MemoryData::new(Limits { min: 3, max: None }, 2).unwrap_err();
        assert!(matches!(error, Error::TooLarge { size: 3, limit: 2, .. }));
    }
}
