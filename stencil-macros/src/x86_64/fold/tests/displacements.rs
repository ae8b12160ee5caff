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

/// The register that an operand was added to is part of the next sum.
#[test]
fn a_sum_with_a_register_is_added_to_another_register() {
    let input = "
        48 63 05 n         | movslq n(%rip), %rax
        4c 01 d0           | add %r10, %rax
        48 01 c7           | add %rax, %rdi
        89 0f              | mov %ecx, (%rdi)
    ";
    folds(integer(32, true), input, "-\n-\nlea n.32(%rdi,%r10), %rdi\nmov %ecx, (%rdi)");
    folds(
        integer(64, true),
        &input.replace("48 63 05", "48 8b 05"),
        "movabs $n.64, %rax\nadd %r10, %rax\nadd %rax, %rdi\nmov %ecx, (%rdi)",
    );
    // The sum of 32 bits.
    folds(
        integer(32, true),
        "
        48 63 05 n         | movslq n(%rip), %rax
        4c 01 d0           | add %r10, %rax
        01 c7              | add %eax, %edi
    ",
        "-\n-\nlea n.32(%rdi,%r10), %edi",
    );
}

/// Operations other than addition keep the register that holds the sum.
#[test]
fn a_sum_with_a_register_is_no_immediate() {
    for (bytes, text) in [
        ("48 29 c7", "sub %rax, %rdi"),
        ("48 21 c7", "and %rax, %rdi"),
        ("48 31 c7", "xor %rax, %rdi"),
        ("48 39 c7", "cmp %rax, %rdi"),
        ("48 0f af f8", "imul %rax, %rdi"),
        ("48 01 07", "add %rax, (%rdi)"),
        ("66 01 c7", "add %ax, %di"),
    ] {
        let input = format!(
            "48 63 05 n | movslq n(%rip), %rax\n4c 01 d0 | add %r10, %rax\n{bytes} | {text}\n0f 92 c1 | setb %cl"
        );
        folds(integer(32, true), &input, &format!("-\nlea n.32(%r10), %rax\n{text}\nsetb %cl"));
    }
    folds(
        integer(32, true),
        "
        48 63 05 n         | movslq n(%rip), %rax
        4c 01 d0           | add %r10, %rax
        48 89 07           | mov %rax, (%rdi)
    ",
        "-\nlea n.32(%r10), %rax\nmov %rax, (%rdi)",
    );
    // The flags of the last sum are wanted.
    folds(
        integer(32, true),
        "
        48 63 05 n         | movslq n(%rip), %rax
        4c 01 d0           | add %r10, %rax
        48 01 c7           | add %rax, %rdi
        0f 92 c1           | setb %cl
    ",
        "-\nlea n.32(%r10), %rax\nadd %rax, %rdi\nsetb %cl",
    );
}
