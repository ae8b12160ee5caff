//! The C in which the tiers differ: how a uop leaves for another one, and how a handler reads its operands.

use std::fmt::Write as _;

use super::parameters::Parameters;
use crate::ast::Field;

/// Defines the macros by which a handler reaches other instructions of a stream, calls them, or reaches compiled code.
pub(super) fn leave_handler(c: &mut String, Parameters { names, forget, .. }: &Parameters<'_>, tail: &str) {
    let at = "const uint64_t *stencil_to = (const uint64_t *)(uintptr_t)";
    let _ = write!(
        c,
        "#define STENCIL_LEAVE(address) do {{ {at}(address); {forget}{tail}return (*(STENCIL_UOP **)stencil_to)({names}); }} while (0)\n\
         #define STENCIL_CALLED(address) ({{ {at}(address); {forget}(*(STENCIL_UOP **)stencil_to)({names}); }})\n\
         #define STENCIL_INTERPRET(address) STENCIL_LEAVE(address)\n\
         #define STENCIL_EXECUTE(address) do {{ const uint64_t *stencil_to = stencil_ip; {forget}{tail}return \
         ((STENCIL_UOP *)(uintptr_t)(address))({names}); }} while (0)\n"
    );
}

/// Defines the macro by which compiled code reaches an instruction of a stream. Types differ, so it cannot be a guaranteed tail call; the
/// object reader checks that it is one.
pub(super) fn interpret(c: &mut String, Parameters { names, scratch, forget, .. }: &Parameters<'_>, handler: &str) {
    let _ = writeln!(
        c,
        "#define STENCIL_INTERPRET(address) do {{ const uint64_t *stencil_to = (const uint64_t *)(uintptr_t)(address); {scratch}{forget}\
         return (*({handler} **)stencil_to)({names}); }} while (0)"
    );
}

/// Returns the value of an operand that is in a stream, at this distance from the instruction's start in words.
pub(super) fn read(field: &Field, word: usize) -> String {
    let value =
        if field.ty.c.is_code() { "STENCIL_UOP *stencil_value".into() } else { field.ty.c.declare("stencil_value") };
    format!(
        "({{ {value}; __builtin_memcpy(&stencil_value, stencil_ip + {word}, sizeof stencil_value); stencil_value; }})"
    )
}
