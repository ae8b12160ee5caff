//! A module, decoded and validated: plain data that lowering and instances read.
//!
//! What is here is true of the module: [`Module::new`] is the only way to make one, it validates all of it, and
//! nothing changes it afterwards. Generated code relies on that.

pub(crate) mod const_expr;
pub(crate) mod decode;
pub(crate) mod error;
pub(crate) mod features;
pub(crate) mod progress;
pub(crate) mod trap;
pub(crate) mod types;

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

/// A valid module that uses nothing that is not supported.
#[derive(Default)]
pub struct Module {
    /// The module's bytes, to which all ranges refer.
    pub(crate) wasm: Box<[u8]>,
    pub(crate) types: Vec<FuncType>,
    pub(crate) imports: Vec<Import>,
    /// Of each function, imported ones first, the index of its type.
    pub(crate) functions: Vec<u32>,
    /// Of each function that is not imported the body, its locals included, in `wasm`.
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
    /// The function that instantiation calls.
    pub(crate) start: Option<u32>,
    pub(crate) elements: Vec<ElementSegment>,
    pub(crate) data: Vec<DataSegment>,
    /// Names of functions, for people.
    pub(crate) names: HashMap<u32, String>,
}

/// What an index refers to: one of the four index spaces of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Func(u32),
    Table(u32),
    Memory(u32),
    Global(u32),
}

/// What a module needs from outside.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) field: String,
    pub(crate) ty: ExternType,
}

/// What a module offers.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) item: Item,
}

/// What becomes of a segment at instantiation.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// It is put into this table or memory.
    Active { index: u32, offset: ConstExpr },
    /// It is kept for instructions.
    Passive,
    /// Nothing: it declares which functions the code refers to.
    Declared,
}

/// References to put into a table.
#[derive(Clone, Debug)]
pub(crate) struct ElementSegment {
    pub(crate) mode: Mode,
    pub(crate) items: References,
}

/// The references of an element segment.
#[derive(Clone, Debug)]
pub(crate) enum References {
    /// To functions, by their indices: there may be one for each byte of the module.
    Functions(Box<[u32]>),
    Expressions(Box<[ConstExpr]>),
}

/// Bytes to put into a memory.
#[derive(Clone, Debug)]
pub(crate) struct DataSegment {
    pub(crate) mode: Mode,
    /// The bytes, in the module's.
    pub(crate) bytes: Range<usize>,
}

impl Module {
    /// Decodes and validates a module in the binary format.
    ///
    /// # Errors
    /// [`Error::Invalid`], and [`Error::Unsupported`] if it uses a part of WebAssembly that is not supported, or needs
    /// a newer CPU: one with SSE 4.2 for vectors.
    pub fn new(wasm: &[u8]) -> Result<Self, Error> {
        Self::of_version(wasm, Version::default())
    }

    /// Decodes and validates a module in the binary format, by an earlier version of WebAssembly.
    ///
    /// # Errors
    /// Those of [`new`](Self::new): [`Error::Unsupported`] if it is valid by a later version.
    pub fn of_version(wasm: &[u8], version: Version) -> Result<Self, Error> {
        decode(wasm, version, &mut nobody)
    }

    /// Decodes and validates a module in the text format, or in the binary one.
    ///
    /// # Errors
    /// [`Error::Text`], and those of [`new`](Self::new).
    pub fn from_text(text: &[u8]) -> Result<Self, Error> {
        Self::new(&Self::binary(text)?)
    }

    /// A module in the binary format, of either format.
    pub(crate) fn binary(text: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
        wat::parse_bytes(text).map_err(|error| Error::Text(error.to_string()))
    }

    /// What the module needs from outside: the names of the module and the field, and the type, in order.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str, &ExternType)> {
        self.imports.iter().map(|import| (&*import.module, &*import.field, &import.ty))
    }

    /// What the module offers: the names and the types, in order.
    pub fn exports(&self) -> impl Iterator<Item = (&str, ExternType)> {
        self.exports.iter().map(|export| (&*export.name, self.item_type(export.item)))
    }

    /// The type of a function. Indices count imported functions first.
    #[must_use]
    pub fn function_type(&self, index: u32) -> Option<&FuncType> {
        self.functions.get(index as usize).map(|&ty| self.ty(ty))
    }

    /// A name for a function: that in the name section, or that by which it is exported or imported.
    #[must_use]
    pub fn function_name(&self, index: u32) -> Option<&str> {
        self.names.get(&index).map(|name| &**name)
    }

    /// Number of functions, imported ones included.
    #[must_use]
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// Number of imported functions. Their indices come before all others.
    #[must_use]
    pub fn imported_functions(&self) -> usize {
        self.functions.len() - self.bodies.len()
    }

    /// Size of a function's body in bytes, its locals included. `defined` does not count imported functions.
    #[must_use]
    pub fn body_size(&self, defined: usize) -> Option<usize> {
        self.bodies.get(defined).map(ExactSizeIterator::len)
    }

    /// The type with this index, which is one of the module's.
    pub(crate) fn ty(&self, index: u32) -> &FuncType {
        &self.types[index as usize]
    }

    /// A function's locals and operators. `defined` does not count imported functions. Offsets are the module's.
    pub(crate) fn body(&self, defined: usize) -> FunctionBody<'_> {
        let range = self.bodies[defined].clone();
        FunctionBody::new(BinaryReader::new_features(&self.wasm[range.clone()], range.start as u64, FEATURES))
    }

    /// The type of what an index refers to.
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
