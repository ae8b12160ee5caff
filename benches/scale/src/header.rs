//! The C header.

use std::fmt::Write as _;

/// A C header of about `size` bytes. Of ten declarations one is a structure, one an inline function, and eight
/// are prototypes, as in `Python.h`.
#[must_use]
pub fn header(size: usize) -> String {
    let mut text = String::new();
    for index in 0.. {
        if text.len() >= size {
            break;
        }
        let declaration = match index % 10 {
            0 => format!(
                "typedef struct interpreter_structure_{index} {{ long reference_count; void *type; struct interpreter_structure_{index} *next;\n    \
                 unsigned int flags; unsigned char state; double number; char *name; }} Structure{index};"
            ),
            1 => format!(
                "static inline int interpreter_inline_function_{index}(Structure{} *object, int argument)\n{{\n    \
                 if (object->flags & 1u << (argument & 31)) {{ object->reference_count++; return object->state; }}\n    \
                 return object->next ? object->next->state : argument;\n}}",
                index - 1
            ),
            within => format!(
                "extern void *interpreter_function_number_{index}(Structure{} *object, const char *name, long argument);",
                index - within
            ),
        };
        writeln!(text, "{declaration}").expect("a string takes everything");
    }
    text
}
