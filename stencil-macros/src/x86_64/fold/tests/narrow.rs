//! Operands in narrower ranges than their types have: fields of 8 bits, and shorter instructions.

use super::{Operand, folds};

/// The first operand in this range, and a second one.
fn within(bits: u32, signed: bool, range: (i128, i128)) -> Vec<Operand> {
    vec![Operand { range, ..Operand::integer(bits, signed) }, Operand::integer(32, true)]
}

const I8: (i128, i128) = (-128, 127);
const U7: (i128, i128) = (0, 127);

#[test]
fn immediates_have_8_bits() {
    for (bits, signed, range) in [(32, true, I8), (32, false, U7), (64, true, I8), (64, false, U7)] {
        folds(
            within(bits, signed, range),
            "
            03 0d n                   | add n(%rip), %ecx
            0f af 15 n                | imul n(%rip), %edx
            3b 35 n                   | cmp n(%rip), %esi
            0f 9c c1                  | setl %cl
            ",
            "
            add $n.8, %ecx
            imul $n.8, %edx
            cmp $n.8, %esi
            setl %cl
            ",
        );
    }
    for (signed, range) in [(true, I8), (false, U7)] {
        folds(
            within(64, signed, range),
            "
            48 03 0d n                | add n(%rip), %rcx
            48 33 15 n                | xor n(%rip), %rdx
            48 8b 05 n                | mov n(%rip), %rax
            48 39 c7                  | cmp %rax, %rdi
            0f 9c c1                  | setl %cl
            ff 35 n                   | push n(%rip)
            ",
            "
            add $n.8, %rcx
            xor $n.8, %rdx
            -
            cmp $n.8, %rdi
            setl %cl
            push $n.8
            ",
        );
    }
}

#[test]
fn a_register_that_is_set_has_32_bits() {
    let input = "
        48 8b 0d n                | mov n(%rip), %rcx
    ";
    folds(within(64, true, I8), input, "mov $n.32, %rcx");
    folds(within(64, true, (i32::MIN.into(), i32::MAX.into())), input, "mov $n.32, %rcx");
    folds(within(64, false, (0, i64::from(u32::MAX).into())), input, "mov $n.32, %ecx");
    folds(within(64, false, U7), input, "mov $n.32, %ecx");
    folds(within(64, true, (i32::MIN.into(), 1 << 31)), input, "movabs $n.64, %rcx");
}

#[test]
fn displacements_have_8_bits() {
    for (load, bits, signed, range) in [
        ("8b 05 n | mov n(%rip), %eax", 32, false, U7),
        ("48 63 05 n | movslq n(%rip), %rax", 32, true, I8),
        ("48 8b 05 n | mov n(%rip), %rax", 64, false, U7),
        ("48 8b 05 n | mov n(%rip), %rax", 64, true, I8),
    ] {
        folds(
            within(bits, signed, range),
            &format!(
                "
                {load}
                48 8b 0c 07               | mov (%rdi,%rax), %rcx
                48 01 c6                  | add %rax, %rsi
                "
            ),
            "
            -
            mov n.8(%rdi), %rcx
            add $n.8, %rsi
            ",
        );
    }
    // Without a base there is none of 8 bits.
    folds(
        within(64, true, I8),
        "
        48 8b 05 n                | mov n(%rip), %rax
        48 8b 0c c5 00 00 00 00   | mov 0(,%rax,8), %rcx
        48 8b 05 n                | mov n(%rip), %rax
        8b 14 f8                  | mov (%rax,%rdi,8), %edx
        ",
        "
        -
        mov n.x8, %rcx
        -
        mov n.32(,%rdi,8), %edx
        ",
    );
}

/// Every value of the range, with the addend, fits the field, or the field stays as wide as it was.
#[test]
fn the_limits_of_8_bits_are_exact() {
    let input = "
        48 63 05 n                | movslq n(%rip), %rax
        48 8b 4c 38 08            | mov 8(%rax,%rdi), %rcx
        48 01 c6                  | add %rax, %rsi
    ";
    for (range, displacement, immediate) in [
        ((-128, 127), "n+8.32", "n.8"),
        ((-128, 119), "n+8.8", "n.8"),
        ((-128, 120), "n+8.32", "n.8"),
        ((-136, 119), "n+8.8", "n.32"),
        ((-137, 119), "n+8.32", "n.32"),
        ((-129, 127), "n+8.32", "n.32"),
        ((-128, 128), "n+8.32", "n.32"),
        ((0, 0), "n+8.8", "n.8"),
    ] {
        let output = format!("-\n mov {displacement}(%rdi), %rcx\n add ${immediate}, %rsi");
        folds(within(32, true, range), input, &output);
    }
}

#[test]
fn a_u32_of_small_values_is_not_refused() {
    folds(
        within(32, false, U7),
        "
        8b 05 n                   | mov n(%rip), %eax
        48 8b 8c 07 00 01 00 00   | mov 256(%rdi,%rax), %rcx
        ",
        "
        -
        mov n+256.32(%rdi), %rcx
        ",
    );
}

#[test]
fn scaled_displacements_have_8_bits() {
    let input = "
        0f b7 05 n                | movzwl n(%rip), %eax
        48 8b 0c c7               | mov (%rdi,%rax,8), %rcx
    ";
    folds(within(16, false, (0, 15)), input, "-\n mov n.8x8(%rdi), %rcx");
    folds(within(16, false, (0, 16)), input, "-\n mov n.x8(%rdi), %rcx");
    folds(within(16, false, (0, 65535)), input, "-\n mov n.x8(%rdi), %rcx");
}
