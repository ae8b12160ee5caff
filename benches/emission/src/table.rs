//! Emission from a stencil's description: a switch over a table of patches. It is the reference for all machine code,
//! and a contender.

use stencil_runtime::{Patch, PatchKind, Section, Stencil, Value};

use crate::Result;

/// A piece of memory, and the address at which the code will run.
pub struct Place<'m> {
    pub bytes: &'m mut [u8],
    pub address: u64,
}

impl<'m> Place<'m> {
    /// The address at which it will run.
    pub fn new(bytes: &'m mut [u8]) -> Self {
        let address = bytes.as_ptr() as u64;
        Self { bytes, address }
    }

    /// Copies a body to the start.
    fn copy(&mut self, body: &stencil_runtime::Body) -> Result<()> {
        let place = self.bytes.get_mut(..body.stored.len()).ok_or("no room")?;
        place.copy_from_slice(body.stored);
        Ok(())
    }

    /// Advances by this many bytes.
    fn advance(&mut self, size: usize) -> Result<()> {
        self.bytes = std::mem::take(&mut self.bytes).get_mut(size..).ok_or("no room")?;
        self.address += size as u64;
        Ok(())
    }
}

/// A stencil with its table of patches.
pub struct Decoded {
    stencil: &'static Stencil,
    patches: Vec<Patch>,
    calls: Vec<&'static str>,
}

impl Decoded {
    /// Decodes the description.
    pub fn new(stencil: &'static Stencil) -> Self {
        Self { stencil, patches: stencil.patches(), calls: stencil.calls() }
    }
}

/// Emits one uop into zeroed memory and advances. Labels are passed as addresses.
pub fn emit<'m>(
    code: &mut Place<'m>,
    data: &mut Place<'m>,
    Decoded { stencil, patches, calls }: &Decoded,
    operands: &[u64],
    host: impl Fn(&str) -> Option<u64>,
) -> Result<()> {
    if stencil.data.size != 0 {
        data.advance((data.address.wrapping_neg() & (stencil.data_alignment as u64 - 1)) as usize)?;
    }
    code.copy(&stencil.code)?;
    data.copy(&stencil.data)?;
    for &Patch { section, offset, kind, value, addend } in patches {
        let value = match value {
            Value::Operand(operand) => *operands.get(operand).ok_or("too few operands")?,
            Value::Code(offset) => code.address + offset as u64,
            Value::Data(offset) => data.address + offset as u64,
            Value::Next => code.address + stencil.code.size as u64,
            Value::Callee(callee) => host(calls[callee]).ok_or("an unknown host function")?,
            Value::Function | Value::Static => return Err("an address that is not known".into()),
        };
        let place = match section {
            Section::Code => &mut *code,
            Section::Data => &mut *data,
        };
        let factor = match kind {
            PatchKind::Scaled32(factor) | PatchKind::Scaled8(factor) => factor,
            _ => 1,
        };
        let value = value.wrapping_mul(factor.into()).wrapping_add_signed(addend);
        let field = match kind {
            PatchKind::Abs64 | PatchKind::Low32 | PatchKind::Low16 | PatchKind::Low8 => value,
            PatchKind::Word(_) => return Err("a vector".into()),
            PatchKind::Scaled32(_) | PatchKind::Scaled8(_) => value,
            PatchKind::Abs32S => i32::try_from(value as i64)? as u64,
            PatchKind::Rel32 => i32::try_from(value.wrapping_sub(place.address + offset as u64) as i64)? as u64,
        };
        let size = kind.size();
        let place = place.bytes.get_mut(offset..offset + size).ok_or("no room")?;
        place.copy_from_slice(&field.to_le_bytes()[..size]);
    }
    code.advance(stencil.code.size)?;
    data.advance(stencil.data.size)
}
