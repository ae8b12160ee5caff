//! Operands as immediates: of operations on variables and on registers that were loaded.

use super::{folds, integer};
use crate::x86_64::fold::Operand;

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
fn a_register_that_was_loaded_is_combined_with_another_one() {
    folds(
        integer(32, true),
        "
        48 63 0d n                | movslq n(%rip), %rcx
        48 21 c1                  | and %rax, %rcx
        ",
        "
        -
        mov %rax, %rcx; and $n.32, %rcx
        ",
    );
    folds(
        integer(32, true),
        "
        48 89 c8                  | mov %rcx, %rax
        48 63 0d n                | movslq n(%rip), %rcx
        48 21 c1                  | and %rax, %rcx
        ",
        "
        -
        -
        and $n.32, %rcx
        ",
    );
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        09 d0                     | or %edx, %eax
        89 02                     | mov %eax, (%rdx)
        ",
        "
        -
        mov %edx, %eax; or $n.32, %eax
        mov %eax, (%rdx)
        ",
    );
}
