//! Comparisons, and the flags in general.

use super::{folds, integer};

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
