//! Shapes: what an emit function depends on. Stencils of one shape differ in nothing but their bytes, and share a function.

use std::collections::HashMap;

use crate::ast::{Block, Field, Uop};
use crate::ctype::Type;
use crate::isa;
use crate::model::{Patch, PatchKind, Section, Stencil, Value, stored};

/// Everything that an emit function depends on, except the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The sizes of code and data in bytes.
    pub code: usize,
    pub data: usize,
    pub data_alignment: u64,
    /// How many bytes of code and of data are stored.
    pub stored: (usize, usize),
    /// An operand in a patch is the index of a word.
    pub patches: Vec<Patch>,
    /// The words of operands that are labels or exits, used or not: all of them have to be bound.
    pub labels: Vec<usize>,
    pub exits: Exits,
}

/// The jumps of a stencil to exits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Exits {
    /// The operand whose displacement is aligned, and the offset of the displacement in the code: the first exit that has one jump, in line.
    /// The runtime finds it in the same way.
    pub aligned: Option<(usize, usize)>,
    /// Whether that jump is the end of the code, and has no condition: then it can become an indirect jump.
    pub last: bool,
    /// Whether there are other jumps to exits, which need cells.
    pub others: bool,
}

/// The bytes by which a stencil with an aligned displacement is longer than its code: room to move the code to an aligned address.
pub const SLACK: usize = 3;

impl Exits {
    fn of(stencil: &Stencil, operands: &[Field]) -> Self {
        let is_exit = |patch: &&Patch| match patch.value {
            Value::Operand(operand) => patch.kind == PatchKind::Rel32 && operands[operand].ty.c == Type::Exit,
            _ => false,
        };
        let exits = || stencil.patches.iter().filter(is_exit);
        let alone = |patch: &&Patch| exits().filter(|other| other.value == patch.value).count() == 1;
        let aligned = exits().filter(alone).find(|patch| patch.section == Section::Code);
        let aligned = aligned.and_then(|patch| match patch.value {
            Value::Operand(operand) => Some((operand, patch.offset)),
            _ => None,
        });
        let last = aligned.is_some_and(|(_, offset)| isa::ends_with_jump(&stencil.code, offset));
        Self { aligned, last, others: exits().count() > usize::from(aligned.is_some()) }
    }
}

/// Returns the size of a stencil's code in a program, with the room to align a displacement.
pub fn code_size(stencil: &Stencil, uop: Option<&Uop>) -> usize {
    let exits = Exits::of(stencil, uop.map_or(&[], |uop| &uop.operands));
    stencil.code.len() + exits.aligned.map_or(0, |_| SLACK)
}

impl Shape {
    fn of(stencil: &Stencil, uop: Option<&Uop>) -> Self {
        let operands = uop.map_or(&[][..], |uop| &uop.operands);
        let labels = operands.iter().enumerate().filter(|(_, field)| matches!(field.ty.c, Type::Label | Type::Exit));
        let first_word = |operand| uop.map_or(operand, |uop| uop.first_word(operand));
        let patches = stencil.patches.iter().map(|&patch| match (patch.value, patch.kind) {
            (Value::Operand(operand), PatchKind::Word(word)) => {
                let value = Value::Operand(first_word(operand) + usize::from(word));
                Patch { value, kind: PatchKind::Abs64, ..patch }
            }
            (Value::Operand(operand), _) => Patch { value: Value::Operand(first_word(operand)), ..patch },
            _ => patch,
        });
        let mut exits = Exits::of(stencil, operands);
        exits.aligned = exits.aligned.map(|(operand, offset)| (first_word(operand), offset));
        Self {
            code: stencil.code.len(),
            data: stencil.data.len(),
            data_alignment: if stencil.data.is_empty() { 1 } else { stencil.data_alignment },
            stored: (stored(&stencil.code).len(), stored(&stencil.data).len()),
            patches: patches.collect(),
            labels: labels.map(|(index, _)| first_word(index)).collect(),
            exits,
        }
    }
}

/// The shapes of a block.
pub struct Shapes {
    /// The number of words that emit functions take: that of the uop with most words.
    pub words: usize,
    /// Each shape with the offset of the stored bytes, if all its stencils store the same ones.
    pub all: Vec<(Shape, Option<usize>)>,
    /// How many of them, from the first one on, are those of general forms. The others are only those of narrow forms and of the entry.
    pub general: usize,
    numbers: HashMap<Shape, usize>,
}

impl Shapes {
    pub fn new(block: &Block) -> Self {
        let words = block.uops.iter().map(Uop::words).max().unwrap_or(0);
        Self { words, all: Vec::new(), general: 0, numbers: HashMap::new() }
    }

    /// Returns the number of a stencil's shape. The stencil's stored bytes are at this offset.
    pub fn add(&mut self, stencil: &Stencil, uop: Option<&Uop>, bytes: usize) -> usize {
        let shape = Shape::of(stencil, uop);
        if let Some(&number) = self.numbers.get(&shape) {
            let common = &mut self.all[number].1;
            *common = common.filter(|&others| others == bytes);
            return number;
        }
        let number = self.all.len();
        self.numbers.insert(shape.clone(), number);
        self.all.push((shape, Some(bytes)));
        number
    }
}
