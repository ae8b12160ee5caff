//! Uops of 5 to 700 bytes, distributed as in CPython, in random order.

use std::sync::LazyLock;

use stencil_runtime::{Address, Arena, Code, Emitter, Fresh, Instruction, Label, Stencil};

use crate::Result;
use crate::measure::{Contender, same};
use crate::peers::c;
use crate::table::{self, Decoded, Place};

/// Written by the build script: the machine `Executor` and its uops.
#[allow(dead_code, missing_docs, unused_variables)]
#[rustfmt::skip]
mod block {
    include!(concat!(env!("OUT_DIR"), "/block.rs"));
}

pub use block::{Executor, STENCIL__EXIT_TRACE, STENCILS, host, instruction};

/// All operands. Each uop has some of them.
#[derive(Clone, Copy, Debug)]
pub struct Operands<Target> {
    pub oparg: u16,
    pub operand: u64,
    pub exit_target: Target,
    pub error_target: Target,
}

/// A uop by its number, with its operands except labels.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub uop: u16,
    oparg: u16,
    operand: u64,
}

impl Step {
    /// The operands, with these values of both labels.
    pub fn operands<Target>(self, [exit_target, error_target]: [Target; 2]) -> Operands<Target> {
        Operands { oparg: self.oparg, operand: self.operand, exit_target, error_target }
    }

    pub fn stencil(self) -> &'static Stencil {
        STENCILS[usize::from(self.uop)]
    }

    /// The operand words that the uop takes.
    pub fn words(self, targets: [u64; 2]) -> Vec<u64> {
        let word = |hole: &stencil_runtime::Hole| match hole.name {
            "oparg" => self.oparg.into(),
            "operand" => self.operand,
            "exit_target" => targets[0],
            _ => targets[1],
        };
        self.stencil().holes().iter().map(word).collect()
    }
}

/// Makes this many steps. No operand is small enough for a narrow form, which emit functions and C do not emit.
pub fn steps(number: usize) -> Vec<Step> {
    let mut random = scale::Random(2);
    let mut step = || Step {
        uop: random.below(STENCILS.len()) as u16,
        oparg: 128 + random.below(1 << 7) as u16,
        operand: (1 << 40) + random.below(1 << 31) as u64,
    };
    (0..number).map(|_| step()).collect()
}

/// The end of code, the start of data, and an upper bound of the end of data.
pub struct Layout {
    pub code: usize,
    pub data: usize,
    pub end: usize,
}

/// The layout of the steps.
pub fn layout(steps: &[Step]) -> Layout {
    let stencils = || steps.iter().map(|step| step.stencil());
    let code: usize = stencils().map(|stencil| stencil.code.size).sum();
    let data = code.next_multiple_of(64);
    let end = stencils().fold(data, |end, stencil| match stencil.data.size {
        0 => end,
        size => end.next_multiple_of(stencil.data_alignment) + size,
    });
    Layout { code, data, end }
}

/// The addresses of both labels: the end and the first step.
pub fn targets(memory: &[u8], layout: &Layout) -> [u64; 2] {
    [memory.as_ptr() as u64 + layout.code as u64, memory.as_ptr() as u64]
}

/// The expected machine code of the steps in this memory, made from tables. The memory must be zero.
pub fn reference(memory: &mut [u8], steps: &[Step], layout: &Layout) -> Result<Vec<u8>> {
    let program = &words(steps, targets(memory, layout));
    Table { program, layout }.emit(memory)?;
    Ok(memory[..layout.end].to_vec())
}

/// The emit functions of `stencil!`, chosen by a `match`.
pub struct EmitFunctions<'a> {
    pub steps: &'a [Step],
    pub layout: &'a Layout,
    pub expected: &'a [u8],
}

impl Contender for EmitFunctions<'_> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        let targets = targets(memory, self.layout).map(Address);
        let (code, data) = memory.split_at_mut(self.layout.data);
        // SAFETY: the memory passed to contenders is zero.
        let mut out = unsafe { Emitter::<Fresh>::zeroed_unchecked(code, data) };
        for step in self.steps {
            block::emit(&mut out, step.uop.into(), step.operands(targets))?;
        }
        Ok(())
    }

    fn check(&mut self, memory: &[u8]) -> Result<()> {
        same(&memory[..self.expected.len()], self.expected)
    }
}

/// The stencils for emission from tables.
static DECODED: LazyLock<Vec<Decoded>> =
    LazyLock::new(|| STENCILS.iter().map(|stencil| Decoded::new(stencil)).collect());

/// Emission from tables of patches. The instructions hold the addresses of labels.
pub struct Table<'a> {
    pub program: &'a [c::Instruction<4>],
    pub layout: &'a Layout,
}

impl Contender for Table<'_> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        let (code, data) = memory.split_at_mut(self.layout.data);
        let (mut code, mut data) = (Place::new(code), Place::new(data));
        for instruction in self.program {
            table::emit(&mut code, &mut data, &DECODED[instruction.uop as usize], &instruction.operands, host)?;
        }
        Ok(())
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Copies each body by itself and patches nothing.
pub struct Bodies<'a> {
    pub steps: &'a [Step],
}

impl Contender for Bodies<'_> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        let mut rest = memory;
        for step in self.steps {
            let body = &step.stencil().code;
            let (place, after) = rest.split_at_mut(body.size);
            place[..body.stored.len()].copy_from_slice(body.stored);
            rest = after;
        }
        Ok(())
    }

    fn check(&mut self, memory: &[u8]) -> Result<()> {
        bodies(memory, self.steps)
    }
}

/// The instructions of all steps, with both labels.
fn program(steps: &[Step]) -> Vec<Instruction<Executor>> {
    let targets = [Label(0), Label(1)];
    let steps = steps.iter().map(|step| block::instruction(step.uop.into(), step.operands(targets)));
    let end = targets.into_iter().flat_map(|label| [Executor::bind(label), Executor::_EXIT_TRACE()]);
    steps.chain(end).collect()
}

/// The same as numbers and words. `targets` replaces the operands that are labels.
pub fn words(steps: &[Step], targets: [u64; 2]) -> Vec<c::Instruction<4>> {
    let instruction = |step: &Step| {
        let mut operands = [0; 4];
        step.words(targets).into_iter().zip(&mut operands).for_each(|(word, operand)| *operand = word);
        c::Instruction { uop: step.uop.into(), operands }
    };
    steps.iter().map(instruction).collect()
}

/// Two passes over instructions.
pub struct Program<'a> {
    steps: &'a [Step],
    program: Vec<Instruction<Executor>>,
    /// The arena. Without one, the program gets a mapping of its own.
    arena: Option<Arena>,
    made: Option<Code<Executor>>,
}

impl<'a> Program<'a> {
    pub fn new(steps: &'a [Step], arena: Option<Arena>) -> Self {
        Self { steps, program: program(steps), arena, made: None }
    }
}

impl Contender for Program<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        self.made = Some(match &self.arena {
            Some(arena) => Executor::compile_in(arena, &self.program)?,
            None => Executor::compile(&self.program)?,
        });
        Ok(())
    }

    fn free(&mut self) {
        self.made = None;
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        let bytes = self.made.as_ref().ok_or("nothing was made")?.bytes();
        let entry = <Executor as stencil_runtime::Machine>::ENTRY.stencil().code.size;
        bodies(&bytes[entry..], self.steps)
    }
}

/// Checks that the bodies of the steps are in this memory. Their fields depend on its address.
pub fn bodies(memory: &[u8], steps: &[Step]) -> Result<()> {
    let mut rest = memory;
    for step in steps {
        let stencil = step.stencil();
        let (name, code, patches) = (stencil.name(), stencil.code, stencil.patches());
        let (bytes, after) = rest.split_at(code.size);
        let mut bytes = bytes.to_vec();
        for patch in patches.iter().filter(|patch| patch.section == stencil_runtime::Section::Code) {
            bytes[patch.offset..patch.offset + patch.kind.size()].fill(0);
        }
        let (stored, zeros) = bytes.split_at(code.stored.len());
        same(stored, code.stored).map_err(|error| format!("{name}: {error}"))?;
        same(zeros, &vec![0; zeros.len()]).map_err(|error| format!("{name}: {error}"))?;
        rest = after;
    }
    Ok(())
}
