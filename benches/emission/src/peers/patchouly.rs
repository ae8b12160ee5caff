//! patchouly: a library that selects, copies and patches stencils. It is given ours, because its own, which it
//! compiles from Rust functions, need a nightly compiler.

use patchouly::Program;
use patchouly::patch::{PatchBlock, ProgramBlocks};
use patchouly_core::relocation::{PatchKind, Relocation, RelocationEncoding};
use patchouly_core::{Stencil, StencilFamily, StencilLibrary};

use crate::Result;
use crate::measure::{Contender, same};
use crate::small::{STENCIL_ret, STENCIL_step, Step};

/// The prologue, a uop with two holes that continues, and a uop that returns.
pub struct Library {
    library: &'static StencilLibrary<1>,
    entry: StencilFamily<0, 0, 1, 0, 1>,
    step: StencilFamily<0, 0, 1, 2, 1>,
    ret: StencilFamily<0, 0, 1, 0, 0>,
}

impl Library {
    /// A library of these bytes, `step` and `ret`. It is leaked, because it has to be static.
    pub fn new(entry: &[u8]) -> Self {
        let (step, ret) = (&STENCIL_step.code, &STENCIL_ret.code);
        let mut code = step.stored.to_vec();
        code.resize(step.size, 0);
        code.extend(ret.stored);
        code.extend(entry);
        let moves = Box::leak(Box::new(StencilFamily { relocation_data: &[], stencils: &[] }));
        let library = Box::leak(Box::new(StencilLibrary { code: code.leak(), empty: &[0xeb, 0], moves }));
        let field = |index: usize| {
            let mut relocation = Relocation::new();
            relocation.set_offset(STENCIL_step.patches()[index].offset as u16);
            relocation.set_encoding(RelocationEncoding::X86Signed);
            relocation.set_size(32);
            relocation.set_patch_kind(PatchKind::Hole);
            relocation.set_patch_id(index as u16);
            relocation
        };
        let relocations = vec![field(0), field(1), Relocation::new()].leak();
        let step_stencil = Stencil { code_index: 0, code_len: step.size as u16, relocation_index: 0 };
        let ret_stencil = Stencil { code_index: step.size as u32, code_len: ret.size as u16, relocation_index: 0 };
        let entry_stencil =
            Stencil { code_index: (step.size + ret.size) as u32, code_len: entry.len() as u16, relocation_index: 0 };
        // The second stencil of each family is for wide holes.
        Self {
            library,
            entry: StencilFamily { relocation_data: &relocations[2..], stencils: vec![entry_stencil; 2].leak() },
            step: StencilFamily { relocation_data: relocations, stencils: vec![step_stencil; 2].leak() },
            ret: StencilFamily { relocation_data: &relocations[2..], stencils: vec![ret_stencil; 2].leak() },
        }
    }

    /// A block: the prologue, the steps and `ret`.
    pub fn block(&self, steps: &[Step]) -> Result<PatchBlock<1>> {
        let mut block = PatchBlock::new(self.library);
        if self.entry.stencils[0].code_len != 0 {
            block.add(&self.entry, &[], &[], &[])?;
        }
        for step in steps {
            block.add(&self.step, &[], &[], &[step.offset as usize, step.amount as usize])?;
        }
        block.ret(&self.ret, &[], &[])?;
        Ok(block)
    }
}

/// Emits into the memory passed to it.
pub struct Patchouly<'a> {
    pub library: Library,
    pub steps: &'a [Step],
    pub expected: &'a [u8],
}

impl Contender for Patchouly<'_> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        let block = self.library.block(self.steps)?;
        let base = memory.as_ptr() as usize;
        Ok(block.finalize_into(memory, base, 0, &ProgramBlocks::default())?)
    }

    fn check(&mut self, memory: &[u8]) -> Result<()> {
        same(&memory[..self.expected.len()], self.expected)
    }
}

/// Makes functions, each a program with a mapping of its own.
pub struct Functions<'a> {
    pub library: Library,
    pub functions: &'a [&'a [Step]],
    pub expected: &'a [Vec<u8>],
    pub made: Vec<Program>,
}

impl Contender for Functions<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        for steps in self.functions {
            self.made.push(self.library.block(steps)?.finalize()?);
        }
        Ok(())
    }

    fn free(&mut self) {
        self.made.clear();
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        self.made.iter().zip(self.expected).try_for_each(|(made, expected)| same(made.as_slice(), expected))
    }
}
