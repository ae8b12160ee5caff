//! Constants: which of them live in the executable, and what they point to there.
//!
//! A constant has one address for the life of the process: it becomes a static. The exception is a constant that holds
//! what differs between the copies of a uop, which are addresses of their own code and operands. It is copied with the
//! uop.

use std::ops::Range;

use object::read::elf::SectionHeader as _;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionIndex, elf};

use super::{Builder, Relocation, Target};
use crate::instruction::RelocationKind;
use crate::model::{Pointer, Refusal, Static, Symbol, Value};
use crate::source;

/// A constant whose pointers are still to be read: its index among the statics, and where it is in the object file.
type Unread = (usize, SectionIndex, Range<usize>);

impl Builder<'_, '_, '_> {
    /// Returns the run-time value of an address in the object file. Code, and constants that differ between the copies of
    /// a uop, are in the stencil; other constants are statics.
    pub(super) fn address(
        &mut self,
        section: SectionIndex,
        (start, named): (usize, bool),
        effective: usize,
        addend: i64,
    ) -> Result<(Value, i64), Refusal> {
        if !self.is_code(section) {
            let range = self.entity(section, if named { start } else { effective })?;
            if let Some(index) = self.home(section, effective, &range)? {
                return Ok((Value::Static(index), start as i64 - range.start as i64 + addend));
            }
        }
        Ok((self.near(section, (start, named), effective)?, addend))
    }

    /// Returns the static that a constant becomes, or none if it differs between the copies of a uop. `at` is the offset in
    /// the section that the uop refers to.
    pub(super) fn home(
        &mut self,
        section: SectionIndex,
        at: usize,
        range: &Range<usize>,
    ) -> Result<Option<usize>, Refusal> {
        self.readable(section, at)?;
        let mut unread = Vec::new();
        let home = self.settle(section, range, &mut unread)?;
        // A loop rather than recursion, since constants may form circles and long chains.
        while let Some((index, section, range)) = unread.pop() {
            for relocation in self.relocations(section, &range)? {
                let (value, addend) = self.pointer(&relocation, (section, range.start), &mut unread)?;
                let pointer = Pointer { offset: relocation.offset, value, addend };
                self.reader.statics[index].pointers.push(pointer);
            }
        }
        Ok(home)
    }

    /// Decides where a constant lives, and adds the static, without its pointers yet, if it becomes one.
    fn settle(
        &mut self,
        section: SectionIndex,
        range: &Range<usize>,
        unread: &mut Vec<Unread>,
    ) -> Result<Option<usize>, Refusal> {
        let key = (section, range.start);
        if let Some(home) = self.reader.homes.get(&key) {
            return Ok(*home);
        }
        let home = if self.differs(section, range)? {
            None
        } else {
            let index = self.reader.statics.len();
            let name = self.symbol_at(section, range.start).unwrap_or_else(|| format!("constant{index}"));
            let bytes = self.section_bytes(section)?[range.clone()].to_vec();
            let alignment = self.alignment_at(section, range.start)?;
            let symbol = self.own_symbol(section, range.start);
            self.reader.statics.push(Static { name, symbol, bytes, alignment, pointers: Vec::new() });
            unread.push((index, section, range.clone()));
            Some(index)
        };
        self.reader.homes.insert(key, home);
        Ok(home)
    }

    /// Returns whether a constant holds something that differs between the copies of a uop.
    fn differs(&self, section: SectionIndex, range: &Range<usize>) -> Result<bool, Refusal> {
        let mut differs = false;
        for relocation in self.relocations(section, range)? {
            let place = || self.symbol_at(section, range.start + relocation.offset);
            match self.target(&relocation)? {
                Target::Symbol(Symbol::Host(_)) | Target::Builtin(_) => {}
                Target::Symbol(Symbol::Operand(operand)) if !self.is_code_operand(operand) => {
                    if !self.is_own_hole(&relocation) {
                        return Err(self.mixed_constants());
                    }
                    differs = true;
                }
                Target::Symbol(Symbol::Operand(operand) | Symbol::AddressOf(operand)) => {
                    let label = format!("the label `{}`", self.operands()[operand].name);
                    return Err(self.holds(place(), &label));
                }
                Target::Symbol(Symbol::Next) => return Err(self.holds(place(), "the next uop")),
                Target::Local { section, .. } if !self.is_code(section) => {}
                Target::Local { section: code, offset, .. } => {
                    let at = offset.wrapping_add_signed(relocation.addend as isize);
                    let function = self.function_at(code, at).map(|function| function.name.as_str());
                    if let Some(uop) = function.and_then(source::uop_of_function)
                        && function != Some(&self.own.name)
                    {
                        let uop = format!("the uop `{}`", self.reader.source.uops[uop]);
                        return Err(self.holds(place(), &uop));
                    }
                    differs = true;
                }
            }
        }
        Ok(differs)
    }

    /// Returns what a pointer in a constant points to. `holder` is the constant, by its section and its offset there.
    fn pointer(
        &mut self,
        relocation: &Relocation,
        holder: (SectionIndex, usize),
        unread: &mut Vec<Unread>,
    ) -> Result<(Value, i64), Refusal> {
        match relocation.kind {
            RelocationKind::Absolute => {}
            RelocationKind::Relative => return Err(self.relative_table()),
            _ => return Err(self.unknown(relocation)),
        }
        let addend = relocation.addend;
        match self.target(relocation)? {
            Target::Symbol(Symbol::Host(host)) => Ok((Value::Host(host), addend)),
            Target::Builtin(function) => Ok((Value::Builtin(function), addend)),
            Target::Local { section, offset, named } => {
                let effective = offset.wrapping_add_signed(addend as isize);
                self.readable(section, effective)?;
                let range = self.entity(section, if named { offset } else { effective })?;
                match self.settle(section, &range, unread)? {
                    Some(index) => Ok((Value::Static(index), offset as i64 - range.start as i64 + addend)),
                    None => Err(self.holds_copied(self.symbol_at(holder.0, holder.1), section, effective)),
                }
            }
            Target::Symbol(_) => Err(self.unknown(relocation)),
        }
    }

    /// Refuses a copied constant that points to another copied one: loading the pointer would yield the address of a
    /// copy.
    pub(super) fn points_to_no_copy(&mut self, section: SectionIndex, range: &Range<usize>) -> Result<(), Refusal> {
        for relocation in self.relocations(section, range)? {
            if let Target::Local { section: other, offset, named } = self.target(&relocation)?
                && !self.is_code(other)
            {
                let effective = offset.wrapping_add_signed(relocation.addend as isize);
                let pointee = self.entity(other, if named { offset } else { effective })?;
                if self.home(other, effective, &pointee)?.is_none() {
                    return Err(self.holds_copied(self.symbol_at(section, range.start), other, effective));
                }
            }
        }
        Ok(())
    }

    /// Returns whether an operand in a constant belongs to this uop. Without `-fdata-sections`, uops share sections.
    fn is_own_hole(&self, relocation: &Relocation) -> bool {
        let index = self.reader.block.uops.iter().position(|uop| self.uop.is_some_and(|own| std::ptr::eq(uop, own)));
        let symbol = self.reader.file.symbol_by_index(relocation.symbol);
        let name = symbol.as_ref().ok().and_then(|symbol| symbol.name().ok());
        index.zip(name).is_some_and(|(index, name)| name.starts_with(&source::holes_of(index)))
    }

    /// Returns what an offset of a section belongs to: a function, a mergeable constant or string, or the whole section.
    pub(super) fn entity(&self, index: SectionIndex, at: usize) -> Result<Range<usize>, Refusal> {
        let section = self.section(index)?;
        let header = section.elf_section_header();
        let endian = self.reader.file.endian();
        let flags = header.sh_flags(endian);
        let size = section.size() as usize;
        if self.is_code(index) {
            // Functions written in assembly may have no size.
            return Ok(self.function_at(index, at).map_or(0..size, |function| function.range.clone()));
        }
        let entry = header.sh_entsize(endian) as usize;
        // An address outside the section belongs to no constant in particular.
        if !flags.contains(elf::SHF_MERGE) || entry == 0 || at >= size {
            return Ok(0..size);
        }
        let start = at / entry * entry;
        if !flags.contains(elf::SHF_STRINGS) {
            return Ok(start..size.min(start + entry));
        }
        let bytes = self.section_bytes(index)?;
        let is_end = |unit: &[u8]| unit.iter().all(|&byte| byte == 0);
        let first = bytes[..start].chunks_exact(entry).rposition(is_end).map_or(0, |end| (end + 1) * entry);
        let rest = bytes[start..].chunks_exact(entry).position(is_end).map_or(size, |end| start + (end + 1) * entry);
        Ok(first..rest)
    }
}
