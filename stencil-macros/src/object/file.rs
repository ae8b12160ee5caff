//! What the object file says.

use object::elf::{self, FileHeader64};
use object::read::elf::SectionHeader as _;
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags, RelocationTarget, SectionIndex,
    SymbolSection,
};

use super::refusal::THREAD_LOCAL;
use super::{Builder, Relocation, Target};
use crate::model::{LIBC, Refusal};
use crate::x86_64::{self, Decoded};

impl<'d> Builder<'_, 'd, '_> {
    pub(super) fn section(
        &self,
        index: SectionIndex,
    ) -> Result<object::read::elf::ElfSection<'d, '_, FileHeader64<Endianness>>, Refusal> {
        self.reader.file.section_by_index(index).map_err(|error| self.broken(&error))
    }

    pub(super) fn section_bytes(&self, index: SectionIndex) -> Result<Vec<u8>, Refusal> {
        self.section(index)?.data().map(<[u8]>::to_vec).map_err(|error| self.broken(&error))
    }

    pub(super) fn section_alignment(&self, index: SectionIndex) -> u64 {
        self.section(index).map_or(1, |section| section.align().max(1))
    }

    pub(super) fn is_code(&self, index: SectionIndex) -> bool {
        self.section(index).is_ok_and(|section| section.kind() == object::SectionKind::Text)
    }

    /// Refuses sections that a program could write to, or that each thread has its own of.
    pub(super) fn readable(&self, index: SectionIndex) -> Result<(), Refusal> {
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
    pub(super) fn symbol_in(&self, index: SectionIndex) -> Option<String> {
        let symbols = self.reader.file.symbols();
        let name = symbols.filter(|symbol| symbol.section_index() == Some(index)).find_map(|symbol| {
            symbol.name().ok().filter(|name| !name.is_empty() && !name.starts_with('.')).map(str::to_owned)
        })?;
        // A static local is called `function.name` by clang and `name.number` by gcc.
        let mut parts =
            name.split('.').filter(|part| part.parse::<u32>().is_err() && !part.starts_with("stencil_uop_"));
        parts.next().map(str::to_owned)
    }

    pub(super) fn relocations(&self, index: SectionIndex) -> Result<Vec<Relocation>, Refusal> {
        let section = self.section(index)?;
        let mut all = Vec::new();
        for (offset, relocation) in section.relocations() {
            let (RelocationTarget::Symbol(symbol), RelocationFlags::Elf { r_type }) =
                (relocation.target(), relocation.flags())
            else {
                let message = "refers to a fixed address by its distance, and the code may be anywhere: have the \
                               address in a register";
                return Err(self.refuse(None, message.into()));
            };
            all.push(Relocation { offset: offset as usize, r_type, symbol, addend: relocation.addend() });
        }
        all.sort_by_key(|relocation| relocation.offset);
        Ok(all)
    }

    pub(super) fn target(&self, relocation: &Relocation) -> Result<Target, Refusal> {
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

    pub(super) fn decode(&self, code: &[u8]) -> Result<Vec<Decoded>, Refusal> {
        x86_64::decode(code).map_err(|why| self.refuse(None, format!("has bytes that are no instructions: {why}")))
    }
}
