//! The storage of memories and tables: an array that grows in place and never moves.
//!
//! Address space for all that it may grow to is reserved at the start. It is zero and takes no storage until it is touched,
//! so that growing is a matter of a number. What lies beyond the length is reserved but out of bounds.
//!
//! Operations check their bounds first: out of bounds, they change nothing. Then they work in pieces of at most
//! [`PIECE`](crate::runtime::interrupt::PIECE) bytes and check for an interruption after each.

use std::cell::Cell;
use std::ops::Range;

use memmap2::MmapMut;

use crate::module::allocate;
use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::runtime::interrupt::{InterruptHandle, Order};

/// An array of bytes or references, for which all zeros are a value.
#[derive(Debug)]
pub(crate) struct Storage<T> {
    /// Owns the reservation. All access is through `base`.
    _reservation: MmapMut,
    base: *mut T,
    /// Elements that are in bounds.
    len: Cell<usize>,
    /// The maximum number of elements, for which address space is reserved.
    capacity: usize,
    /// Elements from here on are zero, whether in bounds or not.
    zero_from: Cell<usize>,
    /// The trap of an access out of bounds.
    outside: Trap,
}

/// A type of elements: plain data for which zero bits are a value.
pub(crate) trait Element: Copy {}
impl Element for u8 {}
impl Element for *const crate::runtime::vm::Func {}

impl<T: Element> Storage<T> {
    /// Reserves address space for `max` elements, or for fewer, down to `min`, if it is scarce. The first `min` elements are
    /// in bounds and zero.
    pub(crate) fn new(min: u64, max: u64, outside: Trap) -> Option<Self> {
        let min = usize::try_from(min).ok()?;
        let mut capacity = usize::try_from(max).unwrap_or(usize::MAX).max(min);
        let mut reservation = loop {
            match capacity.checked_mul(size_of::<T>()).and_then(allocate::reserve) {
                Some(reservation) => break reservation,
                None if capacity > min => capacity = (capacity / 2).max(min),
                None => return None,
            }
        };
        // A mapping begins with a page, which is aligned for every element.
        let base = reservation.as_mut_ptr().cast();
        Some(Self {
            _reservation: reservation,
            base,
            len: Cell::new(min),
            capacity,
            zero_from: Cell::new(min),
            outside,
        })
    }

    pub(crate) fn base(&self) -> *mut T {
        self.base
    }

    pub(crate) fn len(&self) -> u64 {
        self.len.get() as u64
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity as u64
    }

    /// Grows to `len` elements; the new ones are zero. Returns none if the capacity does not suffice.
    pub(crate) fn grow_zeroed(&self, len: u64, interrupt: &InterruptHandle) -> Option<Result<(), Trap>> {
        // Only an interrupted growth leaves something beyond the bounds.
        let (old, new, zero_from) = (self.len.get(), self.room(len)?, self.zero_from.get());
        let dirty = zero_from.min(new).saturating_sub(old);
        if dirty != 0 {
            // SAFETY: the bits of a `T` may be zero.
            let result = self.fill_at(old, unsafe { std::mem::zeroed() }, dirty, interrupt);
            if result.is_err() {
                return Some(result);
            }
        }
        self.set_len(new);
        Some(Ok(()))
    }

    /// Grows to `len` elements; the new ones are copies of a value. Returns none if the capacity does not suffice. If the
    /// operation is interrupted, the length does not change.
    pub(crate) fn grow(&self, len: u64, value: T, interrupt: &InterruptHandle) -> Option<Result<(), Trap>> {
        let (old, new) = (self.len.get(), self.room(len)?);
        self.zero_from.set(self.zero_from.get().max(new));
        let result = self.fill_at(old, value, new - old, interrupt);
        if result.is_ok() {
            self.set_len(new);
        }
        Some(result)
    }

    /// Returns the length if it is at least the current one and at most the capacity.
    fn room(&self, len: u64) -> Option<usize> {
        usize::try_from(len).ok().filter(|len| (self.len.get()..=self.capacity).contains(len))
    }

    fn set_len(&self, len: usize) {
        self.len.set(len);
        self.zero_from.set(self.zero_from.get().max(len));
    }

    /// The address of `len` elements at an offset, if they are in bounds, and their number.
    fn at(&self, offset: u64, len: u64) -> Result<(*mut T, usize), Trap> {
        match offset.checked_add(len) {
            // An offset in bounds fits the address space, so the conversion loses no bits.
            Some(end) if end <= self.len() => Ok((self.base.wrapping_add(offset as usize), len as usize)),
            _ => Err(self.outside),
        }
    }

    /// Copies elements out, at once.
    pub(crate) fn read(&self, offset: u64, into: &mut [T]) -> Result<(), Trap> {
        let (from, len) = self.at(offset, into.len() as u64)?;
        // SAFETY: `at` has checked that the elements are in the reservation, which is readable. Nothing else refers to
        // them: they are only ever used through `base`, and by one thread. So they do not overlap `into` either.
        unsafe { from.copy_to_nonoverlapping(into.as_mut_ptr(), len) };
        Ok(())
    }

    /// Copies elements in, at once.
    pub(crate) fn write(&self, offset: u64, elements: &[T]) -> Result<(), Trap> {
        let (to, len) = self.at(offset, elements.len() as u64)?;
        // SAFETY: as for `read`; and the reservation is writable.
        unsafe { to.copy_from_nonoverlapping(elements.as_ptr(), len) };
        Ok(())
    }

    /// Copies elements in, in pieces.
    pub(crate) fn init(&self, offset: u64, elements: &[T], interrupt: &InterruptHandle) -> Result<(), Trap> {
        let (to, len) = self.at(offset, elements.len() as u64)?;
        interrupt.in_pieces::<T, Trap>(len, Order::Ascending, |Range { start, end }| {
            // SAFETY: as for `write`; the piece is a part of the elements.
            unsafe { to.add(start).copy_from_nonoverlapping(elements.as_ptr().add(start), end - start) };
            Ok(())
        })
    }

    /// Initializes elements with the results of a function, in pieces. Stops at the first error.
    pub(crate) fn init_with(
        &self,
        offset: u64,
        len: usize,
        interrupt: &InterruptHandle,
        mut element: impl FnMut(usize) -> Result<T, Error>,
    ) -> Result<(), Error> {
        let (to, len) = self.at(offset, len as u64)?;
        interrupt.in_pieces::<T, Error>(len, Order::Ascending, |piece| {
            for index in piece {
                let element = element(index)?;
                // SAFETY: as for `write`.
                unsafe { to.add(index).write(element) };
            }
            Ok(())
        })
    }

    /// Sets elements to a value, in pieces.
    pub(crate) fn fill(&self, offset: u64, value: T, len: u64, interrupt: &InterruptHandle) -> Result<(), Trap> {
        self.at(offset, len)?;
        self.fill_at(offset as usize, value, len as usize, interrupt)
    }

    /// Sets elements to a value, in pieces. They are in the reservation, if not in bounds.
    fn fill_at(&self, start: usize, value: T, len: usize, interrupt: &InterruptHandle) -> Result<(), Trap> {
        debug_assert!(start + len <= self.capacity);
        interrupt.in_pieces::<T, Trap>(len, Order::Ascending, |piece| {
            // SAFETY: the elements are in the reservation, which is writable. Nothing else refers to them meanwhile.
            let piece = unsafe { std::slice::from_raw_parts_mut(self.base.add(start + piece.start), piece.len()) };
            piece.fill(value);
            Ok(())
        })
    }

    /// Copies elements from an array, which may be this one, in pieces: in descending order where that keeps elements
    /// from being overwritten before they have been copied.
    pub(crate) fn copy(
        &self,
        to: u64,
        source: &Self,
        from: u64,
        len: u64,
        interrupt: &InterruptHandle,
    ) -> Result<(), Trap> {
        let ((from, len), (to, _)) = (source.at(from, len)?, self.at(to, len)?);
        let order = if from < to { Order::Descending } else { Order::Ascending };
        interrupt.in_pieces::<T, Trap>(len, order, |Range { start, end }| {
            // SAFETY: `at` has checked that the elements are in the reservations, which are readable and writable. They may
            // overlap.
            unsafe { from.add(start).copy_to(to.add(start), end - start) };
            Ok(())
        })
    }
}
