//! A uop of 15 bytes with two holes, emitted many times: the first case, and the functions.

use stencil_runtime::{Emitter, Fresh, Instruction, stencil};

use crate::Result;
use crate::measure::{Contender, same};

stencil! {
    /// Two sums, and the memory that is added to one of them.
    pub machine Adder(memory: *const u8, sum: u64, count: u64) -> u64;

    /// Adds a word in memory to one sum and a constant to the other: `add offset(%r12), %r13; add $amount, %r14`.
    pub uop step(offset: u32, amount: i32) {
        sum += *(const uint64_t *)(memory + offset);
        count += amount;
    }

    /// Ends the run.
    pub uop ret() { RETURN(sum + count); }
}

/// The operands of one `step`.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The offset of a word of the memory.
    pub offset: u32,
    /// A constant that needs 32 bits.
    pub amount: i32,
}

/// The number of words that the steps read from.
const WORDS: usize = 512;

/// The bytes of a `step`.
pub const SIZE: usize = STENCIL_step.code.size;

/// Makes this many steps. No operand fits 8 bits, so that no assembler can choose a shorter form.
pub fn steps(number: usize) -> Vec<Step> {
    let mut random = scale::Random(1);
    let mut below = |limit: usize| random.below(limit) as u32;
    (0..number)
        .map(|_| Step { offset: 128 + 8 * below(WORDS - 16), amount: 128 + below(1 << 30).cast_signed() })
        .collect()
}

/// The steps as instructions.
pub fn program(steps: &[Step]) -> Vec<Instruction<Adder>> {
    steps.iter().map(|step| Adder::step(step.offset, step.amount)).chain([Adder::ret()]).collect()
}

/// Runs a function that consists of these steps and checks its result.
pub fn run(function: unsafe extern "C" fn(*const u8, u64, u64) -> u64, steps: &[Step]) -> Result<()> {
    let words: Vec<u64> = (0..WORDS as u64).map(|index| index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let expected = steps.iter().fold(0, |sum: u64, step| {
        sum.wrapping_add(words[step.offset as usize / 8]).wrapping_add_signed(step.amount.into())
    });
    // SAFETY: the function reads words at the offsets of the steps, all of which exist.
    let result = unsafe { function(words.as_ptr().cast(), 0, 0) };
    if result == expected { Ok(()) } else { Err(format!("{result:#x} instead of {expected:#x}").into()) }
}

/// The machine code of the steps, whose result has been checked.
pub fn reference(steps: &[Step]) -> Result<Vec<u8>> {
    let code = Adder::compile(&program(steps))?;
    run(*code.entry(), steps)?;
    let end = code.bytes().len() - STENCIL_ret.code.size;
    Ok(code.bytes()[end - steps.len() * SIZE..end].to_vec())
}

/// The emit function of `stencil!`.
pub struct EmitFunction<'a> {
    pub steps: &'a [Step],
    pub expected: &'a [u8],
}

impl Contender for EmitFunction<'_> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        // SAFETY: the memory passed to contenders is zero.
        let mut out = unsafe { Emitter::<Fresh>::zeroed_unchecked(memory, &mut []) };
        for step in self.steps {
            emit_step(&mut out, step.offset, step.amount)?;
        }
        Ok(())
    }

    fn check(&mut self, memory: &[u8]) -> Result<()> {
        same(&memory[..self.expected.len()], self.expected)
    }
}

/// The loop that one would write by hand for this uop.
pub struct ByHand<'a> {
    pub steps: &'a [Step],
    pub expected: &'a [u8],
}

impl Contender for ByHand<'_> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        const CODE: [u8; SIZE] = code();
        const OFFSET: usize = STENCIL_step.patch(0).unwrap().offset;
        const AMOUNT: usize = STENCIL_step.patch(1).unwrap().offset;
        let (places, _) = memory.as_chunks_mut::<SIZE>();
        if places.len() < self.steps.len() {
            return Err("no room".into());
        }
        for (place, step) in places.iter_mut().zip(self.steps) {
            *place = CODE;
            place[OFFSET..OFFSET + 4].copy_from_slice(&step.offset.to_le_bytes());
            place[AMOUNT..AMOUNT + 4].copy_from_slice(&step.amount.to_le_bytes());
        }
        Ok(())
    }

    fn check(&mut self, memory: &[u8]) -> Result<()> {
        same(&memory[..self.expected.len()], self.expected)
    }
}

/// The code of a `step` with empty holes.
pub const fn code() -> [u8; SIZE] {
    let (mut code, mut index) = ([0; SIZE], 0);
    let stored = STENCIL_step.code.stored;
    while index < stored.len() {
        code[index] = stored[index];
        index += 1;
    }
    code
}

/// Copies the result and does nothing else.
pub struct Copied<'a> {
    pub expected: &'a [u8],
}

impl Contender for Copied<'_> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        memory[..self.expected.len()].copy_from_slice(self.expected);
        Ok(())
    }

    fn check(&mut self, memory: &[u8]) -> Result<()> {
        same(&memory[..self.expected.len()], self.expected)
    }
}
