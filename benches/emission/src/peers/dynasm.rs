//! dynasm-rs: an assembler that encodes instructions while rustc compiles, as far as they are known then.

use dynasmrt::x64::{Assembler, X64Relocation};
use dynasmrt::{DynasmApi as _, ExecutableBuffer, VecAssembler, dynasm};

use crate::Result;
use crate::measure::{Contender, same};
use crate::small::Step;

/// Assembles into a vector with sufficient capacity.
pub struct Dynasm<'a> {
    steps: &'a [Step],
    expected: &'a [u8],
    assembler: VecAssembler<X64Relocation>,
}

impl<'a> Dynasm<'a> {
    pub fn new(steps: &'a [Step], expected: &'a [u8]) -> Self {
        let mut assembler = VecAssembler::new(0);
        assembler.reserve_ops(expected.len() + 64);
        Self { steps, expected, assembler }
    }
}

impl Contender for Dynasm<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let assembler = &mut self.assembler;
        for step in self.steps {
            let (offset, amount) = (step.offset as i32, step.amount);
            dynasm!(assembler
                ; .arch x64
                ; add r13, [DWORD r12 + offset]
                ; add r14, DWORD amount
            );
        }
        Ok(())
    }

    fn free(&mut self) {
        drop(self.assembler.drain().expect("there is nothing to relocate"));
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        same(&self.assembler.take()?, self.expected)
    }
}

/// Assembles functions into the pages of one assembler, and publishes them together.
pub struct Functions<'a> {
    pub functions: &'a [&'a [Step]],
    pub entry: &'a [u8],
    pub expected: &'a [Vec<u8>],
    pub made: Option<ExecutableBuffer>,
}

impl Contender for Functions<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let mut assembler = Assembler::new()?;
        for steps in self.functions {
            dynasm!(assembler ; .arch x64 ; .bytes self.entry);
            for step in *steps {
                let (offset, amount) = (step.offset as i32, step.amount);
                dynasm!(assembler
                    ; .arch x64
                    ; add r13, [DWORD r12 + offset]
                    ; add r14, DWORD amount
                );
            }
            dynasm!(assembler ; .arch x64 ; lea rax, [r14 + r13] ; ret);
        }
        self.made = Some(assembler.finalize().map_err(|_| "somebody else has it")?);
        Ok(())
    }

    fn free(&mut self) {
        self.made = None;
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        same(self.made.as_ref().ok_or("nothing was made")?, &self.expected.concat())
    }
}
