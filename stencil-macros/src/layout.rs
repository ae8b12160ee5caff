//! Layout of a uop's code: what runs on to the next uop falls through to it, and what does not is out of the way.
//!
//! A C compiler ends each path through a function with a jump, and puts paths that it takes for unlikely behind the
//! likely one. In a stencil the likely path should end where the next uop begins. So the code is taken apart into
//! basic blocks; jumps to jumps go straight to where those lead; the path that the compiler expected is followed from
//! the entry to the next uop, and makes up the code; all other blocks, if they are worth it, go to
//! the stencil's data, out of line. Distances are as short as they can be.
//!
//! The instructions in between are copied as they are.

use std::collections::HashMap;

use crate::x86_64::{self, Decoded, Kind};

/// Where a jump leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A block of the function, by index.
    Block(usize),
    /// Out of the function: what the relocation with this index says.
    Exit(usize),
    /// The next uop.
    Next,
}

/// How a block ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Jump(Edge),
    Branch {
        condition: u8,
        taken: Edge,
        other: Edge,
    },
    /// With an instruction that nothing follows, the last one of the block.
    Leave,
}

/// Instructions that are entered at the first one only and left at the last one only.
#[derive(Debug)]
struct Block {
    /// Range of instructions, the jumps at its end not included.
    body: std::ops::Range<usize>,
    end: End,
}

/// A string of bytes that blocks have been laid out in.
#[derive(Debug, Default)]
pub struct Part {
    pub bytes: Vec<u8>,
    /// Index of a relocation, and the new offset of its field.
    pub relocations: Vec<(usize, usize)>,
    /// Fields of 32 bits with the distance, from their end, to a place in the other part.
    pub across: Vec<(usize, Place)>,
}

/// A place that only the other part jumps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An offset in the other part.
    Other(usize),
    /// The end of the code, from out of line.
    Next,
}

/// Bytes to put in the place of instructions, by their index; with the offset of each relocated field in the bytes and the index of its
/// relocation.
pub type Replacements = HashMap<usize, (Vec<u8>, Vec<(usize, usize)>)>;

/// Code out of line costs a patch for each jump to it and from it. So little of it is not worth that.
const WORTH_MOVING: usize = 8;

/// Lays out a function: the code, and what is out of line. `exit` says of a relocated field at an offset, if it is
/// the distance of a jump, where that leads; `relocations` are the offsets of all relocated fields, ascending; in a
/// replacement, a relocation's index may be greater.
/// None if the function has something that hides where control goes.
pub fn lay_out(
    code: &[u8],
    decoded: &[Decoded],
    relocations: &[usize],
    replacements: &Replacements,
    exit: impl Fn(usize) -> Option<Edge>,
) -> Option<(Part, Part)> {
    let mut blocks = blocks(code, decoded, relocations, exit)?;
    thread(&mut blocks);
    let (code_order, rest) = order(&blocks);
    let moved: usize = rest.iter().map(|&block| size(&blocks[block], decoded)).sum();
    let layout =
        |order, next_follows| Layout { code, decoded, relocations, replacements, blocks: &blocks, order, next_follows };
    if moved <= WORTH_MOVING {
        let mut order = [code_order, rest].concat();
        order.sort_unstable();
        return Some((layout(order, true).part(&[])?, Part::default()));
    }
    let (hot, cold) = (layout(code_order, true), layout(rest, false));
    Some((hot.part(&cold.starts())?, cold.part(&hot.starts())?))
}

/// Takes a function apart.
fn blocks(
    code: &[u8],
    decoded: &[Decoded],
    relocations: &[usize],
    exit: impl Fn(usize) -> Option<Edge>,
) -> Option<Vec<Block>> {
    let relocated = |offset: usize| relocations.binary_search(&offset).is_ok();
    let mut leaders = vec![0];
    for (index, item) in decoded.iter().enumerate() {
        if item.hides_a_place(relocated) {
            return None;
        }
        if item.kind() != Kind::Plain {
            leaders.push(index + 1);
        }
        if let Some(target) = item.internal_target(&relocated) {
            leaders.push(decoded.binary_search_by_key(&target, Decoded::start).ok()?);
        }
    }
    leaders.sort_unstable();
    leaders.dedup();
    leaders.retain(|&leader| leader < decoded.len());
    let block_at = |instruction: usize| leaders.binary_search(&instruction).ok().map(Edge::Block);
    let edge = |item: &Decoded| match item.internal_target(&relocated) {
        Some(target) => block_at(decoded.binary_search_by_key(&target, Decoded::start).ok()?),
        None => exit(item.field_offset()?),
    };
    let mut blocks = Vec::with_capacity(leaders.len());
    for (index, &first) in leaders.iter().enumerate() {
        let end = leaders.get(index + 1).copied().unwrap_or(decoded.len());
        let last = &decoded[end - 1];
        let (body, end) = match last.kind() {
            Kind::Plain => (first..end, End::Jump(block_at(end)?)),
            Kind::Jump => (first..end - 1, End::Jump(edge(last)?)),
            Kind::Branch => {
                let condition = x86_64::condition(&code[last.start()..])?;
                (first..end - 1, End::Branch { condition, taken: edge(last)?, other: block_at(end)? })
            }
            // Through the global offset table, which the next uop needs no slot in.
            Kind::Leave => match last.field_offset().and_then(&exit) {
                Some(Edge::Next) => (first..end - 1, End::Jump(Edge::Next)),
                _ => (first..end, End::Leave),
            },
        };
        blocks.push(Block { body, end });
    }
    Some(blocks)
}

/// Lets jumps to jumps go where those lead.
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
    /// Where control may go on, the expected edge first.
    fn edges(&self) -> impl Iterator<Item = Edge> + use<> {
        let (first, second) = match self.end {
            End::Jump(edge) => (Some(edge), None),
            End::Branch { taken, other, .. } => (Some(other), Some(taken)),
            End::Leave => (None, None),
        };
        first.into_iter().chain(second)
    }
}

/// The blocks of the code, in order, and those that are out of line.
fn order(blocks: &[Block]) -> (Vec<usize>, Vec<usize>) {
    // Blocks from which control may reach the next uop.
    let mut reaches = vec![false; blocks.len()];
    let arrives = |edge: Edge, reaches: &[bool]| match edge {
        Edge::Next => true,
        Edge::Block(index) => reaches[index],
        Edge::Exit(_) => false,
    };
    while let Some(index) =
        (0..blocks.len()).find(|&index| !reaches[index] && blocks[index].edges().any(|edge| arrives(edge, &reaches)))
    {
        reaches[index] = true;
    }
    let mut placed = vec![false; blocks.len()];
    let mut trace = Vec::new();
    let mut at = Some(0).filter(|&entry| reaches.get(entry) == Some(&true));
    while let Some(index) = at {
        placed[index] = true;
        trace.push(index);
        let next = blocks[index].edges().find(|&edge| match edge {
            Edge::Next => true,
            Edge::Block(next) => reaches[next] && !placed[next],
            Edge::Exit(_) => false,
        });
        at = match next {
            Some(Edge::Block(next)) => Some(next),
            Some(_) => None,
            // The path came back to where it was: it goes on where it may leave that loop.
            None => trace.iter().flat_map(|&index| blocks[index].edges()).find_map(|edge| match edge {
                Edge::Block(next) if reaches[next] && !placed[next] => Some(next),
                _ => None,
            }),
        };
    }
    if trace.is_empty() {
        trace.push(0);
        placed[0] = true;
    }
    // Of the others those that are reached at all.
    let mut seen = placed.clone();
    let mut work = trace.clone();
    while let Some(index) = work.pop() {
        for edge in blocks[index].edges() {
            if let Edge::Block(next) = edge
                && !seen[next]
            {
                seen[next] = true;
                work.push(next);
            }
        }
    }
    let rest: Vec<usize> = (0..blocks.len()).filter(|&index| seen[index] && !placed[index]).collect();
    if !reaches[0] {
        // Nothing falls through, so that nothing is in the way.
        let mut all = trace;
        all.extend(rest);
        return (all, Vec::new());
    }
    (trace, rest)
}

/// Bytes of a block, its jumps estimated.
fn size(block: &Block, decoded: &[Decoded]) -> usize {
    let body: usize = decoded[block.body.clone()].iter().map(Decoded::len).sum();
    body + if matches!(block.end, End::Leave) { 0 } else { 2 }
}

/// The blocks of one part in their order.
struct Layout<'a> {
    code: &'a [u8],
    decoded: &'a [Decoded],
    relocations: &'a [usize],
    replacements: &'a Replacements,
    blocks: &'a [Block],
    order: Vec<usize>,
    /// Whether the next uop is at the end of this part.
    next_follows: bool,
}

/// A jump at the end of a block: the condition, if there is one, and where it leads.
type Jump = (Option<u8>, Edge);

impl Layout<'_> {
    /// The jumps that a block needs at its end, since what follows it needs none.
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
                    vec![(Some(x86_64::negated(condition)), other)]
                } else {
                    vec![(Some(condition), taken), (None, other)]
                }
            }
        }
    }

    /// The position of a jump's target in this part: of a block, or of what follows the last one.
    fn position(&self, edge: Edge) -> Option<usize> {
        match edge {
            Edge::Block(block) => self.order.iter().position(|&other| other == block),
            Edge::Next if self.next_follows => Some(self.order.len()),
            _ => None,
        }
    }

    /// Where each block starts, and where the last one ends, with all jumps as short as they can be; and which are
    /// long.
    fn measure(&self) -> (Vec<usize>, Vec<Vec<bool>>) {
        let jumps: Vec<Vec<Jump>> = (0..self.order.len()).map(|position| self.jumps(position)).collect();
        let mut long: Vec<Vec<bool>> =
            jumps.iter().map(|jumps| jumps.iter().map(|(_, edge)| self.position(*edge).is_none()).collect()).collect();
        loop {
            let mut starts = vec![0];
            let mut ends = Vec::new();
            for (position, jumps) in jumps.iter().enumerate() {
                let body = self.blocks[self.order[position]].body.clone();
                let mut at = starts[position] + body.map(|index| self.length(index)).sum::<usize>();
                ends.push(Vec::new());
                for ((condition, _), long) in jumps.iter().zip(&long[position]) {
                    at += x86_64::jump_size(condition.is_some(), *long);
                    ends[position].push(at);
                }
                starts.push(at);
            }
            let mut grown = false;
            for position in 0..jumps.len() {
                for (index, (_, edge)) in jumps[position].iter().enumerate() {
                    if let Some(target) = self.position(*edge).filter(|_| !long[position][index]) {
                        let distance = starts[target] as i64 - ends[position][index] as i64;
                        if i8::try_from(distance).is_err() {
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

    /// Bytes of an instruction, or of what is in its place.
    fn length(&self, index: usize) -> usize {
        self.replacements.get(&index).map_or_else(|| self.decoded[index].len(), |(bytes, _)| bytes.len())
    }

    /// Of each block of this part the start.
    fn starts(&self) -> Vec<(usize, usize)> {
        self.order.iter().copied().zip(self.measure().0).collect()
    }

    /// Writes the part. `elsewhere` are the blocks of the other part with their starts; none if a jump leads to a block
    /// of neither.
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
                let first = self.relocations.partition_point(|&offset| offset < item.start());
                let within = self.relocations[first..].iter().take_while(|&&offset| offset < item.end());
                let fields = within.enumerate().map(|(index, offset)| (first + index, at + offset - item.start()));
                part.relocations.extend(fields);
                part.bytes.extend_from_slice(&self.code[item.start()..item.end()]);
            }
            for (index, (condition, edge)) in self.jumps(position).into_iter().enumerate() {
                let long = long[position][index];
                let end = part.bytes.len() + x86_64::jump_size(condition.is_some(), long);
                let distance = self.position(edge).map_or(0, |target| starts[target] as i64 - end as i64);
                x86_64::push_jump(&mut part.bytes, condition, long, distance as i32);
                let field = end.saturating_sub(4);
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
