//! Operands as displacements, and absolute addresses.

use super::{folds, integer};

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
fn a_scaled_index_becomes_a_scaled_displacement() {
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 8b 0c c7               | mov (%rdi,%rax,8), %rcx
        8b 54 c7 04               | mov 4(%rdi,%rax,8), %edx
        ",
        "
        -
        mov n.x8(%rdi), %rcx
        mov n+4.x8(%rdi), %edx
        ",
    );
    folds(
        integer(16, true),
        "
        48 0f bf 05 n             | movswq n(%rip), %rax
        48 c7 04 c7 00 00 00 00   | movq $0, (%rdi,%rax,8)
        ",
        "
        -
        movq $0, n.x8(%rdi)
        ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 c1 e0 03               | shl $3, %rax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
        ",
        "
        -
        -
        mov n.x8(%rdi), %rcx
        ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 8d 04 40               | lea (%rax,%rax,2), %rax
        48 8b 0c c7               | mov (%rdi,%rax,8), %rcx
        ",
        "
        -
        -
        mov n.x24(%rdi), %rcx
        ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 6b c0 18               | imul $24, %rax, %rax
        48 89 0c 07               | mov %rcx, (%rdi,%rax)
        ",
        "
        -
        -
        mov %rcx, n.x24(%rdi)
        ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 8d 14 c7               | lea (%rdi,%rax,8), %rdx
        ",
        "
        -
        lea n.x8(%rdi), %rdx
        ",
    );
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        8b 0c b8                  | mov (%rax,%rdi,4), %ecx
        ",
        "
        -
        mov n.32(,%rdi,4), %ecx
        ",
    );
    // An index of which a part is known.
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 01 f0                  | add %rsi, %rax
        48 8b 0c c7               | mov (%rdi,%rax,8), %rcx
        ",
        "
        -
        -
        mov n.x8(%rdi,%rsi,8), %rcx
        ",
    );
}

#[test]
fn a_scaled_index_stays_where_a_value_would_be_refused() {
    folds(
        integer(32, false),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 8b 0c c7               | mov (%rdi,%rax,8), %rcx
        ",
        "
        mov $n.32, %eax
        mov (%rdi,%rax,8), %rcx
        ",
    );
    folds(
        integer(32, true),
        "
        48 63 05 n                | movslq n(%rip), %rax
        8b 0c 47                  | mov (%rdi,%rax,2), %ecx
        ",
        "
        mov $n.32, %rax
        mov (%rdi,%rax,2), %ecx
        ",
    );
    // The factor does not fit.
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 69 c0 e8 03 00 00      | imul $1000, %rax, %rax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
        ",
        "
        mov $n.32, %eax
        imul $0x3E8, %rax
        mov (%rdi,%rax), %rcx
        ",
    );
    // Something reads the flags.
    folds(
        integer(16, false),
        "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 c1 e0 03               | shl $3, %rax
        48 8b 0c 07               | mov (%rdi,%rax), %rcx
        0f 94 c2                  | sete %dl
        ",
        "
        mov $n.32, %eax
        shl $3, %rax
        mov (%rdi,%rax), %rcx
        sete %dl
        ",
    );
    // Products of 32 bits lose what the address has.
    folds(
        integer(16, true),
        "
        0f bf 05 n                | movswl n(%rip), %eax
        48 8b 0c c7               | mov (%rdi,%rax,8), %rcx
        ",
        "
        mov $n.32, %eax
        mov (%rdi,%rax,8), %rcx
        ",
    );
}

#[test]
fn the_low_bits_of_an_operand_are_no_displacement() {
    folds(
        integer(8, true),
        "
        0f b6 05 n                | movzbl n(%rip), %eax
        48 01 c1                  | add %rax, %rcx
        48 89 39                  | mov %rdi, (%rcx)
        31 c9                     | xor %ecx, %ecx
        ",
        "
        -
        add $n.8, %rcx
        mov %rdi, (%rcx)
        xor %ecx, %ecx
        ",
    );
}
