//! The order of blocks: which of them follow each other in line, and which go out of line.
//!
//! The likely path is the one that the compiler expected, from the entry to the next uop. The other blocks go out of line
//! where that pays. It costs time and bytes: a jump out of line is long, and the one back is not needed in line.
//!
//! * Code that leaves the uop moves if it is longer than what the jumps to it grow by, or twice as much if the compiler
//!   placed it directly after its branch, and so expected it.
//! * Code that returns to the likely path moves if the compiler placed it behind that path, as unlikely, and it does not
//!   soon return.
//!
//! Other code stays in line after the branch that leads to it, and the condition of the branch is negated. So the likely
//! path executes the same instructions as if the code had moved.

use super::{Block, Edge, End};
use crate::isa;

/// The size in bytes, about four instructions besides jumps, up to which code returns soon.
const SOON: usize = 16;

/// Returns the blocks of the code, in order, and those that go out of line. `length` gives the length in bytes of an
/// instruction.
pub fn order(blocks: &[Block], length: &dyn Fn(usize) -> usize) -> (Vec<usize>, Vec<usize>) {
    let mut order = Order { blocks, length, returns: returns(blocks), inside: vec![false; blocks.len()] };
    let reached = order.reached(0);
    if order.returns.first() != Some(&true) {
        // No path falls through, so moving blocks out of line gains nothing.
        return (reached, Vec::new());
    }
    let mut inside = order.likely_path();
    order.keep(&mut inside);
    let outside = reached.into_iter().filter(|&block| !order.inside[block]).collect();
    (inside, outside)
}

/// Returns for each block whether control may reach the next uop from there.
fn returns(blocks: &[Block]) -> Vec<bool> {
    let mut returns = vec![false; blocks.len()];
    let arrives = |edge: Edge, returns: &[bool]| match edge {
        Edge::Next => true,
        Edge::Block(index) => returns[index],
        Edge::Exit(_) => false,
    };
    while let Some(index) =
        (0..blocks.len()).find(|&index| !returns[index] && blocks[index].edges().any(|edge| arrives(edge, &returns)))
    {
        returns[index] = true;
    }
    returns
}

struct Order<'a> {
    blocks: &'a [Block],
    length: &'a dyn Fn(usize) -> usize,
    returns: Vec<bool>,
    /// Which blocks are in line.
    inside: Vec<bool>,
}

impl Order<'_> {
    /// Returns the blocks to which the edges of a block lead, the expected one first.
    fn successors(&self, block: usize) -> impl Iterator<Item = usize> + use<> {
        self.blocks[block].edges().filter_map(|edge| match edge {
            Edge::Block(next) => Some(next),
            Edge::Exit(_) | Edge::Next => None,
        })
    }

    /// Returns the blocks outside that control may reach from a block, in the compiler's order.
    fn reached(&self, from: usize) -> Vec<usize> {
        let (mut seen, mut all, mut work) = (self.inside.clone(), Vec::new(), vec![from]);
        while let Some(block) = work.pop() {
            if block < seen.len() && !std::mem::replace(&mut seen[block], true) {
                all.push(block);
                work.extend(self.successors(block));
            }
        }
        all.sort_unstable();
        all
    }

    /// Returns the path that the compiler expected from the entry to the next uop, which is now inside.
    fn likely_path(&mut self) -> Vec<usize> {
        let (mut path, mut at) = (Vec::new(), Some(0));
        while let Some(block) = at {
            path.push(block);
            self.inside[block] = true;
            let ahead = |next: usize| self.returns[next] && !self.inside[next];
            let next = self.blocks[block].edges().find(|&edge| match edge {
                Edge::Next => true,
                Edge::Block(next) => ahead(next),
                Edge::Exit(_) => false,
            });
            at = match next {
                Some(Edge::Block(next)) => Some(next),
                Some(_) => None,
                // The path closed a loop: go on where it may leave the loop.
                None => path.iter().flat_map(|&block| self.successors(block)).find(|&next| ahead(next)),
            };
        }
        path
    }

    /// Adds to the likely path the other code that stays in line.
    fn keep(&mut self, order: &mut Vec<usize>) {
        let last = order.iter().copied().max().unwrap_or(0);
        // From the end, so that code follows the last branch that leads to it.
        let mut position = order.len();
        while position > 0 {
            let branch = order[position - 1];
            let mut others = self.successors(branch).filter(|&next| !self.inside[next]);
            match others.find_map(|other| self.kept(other, branch, order, last)) {
                Some(kept) => {
                    kept.iter().for_each(|&block| self.inside[block] = true);
                    let count = kept.len();
                    order.splice(position..position, kept);
                    position += count;
                }
                None => position -= 1,
            }
        }
    }

    /// Returns the code that begins at a block, if it stays in line. `branch` is the block that leads to it, `order` are the
    /// blocks inside, and `last` is the last block of the likely path in the compiler's order.
    fn kept(&self, start: usize, branch: usize, order: &[usize], last: usize) -> Option<Vec<usize>> {
        if self.returns[start] {
            let (path, arrives) = self.way_back(start);
            let size: usize = path.iter().map(|&block| self.body(block)).sum();
            return (start < last || arrives && size <= SOON).then_some(path);
        }
        let all = self.reached(start);
        let edges = order.iter().flat_map(|&block| self.blocks[block].edges().map(move |edge| (block, edge)));
        let grown = edges.filter(|(_, edge)| matches!(edge, Edge::Block(next) if all.contains(next)));
        let growth: usize = grown.map(|(block, _)| self.jump(block, true) - self.jump(block, false)).sum();
        let size: usize = all.iter().map(|&block| self.body(block) + self.end(block)).sum();
        let is_expected = start == branch + 1;
        (size <= if is_expected { 2 * growth } else { growth }).then_some(all)
    }

    /// Returns the path that the compiler expected from a block until it comes inside or to the next uop, and whether it
    /// does, instead of closing a loop.
    fn way_back(&self, start: usize) -> (Vec<usize>, bool) {
        let (mut path, mut at) = (Vec::new(), start);
        loop {
            path.push(at);
            let next = self.blocks[at].edges().find(|&edge| match edge {
                Edge::Next => true,
                Edge::Block(next) => self.returns[next] && !path.contains(&next),
                Edge::Exit(_) => false,
            });
            match next {
                Some(Edge::Block(next)) if !self.inside[next] => at = next,
                end => return (path, end.is_some()),
            }
        }
    }

    /// Returns the size in bytes of a block's instructions besides the jump at its end.
    fn body(&self, block: usize) -> usize {
        self.blocks[block].body.clone().map(self.length).sum()
    }

    /// Returns the size in bytes of the jump at the end of a block, if another block of the same code follows.
    fn end(&self, block: usize) -> usize {
        match self.blocks[block].end {
            End::Jump(edge) | End::Branch { taken: edge, .. } => self.jump(block, matches!(edge, Edge::Exit(_))),
            End::Leave => 0,
        }
    }

    /// Returns the size in bytes of a jump with the condition at the end of a block.
    fn jump(&self, block: usize, long: bool) -> usize {
        let condition = match self.blocks[block].end {
            End::Branch { condition, .. } => Some(condition),
            End::Jump(_) | End::Leave => None,
        };
        isa::jump_size(condition, long)
    }
}
