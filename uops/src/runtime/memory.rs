//! Linear memory.

use std::cell::{RefCell, UnsafeCell};

use crate::module::allocate;
use crate::module::error::{Error, Limit};
use crate::module::trap::Trap;
use crate::module::types::{AddressType, Limits, MemoryType};
use crate::runtime::interrupt::InterruptHandle;
use crate::runtime::limits::{self, Budget};
use crate::runtime::storage::Storage;
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

/// The data of a memory.
#[derive(Debug)]
pub(crate) struct MemoryData {
    bytes: Storage<u8>,
    /// The declared type. Of its limits, only the maximum is used.
    declared: MemoryType,
    /// The fields that compiled code reads.
    memory: UnsafeCell<vm::Memory>,
    /// The instances whose first memory this is. All belong to the memory's store.
    users: RefCell<Vec<*mut Vm>>,
}

impl MemoryData {
    /// Makes a memory with its minimum of pages. It may grow as far as its maximum, its addresses, `limit` and the budget
    /// allow, and as address space can be reserved for it now.
    pub(crate) fn new(declared: MemoryType, limit: u64, budget: &Budget) -> Result<Self, Error> {
        let Limits { min, max } = declared.limits;
        let limit = match declared.address {
            AddressType::I32 => limit.min(MAX_PAGES),
            AddressType::I64 => limit,
        };
        limits::check(Limit::MemoryPages, min, limit)?;
        // More than all addresses have is more than there can be.
        let bytes = |pages: u64| pages.saturating_mul(PAGE as u64);
        budget.take(bytes(min))?;
        let most = bytes(limit.min(max.unwrap_or(limit)).min(budget.limit() / PAGE as u64).max(min));
        let Some(storage) = Storage::new(bytes(min), most, Trap::MemoryOutOfBounds) else {
            budget.give_back(bytes(min));
            return Err(Error::OutOfMemory { what: "memory", size: bytes(min) });
        };
        let memory = UnsafeCell::new(vm::Memory { base: storage.base(), size: storage.len() });
        Ok(Self { bytes: storage, declared, memory, users: RefCell::default() })
    }

    /// Size in pages.
    pub(crate) fn pages(&self) -> u64 {
        self.bytes.len() / PAGE as u64
    }

    /// Tells compiled code the size.
    fn publish(&self) {
        // SAFETY: compiled code rereads it at each access, and is not running. No reference to it is ever created.
        unsafe { (*self.memory.get()).size = self.bytes.len() };
        for &user in self.users.borrow().iter() {
            // SAFETY: `attach` was promised that it is valid as long as this is, and no reference to a `Vm` is
            // ever made, so that none is invalidated.
            unsafe { (*user).memory_size = self.bytes.len() };
        }
    }

    /// The fields that compiled code reads.
    pub(crate) fn pointer(&self) -> *mut vm::Memory {
        self.memory.get()
    }

    /// Its type with its current size as the minimum, which is what imports of it are matched against.
    pub(crate) fn ty(&self) -> MemoryType {
        let limits = Limits { min: self.pages(), ..self.declared.limits };
        MemoryType { limits, ..self.declared }
    }

    /// The address in this memory, or the number of its bytes or pages, that a slot holds.
    pub(crate) fn address(&self, bits: u64) -> u64 {
        self.declared.address.address(bits)
    }

    /// Grows by a number of pages and returns the previous number. Returns none if the capacity or the budget does not
    /// suffice.
    pub(crate) fn grow(&self, by: u64, budget: &Budget, interrupt: &InterruptHandle) -> Option<u64> {
        let old = self.pages();
        let new = old.checked_add(by)?.checked_mul(PAGE as u64).filter(|&new| new <= self.bytes.capacity())?;
        budget.take(new - self.bytes.len()).ok()?;
        // Nothing was ever written beyond the bounds of a memory, so that this writes nothing and cannot be interrupted.
        if !matches!(self.bytes.grow_zeroed(new, interrupt), Some(Ok(()))) {
            budget.give_back(new - self.bytes.len());
            return None;
        }
        self.publish();
        Some(old)
    }

    /// Tells a `Vm` the address and size of its first memory, now and whenever it grows.
    ///
    /// # Safety
    /// `vm` is valid for writes as long as this memory lives, and no reference to it is made.
    pub(crate) unsafe fn attach(&self, vm: *mut Vm) -> Result<(), Error> {
        allocate::push("memory", &mut self.users.borrow_mut(), vm)?;
        // SAFETY: the caller says that it is valid.
        unsafe {
            (*vm).memory = self.bytes.base();
            (*vm).memory_size = self.bytes.len();
        }
        Ok(())
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &Storage<u8> {
        &self.bytes
    }
}

impl Memory {
    /// Makes a memory, for modules to import. [`Limits`] alone are the type of one with 32-bit addresses.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`], [`Error::OutOfMemory`].
    pub fn new(store: &Store, ty: impl Into<MemoryType>) -> Result<Self, Error> {
        Ok(Self(store.memory(ty.into())?))
    }

    /// Returns the size in pages of 64 KiB.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn pages(self, store: &Store) -> Result<u64, Error> {
        Ok(self.0.get(store)?.pages())
    }

    /// Grows by a number of pages. Returns how many there were before, or none if the memory's maximum, the store's limits or
    /// the address space do not allow it.
    ///
    /// # Errors
    /// [`Error::OtherStore`].
    pub fn grow(self, store: &Store, pages: u64) -> Result<Option<u64>, Error> {
        Ok(self.0.get(store)?.grow(pages, &store.0.budget, store.0.interrupt()))
    }

    /// Copies bytes out of the memory, at once: an interruption does not end this.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`] if not all of them are in bounds; none are copied then. [`Error::OtherStore`].
    pub fn read(self, store: &Store, offset: u64, into: &mut [u8]) -> Result<(), Error> {
        Ok(self.0.get(store)?.bytes.read(offset, into)?)
    }

    /// Copies bytes into the memory, at once: an interruption does not end this.
    ///
    /// # Errors
    /// [`Trap::MemoryOutOfBounds`] if not all of them are in bounds; none are copied then. [`Error::OtherStore`].
    pub fn write(self, store: &Store, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.0.get(store)?.bytes.write(offset, bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::error::LimitExceeded;

    fn new(ty: impl Into<MemoryType>, limit: u64) -> Result<MemoryData, Error> {
        MemoryData::new(ty.into(), limit, &Budget::new(u64::MAX))
    }

    fn memory(min: u64, max: Option<u64>) -> MemoryData {
        new(Limits { min, max }, MAX_PAGES).unwrap()
    }

    fn grow(memory: &MemoryData, by: u64) -> Option<u64> {
        memory.grow(by, &Budget::new(u64::MAX), &InterruptHandle::new(std::ptr::null_mut()))
    }

    #[test]
    fn growth_moves_nothing_and_is_bounded() {
        let memory = memory(1, Some(3));
        let base = memory.bytes.base();
        memory.bytes.write(65535, &[7]).unwrap();
        assert_eq!(memory.bytes.write(65536, &[7]), Err(Trap::MemoryOutOfBounds));
        assert_eq!((grow(&memory, 0), grow(&memory, 2), grow(&memory, 1)), (Some(1), Some(1), None));
        assert_eq!((grow(&memory, u64::MAX), grow(&memory, 0)), (None, Some(3)));
        let mut bytes = [1; 3];
        memory.bytes.read(65535, &mut bytes).unwrap();
        assert_eq!((bytes, memory.bytes.base()), ([7, 0, 0], base));
    }

    #[test]
    fn users_learn_the_size() {
        let memory = memory(0, Some(2));
        let store = Store::new().unwrap();
        let mut vm = Vm::new(&store);
        // SAFETY: it outlives the memory's last use, and nothing else refers to it.
        unsafe { memory.attach(&raw mut vm) }.unwrap();
        grow(&memory, 2);
        assert_eq!((vm.memory, vm.memory_size), (memory.bytes.base(), 2 << 16));
        // SAFETY: the memory is alive.
        let seen = unsafe { ((*memory.pointer()).base, (*memory.pointer()).size) };
        assert_eq!(seen, (memory.bytes.base(), 2 << 16));
    }

    #[test]
    fn all_of_the_address_space_can_be_had() {
        let memory = memory(0, None);
        if memory.bytes.capacity() == MAX_PAGES << 16 {
            assert_eq!(grow(&memory, MAX_PAGES), Some(0));
            memory.bytes.write((1 << 32) - 1, &[1]).unwrap();
        }
        assert_eq!(memory.bytes.write(1 << 32, &[1]), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.bytes.read(u64::MAX, &mut [0]), Err(Trap::MemoryOutOfBounds));
        assert_eq!(memory.bytes.read(1 << 33, &mut []), Err(Trap::MemoryOutOfBounds));
    }

    #[test]
    fn the_embedder_has_the_last_word() {
        let memory = new(Limits { min: 1, max: Some(9) }, 2).unwrap();
        assert_eq!((grow(&memory, 1), grow(&memory, 1)), (Some(1), None));
        assert_eq!(memory.ty().limits, Limits { min: 2, max: Some(9) });
        let error = new(Limits { min: 3, max: None }, 2).unwrap_err();
        let expected = LimitExceeded { limit: Limit::MemoryPages, needed: 3, allowed: 2 };
        assert!(matches!(error, Error::LimitExceeded(found) if found == expected));
    }

    #[test]
    fn a_budget_bounds_all_memories_together() {
        let budget = Budget::new(5 << 16);
        let one = MemoryData::new(Limits { min: 1, max: None }.into(), MAX_PAGES, &budget).unwrap();
        let two = MemoryData::new(Limits { min: 2, max: None }.into(), MAX_PAGES, &budget).unwrap();
        assert_eq!(one.bytes.capacity(), 5 << 16);
        assert!(MemoryData::new(Limits { min: 3, max: None }.into(), MAX_PAGES, &budget).is_err());
        let interrupt = InterruptHandle::new(std::ptr::null_mut());
        let grow = |memory: &MemoryData, by| memory.grow(by, &budget, &interrupt);
        assert_eq!((grow(&one, 3), grow(&one, 1), grow(&two, 2), grow(&two, 1)), (None, Some(1), None, Some(2)));
        assert_eq!((one.pages(), two.pages(), budget.used()), (2, 3, 5 << 16));
    }

    #[test]
    fn addresses_of_64_bits_reach_further() {
        let ty = |min, max| MemoryType { address: AddressType::I64, limits: Limits { min, max } };
        let memory = new(ty(0, None), MAX_PAGES * 2).unwrap();
        if memory.bytes.capacity() == MAX_PAGES << 17 {
            assert_eq!(grow(&memory, MAX_PAGES * 2), Some(0));
            memory.bytes.write((1 << 33) - 1, &[1]).unwrap();
        }
        assert_eq!(memory.bytes.write(1 << 33, &[1]), Err(Trap::MemoryOutOfBounds));
        // For the largest possible type, as much address space is reserved as the system grants.
        let memory = new(ty(1, Some(1 << 48)), u64::MAX).unwrap();
        assert!((1 << 16..u64::MAX).contains(&memory.bytes.capacity()));
        assert_eq!((grow(&memory, 1 << 48), grow(&memory, u64::MAX)), (None, None));
        let error = new(ty(1 << 48, None), u64::MAX).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { size: u64::MAX, .. }));
        let exceeded = |result: Result<MemoryData, Error>| match result.unwrap_err() {
            Error::LimitExceeded(LimitExceeded { allowed, .. }) => allowed,
            error => panic!("{error}"),
        };
        assert_eq!(exceeded(new(ty(1 << 48, None), 7)), 7);
        assert_eq!(exceeded(new(Limits { min: 65537, max: None }, 1 << 40)), 65536);
    }
}
