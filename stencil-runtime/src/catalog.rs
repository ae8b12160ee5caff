//! Catalogs: the stencils of a block, encoded in constants that rustc need not look into.
//!
//! A block may have thousands of stencils. A Rust expression for each would cost milliseconds of type and borrow checking.
//! So the macro encodes all descriptions in one byte string, and this module decodes them for errors, trampolines and
//! listings. Only the sizes that instructions need are passed to [`Uop`](crate::Uop) as plain numbers: decoding them in constant
//! evaluation would take half a millisecond for each stencil.
//!
//! The records consist of numbers in LEB128, signed ones in zigzag form. A string is a number: the offset in `strings`,
//! where the string ends before a line feed. A uop or a family has the record
//!
//! > name; number of parameters, and for each its name, its first value, the number of values, and the number of its variants, each with its
//! > name and its value; number of operands, and for each its name and its type; for each member the offset of its record in 4 bytes, or 0 if the family lacks it.
//!
//! A member has the record
//!
//! > offset of the uop's record; index; form; sizes of code and data; stored sizes of code and data; binary logarithm of
//! > the data's alignment; offset of the stored bytes, code before data; number of callees; number of patches, and the
//! > patches; for each callee its link; for each operand 0, or 1 and the limits of its range; number of lines of the
//! > disassembly, and the lines.
//!
//! The form of a narrow form is 1; that of another stencil is the offset of its narrow form's record, or 0 if it has none.
//!
//! A patch is a number made of its section (1 bit), its kind (4 bits) and the sort of its value (3 bits); its distance from
//! the previous patch of the section; the value's number, if it has one; the addend; and the factor or the index of the word, if the kind
//! has one. A line is 0, or 1 more than its distance from the previous instruction; and a string.

use crate::described::Link;
use crate::stencil::{Body, Family, Patch, PatchKind, Section, Stencil, Value};
use crate::written::Parameter;

/// The stencils of a block.
#[derive(Debug)]
pub struct Catalog {
    /// The stored bytes.
    pub bytes: &'static [u8],
    /// The records.
    pub records: &'static [u8],
    /// The strings, each followed by a line feed.
    pub strings: &'static str,
    /// The functions and the data that patches refer to.
    pub links: &'static [Link],
}

/// The stencils that belong to no block.
#[rustfmt::skip]
pub(crate) static PSEUDO: Catalog = Catalog {
    bytes: &[],
    records: &[
        // Two uops without parameters and operands, each with its only member.
        0, 0, 0, 7, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        5, 0, 0, 26, 0, 0, 0,
        19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ],
    strings: "bind\nmissing\n",
    links: &[],
};
/// The record in [`PSEUDO`] of the pseudo-uop that binds a label.
pub(crate) const BIND: u32 = 7;
/// The record in [`PSEUDO`] of the pseudo-uop that stands for missing members.
pub(crate) const MISSING: u32 = 26;

impl Catalog {
    /// Returns the family, or the uop, with this record.
    #[must_use]
    pub const fn family(&'static self, at: u32) -> Family {
        Family { catalog: self, at }
    }

    /// Returns the stencil with this record.
    #[must_use]
    pub const fn stencil(&'static self, at: u32) -> Stencil {
        let mut reader = self.reader(at);
        let (family, index, form) = (reader.number() as u32, reader.size(), reader.number() as u32);
        let (code, data, stored_code, stored_data) = (reader.size(), reader.size(), reader.size(), reader.size());
        let (alignment, start, calls) = (1 << reader.number(), reader.size(), reader.size());
        let (stored, _) = self.bytes.split_at(start).1.split_at(stored_code + stored_data);
        let (stored_code, stored_data) = stored.split_at(stored_code);
        Stencil {
            code: Body { size: code, stored: stored_code },
            data: Body { size: data, stored: stored_data },
            data_alignment: alignment,
            family: self.family(family),
            index,
            form,
            callees: calls,
            rest: reader,
        }
    }

    /// Returns a reader of the record at this offset.
    pub(crate) const fn reader(&'static self, at: u32) -> Reader {
        Reader { catalog: self, at: at as usize }
    }
}

/// The stored bytes of one stencil: code, then data.
#[derive(Clone, Copy, Debug)]
pub struct Stored(*const u8);

// SAFETY: the bytes are borrowed for `'static` and only read.
unsafe impl Send for Stored {}
// SAFETY: as above.
unsafe impl Sync for Stored {}

impl Stored {
    /// No bytes.
    pub(crate) const NONE: Self = Self([].as_ptr());

    /// Returns the bytes from this offset on.
    ///
    /// # Safety
    /// They are only passed to the function of a shape that expects no more bytes than there are.
    #[must_use]
    pub const unsafe fn at(bytes: &'static [u8], start: usize) -> Self {
        Self(bytes.split_at(start).1.as_ptr())
    }

    /// Returns the bytes of code and of data.
    ///
    /// # Safety
    /// The shape that these bytes were made for expects `CODE` and `DATA` bytes.
    #[must_use]
    #[inline(always)]
    pub unsafe fn parts<const CODE: usize, const DATA: usize>(self) -> (&'static [u8; CODE], &'static [u8; DATA]) {
        // SAFETY: the caller of `at` promised that there are as many bytes. They are borrowed for `'static`.
        unsafe { (&*self.0.cast(), &*self.0.add(CODE).cast()) }
    }
}

/// A position in the records of a catalog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    pub(crate) catalog: &'static Catalog,
    at: usize,
}

impl Reader {
    /// Reads a number.
    pub(crate) const fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.catalog.records[self.at];
            self.at += 1;
            number |= ((byte & 0x7f) as u64) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    /// Reads a number that is a size or an index.
    pub(crate) const fn size(&mut self) -> usize {
        self.number() as usize
    }

    /// Reads a signed number.
    pub(crate) const fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> &'static str {
        let start = self.size();
        self.catalog.strings[start..].split('\n').next().unwrap_or_default()
    }

    /// Reads a parameter of a family.
    pub(crate) fn parameter(&mut self) -> Parameter {
        let (name, start, length) = (self.string(), self.size(), self.size());
        Parameter { name, start, length, variants: (0..self.size()).map(|_| (self.string(), self.size())).collect() }
    }

    /// Skips the parameters of a family.
    pub(crate) const fn skip_parameters(&mut self) {
        let mut left = self.size();
        while left > 0 {
            let _name_start_and_length = (self.number(), self.number(), self.number());
            self.skip_pairs();
            left -= 1;
        }
    }

    /// Skips a list of pairs of numbers.
    pub(crate) const fn skip_pairs(&mut self) {
        let mut left = 2 * self.size();
        while left > 0 {
            self.number();
            left -= 1;
        }
    }

    /// Returns the element of a list of four-byte numbers.
    pub(crate) const fn element(&self, index: usize) -> u32 {
        let (_, from) = self.catalog.records.split_at(self.at + 4 * index);
        match from.first_chunk() {
            Some(bytes) => u32::from_le_bytes(*bytes),
            None => 0,
        }
    }

    /// Reads the patch after `previous`, and the number of its value: for a callee its index, for a function or data its link.
    pub(crate) const fn patch(&mut self, previous: Option<Patch>) -> (Patch, usize) {
        let tag = self.size();
        let section = if tag & 1 == 0 { Section::Code } else { Section::Data };
        let start = match (previous, section) {
            (Some(Patch { section: Section::Code, offset, .. }), Section::Code)
            | (Some(Patch { section: Section::Data, offset, .. }), Section::Data) => offset,
            _ => 0,
        };
        let offset = start + self.size();
        let sort = tag >> 5;
        let number = if sort == 3 { 0 } else { self.size() };
        let value = match sort {
            0 => Value::Operand(number),
            1 => Value::Code(number),
            2 => Value::Data(number),
            3 => Value::Next,
            4 => Value::Callee(number),
            5 => Value::Function,
            _ => Value::Static,
        };
        let addend = self.signed();
        let kind = match tag >> 1 & 15 {
            0 => PatchKind::Abs64,
            1 => PatchKind::Abs32S,
            2 => PatchKind::Low32,
            3 => PatchKind::Low16,
            4 => PatchKind::Low8,
            5 => PatchKind::Rel32,
            6 => PatchKind::Scaled32(self.size() as u8),
            7 => PatchKind::Scaled8(self.size() as u8),
            _ => PatchKind::Word(self.size() as u8),
        };
        (Patch { section, offset, kind, value, addend }, number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudo_uops_have_no_content() {
        for (at, name) in [(BIND, "bind"), (MISSING, "missing")] {
            let stencil = PSEUDO.stencil(at);
            assert_eq!((&*stencil.name(), stencil.code.size, stencil.data.size), (name, 0, 0));
            assert_eq!((stencil.data_alignment, stencil.disassembly()), (1, String::new()));
            assert_eq!((stencil.holes().len(), stencil.patches().len(), stencil.calls().len()), (0, 0, 0));
            assert_eq!(stencil.family.get(0), Some(stencil));
        }
    }

    #[test]
    fn numbers_have_any_size() {
        static CATALOG: Catalog = Catalog {
            bytes: &[],
            records: &[
                0x7f, 0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01, 0xfe, 0xff, 0xff,
                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
            strings: "",
            links: &[],
        };
        let mut reader = CATALOG.reader(0);
        assert_eq!((reader.number(), reader.number(), reader.number()), (127, 128, u64::MAX));
        assert_eq!((reader.signed(), reader.signed()), (-1, i64::MAX));
    }
}
