//! The emitter: a cursor into memory for code and data, which every emit function writes at and advances.
//!
//! An emit function works in two steps, and the types make it so. First it asks for [room](Emitter::room) and
//! computes every patch from the addresses that it is told; all that can fail, fails here. Then it
//! [takes](Room::take) the room as two arrays of constant size and writes. So emit functions are safe
//! code, an error leaves the emitter where it was, and fresh memory stays zero until bytes for good go there.

use std::marker::PhantomData;

use crate::error::Error;
use crate::patch;

/// What is known of the memory that an [`Emitter`] writes to.
pub trait Memory: sealed::Sealed + 'static {
    /// Whether every byte not yet emitted to is zero, so that zeros need not be written.
    const ZERO: bool;
}

/// Memory whose bytes are all zero, as the operating system hands it out: zeros are never written.
#[derive(Debug)]
pub enum Fresh {}

/// Memory that may hold anything, because it was used before: zeros are written like all other bytes.
#[derive(Debug)]
pub enum Reused {}

impl Memory for Fresh {
    const ZERO: bool = true;
}
impl Memory for Reused {
    const ZERO: bool = false;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Fresh {}
    impl Sealed for super::Reused {}
}

/// An address at which code or data is, or will be, when the emitted code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl<T> From<*const T> for Address {
    fn from(pointer: *const T) -> Self {
        Self(pointer as u64)
    }
}

/// A trampoline: an indirect jump through the eight bytes that follow it.
const TRAMPOLINE: [u8; 8] = [0xff, 0x25, 0x02, 0, 0, 0, 0, 0];
pub(crate) const TRAMPOLINE_SIZE: usize = 16;

/// A cursor into a buffer for code and a buffer for data.
///
/// Emit functions write at the cursor and advance it; the data of a uop is aligned as its stencil says. Data holds
/// constants, trampolines and code that is out of line: before a uop runs, both buffers have to be executable.
///
/// ```
/// use stencil_runtime::{Emitter, Reused};
///
/// let (mut code, mut data) = ([0xCC; 64], [0xCC; 64]);
/// let emitter = Emitter::<Reused>::new(&mut code, &mut data);
/// assert_eq!(emitter.left(), (64, 64));
/// ```
#[derive(Debug)]
pub struct Emitter<'m, M: Memory> {
    code: &'m mut [u8],
    data: &'m mut [u8],
    code_address: u64,
    data_address: u64,
    /// Targets at `reach_start` and the `reach_size` bytes after it are within 2 GiB of every byte of code.
    reach_start: u64,
    reach_size: u64,
    /// Targets out of reach, and where their trampolines are. Those past the first `written` ones are reserved for a
    /// uop that has not taken its room.
    trampolines: Vec<(u64, u64)>,
    written: usize,
    memory: PhantomData<M>,
}

impl<'m> Emitter<'m, Reused> {
    /// Emits into buffers that may hold anything, and whose code will run where they are.
    #[must_use]
    pub fn new(code: &'m mut [u8], data: &'m mut [u8]) -> Self {
        let addresses = addresses(code, data);
        Self::with_addresses(code, data, addresses)
    }

    /// Emits into buffers whose content will run at other addresses: `addresses` are those of the first byte
    /// of code and of data.
    #[must_use]
    pub fn for_addresses(code: &'m mut [u8], data: &'m mut [u8], addresses: (Address, Address)) -> Self {
        Self::with_addresses(code, data, addresses)
    }
}

impl<'m> Emitter<'m, Fresh> {
    /// Emits into zeroed buffers whose code will run where they are. Reads every byte to see that it is zero.
    ///
    /// # Errors
    /// [`Error::NotZero`], where a byte is not.
    pub fn zeroed(code: &'m mut [u8], data: &'m mut [u8]) -> Result<Self, Error> {
        for (bytes, is_code) in [(&*code, true), (&*data, false)] {
            if let Some(offset) = bytes.iter().position(|&byte| byte != 0) {
                return Err(Error::NotZero { code: is_code, offset });
            }
        }
        let addresses = addresses(code, data);
        Ok(Self::with_addresses(code, data, addresses))
    }

    /// As [`zeroed`](Self::zeroed), without looking (but in debug builds, and with the feature `check-zero`).
    ///
    /// # Safety
    /// All bytes of both buffers are zero. Otherwise the code that is emitted is not the code that was meant,
    /// and running it is undefined behaviour that no other `unsafe` block announces.
    #[must_use]
    pub unsafe fn zeroed_unchecked(code: &'m mut [u8], data: &'m mut [u8]) -> Self {
        let addresses = addresses(code, data);
        // SAFETY: the caller's promise.
        unsafe { Self::zeroed_unchecked_for(code, data, addresses) }
    }

    /// As [`zeroed_unchecked`](Self::zeroed_unchecked), for code that will run at other addresses.
    ///
    /// # Safety
    /// As there.
    #[inline]
    pub(crate) unsafe fn zeroed_unchecked_for(
        code: &'m mut [u8],
        data: &'m mut [u8],
        addresses: (Address, Address),
    ) -> Self {
        if cfg!(any(debug_assertions, feature = "check-zero")) {
            assert!(is_zero(code) && is_zero(data), "fresh memory is not zero");
        }
        Self::with_addresses(code, data, addresses)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(4096).all(|chunk| *chunk == [0; 4096][..chunk.len()])
}

fn addresses(code: &[u8], data: &[u8]) -> (Address, Address) {
    (Address::from(code.as_ptr()), Address::from(data.as_ptr()))
}

impl<'m, M: Memory> Emitter<'m, M> {
    #[inline]
    fn with_addresses(code: &'m mut [u8], data: &'m mut [u8], at: (Address, Address)) -> Self {
        let (Address(code_address), Address(data_address)) = at;
        let start = code_address.min(data_address);
        let end = (code_address.saturating_add(code.len() as u64)).max(data_address.saturating_add(data.len() as u64));
        let reach_start = end.saturating_sub(1 << 31);
        Self {
            code,
            data,
            code_address,
            data_address,
            reach_start,
            // Eight bytes less than 2 GiB: distances count from behind the field, or, with an addend, near it.
            reach_size: start.saturating_add((1 << 31) - 8).saturating_sub(reach_start),
            trampolines: Vec::new(),
            written: 0,
            memory: PhantomData,
        }
    }

    /// Where the next uop's code goes.
    #[must_use]
    pub fn code_address(&self) -> Address {
        Address(self.code_address)
    }

    /// Where the next uop's data goes, before it is aligned.
    #[must_use]
    pub fn data_address(&self) -> Address {
        Address(self.data_address)
    }

    /// Bytes of code and of data that are left.
    #[must_use]
    pub fn left(&self) -> (usize, usize) {
        (self.code.len(), self.data.len())
    }

    /// Makes sure that there is room for a uop, and says where. `C` and `D` are its bytes of code and data,
    /// `ALIGN` is the alignment of its data, a power of two.
    ///
    /// # Errors
    /// [`Error::BufferFull`].
    #[inline(always)]
    pub fn room<const C: usize, const D: usize, const ALIGN: u64>(
        &mut self,
        uop: &'static str,
    ) -> Result<Room<'_, 'm, M, C, D>, Error> {
        let padding = if D == 0 { 0 } else { (self.data_address.wrapping_neg() & (ALIGN - 1)) as usize };
        if self.code.len() < C || self.data.len() < D + padding {
            return Err(self.full(uop, (C, D + padding)));
        }
        Ok(Room { emitter: self, padding, reserved: 0 })
    }

    /// Writes the trampolines that have been reserved, each before the one that was reserved before it.
    #[cold]
    fn write_trampolines(&mut self) {
        for &(function, _) in &self.trampolines[self.written..] {
            let data = std::mem::take(&mut self.data);
            let (rest, place) = data.split_at_mut(data.len() - TRAMPOLINE_SIZE);
            place[..8].copy_from_slice(&TRAMPOLINE);
            patch::put(place, 8, patch::abs64(function, 0));
            self.data = rest;
        }
        self.written = self.trampolines.len();
    }

    #[cold]
    fn full(&self, uop: &'static str, needed: (usize, usize)) -> Error {
        Error::BufferFull { uop, needed, left: self.left() }
    }
}

/// Room for one uop of `C` bytes of code and `D` bytes of data, not yet written to.
#[derive(Debug)]
pub struct Room<'e, 'm, M: Memory, const C: usize, const D: usize> {
    emitter: &'e mut Emitter<'m, M>,
    padding: usize,
    /// Trampolines that are to be written when the room is taken.
    reserved: usize,
}

impl<'m, M: Memory, const C: usize, const D: usize> Room<'_, 'm, M, C, D> {
    /// The address of the code.
    #[inline(always)]
    #[must_use]
    pub fn code(&self) -> u64 {
        self.emitter.code_address
    }

    /// The address of the data.
    #[inline(always)]
    #[must_use]
    pub fn data(&self) -> u64 {
        self.emitter.data_address.wrapping_add(self.padding as u64)
    }

    /// The address at which a host function can be called with a 32-bit displacement: its own, or, if it is
    /// too far away, that of a trampoline at the end of the data buffer, one for each function.
    ///
    /// # Errors
    /// [`Error::OutOfReach`], where the data buffer has no room for the trampoline.
    #[inline(always)]
    pub fn reach(&mut self, callee: &'static str, function: u64) -> Result<u64, Error> {
        if function.wrapping_sub(self.emitter.reach_start) <= self.emitter.reach_size {
            return Ok(function);
        }
        self.trampoline(callee, function)
    }

    #[cold]
    fn trampoline(&mut self, callee: &'static str, function: u64) -> Result<u64, Error> {
        let emitter = &mut *self.emitter;
        if self.reserved == 0 {
            // What an earlier uop reserved before it failed.
            emitter.trampolines.truncate(emitter.written);
        }
        if let Some(&(_, at)) = emitter.trampolines.iter().find(|(target, _)| *target == function) {
            return Ok(at);
        }
        let size = (self.reserved + 1) * TRAMPOLINE_SIZE;
        if emitter.data.len() < D + self.padding + size {
            return Err(Error::OutOfReach { callee });
        }
        let at = emitter.data_address.wrapping_add((emitter.data.len() - size) as u64);
        emitter.trampolines.push((function, at));
        self.reserved += 1;
        Ok(at)
    }

    /// Hands out the code and the data, and advances the emitter. Every byte of [`Fresh`] memory is still zero.
    #[inline(always)]
    #[must_use]
    pub fn take(self) -> (&'m mut [u8; C], &'m mut [u8; D]) {
        let Self { emitter, padding, reserved } = self;
        if reserved != 0 {
            emitter.write_trampolines();
        }
        let (code, rest) =
            std::mem::take(&mut emitter.code).split_first_chunk_mut().expect("`Emitter::room` has made sure of it");
        emitter.code = rest;
        let (gap, rest) = std::mem::take(&mut emitter.data).split_at_mut(padding);
        if !M::ZERO {
            gap.fill(0);
        }
        let (data, rest) = rest.split_first_chunk_mut().expect("`Emitter::room` has made sure of it");
        emitter.data = rest;
        emitter.code_address = emitter.code_address.wrapping_add(C as u64);
        emitter.data_address = emitter.data_address.wrapping_add((padding + D) as u64);
        (code, data)
    }
}

/// Copies the stored bytes of a body. The rest, zeros, is written only where memory is not zero already.
#[inline(always)]
pub fn copy<M: Memory, const SIZE: usize, const STORED: usize>(to: &mut [u8; SIZE], stored: &[u8; STORED]) {
    const { assert!(STORED <= SIZE) };
    to[..STORED].copy_from_slice(stored);
    if !M::ZERO {
        to[STORED..].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: u64 = 0x7fff_0000_0000;

    fn emitter<'m>(code: &'m mut [u8], data: &'m mut [u8]) -> Emitter<'m, Reused> {
        Emitter::for_addresses(code, data, (Address(0x1000_0000), Address(0x1000_1001)))
    }

    #[test]
    fn room_is_aligned_and_bounded() {
        let (mut code, mut data) = ([0xCC; 8], [0xCC; 24]);
        let mut out = emitter(&mut code, &mut data);
        let room = out.room::<4, 8, 8>("a").unwrap();
        assert_eq!((room.code(), room.data()), (0x1000_0000, 0x1000_1008));
        let (code_part, data_part) = room.take();
        copy::<Reused, 4, 1>(code_part, &[1]);
        copy::<Reused, 8, 0>(data_part, &[]);
        assert_eq!((out.code_address(), out.data_address()), (Address(0x1000_0004), Address(0x1000_1010)));
        let error = out.room::<5, 0, 1>("b").unwrap_err();
        assert_eq!(error, Error::BufferFull { uop: "b", needed: (5, 0), left: (4, 9) });
        assert!(out.room::<0, 10, 1>("b").is_err());
        assert!(out.room::<4, 9, 1>("b").is_ok());
        drop(out);
        assert_eq!((code, data[..15].iter().max()), ([1, 0, 0, 0, 0xCC, 0xCC, 0xCC, 0xCC], Some(&0)));
    }

    #[test]
    fn an_untaken_room_leaves_everything() {
        let (mut code, mut data) = ([0; 8], [0; 8]);
        let mut out = Emitter::zeroed(&mut code, &mut data).unwrap();
        let _ = out.room::<8, 8, 1>("a").unwrap();
        assert_eq!(out.left(), (8, 8));
    }

    #[test]
    fn addresses_may_be_anywhere() {
        for address in [0, 1 << 31, 1 << 63, u64::MAX - 4] {
            let (mut code, mut data) = ([0; 8], [0; 24]);
            let mut out = Emitter::for_addresses(&mut code, &mut data, (Address(address), Address(address)));
            let mut room = out.room::<8, 8, 8>("a").unwrap();
            let _ = room.reach("far", address ^ 1 << 62);
            let _ = room.take();
        }
    }

    #[test]
    fn zeroed_looks_at_every_byte() {
        let error = Emitter::zeroed(&mut [0, 0, 1], &mut []).unwrap_err();
        assert_eq!(error, Error::NotZero { code: true, offset: 2 });
        let error = Emitter::zeroed(&mut [0], &mut [0, 5]).unwrap_err();
        assert_eq!(error, Error::NotZero { code: false, offset: 1 });
    }

    /// Emits an empty uop that calls a function, and returns the address that it calls.
    fn call(out: &mut Emitter<'_, Reused>, callee: &'static str, function: u64) -> Result<u64, Error> {
        let mut room = out.room::<0, 0, 1>("uop")?;
        let address = room.reach(callee, function)?;
        let _ = room.take();
        Ok(address)
    }

    #[test]
    fn near_targets_are_reached_directly_and_far_ones_through_one_trampoline_each() {
        let (mut code, mut data) = ([0; 8], [0; 40]);
        let mut out = emitter(&mut code, &mut data);
        assert_eq!(call(&mut out, "near", 0x1000_2000), Ok(0x1000_2000));
        assert_eq!(call(&mut out, "low", 0), Ok(0));
        let limit = 0x1000_0000 + (1 << 31) - 8;
        assert_eq!(call(&mut out, "last", limit), Ok(limit));
        let beyond = call(&mut out, "beyond", limit + 1).unwrap();
        assert_eq!(beyond, 0x1000_1001 + 24);
        assert_eq!(call(&mut out, "far", FAR), Ok(beyond - 16));
        assert_eq!(call(&mut out, "far", FAR), Ok(beyond - 16));
        assert_eq!(call(&mut out, "more", FAR + 1), Err(Error::OutOfReach { callee: "more" }));
        assert_eq!(&data[8..16], &TRAMPOLINE);
        assert_eq!(&data[16..24], &FAR.to_le_bytes());
    }

    #[test]
    fn a_uop_that_fails_leaves_no_trampoline() {
        let (mut code, mut data) = ([0; 8], [0; 40]);
        let mut out = emitter(&mut code, &mut data);
        let mut room = out.room::<8, 8, 1>("uop").unwrap();
        let first = room.reach("far", FAR).unwrap();
        assert_eq!(room.reach("more", FAR + 1), Ok(first - 16));
        assert_eq!(room.reach("most", FAR + 2), Err(Error::OutOfReach { callee: "most" }), "8 bytes are the uop's");
        assert_eq!(out.left(), (8, 40));
        assert_eq!(call(&mut out, "more", FAR + 1), Ok(first), "what was reserved is free again");
        assert_eq!(out.left(), (8, 24));
        assert_eq!(data[..24], [0; 24]);
    }
}
