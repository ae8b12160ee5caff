//! The pass by itself: bytes in, instructions out.
//!
//! A line of input is an instruction: its bytes and, for people, its text. A field of four bytes is written as `n` or `m`, the variable of
//! an operand (`n+4`: from its fourth byte), or as `to`, anything else. A line of output is what the instruction became, or `-` if it was
//! deleted. A field with an operand shows the operand and the kind of the patch: `n.32` are the low 32 bits, `n.s32` are checked, `n.x8`
//! is multiplied by 8. A call reads `rdi` and returns `rax`. At the end, `rax`, the registers from `r8` on, and the upper half of `rbx` are dead.

mod comparisons;
mod displacements;
mod equality;
mod immediates;
mod moves;
mod ranges;
mod redundant;
mod values;
mod vectors;

mod narrow;

use std::collections::HashMap;

use iced_x86::Register;

use super::{Fill, Folded, Function, Operand, Reference, To, fold};
use crate::instruction::{Effects, Instruction, Registers};
use crate::model::PatchKind;
use crate::x86_64::{decode::decode, listing::disassemble};

const N: [&str; 2] = ["n", "m"];

fn integer(bits: u32, signed: bool) -> Vec<Operand> {
    vec![Operand::integer(bits, signed), Operand::integer(32, true)]
}

/// The bytes of the input, and where fields are.
fn assemble(input: &str) -> (Vec<u8>, Vec<(usize, &str)>) {
    let (mut code, mut fields) = (Vec::new(), Vec::new());
    for word in input.lines().flat_map(|line| line.split('|').next().unwrap_or_default().split_whitespace()) {
        match u8::from_str_radix(word, 16) {
            Ok(byte) if word.len() == 2 => code.push(byte),
            _ => {
                fields.push((code.len(), word));
                code.extend([0; 4]);
            }
        }
    }
    (code, fields)
}

fn run(operands: &[Operand], input: &str) -> Vec<String> {
    let (mut code, mut fields) = assemble(input);
    // A jump to the next uop.
    code.push(0xe9);
    fields.push((code.len(), "to"));
    code.extend([0; 4]);
    let decoded = decode(&code).unwrap();
    let reference = |&(offset, name): &(usize, &str)| {
        let (name, at) = name.split_once('+').unwrap_or((name, "0"));
        let operand = N.iter().position(|operand| *operand == name);
        let variable = |operand| To::Variable { operand, at: at.parse().unwrap() };
        let to = if name == "address" { To::Address } else { operand.map_or(To::Other, variable) };
        Reference { offset, to }
    };
    let references: Vec<_> = fields.iter().map(reference).collect();
    let live: Registers = {
        use Register::{RBP, RBX, RCX, RDI, RDX, RSI, RSP};
        [RCX, RDX, RSI, RDI, RSP, RBP].into_iter().collect::<Registers>().with(Registers::low(RBX))
    };
    let function = Function {
        code: &code,
        decoded: &decoded,
        operands,
        references: &references,
        leaves: &|_| live,
        calls: &|_| Effects::of_call(Registers::of(Register::RDI), Registers::of(Register::RAX), Registers::NONE),
        wide_immediates: true,
    };
    let Folded { code: folded, replacements } = fold(&function).unwrap();
    let names = |at: usize| fields.iter().filter(move |(offset, _)| *offset >= at);
    let shown = |(index, item): (usize, &Instruction)| {
        let (start, end) = (item.start, item.end);
        let Some(replacement) = replacements.get(&index) else {
            let own = names(start).filter(|(offset, _)| *offset < end);
            let own = own.map(|&(offset, name)| (offset - start, name.to_owned())).collect();
            return text(&folded[start..end], &own);
        };
        let field = |(offset, fill): &(usize, Fill)| {
            let name = match *fill {
                Fill::Operand { operand, kind, addend } => {
                    let bits = match kind {
                        PatchKind::Abs32S => "s32".into(),
                        PatchKind::Scaled32(factor) => format!("x{factor}"),
                        PatchKind::Scaled8(factor) => format!("8x{factor}"),
                        kind => (kind.size() * 8).to_string(),
                    };
                    let addend = if addend == 0 { String::new() } else { format!("{addend:+}") };
                    format!("{}{addend}.{bits}", N[operand])
                }
                Fill::Address { reference } => format!("{}.64", fields[reference].1),
                Fill::Kept { reference, rest: 0 } => fields[reference].1.to_owned(),
                Fill::Kept { reference, rest } => format!("{}({rest:+})", fields[reference].1),
            };
            (*offset, name)
        };
        text(&replacement.bytes, &replacement.fields.iter().map(field).collect())
    };
    let mut all: Vec<_> = decoded.iter().enumerate().map(shown).collect();
    all.pop();
    all
}

fn text(bytes: &[u8], names: &HashMap<usize, String>) -> String {
    if bytes.is_empty() {
        return "-".into();
    }
    let lines = disassemble(bytes, names);
    let lines: Vec<_> = lines.lines().map(|line| line.split_once(": ").unwrap().1).collect();
    lines.join("; ")
}

#[track_caller]
fn folds(operands: Vec<Operand>, input: &str, output: &str) {
    let expected: Vec<_> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(run(&operands, input), expected);
}
