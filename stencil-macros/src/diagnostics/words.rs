//! Translates the compiler's messages into the terms of the block.

use crate::source::Source;

/// Replaces internal names in a message.
pub(super) fn translate(message: &str, source: &Source) -> String {
    let mut text = message.to_owned();
    if let Some(label) = not_a_label(message) {
        return format!("`{label}` is not a label of this uop: `ADDRESS_OF` takes a label operand");
    }
    if let Some(name) = is_undeclared_macro(&text) {
        let usage = if matches!(name, "CONTINUE" | "RETURN") { "" } else { "label" };
        text.push_str(&format!("\nnote: it is a function-like macro: `{name}({usage})`"));
    }
    while let Some(start) = text.find("stencil_uop_") {
        let rest = &text[start + "stencil_uop_".len()..];
        let length = rest.find(|c: char| !(c.is_ascii_digit() || c == '_')).unwrap_or(rest.len());
        let index = rest[..length].split('_').next().and_then(|index| index.parse().ok());
        let name = index.and_then(|index: usize| source.uops.get(index)).map_or("uop", String::as_str).to_owned();
        text.replace_range(start..start + "stencil_uop_".len() + length, &name);
    }
    if text.contains("_uop *const'") && text.contains("conver") {
        text.push_str("\nnote: a label is not a pointer: `ADDRESS_OF(label)` is its address");
    }
    let opaque = text.contains("incomplete") && text.contains("struct stencil_opaque_");
    // In `'Other' (aka 'struct stencil_opaque_Other')`, the name alone suffices.
    for aka in [" (aka 'struct stencil_opaque_", " {aka 'struct stencil_opaque_"] {
        while let Some(start) = text.find(aka) {
            let end = text[start..].find([')', '}']).map_or(text.len(), |end| start + end + 1);
            text.replace_range(start..end, "");
        }
    }
    if opaque {
        text.push_str(REMEDY);
    }
    let text = text.replace("struct stencil_opaque_", "").replace("STENCIL_UOP", "uop");
    // What `ADDRESS_OF(exit)` reads is declared, but unavailable.
    let text = if text.contains("unavailable") { text.replace("stencil_address_", "") } else { text };
    text.replace("; ISO C99 and later do not support implicit function declarations", "")
}

const REMEDY: &str = "\nnote: C sees only the fields that the block declares: `struct Name = path { field: type }`";

/// Returns the argument of `ADDRESS_OF` that is not a label, if the message is about one.
pub(super) fn not_a_label(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("'stencil_address_").filter(|_| message.contains("undeclared"))?;
    rest.split('\'').next()
}

/// Returns the predefined macro that a message calls undeclared because its parentheses are missing.
pub(super) fn is_undeclared_macro(message: &str) -> Option<&'static str> {
    let macros = ["CONTINUE", "JUMP", "CALL", "RETURN", "ADDRESS_OF"];
    let head = message.lines().next()?;
    let says = |name: &str| {
        [
            format!("undeclared identifier '{name}'"),
            format!("undeclared function '{name}'"),
            format!("'{name}' undeclared"),
        ]
    };
    macros.into_iter().find(|name| says(name).iter().any(|said| head.contains(said)))
}
