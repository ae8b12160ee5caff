//! Symbols that nothing defines or declares: all of a block at once, each with the item to write.

use std::collections::{BTreeMap, HashSet};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags, RelocationTarget, SymbolSection};
use proc_macro2::Span;

use super::{Function, Reader};
use crate::ast::Uop;
use crate::builtins;
use crate::instruction::{self, Field, RelocationKind};
use crate::isa;
use crate::model::{PatchKind, Refusal};

/// The most uops that are named for a symbol.
const NAMED: usize = 3;

/// The uses of one symbol.
struct Missing<'b> {
    /// Whether an instruction calls it or jumps to it.
    is_function: bool,
    /// None for the machine's entry.
    users: Vec<Option<&'b Uop>>,
}

impl<'b> Reader<'_, 'b> {
    /// Returns a refusal that lists the symbols which `functions` refer to and nothing declares.
    pub(super) fn missing(&self, functions: &[(Function, Option<&'b Uop>)]) -> Option<Refusal> {
        let mut all: BTreeMap<String, Missing<'b>> = BTreeMap::new();
        for (function, uop) in functions {
            for (name, called) in self.undefined(function) {
                let missing = all.entry(name).or_insert(Missing { is_function: false, users: Vec::new() });
                missing.is_function |= called;
                // The members of a family come one after another.
                if missing.users.last().is_none_or(|last| last.map(|uop| &uop.name) != uop.map(|uop| &uop.name)) {
                    missing.users.push(*uop);
                }
            }
        }
        let (first, uses) = all.first_key_value()?;
        let message = if all.len() == 1 {
            let path = if uses.is_function {
                format!("extern fn {first}(...) = path::to::function;")
            } else {
                format!("extern static {first}: type = path::to::STATIC;")
            };
            format!(
                "{} to `{first}`, which is not defined. If a linked library has it, add `{}`. For a Rust item, add `{path}`. Otherwise \
                 define it in a `c {{ }}` block",
                uses.sentence(),
                uses.declaration(first),
            )
        } else {
            let lines = all.iter().map(|(name, uses)| format!("\n    {} // {}", uses.declaration(name), uses.list()));
            format!(
                "{} symbols are not defined. If linked libraries have them, add these items:{}\nFor a Rust item, write its type and its \
                 path, `extern fn name(...) = path::to::function;`. Define all others in a `c {{ }}` block",
                all.len(),
                lines.collect::<String>()
            )
        };
        Some(Refusal { span: self.place(first, uses), message, undefined: true })
    }

    /// Returns the undeclared symbols that a function refers to, directly or through other functions and constants, and whether an
    /// instruction calls them.
    fn undefined(&self, function: &Function) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        let (mut seen, mut work) =
            (HashSet::from([function.section]), vec![(function.section, function.range.clone())]);
        while let Some((index, range)) = work.pop() {
            let Ok(section) = self.file.section_by_index(index) else { continue };
            let code = section.data().ok().and_then(|data| data.get(range.start..range.end.min(data.len())));
            let is_code = section.kind() == object::SectionKind::Text;
            let decoded = code.filter(|_| is_code).and_then(|code| isa::decode(code).ok()).unwrap_or_default();
            for (offset, relocation) in section.relocations() {
                let RelocationTarget::Symbol(symbol) = relocation.target() else { continue };
                let (true, Ok(symbol)) = (range.contains(&(offset as usize)), self.file.symbol_by_index(symbol)) else {
                    continue;
                };
                match symbol.section() {
                    SymbolSection::Section(other) if seen.insert(other) => work.push((other, 0..usize::MAX)),
                    SymbolSection::Undefined if symbol.kind() != object::SymbolKind::Tls => {
                        let name = symbol.name().unwrap_or_default();
                        let known = name.is_empty()
                            || self.source.symbols.contains_key(name)
                            || builtins::NAMES.contains(&name);
                        let kind = match relocation.flags() {
                            RelocationFlags::Elf { r_type } => isa::relocation(r_type),
                            _ => RelocationKind::Unknown,
                        };
                        if !known && kind != RelocationKind::ThreadLocal {
                            let at = offset as usize - range.start;
                            let item = decoded.get(instruction::index_at(&decoded, at));
                            let field = item.and_then(|item| item.field(at, PatchKind::Rel32.size()));
                            // The code model says that data is far and functions are near.
                            let is_near = matches!(kind, RelocationKind::Narrow(_));
                            found.push((name.to_owned(), is_near || matches!(field, Some(Field::Call | Field::Jump))));
                        }
                    }
                    _ => {}
                }
            }
        }
        found
    }

    /// Returns the first place where the user wrote the symbol, or else the first uop that refers to it.
    fn place(&self, name: &str, uses: &Missing<'_>) -> Span {
        let uops = || uses.users.iter().flatten();
        let flag = self.block.flags.first().map(syn::LitStr::span);
        let written = uops().find_map(|uop| self.source.find(uop, name));
        let uop = uops().next().map(|uop| uop.name.span());
        written.or(uop).or(flag).unwrap_or_else(|| self.block.machine.name.span())
    }
}

impl Missing<'_> {
    fn declaration(&self, name: &str) -> String {
        if self.is_function { format!("extern fn {name}(..);") } else { format!("extern static {name}: ..;") }
    }

    /// Returns the users, as many as are worth reading.
    fn list(&self) -> String {
        let names = self.users.iter().map(|user| match user {
            Some(uop) => format!("`{}`", uop.name),
            None => "the entry of the machine".into(),
        });
        let rest = self.users.len().saturating_sub(NAMED);
        let named: Vec<_> = names.take(NAMED).chain((rest > 0).then(|| format!("{rest} more"))).collect();
        named.join(", ")
    }

    fn sentence(&self) -> String {
        match self.users[..] {
            [Some(_)] => format!("uop {} refers", self.list()),
            [_] => format!("{} refers", self.list()),
            [Some(_), ..] => format!("uops {} refer", self.list()),
            _ => format!("{} refer", self.list()),
        }
    }
}
