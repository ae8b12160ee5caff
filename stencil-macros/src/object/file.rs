//! Access to the object file: sections, symbols, relocations.

use std::ops::Range;

use object::elf::{self, FileHeader64};
use object::read::elf::SectionHeader as _;
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags, RelocationTarget, SectionIndex,
    SymbolFlags, SymbolSection,
};

use super::refusal::THREAD_LOCAL;
use super::{Builder, Function, Relocation, Target};
use crate::builtins;
use crate::instruction::Instruction;
use crate::isa;
use crate::model::Refusal;

/// The largest alignment of a constant, in bytes.
const MAX_ALIGNMENT: u64 = 1 << 16;

impl<'d> Builder<'_, 'd, '_> {
    /// Returns a section.
    pub(super) fn section(
        &self,
        index: SectionIndex,
    ) -> Result<object::read::elf::ElfSection<'d, '_, FileHeader64<Endianness>>, Refusal> {
        self.reader.file.section_by_index(index).map_err(|error| self.broken(&error))
    }

    /// Returns the bytes of a section, as many as its size says.
    pub(super) fn section_bytes(&self, index: SectionIndex) -> Result<Vec<u8>, Refusal> {
        let section = self.section(index)?;
        let bytes = section.data().map_err(|error| self.broken(&error))?;
        if bytes.len() as u64 != section.size() {
            return Err(self.broken(&"a section has no content"));
        }
        Ok(bytes.to_vec())
    }

    /// Returns the alignment, in bytes, of a constant at an offset of a section.
    pub(super) fn alignment_at(&self, index: SectionIndex, offset: usize) -> Result<u64, Refusal> {
        let whole = self.section(index)?.align().max(1);
        if !whole.is_power_of_two() || whole > MAX_ALIGNMENT {
            return Err(self.overaligned(self.symbol_at(index, offset).as_deref(), whole));
        }
        Ok(if offset == 0 { whole } else { whole.min(1 << offset.trailing_zeros()) })
    }

    /// Returns whether a section holds machine code.
    pub(super) fn is_code(&self, index: SectionIndex) -> bool {
        self.section(index).is_ok_and(|section| section.kind() == object::SectionKind::Text)
    }

    /// Refuses writable and thread-local data. `at` is the offset that the uop refers to.
    pub(super) fn readable(&self, index: SectionIndex, at: usize) -> Result<(), Refusal> {
        let section = self.section(index)?;
        let flags = section.elf_section_header().sh_flags(self.reader.file.endian());
        let name = section.name().unwrap_or_default();
        if flags.contains(elf::SHF_TLS) {
            return Err(self.refuse(self.symbol_at(index, at).as_deref(), THREAD_LOCAL.into()));
        }
        let relocated_once = name.starts_with(".data.rel.ro") || name.starts_with(".ldata.rel.ro");
        if flags.contains(elf::SHF_WRITE) && !relocated_once {
            return Err(self.variable(self.symbol_at(index, at).as_deref()));
        }
        Ok(())
    }

    /// Returns the C name of the object at an offset of a section, if it has one.
    pub(super) fn symbol_at(&self, index: SectionIndex, at: usize) -> Option<String> {
        let symbols = self.reader.file.symbols().filter(|symbol| {
            let range = symbol.address()..=symbol.address().saturating_add(symbol.size());
            symbol.section_index() == Some(index) && range.contains(&(at as u64))
        });
        let named = symbols.filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?.to_owned())));
        let named = named.filter(|(_, name)| !name.is_empty() && !name.starts_with('.'));
        // The end of one object may be the start of the next.
        let name = named.max_by_key(|(address, _)| *address).map(|(_, name)| name).or_else(|| {
            // A constant that clang makes of an automatic variable has no symbol, but names its section.
            let section = self.section(index).ok()?.name().ok()?.to_owned();
            section.split_once(".L__const.").map(|(_, name)| name.to_owned())
        })?;
        // clang calls a static local `function.name`, and gcc `name.number`.
        name.rsplit('.').find(|part| part.parse::<u32>().is_err()).map(str::to_owned)
    }

    /// Returns the function at an offset of a section.
    pub(super) fn function_at(&self, index: SectionIndex, at: usize) -> Option<&Function> {
        self.reader.functions.iter().find(|function| function.section == index && function.range.contains(&at))
    }

    /// Returns the relocations of a part of a section in ascending order. Their offsets count from the part's start.
    pub(super) fn relocations(&self, index: SectionIndex, part: &Range<usize>) -> Result<Vec<Relocation>, Refusal> {
        let section = self.section(index)?;
        let mut all = Vec::new();
        for (offset, relocation) in section.relocations() {
            if !part.contains(&(offset as usize)) {
                continue;
            }
            let (RelocationTarget::Symbol(symbol), RelocationFlags::Elf { r_type }) =
                (relocation.target(), relocation.flags())
            else {
                let message = "refers to an absolute address by a displacement, but the code may be placed anywhere: load \
                               the address into a register";
                return Err(self.refuse(None, message.into()));
            };
            all.push(Relocation {
                offset: offset as usize - part.start,
                kind: isa::relocation(r_type),
                number: r_type.0,
                symbol,
                addend: relocation.addend(),
            });
        }
        all.sort_by_key(|relocation| relocation.offset);
        Ok(all)
    }

    /// Returns what a relocation refers to.
    pub(super) fn target(&self, relocation: &Relocation) -> Result<Target, Refusal> {
        let symbol = self.reader.file.symbol_by_index(relocation.symbol).map_err(|error| self.broken(&error))?;
        let name = symbol.name().unwrap_or_default();
        if matches!(symbol.flags(), SymbolFlags::Elf { st_info, .. } if st_info.st_type() == elf::STT_GNU_IFUNC) {
            return Err(self.indirect_function(name));
        }
        match symbol.section() {
            SymbolSection::Section(section) => {
                let named = symbol.kind() != object::SymbolKind::Section;
                Ok(Target::Local { section, offset: symbol.address() as usize, named })
            }
            SymbolSection::Undefined => {
                if let Some(known) = self.reader.source.symbols.get(name) {
                    return Ok(Target::Symbol(*known));
                }
                if let Some(function) = builtins::NAMES.iter().position(|builtin| *builtin == name) {
                    return Ok(Target::Builtin(function));
                }
                if symbol.kind() == object::SymbolKind::Tls {
                    return Err(self.refuse(Some(name), THREAD_LOCAL.into()));
                }
                // The reader lists all such symbols of the block.
                let refusal = self.refuse(Some(name), format!("refers to `{name}`, which is not defined"));
                Err(Refusal { undefined: true, ..refusal })
            }
            _ => {
                let message =
                    format!("refers to `{name}`, which is in no section of the object file: make it `static const`");
                Err(self.refuse(Some(name), message))
            }
        }
    }

    /// Decodes machine code.
    pub(super) fn decode(&self, code: &[u8]) -> Result<Vec<Instruction>, Refusal> {
        isa::decode(code).map_err(|why| self.refuse(None, format!("contains bytes that are not instructions: {why}")))
    }
}
