//! Traces of mixed uops, compiled and published one at a time, and never run.
//!
//! As in CPython, each instruction can be the target of others. So each has a label, whose number is its index.

use stencil_runtime::{Arena, Assembler, Code, Instruction, Label, Machine as _, Stencil};

use crate::Result;
use crate::measure::{Contender, same};
use crate::mixed::{Executor, STENCIL__EXIT_TRACE, STENCILS, Step, bodies as mixed_bodies, instruction};
use crate::peers::c;

/// Steps with the targets of their labels, and a last instruction that leaves.
pub struct Trace<'a> {
    steps: &'a [Step],
    targets: Vec<[u32; 2]>,
}

/// Divides steps into traces. Both labels of each step are those of later instructions.
pub fn traces(steps: &[Step], uops: usize) -> Vec<Trace<'_>> {
    let mut random = scale::Random(3);
    let mut trace = |steps: &'_ [Step]| {
        let mut later = |index: usize| (index + 1 + random.below(steps.len() - index)) as u32;
        (0..steps.len()).map(|index| [later(index), later(index)]).collect()
    };
    steps.chunks(uops).map(|steps| Trace { steps, targets: trace(steps) }).collect()
}

impl Trace<'_> {
    fn instruction(&self, index: usize) -> Instruction<Executor> {
        let step = self.steps[index];
        instruction(step.uop.into(), step.operands(self.targets[index].map(Label)))
    }

    fn instructions(&self) -> impl Iterator<Item = Instruction<Executor>> {
        (0..self.steps.len()).map(|index| self.instruction(index)).chain([Executor::_EXIT_TRACE()])
    }

    /// The trace for the functions in C. It has no entry, so that both number the same instructions.
    pub fn words(&self) -> Vec<c::Instruction<4>> {
        let steps = self.steps.iter().zip(&self.targets).map(|(step, targets)| {
            let mut operands = [0; 4];
            let words = step.words(targets.map(u64::from));
            words.into_iter().zip(&mut operands).for_each(|(word, operand)| *operand = word);
            c::Instruction { uop: step.uop.into(), operands }
        });
        steps.chain([c::Instruction { uop: STENCILS.len() as u64, operands: [0; 4] }]).collect()
    }
}

/// The stencils for the functions in C.
pub fn stencils() -> Vec<&'static Stencil> {
    STENCILS.into_iter().chain([&STENCIL__EXIT_TRACE]).collect()
}

/// Checks that the bodies of the trace are in this memory.
pub fn bodies(trace: &Trace<'_>, memory: &[u8]) -> Result<()> {
    mixed_bodies(memory, trace.steps)
}

/// A trace as one program: its size in bytes, and the offsets of its labels.
pub struct Expected {
    pub size: usize,
    offsets: Vec<usize>,
}

/// What each trace is compiled to. The offsets of labels are computed from the sizes of stencils.
pub fn reference(traces: &[Trace<'_>]) -> Result<Vec<Expected>> {
    let expected = |trace: &Trace<'_>| {
        let mut next = Executor::ENTRY.stencil().code.size;
        let mut offsets = vec![next];
        for step in trace.steps {
            next += step.stencil().code.size;
            offsets.push(next);
        }
        let program: Vec<_> = labelled(trace.instructions()).collect();
        Ok(Expected { size: Executor::compile(&program)?.memory().len(), offsets })
    };
    traces.iter().map(expected).collect()
}

fn labelled(instructions: impl Iterator<Item = Instruction<Executor>>) -> impl Iterator<Item = Instruction<Executor>> {
    instructions.enumerate().flat_map(|(index, instruction)| [Executor::bind(Label(index as u32)), instruction])
}

fn check(made: &[Code<Executor>], traces: &[Trace<'_>], expected: &[Expected]) -> Result<()> {
    for ((code, trace), expected) in made.iter().zip(traces).zip(expected) {
        bodies(trace, &code.bytes()[expected.offsets[0]..])?;
        for (index, &offset) in expected.offsets.iter().enumerate() {
            let found = code.offset(Label(index as u32));
            if found != Some(offset) {
                return Err(format!("label {index} is at {found:?} instead of {offset}").into());
            }
        }
        same(&code.memory()[..code.bytes().len()], code.bytes())?;
    }
    Ok(())
}

/// An assembler that all traces share.
pub struct Assembled<'a> {
    traces: &'a [Trace<'a>],
    expected: &'a [Expected],
    /// The instructions, unless they are made of the uops' numbers each time.
    instructions: Option<Vec<Vec<Instruction<Executor>>>>,
    arena: Arena,
    assembler: Assembler<Executor>,
    made: Vec<Code<Executor>>,
}

impl<'a> Assembled<'a> {
    pub fn new(traces: &'a [Trace<'a>], expected: &'a [Expected], arena: Arena, from_numbers: bool) -> Self {
        let instructions = (!from_numbers).then(|| traces.iter().map(|trace| trace.instructions().collect()).collect());
        Self { traces, expected, instructions, arena, assembler: Assembler::new(), made: Vec::new() }
    }
}

impl Contender for Assembled<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let assembler = &mut self.assembler;
        for (number, trace) in self.traces.iter().enumerate() {
            assembler.clear();
            let labels = assembler.labels(trace.steps.len() as u32 + 1);
            match &self.instructions {
                Some(instructions) => {
                    for (label, instruction) in labels.zip(&instructions[number]) {
                        assembler.bind(label);
                        assembler.push(*instruction);
                    }
                }
                None => {
                    for (label, instruction) in labels.zip(trace.instructions()) {
                        assembler.bind(label);
                        assembler.push(instruction);
                    }
                }
            }
            self.made.push(assembler.compile_in(&self.arena)?);
        }
        Ok(())
    }

    fn free(&mut self) {
        self.made.clear();
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        check(&self.made, self.traces, self.expected)
    }
}

/// Slices of instructions, of which every other one binds a label.
pub struct Slices<'a> {
    traces: &'a [Trace<'a>],
    expected: &'a [Expected],
    programs: Vec<Vec<Instruction<Executor>>>,
    arena: Arena,
    made: Vec<Code<Executor>>,
}

impl<'a> Slices<'a> {
    pub fn new(traces: &'a [Trace<'a>], expected: &'a [Expected], arena: Arena) -> Self {
        let programs = traces.iter().map(|trace| labelled(trace.instructions()).collect()).collect();
        Self { traces, expected, programs, arena, made: Vec::new() }
    }
}

impl Contender for Slices<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        for program in &self.programs {
            self.made.push(Executor::compile_in(&self.arena, program)?);
        }
        Ok(())
    }

    fn free(&mut self) {
        self.made.clear();
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        check(&self.made, self.traces, self.expected)
    }
}
