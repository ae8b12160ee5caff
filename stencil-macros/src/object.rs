//! From the object file to stencils.
//!
//! Each uop is a section of code. What it refers to in other sections is gathered into its data, but for
//! read-only data that it refers to by absolute address, which stays in the executable, once for all. All
//! relocations become patches; what cannot become one is refused, with the uop's name and a remedy.

mod code;
mod data;
mod field;
mod file;
mod operands;
mod refusal;

use std::collections::HashMap;

use object::elf::{self, FileHeader64};
use object::read::elf::{ElfFile, FileHeader as _};
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, SectionIndex, SymbolIndex};

use crate::ast::{Block, Uop};
use crate::ctype::Type;
use crate::model::{Abi, LIBC, Objects, Patch, PatchKind, Refusal, Section, Static, Stencil, Symbol, Value};
use crate::source::{self, Source};
use crate::x86_64;

type Elf<'d> = ElfFile<'d, FileHeader64<Endianness>>;

/// Why there may be no code of use.
const PUT_OFF: &str = "leave out flags by which the compiler writes something else than machine code for x86-64, such as \
                       `-flto`, `-emit-llvm` or `-m32`";

/// Reads the object file of a block.
pub fn read(bytes: &[u8], block: &Block, source: &Source, abi: Abi) -> Result<Objects, Vec<Refusal>> {
    let broken =
        |why: String| vec![Refusal { span: block.machine.name.span(), message: format!("the object file {why}") }];
    let file = Elf::parse(bytes).map_err(|error| broken(format!("cannot be read: {error}; {PUT_OFF}")))?;
    if file.elf_header().e_machine(file.endian()) != elf::EM_X86_64 {
        return Err(broken(
            "is not for x86-64: leave out flags that choose another target, or name a compiler for it in STENCIL_CC"
                .into(),
        ));
    }
    let mut reader = Reader { file, block, source, abi, statics: Vec::new() };
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
    let uops: Vec<_> = block.uops.iter().enumerate().map(members).collect();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    // Of a family's members, only a condition leaves some out.
    let missing =
        |(uop, members): (&Uop, &Vec<Option<Stencil>>)| uop.condition.is_none() && members.iter().any(Option::is_none);
    if declares && entry.is_none() || block.uops.iter().zip(&uops).any(missing) {
        return Err(broken(format!("has no machine code; {PUT_OFF}")));
    }
    let layout = reader.layout().map_err(broken)?;
    Ok(Objects { entry, uops, statics: reader.statics, layout })
}

struct Reader<'d, 'b> {
    file: Elf<'d>,
    block: &'b Block,
    source: &'b Source,
    abi: Abi,
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
}

/// A field of the code or the data, and what goes there.
#[derive(Clone, Copy)]
enum Filling {
    Relocation(Relocation),
    /// An operand itself, where there was a load of its variable.
    Operand {
        offset: usize,
        operand: usize,
        kind: PatchKind,
        addend: i64,
    },
}

impl Filling {
    fn at(self, offset: usize) -> Self {
        match self {
            Self::Relocation(relocation) => Self::Relocation(Relocation { offset, ..relocation }),
            Self::Operand { operand, kind, addend, .. } => Self::Operand { offset, operand, kind, addend },
        }
    }
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

/// Gathers one stencil.
struct Builder<'r, 'd, 'b> {
    reader: &'r mut Reader<'d, 'b>,
    uop: Option<&'r Uop>,
    own: SectionIndex,
    stencil: Stencil,
    /// What has been copied to the data: section, its range, and where the range begins in the data.
    placed: Vec<(SectionIndex, std::ops::Range<usize>, usize)>,
    /// Slots in the data: the global offset table, and the variables of operands. Values, and where their slots are.
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
        let code = builder.section_bytes(own)?;
        let relocations = builder.relocations(own)?;
        builder.lay_out(code, relocations)?;
        while let Some((section, range, at)) = builder.pending.pop() {
            let bytes = builder.section_bytes(section)?;
            let mut relocations = builder.relocations(section)?;
            relocations.retain(|relocation| range.contains(&relocation.offset));
            relocations.iter_mut().for_each(|relocation| relocation.offset -= range.start);
            let code = builder.is_code(section).then_some(&bytes[range]);
            let fillings: Vec<Filling> = relocations.into_iter().map(Filling::Relocation).collect();
            builder.fields(Section::Data, at, code, &fillings)?;
        }
        builder.finish()
    }

    /// Adds a patch. A distance is from the end of the instruction, `rest` bytes behind the field's start.
    fn patch(&mut self, patch: Patch, rest: i64) {
        let name = self.name(patch.value, patch.addend + if patch.kind == PatchKind::Rel32 { rest } else { 0 });
        self.names.insert((patch.section, patch.offset), name);
        self.stencil.patches.push(patch);
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

    fn is_label_operand(&self, operand: usize) -> bool {
        self.operand_type(operand) == &Type::Label
    }

    fn is_label(&self, relocation: &Relocation) -> bool {
        matches!(self.target(relocation), Ok(Target::Symbol(Symbol::Operand(operand))) if self.is_label_operand(operand))
    }
}
