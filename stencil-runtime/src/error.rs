//! Everything that can go wrong between an instruction and running code.

use std::fmt;

use crate::patch::Overflow;
use crate::program::Label;

/// Why code could not be emitted, placed or published.
///
/// Nothing is half done when a function of this crate returns one: memory is returned, an
/// [`Emitter`](crate::Emitter) stands where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The operating system gave no memory.
    OutOfMemory {
        /// Bytes that were asked for.
        size: usize,
        /// The system's error code (`errno`).
        code: i32,
    },
    /// The process has as many memory mappings as the system allows a process (`vm.max_map_count`).
    TooManyMappings {
        /// How many that is.
        most: usize,
    },
    /// The size asked for is more than an arena can have.
    ArenaTooLarge {
        /// Bytes that were asked for.
        size: usize,
        /// The most bytes that an arena can have.
        most: usize,
    },
    /// The operating system refused to make written memory executable, as a hardened kernel may.
    NotExecutable {
        /// The system's error code (`errno`).
        code: i32,
    },
    /// The operating system refused what memory that is mapped twice needs.
    NoDualMapping {
        /// The system call that failed.
        call: &'static str,
        /// The system's error code (`errno`).
        code: i32,
    },
    /// An arena has no free space of this size.
    ArenaFull {
        /// Bytes that were asked for, in a row.
        size: usize,
        /// Bytes of the whole arena.
        reserved: usize,
        /// Bytes of it that are free.
        free: usize,
    },
    /// The arena is that of the process that this one was forked from, which still uses it.
    Forked,
    /// An operand lies outside what its hole can hold.
    OutOfRange {
        /// The uop's name.
        uop: &'static str,
        /// The operand's name, or the name of what is called or referred to.
        hole: &'static str,
        /// The value, and the range that fits.
        overflow: Box<Overflow>,
    },
    /// A host function is further than 2 GiB from the code that calls it, and there is no room for a
    /// trampoline at the end of the data buffer.
    OutOfReach {
        /// The host function's name.
        callee: &'static str,
    },
    /// An instruction refers to a label that is bound nowhere in the program.
    UnknownLabel {
        /// The label.
        label: Label,
        /// Index of the instruction.
        instruction: usize,
    },
    /// A label is bound a second time.
    DuplicateLabel {
        /// The label.
        label: Label,
        /// Index of the second instruction that binds it.
        instruction: usize,
    },
    /// A label's number is not less than the number of instructions, so that not all lower ones can be in use.
    LabelTooLarge {
        /// The label.
        label: Label,
        /// Number of instructions in the program.
        instructions: usize,
    },
    /// A family has no stencil for these parameters.
    NoSuchStencil {
        /// The family's name.
        uop: &'static str,
        /// The parameters that were asked for, in the order of their declaration.
        parameters: Vec<usize>,
    },
    /// The program needs more memory than relative addresses span (2 GiB).
    ProgramTooLarge {
        /// Bytes that it needs, or `usize::MAX` if they cannot be counted.
        size: usize,
    },
    /// A buffer that was given for code or data is too small for the next uop.
    BufferFull {
        /// The uop's name.
        uop: &'static str,
        /// Bytes of code and of data, padding included, that the uop needs.
        needed: (usize, usize),
        /// Bytes of code and of data that are left.
        left: (usize, usize),
    },
    /// A buffer that should have been zero is not.
    NotZero {
        /// Whether it is the code buffer; otherwise it is the data buffer.
        code: bool,
        /// Offset of its first byte that is not zero.
        offset: usize,
    },
}

impl Error {
    /// Names the uop and the hole whose value does not fit. Emit functions call it.
    #[cold]
    #[must_use]
    pub fn out_of_range(uop: &'static str, hole: &'static str, overflow: Overflow) -> Self {
        Self::OutOfRange { uop, hole, overflow: Box::new(overflow) }
    }

    /// Names the parameters for which a family has no stencil. Emit functions call it.
    #[cold]
    #[must_use]
    pub fn no_such_stencil(uop: &'static str, parameters: &[usize]) -> Self {
        Self::NoSuchStencil { uop, parameters: parameters.to_vec() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory { size, code } => write!(
                f,
                "the system refused {size} bytes of memory for code (error {code}): the process is at a limit (`ulimit` shows \
                 them), or the machine has no more"
            ),
            Self::TooManyMappings { most } => write!(
                f,
                "the process has {most} memory mappings, as many as the system allows: compile programs into one arena \
                 (`Code::compile_in`), or raise the limit (`sysctl vm.max_map_count`)"
            ),
            Self::ArenaTooLarge { size, most } => {
                write!(f, "an arena has at most {most} bytes, not {size}: use several arenas (`ArenaOptions::size`)")
            }
            Self::NotExecutable { code } => write!(
                f,
                "the system refused to make the code executable (error {code}): its security policy has to \
                 allow this process to execute memory that it has written (SELinux calls it `execmem`), or the arena has to be \
                 mapped twice (`Mapping::Dual`)"
            ),
            Self::NoDualMapping { call, code } => write!(
                f,
                "the system refused memory that is mapped twice (`{call}`: error {code}): use an arena that is mapped once \
                 (`Mapping::Single`)"
            ),
            Self::ArenaFull { size, reserved, free } => write!(
                f,
                "the arena of {reserved} bytes has no {size} free bytes in a row, and {free} in all: drop code, or make a larger \
                 arena (`ArenaOptions::size`)"
            ),
            Self::Forked => f.write_str(
                "the arena belongs to the process that this one was forked from, since its memory is mapped twice: make \
                 another one after `fork`, or one that is mapped once (`Mapping::Single`) before",
            ),
            Self::OutOfRange { uop, hole, overflow: o } => {
                let Overflow { value, min, max } = **o;
                write!(f, "uop `{uop}`: the value {value} of `{hole}` is out of range: {min} to {max} fit")
            }
            Self::OutOfReach { callee } => write!(
                f,
                "the host function `{callee}` is further than 2 GiB from the code and the data buffer has no \
                 16 bytes left for a trampoline: use a buffer nearer to the executable or a larger one"
            ),
            Self::UnknownLabel { label, instruction } => {
                write!(
                    f,
                    "instruction {instruction} refers to {label}, which the program never binds: put a `bind` where it \
                     leads"
                )
            }
            Self::DuplicateLabel { label, instruction } => {
                write!(
                    f,
                    "instruction {instruction} binds {label}, which is bound already: give each place a label of its own"
                )
            }
            Self::LabelTooLarge { label, instructions } => {
                write!(f, "{label} is too large for a program of {instructions} instructions: number labels from 0")
            }
            Self::NoSuchStencil { uop, parameters } => {
                write!(
                    f,
                    "uop `{uop}` has no stencil for the parameters {parameters:?}: they are out of its ranges, or its \
                     condition excludes them"
                )
            }
            Self::ProgramTooLarge { size: usize::MAX } => f.write_str("the program is too large to be counted"),
            Self::ProgramTooLarge { size } => {
                write!(f, "the program needs {size} bytes, and relative addresses span 2 GiB: compile it in parts")
            }
            Self::BufferFull { uop, needed, left } => write!(
                f,
                "uop `{uop}` needs {} bytes of code and {} of data, and the buffers have {} and {} left: give larger ones",
                needed.0, needed.1, left.0, left.1
            ),
            Self::NotZero { code, offset } => write!(
                f,
                "byte {offset} of the {} buffer is not zero: use `Emitter::<Reused>::new` for memory that \
                 held something before",
                if *code { "code" } else { "data" }
            ),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong, where, and what to do.
    #[test]
    fn messages() {
        let overflow = Overflow { value: 300, min: 0, max: 255 };
        let label = Label(7);
        for (error, expected) in [
            (
                Error::OutOfMemory { size: 4096, code: 12 },
                "the system refused 4096 bytes of memory for code (error 12): the process is at a limit (`ulimit` shows \
                 them), or the machine has no more",
            ),
            (
                Error::TooManyMappings { most: 65530 },
                "the process has 65530 memory mappings, as many as the system allows: compile programs into one arena \
                 (`Code::compile_in`), or raise the limit (`sysctl vm.max_map_count`)",
            ),
            (
                Error::ArenaTooLarge { size: 1 << 33, most: 1 << 32 },
                "an arena has at most 4294967296 bytes, not 8589934592: use several arenas (`ArenaOptions::size`)",
            ),
            (
                Error::NotExecutable { code: 13 },
                "the system refused to make the code executable (error 13): its security policy has to allow this \
                 process to execute memory that it has written (SELinux calls it `execmem`), or the arena has to be mapped \
                 twice (`Mapping::Dual`)",
            ),
            (
                Error::NoDualMapping { call: "memfd_create", code: 1 },
                "the system refused memory that is mapped twice (`memfd_create`: error 1): use an arena that is mapped once \
                 (`Mapping::Single`)",
            ),
            (
                Error::ArenaFull { size: 8192, reserved: 65536, free: 4096 },
                "the arena of 65536 bytes has no 8192 free bytes in a row, and 4096 in all: drop code, or make a larger \
                 arena (`ArenaOptions::size`)",
            ),
            (
                Error::Forked,
                "the arena belongs to the process that this one was forked from, since its memory is mapped twice: make \
                 another one after `fork`, or one that is mapped once (`Mapping::Single`) before",
            ),
            (
                Error::out_of_range("add", "n", overflow),
                "uop `add`: the value 300 of `n` is out of range: 0 to 255 fit",
            ),
            (
                Error::OutOfReach { callee: "print" },
                "the host function `print` is further than 2 GiB from the code and the data buffer has no 16 bytes left \
                 for a trampoline: use a buffer nearer to the executable or a larger one",
            ),
            (
                Error::UnknownLabel { label, instruction: 3 },
                "instruction 3 refers to label 7, which the program never binds: put a `bind` where it leads",
            ),
            (
                Error::DuplicateLabel { label, instruction: 3 },
                "instruction 3 binds label 7, which is bound already: give each place a label of its own",
            ),
            (
                Error::LabelTooLarge { label, instructions: 5 },
                "label 7 is too large for a program of 5 instructions: number labels from 0",
            ),
            (
                Error::no_such_stencil("get", &[0, 9]),
                "uop `get` has no stencil for the parameters [0, 9]: they are out of its ranges, or its condition \
                 excludes them",
            ),
            (Error::ProgramTooLarge { size: usize::MAX }, "the program is too large to be counted"),
            (
                Error::ProgramTooLarge { size: 1 << 40 },
                "the program needs 1099511627776 bytes, and relative addresses span 2 GiB: compile it in parts",
            ),
            (
                Error::BufferFull { uop: "add", needed: (10, 2), left: (9, 0) },
                "uop `add` needs 10 bytes of code and 2 of data, and the buffers have 9 and 0 left: give larger ones",
            ),
            (
                Error::NotZero { code: true, offset: 3 },
                "byte 3 of the code buffer is not zero: use `Emitter::<Reused>::new` for memory that held something before",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }
}
