//! The pass by itself: bytes in, instructions out.
//!
//! Input is a line for each instruction: its bytes and, for people, what they are. In the place of a field of four bytes stands `n` or
//! `m`, the variable of an operand (`n+4` from its fourth byte), or `to`, anything else. Output is what each instruction became, `-` if it
//! was left out. An operand in a field stands there with its kind: `n.32` are its low bits, `n.s32` are checked. At the end, `rax` and the registers
//! from `r8` on are dead.

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
        [RCX, RDX, RSI, RDI, RSP, RBP, RBX].into_iter().collect()
    };
    let function = Function {
        code: &code,
        decoded: &decoded,
        operands,
        references: &references,
        leaves: &|_| live,
        calls: &|_| Effects::of_call(Registers::GENERAL, Registers::NONE, Registers::GENERAL),
        wide_immediates: true,
    };
    let Folded { code: folded, replacements } = fold(&function);
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

#[test]
fn an_operation_on_a_variable_gets_an_immediate() {
    folds(
        integer(32, true),
        "
        03 0d n                   | add n(%rip), %ecx
    ",
        "
        add $n.32, %ecx
    ",
    );
    folds(
        integer(32, false),
        "
        0b 0d n                   | or n(%rip), %ecx
    ",
        "
        or $n.32, %ecx
    ",
    );
    folds(
        integer(8, false),
        "
        3a 0d n                   | cmp n(%rip), %cl
        0f 94 c2                  | sete %dl
    ",
        "
        cmp $n.8, %cl
        sete %dl
    ",
    );
    folds(
        integer(16, false),
        "
        66 33 0d n                | xor n(%rip), %cx
    ",
        "
        xor $n.16, %cx
    ",
    );
    folds(
        integer(32, false),
        "
        85 0d n                   | test %ecx, n(%rip)
        0f 94 c2                  | sete %dl
    ",
        "
        test $n.32, %ecx
        sete %dl
    ",
    );
    folds(
        integer(32, true),
        "
        0f af 0d n                | imul n(%rip), %ecx
    ",
        "
        imul $n.32, %ecx
    ",
    );
    folds(
        integer(64, false),
        "
        23 0d n                   | and n(%rip), %ecx
    ",
        "
        and $n.32, %ecx
    ",
    );
    folds(
        integer(8, true),
        "
        2a 0d n                   | sub n(%rip), %cl
    ",
        "
        sub $n.8, %cl
    ",
    );
}

#[test]
fn an_operation_of_64_bits_has_no_immediate_of_64() {
    folds(
        integer(64, false),
        "
        48 03 0d n                | add n(%rip), %rcx
    ",
        "
        add n(%rip), %rcx
    ",
    );
}

#[test]
fn a_register_that_was_loaded_becomes_an_immediate() {
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        01 c1                     | add %eax, %ecx
        31 c2                     | xor %eax, %edx
    ",
        "
        -
        add $n.32, %ecx
        xor $n.32, %edx
    ",
    );
    folds(
        integer(32, true),
        "
        48 63 05 n                | movslq n(%rip), %rax
        48 01 c1                  | add %rax, %rcx
    ",
        "
        -
        add $n.32, %rcx
    ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 01 c1                  | add %rax, %rcx
        48 89 02                  | mov %rax, (%rdx)
    ",
        "
        -
        add $n.32, %rcx
        movq $n.32, (%rdx)
    ",
    );
    folds(
        integer(8, false),
        "
        0f b6 05 n                | movzbl n(%rip), %eax
        88 02                     | mov %al, (%rdx)
    ",
        "
        -
        movb $n.8, (%rdx)
    ",
    );
    folds(
        integer(8, true),
        "
        0f be 05 n                | movsbl n(%rip), %eax
        01 c1                     | add %eax, %ecx
    ",
        "
        -
        add $n.8, %ecx
    ",
    );
    folds(
        integer(64, false),
        "
        48 8b 05 n                | mov n(%rip), %rax
        89 02                     | mov %eax, (%rdx)
    ",
        "
        -
        movl $n.32, (%rdx)
    ",
    );
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        39 02                     | cmp %eax, (%rdx)
        0f 92 c1                  | setb %cl
    ",
        "
        -
        cmpl $n.32, (%rdx)
        setb %cl
    ",
    );
    folds(
        vec![Operand { range: (0, 1), ..Operand::integer(8, false) }],
        "
        0f b6 05 n                | movzbl n(%rip), %eax
        48 f7 d8                  | neg %rax
        48 21 c1                  | and %rax, %rcx
    ",
        "
        mov $n.32, %eax
        neg %rax
        and %rax, %rcx
    ",
    );
}

#[test]
fn a_register_that_was_loaded_becomes_a_displacement() {
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
    ",
        "
        -
        mov n.32(%rdi), %rcx
    ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 8b 4c 38 08            | mov 8(%rax,%rdi), %rcx
    ",
        "
        -
        mov n+8.32(%rdi), %rcx
    ",
    );
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
        48 89 4c 07 08            | mov %rcx, 8(%rdi,%rax)
    ",
        "
        -
        mov n.s32(%rdi), %rcx
        mov %rcx, n+8.s32(%rdi)
    ",
    );
    folds(
        integer(32, true),
        "
        48 63 05 n                | movslq n(%rip), %rax
        48 8b 0c f8               | mov (%rax,%rdi,8), %rcx
    ",
        "
        -
        mov n.32(,%rdi,8), %rcx
    ",
    );
    folds(
        integer(8, true),
        "
        48 0f be 05 n             | movsbq n(%rip), %rax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
    ",
        "
        -
        mov n.8(%rdi), %rcx
    ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 01 f8                  | add %rdi, %rax
        89 08                     | mov %ecx, (%rax)
        89 50 04                  | mov %edx, 4(%rax)
    ",
        "
        -
        -
        mov %ecx, n.32(%rdi)
        mov %edx, n+4.32(%rdi)
    ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 01 c7                  | add %rax, %rdi
        8b 0f                     | mov (%rdi), %ecx
        31 ff                     | xor %edi, %edi
    ",
        "
        -
        -
        mov n.32(%rdi), %ecx
        xor %edi, %edi
    ",
    );
}

#[test]
fn a_shift_by_an_operand() {
    folds(
        integer(8, false),
        "
        48 89 ca                  | mov %rcx, %rdx
        0f b6 0d n                | movzbl n(%rip), %ecx
        48 d3 e2                  | shl %cl, %rdx
        48 89 f9                  | mov %rdi, %rcx
    ",
        "
        mov %rcx, %rdx
        -
        shl $n.8, %rdx
        mov %rdi, %rcx
    ",
    );
    folds(
        integer(64, false),
        "
        0f b6 0d n                | movzbl n(%rip), %ecx
        d3 fa                     | sar %cl, %edx
        48 89 f9                  | mov %rdi, %rcx
    ",
        "
        -
        sar $n.8, %edx
        mov %rdi, %rcx
    ",
    );
}

#[test]
fn operands_of_a_comparison_are_exchanged_with_its_conditions() {
    folds(
        integer(32, true),
        "
        39 0d n                   | cmp %ecx, n(%rip)
        0f 9c c2                  | setl %dl
    ",
        "
        cmp $n.32, %ecx
        setg %dl
    ",
    );
    folds(
        integer(32, false),
        "
        39 0d n                   | cmp %ecx, n(%rip)
        48 0f 43 d7               | cmovae %rdi, %rdx
    ",
        "
        cmp $n.32, %ecx
        cmovbe %rdi, %rdx
    ",
    );
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        39 c8                     | cmp %ecx, %eax
        0f 94 c2                  | sete %dl
    ",
        "
        -
        cmp $n.32, %ecx
        sete %dl
    ",
    );
    folds(
        integer(32, true),
        "
        39 0d n                   | cmp %ecx, n(%rip)
        0f 98 c2                  | sets %dl
    ",
        "
        cmp %ecx, n(%rip)
        sets %dl
    ",
    );
    folds(
        integer(32, true),
        "
        39 0d n                   | cmp %ecx, n(%rip)
        0f 9c c2                  | setl %dl
        83 d7 00                  | adc $0, %edi
    ",
        "
        cmp %ecx, n(%rip)
        setl %dl
        adc $0, %edi
    ",
    );
}

#[test]
fn a_load_stays_where_a_value_would_be_refused() {
    folds(
        integer(32, true),
        "
        48 63 05 n                | movslq n(%rip), %rax
        48 8b 4c 07 08            | mov 8(%rdi,%rax), %rcx
    ",
        "
        mov $n.32, %rax
        mov 8(%rdi,%rax), %rcx
    ",
    );
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 01 c1                  | add %rax, %rcx
    ",
        "
        mov $n.32, %eax
        add %rax, %rcx
    ",
    );
    folds(
        vec![Operand { may_be_refused: false, ..Operand::integer(32, false) }],
        "
        8b 05 n                   | mov n(%rip), %eax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
    ",
        "
        mov $n.32, %eax
        mov (%rdi,%rax), %rcx
    ",
    );
    folds(
        integer(64, false),
        "
        48 8b 05 n                | mov n(%rip), %rax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
    ",
        "
        movabs $n.64, %rax
        mov (%rdi,%rax), %rcx
    ",
    );
    folds(
        integer(64, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 01 c1                  | add %rax, %rcx
    ",
        "
        mov $n.32, %eax
        add %rax, %rcx
    ",
    );
}

#[test]
fn what_a_load_reads_decides() {
    folds(
        integer(64, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 89 02                  | mov %rax, (%rdx)
    ",
        "
        mov $n.32, %eax
        mov %rax, (%rdx)
    ",
    );
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 89 02                  | mov %rax, (%rdx)
    ",
        "
        mov $n.32, %eax
        mov %rax, (%rdx)
    ",
    );
    folds(
        integer(64, false),
        "
        8b 05 n+4                 | mov n+4(%rip), %eax
        01 c1                     | add %eax, %ecx
    ",
        "
        mov n+4(%rip), %eax
        add %eax, %ecx
    ",
    );
    folds(
        integer(8, true),
        "
        0f b6 05 n                | movzbl n(%rip), %eax
        48 01 c1                  | add %rax, %rcx
    ",
        "
        -
        add $n.8, %rcx
    ",
    );
    folds(
        integer(8, false),
        "
        0f be 05 n                | movsbl n(%rip), %eax
        01 c1                     | add %eax, %ecx
    ",
        "
        movsbl n(%rip), %eax
        add %eax, %ecx
    ",
    );
}

#[test]
fn flags_that_something_reads_are_kept() {
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        ff c0                     | inc %eax
        89 02                     | mov %eax, (%rdx)
    ",
        "
        -
        -
        movl $n+1.32, (%rdx)
    ",
    );
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        ff c0                     | inc %eax
        89 02                     | mov %eax, (%rdx)
        0f 94 c1                  | sete %cl
    ",
        "
        mov $n.32, %eax
        inc %eax
        mov %eax, (%rdx)
        sete %cl
    ",
    );
}

#[test]
fn a_register_that_is_set_in_part_is_not_known() {
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        88 c8                     | mov %cl, %al
        01 c2                     | add %eax, %edx
    ",
        "
        mov $n.32, %eax
        mov %cl, %al
        add %eax, %edx
    ",
    );
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        0f 44 c7                  | cmove %edi, %eax
        01 c2                     | add %eax, %edx
    ",
        "
        mov $n.32, %eax
        cmove %edi, %eax
        add %eax, %edx
    ",
    );
}

#[test]
fn an_immediate_moves_the_end_of_the_instruction_that_a_distance_counts_from() {
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        39 05 to                  | cmp %eax, to(%rip)
        0f 94 c1                  | sete %cl
    ",
        "
        -
        cmpl $n.32, to(-4)(%rip)
        sete %cl
    ",
    );
}

#[test]
fn an_address_of_32_bits_becomes_a_whole_one() {
    folds(
        integer(32, true),
        "
        b8 address                | mov $address, %eax
        48 8b 08                  | mov (%rax), %rcx
    ",
        "
        movabs $address.64, %rax
        mov (%rax), %rcx
    ",
    );
    // In a register that is free. `rcx` is set, and `rdx` is live.
    folds(
        integer(32, true),
        "
        48 8b 0c c5 address       | mov address(,%rax,8), %rcx
    ",
        "
        movabs $address.64, %r10; mov (%r10,%rax,8), %rcx
    ",
    );
}

#[test]
fn a_value_is_known_where_all_ways_agree() {
    // Another load of the same operand is the same value.
    folds(
        integer(32, true),
        "
        85 c9                     | test %ecx, %ecx
        74 08                     | je the second load
        8b 05 n                   | mov n(%rip), %eax
        eb 06                     | jmp behind it
        8b 05 n                   | mov n(%rip), %eax
        01 c2                     | add %eax, %edx
    ",
        "
        test %ecx, %ecx
        je 0xA
        -
        jmp 8
        -
        add $n.32, %edx
    ",
    );
    // The value of another operand is not.
    folds(
        integer(32, true),
        "
        85 c9                     | test %ecx, %ecx
        74 08                     | je the second load
        8b 05 n                   | mov n(%rip), %eax
        eb 06                     | jmp behind it
        8b 05 m                   | mov m(%rip), %eax
        01 c2                     | add %eax, %edx
    ",
        "
        test %ecx, %ecx
        je 0xA
        mov $n.32, %eax
        jmp 8
        mov $m.32, %eax
        add %eax, %edx
    ",
    );
}

#[test]
fn a_sum_in_a_loop_stays_a_sum() {
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 01 c7                  | add %rax, %rdi
        89 0f                     | mov %ecx, (%rdi)
        ff c9                     | dec %ecx
        75 f7                     | jne the sum
    ",
        "
        -
        add $n.32, %rdi
        mov %ecx, (%rdi)
        dec %ecx
        jne 0xFFFFFFFFFFFFFFF9
    ",
    );
}

#[test]
fn copies_give_way_to_what_they_are_copies_of() {
    folds(
        integer(16, true),
        "
        48 89 f0                  | mov %rsi, %rax
        48 0f bf 35 n             | movswq n(%rip), %rsi
        48 01 c6                  | add %rax, %rsi
    ",
        "
        -
        -
        lea n.32(%rsi), %rsi
    ",
    );
    // A sum of two registers keeps both.
    folds(
        integer(16, true),
        "
        66 83 3d n 05             | cmpw $5, n(%rip)
        48 89 c6                  | mov %rax, %rsi
        48 01 d6                  | add %rdx, %rsi
    ",
        "
        cmpw $5, n(%rip)
        -
        lea (%rdx,%rax), %rsi
    ",
    );
}

#[test]
fn where_an_address_refuses_values_other_fields_need_not_take_them() {
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
        8b 05 n                   | mov n(%rip), %eax
        48 01 c2                  | add %rax, %rdx
    ",
        "
        -
        mov n.s32(%rdi), %rcx
        -
        add $n.32, %rdx
    ",
    );
    // The displacement takes values that are greater by 8: so does the other field, or it checks them.
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 8b 4c 07 f8            | mov -8(%rdi,%rax), %rcx
        8b 05 n                   | mov n(%rip), %eax
        48 01 c2                  | add %rax, %rdx
    ",
        "
        -
        mov n-8.s32(%rdi), %rcx
        -
        add $n.s32, %rdx
    ",
    );
}

#[test]
fn a_field_that_is_taken_stays_as_it_is() {
    // The second sum must not lose what the first one has put into the displacement.
    folds(
        vec![Operand::integer(8, false), Operand::integer(32, false)],
        "
        8b 05 m                   | mov m(%rip), %eax
        0f b6 0d n                | movzbl n(%rip), %ecx
        48 01 c1                  | add %rax, %rcx
    ",
        "
        mov $m.32, %eax
        -
        lea n.32(%rax), %rcx
    ",
    );
    // Nor a copy what is in an immediate.
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 8d 7e 08               | lea 8(%rsi), %rdi
        48 01 c7                  | add %rax, %rdi
        48 89 fa                  | mov %rdi, %rdx
    ",
        "
        -
        lea 8(%rsi), %rdi
        add $n.32, %rdi
        mov %rdi, %rdx
    ",
    );
}
