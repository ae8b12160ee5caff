//! Errors, from decoding a module to running it.

use std::fmt;

use crate::module::backtrace::Backtrace;
use crate::module::features::remedy;
use crate::module::trap::Trap;
use crate::module::types::{ExternType, FuncType, Tuple, ValueType};

/// The reason why a module could not be loaded, instantiated or run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a valid module.
    Invalid {
        /// The validator's message.
        message: String,
        /// The offset in the module, in bytes.
        offset: u64,
    },
    /// The source is not a module in the text format. Holds the message, which shows the location.
    Text(String),
    /// The module needs a feature of WebAssembly that is not supported, at all or on this CPU.
    Unsupported {
        /// The name of the feature, like `threads`.
        what: String,
        /// The offset in the module, in bytes.
        offset: u64,
    },
    /// The module exceeds a limit of this implementation.
    Limit {
        /// The quantity that is limited.
        what: &'static str,
        /// The largest value that it may have.
        limit: u64,
        /// The offset in the module at which the limit was exceeded, in bytes.
        offset: u64,
    },
    /// The linker defines nothing for an import.
    UnknownImport {
        /// The name of the module to import from.
        module: String,
        /// The name of the item to import.
        field: String,
        /// The type that the module declares.
        wanted: Box<ExternType>,
    },
    /// The linker's definition for an import has another type.
    IncompatibleImport {
        /// The name of the module to import from.
        module: String,
        /// The name of the item to import.
        field: String,
        /// The type that the module declares.
        wanted: Box<ExternType>,
        /// The type that it has.
        found: Box<ExternType>,
    },
    /// The instance has no export of this name.
    UnknownExport {
        /// The name.
        name: String,
        /// The names of its exports, the first 20 of them.
        exports: Vec<String>,
        /// How many more there are.
        omitted: usize,
    },
    /// The export of this name is of another kind than requested.
    WrongExport {
        /// The name.
        name: String,
        /// The requested kind: function, table, memory or global.
        wanted: &'static str,
        /// Its type.
        found: Box<ExternType>,
    },
    /// A function was called with arguments of the wrong number or types.
    WrongArguments {
        /// The type of the function.
        ty: Box<FuncType>,
        /// The types of the arguments.
        given: Box<[ValueType]>,
    },
    /// A string does not represent a value of the type.
    BadValue {
        /// The type.
        ty: ValueType,
        /// The string.
        text: String,
    },
    /// A global or a table element cannot be set to a value, because it is immutable or of another type.
    WrongValue {
        /// The type of the global or the table.
        ty: ExternType,
        /// The value's type.
        given: ValueType,
    },
    /// A handle was used with another store than its own.
    OtherStore,
    /// A function of the module trapped.
    Trap {
        /// The reason.
        trap: Trap,
        /// The functions that were running.
        backtrace: Backtrace,
    },
    /// A function has another type than the caller declared.
    WrongType {
        /// The declared type.
        wanted: Box<FuncType>,
        /// The type that it has.
        found: Box<FuncType>,
    },
    /// A host function failed.
    Host {
        /// Its name.
        function: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// The functions that called it.
        backtrace: Backtrace,
    },
    /// A module needs more than the store's limits allow.
    LimitExceeded(LimitExceeded),
    /// The operating system refused memory.
    OutOfMemory {
        /// What it was for.
        what: &'static str,
        /// Bytes that were requested.
        size: u64,
    },
    /// The progress callback cancelled the compilation: see [`Program::with_progress`](crate::Program::with_progress).
    Cancelled,
    /// This build of the crate has no interpreter: it lacks the feature `interpreter`, or gcc compiled its C code.
    NoInterpreter,
    /// The machine code could not be emitted, or the stream not encoded.
    Code(stencil_runtime::Error),
}

/// A limit of [`StoreLimits`](crate::StoreLimits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The pages of one memory.
    MemoryPages,
    /// The elements of one table.
    TableElements,
    /// The number of memories.
    Memories,
    /// The number of tables.
    Tables,
    /// The bytes of everything in the store.
    Bytes,
}

impl Limit {
    /// The field of `StoreLimits`.
    fn field(self) -> &'static str {
        match self {
            Self::MemoryPages => "memory_pages",
            Self::TableElements => "table_elements",
            Self::Memories => "memories",
            Self::Tables => "tables",
            Self::Bytes => "bytes",
        }
    }
}

/// A need that exceeds a limit. Its message names the cause; that of [`Error::LimitExceeded`] adds the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitExceeded {
    /// The limit.
    pub limit: Limit,
    /// Pages, elements, memories, tables or bytes that are needed.
    pub needed: u64,
    /// How many of them are allowed.
    pub allowed: u64,
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, needed, allowed } = self;
        match limit {
            Limit::MemoryPages => write!(f, "a memory of {needed} pages is larger than the limit of {allowed}"),
            Limit::TableElements => write!(f, "a table of {needed} elements is larger than the limit of {allowed}"),
            Limit::Memories => write!(f, "the store needs {needed} memories, more than its limit of {allowed}"),
            Limit::Tables => write!(f, "the store needs {needed} tables, more than its limit of {allowed}"),
            Limit::Bytes => write!(f, "the store needs {needed} bytes in all, more than its limit of {allowed}"),
        }
    }
}

impl From<LimitExceeded> for Error {
    fn from(exceeded: LimitExceeded) -> Self {
        Self::LimitExceeded(exceeded)
    }
}

impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { message: error.message().to_owned(), offset: error.offset() }
    }
}

/// A message of several lines with words that a module chose. They must not be able to write to a terminal, so control
/// characters other than line breaks are escaped.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\n' | '\t' => write!(f, "{char}"),
            _ if char.is_control() => write!(f, "{}", char.escape_debug()),
            _ => write!(f, "{char}"),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { message, offset } => {
                write!(f, "invalid module: {}, at byte {offset}", message.escape_debug())
            }
            Self::Text(message) => write!(f, "malformed text: {}", Printable(message)),
            Self::Unsupported { what, offset } => {
                write!(f, "not supported: {}, at byte {offset}", what.escape_debug())?;
                match remedy(what) {
                    Some(remedy) => write!(f, "; {remedy}"),
                    None => Ok(()),
                }
            }
            Self::Limit { what, limit, offset } => write!(
                f,
                "limit exceeded: {what}: at most {limit}, at byte {offset}; split the function, or the module"
            ),
            Self::UnknownImport { module, field, wanted } => write!(
                f,
                "unknown import: the module imports `{}`.`{}`, a {wanted}, which is not defined",
                module.escape_debug(),
                field.escape_debug()
            ),
            Self::IncompatibleImport { module, field, wanted, found } => write!(
                f,
                "incompatible import type: the module imports `{}`.`{}` as a {wanted}, but it is defined as a {found}",
                module.escape_debug(),
                field.escape_debug()
            ),
            Self::UnknownExport { name, exports, .. } if exports.is_empty() => {
                write!(f, "unknown export `{name}`: the module has no exports")
            }
            Self::UnknownExport { name, exports, omitted } => {
                let exports: Vec<_> = exports.iter().map(|name| name.escape_debug().to_string()).collect();
                write!(f, "unknown export `{name}`; the module exports: {}", exports.join(", "))?;
                if *omitted == 0 { Ok(()) } else { write!(f, " and {omitted} more") }
            }
            Self::WrongExport { name, wanted, found } => {
                write!(f, "the export `{name}` is not a {wanted} but a {found}")
            }
            Self::WrongArguments { ty, given } => {
                write!(f, "wrong arguments: expected {}, found {}", Tuple(ty.params.iter()), Tuple(given.iter()))
            }
            Self::BadValue { ty: ty @ (ValueType::I32 | ValueType::I64), text } => {
                write!(f, "`{text}` is not an {ty}: expected a decimal or 0x-prefixed number in range")
            }
            Self::BadValue { ty: ty @ ValueType::Ref(_), text } => {
                write!(f, "`{text}` is not a {ty}: expected null")
            }
            Self::BadValue { ty: ty @ ValueType::V128, text } => {
                write!(f, "`{text}` is not a {ty}: expected 128 bits in hexadecimal after 0x")
            }
            Self::BadValue { ty, text } => write!(f, "`{text}` is not an {ty}: expected a decimal number, inf or nan"),
            Self::WrongValue { ty, given } => write!(f, "a {ty} cannot be set to a value of type {given}"),
            Self::OtherStore => {
                f.write_str("the handle belongs to another store: use it with the store that it came from")
            }
            Self::Trap { trap, .. } => trap.fmt(f),
            Self::WrongType { wanted, found } => write!(f, "the function's type is {found}, not {wanted}"),
            Self::Host { function, source, .. } => write!(f, "host function {}: {source}", function.escape_debug()),
            Self::LimitExceeded(exceeded) => write!(f, "{exceeded}: raise `StoreLimits::{}`", exceeded.limit.field()),
            Self::OutOfMemory { what, size } => write!(
                f,
                "out of memory: the system refused {size} bytes for a {what}; raise the limit of the process (`ulimit -v`) \
                 or free memory"
            ),
            Self::Cancelled => f.write_str("the progress callback cancelled the compilation"),
            Self::NoInterpreter => f.write_str(
                "this build of uops has no interpreter: build it with the feature `interpreter`, and with clang 19 or newer or the \
                 committed objects, or use the tier `jit`",
            ),
            Self::Code(error) => write!(f, "cannot emit the machine code: {error}"),
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

    /// The functions that were running, if one of them trapped.
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        match self {
            Self::Trap { backtrace, .. } | Self::Host { backtrace, .. } => Some(backtrace),
            _ => None,
        }
    }

    /// Adds the callers.
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
