//! The parameters of uops' functions, as C writes them.

use crate::ast::{Block, Typed};
use crate::convention::{self, Parameter};
use crate::model::{Abi, Tier};

/// The parameters of uops' functions, in C.
pub(super) struct Parameters<'b> {
    /// With their types.
    pub(super) declared: String,
    /// As arguments.
    pub(super) names: String,
    /// Declares the scratch registers as variables.
    pub(super) scratch: String,
    /// Gives the scratch registers values that nobody knows. Directly before a call, this costs no instruction.
    pub(super) forget: String,
    /// The result.
    pub(super) output: &'b Option<Typed>,
}

impl<'b> Parameters<'b> {
    /// Returns the parameters in a tier.
    pub(super) fn of(block: &'b Block, abi: Abi, tier: Tier) -> Self {
        let (mut declared, mut names, mut scratch, mut forget) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for parameter in convention::parameters(&block.machine, abi, tier) {
            match parameter {
                Parameter::Register(field) => {
                    names.push(field.name.to_string());
                    declared.push(field.ty.c.declare(&field.name.to_string()));
                }
                Parameter::Scratch(register, ty) => {
                    let name = format!("stencil_{}", register.name);
                    declared.push(format!("__attribute__((unused)) {ty} {name}"));
                    scratch.push(format!("{ty} {name}; "));
                    forget.push(format!("\"={}\"({name})", register.constraint));
                    names.push(name);
                }
                Parameter::InstructionPointer => {
                    names.push("stencil_to".into());
                    declared.push("__attribute__((unused)) const uint64_t *stencil_ip".into());
                }
            }
        }
        let forget =
            if forget.is_empty() { String::new() } else { format!("__asm__ volatile(\"\" : {}); ", forget.join(", ")) };
        let declared = if declared.is_empty() { "void".into() } else { declared.join(", ") };
        let (names, scratch) = (names.join(", "), scratch.concat());
        Self { declared, names, scratch, forget, output: &block.machine.output }
    }
}
