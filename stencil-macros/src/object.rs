//! Reads stencils from the object file.
//!
//! Each uop is a function of the object file; its symbol says where the function begins and ends. A constant that
//! the function refers to becomes a static of the executable, which all uops of the block share, so that its address
//! is the same for all of them and stays valid. Helper functions, constants that hold addresses of code, and the
//! content of constants that an instruction reads relative to itself are copied to the stencil's data. All
//! relocations become patches. The reader refuses what cannot become one, with the uop's name and a remedy.

mod code;
mod constant;
mod data;
mod escape;
mod field;
mod file;
pub mod handler;
mod missing;
mod narrow;
mod operands;
mod refusal;

use std::collections::HashMap;
use std::ops::Range;

use object::elf::FileHeader64;
use object::read::elf::{ElfFile, FileHeader as _};
use object::{Endianness, Object as _, ObjectSection as _, SectionIndex, SymbolIndex};

use crate::ast::{Block, Uop};
use crate::builtins;
use crate::convention;
use crate::ctype::Type;
use crate::instruction::{Registers, RelocationKind};
use crate::isa;
use crate::isa::probe::Convention;
use crate::model::{Abi, Objects, Patch, PatchKind, Refusal, Section, Static, Stencil, Symbol, Value};
use crate::source::{self, Source};
use narrow::Ranges;

type Elf<'d> = ElfFile<'d, FileHeader64<Endianness>>;

/// Returns what to do about an object file without usable code.
fn remedy() -> String {
    format!(
        "leave out flags that make the compiler write something other than {} machine code, such as `-flto`, `-emit-llvm` \
         or `-m32`",
        isa::NAME
    )
}

/// Returns a refusal of the whole file.
fn broken(block: &Block, why: String) -> Vec<Refusal> {
    let message = format!("the object file {why}");
    vec![Refusal { span: block.machine.name.span(), message, undefined: false }]
}

/// Reads the object file of a block.
///
/// # Errors
/// One refusal for each uop that cannot become a stencil, or one for the whole file.
pub fn read<'b>(bytes: &[u8], block: &'b Block, source: &'b Source, abi: Abi) -> Result<Objects, Vec<Refusal>> {
    let broken = |why| broken(block, why);
    let mut reader = Reader::new(bytes, block, source, abi)?;
    let by_name: HashMap<String, Function> =
        reader.functions.iter().map(|function| (function.name.clone(), function.clone())).collect();
    let (mut refusals, mut undefined, mut unlisted) = (Vec::new(), Vec::new(), Vec::new());
    let mut stencil = |reader: &mut Reader<'_, '_>, name: &str, uop: Option<&'b Uop>| -> Option<Stencil> {
        let function = by_name.get(name)?;
        match Builder::forms(reader, function, uop) {
            Ok(stencil) => Some(stencil),
            Err(refusal) if refusal.undefined => {
                undefined.push((function.clone(), uop));
                unlisted.push(refusal);
                None
            }
            Err(refusal) => {
                // The members of a family fail for the same reason: report it once.
                if !refusals.iter().any(|other: &Refusal| other.message == refusal.message) {
                    refusals.push(refusal);
                }
                None
            }
        }
    };
    let declares = block.machine.continued.is_none();
    let [entry, fragment_entry] = [source::ENTRY, source::FRAGMENT_ENTRY]
        .map(|name| if declares { stencil(&mut reader, name, None) } else { None });
    let members = |(index, uop): (usize, &'b Uop)| {
        let mut members: Vec<_> = (0..uop.members().len())
            .map(|member| stencil(&mut reader, &source::function(index, member), Some(uop)))
            .collect();
        narrow::unify(&mut members);
        members
    };
    let uops: Vec<_> = block.uops.iter().enumerate().map(members).collect();
    match reader.missing(&undefined) {
        Some(list) => refusals.push(list),
        None => refusals.extend(unlisted),
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    // Only the condition of a family may leave members out, besides values between those of an enum's variants.
    let missing = |(uop, stencils): (&Uop, &Vec<Option<Stencil>>)| {
        let members = uop.members();
        let mut admitted = members.iter().zip(stencils).filter(|(values, _)| uop.admits(values));
        uop.condition.is_none() && admitted.any(|(_, stencil)| stencil.is_none())
    };
    if declares && (entry.is_none() || fragment_entry.is_none()) || block.uops.iter().zip(&uops).any(missing) {
        return Err(broken(format!("has no machine code; {}", remedy())));
    }
    let layout = reader.layout().map_err(broken)?;
    Ok(Objects { entry, fragment_entry, uops, statics: reader.statics, layout })
}

/// An object file and what has been read of it.
struct Reader<'d, 'b> {
    file: Elf<'d>,
    block: &'b Block,
    source: &'b Source,
    abi: Abi,
    /// Where uops find the registers of the machine, if it is known.
    convention: Option<Convention>,
    /// All functions that the object file defines.
    functions: Vec<Function>,
    /// The constants that uops of the block refer to.
    statics: Vec<Static>,
    /// Where each constant lives, by its section and its offset there: the index of a static, or, if every copy of a
    /// uop needs its own, none.
    homes: HashMap<(SectionIndex, usize), Option<usize>>,
}

/// A function of the object file: the bytes that its symbol covers.
#[derive(Clone, Debug)]
struct Function {
    name: String,
    section: SectionIndex,
    range: Range<usize>,
}

impl Function {
    fn of<'d>(symbol: &impl object::ObjectSymbol<'d>) -> Option<Self> {
        let (name, section) = (symbol.name().ok()?.to_owned(), symbol.section_index()?);
        let start = symbol.address() as usize;
        let range = start..start.checked_add(symbol.size() as usize)?;
        (symbol.kind() == object::SymbolKind::Text).then_some(Self { name, section, range })
    }
}

impl<'d, 'b> Reader<'d, 'b> {
    fn new(bytes: &'d [u8], block: &'b Block, source: &'b Source, abi: Abi) -> Result<Self, Vec<Refusal>> {
        let broken = |why| broken(block, why);
        let file = Elf::parse(bytes).map_err(|error| broken(format!("cannot be read: {error}; {}", remedy())))?;
        if file.elf_header().e_machine(file.endian()) != isa::MACHINE {
            return Err(broken(format!(
                "is not for {0}: leave out flags that choose another target, or set STENCIL_CC to a compiler for {0}",
                isa::NAME
            )));
        }
        let fits = |function: &Function| {
            file.section_by_index(function.section).is_ok_and(|section| function.range.end as u64 <= section.size())
        };
        let functions = file.symbols().filter_map(|symbol| Function::of(&symbol)).filter(fits).collect();
        let convention = convention::of_machine(bytes, block, abi);
        Ok(Self { file, block, source, abi, convention, functions, statics: Vec::new(), homes: HashMap::new() })
    }

    /// Returns the registers in which the machine's values are where a uop begins and where it goes to another one, and the
    /// stack pointer. Returns all registers if the convention is not known.
    fn machine_registers(&self) -> Registers {
        let Some(convention) = &self.convention else { return Registers::GENERAL };
        let fields = &self.block.machine.parameters;
        convention.parameters().zip(fields).fold(isa::STACK, |all, (register, field)| match (register, &field.ty.c) {
            (None, _) => all,
            // C says nothing of the upper half of a register that holds a shorter integer.
            (Some(register), Type::Integer { bits: ..=32, .. } | Type::Bool) => all.with(Registers::lower(register)),
            (Some(register), _) => all.with(Registers::from(&[register])),
        })
    }

    /// Returns the table that [`Source`] puts into the layout section.
    fn layout(&self) -> Result<Vec<u64>, String> {
        let Some(section) = self.file.section_by_name(source::LAYOUT_SECTION) else { return Ok(Vec::new()) };
        let bytes = section.data().map_err(|error| format!("cannot be read: {error}"))?;
        Ok(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }
}

/// A relocation of the object file.
#[derive(Clone, Copy)]
struct Relocation {
    /// In the part of a section that was asked for.
    offset: usize,
    kind: RelocationKind,
    /// Its type as a number, for messages.
    number: u32,
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
    /// A symbol that the source declares and the object file does not define.
    Symbol(Symbol),
    /// One of the [`builtins`].
    Builtin(usize),
    /// A location in the object file. `named` tells a symbol of its own from the symbol of its section.
    Local { section: SectionIndex, offset: usize, named: bool },
}

fn fillings(relocations: Vec<Relocation>) -> Vec<Filling> {
    relocations.into_iter().map(Filling::Relocation).collect()
}

/// Builds one stencil.
struct Builder<'r, 'd, 'b> {
    reader: &'r mut Reader<'d, 'b>,
    /// None for the machine's entry.
    uop: Option<&'r Uop>,
    /// The values that the operands are assumed to have, by index, where their types allow more.
    assumed: &'r Ranges,
    /// The function that becomes the code.
    own: Function,
    stencil: Stencil,
    /// The parts of sections that have been copied to the data, each with its offset in the data.
    placed: Vec<(SectionIndex, Range<usize>, usize)>,
    /// The slots of the data that hold addresses, or operands as variables: value and addend, and the slot's offset.
    slots: Vec<((Value, i64), usize)>,
    /// The copied parts whose relocations have not been read yet.
    pending: Vec<(SectionIndex, Range<usize>, usize)>,
    /// What the disassembly shows for each field.
    names: HashMap<(Section, usize), String>,
    /// The range of the data that holds code out of line.
    outside: Option<Range<usize>>,
}

impl<'r, 'd, 'b> Builder<'r, 'd, 'b> {
    fn new(reader: &'r mut Reader<'d, 'b>, own: &Function, uop: Option<&'r Uop>, assumed: &'r Ranges) -> Self {
        Self {
            reader,
            uop,
            assumed,
            own: own.clone(),
            stencil: Stencil { data_alignment: 1, ..Stencil::default() },
            placed: Vec::new(),
            slots: Vec::new(),
            pending: Vec::new(),
            names: HashMap::new(),
            outside: None,
        }
    }

    fn build(
        reader: &'r mut Reader<'d, 'b>,
        own: &Function,
        uop: Option<&'r Uop>,
        assumed: &'r Ranges,
    ) -> Result<Stencil, Refusal> {
        let mut builder = Self::new(reader, own, uop, assumed);
        let (code, relocations) = builder.function(own.section, &own.range)?;
        builder.lay_out(code, relocations)?;
        while let Some((section, range, at)) = builder.pending.pop() {
            if builder.is_code(section) {
                let (code, relocations) = builder.function(section, &range)?;
                builder.stencil.data[at..at + range.len()].copy_from_slice(&code);
                builder.fields(Section::Data, at, Some(&code), &fillings(relocations))?;
            } else {
                builder.points_to_no_copy(section, &range)?;
                let relocations = builder.relocations(section, &range)?;
                builder.fields(Section::Data, at, None, &fillings(relocations))?;
            }
        }
        builder.finish()
    }

    /// Returns a function's code and relocations. Instructions that assume too much about addresses are rewritten.
    fn function(&mut self, section: SectionIndex, range: &Range<usize>) -> Result<(Vec<u8>, Vec<Relocation>), Refusal> {
        let mut code = self.section_bytes(section)?[range.clone()].to_vec();
        let mut relocations = self.relocations(section, range)?;
        self.stays_inside(section, range, &code, &relocations)?;
        self.fetch_addresses(&mut code, &mut relocations)?;
        self.keeps_addresses(section, range, &code, &relocations)?;
        Ok((code, relocations))
    }

    /// Adds a patch. A displacement counts from the location that is `rest` bytes after the field's start.
    fn patch(&mut self, patch: Patch, rest: i64) {
        let rest = if patch.kind == PatchKind::Rel32 { rest } else { 0 };
        let name = self.name(patch.value, patch.kind.factor(), patch.addend + rest);
        self.names.insert((patch.section, patch.offset), name);
        self.stencil.patches.push(patch);
    }

    /// Resolves the patches that do not depend on addresses, sorts the others, and clears their fields.
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
            let body = match patch.section {
                Section::Code => &mut self.stencil.code,
                Section::Data => &mut self.stencil.data,
            };
            let Some(field) = body.get_mut(field) else {
                return Err(self.broken(&"a relocation is outside of its section"));
            };
            field.fill(0);
            match target {
                Some(target) if patch.kind == PatchKind::Rel32 => {
                    let displacement = target as i64 + patch.addend - patch.offset as i64;
                    if !isa::set_displacement(field, displacement) {
                        return Err(self.too_large());
                    }
                }
                _ => self.stencil.patches.push(patch),
            }
        }
        self.stencil.patches.sort_by_key(|patch| (patch.section, patch.offset));
        self.stencil.disassembly = self.disassembly();
        Ok(self.stencil)
    }

    /// Returns the disassembly: the code with symbolic holes, then the code out of line.
    fn disassembly(&self) -> String {
        let names = |section: Section, from: usize| -> HashMap<usize, String> {
            let fields = self.names.iter().filter(|((s, offset), _)| *s == section && *offset >= from);
            fields.map(|((_, offset), name)| (offset - from, name.clone())).collect()
        };
        let mut text = isa::disassemble(&self.stencil.code, &names(Section::Code, 0));
        if let Some(outside) = &self.outside {
            let code = isa::disassemble(&self.stencil.data[outside.clone()], &names(Section::Data, outside.start));
            text = format!("{text}\nout of line, at data{:+}:\n{code}", outside.start);
        }
        text
    }

    /// Returns how the disassembly names a value times a factor.
    fn name(&self, value: Value, factor: u8, addend: i64) -> String {
        let mut offset = addend;
        let mut name = match value {
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
            Value::Builtin(function) => builtins::NAMES[function].into(),
            Value::Static(index) => self.reader.statics[index].name.clone(),
            Value::Handler(_) => unreachable!("stencils do not refer to handlers"),
        };
        if factor != 1 {
            name = format!("{name}*{factor}");
        }
        if offset == 0 { name } else { format!("{name}{offset:+}") }
    }

    fn operands(&self) -> &'r [crate::ast::Field] {
        self.uop.map_or(&[], |uop| &uop.operands)
    }

    fn operand_type(&self, operand: usize) -> &'r Type {
        &self.operands()[operand].ty.c
    }

    /// Returns whether bodies jump to an operand, or call it.
    fn is_code_operand(&self, operand: usize) -> bool {
        self.operand_type(operand).is_code()
    }

    /// Returns whether a relocation refers to an operand that bodies jump to.
    fn is_code_target(&self, relocation: &Relocation) -> bool {
        matches!(self.target(relocation), Ok(Target::Symbol(Symbol::Operand(operand))) if self.is_code_operand(operand))
    }
}
