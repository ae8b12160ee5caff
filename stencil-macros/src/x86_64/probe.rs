//! Derives a calling convention from the machine code of a probe: a function that stores each of its parameters to its
//! own address and then overwrites all registers.
//!
//! The analysis follows values through moves, including through the stack, so it works at every optimization level. It
//! discards every value that it cannot follow: a parameter may become unknown, but never wrong.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpKind, Register};

use super::registers::general;
use crate::instruction::{self, Registers};

/// The address to which the probe stores its first parameter. The probe never runs, so the address only has to fit 31
/// bits and not be close to zero, where gcc would warn.
const FIRST_SINK: u64 = 0x5741_0000;
/// The address difference between the sinks of two parameters.
const SINK_STEP: u64 = 64;
/// The general-purpose registers that a convention may preserve. The frame pointer is not listed: compiler flags
/// determine its use, and every convention preserves it.
const GENERAL: [&str; 14] =
    ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
/// The registers in which the platform's C convention passes integers, in order.
const PLATFORM_INTEGERS: [Register; 6] =
    [Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::R8, Register::R9];
/// The number of vector registers in which it passes floats.
const PLATFORM_VECTORS: u8 = 8;
/// The registers that it preserves, besides the frame and stack pointers.
const PLATFORM_KEPT: [Register; 5] = [Register::RBX, Register::R12, Register::R13, Register::R14, Register::R15];

/// The macro that compilers for this instruction set define.
pub const GUARD: &str = "__x86_64__";

/// How a convention classifies a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Integers of 32 and 64 bits, and pointers.
    Integer,
    /// An integer of 8 or 16 bits, with its C type.
    Narrow(&'static str),
    /// A `float`, a `double` or a vector, with its C type and its size in bytes.
    Vector(&'static str, usize),
}

/// The location of a parameter at the function's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Location {
    Register(Register),
    /// The offset from the stack pointer at the function's entry.
    Stack(i64),
}

/// The agreement between a caller and a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convention {
    parameters: Vec<Location>,
    /// The registers that survive a call, ordered by number.
    kept: Vec<Register>,
}

impl Convention {
    /// Returns the platform's C convention, which Rust calls `extern "C"`.
    pub fn platform(classes: &[Class]) -> Self {
        let (mut integers, mut vectors, mut stack) = (PLATFORM_INTEGERS.into_iter(), 0..PLATFORM_VECTORS, 0_u32);
        let parameters = classes.iter().map(|class| {
            let register = match class {
                Class::Integer | Class::Narrow(_) => integers.next(),
                Class::Vector(..) => vectors.next().map(|number| Register::ZMM0 + u32::from(number)),
            };
            register.map_or_else(
                || {
                    // Each parameter is aligned to its size, relative to the end of the return address.
                    let size = if let Class::Vector(_, bytes) = class { (*bytes as u32).max(8) } else { 8 };
                    let at = stack.next_multiple_of(size);
                    stack = at + size;
                    Location::Stack(i64::from(at) + 8)
                },
                Location::Register,
            )
        });
        Self { parameters: parameters.collect(), kept: PLATFORM_KEPT.to_vec() }
    }

    /// Returns the convention of a probe with `count` parameters, or none if its code does not determine it.
    pub fn of(code: &[u8], count: usize) -> Option<Self> {
        let mut trace = Trace::default();
        let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
        while decoder.can_decode() {
            let instruction = decoder.decode();
            if instruction.is_invalid() {
                return None;
            }
            if matches!(instruction.flow_control(), FlowControl::Return | FlowControl::UnconditionalBranch) {
                break;
            }
            trace.step(&instruction);
        }
        let parameters = (0..count).map(|index| match trace.sinks.get(&sink(index))? {
            Value::Entry(register) => Some(Location::Register(*register)),
            Value::Incoming(offset) => Some(Location::Stack(*offset)),
            Value::Frame(_) | Value::Constant(_) | Value::Unknown => None,
        });
        let parameters: Vec<Location> = parameters.collect::<Option<_>>()?;
        // At low optimization levels, parameters are stored on the stack as well.
        let parameter = |register: &Register| parameters.contains(&Location::Register(*register));
        let kept = trace.saved.into_iter().filter(|register| *register != Register::RBP && !parameter(register));
        let kept = kept.collect();
        Some(Self { parameters, kept })
    }

    /// Returns the general register of each parameter, or none for a parameter that is elsewhere.
    pub fn parameters(&self) -> impl Iterator<Item = Option<instruction::Register>> {
        self.parameters.iter().map(|location| match location {
            Location::Register(register) => general(*register),
            Location::Stack(_) => None,
        })
    }

    /// Returns whether each parameter is on the native stack.
    pub fn on_stack(&self) -> impl Iterator<Item = bool> {
        self.parameters.iter().map(|location| matches!(location, Location::Stack(_)))
    }

    /// Removes parameters, leaving those for which `keeps` holds, in order.
    pub fn retain(&mut self, mut keeps: impl FnMut() -> bool) {
        self.parameters.retain(|_| keeps());
    }

    /// Returns the general registers that survive a call, besides the stack and frame pointers.
    pub fn kept(&self) -> Registers {
        self.kept.iter().copied().collect()
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let words = |words: Vec<String>| if words.is_empty() { "nothing".into() } else { words.join(" ") };
        let parameters = self.parameters.iter().map(|location| match location {
            Location::Register(register) => name(*register),
            Location::Stack(offset) => format!("stack+{offset}"),
        });
        let kept = self.kept.iter().copied().map(name);
        write!(f, "passes parameters in {} and preserves {}", words(parameters.collect()), words(kept.collect()))
    }
}

/// Returns the C definition of a probe. `declarator` precedes its parameters.
pub fn source(declarator: &str, classes: &[Class]) -> String {
    let ty = |class: &Class| match class {
        Class::Integer => "uint64_t",
        Class::Narrow(ty) | Class::Vector(ty, _) => ty,
    };
    let parameters: Vec<_> =
        classes.iter().enumerate().map(|(index, class)| format!("{} stencil_p{index}", ty(class))).collect();
    let parameters = if parameters.is_empty() { "void".into() } else { parameters.join(", ") };
    let stores = classes
        .iter()
        .enumerate()
        .map(|(index, class)| format!("    *({} volatile *){:#x} = stencil_p{index};\n", ty(class), sink(index)));
    let quoted = |names: &mut dyn Iterator<Item = String>| {
        names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    };
    let general = quoted(&mut GENERAL.map(str::to_owned).into_iter());
    let vectors = quoted(&mut (0..16).map(|number| format!("xmm{number}")));
    format!(
        "{declarator}({parameters}) {{\n{}    __asm__ volatile(\"\" ::: {general}\n\
         #ifdef __SSE__\n    , {vectors}\n#endif\n    );\n}}\n",
        stores.collect::<String>()
    )
}

fn sink(parameter: usize) -> u64 {
    FIRST_SINK + SINK_STEP * parameter as u64
}

/// Returns the usual name of a full register.
fn name(register: Register) -> String {
    if register.is_vector_register() {
        return format!("xmm{}", register.number());
    }
    format!("{register:?}").to_lowercase()
}

/// The known content of a register or a stack location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// The value of this register at the function's entry.
    Entry(Register),
    /// A value from the caller, at this offset from the stack pointer at the entry.
    Incoming(i64),
    /// The address at this offset from the stack pointer at the entry.
    Frame(i64),
    Constant(u64),
    Unknown,
}

impl Value {
    fn plus(self, addend: i64) -> Self {
        match self {
            Self::Frame(offset) => Self::Frame(offset.wrapping_add(addend)),
            Self::Constant(value) => Self::Constant(value.wrapping_add_signed(addend)),
            Self::Entry(_) | Self::Incoming(_) | Self::Unknown => Self::Unknown,
        }
    }
}

#[derive(Default)]
struct Trace {
    registers: HashMap<Register, Value>,
    /// Keyed by the offset from the stack pointer at the entry.
    stack: HashMap<i64, Value>,
    /// The values stored at constant addresses.
    sinks: HashMap<u64, Value>,
    /// Registers whose value at the entry was saved on the stack.
    saved: BTreeSet<Register>,
}

impl Trace {
    fn register(&self, register: Register) -> Value {
        let full = register.full_register();
        let at_entry = if full == Register::RSP { Value::Frame(0) } else { Value::Entry(full) };
        self.registers.get(&full).copied().unwrap_or(at_entry)
    }

    fn set(&mut self, register: Register, value: Value) {
        self.registers.insert(register.full_register(), value);
    }

    /// Returns the address of a memory operand.
    fn address(&self, instruction: &Instruction) -> Value {
        let displacement = instruction.memory_displacement64();
        if instruction.memory_index() != Register::None || instruction.has_segment_prefix() {
            return Value::Unknown;
        }
        match instruction.memory_base() {
            Register::None => Value::Constant(displacement),
            Register::RIP | Register::EIP => Value::Unknown,
            base => self.register(base).plus(displacement.cast_signed()),
        }
    }

    fn load(&self, address: Value) -> Value {
        let Value::Frame(offset) = address else { return Value::Unknown };
        let incoming = if offset > 0 { Value::Incoming(offset) } else { Value::Unknown };
        self.stack.get(&offset).copied().unwrap_or(incoming)
    }

    fn store(&mut self, address: Value, value: Value) {
        match address {
            Value::Constant(sink) => drop(self.sinks.insert(sink, value)),
            Value::Frame(offset) => {
                self.stack.insert(offset, value);
                if let Value::Entry(register) = value {
                    self.saved.insert(register);
                }
            }
            Value::Entry(_) | Value::Incoming(_) | Value::Unknown => {}
        }
    }

    fn operand(&self, instruction: &Instruction, operand: u32) -> Value {
        match instruction.op_kind(operand) {
            OpKind::Register => self.register(instruction.op_register(operand)),
            OpKind::Memory => self.load(self.address(instruction)),
            _ => instruction.try_immediate(operand).map_or(Value::Unknown, Value::Constant),
        }
    }

    fn step(&mut self, instruction: &Instruction) {
        let (to, by) = (instruction.op0_register(), instruction.try_immediate(1).ok());
        let top = self.register(Register::RSP);
        let moves = ["Mov", "Vmov"].iter().any(|name| format!("{:?}", instruction.mnemonic()).starts_with(name));
        match (instruction.mnemonic(), by) {
            (Mnemonic::Push, _) => {
                let (top, value) = (top.plus(-8), self.operand(instruction, 0));
                self.set(Register::RSP, top);
                self.store(top, value);
            }
            (Mnemonic::Pop, _) => {
                self.set(to, self.load(top));
                self.set(Register::RSP, top.plus(8));
            }
            (Mnemonic::Lea, _) => self.set(to, self.address(instruction)),
            (Mnemonic::Add, Some(by)) if to != Register::None => {
                self.set(to, self.register(to).plus(by.cast_signed()));
            }
            (Mnemonic::Sub, Some(by)) if to != Register::None => {
                self.set(to, self.register(to).plus(by.cast_signed().wrapping_neg()));
            }
            // The stack pointer is being aligned. The new offset is unknown, but it is below everything stored so far.
            (Mnemonic::And, Some(_)) if matches!(self.register(to), Value::Frame(_)) => {
                self.set(to, self.register(to).plus(-0x1000));
            }
            // A narrow value is being masked.
            (Mnemonic::And, Some(_)) if to != Register::None => {}
            _ if moves && instruction.op_count() == 2 => {
                let value = self.operand(instruction, 1);
                if to == Register::None {
                    self.store(self.address(instruction), value);
                } else {
                    self.set(to, value);
                }
            }
            _ => {
                let mut factory = InstructionInfoFactory::new();
                let written: Vec<_> = (factory.info(instruction).used_registers().iter())
                    .filter(|used| !matches!(used.access(), iced_x86::OpAccess::Read | iced_x86::OpAccess::CondRead))
                    .map(iced_x86::UsedRegister::register)
                    .collect();
                for register in written {
                    self.set(register, Value::Unknown);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: [Class; 3] = [Class::Integer, Class::Vector("double", 8), Class::Integer];
    const FLOAT: Class = Class::Vector("float", 4);
    const VECTOR: Class = Class::Vector("long long __attribute__((vector_size(16)))", 16);

    #[test]
    fn the_platforms_convention() {
        let passed = |classes: &[Class]| Convention::platform(classes).to_string();
        let kept = "preserves rbx r12 r13 r14 r15";
        assert_eq!(passed(&MIXED), format!("passes parameters in rdi xmm0 rsi and {kept}"));
        assert_eq!(passed(&[]), format!("passes parameters in nothing and {kept}"));
        let many = [&[Class::Integer; 8][..], &[FLOAT; 8], &[VECTOR]].concat();
        let text = passed(&many);
        assert!(text.contains("r9 stack+8 stack+16 xmm0") && text.contains("xmm7 stack+24 and"), "{text}");
        let odd = [&[Class::Integer; 7][..], &[FLOAT; 8], &[VECTOR]].concat();
        assert!(passed(&odd).contains("r9 stack+8 xmm0"), "{}", passed(&odd));
        assert!(passed(&odd).contains("xmm7 stack+24 and"), "{}", passed(&odd));
    }

    #[test]
    fn values_are_followed_through_the_stack() {
        let code = [
            &[0x41, 0x57][..],                                       // push %r15
            &[0x55, 0x48, 0x89, 0xe5],                               // push %rbp; mov %rsp, %rbp
            &[0x48, 0x83, 0xec, 0x20],                               // sub $32, %rsp
            &[0x48, 0x89, 0x7d, 0xf8],                               // mov %rdi, -8(%rbp)
            &[0xb8, 0x00, 0x00, 0x41, 0x57],                         // mov $0x57410000, %eax
            &[0x48, 0x8b, 0x4d, 0xf8],                               // mov -8(%rbp), %rcx
            &[0x48, 0x89, 0x08],                                     // mov %rcx, (%rax)
            &[0xf2, 0x0f, 0x11, 0x04, 0x25, 0x40, 0x00, 0x41, 0x57], // movsd %xmm0, 0x57410040
            &[0x48, 0x8b, 0x55, 0x18],                               // mov 24(%rbp), %rdx
            &[0x48, 0x89, 0x90, 0x80, 0x00, 0x00, 0x00],             // mov %rdx, 128(%rax)
            &[0xc3],
        ]
        .concat();
        let text = Convention::of(&code, 3).unwrap().to_string();
        assert_eq!(text, "passes parameters in rdi xmm0 stack+8 and preserves r15");
        // A parameter that is never stored, or whose value cannot be followed, is unknown.
        assert_eq!(Convention::of(&code, 4), None);
        let added = [&[0x48, 0x01, 0xf7, 0x48, 0x89, 0x3c, 0x25, 0x00, 0x00, 0x41, 0x57][..], &[0xc3]].concat();
        assert_eq!(Convention::of(&added, 1), None);
        assert_eq!(Convention::of(&[0x06], 0), None);
    }
}
