//! From the object file to stencils.
//!
//! Each uop is a section of code. What it refers to in other sections is gathered into its data, but for
//! read-only data that it refers to by absolute address, which stays in the executable, once for all. All
//! relocations become patches; what cannot become one is refused, with the uop's name and a remedy.

use std::collections::HashMap;

use object::elf::{self, FileHeader64};
use object::read::elf::{ElfFile, FileHeader as _, SectionHeader as _};
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags, RelocationTarget, SectionIndex,
    SymbolIndex, SymbolSection,
};
use proc_macro2::Span;

use crate::ast::{Block, Uop};
use crate::compiler::Features;
use crate::ctype::{Type, Width};
use crate::layout::{self, Edge, Place};
use crate::model::{Abi, LIBC, Objects, Patch, PatchKind, Refusal, Section, Static, Stencil, Symbol, Value};
use crate::source::{self, Source};
use crate::x86_64::{self, Decoded, Field};

type Elf<'d> = ElfFile<'d, FileHeader64<Endianness>>;

/// Reads the object file of a block.
pub fn read(bytes: &[u8], block: &Block, source: &Source, features: &Features) -> Result<Objects, Vec<Refusal>> {
    let broken =
        |why: String| vec![Refusal { span: block.machine.name.span(), message: format!("the object file {why}") }];
    let file = Elf::parse(bytes).map_err(|error| broken(format!("cannot be read: {error}")))?;
    if file.elf_header().e_machine(file.endian()) != elf::EM_X86_64 {
        return Err(broken("is not for x86-64: name a compiler for it in STENCIL_CC".into()));
    }
    let mut reader = Reader { file, block, source, features, statics: Vec::new() };
    let functions: HashMap<String, SectionIndex> = (reader.file.symbols())
        .filter(|symbol| symbol.kind() == object::SymbolKind::Text)
        .filter_map(|symbol| Some((symbol.name().ok()?.to_owned(), symbol.section_index()?)))
        .collect();
    let mut refusals = Vec::new();
    let mut stencil = |reader: &mut Reader<'_, '_>, name: &str, uop: Option<&Uop>| -> Option<Stencil> {
        let section = *functions.get(name)?;
        match Builder::build(reader, section, uop) {
            Ok(stencil) => Some(stencil),
            Err(refusal) => {
                // Members of a family are refused for the same reason.
                if !refusals.iter().any(|other: &Refusal| other.message == refusal.message) {
                    refusals.push(refusal);
                }
                None
            }
        }
    };
    let declares = block.machine.continued.is_none();
    let entry = if declares { stencil(&mut reader, source::ENTRY, None) } else { None };
    let members = |(index, uop): (usize, &Uop)| {
        (0..uop.members().len())
            .map(|member| stencil(&mut reader, &source::function(index, member), Some(uop)))
            .collect()
    };
    let uops = block.uops.iter().enumerate().map(members).collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    if declares && entry.is_none() {
        return Err(broken("has no entry".into()));
    }
    let layout = reader.layout().map_err(broken)?;
    Ok(Objects { entry, uops, statics: reader.statics, layout })
}

struct Reader<'d, 'b> {
    file: Elf<'d>,
    block: &'b Block,
    source: &'b Source,
    features: &'b Features,
    /// Found in any uop of the block.
    statics: Vec<Static>,
}

impl Reader<'_, '_> {
    /// The table that [`Source`] puts into the layout section.
    fn layout(&self) -> Result<Vec<u64>, String> {
        let Some(section) = self.file.section_by_name(source::LAYOUT_SECTION) else { return Ok(Vec::new()) };
        let bytes = section.data().map_err(|error| format!("cannot be read: {error}"))?;
        Ok(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    fn intern(&mut self, new: Static) -> usize {
        self.statics.iter().position(|known| *known == new).unwrap_or_else(|| {
            self.statics.push(new);
            self.statics.len() - 1
        })
    }
}

/// A relocation as the object file has it.
#[derive(Clone, Copy)]
struct Relocation {
    offset: usize,
    r_type: elf::RelocationType,
    symbol: SymbolIndex,
    addend: i64,
    /// Whether the instruction has no use for more bits than the field has.
    truncated: bool,
}

/// What a relocation refers to.
enum Target {
    /// Something undefined in the object file, which the symbol stands for.
    Symbol(Symbol),
    Libc(usize),
    /// A place in the object file. `named` if the symbol is that of the place itself, not of its section.
    Local {
        section: SectionIndex,
        offset: usize,
        named: bool,
    },
}

/// What a symbol's address is at run time.
fn value_of(symbol: Symbol) -> Value {
    match symbol {
        Symbol::Operand(operand) | Symbol::AddressOf(operand) => Value::Operand(operand),
        Symbol::Next => Value::Next,
        Symbol::Host(host) => Value::Host(host),
    }
}

/// Gathers one stencil.
struct Builder<'r, 'd, 'b> {
    reader: &'r mut Reader<'d, 'b>,
    uop: Option<&'r Uop>,
    own: SectionIndex,
    stencil: Stencil,
    /// What has been copied to the data: section, its range, and where the range begins in the data.
    placed: Vec<(SectionIndex, std::ops::Range<usize>, usize)>,
    /// The global offset table: values, and where their slots are in the data.
    slots: Vec<(Value, usize)>,
    /// Copied sections whose relocations are still to be read, with their places.
    pending: Vec<(SectionIndex, std::ops::Range<usize>, usize)>,
    /// What the fields of the code and the data are filled with, for people.
    names: HashMap<(Section, usize), String>,
    /// The range of the data that is code out of line.
    outside: Option<std::ops::Range<usize>>,
}

impl<'r, 'd, 'b> Builder<'r, 'd, 'b> {
    fn build(reader: &'r mut Reader<'d, 'b>, own: SectionIndex, uop: Option<&'r Uop>) -> Result<Stencil, Refusal> {
        let mut builder = Self {
            reader,
            uop,
            own,
            stencil: Stencil { data_alignment: 1, ..Stencil::default() },
            placed: Vec::new(),
            slots: Vec::new(),
            pending: Vec::new(),
            names: HashMap::new(),
            outside: None,
        };
        let mut code = builder.section_bytes(own)?;
        let mut relocations = builder.relocations(own)?;
        builder.rewrite(&mut code, &mut relocations)?;
        builder.lay_out(code, relocations)?;
        while let Some((section, range, at)) = builder.pending.pop() {
            let mut bytes = builder.section_bytes(section)?;
            let mut relocations = builder.relocations(section)?;
            if builder.is_code(section) {
                builder.rewrite(&mut bytes, &mut relocations)?;
                builder.stencil.data[at..at + range.len()].copy_from_slice(&bytes[range.clone()]);
            }
            relocations.retain(|relocation| range.contains(&relocation.offset));
            relocations.iter_mut().for_each(|relocation| relocation.offset -= range.start);
            let code = builder.is_code(section).then_some(&bytes[range]);
            builder.fields(Section::Data, at, code, &relocations)?;
        }
        builder.finish()
    }

    /// Makes numbers of narrow holes whose addresses the compiler takes relative to the code.
    fn rewrite(&self, code: &mut [u8], relocations: &mut [Relocation]) -> Result<(), Refusal> {
        let decoded = self.decode(code)?;
        for relocation in relocations {
            let narrow = matches!(
                self.target(relocation),
                Ok(Target::Symbol(Symbol::Operand(operand))) if self.width(operand) == Width::Narrow
            );
            if !narrow || relocation.r_type != elf::R_X86_64_PC32 {
                continue;
            }
            let index = decoded.partition_point(|item| item.end() <= relocation.offset);
            let wide = decoded.get(index).and_then(|item| x86_64::lea_to_mov(code, item, relocation.offset));
            if let Some(wide) = wide {
                relocation.r_type = if wide { elf::R_X86_64_32S } else { elf::R_X86_64_32 };
                // Relative to the end of the field, it was the address; absolute, it is the number.
                relocation.addend += 4;
                relocation.truncated = !wide;
            }
        }
        Ok(())
    }

    /// Lays the code out, and turns all its relocations into patches.
    fn lay_out(&mut self, code: Vec<u8>, relocations: Vec<Relocation>) -> Result<(), Refusal> {
        let decoded = self.decode(&code)?;
        if self.uop.is_some() && self.reader.features.abi == Abi::C {
            let is_label = |offset| relocations.iter().any(|r| r.offset == offset && self.is_label(r));
            if x86_64::tail_call(&decoded, is_label).is_some() {
                return Err(self.not_a_jump("JUMP"));
            }
        }
        let is_next = |r: &Relocation| matches!(self.target(r), Ok(Target::Symbol(Symbol::Next)));
        let offsets: Vec<usize> = relocations.iter().map(|relocation| relocation.offset).collect();
        let exit = |offset: usize| {
            let index = offsets.binary_search(&offset).ok()?;
            let relocation = &relocations[index];
            // A distance from the end of the field, or else it leads elsewhere than the symbol says.
            let edge = if is_next(relocation) { Edge::Next } else { Edge::Exit(index) };
            (relocation.addend == -4).then_some(edge)
        };
        let own = |r: &Relocation| matches!(self.target(r), Ok(Target::Local { section, .. }) if section == self.own);
        // Where places in the code are known elsewhere, they have to stay where they are.
        let fixed = relocations.iter().any(own) || self.refers_to_code(&relocations)?;
        let (replacements, extended) = self.negative_numbers(&code, &decoded, &relocations);
        let laid_out = if fixed { None } else { layout::lay_out(&code, &decoded, &offsets, &replacements, exit) };
        let Some((inside, outside)) = laid_out else {
            let (mut code, mut relocations) = (code, relocations);
            if let Some(end) = x86_64::without_last_jump(&decoded)
                && relocations.last().is_some_and(|last| last.offset >= end && is_next(last))
            {
                code.truncate(end);
                relocations.pop();
            }
            self.stencil.code.clone_from(&code);
            return self.fields(Section::Code, 0, Some(&code), &relocations);
        };
        let moved = |part: &layout::Part| -> Vec<Relocation> {
            part.relocations.iter().map(|&(index, offset)| Relocation { offset, ..extended[index] }).collect()
        };
        self.stencil.code.clone_from(&inside.bytes);
        self.fields(Section::Code, 0, Some(&inside.bytes), &moved(&inside))?;
        if !outside.bytes.is_empty() {
            let at = self.extend_data(&outside.bytes, 1);
            self.outside = Some(at..at + outside.bytes.len());
            self.fields(Section::Data, at, Some(&outside.bytes), &moved(&outside))?;
            self.jumps_across(&inside, &outside, at);
        }
        Ok(())
    }

    /// Replacements for instructions that extend a narrow hole less a constant with zeros: gcc counts on addresses
    /// being no less than what it takes from them, and numbers may be. With them come the relocations that they need.
    fn negative_numbers(
        &self,
        code: &[u8],
        decoded: &[Decoded],
        relocations: &[Relocation],
    ) -> (layout::Replacements, Vec<Relocation>) {
        let (mut replacements, mut relocations) = (layout::Replacements::new(), relocations.to_vec());
        for relocation in &mut relocations {
            let operand = matches!(self.target(relocation), Ok(Target::Symbol(Symbol::Operand(_))));
            if operand && relocation.r_type == elf::R_X86_64_32 && relocation.addend < 0 && !relocation.truncated {
                let index = decoded.partition_point(|item| item.end() <= relocation.offset);
                let mov = decoded.get(index).and_then(|item| x86_64::sign_extending_mov(code, item));
                if let Some(mov) = mov {
                    replacements.insert(index, mov);
                    relocation.r_type = elf::R_X86_64_32S;
                }
            }
        }
        (replacements, relocations)
    }

    /// The jumps between the code and what is out of line, at `at` in the data.
    fn jumps_across(&mut self, inside: &layout::Part, outside: &layout::Part, at: usize) {
        let jumps = (inside.across.iter().map(|&(offset, place)| (Section::Code, offset, place)))
            .chain(outside.across.iter().map(|&(offset, place)| (Section::Data, at + offset, place)));
        for (section, offset, place) in jumps {
            let value = match (place, section) {
                (Place::Next, _) => Value::Next,
                (Place::Other(start), Section::Code) => Value::Data(at + start),
                (Place::Other(start), Section::Data) => Value::Code(start),
            };
            self.stencil.patches.push(Patch { section, offset, kind: PatchKind::Rel32, value, addend: -4 });
        }
    }

    /// Whether data that the code refers to has addresses of places in the code.
    fn refers_to_code(&self, relocations: &[Relocation]) -> Result<bool, Refusal> {
        let mut known = vec![self.own];
        let mut work: Vec<Relocation> = relocations.to_vec();
        while let Some(relocation) = work.pop() {
            if let Ok(Target::Local { section, .. }) = self.target(&relocation)
                && !known.contains(&section)
            {
                known.push(section);
                let inner = self.relocations(section)?;
                let own =
                    |r: &Relocation| matches!(self.target(r), Ok(Target::Local { section, .. }) if section == self.own);
                if inner.iter().any(own) {
                    return Ok(true);
                }
                work.extend(inner);
            }
        }
        Ok(false)
    }

    /// Turns relocations into patches of a section, at `at` in which their bytes are. `code` are those bytes, if
    /// they are instructions.
    fn fields(
        &mut self,
        section: Section,
        at: usize,
        code: Option<&[u8]>,
        relocations: &[Relocation],
    ) -> Result<(), Refusal> {
        let decoded = code.map_or(Ok(Vec::new()), |code| self.decode(code))?;
        for relocation in relocations {
            let index = decoded.partition_point(|item| item.end() <= relocation.offset);
            let place = decoded.get(index).map(|item| (item, relocation.offset));
            self.field(relocation, section, at + relocation.offset, place)?;
        }
        Ok(())
    }

    /// Turns one relocation into the patch of the field at `offset` of a section. `place` is the instruction that
    /// the field is in, with the field's offset in the code that was decoded; data has none.
    fn field(
        &mut self,
        relocation: &Relocation,
        section: Section,
        offset: usize,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(), Refusal> {
        let target = self.target(relocation)?;
        let (kind, value, addend) = match relocation.r_type {
            elf::R_X86_64_64 => self.wide_field(relocation, target)?,
            elf::R_X86_64_32 | elf::R_X86_64_32S | elf::R_X86_64_16 | elf::R_X86_64_8 => {
                self.narrow_field(relocation, target, place)?
            }
            elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => self.relative_field(relocation, target, place)?,
            elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX => {
                self.slot_field(relocation, target, place)?
            }
            _ => return Err(self.unknown(relocation)),
        };
        self.stencil.patches.push(Patch { section, offset, kind, value, addend });
        Ok(())
    }

    /// `R_X86_64_64`.
    fn wide_field(&mut self, relocation: &Relocation, target: Target) -> Result<(PatchKind, Value, i64), Refusal> {
        let addend = relocation.addend;
        let (value, addend) = match target {
            Target::Symbol(Symbol::Operand(operand)) if self.width(operand) == Width::Label => {
                return Err(self.address_taken(operand));
            }
            Target::Local { section, offset, named } => {
                let effective = offset.wrapping_add_signed(addend as isize);
                self.constant(section, (offset, named), effective, addend)?
            }
            Target::Symbol(symbol) => (value_of(symbol), addend),
            Target::Libc(function) => (Value::Libc(function), addend),
        };
        Ok((PatchKind::Abs64, value, addend))
    }

    /// `R_X86_64_32`, `32S`, `16` and `8`: operands of up to 32 bits.
    fn narrow_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let Target::Symbol(Symbol::Operand(operand)) = target else {
            return Err(self.narrow_address(relocation, &target));
        };
        if self.width(operand) == Width::Label {
            return Err(self.address_taken(operand));
        }
        let field = |size| place.and_then(|(decoded, at)| decoded.field(at, size));
        let kind = match (relocation.r_type, field(4), field(2), field(1)) {
            (elf::R_X86_64_32, Some(Field::Immediate), ..) if relocation.truncated => PatchKind::Low32,
            (elf::R_X86_64_32, Some(Field::Immediate), ..) => PatchKind::Abs32,
            (elf::R_X86_64_32S, Some(Field::SignedImmediate | Field::Displacement), ..) => PatchKind::Abs32S,
            (elf::R_X86_64_16, _, Some(Field::Immediate), _) => PatchKind::Low16,
            (elf::R_X86_64_8, .., Some(Field::Immediate)) => PatchKind::Low8,
            _ => return Err(self.unknown(relocation)),
        };
        Ok((self.narrow(kind, operand, relocation.addend), Value::Operand(operand), relocation.addend))
    }

    /// `R_X86_64_PC32` and `PLT32`: jumps, calls, and data near the code.
    fn relative_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let field = place.and_then(|(decoded, at)| decoded.field(at, 4));
        let value = match (target, field) {
            (Target::Symbol(Symbol::Next), Some(Field::Call)) if self.uop.is_some() => {
                return Err(self.not_a_jump("CONTINUE"));
            }
            (Target::Symbol(symbol @ Symbol::Operand(operand)), field) if self.width(operand) == Width::Label => {
                match field {
                    Some(Field::Jump | Field::Call) => value_of(symbol),
                    _ => return Err(self.address_taken(operand)),
                }
            }
            (Target::Symbol(symbol @ (Symbol::Next | Symbol::Host(_))), Some(Field::Jump | Field::Call)) => {
                value_of(symbol)
            }
            (Target::Symbol(Symbol::Host(host)), _) => return Err(self.host_address(host)),
            (Target::Libc(function), Some(Field::Jump | Field::Call)) => Value::Libc(function),
            (Target::Local { section, offset, named }, Some(_)) => {
                // Relative to the end of the instruction, which an immediate may separate from the field.
                let rest = place.map_or(4, |(decoded, at)| decoded.end() - at);
                let effective = offset.wrapping_add_signed(relocation.addend as isize + rest as isize);
                self.near(section, (offset, named), effective)?
            }
            _ => return Err(self.unknown(relocation)),
        };
        Ok((PatchKind::Rel32, value, relocation.addend))
    }

    /// `R_X86_64_GOTPCREL`, `GOTPCRELX` and `REX_GOTPCRELX`: the distance of a slot that holds a value.
    fn slot_field(
        &mut self,
        relocation: &Relocation,
        target: Target,
        place: Option<(&Decoded, usize)>,
    ) -> Result<(PatchKind, Value, i64), Refusal> {
        let value = match target {
            Target::Symbol(symbol) => value_of(symbol),
            Target::Libc(function) => Value::Libc(function),
            Target::Local { section, offset, named } => self.near(section, (offset, named), offset)?,
        };
        let call = place.is_some_and(|(decoded, _)| decoded.instruction.is_call_near_indirect());
        if value == Value::Next && call && self.uop.is_some() {
            return Err(self.not_a_jump("CONTINUE"));
        }
        Ok((PatchKind::Rel32, Value::Data(self.slot(value)), relocation.addend))
    }

    /// The check that is left for a narrow field, once the operand's type has been taken into account.
    fn narrow(&self, kind: PatchKind, operand: usize, addend: i64) -> PatchKind {
        let ty = self.operand_type(operand);
        let Some((least, greatest)) = ty.symbol_range() else { return kind };
        // C reads an `int32_t` through a cast that drops what an extension with zeros or the sign would add.
        let cast = matches!(ty, Type::Integer { bits: 32, signed: true, .. }) && addend == 0;
        match kind.range(addend) {
            Some((min, max)) if (min <= least && greatest <= max) || cast => PatchKind::Low32,
            _ => kind,
        }
    }

    /// Where an absolute reference to something in the object file leads: to data that stays in the
    /// executable, if it is the same for every copy of the stencil.
    fn constant(
        &mut self,
        section: SectionIndex,
        (start, named): (usize, bool),
        effective: usize,
        addend: i64,
    ) -> Result<(Value, i64), Refusal> {
        if section == self.own || self.is_code(section) || !self.relocations(section)?.is_empty() {
            return Ok((self.near(section, (start, named), effective)?, addend));
        }
        self.readable(section)?;
        let anchor = if named { start } else { effective };
        let range = self.entity(section, anchor)?;
        let bytes = self.section_bytes(section)?[range.clone()].to_vec();
        let alignment = self.section_alignment(section).min(range.start as u64 & range.start.wrapping_neg() as u64);
        let alignment = if range.start == 0 { self.section_alignment(section) } else { alignment };
        let index = self.reader.intern(Static { bytes, alignment });
        Ok((Value::Static(index), start as i64 - range.start as i64 + addend))
    }

    /// Where something in the object file is in the stencil itself; it is copied there if it is not yet.
    fn near(
        &mut self,
        section: SectionIndex,
        (start, named): (usize, bool),
        effective: usize,
    ) -> Result<Value, Refusal> {
        if section == self.own {
            return Ok(Value::Code(start));
        }
        if !self.is_code(section) {
            self.readable(section)?;
        }
        let range = self.entity(section, if named { start } else { effective })?;
        let known = self.placed.iter().find(|(s, r, _)| *s == section && *r == range).map(|(.., at)| *at);
        let at = match known {
            Some(at) => at,
            None => {
                let alignment = if self.is_code(section) { 1 } else { self.section_alignment(section) };
                let bytes = self.section_bytes(section)?[range.clone()].to_vec();
                let at = self.extend_data(&bytes, alignment);
                self.placed.push((section, range.clone(), at));
                self.pending.push((section, range.clone(), at));
                at
            }
        };
        // `start` may be before the entity, if it is the section's symbol: the addend makes up for it.
        Ok(Value::Data((at + start).wrapping_sub(range.start)))
    }

    /// What belongs together: of a section of mergeable constants or strings one of them, else all of it.
    fn entity(&self, index: SectionIndex, at: usize) -> Result<std::ops::Range<usize>, Refusal> {
        let section = self.section(index)?;
        let header = section.elf_section_header();
        let endian = self.reader.file.endian();
        let flags = header.sh_flags(endian);
        let size = section.size() as usize;
        let entry = header.sh_entsize(endian) as usize;
        if !flags.contains(elf::SHF_MERGE) || entry == 0 {
            return Ok(0..size);
        }
        if at >= size {
            return Err(self.refuse(None, "refers to a place outside the constants that it is compiled with".into()));
        }
        let start = at / entry * entry;
        if !flags.contains(elf::SHF_STRINGS) {
            return Ok(start..start + entry);
        }
        let bytes = self.section_bytes(index)?;
        let is_end = |unit: &[u8]| unit.iter().all(|&byte| byte == 0);
        let first = bytes[..start].chunks_exact(entry).rposition(is_end).map_or(0, |end| (end + 1) * entry);
        let rest = bytes[start..].chunks_exact(entry).position(is_end).map_or(size, |end| start + (end + 1) * entry);
        Ok(first..rest)
    }

    fn extend_data(&mut self, bytes: &[u8], alignment: u64) -> usize {
        let data = &mut self.stencil.data;
        data.resize(data.len().next_multiple_of(alignment as usize), 0);
        self.stencil.data_alignment = self.stencil.data_alignment.max(alignment);
        data.extend_from_slice(bytes);
        data.len() - bytes.len()
    }

    /// The slot of the global offset table for a value.
    fn slot(&mut self, value: Value) -> usize {
        if let Some((_, slot)) = self.slots.iter().find(|(known, _)| *known == value) {
            return *slot;
        }
        let slot = self.extend_data(&[0; 8], 8);
        self.slots.push((value, slot));
        let patch = Patch { section: Section::Data, offset: slot, kind: PatchKind::Abs64, value, addend: 0 };
        self.stencil.patches.push(patch);
        slot
    }

    /// Resolves what does not depend on addresses, sorts the rest, clears the bytes under it.
    fn finish(mut self) -> Result<Stencil, Refusal> {
        let size = self.stencil.code.len();
        let patches = std::mem::take(&mut self.stencil.patches);
        for patch in patches {
            let field = patch.offset..patch.offset + patch.kind.size();
            let target = match (patch.section, patch.value) {
                (Section::Code, Value::Next) => Some(size),
                (Section::Code, Value::Code(target)) | (Section::Data, Value::Data(target)) => Some(target),
                _ => None,
            };
            let end = if patch.kind == PatchKind::Rel32 { 4 } else { 0 };
            let name = self.name(patch.value, patch.addend + end);
            self.names.insert((patch.section, patch.offset), name);
            let bytes = match target {
                Some(target) if patch.kind == PatchKind::Rel32 => {
                    let distance = target as i64 + patch.addend - patch.offset as i64;
                    i32::try_from(distance).map_err(|_| self.too_large())?.to_le_bytes()
                }
                _ => {
                    self.stencil.patches.push(patch);
                    [0; 4]
                }
            };
            let place = match patch.section {
                Section::Code => &mut self.stencil.code[field],
                Section::Data => &mut self.stencil.data[field],
            };
            // A field of eight bytes is patched, and so zero in both halves; one of less takes what it holds.
            place.chunks_mut(4).for_each(|part| part.copy_from_slice(&bytes[..part.len()]));
        }
        self.stencil.patches.sort_by_key(|patch| (patch.section, patch.offset));
        self.stencil.disassembly = self.disassembly();
        Ok(self.stencil)
    }

    /// The code with symbolic holes, and then what is out of line.
    fn disassembly(&self) -> String {
        let names = |section: Section, from: usize| -> HashMap<usize, String> {
            let fields = self.names.iter().filter(|((s, offset), _)| *s == section && *offset >= from);
            fields.map(|((_, offset), name)| (offset - from, name.clone())).collect()
        };
        let mut text = x86_64::disassemble(&self.stencil.code, &names(Section::Code, 0));
        if let Some(outside) = &self.outside {
            let code = x86_64::disassemble(&self.stencil.data[outside.clone()], &names(Section::Data, outside.start));
            text = format!("{text}\nout of line, at data{:+}:\n{code}", outside.start);
        }
        text
    }

    /// What the disassembly shows for a value.
    fn name(&self, value: Value, addend: i64) -> String {
        let mut offset = addend;
        let name = match value {
            Value::Operand(operand) => self.operands()[operand].name.to_string(),
            Value::Code(at) => {
                offset += at as i64;
                "code".into()
            }
            Value::Data(at) => {
                offset += at as i64;
                "data".into()
            }
            Value::Next => "next".into(),
            Value::Host(host) => self.reader.block.externs[host].name.to_string(),
            Value::Libc(function) => LIBC[function].into(),
            Value::Static(index) => format!("static{index}"),
        };
        if offset == 0 { name } else { format!("{name}{offset:+}") }
    }

    fn operands(&self) -> &'r [crate::ast::Field] {
        self.uop.map_or(&[], |uop| &uop.operands)
    }

    fn operand_type(&self, operand: usize) -> &'r Type {
        &self.operands()[operand].ty.c
    }

    fn width(&self, operand: usize) -> Width {
        self.operand_type(operand).width()
    }

    fn is_label(&self, relocation: &Relocation) -> bool {
        matches!(self.target(relocation), Ok(Target::Symbol(Symbol::Operand(operand))) if self.width(operand) == Width::Label)
    }
}

/// What the object file says.
impl<'d> Builder<'_, 'd, '_> {
    fn section(
        &self,
        index: SectionIndex,
    ) -> Result<object::read::elf::ElfSection<'d, '_, FileHeader64<Endianness>>, Refusal> {
        self.reader.file.section_by_index(index).map_err(|error| self.broken(&error))
    }

    fn section_bytes(&self, index: SectionIndex) -> Result<Vec<u8>, Refusal> {
        self.section(index)?.data().map(<[u8]>::to_vec).map_err(|error| self.broken(&error))
    }

    fn section_alignment(&self, index: SectionIndex) -> u64 {
        self.section(index).map_or(1, |section| section.align().max(1))
    }

    fn is_code(&self, index: SectionIndex) -> bool {
        self.section(index).is_ok_and(|section| section.kind() == object::SectionKind::Text)
    }

    /// Refuses sections that a program could write to, or that each thread has its own of.
    fn readable(&self, index: SectionIndex) -> Result<(), Refusal> {
        let section = self.section(index)?;
        let flags = section.elf_section_header().sh_flags(self.reader.file.endian());
        let name = section.name().unwrap_or_default().to_owned();
        let variable = self.symbol_in(index);
        if flags.contains(elf::SHF_TLS) {
            return Err(self.refuse(variable.as_deref(), THREAD_LOCAL.into()));
        }
        let relocated_once = name.starts_with(".data.rel.ro") || name.starts_with(".ldata.rel.ro");
        if flags.contains(elf::SHF_WRITE) && !relocated_once {
            let name = variable.as_deref().map(|name| format!(" `{name}`")).unwrap_or_default();
            let message = format!(
                "uses the variable{name}, and each copy of the code would have its own: keep it in Rust, in a struct \
                 that a register points to, or make it `const`"
            );
            return Err(self.refuse(variable.as_deref(), message));
        }
        Ok(())
    }

    /// The C name of the variable that a section was made for.
    fn symbol_in(&self, index: SectionIndex) -> Option<String> {
        let symbols = self.reader.file.symbols();
        let name = symbols.filter(|symbol| symbol.section_index() == Some(index)).find_map(|symbol| {
            symbol.name().ok().filter(|name| !name.is_empty() && !name.starts_with('.')).map(str::to_owned)
        })?;
        // A static local is called `function.name` by clang and `name.number` by gcc.
        let mut parts =
            name.split('.').filter(|part| part.parse::<u32>().is_err() && !part.starts_with("stencil_uop_"));
        parts.next().map(str::to_owned)
    }

    fn relocations(&self, index: SectionIndex) -> Result<Vec<Relocation>, Refusal> {
        let section = self.section(index)?;
        let mut all = Vec::new();
        for (offset, relocation) in section.relocations() {
            let (RelocationTarget::Symbol(symbol), RelocationFlags::Elf { r_type }) =
                (relocation.target(), relocation.flags())
            else {
                return Err(self.refuse(None, "has a relocation without a symbol".into()));
            };
            all.push(Relocation {
                offset: offset as usize,
                r_type,
                symbol,
                addend: relocation.addend(),
                truncated: false,
            });
        }
        all.sort_by_key(|relocation| relocation.offset);
        Ok(all)
    }

    fn target(&self, relocation: &Relocation) -> Result<Target, Refusal> {
        let symbol = self.reader.file.symbol_by_index(relocation.symbol).map_err(|error| self.broken(&error))?;
        let name = symbol.name().unwrap_or_default();
        match symbol.section() {
            SymbolSection::Section(section) => {
                let named = symbol.kind() != object::SymbolKind::Section;
                Ok(Target::Local { section, offset: symbol.address() as usize, named })
            }
            SymbolSection::Undefined => {
                if let Some(known) = self.reader.source.symbols.get(name) {
                    return Ok(Target::Symbol(*known));
                }
                if let Some(function) = LIBC.iter().position(|libc| *libc == name) {
                    return Ok(Target::Libc(function));
                }
                if symbol.kind() == object::SymbolKind::Tls {
                    return Err(self.refuse(Some(name), THREAD_LOCAL.into()));
                }
                let message = format!(
                    "refers to `{name}`, which nothing defines: declare it with `extern fn {name}(...) = \
                     path::to::a_rust_function;`, or define it in a `c {{ }}` block"
                );
                Err(self.refuse(Some(name), message))
            }
            _ => {
                let message =
                    format!("refers to `{name}`, which has no place in the object file: make it `static const`");
                Err(self.refuse(Some(name), message))
            }
        }
    }

    fn decode(&self, code: &[u8]) -> Result<Vec<Decoded>, Refusal> {
        x86_64::decode(code).map_err(|why| self.refuse(None, format!("cannot be laid out: {why}")))
    }
}

const THREAD_LOCAL: &str = "uses a thread-local variable, and the code of stencils is not linked to a thread's \
                            storage: keep it in Rust and pass a pointer";

/// Reasons to refuse.
impl Builder<'_, '_, '_> {
    /// A refusal at the token `at` of the uop, if it is there.
    fn refuse(&self, at: Option<&str>, why: String) -> Refusal {
        let Some(uop) = self.uop else {
            return Refusal { span: self.reader.block.machine.name.span(), message: format!("the entry {why}") };
        };
        let found: Option<Span> = at.and_then(|token| self.reader.source.find(uop, token));
        Refusal { span: found.unwrap_or_else(|| uop.name.span()), message: format!("uop `{}` {why}", uop.name) }
    }

    fn broken(&self, error: &object::Error) -> Refusal {
        self.refuse(None, format!("cannot be read from the object file: {error}"))
    }

    fn not_a_jump(&self, how: &str) -> Refusal {
        let message = format!(
            "does not leave by a jump: the compiler made a call of {how}, which would pile up a frame for each uop. \
             Do not hand out addresses of local variables, or do so in a function marked \
             `__attribute__((noinline))`, or use clang 19 or later"
        );
        self.refuse(Some(how), message)
    }

    fn address_taken(&self, operand: usize) -> Refusal {
        let name = self.operands()[operand].name.to_string();
        let message = format!(
            "uses the label `{name}` as a value, and only jumps reach it: write `ADDRESS_OF({name})` for its address"
        );
        self.refuse(Some(&name), message)
    }

    fn host_address(&self, host: usize) -> Refusal {
        let name = &self.reader.block.externs[host].name.to_string();
        let message = format!(
            "uses the address of `{name}` as a value, and only calls reach it: pass it as an operand of a pointer type"
        );
        self.refuse(Some(name), message)
    }

    fn narrow_address(&self, relocation: &Relocation, target: &Target) -> Refusal {
        match target {
            Target::Symbol(Symbol::Host(host)) => self.host_address(*host),
            Target::Local { section, .. } if !self.is_code(*section) => {
                let message = "refers to a constant of one byte, as the empty string is, by a 32-bit address, and \
                               the executable may be anywhere: make the constant longer";
                self.refuse(self.symbol_in(*section).as_deref(), message.into())
            }
            Target::Local { .. } => {
                let message = "computes with the address of a place in its own code, and code may be anywhere: keep a \
                               table of whole addresses, `static const void *const table[] = { &&label };`";
                self.refuse(Some("goto"), message.into())
            }
            _ => self.unknown(relocation),
        }
    }

    fn unknown(&self, relocation: &Relocation) -> Refusal {
        let symbol = self.reader.file.symbol_by_index(relocation.symbol);
        let symbol = symbol.ok().and_then(|symbol| symbol.name().ok().map(str::to_owned)).unwrap_or_default();
        let token = match self.reader.source.symbols.get(&symbol) {
            Some(Symbol::Operand(operand) | Symbol::AddressOf(operand)) => self.operands()[*operand].name.to_string(),
            Some(Symbol::Host(host)) => self.reader.block.externs[*host].name.to_string(),
            _ => symbol,
        };
        // `R_X86_64_DTPMOD64` to `R_X86_64_TPOFF32`, and `R_X86_64_GOTPC32_TLSDESC` to `R_X86_64_TLSDESC`.
        if matches!(relocation.r_type.0, 16..=23 | 34..=36) {
            return self.refuse(Some(&token), THREAD_LOCAL.into());
        }
        let of = if token.is_empty() { "a place in the code".into() } else { format!("`{token}`") };
        let message = format!(
            "needs a relocation that stencil! does not know: type {} at byte {:#x}, of {of}. Compile the block with \
             the flags that stencil! uses of itself, or use the value in a simpler expression",
            relocation.r_type.0, relocation.offset
        );
        self.refuse(Some(&token), message)
    }

    fn too_large(&self) -> Refusal {
        self.refuse(None, "is larger than 2 GiB".into())
    }
}
