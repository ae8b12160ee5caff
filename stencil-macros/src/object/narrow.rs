//! Narrow forms: shorter machine code for operands with small values.
//!
//! Most operands of real programs are offsets and numbers that fit 8 bits, while their types have 32 or 64. A field must take
//! every value of its operand, so the general form of a stencil has displacements and immediates of 32 bits and loads 64-bit
//! operands from its data. The narrow form is the same function, folded and laid out under the assumption that operands are in
//! narrower ranges. An instruction of a program has the narrow form if its operands are in these ranges.
//!
//! The pass that folds operands decides by ranges anyway, so it needs to know of nothing else. This module chooses the ranges.

use super::{Builder, Function, Reader};
use crate::ast::{Field, Uop};
use crate::ctype::Type;
use crate::isa::fold::SHORT;
use crate::model::{Patch, Refusal, Section, Stencil, Value};

/// For each operand the least and the greatest value, or none if it has all values of its type.
pub type Ranges = [Option<(i64, i64)>];

/// The greatest addend that narrows a range. A field with a greater addend keeps its 32 bits: the values that fit 8 bits with the addend
/// would be those that few programs have.
const GREATEST_ADDEND: u64 = 64;

impl<'r, 'd, 'b> Builder<'r, 'd, 'b> {
    /// Builds a function's stencil, and its narrow form if that is shorter.
    pub(super) fn forms(
        reader: &'r mut Reader<'d, 'b>,
        own: &Function,
        uop: Option<&'r Uop>,
    ) -> Result<Stencil, Refusal> {
        let mut general = Builder::build(reader, own, uop, &[])?;
        let operands = uop.map_or(&[][..], |uop| &uop.operands);
        // What can be said about a uop was said about its general form.
        let build = |ranges: &Ranges| {
            let stencil = Builder::build(reader, own, uop, ranges).ok()?;
            Some(Stencil { ranges: ranges.to_vec(), ..stencil })
        };
        general.narrow = narrow(&general, operands, build).map(Box::new);
        Ok(general)
    }
}

/// Finds the shortest form of a stencil, with the widest ranges that give it.
fn narrow(general: &Stencil, operands: &[Field], mut build: impl FnMut(&Ranges) -> Option<Stencil>) -> Option<Stencil> {
    let types: Vec<_> = operands.iter().map(|field| integer(&field.ty.c)).collect();
    let all = 0..types.len();
    let short = |stencil: &Stencil, operand: usize| short(types[operand]?, patches(stencil, operand));
    let first: Vec<_> = all.clone().map(|operand| short(general, operand)).collect();
    if first.iter().all(Option::is_none) {
        return None;
    }
    let narrow = build(&first)?;
    if size(&narrow) >= size(general) || narrow.code.len() > general.code.len() {
        return None;
    }
    // Now that the fields are known: 32 bits are enough for operands in fields of 32 bits, and other addends may matter.
    let of_fields = |operand: usize| {
        if shape(&narrow, operand) == shape(general, operand) {
            return None;
        }
        let (least, greatest) = types[operand]?;
        let may_be_short = patches(&narrow, operand).any(|patch| patch.kind.size() == 1 || needs_other_range(patch));
        let wider = (least.max(SHORT[1].0), greatest.min(SHORT[1].1));
        if may_be_short { short(&narrow, operand) } else { Some(wider).filter(|range| *range != (least, greatest)) }
    };
    let ranges: Vec<_> = all.map(of_fields).collect();
    if ranges == narrow.ranges {
        return Some(narrow);
    }
    match build(&ranges) {
        Some(stencil) if size(&stencil) <= size(&narrow) => Some(stencil),
        _ => Some(narrow),
    }
}

/// Gives the narrow forms of all members of a family the same ranges, so that they need to be stored only once.
pub fn unify(members: &mut [Option<Stencil>]) {
    let narrow = || members.iter().flatten().filter_map(|stencil| stencil.narrow.as_deref());
    let intersection = |one: Option<(i64, i64)>, other: Option<(i64, i64)>| match (one, other) {
        (Some((least, greatest)), Some((low, high))) => Some((least.max(low), greatest.min(high))),
        (range, None) | (None, range) => range,
    };
    let ranges = narrow()
        .map(|form| form.ranges.clone())
        .reduce(|all, ranges| all.into_iter().zip(ranges).map(|(one, other)| intersection(one, other)).collect());
    let Some(ranges) = ranges else { return };
    for form in members.iter_mut().flatten().filter_map(|stencil| stencil.narrow.as_deref_mut()) {
        form.ranges.clone_from(&ranges);
    }
}

/// Returns the least and the greatest value of an integer type of more than 8 bits, as far as they fit an `i64`.
fn integer(ty: &Type) -> Option<(i64, i64)> {
    match ty {
        Type::Integer { bits: 8, .. } => None,
        Type::Integer { bits, signed, .. } => Some(ty.range().unwrap_or(match (bits, signed) {
            (_, true) => (i64::MIN, i64::MAX),
            (_, false) => (0, i64::MAX),
        })),
        _ => None,
    }
}

/// Returns the values that fit 8 bits with the addend of each field that may become one of 8 bits; none if there is no field.
fn short<'a>((least, greatest): (i64, i64), patches: impl Iterator<Item = &'a Patch>) -> Option<(i64, i64)> {
    let (low, high) = SHORT[0];
    patches.map(|patch| (i64::from(patch.kind.factor()), patch.addend)).fold(None, |range, (factor, addend)| {
        let (least, greatest) = range.unwrap_or((least.max(low), greatest.min(high)));
        if addend.unsigned_abs() > GREATEST_ADDEND {
            return Some((least, greatest));
        }
        // Rounded so that all products fit.
        Some((least.max(-((addend - low) / factor)), greatest.min((high - addend) / factor)))
    })
}

/// Whether a field does not have 8 bits only because its addend or its factor makes values too large.
fn needs_other_range(patch: &Patch) -> bool {
    patch.kind.factor() != 1 || patch.addend != 0 && patch.addend.unsigned_abs() <= GREATEST_ADDEND
}

fn patches(stencil: &Stencil, operand: usize) -> impl Iterator<Item = &Patch> {
    stencil.patches.iter().filter(move |patch| patch.value == Value::Operand(operand))
}

/// Returns what distinguishes the fields of an operand, apart from their offsets.
fn shape(stencil: &Stencil, operand: usize) -> Vec<(Section, usize, u8, i64)> {
    let mut fields: Vec<_> = patches(stencil, operand)
        .map(|patch| (patch.section, patch.kind.size(), patch.kind.factor(), patch.addend))
        .collect();
    fields.sort_unstable();
    fields
}

/// Returns the bytes that a stencil takes in a program.
fn size(stencil: &Stencil) -> usize {
    stencil.code.len() + stencil.data.len()
}
