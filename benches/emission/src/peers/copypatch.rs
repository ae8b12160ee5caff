//! copypatch, used as its users do: a vector is extended by each stencil, and a function is called for each patch.

use copypatch::{ExecBuf, patch_x86_rel32};
use stencil_runtime::Patch;

use crate::Result;
use crate::measure::{Contender, same};
use crate::small::{SIZE, STENCIL_ret, STENCIL_step, Step, code};

/// Emits into a vector with sufficient capacity.
pub struct CopyPatch<'a> {
    steps: &'a [Step],
    expected: &'a [u8],
    code: Vec<u8>,
}

impl<'a> CopyPatch<'a> {
    pub fn new(steps: &'a [Step], expected: &'a [u8]) -> Self {
        Self { steps, expected, code: Vec::with_capacity(expected.len()) }
    }
}

impl Contender for CopyPatch<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        for step in self.steps {
            extend(&mut self.code, step);
        }
        Ok(())
    }

    fn free(&mut self) {
        self.code.clear();
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        same(&self.code, self.expected)
    }
}

/// Adds a step.
pub fn extend(code: &mut Vec<u8>, step: &Step) {
    const CODE: [u8; SIZE] = self::code();
    const PATCHES: [Patch; 2] = [STENCIL_step.patch(0).unwrap(), STENCIL_step.patch(1).unwrap()];
    let start = code.len();
    code.extend_from_slice(&CODE);
    for (patch, value) in PATCHES.iter().zip([step.offset, step.amount.cast_unsigned()]) {
        // Its only kind of patch is a displacement from the end of the field.
        let field = start + patch.offset;
        patch_x86_rel32(code, field, field + 4 + value as usize);
    }
}

/// Makes functions, each in a buffer of its own.
pub struct Functions<'a> {
    pub functions: &'a [&'a [Step]],
    pub entry: &'a [u8],
    pub expected: &'a [Vec<u8>],
    pub made: Vec<(ExecBuf, usize)>,
}

impl Contender for Functions<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let mut code = Vec::new();
        for steps in self.functions {
            code.clear();
            code.extend_from_slice(self.entry);
            for step in *steps {
                extend(&mut code, step);
            }
            code.extend_from_slice(STENCIL_ret.code.stored);
            self.made.push((ExecBuf::new(&code), code.len()));
        }
        Ok(())
    }

    fn free(&mut self) {
        self.made.clear();
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        for ((made, size), expected) in self.made.iter().zip(self.expected) {
            // SAFETY: the buffer is readable and has this size.
            same(unsafe { std::slice::from_raw_parts(made.as_ptr(), *size) }, expected)?;
        }
        Ok(())
    }
}
