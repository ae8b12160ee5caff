//! Values of an operand that fields cannot hold.

use super::{folds, integer};
use crate::x86_64::fold::Operand;

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
fn a_sum_refuses_values_only_as_part_of_an_address() {
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 01 c1                  | add %rax, %rcx
        48 39 ca                  | cmp %rcx, %rdx
        0f 82 to                  | jb to
        8b 34 0f                  | mov (%rdi,%rcx), %esi
        ",
        "
        -
        add $n.s32, %rcx
        cmp %rcx, %rdx
        jb to
        mov (%rdi,%rcx), %esi
        ",
    );
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 01 c8                  | add %rcx, %rax
        48 39 c2                  | cmp %rax, %rdx
        0f 82 to                  | jb to
        8b 34 07                  | mov (%rdi,%rax), %esi
        ",
        "
        -
        lea n.s32(%rcx), %rax
        cmp %rax, %rdx
        jb to
        mov (%rdi,%rax), %esi
        ",
    );
}
