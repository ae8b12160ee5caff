//! iced-x86: an assembler that builds and encodes instructions at run time.

use iced_x86::code_asm::{CodeAssembler, ptr, r12, r13, r14};

use crate::Result;
use crate::measure::{Contender, same};
use crate::small::Step;

/// Assembles into a vector of its own.
pub struct Iced<'a> {
    pub steps: &'a [Step],
    pub expected: &'a [u8],
    pub code: Vec<u8>,
}

impl Contender for Iced<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let mut assembler = CodeAssembler::new(64)?;
        for step in self.steps {
            assembler.add(r13, ptr(r12 + step.offset))?;
            assembler.add(r14, step.amount)?;
        }
        self.code = assembler.assemble(0)?;
        Ok(())
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        same(&self.code, self.expected)
    }
}
