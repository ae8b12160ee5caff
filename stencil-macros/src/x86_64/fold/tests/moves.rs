//! Copies that are saved.

use super::{folds, integer};

#[test]
fn a_value_is_computed_where_it_is_wanted() {
    folds(
        integer(32, true),
        "
        48 8d 41 05               | lea 5(%rcx), %rax
        48 89 17                  | mov %rdx, (%rdi)
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        lea 5(%rcx), %rcx
        mov %rdx, (%rdi)
        -
        ",
    );
    folds(
        integer(32, true),
        "
        8b 02                     | mov (%rdx), %eax
        01 f8                     | add %edi, %eax
        48 c1 e0 03               | shl $3, %rax
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        mov (%rdx), %ecx
        add %edi, %ecx
        shl $3, %rcx
        -
        ",
    );
    folds(
        integer(32, true),
        "
        0f b6 02                  | movzbl (%rdx), %eax
        88 07                     | movb %al, (%rdi)
        48 89 c6                  | mov %rax, %rsi
        ",
        "
        movzbl (%rdx), %esi
        mov %sil, (%rdi)
        -
        ",
    );
    folds(
        integer(32, true),
        "
        8b 02                     | mov (%rdx), %eax
        4c 8b 04 07               | mov (%rdi,%rax), %r8
        4c 89 04 c7               | mov %r8, (%rdi,%rax,8)
        89 c1                     | mov %eax, %ecx
        ",
        "
        mov (%rdx), %ecx
        mov (%rdi,%rcx), %r8
        mov %r8, (%rdi,%rcx,8)
        -
        ",
    );
    // The upper half is cleared either way.
    folds(
        integer(32, true),
        "
        48 0f be 02               | movsbq (%rdx), %rax
        89 c1                     | mov %eax, %ecx
        ",
        "
        movsbl (%rdx), %ecx
        -
        ",
    );
    folds(
        integer(32, true),
        "
        8b 02                     | mov (%rdx), %eax
        89 c1                     | mov %eax, %ecx
        ",
        "
        mov (%rdx), %ecx
        -
        ",
    );
}

#[test]
fn a_copy_stays_where_a_register_is_used_otherwise() {
    // The target is read or set on the way.
    folds(
        integer(32, true),
        "
        48 8d 41 05               | lea 5(%rcx), %rax
        48 89 0f                  | mov %rcx, (%rdi)
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        lea 5(%rcx), %rax
        mov %rcx, (%rdi)
        mov %rax, %rcx
        ",
    );
    folds(
        integer(32, true),
        "
        48 8b 02                  | mov (%rdx), %rax
        48 8b 0f                  | mov (%rdi), %rcx
        48 89 0e                  | mov %rcx, (%rsi)
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        mov (%rdx), %rax
        mov (%rdi), %rcx
        mov %rcx, (%rsi)
        mov %rax, %rcx
        ",
    );
    // The source is read later.
    folds(
        integer(32, true),
        "
        48 8b 32                  | mov (%rdx), %rsi
        48 89 f1                  | mov %rsi, %rcx
        ",
        "
        mov (%rdx), %rsi
        mov %rsi, %rcx
        ",
    );
    // An instruction does not name the register.
    folds(
        integer(32, true),
        "
        48 89 c8                  | mov %rcx, %rax
        48 99                     | cqto
        48 f7 ff                  | idiv %rdi
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        mov %rcx, %rax
        cqto
        idiv %rdi
        mov %rax, %rcx
        ",
    );
    // Control leaves, or comes from elsewhere.
    folds(
        integer(32, true),
        "
        48 8b 02                  | mov (%rdx), %rax
        48 85 ff                  | test %rdi, %rdi
        0f 84 to                  | je to
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        mov (%rdx), %rax
        test %rdi, %rdi
        je to
        mov %rax, %rcx
        ",
    );
    folds(
        integer(32, true),
        "
        48 8b 07                  | mov (%rdi), %rax
        48 85 d2                  | test %rdx, %rdx
        74 03                     | je .+5
        48 8b 02                  | mov (%rdx), %rax
        48 89 c1                  | mov %rax, %rcx
        ",
        "
        mov (%rdi), %rax
        test %rdx, %rdx
        je 5
        mov (%rdx), %rax
        mov %rax, %rcx
        ",
    );
    // The source has an upper half that the copy has not.
    folds(
        integer(32, true),
        "
        48 8b 02                  | mov (%rdx), %rax
        89 c1                     | mov %eax, %ecx
        ",
        "
        mov (%rdx), %rax
        mov %eax, %ecx
        ",
    );
    // There is no such encoding.
    folds(
        integer(32, true),
        "
        48 8b 02                  | mov (%rdx), %rax
        88 27                     | movb %ah, (%rdi)
        48 89 c6                  | mov %rax, %rsi
        ",
        "
        mov (%rdx), %rax
        mov %ah, (%rdi)
        mov %rax, %rsi
        ",
    );
}
