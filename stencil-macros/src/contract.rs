//! Checks that uops have the properties that their contracts state.

use proc_macro2::TokenStream;

use crate::ast::{Block, Clause, Quantity, Uop};
use crate::diagnostics;
use crate::model::{Objects, Stencil};

impl Quantity {
    /// Returns this quantity of a stencil.
    fn of(self, stencil: &Stencil) -> usize {
        match self {
            Self::Code => stencil.code.len(),
            Self::Data => stencil.data.len(),
            Self::Calls => stencil.calls,
            Self::Stack => stencil.stack,
        }
    }

    /// Returns the quantity's name, in the singular or plural that `found` requires.
    fn name(self, found: usize) -> &'static str {
        match (self, found) {
            (Self::Code, 1) => "byte of code",
            (Self::Code, _) => "bytes of code",
            (Self::Data, 1) => "byte of data",
            (Self::Data, _) => "bytes of data, code out of line included",
            (Self::Calls, 1) => "call",
            (Self::Calls, _) => "calls",
            (Self::Stack, 1) => "instruction that uses the stack",
            (Self::Stack, _) => "instructions that use the stack",
        }
    }
}

/// Returns the errors for all uops of a block that violate their contracts, with their machine code.
pub fn check(block: &Block, objects: &Objects) -> TokenStream {
    let uops = block.uops.iter().zip(&objects.uops);
    uops.flat_map(|(uop, members)| {
        let (clauses, of_block) = match &uop.contract {
            Some(own) => (&own.clauses, false),
            None => (&block.contract.clauses, true),
        };
        let mut shown = None;
        let broken = clauses.iter().filter_map(|clause| {
            let (span, whose) =
                if of_block { (uop.name.span(), "the block's contract") } else { (clause.span, "its contract") };
            let (member, mut message) = broken(uop, members, clause, whose)?;
            // Show the machine code once, however many clauses the uop violates.
            if shown.replace(member) != Some(member) {
                let disassembly = members[member].as_ref().map_or("", |stencil| &stencil.disassembly);
                message = format!("{message}\n{disassembly}");
            }
            Some(diagnostics::error(span, &message))
        });
        broken.collect::<Vec<_>>()
    })
    .collect()
}

/// Returns the member that exceeds a limit the most, and the message, if there is one.
fn broken(uop: &Uop, members: &[Option<Stencil>], clause: &Clause, whose: &str) -> Option<(usize, String)> {
    let Clause { quantity, most, .. } = *clause;
    let present = members.iter().enumerate().filter_map(|(index, member)| Some((index, member.as_ref()?)));
    let mut broken: Vec<_> = present.filter(|(_, stencil)| quantity.of(stencil) > most).collect();
    // The sort is stable: among equals, the first member comes first.
    broken.sort_by_key(|(_, stencil)| std::cmp::Reverse(quantity.of(stencil)));
    let (member, stencil) = *broken.first()?;
    let name = uop.member_name(member);
    let others = match broken.len() - 1 {
        0 => String::new(),
        1 => ", like one more member of its family,".into(),
        others => format!(", like {others} more members of its family,"),
    };
    let found = quantity.of(stencil);
    let limit = match most {
        0 => "none".into(),
        most => format!("at most {most}"),
    };
    let message = format!("uop `{name}`{others} has {found} {}, but {whose} allows {limit}", quantity.name(found));
    Some((member, message))
}
