//! Known values along the paths through a function, and copies of them.

use super::{folds, integer};
use crate::x86_64::fold::Operand;

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
