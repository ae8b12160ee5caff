//! A JIT for eBPF, the instruction set of RFC 9669: a register machine with checked memory, helpers and local calls.
//!
//! eBPF's registers r0 to r9 are registers of the machine, so most instructions become one or two of the processor's.
//! The module `uops` has their bodies. This file decodes instructions, verifies them and lowers them to uops, all in one pass.

mod uops;

use std::collections::HashMap;
use std::fmt;

use stencil_runtime::{Code, Instruction, Label};
use uops::{Context, Ebpf, FRAME, IMM, MAX_DEPTH, Region, SCRATCH, STACK};

/// A function that programs can call by its number: five arguments, one result. It must not panic.
pub type Helper = fn(u64, u64, u64, u64, u64) -> u64;

/// A program, verified and compiled.
#[derive(Debug)]
pub struct Program(Code<Ebpf>);

/// Why a program was refused or stopped. Instructions are counted from 0, and a 64-bit constant counts as two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The program breaks a rule of the instruction set, or calls an unknown helper.
    Invalid {
        /// The instruction.
        at: usize,
        /// The rule.
        message: &'static str,
    },
    /// The program accessed memory other than its own and its stack, or nested local calls too deeply.
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
        let mut lowering = Lowering { program: decode(program)?, helpers, out: Vec::new() };
        let mut at = 0;
        while at < lowering.program.len() {
            lowering.out.push(Ebpf::bind(Label(at as u32)));
            at = lowering.instruction(at).map_err(|message| Error::Invalid { at, message })?;
        }
        Ebpf::compile(&lowering.out).map(Self).map_err(Error::Code)
    }

    /// Runs the program on this memory, whose address and size it receives in r1 and r2, and returns r0. Nothing stops a
    /// program that loops forever.
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
            fault: 0,
        };
        let address = if memory.is_empty() { 0 } else { address };
        // SAFETY: the code accesses only the context and its two regions, the stack and the memory, which are borrowed here:
        // `Program::new` proved accesses to be within a frame of the stack, and the code checks all others. It calls helpers
        // at addresses that `Program::new` took from functions.
        let result = unsafe { self.0.entry()(&raw mut context, 0, address, size, 0, 0, 0, 0, 0, 0, 0) };
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
        return Err(Error::Invalid { at: chunks.len(), message: "the program ends within an instruction" });
    }
    if !chunks.last().is_some_and(|insn| matches!(insn[0], 0x95 | 0x05)) {
        return Err(Error::Invalid { at: last, message: "the program does not end with `exit` or `ja`" });
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

/// Operations with a stencil for each pair of registers, one bit for each, as `DIRECT` in the header.
const DIRECT: u16 = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 10 | 1 << 11;
const UNKNOWN: &str = "no such instruction";
const OUTSIDE: &str = "a jump out of the program";

struct Lowering<'a> {
    program: Vec<Insn>,
    helpers: &'a HashMap<u32, Helper>,
    out: Vec<Instruction<Ebpf>>,
}

impl Lowering<'_> {
    /// Lowers an instruction and returns the index of the next one.
    fn instruction(&mut self, at: usize) -> Result<usize, &'static str> {
        let insn @ Insn { opcode, dst, src, offset, imm } = self.program[at];
        let (class, operation, size) = (opcode & 7, usize::from(opcode >> 4), usize::from(opcode >> 3 & 3));
        let (wide, pc) = (usize::from(matches!(class, 5 | 7)), at as u32 + 1);
        if src > FRAME || dst > FRAME || dst == FRAME && matches!(class, 0 | 1 | 4 | 7) {
            return Err("no such register, or a write to r10");
        }
        let uop = match (class, opcode) {
            (0, 0x18) if src == 0 => {
                let high =
                    self.program.get(at + 1).filter(|next| next.opcode == 0).ok_or("half of a 64-bit constant")?;
                let low = u64::from(imm.cast_unsigned());
                self.out.push(Ebpf::set(dst, low | u64::from(high.imm.cast_unsigned()) << 32));
                return Ok(at + 2);
            }
            (1, _) if opcode & 0xe0 == 0x60 => Ebpf::load(size, self.in_frame(src, offset, size), dst, offset, pc),
            (2 | 3, _) if opcode & 0xe0 == 0x60 => {
                let source = if class == 2 { IMM } else { src };
                Ebpf::store(size, self.in_frame(dst, offset, size), source, imm, offset, pc)
            }
            (4, 0xd4 | 0xdc) => {
                let width = [16, 32, 64].iter().position(|&width| width == imm).ok_or(UNKNOWN)?;
                Ebpf::swap(usize::from(opcode == 0xdc), width, dst)
            }
            (4 | 7, _) if operation <= 12 => {
                let direct = wide == 1 && opcode & 8 != 0 && DIRECT >> operation & 1 == 1;
                let source = if direct { src } else { self.source(insn) };
                Ebpf::alu(wide, operation, dst, source, imm)
            }
            (5, 0x05) => Ebpf::jump(self.target(at, offset.into())?),
            (5, 0x85) if src == 0 => {
                let helper = self.helpers.get(&imm.cast_unsigned()).ok_or("the helper is not registered")?;
                Ebpf::call_helper(*helper as usize as u64)
            }
            (5, 0x85) if src == 1 => Ebpf::call_local(self.target(at, imm.into())?, pc),
            (5, 0x95) => Ebpf::exit(),
            (5 | 6, _) if matches!(operation, 1..=7 | 10..=13) => {
                let source = self.source(insn);
                Ebpf::branch(wide, operation, dst, source, imm, self.target(at, offset.into())?)
            }
            _ => return Err(UNKNOWN),
        };
        self.out.push(uop);
        Ok(at + 1)
    }

    /// Returns the location of the second operand: the constant, or the scratch register, after copying the operand there.
    fn source(&mut self, insn: Insn) -> usize {
        if insn.opcode & 8 == 0 {
            return IMM;
        }
        self.out.push(Ebpf::get(insn.src));
        SCRATCH
    }

    /// Returns 1 if an access lies in the running function's frame. Otherwise copies its base to the scratch register.
    fn in_frame(&mut self, base: usize, offset: i16, size: usize) -> usize {
        let bytes = [4, 2, 1, 8][size];
        if base == FRAME && (-(STACK as i16)..=-bytes).contains(&offset) {
            return 1;
        }
        self.out.push(Ebpf::get(base));
        0
    }

    /// Returns the label of a jump's target. A target in the middle of a 64-bit constant is an error.
    fn target(&self, at: usize, offset: i64) -> Result<Label, &'static str> {
        let to = usize::try_from(at as i64 + 1 + offset).map_err(|_| OUTSIDE)?;
        match self.program.get(to).ok_or(OUTSIDE)?.opcode {
            0 => Err("a jump into a 64-bit constant"),
            _ => Ok(Label(to as u32)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { at, message } => write!(f, "instruction {at}: {message}"),
            Self::Fault { at } => write!(f, "instruction {at}: access out of bounds, or calls nested too deeply"),
            Self::Code(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
