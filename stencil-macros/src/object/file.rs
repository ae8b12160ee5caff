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
use crate::model::{LIBC, Refusal};
use crate::x86_64::{self, Decoded};

/// The largest alignment of a constant, in bytes.
const MAX_ALIGNMENT: u64 = 1 << 16;

impl<'d> Builder<'_, 'd, '_> {
    pub(super) fn section(
        &self,
        index: SectionIndex,
    ) -> Result<object::read::elf::ElfSection<'d, '_, FileHeader64<Endianness>>, Refusal> {
        self.reader.file.section_by_index(index).map_err(|error| self.broken(&error))
    }

    /// The bytes of a section, as many as its size says.
    pub(super) fn section_bytes(&self, index: SectionIndex) -> Result<Vec<u8>, Refusal> {
        let section = self.section(index)?;
        let bytes = section.data().map_err(|error| self.broken(&error))?;
        if bytes.len() as u64 != section.size() {
            return Err(self.broken(&"a section has no content"));
        }
        Ok(bytes.to_vec())
    }

    /// The alignment, in bytes, that a constant has at an offset of a section.
    pub(super) fn alignment_at(&self, index: SectionIndex, offset: usize) -> Result<u64, Refusal> {
        let whole = self.section(index)?.align().max(1);
        if !whole.is_power_of_two() || whole > MAX_ALIGNMENT {
            return Err(self.overaligned(self.symbol_at(index, offset).as_deref(), whole));
        }
        Ok(if offset == 0 { whole } else { whole.min(1 << offset.trailing_zeros()) })
    }

    pub(super) fn is_code(&self, index: SectionIndex) -> bool {
        self.section(index).is_ok_and(|section| section.kind() == object::SectionKind::Text)
    }

    /// Refuses data that a program could write to, or that each thread has its own of. `at` is the offset that the uop
    /// refers to.
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

    /// The C name of what is at an offset of a section, if C has one for it.
    pub(super) fn symbol_at(&self, index: SectionIndex, at: usize) -> Option<String> {
        let symbols = self.reader.file.symbols().filter(|symbol| {
            let range = symbol.address()..=symbol.address().saturating_add(symbol.size());
            symbol.section_index() == Some(index) && range.contains(&(at as u64))
        });
        let mut names = symbols.filter_map(|symbol| symbol.name().ok().map(str::to_owned));
        let name = names.find(|name| !name.is_empty() && !name.starts_with('.')).or_else(|| {
            // A constant that clang made for an automatic variable has no symbol, and its section is named after it.
            let section = self.section(index).ok()?.name().ok()?.to_owned();
            section.split_once(".L__const.").map(|(_, name)| name.to_owned())
        })?;
        // A static local is called `function.name` by clang and `name.number` by gcc.
        name.rsplit('.').find(|part| part.parse::<u32>().is_err()).map(str::to_owned)
    }

    /// The function that an offset of a section of code is in.
    pub(super) fn function_at(&self, index: SectionIndex, at: usize) -> Option<&Function> {
        self.reader.functions.iter().find(|function| function.section == index && function.range.contains(&at))
    }

    /// The relocations of a part of a section, in ascending order, with offsets in that part.
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
                let message = "refers to a fixed address by its distance, and the code may be anywhere: have the \
                               address in a register";
                return Err(self.refuse(None, message.into()));
            };
            all.push(Relocation {
                offset: offset as usize - part.start,
                r_type,
                symbol,
                addend: relocation.addend(),
                truncated: false,
                slot: false,
            });
        }
        all.sort_by_key(|relocation| relocation.offset);
        Ok(all)
    }

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

    pub(super) fn decode(&self, code: &[u8]) -> Result<Vec<Decoded>, Refusal> {
        x86_64::decode(code).map_err(|why| self.refuse(None, format!("has bytes that are no instructions: {why}")))
    }
}
