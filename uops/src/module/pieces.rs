//! Sections in pieces. The validator reads a section in one step, in which it cannot be cancelled. So a large section is
//! passed to it as several small ones: the validator, unlike the parser, accepts sections of one kind in a row.

use std::ops::Range;

use wasmparser::{
    BinaryReader, BinaryReaderError, ConstExpr, Element, ElementItems, Export, FromReader, Global, Imports, Payload,
    RecGroup, SectionLimited, Table, WasmFeatures,
};

use crate::module::decode::Failure;
use crate::module::error::Error;

/// The size in bytes from which on a section is split, and from which on a piece is complete.
const PIECE: usize = 1 << 16;

/// The most bytes of an item, which is read in one step. The bytes of a data segment do not count: nothing reads them.
const MAX_ITEM: usize = 1 << 21;

/// The most constant expressions of an element segment, which are read in one step. Each takes longer than its few bytes
/// suggest.
const MAX_EXPRESSIONS: u32 = 250_000;

/// The validator's message about an item that ends too early.
const END_OF_FILE: &str = "unexpected end-of-file";

/// Passes a part of a module on: a large section in pieces, and all else as it is.
pub(crate) fn in_pieces(
    wasm: &[u8],
    features: WasmFeatures,
    payload: Payload<'_>,
    mut each: impl FnMut(Payload<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let Some((_, range)) = payload.as_section() else { return each(payload) };
    let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else { return each(payload) };
    if end.saturating_sub(start) < PIECE {
        return each(payload);
    }
    let section = Section { wasm, features, range: start..end };
    match payload {
        Payload::TypeSection(_) => {
            section.split(any::<RecGroup>, |piece| each(Payload::TypeSection(SectionLimited::new(piece)?)))
        }
        Payload::ImportSection(_) => {
            section.split(any::<Imports<'_>>, |piece| each(Payload::ImportSection(SectionLimited::new(piece)?)))
        }
        Payload::TableSection(_) => {
            section.split(any::<Table<'_>>, |piece| each(Payload::TableSection(SectionLimited::new(piece)?)))
        }
        Payload::GlobalSection(_) => {
            section.split(any::<Global<'_>>, |piece| each(Payload::GlobalSection(SectionLimited::new(piece)?)))
        }
        Payload::ExportSection(_) => {
            section.split(any::<Export<'_>>, |piece| each(Payload::ExportSection(SectionLimited::new(piece)?)))
        }
        Payload::ElementSection(_) => {
            section.split(check_segment, |piece| each(Payload::ElementSection(SectionLimited::new(piece)?)))
        }
        Payload::DataSection(_) => {
            // Splitting would copy the bytes of the segments.
            section.check_data()?;
            each(payload)
        }
        payload => each(payload),
    }
}

fn any<T>(_: &T, _: u64) -> Result<(), Failure> {
    Ok(())
}

fn check_segment(segment: &Element<'_>, offset: u64) -> Result<(), Failure> {
    match &segment.items {
        ElementItems::Expressions(_, items) if items.count() > MAX_EXPRESSIONS => {
            let what = "constant expressions of an element segment";
            Err(Error::Limit { what, limit: MAX_EXPRESSIONS.into(), offset }.into())
        }
        _ => Ok(()),
    }
}

/// A section: its contents are this range of the module.
struct Section<'m> {
    wasm: &'m [u8],
    features: WasmFeatures,
    range: Range<usize>,
}

impl<'m> Section<'m> {
    /// Passes the items on as sections that are not much larger than [`PIECE`] or one item.
    fn split<T: FromReader<'m>>(
        &self,
        check: impl Fn(&T, u64) -> Result<(), Failure>,
        mut each: impl FnMut(BinaryReader<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (items, mut position) = self.count()?;
        let (mut count, mut piece) = (0, position);
        for left in (0..items).rev() {
            let item = self.read(position).and_then(|(item, end)| check(&item, position as u64).map(|()| end));
            let end = match item {
                Ok(end) => end,
                // The error of an earlier item is reported first.
                Err(error) => return self.pass(count, piece..position, &mut each).and(Err(error)),
            };
            count += 1;
            // The validator finds what is left after the last item, and refuses it.
            position = if left == 0 { self.range.end } else { end };
            if left == 0 || position - piece >= PIECE {
                self.pass(count, piece..position, &mut each)?;
                (count, piece) = (0, position);
            }
        }
        if items == 0 { self.pass(0, position..self.range.end, &mut each) } else { Ok(()) }
    }

    /// Fails if the headers of data segments are too large.
    fn check_data(&self) -> Result<(), Failure> {
        let (items, mut position) = self.count()?;
        let mut headers = 0;
        for _ in 0..items {
            let (DataHeader { size }, end) = match self.read(position) {
                // The validator stops at this segment, or at an earlier one.
                Err(Failure::Invalid(_)) => return Ok(()),
                header => header?,
            };
            headers += end - position;
            if headers > MAX_ITEM {
                let what = "bytes of the headers of all data segments";
                return Err(Error::Limit { what, limit: MAX_ITEM as u64, offset: position as u64 }.into());
            }
            // The validator refuses segments that are too long.
            position = end.saturating_add(size).min(self.range.end);
        }
        Ok(())
    }

    /// Returns the number of items and the offset of the first one.
    fn count(&self) -> Result<(u32, usize), Failure> {
        self.read(self.range.start)
    }

    /// Reads an item at an offset, and returns its end as well.
    fn read<T: FromReader<'m>>(&self, start: usize) -> Result<(T, usize), Failure> {
        let end = start.saturating_add(MAX_ITEM).min(self.range.end);
        let mut reader = BinaryReader::new(self.wasm.get(start..end).unwrap_or_default(), start as u64);
        reader.set_features(self.features);
        match reader.read() {
            Ok(item) => Ok((item, start + reader.current_position())),
            Err(error) if end < self.range.end && error.message() == END_OF_FILE => {
                let what = "bytes of an item of a section";
                Err(Error::Limit { what, limit: MAX_ITEM as u64, offset: start as u64 }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Passes on a section of these items.
    fn pass(
        &self,
        count: u32,
        items: Range<usize>,
        each: &mut impl FnMut(BinaryReader<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (start, count) = (items.start, count_bytes(count));
        let items = self.wasm.get(items).unwrap_or_default();
        let size = count.len() + items.len();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| Error::OutOfMemory { what: "module", size: size as u64 })?;
        bytes.extend_from_slice(&count);
        bytes.extend_from_slice(items);
        // The header of a module takes 8 bytes, so there is an offset at which the count could be.
        let mut reader = BinaryReader::new(&bytes, start.saturating_sub(count.len()) as u64);
        reader.set_features(self.features);
        each(reader)
    }
}

/// What precedes the bytes of a data segment.
struct DataHeader {
    /// The number of bytes that follow.
    size: usize,
}

impl<'m> FromReader<'m> for DataHeader {
    fn from_reader(reader: &mut BinaryReader<'m>) -> Result<Self, BinaryReaderError> {
        let flags = reader.read_var_u32()?;
        if flags == 2 {
            reader.read_var_u32()?;
        }
        if flags != 1 {
            reader.read::<ConstExpr<'_>>()?;
        }
        Ok(Self { size: reader.read_var_u32()? as usize })
    }
}

/// Encodes a number as five bytes in LEB128, the most that it may take.
fn count_bytes(count: u32) -> [u8; 5] {
    std::array::from_fn(|index| {
        let bits = (count >> (7 * index)) as u8 & 0x7f;
        if index < 4 { bits | 0x80 } else { bits }
    })
}
