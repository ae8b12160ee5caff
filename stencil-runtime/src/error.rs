//! The errors between an instruction and running code.

use std::fmt;

use crate::label::Label;
use crate::patch::Overflow;
use crate::stencil::member_name;

/// Why code could not be emitted, placed or published.
///
/// A function that returns one has no partial effect: it has freed its memory, and an [`Emitter`](crate::Emitter) is
/// unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused memory.
    OutOfMemory {
        /// The requested size in bytes.
        size: usize,
        /// The system's error code (`errno`).
        code: i32,
    },
    /// The process has as many memory mappings as the system allows a process (`vm.max_map_count`).
    TooManyMappings {
        /// That number.
        most: usize,
    },
    /// The requested size exceeds the largest possible arena.
    ArenaTooLarge {
        /// The requested size in bytes.
        size: usize,
        /// The size of the largest possible arena in bytes.
        most: usize,
    },
    /// The operating system's security policy refused to make written memory executable.
    NotExecutable {
        /// The system's error code (`errno`).
        code: i32,
    },
    /// The operating system refused a system call that mapping memory twice needs.
    NoDualMapping {
        /// The system call that failed.
        call: &'static str,
        /// The system's error code (`errno`).
        code: i32,
    },
    /// An arena has no contiguous free space of this size.
    ArenaFull {
        /// The requested contiguous size in bytes.
        size: usize,
        /// The size of the arena in bytes.
        reserved: usize,
        /// The sum of its free space in bytes.
        free: usize,
    },
    /// The arena is mapped twice and belongs to the parent process, which this process was forked from.
    Forked,
    /// An operand, or a displacement, is outside the range of its hole.
    OutOfRange {
        /// The uop's name.
        uop: &'static str,
        /// The parameters of the member, if the uop is one of a family.
        parameters: Vec<usize>,
        /// The operand's name, or that of the function or data that the field refers to.
        hole: &'static str,
        /// The value and the range of the hole.
        overflow: Box<Overflow>,
    },
    /// A host function, or a code address, is farther than 2 GiB from the code that calls it or jumps to it, and the data buffer has
    /// no room for a trampoline.
    OutOfReach {
        /// The name of the host function or of the operand.
        callee: &'static str,
    },
    /// A jump to an exit is farther than 2 GiB from all free memory of its arena, which has to hold a word or a trampoline for it. Only arenas of
    /// more than 2 GiB are affected.
    LinkOutOfReach,
    /// A program has no exit with this label.
    UnknownExit {
        /// The label.
        exit: Label,
    },
    /// An instruction refers to a label that the program never binds.
    UnknownLabel {
        /// The label.
        label: Label,
        /// The index of the instruction.
        instruction: usize,
    },
    /// A label is bound a second time.
    DuplicateLabel {
        /// The label.
        label: Label,
        /// The index of the second instruction that binds it.
        instruction: usize,
    },
    /// A label's number is not less than the number of instructions.
    LabelTooLarge {
        /// The label.
        label: Label,
        /// The number of instructions in the program.
        instructions: usize,
    },
    /// The processor lacks features that the machine's uops require (`#![stencil(requires = "...")]`).
    MissingFeatures {
        /// Their names.
        features: Vec<&'static str>,
    },
    /// The machine has no interpreter.
    NoInterpreter,
    /// The machine has no register of this name.
    UnknownRegister {
        /// The name.
        name: String,
    },
    /// A label is bound that the [`Assembler`](crate::Assembler) has not handed out.
    ForeignLabel {
        /// The label.
        label: Label,
        /// The number of labels that it has handed out for the program.
        labels: u32,
    },
    /// Code was compiled from a program of another size than the instructions passed along with it.
    OtherProgram {
        /// The size of these instructions' code and the entry's, in bytes.
        program: usize,
        /// The size of the code in bytes.
        code: usize,
    },
    /// A family has no stencil for these parameters.
    NoSuchStencil {
        /// The family's name.
        uop: &'static str,
        /// The requested parameters, in the order of their declaration.
        parameters: Vec<usize>,
        /// The index of the instruction; `None` if an emit function was called.
        instruction: Option<usize>,
    },
    /// The program needs more memory than 32-bit displacements span (2 GiB).
    ProgramTooLarge {
        /// Its size in bytes, or `usize::MAX` if it was not computed.
        size: usize,
    },
    /// A buffer for code or data is too small for the next uop.
    BufferFull {
        /// The uop's name.
        uop: &'static str,
        /// The parameters of the member, if the uop is one of a family.
        parameters: Vec<usize>,
        /// The bytes of code and of data, padding included, that the uop needs.
        needed: (usize, usize),
        /// The remaining bytes of code and of data.
        left: (usize, usize),
    },
    /// A buffer that must be zero is not.
    NotZero {
        /// Whether it is the code buffer; otherwise it is the data buffer.
        code: bool,
        /// The offset of the first byte that is not zero.
        offset: usize,
    },
}

impl Error {
    /// Makes the error for a value that does not fit its hole.
    #[cold]
    #[must_use]
    pub fn out_of_range(uop: &'static str, parameters: Vec<usize>, hole: &'static str, overflow: Overflow) -> Self {
        Self::OutOfRange { uop, parameters, hole, overflow: Box::new(overflow) }
    }

    /// Makes the error for parameters for which a family has no stencil.
    #[cold]
    #[must_use]
    pub fn no_such_stencil(uop: &'static str, parameters: &[usize]) -> Self {
        Self::NoSuchStencil { uop, parameters: parameters.to_vec(), instruction: None }
    }

    /// Adds the index of the instruction to an error that has one.
    pub(crate) fn at(self, index: usize) -> Self {
        match self {
            Self::UnknownLabel { label, .. } => Self::UnknownLabel { label, instruction: index },
            Self::NoSuchStencil { uop, parameters, .. } => {
                Self::NoSuchStencil { uop, parameters, instruction: Some(index) }
            }
            error => error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory { size, code } => write!(
                f,
                "the system refused {size} bytes of memory for code (error {code}): the process has reached a limit \
                 (see `ulimit -a`), or the machine has no more memory"
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
                "the system refused to make the code executable (error {code}): allow it in the \
                 security policy (SELinux: `execmem`), or use an arena that is mapped twice (`Mapping::Dual`)"
            ),
            Self::NoDualMapping { call, code } => write!(
                f,
                "the system refused memory that is mapped twice (`{call}`: error {code}): use an arena that is mapped \
                 once (`Mapping::Single`)"
            ),
            Self::ArenaFull { size, reserved, free } => write!(
                f,
                "the arena of {reserved} bytes has no {size} contiguous free bytes ({free} in all): drop code, or \
                 make a larger arena (`ArenaOptions::size`)"
            ),
            Self::Forked => f.write_str(
                "the arena belongs to the parent process, because its memory is mapped twice: after `fork`, make \
                 another arena, or use one that is mapped once (`Mapping::Single`)",
            ),
            Self::OutOfRange { uop, parameters, hole, overflow: o } => {
                let Overflow { value, min, max } = **o;
                write!(
                    f,
                    "uop `{}`: the value {value} of `{hole}` is out of range: {min} to {max} fit",
                    member_name(uop, parameters)
                )
            }
            Self::OutOfReach { callee } => write!(
                f,
                "`{callee}` is farther than 2 GiB from the code that calls it or jumps to it, and the data buffer has no \
                 16 bytes left for a trampoline: use larger buffers, or buffers nearer to `{callee}`"
            ),
            Self::LinkOutOfReach => f.write_str(
                "the program is farther than 2 GiB from the arena's free memory for links: drop code, or make an arena of at most \
                 2 GiB (`ArenaOptions::size`)",
            ),
            Self::UnknownExit { exit } => write!(
                f,
                "no instruction of the program has an exit with {exit}: link the label of a `CodeExit` operand that a uop \
                 jumps to"
            ),
            Self::UnknownLabel { label, instruction } => {
                write!(
                    f,
                    "instruction {instruction} refers to {label}, which the program never binds: insert the label's \
                     `bind`"
                )
            }
            Self::DuplicateLabel { label, instruction } => {
                write!(f, "instruction {instruction} binds {label}, which is already bound: use another label")
            }
            Self::LabelTooLarge { label, instructions } => {
                write!(f, "{label} is too large for a program of {instructions} instructions: number labels from 0")
            }
            Self::MissingFeatures { features } => write!(
                f,
                "this processor lacks {}, which the machine's uops require: run the program on another one, or use a machine \
                 that requires less",
                features.join(", ")
            ),
            Self::NoInterpreter => f.write_str(
                "the machine has no interpreter: declare it with `#[interpreter]`, and compile its blocks by a C compiler whose calling \
                 convention leaves a register for the interpreter",
            ),
            Self::UnknownRegister { name } => write!(f, "the machine has no register `{name}`"),
            Self::ForeignLabel { label, labels } => write!(
                f,
                "the assembler has handed out {labels} labels for this program, not {label}: bind labels from \
                 `Assembler::label` or `Assembler::labels`"
            ),
            Self::OtherProgram { program, code } => write!(
                f,
                "the code was compiled from another program: it has {code} bytes, and these instructions have {program}"
            ),
            Self::NoSuchStencil { uop, parameters, instruction } => {
                if let Some(index) = instruction {
                    write!(f, "instruction {index}: ")?;
                }
                write!(
                    f,
                    "uop `{uop}` has no stencil for the parameters {parameters:?}: they are out of range, or its \
                     `where` condition excludes them"
                )
            }
            Self::ProgramTooLarge { size: usize::MAX } => f.write_str(
                "the program has too many instructions, or more than \
                 2 GiB of code: compile it in parts",
            ),
            Self::ProgramTooLarge { size } => {
                write!(f, "the program needs {size} bytes, and 32-bit displacements span 2 GiB: compile it in parts")
            }
            Self::BufferFull { uop, parameters, needed, left } => write!(
                f,
                "uop `{}` needs {} bytes of code and {} of data, and the buffers have {} and {} left: use larger \
                 buffers",
                member_name(uop, parameters),
                needed.0,
                needed.1,
                left.0,
                left.1
            ),
            Self::NotZero { code, offset } => write!(
                f,
                "byte {offset} of the {} buffer is not zero: use `Emitter::<Reused>::new` for memory that was used \
                 before",
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
                "the system refused 4096 bytes of memory for code (error 12): the process has reached a limit \
                 (see `ulimit -a`), or the machine has no more memory",
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
                "the system refused to make the code executable (error 13): allow it in the security policy (SELinux: \
                 `execmem`), or use an arena that is mapped twice (`Mapping::Dual`)",
            ),
            (
                Error::NoDualMapping { call: "memfd_create", code: 1 },
                "the system refused memory that is mapped twice (`memfd_create`: error 1): use an arena that is \
                 mapped once \
                 (`Mapping::Single`)",
            ),
            (
                Error::ArenaFull { size: 8192, reserved: 65536, free: 4096 },
                "the arena of 65536 bytes has no 8192 contiguous free bytes (4096 in all): drop code, or make a \
                 larger arena (`ArenaOptions::size`)",
            ),
            (
                Error::Forked,
                "the arena belongs to the parent process, because its memory is mapped twice: after `fork`, make \
                 another arena, or use one that is mapped once (`Mapping::Single`)",
            ),
            (
                Error::out_of_range("add", vec![1, 2], "n", overflow),
                "uop `add[1, 2]`: the value 300 of `n` is out of range: 0 to 255 fit",
            ),
            (
                Error::OutOfReach { callee: "print" },
                "`print` is farther than 2 GiB from the code that calls it or jumps to it, and the data buffer has no 16 \
                 bytes left for a trampoline: use larger buffers, or buffers nearer to `print`",
            ),
            (
                Error::LinkOutOfReach,
                "the program is farther than 2 GiB from the arena's free memory for links: drop code, or make an arena of at most \
                 2 GiB (`ArenaOptions::size`)",
            ),
            (
                Error::UnknownExit { exit: label },
                "no instruction of the program has an exit with label 7: link the label of a `CodeExit` operand that a \
                 uop jumps to",
            ),
            (
                Error::UnknownLabel { label, instruction: 3 },
                "instruction 3 refers to label 7, which the program never binds: insert the label's `bind`",
            ),
            (
                Error::DuplicateLabel { label, instruction: 3 },
                "instruction 3 binds label 7, which is already bound: use another label",
            ),
            (
                Error::LabelTooLarge { label, instructions: 5 },
                "label 7 is too large for a program of 5 instructions: number labels from 0",
            ),
            (
                Error::ForeignLabel { label, labels: 5 },
                "the assembler has handed out 5 labels for this program, not label 7: bind labels from \
                 `Assembler::label` or `Assembler::labels`",
            ),
            (
                Error::OtherProgram { program: 7, code: 9 },
                "the code was compiled from another program: it has 9 bytes, and these instructions have 7",
            ),
            (
                Error::no_such_stencil("get", &[0, 9]),
                "uop `get` has no stencil for the parameters [0, 9]: they are out of range, or its `where` condition \
                 excludes them",
            ),
            (
                Error::ProgramTooLarge { size: usize::MAX },
                "the program has too many instructions, or more than 2 GiB of code: compile it in parts",
            ),
            (
                Error::ProgramTooLarge { size: 1 << 40 },
                "the program needs 1099511627776 bytes, and 32-bit displacements span 2 GiB: compile it in parts",
            ),
            (
                Error::BufferFull { uop: "add", parameters: vec![], needed: (10, 2), left: (9, 0) },
                "uop `add` needs 10 bytes of code and 2 of data, and the buffers have 9 and 0 left: use larger buffers",
            ),
            (
                Error::NotZero { code: true, offset: 3 },
                "byte 3 of the code buffer is not zero: use `Emitter::<Reused>::new` for memory that was used before",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }
}
