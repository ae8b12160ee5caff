//! Instructions that change nothing.

use super::{folds, integer};

#[test]
fn an_instruction_whose_result_nothing_reads_is_deleted() {
    folds(
        integer(32, true),
        "
        48 89 c8                  | mov %rcx, %rax
        ",
        "
        -
        ",
    );
    folds(
        integer(32, true),
        "
        89 c8                     | mov %ecx, %eax
        83 c0 01                  | add $1, %eax
        ",
        "
        -
        -
        ",
    );
    folds(
        integer(32, true),
        "
        31 c0                     | xor %eax, %eax
        0f 94 c2                  | sete %dl
        ",
        "
        xor %eax, %eax
        sete %dl
        ",
    );
    // Memory may be volatile.
    folds(
        integer(32, true),
        "
        48 8b 01                  | mov (%rcx), %rax
        ",
        "
        mov (%rcx), %rax
        ",
    );
    folds(
        integer(32, true),
        "
        8a 02                     | mov 0(%rdx), %al
        48 89 01                  | mov %rax, (%rcx)
        ",
        "
        mov (%rdx), %al
        mov %rax, (%rcx)
        ",
    );
}

#[test]
fn a_register_that_holds_the_value_is_not_set_again() {
    folds(
        integer(32, true),
        "
        48 89 c8                  | mov %rcx, %rax
        48 89 38                  | mov %rdi, (%rax)
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        -
        mov %rdi, (%rcx)
        -
        ",
    );
    folds(
        integer(32, true),
        "
        b9 05 00 00 00            | mov $5, %ecx
        48 89 0a                  | mov %rcx, (%rdx)
        b9 05 00 00 00            | mov $5, %ecx
        ",
        "
        mov $5, %ecx
        mov %rcx, (%rdx)
        -
        ",
    );
    folds(
        integer(32, true),
        "
        b9 05 00 00 00            | mov $5, %ecx
        48 89 0a                  | mov %rcx, (%rdx)
        ff c1                     | inc %ecx
        48 89 0a                  | mov %rcx, (%rdx)
        b9 05 00 00 00            | mov $5, %ecx
        ",
        "
        mov $5, %ecx
        mov %rcx, (%rdx)
        inc %ecx
        mov %rcx, (%rdx)
        mov $5, %ecx
        ",
    );
}

#[test]
fn an_upper_half_that_is_zero_is_not_cleared_again() {
    folds(
        integer(32, true),
        "
        01 c1                     | add %eax, %ecx
        89 c9                     | mov %ecx, %ecx
        ",
        "
        add %eax, %ecx
        -
        ",
    );
    folds(
        integer(32, true),
        "
        48 01 c1                  | add %rax, %rcx
        89 c9                     | mov %ecx, %ecx
        ",
        "
        add %rax, %rcx
        mov %ecx, %ecx
        ",
    );
    folds(
        integer(32, true),
        "
        66 8b 0a                  | mov (%rdx), %cx
        89 c9                     | mov %ecx, %ecx
        ",
        "
        mov (%rdx), %cx
        mov %ecx, %ecx
        ",
    );
    // Also if the condition does not hold.
    folds(
        integer(32, true),
        "
        0f 44 ca                  | cmove %edx, %ecx
        89 c9                     | mov %ecx, %ecx
        ",
        "
        cmove %edx, %ecx
        -
        ",
    );
    // If there is no bit, the register stays as it is.
    folds(
        integer(32, true),
        "
        0f bc ca                  | bsf %edx, %ecx
        89 c9                     | mov %ecx, %ecx
        ",
        "
        bsf %edx, %ecx
        mov %ecx, %ecx
        ",
    );
    // Nothing reads it.
    folds(
        integer(32, true),
        "
        89 db                     | mov %ebx, %ebx
        ",
        "
        -
        ",
    );
}
