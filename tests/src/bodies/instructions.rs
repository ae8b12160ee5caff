//! Random sequences of instructions, as inline assembly.
//!
//! They consist of what `stencil!` rewrites when it puts operands into instructions: arithmetic, shifts, comparisons with their
//! readers, address computations, moves and short forward jumps. Operands come in registers. The sequence reads no flags that the
//! processor leaves undefined, and accesses memory only within 128 bytes from `mem` on.

use std::fmt::Write as _;

use super::generate::Operand;
use crate::rng::Rng;

/// The index of `mem` among the registers of the assembly. The others are `a`, `b` and `t`, then the operands.
const MEMORY: usize = 3;

/// The conditions of `j`, `set` and `cmov`.
const CONDITIONS: [&str; 14] = ["e", "ne", "b", "ae", "be", "a", "l", "ge", "le", "g", "s", "ns", "o", "p"];

/// Returns a statement.
pub fn statement(rng: &mut Rng, operands: &[Operand]) -> String {
    let mut writer = Writer { rng, registers: 3 + operands.len(), lines: Vec::new(), flags: false, label: 10 };
    for _ in 0..2 + writer.rng.below(9) {
        writer.instruction(true);
    }
    if writer.flags {
        writer.conditional_set();
    }
    let lines = writer.lines.join("; ");
    let mut text = "{ uint64_t t = i; ".to_owned();
    for Operand { name, .. } in operands {
        let _ = write!(text, "uint64_t {name}_ = (uint64_t){name}; ");
    }
    let _ = write!(text, "__asm__ volatile(\"{lines}\" : \"+r\"(a), \"+r\"(b), \"+r\"(t), \"+r\"(mem)");
    for (index, Operand { name, .. }) in operands.iter().enumerate() {
        // The last one is a shift count.
        let constraint = if index + 1 == operands.len() { "c" } else { "r" };
        let _ = write!(text, ", \"+{constraint}\"({name}_)");
    }
    text.push_str(" : : \"cc\", \"memory\"); ");
    // Registers that nothing reads later are treated differently.
    if writer.rng.below(2) == 0 {
        text.push_str("b ^= t * 3; ");
    }
    for Operand { name, .. } in operands {
        if writer.rng.below(3) == 0 {
            let _ = write!(text, "a += {name}_; ");
        }
    }
    text.push('}');
    text
}

struct Writer<'a> {
    rng: &'a mut Rng,
    /// The number of registers besides `mem`.
    registers: usize,
    lines: Vec<String>,
    /// Whether all flags are defined.
    flags: bool,
    label: u32,
}

impl Writer<'_> {
    /// A register as an operand of a size: `b`, `w`, `k` or `q`.
    fn register(&mut self, size: char) -> String {
        let index = self.rng.below(self.registers);
        format!("%{size}{}", if index < MEMORY { index } else { index + 1 })
    }

    fn size(&mut self) -> char {
        self.rng.pick(&['q', 'q', 'q', 'k', 'k', 'w', 'b'])
    }

    fn number(&mut self) -> String {
        self.rng.pick(&["0", "1", "-1", "5", "127", "-128"]).into()
    }

    /// An address in memory. The index is set first.
    fn memory(&mut self) -> String {
        let displacement = self.rng.pick(&["", "8", "40"]);
        if self.rng.below(2) == 0 {
            return format!("{displacement}(%q{MEMORY})");
        }
        self.lines.push("and $7, %k2".into());
        self.flags = true;
        let scale = self.rng.pick(&[1, 2, 4, 8]);
        format!("{displacement}(%q{MEMORY}, %q2, {scale})")
    }

    fn condition(&mut self) -> &'static str {
        self.rng.pick(&CONDITIONS)
    }

    fn conditional_set(&mut self) {
        let condition = self.condition();
        let target = self.register('b');
        self.lines.push(format!("set{condition} {target}"));
    }

    fn instruction(&mut self, may_jump: bool) {
        let size = self.size();
        let (source, target) = (self.register(size), self.register(size));
        let wide = self.rng.pick(&['k', 'q']);
        match self.rng.below(17) {
            0..4 => {
                // More sums, which addresses are made of.
                let operation = self.rng.pick(&["add", "add", "add", "sub", "and", "or", "xor", "cmp", "test"]);
                self.lines.push(format!("{operation} {source}, {target}"));
                self.flags = true;
            }
            4 if self.flags => {
                let operation = self.rng.pick(&["adc", "sbb"]);
                self.lines.push(format!("{operation} {source}, {target}"));
            }
            4 | 5 => self.lines.push(format!("mov {source}, {target}")),
            6 => {
                let operation = self.rng.pick(&["add", "sub", "and", "or", "xor", "cmp"]);
                let number = self.number();
                self.lines.push(format!("{operation} ${number}, {target}"));
                self.flags = true;
            }
            7 => {
                let operation = self.rng.pick(&["inc", "dec", "neg", "not"]);
                self.lines.push(format!("{operation} {target}"));
                self.flags |= operation == "neg";
            }
            8 => {
                let operation = self.rng.pick(&["shl", "shr", "sar", "rol", "ror"]);
                let by = if self.rng.below(3) == 0 { "%%cl".into() } else { format!("${}", self.rng.below(8)) };
                self.lines.push(format!("{operation} {by}, {target}"));
                self.flags = false;
            }
            9 | 10 => {
                let (base, index, target) = (self.register('q'), self.register('q'), self.register(wide));
                let displacement = self.rng.pick(&["", "4", "-4", "1000"]);
                let scale = self.rng.pick(&[1, 1, 2, 8]);
                let address = match self.rng.below(3) {
                    0 => format!("({base}, {index}, {scale})"),
                    1 => format!("(,{index}, {scale})"),
                    _ => format!("({base})"),
                };
                self.lines.push(format!("lea {displacement}{address}, {target}"));
            }
            11 => {
                let (operation, from, to) = self.rng.pick(&[
                    ("movzbl", 'b', 'k'),
                    ("movzwl", 'w', 'k'),
                    ("movsbl", 'b', 'k'),
                    ("movsbq", 'b', 'q'),
                    ("movswq", 'w', 'q'),
                    ("movslq", 'k', 'q'),
                    ("movl", 'k', 'k'),
                ]);
                let (source, target) = (self.register(from), self.register(to));
                self.lines.push(format!("{operation} {source}, {target}"));
            }
            12 => {
                let (source, target) = (self.register(wide), self.register(wide));
                let by = if self.rng.below(2) == 0 { String::new() } else { format!("${}, ", self.number()) };
                self.lines.push(format!("imul {by}{source}, {target}"));
                self.flags = false;
            }
            13 => {
                let memory = self.memory();
                let operation = self.rng.pick(&["mov", "mov", "add", "cmp", "xor"]);
                let register = self.register(size);
                let (from, to) = if self.rng.below(2) == 0 { (memory, register) } else { (register, memory) };
                self.lines.push(format!("{operation} {from}, {to}"));
                self.flags |= operation != "mov";
            }
            _ if !self.flags => {
                self.lines.push(format!("cmp {source}, {target}"));
                self.flags = true;
            }
            14 => self.conditional_set(),
            15 => {
                let (source, target) = (self.register(wide), self.register(wide));
                let condition = self.condition();
                self.lines.push(format!("cmov{condition} {source}, {target}"));
            }
            _ if may_jump => {
                let condition = self.rng.pick(&["e", "ne", "ne", "l", "a"]);
                self.label += 1;
                let label = self.label;
                self.lines.push(format!("j{condition} {label}f"));
                for _ in 0..1 + self.rng.below(3) {
                    self.instruction(false);
                }
                self.lines.push(format!("{label}:"));
            }
            _ => self.conditional_set(),
        }
    }
}
