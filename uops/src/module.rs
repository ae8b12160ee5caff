//! Modules, decoded and validated: plain data that lowering and instances read.
//!
//! All constructors of [`Module`] validate the whole module, and nothing changes it afterwards. Generated code relies on
//! that.

pub(crate) mod allocate;
pub(crate) mod backtrace;
pub(crate) mod const_expr;
pub(crate) mod decode;
pub(crate) mod error;
pub(crate) mod features;
pub(crate) mod headroom;
mod pieces;
pub(crate) mod progress;
pub(crate) mod trap;
pub(crate) mod types;
pub(crate) mod validate;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use wasmparser::{BinaryReader, FunctionBody};

use crate::module::const_expr::ConstExpr;
use crate::module::decode::decode;
use crate::module::error::Error;
use crate::module::features::{FEATURES, Version};
use crate::module::progress::nobody;
use crate::module::types::{ExternType, FuncType, GlobalType, MemoryType, TableType};

/// The largest module, in bytes, so that offsets and labels have 32 bits. (The JavaScript API has the same limit.)
pub(crate) const MAX_SIZE: u64 = 1 << 30;

/// The most types, functions, tables, memories and globals that a module may have of each kind, imports included.
pub(crate) const MAX_ITEMS: u32 = 1_000_000;

/// A valid module that uses supported features only.
#[derive(Default)]
pub struct Module {
    /// The module in the binary format. All ranges refer to it.
    pub(crate) wasm: Box<[u8]>,
    pub(crate) types: Vec<FuncType>,
    pub(crate) imports: Vec<Import>,
    /// The index of each function's type, imported functions first.
    pub(crate) functions: Vec<u32>,
    /// The body of each function that is not imported, locals included, as a range of `wasm`.
    pub(crate) bodies: Vec<Range<usize>>,
    /// The tables, imported ones first.
    pub(crate) tables: Vec<TableType>,
    /// The memories, imported ones first.
    pub(crate) memories: Vec<MemoryType>,
    /// The globals, imported ones first.
    pub(crate) globals: Vec<GlobalType>,
    /// The initial values of globals that are not imported.
    pub(crate) global_inits: Vec<ConstExpr>,
    pub(crate) exports: Vec<Export>,
    /// The start function.
    pub(crate) start: Option<u32>,
    pub(crate) elements: Vec<ElementSegment>,
    pub(crate) data: Vec<DataSegment>,
    /// Names of functions, for diagnostics.
    pub(crate) names: HashMap<u32, String>,
}

/// An index into one of the four index spaces of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Func(u32),
    Table(u32),
    Memory(u32),
    Global(u32),
}

/// An import.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) field: String,
    pub(crate) ty: ExternType,
}

/// An export.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// The mode of a segment: its use at instantiation.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// It is copied into this table or memory.
    Active { index: u32, offset: ConstExpr },
    /// It is kept for instructions.
    Passive,
    /// It has no use but to declare the functions to which the code refers.
    Declared,
}

/// An element segment.
#[derive(Clone, Debug)]
pub(crate) struct ElementSegment {
    pub(crate) mode: Mode,
    pub(crate) items: References,
}

/// The references of an element segment.
#[derive(Clone, Debug)]
pub(crate) enum References {
    /// Indices of functions. There may be one for each byte of the module.
    Functions(Box<[u32]>),
    Expressions(Box<[ConstExpr]>),
}

impl References {
    /// The number of references.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Functions(indices) => indices.len(),
            Self::Expressions(items) => items.len(),
        }
    }
}

/// A data segment.
#[derive(Clone, Debug)]
pub(crate) struct DataSegment {
    pub(crate) mode: Mode,
    /// The bytes, as a range of the module.
    pub(crate) bytes: Range<usize>,
}

impl Module {
    /// Decodes and validates a module in the binary format.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Unsupported`] if the module uses an unsupported feature, or vectors on a CPU without
    /// SSE 4.2; [`Error::Limit`] if it exceeds a limit; [`Error::OutOfMemory`].
    pub fn new(wasm: &[u8]) -> Result<Self, Error> {
        Self::with_version(wasm, Version::default())
    }

    /// Decodes and validates a module in the binary format, by this version of WebAssembly.
    ///
    /// # Errors
    /// Those of [`new`](Self::new). A module that is valid by a later version only is [`Error::Unsupported`].
    pub fn with_version(wasm: &[u8], version: Version) -> Result<Self, Error> {
        decode(wasm, version, &mut nobody)
    }

    /// Decodes and validates a module in the text format or the binary format.
    ///
    /// # Errors
    /// [`Error::Text`], and those of [`new`](Self::new).
    pub fn from_text(text: &[u8]) -> Result<Self, Error> {
        Self::new(&Self::binary(text)?)
    }

    /// Converts a module in either format to the binary format.
    pub(crate) fn binary(text: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
        wat::parse_bytes(text).map_err(|error| Error::Text(error.to_string()))
    }

    /// The imports in order: the name of the module, the name of the item, and its type.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str, &ExternType)> {
        self.imports.iter().map(|import| (&*import.module, &*import.field, &import.ty))
    }

    /// The exports in order: name and type.
    pub fn exports(&self) -> impl Iterator<Item = (&str, ExternType)> {
        self.exports.iter().map(|export| (&*export.name, self.item_type(export.item)))
    }

    /// The type of a function. Imported functions have the first indices.
    #[must_use]
    pub fn function_type(&self, index: u32) -> Option<&FuncType> {
        self.functions.get(index as usize).map(|&ty| self.ty(ty))
    }

    /// The name of a function: from the name section if it has one, otherwise from its export or import.
    #[must_use]
    pub fn function_name(&self, index: u32) -> Option<&str> {
        self.names.get(&index).map(|name| &**name)
    }

    /// The number of functions, including imported ones.
    #[must_use]
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// The number of imported functions. They have the first indices.
    #[must_use]
    pub fn imported_functions(&self) -> usize {
        self.functions.len() - self.bodies.len()
    }

    /// The size of a function's body in bytes, including locals. `defined` does not count imported functions.
    #[must_use]
    pub fn body_size(&self, defined: usize) -> Option<usize> {
        self.bodies.get(defined).map(ExactSizeIterator::len)
    }

    /// The type with this index, which is valid.
    pub(crate) fn ty(&self, index: u32) -> &FuncType {
        &self.types[index as usize]
    }

    /// The locals and operators of a function. `defined` does not count imported functions. Offsets are relative to the
    /// module.
    pub(crate) fn body(&self, defined: usize) -> FunctionBody<'_> {
        let range = self.bodies[defined].clone();
        FunctionBody::new(BinaryReader::new_features(&self.wasm[range.clone()], range.start as u64, FEATURES))
    }

    /// The type of an item.
    pub(crate) fn item_type(&self, item: Item) -> ExternType {
        match item {
            Item::Func(index) => ExternType::Func(self.ty(self.functions[index as usize]).clone()),
            Item::Table(index) => ExternType::Table(self.tables[index as usize]),
            Item::Memory(index) => ExternType::Memory(self.memories[index as usize]),
            Item::Global(index) => ExternType::Global(self.globals[index as usize]),
        }
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("size", &self.wasm.len())
            .field("imports", &self.imports)
            .field("exports", &self.exports)
            .field("functions", &self.bodies.len())
            .finish_non_exhaustive()
    }
}
