//! The statements of bodies.

/// A statement in C, and roughly how many bytes of x86-64 code clang makes of it in context. `#` is replaced by a function's
/// number, `@` by a small number.
pub struct Statement {
    pub size: usize,
    pub text: &'static str,
}

const fn statement(size: usize, text: &'static str) -> Statement {
    Statement { size, text }
}

pub const STATEMENTS: &[Statement] = &[
    statement(4, "stack_pointer += @;"),
    statement(5, "frame->depth += @;"),
    statement(13, "frame->instruction = oparg;"),
    statement(12, "frame->locals[oparg] = RIGHT;"),
    statement(18, "{ Object *local = frame->locals[oparg]; INCREF(local); *stack_pointer++ = local; }"),
    statement(20, "if (RIGHT->kind != (Object *)operand) JUMP(exit_target);"),
    statement(14, "if (tstate->breaker & (1 << @)) JUMP(exit_target);"),
    statement(20, "RIGHT->value = LEFT->value * RIGHT->value + 4.0;"),
    statement(20, "RIGHT->length = RIGHT->length * 2 + LEFT->length / @ + @;"),
    statement(14, "LEFT->value = (double)(RIGHT->integer + @);"),
    statement(8, "frame->flags |= tstate->breaker;"),
    statement(10, "LEFT->integer += RIGHT->integer >> @;"),
    statement(22, "{ Object *old = LEFT; DECREF(old); }"),
    statement(30, "if (RIGHT->length > operand) { frame->flags |= 1 << @; JUMP(exit_target); }"),
    statement(36, "RIGHT = host_#(frame, LEFT, RIGHT); if (!RIGHT) JUMP(error_target);"),
    statement(
        44,
        "LEFT = host_#(frame, RIGHT, (Object *)operand); if (!LEFT) JUMP(error_target); frame->instruction += @;",
    ),
    statement(
        62,
        "{ Object *left = LEFT, *made = host_#(frame, left, RIGHT); DECREF(left); if (!made) JUMP(error_target); \
         LEFT = made; stack_pointer--; }",
    ),
];
