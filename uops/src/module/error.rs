//! Everything that can go wrong between the bytes of a module and the results of a call.

use std::fmt;

use crate::module::trap::Trap;
use crate::module::types::{ExternType, FuncType, Tuple, ValueType};
use crate::runtime::backtrace::Backtrace;

/// Why a module could not be loaded, instantiated or run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a valid module.
    Invalid {
        /// What is wrong, in the validator's words.
        message: String,
        /// Where: an offset in the module.
        offset: u64,
    },
    /// The text is not a module in the text format. Holds the message, which shows the place.
    Text(String),
    /// The module needs a part of WebAssembly that is not supported, at all or on this CPU.
    Unsupported {
        /// What it needs, in words like `threads`.
        what: String,
        /// Where: an offset in the module.
        offset: u64,
    },
    /// Nothing has been defined for an import.
    UnknownImport {
        /// The name of the module to import from.
        module: String,
        /// The name of what to import.
        field: String,
        /// The type that it has to have.
        wanted: Box<ExternType>,
    },
    /// What has been defined for an import has another type.
    IncompatibleImport {
        /// The name of the module to import from.
        module: String,
        /// The name of what to import.
        field: String,
        /// The type that it has to have.
        wanted: Box<ExternType>,
        /// The type that it has.
        found: Box<ExternType>,
    },
    /// The instance exports nothing of this name.
    UnknownExport {
        /// The name.
        name: String,
        /// The names that it does export.
        exports: Vec<String>,
    },
    /// The export of this name is not of the kind that was asked for.
    WrongExport {
        /// The name.
        name: String,
        /// What was asked for: a function, a table, a memory or a global.
        wanted: &'static str,
        /// What it is.
        found: Box<ExternType>,
    },
    /// A function was called with arguments of the wrong number or types.
    WrongArguments {
        /// The types that it takes.
        ty: Box<FuncType>,
        /// The types that it was given.
        given: Box<[ValueType]>,
    },
    /// A text is no value of the type.
    BadValue {
        /// The type.
        ty: ValueType,
        /// The text.
        text: String,
    },
    /// A global or an element of a table cannot be set to a value, because it is immutable or of another type.
    WrongValue {
        /// The type of the global or the table.
        ty: ExternType,
        /// The value's type.
        given: ValueType,
    },
    /// A handle was used with a store that it does not belong to.
    OtherStore,
    /// A function of the module could not go on.
    Trap {
        /// Why.
        trap: Trap,
        /// Where.
        backtrace: Backtrace,
    },
    /// A function has another type than Rust was told.
    WrongType {
        /// The type that Rust was told.
        wanted: Box<FuncType>,
        /// The type that it has.
        found: Box<FuncType>,
    },
    /// A host function failed.
    Host {
        /// Its name.
        function: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Who called it.
        backtrace: Backtrace,
    },
    /// A table or a memory is larger than the store's options allow.
    TooLarge {
        /// What: `table` or `memory`.
        what: &'static str,
        /// Elements or pages that it has to have.
        size: u64,
        /// Elements or pages that it may have.
        limit: u64,
    },
    /// There are more tables or memories than the store's options allow.
    TooMany {
        /// What: `tables` or `memories`.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The operating system gave no memory.
    OutOfMemory {
        /// What it was for.
        what: &'static str,
        /// Bytes that were asked for.
        size: u64,
    },
    /// The machine code could not be made.
    Code(stencil_runtime::Error),
}

impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { message: error.message().to_owned(), offset: error.offset() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { message, offset } => write!(f, "invalid module: {message}, at byte {offset}"),
            Self::Text(message) => write!(f, "malformed text: {message}"),
            Self::Unsupported { what, offset } => write!(
                f,
                "not supported: {what}, at byte {offset}; compile the module without that (with clang, `-mcpu=mvp` \
                 leaves out all that is newer than WebAssembly 1.0)"
            ),
            Self::UnknownImport { module, field, wanted } => {
                write!(f, "unknown import: the module needs `{module}`.`{field}`, a {wanted}, and it is not defined")
            }
            Self::IncompatibleImport { module, field, wanted, found } => write!(
                f,
                "incompatible import type: the module needs `{module}`.`{field}` to be a {wanted}, and it is \
                 defined as a {found}"
            ),
            Self::UnknownExport { name, exports } if exports.is_empty() => {
                write!(f, "there is no export `{name}`: the module exports nothing")
            }
            Self::UnknownExport { name, exports } => {
                write!(f, "there is no export `{name}`; there are: {}", exports.join(", "))
            }
            Self::WrongExport { name, wanted, found } => {
                write!(f, "the export `{name}` is no {wanted}: it is a {found}")
            }
            Self::WrongArguments { ty, given } => {
                write!(f, "a function of type {ty} was given the arguments {}", Tuple(given.iter()))
            }
            Self::BadValue { ty: ty @ (ValueType::I32 | ValueType::I64), text } => {
                write!(f, "`{text}` is no {ty}: write a number in decimal, or in hexadecimal after 0x, of its range")
            }
            Self::BadValue { ty: ty @ ValueType::Ref(_), text } => {
                write!(f, "`{text}` is no {ty}: write null, the only one that can be written")
            }
            Self::BadValue { ty: ty @ ValueType::V128, text } => {
                write!(f, "`{text}` is no {ty}: write 128 bits in hexadecimal after 0x")
            }
            Self::BadValue { ty, text } => write!(f, "`{text}` is no {ty}: write a decimal number, inf or nan"),
            Self::WrongValue { ty, given } => write!(f, "a {ty} cannot be set to a value of type {given}"),
            Self::OtherStore => {
                f.write_str("the handle belongs to another store: use it with the store that it came from")
            }
            Self::Trap { trap, .. } => trap.fmt(f),
            Self::WrongType { wanted, found } => write!(f, "the function's type is {found}, not {wanted}"),
            Self::Host { function, source, .. } => write!(f, "host function {function}: {source}"),
            Self::TooLarge { what, size, limit } => {
                write!(f, "a {what} of size {size} is larger than the limit {limit}: raise it in the store's options")
            }
            Self::TooMany { what, limit } => {
                write!(f, "the store may have {limit} {what} in all: raise that in its options")
            }
            Self::OutOfMemory { what, size } => write!(f, "the system gave no {size} bytes of memory for a {what}"),
            Self::Code(error) => write!(f, "the machine code could not be made: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Trap { trap, .. } => Some(trap),
            Self::Host { source, .. } => Some(&**source),
            Self::Code(error) => Some(error),
            _ => None,
        }
    }
}

impl Error {
    /// The trap that ended a call, if one did. A host function's failure is [`Trap::Host`].
    #[must_use]
    pub fn trap(&self) -> Option<Trap> {
        match self {
            Self::Trap { trap, .. } => Some(*trap),
            Self::Host { .. } => Some(Trap::Host),
            _ => None,
        }
    }

    /// The functions that were running, if one of them could not go on.
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        match self {
            Self::Trap { backtrace, .. } | Self::Host { backtrace, .. } => Some(backtrace),
            _ => None,
        }
    }

    /// Adds who called.
    pub(crate) fn called_from(mut self, outer: Backtrace) -> Self {
        if let Self::Trap { backtrace, .. } | Self::Host { backtrace, .. } = &mut self {
            backtrace.append(outer);
        }
        self
    }
}

impl From<Trap> for Error {
    fn from(trap: Trap) -> Self {
        Self::Trap { trap, backtrace: Backtrace::default() }
    }
}

impl From<stencil_runtime::Error> for Error {
    fn from(error: stencil_runtime::Error) -> Self {
        Self::Code(error)
    }
}
