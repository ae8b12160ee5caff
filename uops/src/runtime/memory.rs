//! Linear memory: address space reserved once, so that growing moves no byte and costs no call of the system.
//!
//! The pages of the reservation are zero and take no storage until they are touched. Only the size changes when a
//! memory grows; bounds are checked against it, so what lies beyond is reserved but out of reach.

use std::cell::{Cell, RefCell, UnsafeCell};

use memmap2::{MmapMut, MmapOptions};

use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::module::types::{AddressType, Limits, MemoryType};
use crate::runtime::store::{Handle, Store};
use crate::runtime::vm::{self, Vm};

/// Bytes of a page.
pub(crate) const PAGE: usize = 1 << 16;
/// Pages that 32-bit addresses reach.
pub(crate) const MAX_PAGES: u64 = 1 << 16;

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
    pages: Cell<u64>,
    /// Pages that there is room for.
    reserved: u64,
    /// What the module declared; of the size only the greatest.
    declared: MemoryType,
    /// What compiled code reads.
    memory: UnsafeCell<vm::Memory>,
    /// Whose first memory this is: all of the same store as the memory.
    users: RefCell<Vec<*mut Vm>>,
}

/// Address space for pages, if there is any.
fn reserve(pages: u64) -> Option<MmapMut> {
    let size = usize::try_from(pages).ok()?.checked_mul(PAGE)?;
    MmapOptions::new().len(size).no_reserve_swap().map_anon().ok()
}

impl MemoryData {
    /// A memory of as many pages as its limits say, that may grow as far as they, `limit` and its addresses allow and
    /// there is room.
    pub(crate) fn new(declared: MemoryType, limit: u64) -> Result<Self, Error> {
        let Limits { min, max } = declared.limits;
        let limit = match declared.address {
            AddressType::I32 => limit.min(MAX_PAGES),
            AddressType::I64 => limit,
        };
        if min > limit {
            return Err(Error::TooLarge { what: "memory", size: min, limit });
        }
        let mut reserved = max.map_or(limit, |max| max.min(limit)).max(min);
        let mut reservation = loop {
            match reserve(reserved) {
                Some(reservation) => break reservation,
                // Where address space is scarce, less room to grow is better than no memory.
                None if reserved > min => reserved = (reserved / 2).max(min),
                None => return Err(Error::OutOfMemory { what: "memory", size: min.saturating_mul(PAGE as u64) }),
            }
        };
        let base = reservation.as_mut_ptr();
        let memory = Self {
            _reservation: reservation,
            base,
            pages: Cell::new(min),
            reserved,
            declared,
            memory: UnsafeCell::new(vm::Memory { base, size: 0 }),
            users: RefCell::default(),
        };
        memory.resize(min);
        Ok(memory)
    }

    /// Size in bytes.
    fn size(&self) -> u64 {
        self.pages.get() * PAGE as u64
    }

    /// Makes it larger, and tells compiled code.
    fn resize(&self, pages: u64) {
        self.pages.set(pages);
        // SAFETY: compiled code reads it at each access anew, and is not running. No reference to it is ever made.
        unsafe { (*self.memory.get()).size = self.size() };
        for &user in self.users.borrow().iter() {
            // SAFETY: `attach` was promised that it is valid as long as this is, and no reference to a `Vm` is
            // ever made, so that none is invalidated.
            unsafe { (*user).memory_size = self.size() };
        }
    }

    /// What compiled code reads.
    pub(crate) fn pointer(&self) -> *mut vm::Memory {
        self.memory.get()
    }

    /// Its type, with the size that it has and how far it may grow: what an import of it is matched against.
    pub(crate) fn ty(&self) -> MemoryType {
        let limits = Limits { min: self.pages.get(), ..self.declared.limits };
        MemoryType { limits, ..self.declared }
    }

    /// The address in this memory, or the number of its bytes or pages, that a slot holds.
    pub(crate) fn address(&self, bits: u64) -> u64 {
        self.declared.address.address(bits)
    }

    /// Grows by a number of pages and returns how many there were before, unless there is no room.
    pub(crate) fn grow(&self, by: u64) -> Option<u64> {
        let old = self.pages.get();
        let new = old.checked_add(by).filter(|&new| new <= self.reserved)?;
        self.resize(new);
        Some(old)
    }

    /// Tells a `Vm` where its first memory is and how large, now and whenever it grows.
    ///
    /// # Safety
    /// `vm` is valid for writes as long as this memory lives, and no reference to it is made.
    pub(crate) unsafe fn attach(&self, vm: *mut Vm) {
        // SAFETY: the caller says that it is valid.
        unsafe {
            (*vm).memory = self.base;
            (*vm).memory_size = self.size();
        }
        self.users.borrow_mut().push(vm);
    }

    /// The address of `len` bytes at an offset, if they are in the memory, and their number.
    fn at(&self, offset: u64, len: u64) -> Result<(*mut u8, usize), Trap> {
        match offset.checked_add(len) {
            // What is in the memory has an address, so that no bits are lost.
            Some(end) if end <= self.size() => Ok((self.base.wrapping_add(offset as usize), len as usize)),
            _ => Err(Trap::MemoryOutOfBounds),
        }
    }

    pub(crate) fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), Trap> {
        let (from, len) = self.at(offset, into.len() as u64)?;
        // SAFETY: `at` has checked that the bytes are in the reservation, which is readable. Nothing else refers to
        // them: they are only ever used through `base`, and by one thread. So they do not overlap `into` either.
        unsafe { from.copy_to_nonoverlapping(into.as_mut_ptr(), len) };
        Ok(())
    }

    /// Copies bytes from a memory, which may be this one, or none of them where not all are in the memories.
    pub(crate) fn copy(&self, to: u64, source: &Self, from: u64, len: u64) -> Result<(), Trap> {
        let ((from, len), (to, _)) = (source.at(from, len)?, self.at(to, len)?);
        // SAFETY: `at` has checked that the bytes are in the reservations, which are readable and writable. They may
        // overlap.
        unsafe { from.copy_to(to, len) };
        Ok(())
    }

    /// Sets bytes to a value, or none of them where not all are in the memory.
    pub(crate) fn fill(&self, offset: u64, value: u8, len: u64) -> Result<(), Trap> {
        let (to, len) = self.at(offset, len)?;
        // SAFETY: as for `copy`.
        unsafe { to.write_bytes(value, len) };
        Ok(())
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Trap> {
        let (to, len) = self.at(offset, bytes.len() as u64)?;
        // SAFETY: as for `read`; and the reservation is writable.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), len) };
        Ok(())
    }
}

impl Memory {
    /// Makes a memory, for modules to import. [`Limits`] alone are the type of one with 32-bit addresses.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::TooMany`], [`Error::OutOfMemory`].
    pub fn new(store: &Store, ty: impl Into<MemoryType>) -> Result<Self, Error> {
        Ok(Self(store.memory(ty.into())?))
    }

    /// Size in pages of 64 KiB.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn pages(self, store: &Store) -> Result<u64, Error> {
        Ok(self.0.get(store)?.pages.get())
    }

    /// Grows by a number of pages. Returns how many there were before, or none if it may not grow that far.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn grow(self, store: &Store, pages: u64) -> Result<Option<u64>, Error> {
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

    fn memory(min: u64, max: Option<u64>) -> MemoryData {
        MemoryData::new(Limits { min, max }.into(), MAX_PAGES).unwrap()
    }

    #[test]
    fn growth_moves_nothing_and_is_bounded() {
        let memory = memory(1, Some(3));
        let base = memory.base;
        memory.write(65535, &[7]).unwrap();
        assert_eq!(memory.write(65536, &[7]), Err(Trap::MemoryOutOfBounds));
        assert_eq!((memory.grow(0), memory.grow(2), memory.grow(1)), (Some(1), Some(1), None));
        assert_eq!((memory.grow(u64::MAX), memory.grow(0)), (None, Some(3)));
        let mut bytes = [1; 3];
        memory.read(65535, &mut bytes).unwrap();
        assert_eq!((bytes, memory.base), ([7, 0, 0], base));
    }

    #[test]
    fn users_learn_the_size() {
        let memory = memory(0, Some(2));
        let store = crate::runtime::store::Store::new().unwrap();
        let mut vm = Vm::new(&store);
        // SAFETY: it outlives the memory's last use, and nothing else refers to it.
        unsafe { memory.attach(&raw mut vm) };
        memory.grow(2);
        assert_eq!((vm.memory, vm.memory_size), (memory.base, 2 << 16));
        // SAFETY: the memory is alive.
        let seen = unsafe { ((*memory.pointer()).base, (*memory.pointer()).size) };
        assert_eq!(seen, (memory.base, 2 << 16));
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
        let memory = MemoryData::new(Limits { min: 1, max: Some(9) }.into(), 2).unwrap();
        assert_eq!((memory.grow(1), memory.grow(1)), (Some(1), None));
        assert_eq!(memory.ty().limits, Limits { min: 2, max: Some(9) });
        let error = MemoryData::new(Limits { min: 3, max: None }.into(), 2).unwrap_err();
        assert!(matches!(error, Error::TooLarge { size: 3, limit: 2, .. }));
    }

    #[test]
    fn addresses_of_64_bits_reach_further() {
        let ty = |min, max| MemoryType { address: AddressType::I64, limits: Limits { min, max } };
        let memory = MemoryData::new(ty(0, None), MAX_PAGES * 2).unwrap();
        if memory.reserved == MAX_PAGES * 2 {
            assert_eq!(memory.grow(MAX_PAGES * 2), Some(0));
            memory.write((1 << 33) - 1, &[1]).unwrap();
        }
        assert_eq!(memory.write(1 << 33, &[1]), Err(Trap::MemoryOutOfBounds));
        // Of the greatest memory that a type may have as much is reserved as can be had.
        let memory = MemoryData::new(ty(1, Some(1 << 48)), u64::MAX).unwrap();
        assert!((1..1 << 48).contains(&memory.reserved));
        assert_eq!((memory.grow(1 << 48), memory.grow(u64::MAX)), (None, None));
        let error = MemoryData::new(ty(1 << 48, None), u64::MAX).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { size: u64::MAX, .. }));
        assert!(matches!(MemoryData::new(ty(1 << 48, None), 7), Err(Error::TooLarge { limit: 7, .. })));
        assert!(matches!(
            MemoryData::new(Limits { min: 65537, max: None }.into(), 1 << 40),
            Err(Error::TooLarge { .. })
        ));
    }
}
