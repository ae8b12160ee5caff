//! Arrays of registers, in C.
//!
//! A register has no address, so an array of them cannot be an array of C. [`Text::with_calls`](crate::text::Text::with_calls) turns
//! `r[DST]` into `r(DST)`, and `r` is a macro that chooses the parameter at compile time. The compiler sees that parameter and
//! nothing else.

use std::fmt::Write as _;

use crate::ast::{Machine, RegisterArray};

/// The beginning of the message about an index that is not a constant in range.
pub const INDEX: &str = "stencil index: ";

/// What the macros of all arrays share. `STENCIL_CONSTANT` is 1 for a constant expression: only then is `(void *)(x * 0)` a null pointer
/// constant, and the conditional has the other operand's type. If it is 0, the index counts as 0. An index that is no integer has no `|`.
const SHARED: &str = "\
#define STENCIL_CONSTANT(i) (sizeof(int) == sizeof(*(8 ? ((void *)((long)(i) * 0L)) : (int *)8)))
#define STENCIL_INDEX(i) __builtin_choose_expr(STENCIL_CONSTANT(i), (i) | 0, 0)
#define STENCIL_IN_RANGE(i, n) ((unsigned long)STENCIL_INDEX(i) < n)
";

/// Returns the macros of a machine's arrays.
pub fn macros(machine: &Machine) -> String {
    let mut c = String::new();
    if machine.arrays.is_empty() {
        return c;
    }
    c.push_str(SHARED);
    for RegisterArray { name, length } in &machine.arrays {
        let elements =
            machine.parameters.iter().filter(|field| field.element.as_ref().is_some_and(|(of, _)| of == name));
        let choice = elements.rev().enumerate().fold(String::new(), |rest, (index, field)| match index {
            0 => field.name.to_string(),
            _ => format!("__builtin_choose_expr(STENCIL_INDEX(i) == {}, {}, {rest})", length - 1 - index, field.name),
        });
        let _ = writeln!(
            c,
            "#define {name}(i) __builtin_choose_expr(sizeof(struct {{ \
             _Static_assert(STENCIL_CONSTANT(i), \"{INDEX}the index of `{name}[\" #i \"]` is not a constant: registers have no \
             address, so index `{name}` by a constant or by a parameter of the family\"); \
             _Static_assert(STENCIL_IN_RANGE(i, {length}), \"{INDEX}the index of `{name}[\" #i \"]` is out of range in `\" \
             STENCIL_MEMBER \"`: `{name}` has {elements}; exclude such members by `where`, or the access by \
             `#if`\"); int size; }}) != 0, {choice}, 0)",
            elements = if *length == 1 { "1 element".to_owned() } else { format!("{length} elements") },
        );
    }
    c
}
