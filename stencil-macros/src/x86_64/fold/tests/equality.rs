//! Facts from comparisons, on the path on which their operands are equal.

use super::{folds, integer};

#[test]
fn a_copy_of_an_equal_register_is_deleted() {
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        0f 85 to                  | jne to
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        0f 85 to                  | jne to
        48 89 d1                  | mov %rdx, %rcx
        ",
        "
        cmp %rdx, %rcx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        75 03                     | jne .+5
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        jne 5
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        0f 85 to                  | jne to
        48 39 f7                  | cmp %rsi, %rdi
        0f 85 to                  | jne to
        48 89 ca                  | mov %rcx, %rdx
        48 89 fe                  | mov %rdi, %rsi
        ",
        "
        cmp %rdx, %rcx
        jne to
        cmp %rsi, %rdi
        jne to
        -
        -
        ",
    );
}

#[test]
fn a_copy_of_a_register_that_may_differ_stays() {
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        0f 84 to                  | je to
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        je to
        mov %rcx, %rdx
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        75 00                     | jne .+2
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        jne 2
        mov %rcx, %rdx
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        0f 85 to                  | jne to
        48 ff c1                  | inc %rcx
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        jne to
        inc %rcx
        mov %rcx, %rdx
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        48 89 f9                  | mov %rdi, %rcx
        0f 85 to                  | jne to
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        mov %rdi, %rcx
        jne to
        mov %rcx, %rdx
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        48 85 ff                  | test %rdi, %rdi
        0f 85 to                  | jne to
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        test %rdi, %rdi
        jne to
        mov %rcx, %rdx
        ",
    );
    folds(
        integer(32, true),
        "
        66 39 d1                  | cmp %dx, %cx
        0f 85 to                  | jne to
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %dx, %cx
        jne to
        mov %rcx, %rdx
        ",
    );
    folds(
        integer(32, true),
        "
        48 39 d1                  | cmp %rdx, %rcx
        0f 8f to                  | jg to
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %rdx, %rcx
        jg to
        mov %rcx, %rdx
        ",
    );
}

#[test]
fn a_comparison_of_32_bits_says_nothing_about_upper_halves() {
    folds(
        integer(32, true),
        "
        39 d1                     | cmp %edx, %ecx
        0f 85 to                  | jne to
        48 89 ca                  | mov %rcx, %rdx
        ",
        "
        cmp %edx, %ecx
        jne to
        mov %rcx, %rdx
        ",
    );
    folds(
        integer(32, true),
        "
        39 d1                     | cmp %edx, %ecx
        0f 85 to                  | jne to
        89 ca                     | mov %ecx, %edx
        ",
        "
        cmp %edx, %ecx
        jne to
        mov %ecx, %edx
        ",
    );
    folds(
        integer(32, true),
        "
        85 c9                     | test %ecx, %ecx
        0f 85 to                  | jne to
        31 c9                     | xor %ecx, %ecx
        ",
        "
        test %ecx, %ecx
        jne to
        xor %ecx, %ecx
        ",
    );
    // Unless nothing reads them.
    folds(
        integer(32, true),
        "
        39 d9                     | cmp %ebx, %ecx
        0f 85 to                  | jne to
        89 cb                     | mov %ecx, %ebx
        ",
        "
        cmp %ebx, %ecx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        39 d9                     | cmp %ebx, %ecx
        0f 85 to                  | jne to
        48 89 cb                  | mov %rcx, %rbx
        ",
        "
        cmp %ebx, %ecx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        85 db                     | test %ebx, %ebx
        0f 85 to                  | jne to
        31 db                     | xor %ebx, %ebx
        ",
        "
        test %ebx, %ebx
        jne to
        -
        ",
    );
}

#[test]
fn a_number_that_the_register_equals_is_deleted() {
    folds(
        integer(32, true),
        "
        48 85 c9                  | test %rcx, %rcx
        0f 85 to                  | jne to
        31 c9                     | xor %ecx, %ecx
        ",
        "
        test %rcx, %rcx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 85 c9                  | test %rcx, %rcx
        0f 85 to                  | jne to
        b9 00 00 00 00            | mov $0, %ecx
        ",
        "
        test %rcx, %rcx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 83 f9 05               | cmp $5, %rcx
        0f 85 to                  | jne to
        b9 05 00 00 00            | mov $5, %ecx
        ",
        "
        cmp $5, %rcx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 83 f9 05               | cmp $5, %rcx
        0f 85 to                  | jne to
        b9 06 00 00 00            | mov $6, %ecx
        ",
        "
        cmp $5, %rcx
        jne to
        mov $6, %ecx
        ",
    );
    folds(
        integer(32, true),
        "
        48 83 f9 ff               | cmp $-1, %rcx
        0f 85 to                  | jne to
        48 c7 c1 ff ff ff ff      | mov $-1, %rcx
        ",
        "
        cmp $0xFFFFFFFFFFFFFFFF, %rcx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 83 f9 ff               | cmp $-1, %rcx
        0f 85 to                  | jne to
        b9 ff ff ff ff            | mov $-1, %ecx
        ",
        "
        cmp $0xFFFFFFFFFFFFFFFF, %rcx
        jne to
        mov $0xFFFFFFFF, %ecx
        ",
    );
    folds(
        integer(32, true),
        "
        48 ff c9                  | dec %rcx
        0f 85 to                  | jne to
        31 c9                     | xor %ecx, %ecx
        ",
        "
        dec %rcx
        jne to
        -
        ",
    );
    // An operation of 32 bits clears the upper half.
    folds(
        integer(32, true),
        "
        ff c9                     | dec %ecx
        0f 85 to                  | jne to
        31 c9                     | xor %ecx, %ecx
        ",
        "
        dec %ecx
        jne to
        -
        ",
    );
    // By a count of 0, a shift keeps the flags.
    folds(
        integer(32, true),
        "
        48 d3 e2                  | shl %cl, %rdx
        0f 85 to                  | jne to
        31 d2                     | xor %edx, %edx
        ",
        "
        shl %cl, %rdx
        jne to
        xor %edx, %edx
        ",
    );
    // The operand that a register was compared with.
    folds(
        integer(32, true),
        "
        48 63 05 n                | movslq n(%rip), %rax
        48 39 c1                  | cmp %rax, %rcx
        0f 85 to                  | jne to
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        -
        cmp $n.32, %rcx
        jne to
        -
        ",
    );
    folds(
        integer(32, true),
        "
        8b 05 n                   | mov n(%rip), %eax
        39 c1                     | cmp %eax, %ecx
        0f 85 to                  | jne to
        89 c1                     | mov %eax, %ecx
        ",
        "
        -
        cmp $n.32, %ecx
        jne to
        mov $n.32, %ecx
        ",
    );
}

#[test]
fn a_number_is_kept_for_the_flags_that_it_sets() {
    folds(
        integer(32, true),
        "
        48 85 c9                  | test %rcx, %rcx
        0f 85 to                  | jne to
        31 c9                     | xor %ecx, %ecx
        0f 94 c2                  | sete %dl
        ",
        "
        test %rcx, %rcx
        jne to
        xor %ecx, %ecx
        sete %dl
        ",
    );
}
