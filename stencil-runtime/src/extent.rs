//! Where the parts of each instruction lie in a compiled program.

use std::ops::Range;

use crate::code::Code;
use crate::emit::padding;
use crate::program::{Instruction, Machine};
use crate::uop::Size;

/// The addresses of an instruction's code and of its data, which include its out-of-line code.
#[derive(Clone, Debug)]
pub(crate) struct Extent {
    pub(crate) code: Range<u64>,
    pub(crate) data: Range<u64>,
}

impl Extent {
    /// Returns whether an address is one of the instruction's.
    pub(crate) fn contains(&self, address: u64) -> bool {
        // A listing may have any address, also one near the end of the address space.
        let is_in = |range: &Range<u64>| address.wrapping_sub(range.start) < range.end.wrapping_sub(range.start);
        is_in(&self.code) || is_in(&self.data)
    }
}

/// The addresses at which the next instruction's code and data are placed: what an emitter's cursor is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    pub(crate) code: u64,
    /// None if the data is unknown. No address is in it then.
    pub(crate) data: Option<u64>,
}

impl Cursor {
    /// Returns where the code and the data of a program begin.
    pub(crate) fn of<M: Machine>(code: &Code<M>) -> Self {
        let [code, data] = [code.bytes(), code.data()].map(|bytes| bytes.as_ptr() as u64);
        Self { code, data: Some(data) }
    }

    /// Returns the extent of a uop of this size, and advances past it.
    pub(crate) fn advance(&mut self, size: &Size) -> Extent {
        let code = self.code..self.code.wrapping_add(size.code.into());
        let data = self.data.map_or(0..0, |data| {
            let padding = padding(data, size.data as usize, u64::from(size.alignment_mask) + 1);
            let start = data.wrapping_add(padding as u64);
            start..start.wrapping_add(size.data.into())
        });
        *self = Self { code: code.end, data: self.data.map(|_| data.end) };
        Extent { code, data }
    }

    /// Returns the extents of instructions that follow one another.
    pub(crate) fn extents<'a, M: Machine>(
        mut self,
        program: &'a [Instruction<M>],
    ) -> impl Iterator<Item = (&'a Instruction<M>, Extent)> + use<'a, M> {
        program.iter().map(move |instruction| (instruction, self.advance(instruction.size())))
    }
}
