//! Changed instructions as bytes.

use iced_x86::{Encoder, Instruction};

use super::rules::Field;
use super::{Fill, Filled};

/// Bytes in the place of an instruction. Fields that fills are for hold zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replacement {
    pub bytes: Vec<u8>,
    /// Where fields begin in the bytes, ascending, and what goes there.
    pub fields: Vec<(usize, Fill)>,
}

/// Returns whether there is an encoding: `ah` and its like cannot stand beside registers from `r8` on.
pub fn is_encodable(instruction: &Instruction) -> bool {
    Encoder::new(64).encode(instruction, instruction.ip()).is_ok()
}

impl Replacement {
    /// Encodes an instruction, and appends it.
    ///
    /// # Errors
    /// Fails if there is no such instruction, or if it lacks a field that is to be filled.
    pub fn push(&mut self, instruction: &Instruction, fills: &[Filled]) -> Result<(), String> {
        let start = self.bytes.len();
        let mut encoder = Encoder::new(64);
        let failed =
            |why: &dyn std::fmt::Display| format!("the instruction `{instruction:?}` cannot be encoded: {why}");
        encoder.encode(instruction, instruction.ip()).map_err(|error| failed(&error))?;
        let offsets = encoder.get_constant_offsets();
        self.bytes.extend(encoder.take_buffer());
        for filled in fills {
            let (offset, size) = match filled.field {
                Field::Displacement => (offsets.displacement_offset(), offsets.displacement_size()),
                Field::Immediate => (offsets.immediate_offset(), offsets.immediate_size()),
            };
            if size == 0 {
                return Err(failed(&"it has no field for an operand"));
            }
            let at = start + offset;
            self.bytes[at..at + size].fill(0);
            let relative = filled.field == Field::Displacement && instruction.is_ip_rel_memory_operand();
            let fill = match filled.fill {
                // A distance counts from the end of the instruction, which may now be further from the field, or nearer.
                Fill::Kept { reference, rest } if relative => {
                    Fill::Kept { reference, rest: rest - (self.bytes.len() - at) as i64 }
                }
                fill => fill,
            };
            self.fields.push((at, fill));
        }
        self.fields.sort_by_key(|(offset, _)| *offset);
        Ok(())
    }
}
