//! Layout of a uop's code: the likely path falls through to the next uop, and unlikely paths are moved out of line.
//!
//! A C compiler ends each path through a function with a jump and places unlikely paths after the likely one. In a stencil
//! the likely path should end where the next uop begins. So this module splits the code into basic blocks, threads jumps to
//! jumps, and orders the blocks: `order` says which of them become the code, and which go to the stencil's data, out of
//! line. Displacements are as short as possible. All other instructions are copied unchanged.

mod order;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::instruction::{self, Condition, Flow, Instruction};
use crate::isa;

/// The target of a jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A block of the function, by index.
    Block(usize),
    /// A target outside of the function: that of the relocation with this index.
    Exit(usize),
    /// The next uop.
    Next,
}

/// How a block ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Jump(Edge),
    Branch {
        condition: Condition,
        taken: Edge,
        other: Edge,
    },
    /// The last instruction of the block leaves the function.
    Leave,
}

/// A basic block: control enters at its first instruction and leaves at its last.
#[derive(Debug)]
struct Block {
    /// The indices of its instructions, without the jumps at its end.
    body: std::ops::Range<usize>,
    end: End,
}

/// The bytes of the code, or of the code out of line.
#[derive(Debug, Default)]
pub struct Part {
    pub bytes: Vec<u8>,
    /// The index of each relocation and the new offset of its field.
    pub relocations: Vec<(usize, usize)>,
    /// Fields that hold the 32-bit displacement, from their end, of a location in the other part.
    pub across: Vec<(usize, Place)>,
}

/// A target in the other part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An offset in the other part.
    Other(usize),
    /// The end of the code, seen from out of line.
    Next,
}

/// Replacements of instructions, by index: the new bytes, and for each relocated field in them its offset and the index of its
/// relocation.
pub type Replacements = HashMap<usize, (Vec<u8>, Vec<(usize, usize)>)>;

/// Lays out a function and returns the code and the code out of line, or none if control flow cannot be told from the
/// instructions.
///
/// `relocations` are the offsets of all relocated fields, ascending. `exit` maps the offset of a relocated jump's
/// displacement to the jump's target.
pub fn lay_out(
    code: &[u8],
    decoded: &[Instruction],
    relocations: &[usize],
    replacements: &Replacements,
    exit: impl Fn(usize) -> Option<Edge>,
) -> Option<(Part, Part)> {
    let mut blocks = blocks(code, decoded, relocations, exit)?;
    let deleted = |index| replacements.get(&index).is_some_and(|(bytes, _)| bytes.is_empty());
    for Block { body, .. } in &mut blocks {
        if body.clone().all(deleted) {
            body.end = body.start;
        }
    }
    thread(&mut blocks);
    let (inside, outside) = order::order(&blocks, &|index| length(replacements, decoded, index));
    let layout =
        |order, next_follows| Layout { code, decoded, relocations, replacements, blocks: &blocks, order, next_follows };
    let (inside, outside) = (layout(inside, true), layout(outside, false));
    Some((inside.part(&outside.starts())?, outside.part(&inside.starts())?))
}

/// Splits a function into basic blocks.
fn blocks(
    code: &[u8],
    decoded: &[Instruction],
    relocations: &[usize],
    exit: impl Fn(usize) -> Option<Edge>,
) -> Option<Vec<Block>> {
    let relocated = |offset: usize| relocations.binary_search(&offset).is_ok();
    let mut leaders = vec![0];
    for (index, item) in decoded.iter().enumerate() {
        if item.hides_a_location(relocated) {
            return None;
        }
        if item.flow.ends_block() {
            leaders.push(index + 1);
        }
        if let Some(target) = item.internal_target(relocated) {
            leaders.push(instruction::index_of(decoded, target)?);
        }
    }
    leaders.sort_unstable();
    leaders.dedup();
    leaders.retain(|&leader| leader < decoded.len());
    let block_at = |instruction: usize| leaders.binary_search(&instruction).ok().map(Edge::Block);
    let edge = |item: &Instruction| match item.internal_target(relocated) {
        Some(target) => block_at(instruction::index_of(decoded, target)?),
        None => exit(item.destination()?),
    };
    let mut blocks = Vec::with_capacity(leaders.len());
    for (index, &first) in leaders.iter().enumerate() {
        let end = leaders.get(index + 1).copied().unwrap_or(decoded.len());
        let last = &decoded[end - 1];
        let (body, end) = match last.flow {
            // A call at the end of the function does not return.
            flow if flow.is_call() && end == decoded.len() => (first..end, End::Leave),
            flow if !flow.ends_block() => (first..end, End::Jump(block_at(end)?)),
            Flow::Jump => (first..end - 1, End::Jump(edge(last)?)),
            Flow::Branch => {
                let condition = isa::condition(&code[last.start..])?;
                (first..end - 1, End::Branch { condition, taken: edge(last)?, other: block_at(end)? })
            }
            // A jump to the next uop through the global offset table needs no slot.
            _ => match last.destination().and_then(&exit) {
                Some(Edge::Next) => (first..end - 1, End::Jump(Edge::Next)),
                _ => (first..end, End::Leave),
            },
        };
        blocks.push(Block { body, end });
    }
    Some(blocks)
}

/// Threads jumps: a jump to a jump gets the latter's target.
fn thread(blocks: &mut [Block]) {
    let follow = |blocks: &[Block], mut edge: Edge| {
        // A cycle of empty blocks is an endless loop, and stays one.
        for _ in 0..blocks.len() {
            match edge {
                Edge::Block(index) if blocks[index].body.is_empty() => match blocks[index].end {
                    End::Jump(next) => edge = next,
                    _ => break,
                },
                _ => break,
            }
        }
        edge
    };
    for index in 0..blocks.len() {
        blocks[index].end = match blocks[index].end {
            End::Jump(edge) => End::Jump(follow(blocks, edge)),
            End::Branch { condition, taken, other } => {
                End::Branch { condition, taken: follow(blocks, taken), other: follow(blocks, other) }
            }
            End::Leave => End::Leave,
        };
    }
}

impl Block {
    /// Returns the edges to the block's successors, the expected one first.
    fn edges(&self) -> impl Iterator<Item = Edge> + use<> {
        let (first, second) = match self.end {
            End::Jump(edge) => (Some(edge), None),
            End::Branch { taken, other, .. } => (Some(other), Some(taken)),
            End::Leave => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// Returns the size of an instruction, or of its replacement, in bytes.
fn length(replacements: &Replacements, decoded: &[Instruction], index: usize) -> usize {
    replacements.get(&index).map_or_else(|| decoded[index].len(), |(bytes, _)| bytes.len())
}

/// One part: its blocks in order.
struct Layout<'a> {
    code: &'a [u8],
    decoded: &'a [Instruction],
    relocations: &'a [usize],
    replacements: &'a Replacements,
    blocks: &'a [Block],
    order: Vec<usize>,
    /// Whether the next uop begins at the end of this part.
    next_follows: bool,
}

/// A jump at the end of a block: its condition, if any, and its target.
type Jump = (Option<Condition>, Edge);

impl Layout<'_> {
    /// Returns the jumps that a block needs at its end. The successor that follows it needs none.
    fn jumps(&self, position: usize) -> Vec<Jump> {
        let falls_to = match self.order.get(position + 1) {
            Some(&next) => Some(Edge::Block(next)),
            None => self.next_follows.then_some(Edge::Next),
        };
        match self.blocks[self.order[position]].end {
            End::Leave => Vec::new(),
            End::Jump(edge) if Some(edge) == falls_to => Vec::new(),
            End::Jump(edge) => vec![(None, edge)],
            End::Branch { condition, taken, other } => {
                if taken == other {
                    return if Some(taken) == falls_to { Vec::new() } else { vec![(None, taken)] };
                }
                if Some(other) == falls_to {
                    vec![(Some(condition), taken)]
                } else if Some(taken) == falls_to {
                    vec![(Some(isa::negated(condition)), other)]
                } else {
                    vec![(Some(condition), taken), (None, other)]
                }
            }
        }
    }

    /// Returns the position of a jump's target in this part: that of a block, or the one after the last block.
    fn position(&self, edge: Edge) -> Option<usize> {
        match edge {
            Edge::Block(block) => self.order.iter().position(|&other| other == block),
            Edge::Next if self.next_follows => Some(self.order.len()),
            _ => None,
        }
    }

    /// Returns the start of each block, followed by the end of the last one, and which jumps are long. All jumps are as
    /// short as possible.
    fn measure(&self) -> (Vec<usize>, Vec<Vec<bool>>) {
        let jumps: Vec<Vec<Jump>> = (0..self.order.len()).map(|position| self.jumps(position)).collect();
        let mut long: Vec<Vec<bool>> =
            jumps.iter().map(|jumps| jumps.iter().map(|(_, edge)| self.position(*edge).is_none()).collect()).collect();
        loop {
            let mut starts = vec![0];
            let mut ends = Vec::new();
            for (position, jumps) in jumps.iter().enumerate() {
                let body = self.blocks[self.order[position]].body.clone();
                let mut at =
                    starts[position] + body.map(|index| length(self.replacements, self.decoded, index)).sum::<usize>();
                ends.push(Vec::new());
                for ((condition, _), long) in jumps.iter().zip(&long[position]) {
                    at += isa::jump_size(*condition, *long);
                    ends[position].push(at);
                }
                starts.push(at);
            }
            let mut grown = false;
            for position in 0..jumps.len() {
                for (index, (condition, edge)) in jumps[position].iter().enumerate() {
                    if let Some(target) = self.position(*edge).filter(|_| !long[position][index]) {
                        let distance = starts[target] as i64 - ends[position][index] as i64;
                        if !isa::reaches(*condition, distance) {
                            long[position][index] = true;
                            grown = true;
                        }
                    }
                }
            }
            if !grown {
                return (starts, long);
            }
        }
    }

    /// Returns each block of this part with its start.
    fn starts(&self) -> Vec<(usize, usize)> {
        self.order.iter().copied().zip(self.measure().0).collect()
    }

    /// Writes the part. `elsewhere` are the blocks of the other part with their starts. Returns none if a jump leads to a
    /// block of neither part.
    fn part(&self, elsewhere: &[(usize, usize)]) -> Option<Part> {
        let (starts, long) = self.measure();
        let mut part = Part::default();
        for position in 0..self.order.len() {
            for instruction in self.blocks[self.order[position]].body.clone() {
                let (item, at) = (&self.decoded[instruction], part.bytes.len());
                if let Some((bytes, fields)) = self.replacements.get(&instruction) {
                    part.relocations.extend(fields.iter().map(|&(field, relocation)| (relocation, at + field)));
                    part.bytes.extend_from_slice(bytes);
                    continue;
                }
                let first = self.relocations.partition_point(|&offset| offset < item.start);
                let within = self.relocations[first..].iter().take_while(|&&offset| offset < item.end);
                let fields = within.enumerate().map(|(index, offset)| (first + index, at + offset - item.start));
                part.relocations.extend(fields);
                part.bytes.extend_from_slice(&self.code[item.start..item.end]);
            }
            for (index, (condition, edge)) in self.jumps(position).into_iter().enumerate() {
                let long = long[position][index];
                let end = part.bytes.len() + isa::jump_size(condition, long);
                let distance = self.position(edge).map_or(0, |target| starts[target] as i64 - end as i64);
                let field = isa::push_jump(&mut part.bytes, condition, long, distance);
                match edge {
                    Edge::Exit(relocation) => part.relocations.push((relocation, field)),
                    Edge::Next if !self.next_follows => part.across.push((field, Place::Next)),
                    Edge::Block(block) if self.position(edge).is_none() => {
                        let (_, start) = *elsewhere.iter().find(|(other, _)| *other == block)?;
                        part.across.push((field, Place::Other(start)));
                    }
                    _ => {}
                }
            }
        }
        Some(part)
    }
}
