//! Reads the functions of an interpreter from the object file that holds them.
//!
//! They stay functions of the executable, so their relocations become references that the linker resolves. A constant becomes a
//! static, as for stencils: the same one, if both tiers have it. An address that C reads from the global offset table is in a static
//! of its own. A table of displacements, which no static of Rust can hold, is placed beside each function that uses it.

use std::collections::HashMap;
use std::ops::Range;

use object::{Object as _, ObjectSymbol as _, SectionIndex};

use super::{Builder, Function, Reader, Relocation, Target};
use crate::ast::{Block, Uop};
use crate::instruction::{self, RelocationKind};
use crate::model::{self, Abi, Handler, Handlers, Place, Pointer, Refusal, Static, Symbol, Table, Value};
use crate::source::{self, Source};
use crate::text;

/// The functions found so far, and those that are still to be read.
#[derive(Default)]
struct Found<'b> {
    indices: HashMap<(SectionIndex, usize), usize>,
    /// In the order of their indices, each with the uop on whose behalf it is read.
    functions: Vec<(Function, Option<&'b Uop>)>,
    /// The uop whose function is being read.
    uop: Option<&'b Uop>,
    /// The static of each address that is read from memory.
    slots: Vec<(Value, usize)>,
}

impl<'b> Found<'b> {
    /// Returns the index of a function.
    fn function(&mut self, function: &Function) -> usize {
        let uop = self.uop;
        *self.indices.entry((function.section, function.range.start)).or_insert_with(|| {
            self.functions.push((function.clone(), uop));
            self.functions.len() - 1
        })
    }
}

/// Reads the functions of a block's interpreter. `statics` are those of its stencils, and those of the interpreter are added.
///
/// # Errors
/// One refusal for each uop whose function cannot be linked, or one for the whole file.
pub fn read(
    bytes: &[u8],
    block: &Block,
    source: &Source,
    abi: Abi,
    statics: &mut Vec<Static>,
) -> Result<Handlers, Vec<Refusal>> {
    let mut reader = Reader::new(bytes, block, source, abi)?;
    reader.statics = std::mem::take(statics);
    let by_name: HashMap<String, Function> =
        reader.functions.iter().map(|function| (function.name.clone(), function.clone())).collect();
    let mut found = Found::default();
    let declares = block.machine.continued.is_none();
    let entry = by_name.get(source::FRAGMENT_ENTRY).filter(|_| declares).map(|function| found.function(function));
    let mut uops = Vec::new();
    for (index, uop) in block.uops.iter().enumerate() {
        found.uop = Some(uop);
        let functions = (0..uop.members().len()).map(|member| by_name.get(&source::function(index, member)));
        uops.push(functions.map(|function| Some(found.function(function?))).collect());
    }
    let (mut functions, mut refusals) = (Vec::new(), Vec::<Refusal>::new());
    while let Some((function, uop)) = found.functions.get(functions.len()).cloned() {
        found.uop = uop;
        let mut builder = Builder::new(&mut reader, &function, uop, &[]);
        let handler = builder.handler(&mut found).unwrap_or_else(|refusal| {
            if !refusals.iter().any(|other| other.message == refusal.message) {
                refusals.push(refusal);
            }
            Handler::default()
        });
        functions.push(handler);
    }
    *statics = reader.statics;
    if refusals.is_empty() { Ok(Handlers { entry, uops, functions }) } else { Err(refusals) }
}

impl Reader<'_, '_> {
    /// Returns whether pointers of two constants are the same, or lead to the same bytes of constants without an identity: equal strings
    /// may have different alignments in the two object files.
    fn have_equal_targets(&self, some: &[Pointer], others: &[Pointer]) -> bool {
        let content = |pointer: &Pointer| {
            let Value::Static(index) = pointer.value else { return None };
            let constant = &self.statics[index];
            let has_identity = constant.symbol.is_some() || !constant.pointers.is_empty();
            if has_identity { None } else { constant.bytes.get(usize::try_from(pointer.addend).ok()?..) }
        };
        // A section may hold several such constants, where compilers do not mark it as one of strings.
        let is_same = |one: &[u8], other: &[u8]| one.starts_with(other) || other.starts_with(one);
        let equal = |(one, other): (&Pointer, &Pointer)| {
            let alike = || content(one).zip(content(other)).is_some_and(|(one, other)| is_same(one, other));
            one == other || one.offset == other.offset && alike()
        };
        some.len() == others.len() && some.iter().zip(others).all(equal)
    }
}

impl<'b> Builder<'_, '_, 'b> {
    /// Reads a function.
    fn handler(&mut self, found: &mut Found<'b>) -> Result<Handler, Refusal> {
        let (section, range) = (self.own.section, self.own.range.clone());
        let code = self.section_bytes(section)?[range.clone()].to_vec();
        let relocations = self.relocations(section, &range)?;
        self.stays_inside(section, &range, &code, &relocations)?;
        let decoded = self.decode(&code)?;
        // A helper may call what it likes, but a uop has to leave by a jump.
        let is_uop = source::uop_of_function(&self.own.name).is_some();
        if is_uop && self.reader.abi == Abi::C && instruction::has_tail_call(&decoded, |_| false) {
            let jumps = self.uop.is_some_and(|uop| text::call(&uop.body, "JUMP").is_some());
            return Err(self.not_a_jump(if jumps { "JUMP" } else { "CONTINUE" }));
        }
        let mut handler = Handler { code, ..Handler::default() };
        let mut tables = Vec::new();
        for relocation in relocations {
            let rest = decoded.get(instruction::index_at(&decoded, relocation.offset));
            let rest = rest.map_or(0, |item| item.rest(relocation.offset));
            let place = self.place(&relocation, rest, &mut tables, found)?;
            handler.references.push(place);
        }
        // A table may refer to others.
        while let Some((section, range)) = tables.get(handler.tables.len()).cloned() {
            let bytes = self.section_bytes(section)?[range.clone()].to_vec();
            let alignment = self.alignment_at(section, range.start)?;
            let mut references = Vec::new();
            for relocation in self.relocations(section, &range)? {
                // The displacement is one from the table's start.
                references.push(self.place(&relocation, -(relocation.offset as i64), &mut tables, found)?);
            }
            handler.tables.push(Table { bytes, alignment, references });
        }
        Ok(handler)
    }

    /// Returns the reference that a relocation becomes. The location that it means is `rest` bytes after the one that its addend
    /// tells, if it is relative.
    fn place(
        &mut self,
        relocation: &Relocation,
        rest: i64,
        tables: &mut Vec<(SectionIndex, Range<usize>)>,
        found: &mut Found<'b>,
    ) -> Result<Place, Refusal> {
        let (offset, addend) = (relocation.offset, relocation.addend);
        let target = self.target(relocation)?;
        let relative = match relocation.kind {
            RelocationKind::Absolute => false,
            RelocationKind::Relative => true,
            RelocationKind::Slot => {
                let (value, from) = self.value(target, 0, found)?;
                if from != 0 {
                    return Err(self.unknown(relocation));
                }
                let target = model::Target::Value(Value::Static(self.address_slot(value, found)));
                return Ok(Place { offset, relative: true, target, addend });
            }
            _ => return Err(self.unknown(relocation)),
        };
        let rest = if relative { rest } else { 0 };
        if let Target::Local { section, offset: start, named } = target {
            let effective = start.wrapping_add_signed((addend + rest) as isize);
            let own = section == self.own.section && (self.own.range.start..=self.own.range.end).contains(&effective);
            if own {
                let addend = start as i64 - self.own.range.start as i64 + addend;
                return Ok(Place { offset, relative, target: model::Target::Own, addend });
            }
            if !self.is_code(section) {
                let range = self.entity(section, if named { start } else { effective })?;
                if self.holds_displacements(section, &range)? {
                    self.readable(section, effective)?;
                    let known = tables.iter().position(|table| *table == (section, range.clone()));
                    let index = known.unwrap_or_else(|| {
                        tables.push((section, range.clone()));
                        tables.len() - 1
                    });
                    let addend = start as i64 - range.start as i64 + addend;
                    return Ok(Place { offset, relative, target: model::Target::Table(index), addend });
                }
            }
        }
        // Only what the executable surely defines is in reach of a displacement.
        if let (true, Target::Symbol(_)) = (relative, &target) {
            return Err(self.unknown(relocation));
        }
        let (value, from) = self.value(target, addend + rest, found)?;
        Ok(Place { offset, relative, target: model::Target::Value(value), addend: from - rest })
    }

    /// Returns what `addend` bytes after a target are, and the distance from the start of that.
    fn value(&mut self, target: Target, addend: i64, found: &mut Found<'b>) -> Result<(Value, i64), Refusal> {
        match target {
            Target::Symbol(Symbol::Host(host)) => Ok((Value::Host(host), addend)),
            Target::Builtin(function) => Ok((Value::Builtin(function), addend)),
            Target::Symbol(_) => Err(self.broken(&"it refers to a stencil's symbol")),
            Target::Local { section, offset, named } => {
                let effective = offset.wrapping_add_signed(addend as isize);
                if self.is_code(section) {
                    let Some(function) = self.function_at(section, effective).cloned() else {
                        return Err(self.broken(&"it refers to code outside of all functions"));
                    };
                    let from = offset as i64 - function.range.start as i64 + addend;
                    return Ok((Value::Handler(found.function(&function)), from));
                }
                self.readable(section, effective)?;
                let range = self.entity(section, if named { offset } else { effective })?;
                let index = self.linked_constant(section, &range, found)?;
                Ok((Value::Static(index), offset as i64 - range.start as i64 + addend))
            }
        }
    }

    /// Returns the static that a constant becomes.
    fn linked_constant(
        &mut self,
        section: SectionIndex,
        range: &Range<usize>,
        found: &mut Found<'b>,
    ) -> Result<usize, Refusal> {
        let key = (section, range.start);
        if let Some(Some(index)) = self.reader.homes.get(&key) {
            return Ok(*index);
        }
        if self.holds_displacements(section, range)? {
            return Err(self.relative_table());
        }
        let bytes = self.section_bytes(section)?[range.clone()].to_vec();
        let alignment = self.alignment_at(section, range.start)?;
        let (name, symbol) = (self.symbol_at(section, range.start), self.own_symbol(section, range.start));
        let relocations = self.relocations(section, range)?;
        // Without a name, a constant has no identity, and any equal one will do.
        let is_plain = |other: &Static| symbol.is_some() || relocations.is_empty() && other.pointers.is_empty();
        let same = |other: &Static| {
            other.symbol == symbol && other.bytes == bytes && other.alignment >= alignment && is_plain(other)
        };
        let known = self.reader.statics.iter().position(same);
        let index = known.unwrap_or(self.reader.statics.len());
        // Constants may form circles.
        self.reader.homes.insert(key, Some(index));
        if known.is_none() {
            let name = name.clone().unwrap_or_else(|| format!("constant{index}"));
            self.reader.statics.push(Static { name, symbol, bytes, alignment, pointers: Vec::new() });
        }
        let mut pointers = Vec::new();
        for relocation in relocations {
            let target = self.target(&relocation)?;
            let (value, addend) = self.value(target, relocation.addend, found)?;
            pointers.push(Pointer { offset: relocation.offset, value, addend });
        }
        if known.is_none() {
            self.reader.statics[index].pointers = pointers;
        } else if !self.reader.have_equal_targets(&self.reader.statics[index].pointers, &pointers) {
            return Err(self.other_addresses(&name.unwrap_or_default()));
        }
        Ok(index)
    }

    /// Returns the static that holds an address.
    fn address_slot(&mut self, value: Value, found: &mut Found<'b>) -> usize {
        if let Some((_, index)) = found.slots.iter().find(|(known, _)| *known == value) {
            return *index;
        }
        let index = self.reader.statics.len();
        let pointers = vec![Pointer { offset: 0, value, addend: 0 }];
        let (name, bytes) = (format!("address{index}"), vec![0; 8]);
        self.reader.statics.push(Static { name, symbol: None, bytes, alignment: 8, pointers });
        found.slots.push((value, index));
        index
    }

    fn holds_displacements(&self, section: SectionIndex, range: &Range<usize>) -> Result<bool, Refusal> {
        let relocations = self.relocations(section, range)?;
        Ok(relocations.iter().any(|relocation| relocation.kind == RelocationKind::Relative))
    }

    /// Returns the symbol of a constant that begins at an offset of a section, as it is in the object file.
    pub(super) fn own_symbol(&self, section: SectionIndex, at: usize) -> Option<String> {
        let here = |symbol: &object::read::elf::ElfSymbol<'_, '_, object::elf::FileHeader64<object::Endianness>>| {
            symbol.section_index() == Some(section)
                && symbol.address() == at as u64
                && symbol.kind() == object::SymbolKind::Data
        };
        let mut names =
            self.reader.file.symbols().filter(here).filter_map(|symbol| symbol.name().ok().map(str::to_owned));
        names.find(|name| !name.is_empty() && !name.starts_with('.'))
    }
}
