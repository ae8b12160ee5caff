//! Emission by a stencil's description, for rare cases: trampolines, targets at the limit of reach, and errors.
//!
//! It emits the same bytes as the emit function, but interprets the table of patches, which takes about ten times as long.
//! Emit functions leave to it everything that would make them long.

use crate::catalog::Catalog;
use crate::emit::{Emitter, Fresh, Memory, padding};
use crate::error::Error;
use crate::exit::{self, Site, SiteKind};
use crate::label::Label;
use crate::patch;
use crate::stencil::{Details, Hole, Patch, PatchKind, Section, Stencil, Value};

/// The name and the address of a function or of read-only C data that a patch refers to.
#[derive(Debug)]
pub struct Link {
    pub(crate) name: &'static str,
    address: *const (),
}

// SAFETY: the address is only emitted. Nothing reads or writes through it.
unsafe impl Sync for Link {}

impl Link {
    /// Creates a link to the function or data of this name at this address.
    #[must_use]
    pub const fn new(name: &'static str, address: *const ()) -> Self {
        Self { name, address }
    }
}

/// A trampoline: an indirect jump through the eight bytes that follow it.
pub(crate) const TRAMPOLINE: [u8; 8] = [0xff, 0x25, 0x02, 0, 0, 0, 0, 0];
pub(crate) const TRAMPOLINE_SIZE: usize = 16;

/// The trampolines of a program, and its exits. The trampolines from index `written` on are reserved for a uop that has not yet taken its
/// room.
#[derive(Debug, Default)]
pub(crate) struct Trampolines {
    all: Vec<Trampoline>,
    written: usize,
    /// The aligned displacements.
    pub(crate) exits: Vec<Site>,
}

/// An indirect jump through the word that follows it.
#[derive(Clone, Copy, Debug)]
struct Trampoline {
    /// The address in the word.
    target: u64,
    /// The exit whose cell this is; the word changes.
    exit: Option<Label>,
    at: u64,
}

impl Trampolines {
    /// Returns all jumps to exits: aligned displacements and cells.
    pub(crate) fn into_exits(self) -> Vec<Site> {
        let cell = |trampoline: &Trampoline| {
            let Trampoline { target, exit, at } = *trampoline;
            Some(Site { exit: exit?, address: at, kind: SiteKind::Cell { label: target } })
        };
        let mut exits = self.exits;
        exits.extend(self.all[..self.written].iter().filter_map(cell));
        exits
    }
}

/// What emission has to know of a program's exits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExitsOf<'a> {
    /// The operands as they are in the instruction: an exit is its label's number.
    pub(crate) labels: &'a [u64],
    /// Whether all exits have cells, except those that become indirect jumps.
    pub(crate) cells: bool,
}

/// Emits the uop with this record. `operands` are words; a label's word is its address.
#[cold]
#[inline(never)]
pub(crate) fn emit<M: Memory>(
    out: &mut Emitter<'_, M>,
    catalog: &'static Catalog,
    record: u32,
    operands: &[u64],
) -> Result<(), Error> {
    emit_stencil(out, &catalog.stencil(record), operands, None)
}

/// Emits the uop with this record as a part of a program, whose exits can be linked.
#[cold]
#[inline(never)]
pub(crate) fn emit_of_program(
    out: &mut Emitter<'_, Fresh>,
    catalog: &'static Catalog,
    record: u32,
    operands: &[u64],
    exits: ExitsOf<'_>,
) -> Result<(), Error> {
    emit_stencil(out, &catalog.stencil(record), operands, Some(exits))
}

fn emit_stencil<M: Memory>(
    out: &mut Emitter<'_, M>,
    stencil: &Stencil,
    operands: &[u64],
    exits: Option<ExitsOf<'_>>,
) -> Result<(), Error> {
    let details = stencil.details();
    let (start, aligned) = (out.code_address(), exit::aligned_exit(&details));
    let mut room = Room::new(out, stencil)?;
    let last = aligned.is_some_and(|(_, offset)| exit::is_last(stencil.code.stored, stencil.code.size, offset));
    room.shift = aligned.map_or(0, |(_, offset)| room.out.exit_padding(offset, last));
    let fields = room.fields(stencil, &details, operands, exits)?;
    let (shift, (mut code, data)) = (room.shift, room.take());
    if let Some((operand, offset)) = aligned {
        let (before, rest) = code.split_at_mut(shift);
        let after;
        (code, after) = rest.split_at_mut(rest.len() - (exit::SLACK - shift));
        exit::pad(before, offset);
        exit::nops(after);
        if let Some(ExitsOf { labels, cells }) = exits
            && (last || !cells)
        {
            out.add_exit(labels[details.first_word(operand)], start, offset, last);
        }
    }
    for (place, body) in [(&mut *code, &stencil.code), (&mut *data, &stencil.data)] {
        let (stored, zeros) = place.split_at_mut(body.stored.len());
        stored.copy_from_slice(body.stored);
        if !M::ZERO {
            zeros.fill(0);
        }
    }
    for (patch, field) in details.patches.iter().zip(fields) {
        let place = match patch.section {
            Section::Code => &mut *code,
            Section::Data => &mut *data,
        };
        place[patch.offset..][..patch.kind.size()].copy_from_slice(&field[..patch.kind.size()]);
    }
    Ok(())
}

/// Room for one uop that is not yet written.
#[derive(Debug)]
struct Room<'e, 'm, M: Memory> {
    out: &'e mut Emitter<'m, M>,
    code: usize,
    data: usize,
    padding: usize,
    /// The number of trampolines to write when the room is taken.
    reserved: usize,
    /// How far the code moves to align the displacement of an exit.
    shift: usize,
}

impl<'e, 'm, M: Memory> Room<'e, 'm, M> {
    fn new(out: &'e mut Emitter<'m, M>, stencil: &Stencil) -> Result<Self, Error> {
        let (code, data) = (stencil.code.size, stencil.data.size);
        let padding = padding(out.data_address().0, data, stencil.data_alignment as u64);
        if out.code.len() < code || out.data.len() < data + padding {
            let (uop, parameters) = (stencil.family.name(), stencil.parameters());
            return Err(Error::BufferFull { uop, parameters, needed: (code, data + padding), left: out.left() });
        }
        // Drop the reservations of an earlier uop that failed.
        if let Some(trampolines) = &mut out.trampolines {
            trampolines.all.truncate(trampolines.written);
        }
        Ok(Self { out, code, data, padding, reserved: 0, shift: 0 })
    }

    fn code(&self) -> u64 {
        self.out.code_address().0.wrapping_add(self.shift as u64)
    }

    fn data(&self) -> u64 {
        self.out.data_address().0.wrapping_add(self.padding as u64)
    }

    /// Returns all fields in the order of the patches. A field shorter than 8 bytes is the beginning of its array.
    fn fields(
        &mut self,
        stencil: &Stencil,
        details: &Details,
        operands: &[u64],
        exits: Option<ExitsOf<'_>>,
    ) -> Result<Vec<[u8; 8]>, Error> {
        let Details { holes, patches, links, .. } = details;
        let aligned = exit::aligned_exit(details);
        let last = aligned.is_some_and(|(_, offset)| exit::is_last(stencil.code.stored, stencil.code.size, offset));
        let size = (self.code - aligned.map_or(0, |_| exit::SLACK)) as u64;
        // This reserves the trampolines, which must precede everything else.
        let mut values = Vec::with_capacity(patches.len());
        for (patch, link) in patches.iter().zip(links) {
            values.push(match (patch.value, link) {
                (Value::Operand(operand), _) => {
                    let word = if let PatchKind::Word(word) = patch.kind { word.into() } else { 0 };
                    let (Hole { name, .. }, address) = (holes[operand], operands[details.first_word(operand) + word]);
                    let far = patch.kind == PatchKind::Rel32 && holes[operand].type_name() == "CodeAddress";
                    let needs_cell = |exits: &ExitsOf<'_>| {
                        let is_aligned = aligned.is_some_and(|(aligned, _)| aligned == operand);
                        exit::is_exit(details, patch) && !(is_aligned && (last || !exits.cells))
                    };
                    let address = match exits.filter(needs_cell) {
                        Some(exits) => self.trampoline(
                            name,
                            address,
                            Some(Label(exits.labels[details.first_word(operand)] as u32)),
                        )?,
                        None if far => self.reach(name, address)?,
                        None => address,
                    };
                    (name, address)
                }
                (Value::Callee(_), Some(Link { name, address })) => (*name, self.reach(name, *address as u64)?),
                (_, Some(Link { name, address })) => (*name, *address as u64),
                (Value::Code(offset), None) => ("data", self.code().wrapping_add(offset as u64)),
                (Value::Data(offset), None) => ("data", self.data().wrapping_add(offset as u64)),
                (_, None) => ("data", self.code().wrapping_add(size)),
            });
        }
        let fields = patches.iter().zip(values).map(|(patch, (hole, value))| {
            self.field(patch, value).map_err(|mut overflow| {
                // The range of the hole: an operand's fields may admit more than its type does, and one field more than others.
                if let Value::Operand(operand) = patch.value
                    && let Some((min, max)) = holes[operand].range
                {
                    (overflow.min, overflow.max) = (min.into(), max.into());
                }
                Error::out_of_range(stencil.family.name(), stencil.parameters(), hole, overflow)
            })
        });
        fields.collect()
    }

    fn field(&self, patch: &Patch, value: u64) -> Result<[u8; 8], patch::Overflow> {
        let &Patch { section, offset, kind, addend, .. } = patch;
        let wide = |[a, b, c, d]: [u8; 4]| [a, b, c, d, 0, 0, 0, 0];
        match kind {
            PatchKind::Abs64 | PatchKind::Low32 | PatchKind::Low16 | PatchKind::Low8 | PatchKind::Word(_) => {
                Ok(patch::abs64(value, addend))
            }
            PatchKind::Scaled32(factor) | PatchKind::Scaled8(factor) => Ok(patch::scaled(value, factor, addend)),
            PatchKind::Abs32S => patch::abs32s(value, addend).map(wide),
            PatchKind::Rel32 => {
                let start = match section {
                    Section::Code => self.code(),
                    Section::Data => self.data(),
                };
                patch::rel32(start.wrapping_add(offset as u64), value, addend).map(wide)
            }
        }
    }

    /// Returns an address at which a 32-bit displacement reaches a function or other code: its own, or that of its trampoline at the
    /// end of the data buffer. Each address has at most one trampoline.
    fn reach(&mut self, callee: &'static str, function: u64) -> Result<u64, Error> {
        if self.out.reaches(function, 0) {
            return Ok(function);
        }
        self.trampoline(callee, function, None)
    }

    /// Returns the address of the trampoline to an address, or of an exit's cell, which leads to its label at first.
    fn trampoline(&mut self, callee: &'static str, target: u64, exit: Option<Label>) -> Result<u64, Error> {
        let out = &mut *self.out;
        let end = out.data_address().0.wrapping_add(out.data.len() as u64);
        let trampolines = out.trampolines.get_or_insert_default();
        let same = |other: &&Trampoline| (other.target, other.exit) == (target, exit);
        if let Some(known) = trampolines.all.iter().find(same) {
            return Ok(known.at);
        }
        let size = (self.reserved + 1) * TRAMPOLINE_SIZE;
        if out.data.len() < self.data + self.padding + size {
            return Err(Error::OutOfReach { callee });
        }
        let at = end.wrapping_sub(size as u64);
        trampolines.all.push(Trampoline { target, exit, at });
        self.reserved += 1;
        Ok(at)
    }

    /// Hands out the code and the data, and advances the emitter.
    fn take(self) -> (&'m mut [u8], &'m mut [u8]) {
        let Self { out, code, data, padding, .. } = self;
        // Each trampoline lies before the one that was reserved before it.
        if let Some(trampolines) = &mut out.trampolines {
            for &Trampoline { target, .. } in &trampolines.all[trampolines.written..] {
                let all = std::mem::take(&mut out.data);
                let (rest, place) = all.split_at_mut(all.len() - TRAMPOLINE_SIZE);
                place[..8].copy_from_slice(&TRAMPOLINE);
                patch::put(place, 8, patch::abs64(target, 0));
                out.data = rest;
            }
            trampolines.written = trampolines.all.len();
        }
        let (code, rest) = std::mem::take(&mut out.code).split_at_mut(code);
        out.code = rest;
        let (gap, rest) = std::mem::take(&mut out.data).split_at_mut(padding);
        if !M::ZERO {
            gap.fill(0);
        }
        let (data, rest) = rest.split_at_mut(data);
        out.data = rest;
        (code, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CodeExit;
    use crate::emit::{Address, Reused};
    use crate::stencil::Body;
    use crate::vector::VectorOperand;
    use core::arch::x86_64::{__m128, __m128i};

    const FAR: u64 = 0x7fff_0000_0000;

    crate::stencil! {
        machine Either(x: u64, f: f64) -> u64;
        extern fn host(x: u64) -> u64 = super::tests::host;
        uop numbers(a: i8, b: i16, c: u32, d: u64, e: f64) { x = x * (uint64_t)a + (uint64_t)b + c + d; f += e; }
        uop constant() { f = f * 1.5 + 0.25; }
        uop call() { x = host(x) + host(x + 1); }
        uop leave(target: Label) { if (x > 5) JUMP(target); x++; }
        uop vectors(a: u8, v: __m128i, target: Label, w: __m128) {
            x += a + v[1] + (uint64_t)w[3] + (uint64_t)(v + v)[0];
            if (x > 5) JUMP(target);
        }
        uop link(target: CodeExit) { if (x > 7) JUMP(target); x++; }
        uop links(a: CodeExit, b: CodeExit) { if (x > 7) JUMP(a); JUMP(b); }
    }

    extern "C" fn host(x: u64) -> u64 {
        x
    }

    /// Both ways emit the same bytes to the same addresses.
    #[test]
    fn a_description_emits_the_bytes_of_the_emit_function() {
        let near = host as *const () as u64 + 0x10_0000;
        let at = (Address(near), Address(near + 0x1_0003));
        let emitted = |emit: &dyn Fn(&mut Emitter<'_, Reused>) -> Result<(), Error>| {
            let (mut code, mut data) = ([0xCC; 512], [0xCC; 512]);
            let mut out = Emitter::<Reused>::for_addresses(&mut code, &mut data, at);
            emit(&mut out).unwrap();
            let end = (out.code_address(), out.data_address());
            drop(out);
            (code, data, end)
        };
        for sign in [1, -1] {
            let (a, b, c, d, e) = (sign * 7, sign * 700, 70_000, u64::MAX / 3, f64::from(sign) * 0.1);
            let (a, b) = (a as i8, b as i16);
            let functions = emitted(&|out| {
                emit_numbers(out, a, b, c, d, e)?;
                emit_constant(out)?;
                emit_call(out)?;
                emit_leave(out, Address(near))?;
                emit_vectors(
                    out,
                    5,
                    VectorOperand::<2>::from_words([d, 3]),
                    Address(near),
                    VectorOperand::<2>::from_words([4, d]),
                )?;
                emit_link(out, Address(near))?;
                emit_links(out, Address(near), Address(near + 64))
            });
            let described = emitted(&|out| {
                let words = [a as u64, b as u64, c.into(), d, e.to_bits()];
                emit_stencil(out, &STENCIL_numbers, &words, None)?;
                emit_stencil(out, &STENCIL_constant, &[], None)?;
                emit_stencil(out, &STENCIL_call, &[], None)?;
                emit_stencil(out, &STENCIL_leave, &[near], None)?;
                emit_stencil(out, &STENCIL_vectors, &[5, d, 3, near, 4, d], None)?;
                emit_stencil(out, &STENCIL_link, &[near], None)?;
                emit_stencil(out, &STENCIL_links, &[near, near + 64], None)
            });
            assert!(functions == described);
        }
    }

    /// Code and data more than 4 GiB apart have no targets that all of both reach.
    #[test]
    fn a_target_out_of_reach_is_an_error_however_far_apart_code_and_data_are() {
        for data_at in [4 << 30, 5 << 30, 1 << 40] {
            let limit = data_at + 64 - (1_u64 << 31);
            for target in [limit - 1, limit, limit + 1] {
                let (mut code, mut data) = ([0; 64], [0; 64]);
                let at = (Address(0), Address(data_at));
                let mut out = Emitter::<Reused>::for_addresses(&mut code, &mut data, at);
                let error = emit_leave(&mut out, Address(target)).unwrap_err();
                assert!(matches!(error, Error::OutOfRange { hole: "target", .. }), "{error}");
            }
        }
    }

    fn emitter<'m>(code: &'m mut [u8], data: &'m mut [u8]) -> Emitter<'m, Reused> {
        Emitter::for_addresses(code, data, (Address(0x1000_0000), Address(0x1000_1001)))
    }

    fn sized(code: usize, data: usize, data_alignment: usize) -> Stencil {
        let body = |size| Body { size, stored: &[] };
        Stencil { code: body(code), data: body(data), data_alignment, ..Stencil::nothing() }
    }

    #[test]
    fn space_is_bounded() {
        let (mut code, mut data) = ([0xCC; 8], [0xCC; 24]);
        let mut out = emitter(&mut code, &mut data);
        emit_stencil(&mut out, &sized(4, 8, 8), &[], None).unwrap();
        let error = emit_stencil(&mut out, &sized(5, 0, 1), &[], None).unwrap_err();
        assert_eq!(error, Error::BufferFull { uop: "missing", parameters: vec![], needed: (5, 0), left: (4, 9) });
        assert!(emit_stencil(&mut out, &sized(0, 10, 1), &[], None).is_err());
        assert!(emit_stencil(&mut out, &sized(4, 9, 1), &[], None).is_ok());
        drop(out);
        assert_eq!((code, data), ([0; 8], [0; 24]));
    }

    #[test]
    fn a_failed_reservation_changes_nothing() {
        let (mut code, mut data) = ([0; 8], [0; 8]);
        let mut out = Emitter::<Fresh>::zeroed(&mut code, &mut data).unwrap();
        let _ = Room::new(&mut out, &sized(8, 8, 1)).unwrap();
        assert_eq!(out.left(), (8, 8));
    }

    #[test]
    fn addresses_may_be_anywhere() {
        for address in [0, 1 << 31, 1 << 63, u64::MAX - 4] {
            let (mut code, mut data) = ([0; 8], [0; 24]);
            let mut out = Emitter::for_addresses(&mut code, &mut data, (Address(address), Address(address)));
            let mut room = Room::new(&mut out, &sized(8, 8, 8)).unwrap();
            let _ = room.reach("far", address ^ 1 << 62);
            let _ = room.take();
        }
    }

    /// Emits an empty uop that calls a function, and returns the address that it calls.
    fn call(out: &mut Emitter<'_, Reused>, callee: &'static str, function: u64) -> Result<u64, Error> {
        let mut room = Room::new(out, &sized(0, 0, 1))?;
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
        let mut room = Room::new(&mut out, &sized(8, 8, 1)).unwrap();
        let first = room.reach("far", FAR).unwrap();
        assert_eq!(room.reach("more", FAR + 1), Ok(first - 16));
        assert_eq!(room.reach("most", FAR + 2), Err(Error::OutOfReach { callee: "most" }), "8 bytes are the uop's");
        assert_eq!(out.left(), (8, 40));
        assert_eq!(call(&mut out, "more", FAR + 1), Ok(first), "what was reserved is free again");
        assert_eq!(out.left(), (8, 24));
        assert_eq!(data[..24], [0; 24]);
    }
}
