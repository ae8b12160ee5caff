//! The emitter: a cursor into memory for code and data. Every emit function writes there and advances it.
//!
//! An emit function first checks that every value fits its field and that every target is in reach. Then it
//! [takes](Emitter::take) two arrays of constant size and writes. If anything does not fit, it gives up, and the module
//! `described` emits the stencil by its description or finds the error. So emit functions are short and safe, an error
//! leaves the emitter as it was, and fresh memory stays zero until final bytes are written.

use std::marker::PhantomData;

use crate::catalog::Catalog;
use crate::described::{self, Trampolines};
use crate::error::Error;
use crate::exit::{self, Site, SiteKind};
use crate::label::Label;

/// The state of the memory that an [`Emitter`] writes to.
pub trait Memory: sealed::Sealed + 'static {
    /// Whether all bytes beyond the cursor are zero, so that zeros need not be written.
    const ZERO: bool;
}

/// Memory that is all zero, as the operating system provides it. Zeros are not written.
#[derive(Debug)]
pub enum Fresh {}

/// Memory that may hold anything, because it was used before. Zeros are written like other bytes.
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

/// The address of code or data at the time when the emitted code runs. The functions `emit_<uop>` take one for each label; the
/// guide shows under "Labels and control flow" how to place and to patch code that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl<T> From<*const T> for Address {
    fn from(pointer: *const T) -> Self {
        Self(pointer as u64)
    }
}

/// A cursor into a buffer for code and a buffer for data.
///
/// Emit functions write at the cursor and advance it. They align the data of each uop. Data includes out-of-line code and
/// trampolines, so both buffers must be executable before a uop runs.
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
    pub(crate) code: &'m mut [u8],
    pub(crate) data: &'m mut [u8],
    /// The differences between the addresses at which the buffers will run and at which they are now.
    code_moves: u64,
    data_moves: u64,
    /// The `reach_size` addresses from `reach_start` on are within 2 GiB of every byte of code and data. There are none if
    /// code and data are too far apart.
    reach_start: u64,
    reach_size: u64,
    /// Whether every displacement between code and data fits 32 bits.
    near: bool,
    /// Whether jumps to exits become indirect jumps, because running code will not be writable.
    pub(crate) indirect: bool,
    /// Allocated with the first trampoline or exit.
    pub(crate) trampolines: Option<Box<Trampolines>>,
    memory: PhantomData<M>,
}

impl<'m> Emitter<'m, Reused> {
    /// Creates an emitter into buffers that may hold anything and that will run at their present addresses.
    #[must_use]
    #[inline]
    pub fn new(code: &'m mut [u8], data: &'m mut [u8]) -> Self {
        let addresses = addresses(code, data);
        Self::with_addresses(code, data, addresses)
    }

    /// Creates an emitter into buffers whose contents will run at other addresses. `addresses` are those of the first byte of
    /// code and of data.
    #[must_use]
    #[inline]
    pub fn for_addresses(code: &'m mut [u8], data: &'m mut [u8], addresses: (Address, Address)) -> Self {
        Self::with_addresses(code, data, addresses)
    }
}

impl<'m> Emitter<'m, Fresh> {
    /// Creates an emitter into zeroed buffers that will run at their present addresses. Checks that every byte is zero.
    ///
    /// # Errors
    /// [`Error::NotZero`], if a byte is not zero.
    #[inline]
    pub fn zeroed(code: &'m mut [u8], data: &'m mut [u8]) -> Result<Self, Error> {
        for (bytes, is_code) in [(&*code, true), (&*data, false)] {
            if let Some(offset) = bytes.iter().position(|&byte| byte != 0) {
                return Err(Error::NotZero { code: is_code, offset });
            }
        }
        let addresses = addresses(code, data);
        Ok(Self::with_addresses(code, data, addresses))
    }

    /// Does the same as [`zeroed`](Self::zeroed) without the check. Debug builds, and builds with the feature `check-zero`,
    /// check and panic.
    ///
    /// # Safety
    /// All bytes of both buffers are zero. Otherwise wrong code is emitted, and running it is undefined behaviour.
    #[must_use]
    #[inline]
    pub unsafe fn zeroed_unchecked(code: &'m mut [u8], data: &'m mut [u8]) -> Self {
        let addresses = addresses(code, data);
        // SAFETY: the caller's promise.
        unsafe { Self::zeroed_unchecked_for(code, data, addresses) }
    }

    /// Does the same as [`zeroed_unchecked`](Self::zeroed_unchecked) for code that will run at other addresses.
    ///
    /// # Safety
    /// As for `zeroed_unchecked`.
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

#[inline]
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
            code_moves: code_address.wrapping_sub(code.as_ptr() as u64),
            data_moves: data_address.wrapping_sub(data.as_ptr() as u64),
            code,
            data,
            reach_start,
            // Almost 2 GiB: a displacement counts from behind its field or, with an addend, near it.
            reach_size: start.saturating_add((1 << 31) - 7).saturating_sub(reach_start),
            near: end.saturating_sub(start) <= (1 << 31) - MARGIN,
            indirect: false,
            trampolines: None,
            memory: PhantomData,
        }
    }

    /// Returns the address of the next uop's code.
    #[inline]
    #[must_use]
    pub fn code_address(&self) -> Address {
        Address((self.code.as_ptr() as u64).wrapping_add(self.code_moves))
    }

    /// Returns the address of the next uop's data before alignment.
    #[inline]
    #[must_use]
    pub fn data_address(&self) -> Address {
        Address((self.data.as_ptr() as u64).wrapping_add(self.data_moves))
    }

    /// Returns the address of the next `D` bytes of data with the alignment `ALIGN`, a power of two.
    #[inline(always)]
    #[must_use]
    pub fn aligned_data_address<const D: usize, const ALIGN: u64>(&self) -> Address {
        const { assert!(ALIGN.is_power_of_two()) };
        let Address(start) = self.data_address();
        Address(start.wrapping_add(padding(start, D, ALIGN) as u64))
    }

    /// Returns whether every displacement between code and data fits 32 bits.
    #[inline(always)]
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.near
    }

    /// Returns whether the displacement from every byte of code and data to `target + addend` fits 32 bits. If not, it may
    /// still fit from some of them.
    #[inline(always)]
    #[must_use]
    pub fn reaches(&self, target: u64, addend: i64) -> bool {
        target.wrapping_add_signed(addend).wrapping_sub(self.reach_start) < self.reach_size
    }

    /// Returns how far the next uop's code moves, so that the displacement at this offset in it is 4-aligned. `last` says whether its
    /// jump can become an indirect one.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub fn exit_padding(&self, offset: usize, last: bool) -> usize {
        if last && self.indirect { 0 } else { exit::padding(self.code_address().0, offset) }
    }

    /// Returns whether all jumps to exits lead to cells, except those that become indirect jumps.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    pub fn has_cells(&self) -> bool {
        self.indirect
    }

    /// Records the displacement of a uop that was emitted at `start`. The word is that of its exit.
    #[doc(hidden)]
    pub fn add_exit(&mut self, word: u64, Address(start): Address, offset: usize, last: bool) {
        let indirect = last && self.indirect;
        let padding = if indirect { 0 } else { exit::padding(start, offset) };
        let address = start.wrapping_add((padding + offset) as u64);
        let kind = if indirect { SiteKind::Indirect } else { SiteKind::Displacement };
        self.trampolines.get_or_insert_default().exits.push(Site { exit: Label(word as u32), address, kind });
    }

    /// Returns the remaining bytes of code and of data.
    #[must_use]
    pub fn left(&self) -> (usize, usize) {
        (self.code.len(), self.data.len())
    }

    /// Hands out `C` bytes of code and `D` bytes of data with the alignment `ALIGN`, a power of two, and advances. Returns
    /// `None` and does nothing if either buffer has less. Every byte of [`Fresh`] memory is still zero.
    #[inline(always)]
    #[must_use]
    pub fn take<const C: usize, const D: usize, const ALIGN: u64>(
        &mut self,
    ) -> Option<(&'m mut [u8; C], &'m mut [u8; D])> {
        const { assert!(ALIGN.is_power_of_two()) };
        let padding = padding(self.data_address().0, D, ALIGN);
        if self.code.len() < C || self.data.len() < D + padding {
            return None;
        }
        let (code, rest) = std::mem::take(&mut self.code).split_first_chunk_mut()?;
        self.code = rest;
        if D == 0 {
            return Some((code, [].first_chunk_mut()?));
        }
        let (gap, rest) = std::mem::take(&mut self.data).split_at_mut(padding);
        if !M::ZERO {
            gap.fill(0);
        }
        let (data, rest) = rest.split_first_chunk_mut()?;
        self.data = rest;
        Some((code, data))
    }

    /// Emits a uop by its description.
    ///
    /// The mutable parts are moved to a copy and back, so that the caller can keep the emitter in registers.
    #[inline(always)]
    pub(crate) fn emit_described(
        &mut self,
        catalog: &'static Catalog,
        record: u32,
        operands: &[u64],
    ) -> Result<(), Error> {
        let (code, data) = (std::mem::take(&mut self.code), std::mem::take(&mut self.data));
        let mut moved = Self { code, data, trampolines: self.trampolines.take(), ..*self };
        let emitted = described::emit(&mut moved, catalog, record, operands);
        (self.code, self.data, self.trampolines) = (moved.code, moved.data, moved.trampolines);
        emitted
    }
}

/// Displacements between code and data are not checked if both lie within 2 GiB less this, which exceeds every addend.
const MARGIN: u64 = 1 << 16;

/// Returns the number of bytes up to the next aligned address, or 0 if there is nothing to align.
#[inline(always)]
pub(crate) fn padding(address: u64, size: usize, alignment: u64) -> usize {
    if size == 0 { 0 } else { (address.wrapping_neg() & (alignment - 1)) as usize }
}

/// Copies the stored bytes of a body. Writes the zeros behind them only to memory that is not zero already.
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

    #[test]
    fn space_is_aligned_and_bounded() {
        let (mut code, mut data) = ([0xCC; 8], [0xCC; 24]);
        let at = (Address(0x1000_0000), Address(0x1000_1001));
        let mut out = Emitter::<Reused>::for_addresses(&mut code, &mut data, at);
        assert_eq!(out.aligned_data_address::<8, 8>(), Address(0x1000_1008));
        let (code_part, data_part) = out.take::<4, 8, 8>().unwrap();
        copy::<Reused, 4, 1>(code_part, &[1]);
        copy::<Reused, 8, 0>(data_part, &[]);
        assert_eq!((out.code_address(), out.data_address()), (Address(0x1000_0004), Address(0x1000_1010)));
        assert_eq!(out.left(), (4, 9));
        assert!(out.take::<5, 0, 1>().is_none());
        assert!(out.take::<0, 10, 1>().is_none());
        assert!(out.take::<4, 9, 1>().is_some());
        assert!(out.take::<0, 0, 64>().is_some(), "what has no data needs no room for it");
        drop(out);
        assert_eq!((code, data[..15].iter().max()), ([1, 0, 0, 0, 0xCC, 0xCC, 0xCC, 0xCC], Some(&0)));
    }

    /// Whatever the buffers' addresses are, a target that is said to be in reach fits a displacement from every byte of both.
    #[test]
    fn targets_in_reach_fit_every_displacement() {
        const GIB: u64 = 1 << 30;
        let starts = [0, 1, GIB, 2 * GIB - 16, 2 * GIB, 2 * GIB + 1, 4 * GIB - 16, 4 * GIB, 1 << 47, u64::MAX - 64];
        for (code_at, data_at) in starts.into_iter().flat_map(|code| starts.map(|data| (code, data))) {
            let (mut code, mut data) = ([0; 16], [0; 24]);
            let out = Emitter::for_addresses(&mut code, &mut data, (Address(code_at), Address(data_at)));
            let places = [code_at, code_at.wrapping_add(12), data_at, data_at.wrapping_add(20)];
            let edges = places.into_iter().chain([out.reach_start, out.reach_start.wrapping_add(out.reach_size)]);
            let distances = [0, 1, 8, 16, 24, 2 * GIB - 8, 2 * GIB - 1, 2 * GIB, 2 * GIB + 8];
            for (edge, distance) in edges.flat_map(|edge| distances.map(|distance| (edge, distance))) {
                for target in [edge.wrapping_add(distance), edge.wrapping_sub(distance)] {
                    if out.reaches(target, -4) {
                        for place in places {
                            crate::patch::rel32(place, target, -4).unwrap();
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bodies_of_every_size_are_copied() {
        fn copied<const SIZE: usize, const STORED: usize>() {
            let stored: [u8; STORED] = std::array::from_fn(|index| index as u8 | 1);
            let (mut fresh, mut reused) = ([0; SIZE], [0xCC; SIZE]);
            copy::<Fresh, SIZE, STORED>(&mut fresh, &stored);
            copy::<Reused, SIZE, STORED>(&mut reused, &stored);
            assert_eq!(fresh[..STORED], stored);
            assert_eq!(fresh[STORED..], [0; SIZE][STORED..]);
            assert_eq!(fresh, reused);
        }
        copied::<0, 0>();
        copied::<5, 0>();
        copied::<64, 63>();
        copied::<130, 129>();
        copied::<256, 256>();
        copied::<600, 385>();
        copied::<1000, 999>();
    }

    #[test]
    fn zeroed_looks_at_every_byte() {
        let error = Emitter::zeroed(&mut [0, 0, 1], &mut []).unwrap_err();
        assert_eq!(error, Error::NotZero { code: true, offset: 2 });
        let error = Emitter::zeroed(&mut [0], &mut [0, 5]).unwrap_err();
        assert_eq!(error, Error::NotZero { code: false, offset: 1 });
    }
}
