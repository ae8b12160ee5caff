//! Machine code in a form that is the same for all instruction sets.
//!
//! An instruction set's module decodes code to this form. Layout and the object reader work on it and never look at the
//! bytes of an instruction.

/// An instruction: its position in the decoded code, and what the other modules need to know of it.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// The offset of its first byte.
    pub start: usize,
    /// The offset after its last byte.
    pub end: usize,
    /// The offset that its displacements count from.
    pub origin: usize,
    pub flow: Flow,
    /// The fields that a relocation may patch. A jump's own displacement comes first.
    pub fields: [Option<Encoded>; 2],
    /// The location that it refers to relative to itself, unless a relocation patches the field.
    pub refers: Option<Reference>,
    /// The size in bytes of its memory operand, or 0 if it accesses no memory.
    pub access: usize,
    /// Whether it computes the address of its memory operand instead of accessing memory.
    pub is_address: bool,
    /// The register as wide as an address that it sets, if all it does is to move an address or a value there.
    pub moves_to: Option<Register>,
    pub effects: Effects,
    /// The registers that it reads other than to compute the address of a memory read.
    pub values: Registers,
    /// The registers that it sets, if it reads them at most to compute the address of a memory read.
    pub sets: Registers,
    /// Whether it pushes to the native stack or pops from it. A return does not count, because it only leaves the
    /// function.
    pub uses_stack: bool,
    /// Whether it may stand between a call and a return without an effect other than to leave the function.
    pub is_epilogue: bool,
}

/// How an instruction affects the control flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Execution continues with the next instruction.
    Plain,
    /// Execution continues with the next instruction, or, if a transaction fails, at a location of the function.
    Transaction,
    /// It calls a function at a displacement.
    Call,
    /// It calls a function whose address it reads.
    IndirectCall,
    /// It jumps to a displacement.
    Jump,
    /// It jumps to a displacement or continues.
    Branch,
    /// It jumps to an address that it reads.
    IndirectJump,
    Return,
    /// It traps, and never continues.
    Trap,
}

/// A condition of a branch. Only its instruction set knows what the number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition(pub u32);

/// A field of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Its offset in the decoded code.
    pub offset: usize,
    /// In bytes.
    pub size: usize,
    pub field: Field,
}

/// How the processor interprets a field that a relocation patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The displacement of a direct jump, conditional or not.
    Jump,
    /// The displacement of a direct call.
    Call,
    /// The displacement of a memory operand relative to the instruction, whether of an indirect jump or call or of
    /// another instruction.
    Relative,
    /// A displacement added to registers, or an absolute address.
    Displacement,
    /// A number.
    Immediate,
}

/// A reference to a location in the decoded code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The offset of the field that gives it.
    pub field: usize,
    /// The offset in the code. An offset before the code wraps to a huge number.
    pub target: u64,
}

/// What a relocation puts into its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelocationKind {
    /// An address, in 64 bits.
    Absolute,
    /// An address, in a number of bits that may not be enough for it.
    Narrow(u32),
    /// The displacement of an address.
    Relative,
    /// The displacement of a slot that holds an address.
    Slot,
    /// Like [`RelocationKind::Relative`] by its addend, but the object reader has turned the instruction, which computed
    /// the address, into a load of the address from a slot.
    Fetched,
    /// Something about a thread-local variable.
    ThreadLocal,
    Unknown,
}

impl Flow {
    /// Returns whether the next instruction may be executed after this one.
    pub fn continues(self) -> bool {
        matches!(self, Self::Branch) || !self.ends_block()
    }

    /// Returns whether execution may go on elsewhere than after the instruction, other than by a call.
    pub fn ends_block(self) -> bool {
        matches!(self, Self::Jump | Self::Branch | Self::IndirectJump | Self::Return | Self::Trap)
    }

    pub fn is_call(self) -> bool {
        matches!(self, Self::Call | Self::IndirectCall)
    }

    pub fn is_jump(self) -> bool {
        matches!(self, Self::Jump | Self::Branch | Self::IndirectJump)
    }
}

impl Instruction {
    /// Returns its size in bytes.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns the meaning of the field of `size` bytes at `offset`.
    pub fn field(&self, offset: usize, size: usize) -> Option<Field> {
        let found = self.fields.iter().flatten().find(|field| (field.offset, field.size) == (offset, size))?;
        Some(found.field)
    }

    /// Returns whether a field that begins at an offset is the displacement of a memory operand.
    pub fn is_displacement(&self, offset: usize) -> bool {
        let displaces = |field| matches!(field, Field::Relative | Field::Displacement);
        self.fields.iter().flatten().any(|encoded| encoded.offset == offset && displaces(encoded.field))
    }

    /// Returns the distance in bytes from a field to the location that its displacement counts from.
    pub fn rest(&self, field: usize) -> i64 {
        self.origin as i64 - field as i64
    }

    /// Returns the offset of the field that a relocation of a jump or a call patches: its displacement, or that of its slot.
    pub fn destination(&self) -> Option<usize> {
        self.fields.iter().flatten().next().map(|field| field.offset)
    }

    /// Returns whether it refers to memory relative to itself.
    pub fn is_relative(&self) -> bool {
        self.fields.iter().flatten().any(|field| field.field == Field::Relative)
    }

    /// Returns the offset in the code to which it refers relative to itself, by a field that no relocation patches.
    pub fn relative_target(&self, relocated: impl Fn(usize) -> bool) -> Option<u64> {
        self.refers.filter(|reference| !relocated(reference.field)).map(|reference| reference.target)
    }

    /// Returns the target of a direct jump within the function.
    pub fn internal_target(&self, relocated: impl Fn(usize) -> bool) -> Option<usize> {
        let direct = matches!(self.flow, Flow::Jump | Flow::Branch);
        self.relative_target(relocated).filter(|_| direct).map(|target| target as usize)
    }

    /// Returns whether it refers to a location in the function other than by a jump.
    pub fn hides_a_location(&self, relocated: impl Fn(usize) -> bool) -> bool {
        let direct = matches!(self.flow, Flow::Jump | Flow::Branch);
        self.flow == Flow::Transaction || !direct && self.relative_target(relocated).is_some()
    }
}

/// Returns the index of the instruction that contains an offset, or the number of instructions if there is none.
pub fn index_at(code: &[Instruction], offset: usize) -> usize {
    code.partition_point(|item| item.end <= offset)
}

/// Returns the index of the instruction that starts at an offset.
pub fn index_of(code: &[Instruction], start: usize) -> Option<usize> {
    code.binary_search_by_key(&start, |item| item.start).ok()
}

/// Returns whether a call in tail position is indirect, or has the field of a label. A compiler without `musttail` emits
/// such a call where it could not emit a jump.
pub fn has_tail_call(code: &[Instruction], is_label: impl Fn(usize) -> bool) -> bool {
    code.iter().enumerate().any(|(index, call)| {
        let suspicious = match call.flow {
            Flow::IndirectCall => true,
            Flow::Call => call.destination().is_some_and(&is_label),
            _ => false,
        };
        let rest = &code[index + 1..];
        let end = rest.iter().position(|next| next.flow == Flow::Return);
        suspicious && end.is_some_and(|end| rest[..end].iter().all(|next| next.is_epilogue))
    })
}

/// Returns the length of the code without the jump that ends the function, because the next uop follows there.
pub fn without_last_jump(code: &[Instruction]) -> Option<usize> {
    code.last().filter(|last| matches!(last.flow, Flow::Jump | Flow::IndirectJump)).map(|last| last.start)
}

/// A general register, by a number below [`HALF`] that its instruction set gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Register(pub u8);

/// A set of general registers, each as two halves of 32 bits, and the flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers(u128);

/// The distance between the bits of a register's lower and upper half.
const HALF: usize = 32;

impl Registers {
    pub const NONE: Self = Self(0);
    /// All general registers, but no flags: no convention passes those.
    pub const GENERAL: Self = Self(Self::FLAGS.0 - 1);
    pub const FLAGS: Self = Self(1 << (2 * HALF));

    /// Returns the set of some whole registers.
    pub const fn from(registers: &[Register]) -> Self {
        let (mut set, mut index) = (Self::NONE, 0);
        while index < registers.len() {
            set = set.with(Self::lower(registers[index])).with(Self::upper(registers[index]));
            index += 1;
        }
        set
    }

    /// Returns the lower 32 bits of a register.
    pub const fn lower(register: Register) -> Self {
        Self(1 << register.0)
    }

    /// Returns the upper 32 bits of a register.
    pub const fn upper(register: Register) -> Self {
        Self(1 << (register.0 as usize + HALF))
    }

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns whether the set has at least a half of a register.
    pub fn contains(self, register: Register) -> bool {
        self.intersects(Self::from(&[register]))
    }
}

/// The effects of an instruction on registers and flags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effects {
    pub reads: Registers,
    /// Written, at least in part or under some condition.
    pub writes: Registers,
    /// Written as a whole, whatever they held.
    pub kills: Registers,
    /// Written by their 32-bit names, which clears their upper halves.
    pub extends: Registers,
}

impl Effects {
    /// The effects of a call that reads some registers, loses some, and may also set `others`.
    pub fn of_call(reads: Registers, lost: Registers, others: Registers) -> Self {
        let flags = Registers::FLAGS;
        Self { reads, writes: lost.with(others).with(flags), kills: lost.with(flags), extends: Registers::NONE }
    }
}
