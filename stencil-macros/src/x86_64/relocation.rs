//! Relocations of ELF objects for x86-64 (System V ABI, AMD64 supplement, section 4.4.1).

use object::elf::{self, RelocationType};

use crate::instruction::RelocationKind;

/// The instruction set in an object's header.
pub const MACHINE: elf::Machine = elf::EM_X86_64;

/// Returns what a relocation computes.
pub fn relocation(r_type: RelocationType) -> RelocationKind {
    match r_type {
        elf::R_X86_64_64 => RelocationKind::Absolute,
        elf::R_X86_64_32 | elf::R_X86_64_32S => RelocationKind::Narrow(32),
        elf::R_X86_64_16 => RelocationKind::Narrow(16),
        elf::R_X86_64_8 => RelocationKind::Narrow(8),
        elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => RelocationKind::Relative,
        elf::R_X86_64_GOTPCREL | elf::R_X86_64_GOTPCRELX | elf::R_X86_64_REX_GOTPCRELX => RelocationKind::Slot,
        // `R_X86_64_DTPMOD64` to `R_X86_64_TPOFF32`, and `R_X86_64_GOTPC32_TLSDESC` to `R_X86_64_TLSDESC`.
        RelocationType(16..=23 | 34..=36) => RelocationKind::ThreadLocal,
        _ => RelocationKind::Unknown,
    }
}

/// Writes a displacement into a field, if it fits.
pub fn set_displacement(field: &mut [u8], displacement: i64) -> bool {
    let Ok(displacement) = i32::try_from(displacement) else { return false };
    field.copy_from_slice(&displacement.to_le_bytes());
    true
}
