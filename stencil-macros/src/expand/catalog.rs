//! The catalog of a block: its stored bytes, and its descriptions in encoded form, as three constants that rustc need not
//! look into. `catalog` in the runtime decodes them and documents the encoding.

use std::collections::HashMap;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::links::{self, callees, targets};
use super::names::Names;
use super::operand::{range, type_text};
use super::shape::{Shapes, code_size};
use crate::ast::{Block, Uop};
use crate::model::{Objects, Patch, PatchKind, Section, Stencil, Value, stored};

/// The stencils of a block.
pub struct Catalog {
    pub shapes: Shapes,
    /// The stored bytes of each stencil: code, then data. Equal ones are stored once.
    bytes: Vec<u8>,
    starts: HashMap<Vec<u8>, usize>,
    records: Vec<u8>,
    strings: String,
    offsets: HashMap<String, usize>,
    /// Functions and data that patches refer to.
    links: Vec<Value>,
    /// The entry and the entry at an address, if the block declares the machine.
    pub entries: Vec<Entry>,
    /// The uops in the order of the block.
    pub uops: Vec<Entry>,
}

/// A uop or a family in the catalog.
pub struct Entry {
    /// The offset of its record.
    pub record: usize,
    /// Its members, with `None` for those that the family's condition excludes.
    pub members: Vec<Option<Member>>,
    /// The narrow forms of members.
    pub narrow: Vec<Member>,
}

/// A stencil in the catalog.
#[derive(Clone, Copy)]
pub struct Member {
    /// The offset of its record.
    pub record: usize,
    /// The offset of its stored bytes.
    pub bytes: usize,
    pub code: usize,
    pub data: usize,
    pub data_alignment: usize,
    /// How many addresses it calls or jumps to, through a trampoline if they are out of reach.
    pub calls: usize,
    /// The number of its shape.
    pub shape: usize,
    /// The index of its narrow form in [`Entry::narrow`].
    pub narrow: Option<usize>,
}

/// How many numbers make a `Uop`.
pub const HEAD: usize = 8;

impl Member {
    /// Returns the numbers of which the runtime makes a `Uop`.
    pub fn head(&self) -> [u32; HEAD] {
        let &Self { record, bytes, code, data, data_alignment, calls, shape, narrow } = self;
        let mask = if data == 0 { 0 } else { data_alignment - 1 };
        let narrow = narrow.map_or(0, |index| index + 1);
        [record, bytes, code, data, mask, calls, shape, narrow].map(|n| u32::try_from(n).expect("less than 4 GiB"))
    }
}

impl Catalog {
    pub fn new(block: &Block, objects: &Objects) -> Self {
        let mut catalog = Self {
            shapes: Shapes::new(block),
            bytes: Vec::new(),
            starts: HashMap::new(),
            records: Vec::new(),
            strings: String::new(),
            offsets: HashMap::new(),
            links: Vec::new(),
            entries: Vec::new(),
            uops: Vec::new(),
        };
        // Emit functions of families choose among the shapes of general forms, so these come first.
        for (uop, members) in block.uops.iter().zip(&objects.uops) {
            for stencil in members.iter().flatten() {
                catalog.shape(stencil, Some(uop));
            }
        }
        catalog.shapes.general = catalog.shapes.all.len();
        for (name, stencil) in [("entry", &objects.entry), ("fragment_entry", &objects.fragment_entry)] {
            if let Some(stencil) = stencil {
                let entry = catalog.entry(name, None, &[Some(stencil)]);
                catalog.entries.push(entry);
            }
        }
        let empty = Stencil { data_alignment: 1, ..Stencil::default() };
        for (uop, members) in block.uops.iter().zip(&objects.uops) {
            let mut members: Vec<_> = members.iter().map(Option::as_ref).collect();
            if !uop.is_family() && members.iter().all(Option::is_none) {
                members = vec![Some(&empty)];
            }
            let entry = catalog.entry(&uop.name.to_string(), Some(uop), &members);
            catalog.uops.push(entry);
        }
        catalog
    }

    /// Returns whether the block has no stencil and does not declare the machine.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Expands the catalog.
    pub fn items(&self, block: &Block, names: &Names) -> TokenStream {
        let (catalog, bytes) = (names.catalog(), names.bytes());
        let (records, strings) = (names.records(), names.strings());
        let (size, stored) = (self.bytes.len(), Literal::byte_string(&self.bytes));
        let (length, encoded) = (self.records.len(), Literal::byte_string(&self.records));
        let text = &self.strings;
        let links = self.links.iter().map(|link| links::item(block, *link, names));
        quote! {
            #[doc(hidden)]
            #[allow(dead_code, non_upper_case_globals)]
            static #bytes: [__stencil_core::primitive::u8; #size] = *#stored;
            #[doc(hidden)]
            #[allow(dead_code, non_upper_case_globals)]
            static #records: [__stencil_core::primitive::u8; #length] = *#encoded;
            #[doc(hidden)]
            #[allow(dead_code, non_upper_case_globals)]
            static #strings: &__stencil_core::primitive::str = #text;
            #[doc(hidden)]
            #[allow(dead_code, non_upper_case_globals)]
            static #catalog: __stencil_runtime::expansion::Catalog = __stencil_runtime::expansion::Catalog {
                bytes: &#bytes,
                records: &#records,
                strings: #strings,
                links: &[#(#links),*],
            };
        }
    }

    /// Writes the records of a uop or a family and of its members.
    fn entry(&mut self, name: &str, uop: Option<&Uop>, members: &[Option<&Stencil>]) -> Entry {
        let record = self.records.len();
        self.string(name);
        let parameters = uop.map_or(&[][..], |uop| &uop.parameters);
        self.size(parameters.len());
        for parameter in parameters {
            self.string(&parameter.name.to_string());
            self.size(parameter.start);
            self.size(parameter.range().len());
            self.size(parameter.variants.len());
            for (variant, value) in &parameter.variants {
                self.string(variant);
                self.size(*value);
            }
        }
        let operands = uop.map_or(&[][..], |uop| &uop.operands);
        self.size(operands.len());
        for field in operands {
            self.string(&field.name.to_string());
            self.string(&type_text(&field.ty.rust));
        }
        let table = self.records.len();
        self.records.resize(table + 4 * members.len(), 0);
        let mut narrow = Vec::new();
        let members = members.iter().enumerate().map(|(index, stencil)| {
            let member = self.member(record, index, (*stencil)?, uop, &mut narrow);
            let offset = u32::try_from(member.record).expect("less than 4 GiB of records");
            self.records[table + 4 * index..][..4].copy_from_slice(&offset.to_le_bytes());
            Some(member)
        });
        let members = members.collect();
        Entry { record, members, narrow }
    }

    /// Writes the record of a stencil, after that of its narrow form, which is added to `all`.
    fn member(
        &mut self,
        family: usize,
        index: usize,
        stencil: &Stencil,
        uop: Option<&Uop>,
        all: &mut Vec<Member>,
    ) -> Member {
        let (code, data) = (stored(&stencil.code), stored(&stencil.data));
        let (shape, bytes) = self.shape(stencil, uop);
        let narrow = stencil.narrow.as_ref().map(|narrow| self.member(family, index, narrow, uop, all));
        // No offset of a member's record is so small, since its uop's record precedes it.
        let form = narrow.map_or(usize::from(!stencil.ranges.is_empty()), |member| member.record);
        let callees = callees(stencil);
        let record = self.records.len();
        let alignment = stencil.data_alignment.ilog2() as usize;
        let (code_size, data_size) = (code_size(stencil, uop), stencil.data.len());
        let calls = callees.len();
        let sizes = [code_size, data_size, code.len(), data.len(), alignment, bytes, calls];
        for number in [family, index, form].into_iter().chain(sizes) {
            self.size(number);
        }
        self.size(stencil.patches.len());
        let mut last = None;
        for patch in &stencil.patches {
            self.patch(patch, last, &callees);
            last = Some(patch);
        }
        for callee in callees {
            let link = self.link(callee);
            self.size(link);
        }
        for operand in 0..uop.map_or(0, |uop| uop.operands.len()) {
            match uop.and_then(|uop| range(uop, operand, stencil)) {
                None => self.size(0),
                Some((min, max)) => {
                    self.size(1);
                    self.signed(min);
                    self.signed(max);
                }
            }
        }
        self.lines(&stencil.disassembly);
        let data_alignment = stencil.data_alignment as usize;
        // A code address may be out of reach, like a callee.
        let calls = calls + targets(stencil, uop);
        let narrow = narrow.map(|member| {
            all.push(member);
            all.len() - 1
        });
        Member { record, bytes, code: code_size, data: data_size, data_alignment, calls, shape, narrow }
    }

    /// Stores the bytes of a stencil. Returns the number of its shape, and the offset of the bytes.
    fn shape(&mut self, stencil: &Stencil, uop: Option<&Uop>) -> (usize, usize) {
        let bytes = self.store([stored(&stencil.code), stored(&stencil.data)].concat());
        (self.shapes.add(stencil, uop, bytes), bytes)
    }

    fn patch(&mut self, patch: &Patch, last: Option<&Patch>, callees: &[Value]) {
        let section = match patch.section {
            Section::Code => 0,
            Section::Data => 1,
        };
        let kind = match patch.kind {
            PatchKind::Abs64 => 0,
            PatchKind::Abs32S => 1,
            PatchKind::Low32 => 2,
            PatchKind::Low16 => 3,
            PatchKind::Low8 => 4,
            PatchKind::Rel32 => 5,
            PatchKind::Scaled32(_) => 6,
            PatchKind::Scaled8(_) => 7,
            PatchKind::Word(_) => 8,
        };
        let (sort, number) = match patch.value {
            Value::Operand(operand) => (0, Some(operand)),
            Value::Code(offset) => (1, Some(offset)),
            Value::Data(offset) => (2, Some(offset)),
            Value::Next => (3, None),
            Value::Host(_) | Value::Builtin(_) => match callees.iter().position(|callee| *callee == patch.value) {
                Some(index) => (4, Some(index)),
                None => (5, Some(self.link(patch.value))),
            },
            Value::Static(_) => (6, Some(self.link(patch.value))),
            Value::Handler(_) => unreachable!("stencils do not refer to handlers"),
        };
        let start = last.filter(|last| last.section == patch.section).map_or(0, |last| last.offset);
        self.size(section | kind << 1 | sort << 5);
        self.size(patch.offset - start);
        number.into_iter().for_each(|number| self.size(number));
        self.signed(patch.addend);
        if let PatchKind::Scaled32(number) | PatchKind::Scaled8(number) | PatchKind::Word(number) = patch.kind {
            self.size(number.into());
        }
    }

    /// Writes a disassembly: for each line the distance from the previous instruction, and the text.
    fn lines(&mut self, disassembly: &str) {
        self.size(disassembly.lines().count());
        let mut last = 0;
        for line in disassembly.lines() {
            let instruction = line
                .split_once(": ")
                .and_then(|(offset, text)| Some((usize::from_str_radix(offset.trim_start(), 16).ok()?, text)));
            match instruction {
                Some((offset, text)) if offset >= last => {
                    self.size(offset - last + 1);
                    self.string(text);
                    last = offset;
                }
                _ => {
                    self.size(0);
                    self.string(line);
                    last = 0;
                }
            }
        }
    }

    /// Stores bytes and returns their offset.
    fn store(&mut self, bytes: Vec<u8>) -> usize {
        let end = self.bytes.len();
        let all = &mut self.bytes;
        *self.starts.entry(bytes).or_insert_with_key(|bytes| {
            all.extend_from_slice(bytes);
            end
        })
    }

    /// Returns the index of the link to a function or a constant.
    fn link(&mut self, value: Value) -> usize {
        let known = self.links.iter().position(|link| *link == value);
        known.unwrap_or_else(|| {
            self.links.push(value);
            self.links.len() - 1
        })
    }

    /// Writes a string as its offset among the strings. Equal strings are stored once.
    fn string(&mut self, text: &str) {
        let offset = self.offsets.get(text).copied().unwrap_or_else(|| {
            let offset = self.strings.len();
            self.strings.push_str(text);
            self.strings.push('\n');
            self.offsets.insert(text.to_owned(), offset);
            offset
        });
        self.size(offset);
    }

    fn size(&mut self, number: usize) {
        self.number(number as u64);
    }

    /// Writes a signed number in zigzag form.
    fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    /// Writes a number in LEB128.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.records.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.records.push(number as u8);
    }
}
