//! A JIT for eBPF, the instruction set of RFC 9669: a register machine with checked memory, helpers and local calls.
//!
//! eBPF's registers r0 to r9 are registers of the machine, so most instructions become one or two of the processor's. A second
//! operand that is not worth a stencil per register goes through the scratch register `t`. The module `uops` has the bodies.
//! This file decodes instructions, verifies them and lowers them to uops, all in one pass.

mod uops;

use std::collections::HashMap;
use std::fmt;

use stencil_runtime::{Code, Instruction, Label};
use uops::{ALU32, ALU64, Alu, Context, Ebpf, FRAME, IMM, JUMP32, JUMP64, LOADS, MAX_DEPTH, Region, STACK, STORES, T};

/// A function that programs can call by its number: five arguments, one result. It must not panic.
pub type Helper = fn(u64, u64, u64, u64, u64) -> u64;

/// A program, verified and compiled.
#[derive(Debug)]
pub struct Program {
    code: Code<Ebpf>,
    helpers: Vec<Helper>,
}

/// Why a program was refused or stopped. Instructions are counted from 0, and a 64-bit constant counts as two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The program breaks a rule of the instruction set.
    Invalid {
        /// The instruction.
        at: usize,
        /// The rule.
        message: &'static str,
    },
    /// The program calls a helper that was not registered.
    UnknownHelper {
        /// The instruction.
        at: usize,
        /// The number that it calls.
        number: u32,
    },
    /// A load or store outside of the program's memory and its stack, or a local call nested too deeply.
    Fault {
        /// The instruction.
        at: usize,
    },
    /// The machine code could not be made.
    Code(stencil_runtime::Error),
}

impl Program {
    /// Verifies and compiles a program: instructions of eight bytes, as RFC 9669 encodes them.
    ///
    /// # Errors
    /// All variants of [`Error`] but [`Fault`](Error::Fault).
    pub fn new(program: &[u8], helpers: &HashMap<u32, Helper>) -> Result<Self, Error> {
        let mut lowering = Lowering { program: decode(program)?, helpers, used: Vec::new(), out: Vec::new() };
        let mut at = 0;
        while at < lowering.program.len() {
            lowering.out.push(Ebpf::bind(Label(at as u32)));
            at = lowering.instruction(at).map_err(|problem| problem.at(at))?;
        }
        let code = Ebpf::compile(&lowering.out).map_err(Error::Code)?;
        Ok(Self { code, helpers: lowering.used })
    }

    /// Runs the program on this memory, whose address and size it receives in r1 and r2. Returns r0. Nothing stops a program
    /// that loops forever.
    ///
    /// # Errors
    /// [`Error::Fault`].
    pub fn run(&self, memory: &mut [u8]) -> Result<u64, Error> {
        let mut stack = [0u64; STACK * MAX_DEPTH / 8];
        let (address, size) = (memory.as_mut_ptr() as u64, memory.len() as u64);
        let mut context = Context {
            memory: Region::new(address, size),
            stack: Region::new(stack.as_mut_ptr() as u64, size_of_val(&stack) as u64),
            frame: stack.as_mut_ptr_range().end as u64,
            helpers: self.helpers.as_ptr().cast(),
            depth: 0,
            fault: 0,
        };
        let address = if memory.is_empty() { 0 } else { address };
        // SAFETY: the code reads and writes the context, and what the regions in it span: the stack and the memory, both of
        // which are borrowed here. It calls helpers by places in `helpers` that were given out when it was compiled.
        let result = unsafe { self.code.entry()(&raw mut context, 0, address, size, 0, 0, 0, 0, 0, 0, 0, 0) };
        match context.fault {
            0 => Ok(result),
            after => Err(Error::Fault { at: after as usize - 1 }),
        }
    }
}

/// An instruction, decoded (RFC 9669, section 3).
#[derive(Clone, Copy)]
struct Insn {
    opcode: u8,
    dst: usize,
    src: usize,
    offset: i16,
    imm: i32,
}

fn decode(program: &[u8]) -> Result<Vec<Insn>, Error> {
    let (chunks, rest) = program.as_chunks::<8>();
    let last = chunks.len().saturating_sub(1);
    if !rest.is_empty() {
        return Err(Problem::Rule("the program ends within an instruction").at(chunks.len()));
    }
    if !chunks.last().is_some_and(|insn| matches!(insn[0], 0x95 | 0x05)) {
        return Err(Problem::Rule("the program does not end with `exit` or `ja`").at(last));
    }
    let decode = |&[opcode, registers, o0, o1, i0, i1, i2, i3]: &[u8; 8]| Insn {
        opcode,
        dst: usize::from(registers & 15),
        src: usize::from(registers >> 4),
        offset: i16::from_le_bytes([o0, o1]),
        imm: i32::from_le_bytes([i0, i1, i2, i3]),
    };
    Ok(chunks.iter().map(decode).collect())
}

/// What is wrong with an instruction.
enum Problem {
    Rule(&'static str),
    Helper(u32),
}

impl Problem {
    fn at(self, at: usize) -> Error {
        match self {
            Self::Rule(message) => Error::Invalid { at, message },
            Self::Helper(number) => Error::UnknownHelper { at, number },
        }
    }
}

struct Lowering<'a> {
    program: Vec<Insn>,
    helpers: &'a HashMap<u32, Helper>,
    /// The helpers that the program calls.
    used: Vec<Helper>,
    out: Vec<Instruction<Ebpf>>,
}

impl Lowering<'_> {
    /// Lowers one instruction, and returns the index of the next one.
    fn instruction(&mut self, at: usize) -> Result<usize, Problem> {
        let insn @ Insn { opcode, dst, src, offset, imm } = self.program[at];
        let (class, operation, pc) = (opcode & 7, usize::from(opcode >> 4), at as u32 + 1);
        let writes = matches!(class, 0 | 1 | 4 | 7);
        if src > FRAME || dst > FRAME || writes && dst == FRAME {
            return Err(Problem::Rule("no such register, or a write to r10"));
        }
        let size = [2, 1, 0, 3][usize::from(opcode >> 3 & 3)];
        match (class, opcode) {
            (0, 0x18) if src == 0 => {
                let high = (self.program.get(at + 1).filter(|next| next.opcode == 0))
                    .ok_or(Problem::Rule("half of a 64-bit constant"))?;
                let imm = u64::from(imm.cast_unsigned()) | u64::from(high.imm.cast_unsigned()) << 32;
                self.out.push(Ebpf::load_imm(dst, imm));
                return Ok(at + 2);
            }
            (1, _) if opcode & 0xe0 == 0x60 => {
                self.out.extend([Ebpf::get(src), LOADS[size](dst, offset, pc)]);
            }
            (2 | 3, _) if opcode & 0xe0 == 0x60 => {
                self.out.extend([Ebpf::get(dst), STORES[size](if class == 2 { IMM } else { src }, imm, offset, pc)]);
            }
            (4, 0xd4 | 0xdc) => self.out.push(Ebpf::swap(dst, swap(opcode == 0xdc, imm)?)),
            (4, _) => self.alu(&ALU32, insn)?,
            (7, _) => self.alu(&ALU64, insn)?,
            (5, 0x05) => {
                let to = self.target(at, offset.into())?;
                self.out.push(Ebpf::jump(to));
            }
            (5, 0x85) if src == 0 => {
                let number = imm.cast_unsigned();
                let helper = *self.helpers.get(&number).ok_or(Problem::Helper(number))?;
                self.out.push(Ebpf::call_helper(self.used.len() as u32));
                self.used.push(helper);
            }
            (5, 0x85) if src == 1 => {
                let to = self.target(at, imm.into())?;
                self.out.push(Ebpf::call_local(to, pc));
            }
            (5, 0x95) => self.out.push(Ebpf::exit()),
            (5 | 6, _) => {
                let table = if class == 5 { &JUMP64 } else { &JUMP32 };
                let jump = table.get(operation).copied().flatten().ok_or(UNKNOWN)?;
                let to = self.target(at, offset.into())?;
                let source = self.source(insn);
                self.out.push(jump(dst, source, imm, to));
            }
            _ => return Err(UNKNOWN),
        }
        Ok(at + 1)
    }

    /// Lowers an arithmetic instruction. Common operations have a stencil for each source; others take it from `t`.
    fn alu(&mut self, table: &[Alu], insn: Insn) -> Result<(), Problem> {
        let alu = *table.get(usize::from(insn.opcode >> 4)).ok_or(UNKNOWN)?;
        let source = match alu {
            Alu::Direct(_) if insn.opcode & 8 != 0 => insn.src,
            _ => self.source(insn),
        };
        let (Alu::Direct(uop) | Alu::Scratch(uop)) = alu;
        self.out.push(uop(insn.dst, source, insn.imm));
        Ok(())
    }

    /// Returns the location of the second operand: the constant, or `t`, after copying the register there.
    fn source(&mut self, insn: Insn) -> usize {
        if insn.opcode & 8 == 0 {
            return IMM;
        }
        self.out.push(Ebpf::get(insn.src));
        T
    }

    /// Returns the label of a jump's target. A target in the middle of a 64-bit constant is an error.
    fn target(&self, at: usize, offset: i64) -> Result<Label, Problem> {
        let to = usize::try_from(at as i64 + 1 + offset).ok().filter(|&to| to < self.program.len());
        let to = to.ok_or(Problem::Rule("a jump out of the program"))?;
        let middle = self.program[to].opcode == 0;
        if middle { Err(Problem::Rule("a jump into a 64-bit constant")) } else { Ok(Label(to as u32)) }
    }
}

const UNKNOWN: Problem = Problem::Rule("no such instruction");

/// The member of the family `swap` for a byte swap to big or little endian.
fn swap(big: bool, bits: i32) -> Result<usize, Problem> {
    let width = [16, 32, 64].iter().position(|&width| width == bits).ok_or(UNKNOWN)?;
    Ok(width + if big { 3 } else { 0 })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { at, message } => write!(f, "instruction {at}: {message}"),
            Self::UnknownHelper { at, number } => write!(f, "instruction {at}: helper {number} is not registered"),
            Self::Fault { at } => write!(f, "instruction {at}: access out of bounds, or calls nested too deeply"),
            Self::Code(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
