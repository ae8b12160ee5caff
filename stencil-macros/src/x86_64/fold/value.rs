//! Values that depend on operands, and the fields that can hold them.

use iced_x86::Register;

use crate::model::PatchKind;

/// The properties of an operand of the uop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Size of the variable that C declares.
    pub bytes: u32,
    pub signed: bool,
    /// The least and the greatest value.
    pub range: (i128, i128),
    /// Whether a displacement may refuse values from 2^31 on.
    pub may_be_refused: bool,
    /// Whether one does: then nothing has to take those values.
    pub is_refused: bool,
}

impl Operand {
    pub fn integer(bits: u32, signed: bool) -> Self {
        let values = 1_i128 << bits;
        let range = if signed { (-values / 2, values / 2 - 1) } else { (0, values - 1) };
        Self { bytes: bits / 8, signed, range, may_be_refused: bits == 32 && !signed, is_refused: false }
    }
}

/// The contents of a register: `base + operand * factor + number`, cut to `bits` and extended with zeros to 64. The operand counts
/// as the 64-bit word that its type extends it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// A 64-bit register, which still holds what it held when the sum was made; only with 64 bits.
    pub base: Option<Register>,
    pub operand: Option<usize>,
    /// Not 0; 1 without an operand.
    pub factor: u8,
    pub number: i64,
    pub bits: u32,
}

/// How a field takes its part of a value. The bytes of the field above those that the patch stores are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: PatchKind,
    pub operand: usize,
    pub addend: i64,
}

/// The part of a sum that an address uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// All 64 bits of the sum.
    Whole,
    /// The low 32 bits of the sum, by a `lea` of 32 bits.
    Low32,
}

impl Value {
    /// Returns a number known when the macro expands, as 64 bits.
    pub fn number(number: i64) -> Self {
        Self { base: None, operand: None, factor: 1, number, bits: 64 }
    }

    /// Returns what a 64-bit register holds.
    pub fn copy(base: Register) -> Self {
        Self { base: Some(base), ..Self::number(0) }
    }

    /// Returns the register, if the value is what another register holds and nothing else.
    pub fn copied(&self) -> Option<Register> {
        self.base.filter(|_| *self == Self { base: self.base, ..Self::number(0) })
    }

    /// The value of a register after a load of the low `bits` of an operand's variable, extended with zeros, or with its
    /// sign to `bits`, if `signed`. `read` is the number of bits in memory.
    pub fn loaded(operands: &[Operand], operand: usize, read: u32, bits: u32, signed: bool) -> Option<Self> {
        let known = operands.get(operand)?;
        let whole = known.bytes * 8 == read;
        // The sign is that of the operand only if the load reads all of it.
        if known.bytes * 8 < read || signed && !(whole && known.signed) {
            return None;
        }
        let bits = if signed { bits } else { read };
        Some(Self { operand: Some(operand), bits, ..Self::number(0) }.widened(operands))
    }

    /// The same value, known to more bits if its range says so.
    fn widened(self, operands: &[Operand]) -> Self {
        let fits = self.base.is_none()
            && self.bits < 64
            && self.range(operands).is_some_and(|(least, greatest)| least >= 0 && greatest < 1 << self.bits);
        if fits { Self { bits: 64, ..self } } else { self }
    }

    /// The least and the greatest sum of operand and number, before it is cut.
    fn range(&self, operands: &[Operand]) -> Option<(i128, i128)> {
        let (least, greatest) = self.operand.map_or(Some((0, 0)), |operand| Some(operands.get(operand)?.range))?;
        let product = |value: i128| value * i128::from(self.factor) + i128::from(self.number);
        Some((product(least), product(greatest)))
    }

    fn known<'a>(&self, operands: &'a [Operand]) -> Option<&'a Operand> {
        operands.get(self.operand?)
    }

    fn within(&self, operands: &[Operand], least: i128, greatest: i128) -> bool {
        self.range(operands).is_some_and(|(low, high)| least <= low && high <= greatest)
    }

    /// The low bits of the value, extended with zeros.
    pub fn cut(self, bits: u32, operands: &[Operand]) -> Option<Self> {
        self.base.is_none().then(|| Self { bits: bits.min(self.bits), ..self }.widened(operands))
    }

    /// The low 32 bits of the value, extended with their sign.
    pub fn sign_extended(self, operands: &[Operand]) -> Option<Self> {
        let same = self.base.is_none() && self.bits >= 32;
        let fits = self.within(operands, i32::MIN.into(), i32::MAX.into());
        (same && fits).then_some(Self { bits: 64, ..self })
    }

    /// The sum of the value and a number, cut to `bits`.
    pub fn plus(self, number: i64, bits: u32, operands: &[Operand]) -> Option<Self> {
        // Of a value that is cut to fewer bits, the carry is lost.
        let number = self.number.checked_add(number)?;
        (self.bits >= bits).then(|| Self { number, bits, ..self }.widened(operands))
    }

    /// The product of the value and a number, cut to `bits`.
    pub fn times(self, number: u64, bits: u32, operands: &[Operand]) -> Option<Self> {
        if self.base.is_some() || self.bits < bits || number == 0 {
            return None;
        }
        let factor =
            self.operand.map_or(Some(1), |_| u8::try_from(u64::from(self.factor).checked_mul(number)?).ok())?;
        let number = self.number.checked_mul(i64::try_from(number).ok()?)?;
        Some(Self { factor, number, bits, ..self }.widened(operands))
    }

    fn part(&self, kind: PatchKind) -> Option<Part> {
        let kind = match (kind, self.factor) {
            (kind, 1) => kind,
            (PatchKind::Low32, factor) => PatchKind::Scaled32(factor),
            (PatchKind::Low8, factor) => PatchKind::Scaled8(factor),
            _ => return None,
        };
        (self.base.is_none()).then_some(Part { kind, operand: self.operand?, addend: self.number })
    }

    /// An immediate as wide as the operation, `width` bits.
    pub fn immediate(&self, width: u32) -> Option<Part> {
        self.part(match width.min(self.bits) {
            8 => PatchKind::Low8,
            16 => PatchKind::Low16,
            32 => PatchKind::Low32,
            _ => PatchKind::Abs64,
        })
    }

    /// An immediate of 32 bits, which the processor extends to 64 with its sign.
    pub fn signed_immediate(&self, operands: &[Operand]) -> Option<Part> {
        match self.bits {
            8 | 16 => self.immediate(64),
            64 if self.within(operands, i32::MIN.into(), i32::MAX.into()) => self.part(PatchKind::Low32),
            64 if self.known(operands).is_some_and(|operand| operand.is_refused) => self.part(PatchKind::Abs32S),
            _ => None,
        }
    }

    /// An immediate of 8 bits, which the processor extends to `width` with its sign.
    pub fn short_immediate(&self, width: u32, operands: &[Operand]) -> Option<Part> {
        let fits = self.bits >= width && self.within(operands, i8::MIN.into(), i8::MAX.into());
        fits.then(|| self.part(PatchKind::Low8)).flatten()
    }

    /// A displacement of 8 bits.
    pub fn short_displacement(&self, operands: &[Operand]) -> Option<Part> {
        self.offset().short_immediate(64, operands)
    }

    /// A displacement of 32 bits.
    pub fn displacement(&self, address: Address, operands: &[Operand]) -> Option<Part> {
        let offset = self.offset();
        if address == Address::Low32 && self.bits >= 32 {
            return offset.part(PatchKind::Low32);
        }
        let may_be_refused = self.factor == 1 && self.known(operands).is_some_and(|operand| operand.may_be_refused);
        match offset.signed_immediate(operands) {
            Some(part) => Some(part),
            // The processor would take it for negative, so that the patch checks it.
            None if self.bits == 64 && may_be_refused => offset.part(PatchKind::Abs32S),
            None => None,
        }
    }

    /// The value without its base.
    pub fn offset(&self) -> Self {
        Self { base: None, ..*self }
    }
}
