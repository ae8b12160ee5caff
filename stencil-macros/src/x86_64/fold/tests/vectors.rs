//! Instructions with VEX and EVEX prefixes.

use super::{Operand, folds, integer};

const SMALL: (i128, i128) = (0, 15);

fn small() -> Vec<Operand> {
    vec![Operand { range: SMALL, ..Operand::integer(64, false) }, Operand::integer(32, true)]
}

#[test]
fn an_address_takes_an_operand() {
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        c5 fe 6f 0c 07            | vmovdqu (%rdi,%rax), %ymm1
        62 f1 fe 48 6f 0c 07      | vmovdqu64 (%rdi,%rax), %zmm1
        62 f1 fe 48 7f 4c 07 01   | vmovdqu64 %zmm1, 64(%rdi,%rax)
        62 f1 75 58 fe 14 07      | vpaddd (%rdi,%rax){1to16}, %zmm1, %zmm2
        c4 e2 6d 90 0c 80         | vpgatherdd %ymm2, (%rax,%ymm0,4), %ymm1
        ",
        "
        -
        vmovdqu n.32(%rdi), %ymm1
        vmovdqu64 n.32(%rdi), %zmm1
        vmovdqu64 %zmm1, n+64.32(%rdi)
        vpaddd n.32(%rdi){1to16}, %zmm1, %zmm2
        vpgatherdd %ymm2, n.32(,%ymm0,4), %ymm1
        ",
    );
}

/// The processor multiplies a displacement of 8 bits in an EVEX instruction by the size of the memory operand.
#[test]
fn a_displacement_of_8_bits_is_not_scaled() {
    folds(
        small(),
        "
        48 8b 05 n                | mov n(%rip), %rax
        c5 fe 6f 0c 07            | vmovdqu (%rdi,%rax), %ymm1
        c5 fe 7f 4c 07 20         | vmovdqu %ymm1, 32(%rdi,%rax)
        62 f1 fe 48 6f 0c 07      | vmovdqu64 (%rdi,%rax), %zmm1
        62 f1 fe 48 7f 4c 07 01   | vmovdqu64 %zmm1, 64(%rdi,%rax)
        62 f1 75 58 fe 14 07      | vpaddd (%rdi,%rax){1to16}, %zmm1, %zmm2
        62 f2 7d 49 90 4c 07 01   | vpgatherdd 4(%rdi,%zmm0), %zmm1{%k1}
        ",
        "
        -
        vmovdqu n.8(%rdi), %ymm1
        vmovdqu %ymm1, n+32.8(%rdi)
        vmovdqu64 n.32(%rdi), %zmm1
        vmovdqu64 %zmm1, n+64.32(%rdi)
        vpaddd n.32(%rdi){1to16}, %zmm1, %zmm2
        vpgatherdd 4(%rdi,%zmm0), %zmm1{%k1}
        ",
    );
}

/// A register whose value is a number becomes a part of the displacement, too, which the encoder scales.
#[test]
fn a_number_in_a_displacement_is_scaled() {
    folds(
        integer(64, false),
        "
        48 8d 47 40               | lea 64(%rdi), %rax
        62 f1 fe 48 6f 48 01      | vmovdqu64 64(%rax), %zmm1
        62 f1 fe 48 7f 08         | vmovdqu64 %zmm1, (%rax)
        ",
        "
        -
        vmovdqu64 0x80(%rdi), %zmm1
        vmovdqu64 %zmm1, 0x40(%rdi)
        ",
    );
    folds(
        integer(64, false),
        "
        48 8d 47 08               | lea 8(%rdi), %rax
        62 f1 fe 48 6f 48 01      | vmovdqu64 64(%rax), %zmm1
        62 f1 fe 48 7f 08         | vmovdqu64 %zmm1, (%rax)
        ",
        "
        -
        vmovdqu64 0x48(%rdi), %zmm1
        vmovdqu64 %zmm1, 8(%rdi)
        ",
    );
}

#[test]
fn loads_of_variables_stay() {
    let input = "
        c5 f5 fe 15 n             | vpaddd n(%rip), %ymm1, %ymm2
        c5 f3 58 15 n             | vaddsd n(%rip), %xmm1, %xmm2
        62 f1 75 58 fe 15 n       | vpaddd n(%rip){1to16}, %zmm1, %zmm2
        c4 e2 c0 f2 0d n          | andn n(%rip), %rdi, %rcx
        c4 e2 c1 f7 15 n          | shlx %rdi, n(%rip), %rdx
        c4 e3 fb f0 35 n 03       | rorx $3, n(%rip), %rsi
        c4 e1 f8 90 0d n          | kmovq n(%rip), %k1
    ";
    let output = "
        vpaddd n(%rip), %ymm1, %ymm2
        vaddsd n(%rip), %xmm1, %xmm2
        vpaddd n(%rip){1to16}, %zmm1, %zmm2
        andn n(%rip), %rdi, %rcx
        shlx %rdi, n(%rip), %rdx
        rorx $3, n(%rip), %rsi
        kmovq n(%rip), %k1
    ";
    folds(integer(64, false), input, output);
    folds(small(), input, output);
}

#[test]
fn registers_that_a_vector_instruction_reads_keep_their_value() {
    let reads = [
        ("c4 e2 c0 f2 c8", "andn %rax, %rdi, %rcx"),
        ("c4 e2 f8 f2 cf", "andn %rdi, %rax, %rcx"),
        ("c4 e2 f9 f7 cf", "shlx %rax, %rdi, %rcx"),
        ("c4 e2 f1 f7 d0", "shlx %rcx, %rax, %rdx"),
        ("c4 e3 fb f0 c8 03", "rorx $3, %rax, %rcx"),
        ("c4 e2 f8 f7 cf", "bextr %rax, %rdi, %rcx"),
        ("c4 e2 eb f6 c8", "mulx %rax, %rdx, %rcx"),
        ("c4 e2 c2 f5 c8", "pext %rax, %rdi, %rcx"),
        ("c4 e1 f9 6e c8", "vmovq %rax, %xmm1"),
        ("62 f2 fd 48 7c c8", "vpbroadcastq %rax, %zmm1"),
        ("c4 e3 f1 22 d0 01", "vpinsrq $1, %rax, %xmm1, %xmm2"),
        ("c4 e1 f3 2a d0", "vcvtsi2sd %rax, %xmm1, %xmm2"),
        ("c4 e1 fb 92 c8", "kmovq %rax, %k1"),
        ("f3 48 0f bd c8", "lzcnt %rax, %rcx"),
        ("c4 e2 f0 f3 c8", "blsr %rax, %rcx"),
        ("66 48 0f 38 f6 c8", "adcx %rax, %rcx"),
    ];
    for (bytes, text) in reads {
        let input = format!("48 8b 05 n | mov n(%rip), %rax\n{bytes} | {text}");
        folds(integer(64, false), &input, &format!("movabs $n.64, %rax\n{text}"));
    }
}
