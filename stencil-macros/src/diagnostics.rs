//! What a C compiler has to say, as messages on Rust tokens.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::source::{PRELUDE, Source};
use crate::text::Place;

/// One error or warning, with the notes that belong to it.
#[derive(Debug, PartialEq, Eq)]
struct Diagnostic {
    error: bool,
    /// The stretch of C or the file that it is in.
    file: String,
    place: Place,
    message: String,
    notes: Vec<Note>,
    /// The place of the `#include` in our text, if it is in a header.
    included: Option<(String, usize)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Note {
    file: String,
    place: Place,
    message: String,
}

/// The items that make rustc report all that the compiler said, each on its token; and whether an error is
/// among them.
pub fn report(messages: &str, source: &Source, fallback: Span) -> (TokenStream, bool) {
    let mut diagnostics = parse(messages);
    let any_error = diagnostics.iter().any(|diagnostic| diagnostic.error);
    if any_error {
        // Warnings are often but what follows from an error.
        diagnostics.retain(|diagnostic| diagnostic.error);
    }
    one_for_missing_types(&mut diagnostics, source);
    drop_misused_macros(&mut diagnostics);
    // Of what we made for a token, each place is that token.
    let mut seen = HashSet::new();
    diagnostics.retain(|d| !source.is_made(&d.file) || seen.insert((d.file.clone(), d.message.clone())));
    let mut items: Vec<(Span, TokenStream)> = Vec::new();
    for diagnostic in &diagnostics {
        let (file, place) = (&diagnostic.file, diagnostic.place);
        // gcc is where a macro is defined; where it is used is better, unless it is defined in the block.
        let used = diagnostic.notes.iter().rev().find_map(|note| source.span(&note.file, note.place));
        let (span, mut message) = match (source.span(file, place), &diagnostic.included) {
            _ if is_ours(file) => (used.or(source.span(file, place)).unwrap_or(fallback), diagnostic.message.clone()),
            (Some(span), _) => (span, diagnostic.message.clone()),
            (None, included) => {
                let from = included.as_ref().and_then(|(file, line)| source.span(file, (*line, usize::MAX)));
                let from = used.or(from);
                let message = format!("{file}:{}:{}: {}", place.0, place.1, diagnostic.message);
                (from.unwrap_or(fallback), message)
            }
        };
        for Note { file, place, message: note } in &diagnostic.notes {
            // Lines of the Rust file, as far as they are known; places in our own C and in the system's help nobody.
            let at = match source.span(file, *place) {
                _ if is_ours(file) => None,
                Some(at) if at.start().line == 0 || at.start() == span.start() => Some(String::new()),
                Some(at) => Some(format!(" (line {})", at.start().line)),
                None if file.starts_with('<') => None,
                // Headers of the crate, by their names there, and not those of the system.
                None => Path::new(file).is_relative().then(|| format!(" ({file}:{})", place.0)),
            };
            let Some(at) = at.filter(|_| !note.starts_with("each undeclared identifier")) else { continue };
            let note = format!("\nnote: {note}{at}");
            let says_nothing = at.is_empty() && is_pointer(&note);
            if !says_nothing && !message.contains(&note) {
                message.push_str(&note);
            }
        }
        let message = translate(&message, source);
        let item = if diagnostic.error { error(span, &format!("C: {message}")) } else { warning(span, &message) };
        items.push((span, item));
    }
    // In the order of the text, whatever order the compiler works in.
    items.sort_by_key(|(span, _)| (span.start().line, span.start().column));
    (items.into_iter().map(|(_, item)| item).collect(), any_error)
}

/// Whether a note says nothing but where something is.
fn is_pointer(note: &str) -> bool {
    let heads = ["declar", "definition", "to parameter", "from macro", "of macro", "into assembly"];
    heads.iter().any(|head| note.contains(head))
}

/// Whether a stretch holds macros of ours, whose insides help nobody.
fn is_ours(stretch: &str) -> bool {
    stretch == PRELUDE || stretch == "machine"
}

/// What follows from a mistake in the use of a macro of ours: one with too many arguments is not expanded, and then
/// also said to be undeclared; a wrong label is used twice, and leaves a `return` without its type.
fn drop_misused_macros(diagnostics: &mut Vec<Diagnostic>) {
    let misused = |file: &str, all: &[Diagnostic]| {
        let counts = ["function-like macro invocation", "arguments, but takes"];
        all.iter().any(|other| other.file == file && counts.iter().any(|count| other.message.contains(count)))
    };
    let undeclared = |name: &str, all: &[Diagnostic]| {
        let says = [format!("'{name}' undeclared"), format!("undeclared identifier '{name}'")];
        all.iter().any(|other| says.iter().any(|said| other.message.contains(said)))
    };
    let drop: Vec<bool> = (diagnostics.iter())
        .map(|d| {
            is_undeclared_macro(&d.message).is_some() && misused(&d.file, diagnostics)
                || not_a_label(&d.message).is_some_and(|name| undeclared(name, diagnostics))
                || d.file == "machine" && d.message.starts_with("'return' with")
        })
        .collect();
    let mut drop = drop.into_iter();
    diagnostics.retain(|_| !drop.next().unwrap_or(false));
}

/// What a message says `ADDRESS_OF` was used with, and is not a label.
fn not_a_label(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("'stencil_address_").filter(|_| message.contains("undeclared"))?;
    rest.split('\'').next()
}

/// The macro of ours that a message says is undeclared, as it is without parentheses.
fn is_undeclared_macro(message: &str) -> Option<&'static str> {
    let macros = ["CONTINUE", "JUMP", "CALL", "RETURN", "ADDRESS_OF"];
    let head = message.lines().next().filter(|head| head.contains("undeclared"))?;
    macros.into_iter().find(|name| head.contains(&format!("'{name}'")))
}

/// A type that C should have and does not have is missed in many places, and is one mistake.
fn one_for_missing_types(diagnostics: &mut Vec<Diagnostic>, source: &Source) {
    let missing: Vec<String> = (diagnostics.iter())
        .filter(|diagnostic| diagnostic.error)
        .filter_map(|diagnostic| source.missing_type(&diagnostic.file).map(str::to_owned))
        .collect();
    for name in missing {
        let mut first = true;
        diagnostics.retain_mut(|diagnostic| {
            if source.missing_type(&diagnostic.file) == Some(&name) {
                diagnostic.message = format!(
                    "there is no type `{name}`, and `..` says that C declares it: do so in a `c {{ }}` block or in a \
                     header"
                );
                diagnostic.notes.clear();
                return std::mem::take(&mut first);
            }
            let layout = format!("layout of {name}");
            let follows =
                diagnostic.file.strip_prefix(&layout).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
            // Nor can what we declare with that type be relied on.
            let ours = diagnostic.file == "machine" || source.is_made(&diagnostic.file) && follows;
            !ours && !diagnostic.message.contains(&format!("'{name}'"))
        });
    }
}

/// Names of ours that messages mention, in terms of what people wrote.
fn translate(message: &str, source: &Source) -> String {
    let mut text = message.to_owned();
    if let Some(label) = not_a_label(message) {
        return format!("`{label}` is not a label of this uop, and `ADDRESS_OF` has the address of a label");
    }
    if let Some(name) = is_undeclared_macro(&text) {
        let usage = if matches!(name, "CONTINUE" | "RETURN") { "" } else { "label" };
        text.push_str(&format!("\nnote: it is a macro with parentheses: `{name}({usage})`"));
    }
    while let Some(start) = text.find("stencil_uop_") {
        let rest = &text[start + "stencil_uop_".len()..];
        let length = rest.find(|c: char| !(c.is_ascii_digit() || c == '_')).unwrap_or(rest.len());
        let index = rest[..length].split('_').next().and_then(|index| index.parse().ok());
        let name = index.and_then(|index: usize| source.uops.get(index)).map_or("uop", String::as_str).to_owned();
        text.replace_range(start..start + "stencil_uop_".len() + length, &name);
    }
    if text.contains("_uop *const'") && text.contains("conver") {
        text.push_str("\nnote: a label is a place to jump to: `ADDRESS_OF(label)` has its address as a pointer");
    }
    // `'Other' (aka 'struct stencil_opaque_Other')`, which is what `struct` declarations are for.
    for aka in [" (aka 'struct stencil_opaque_", " {aka 'struct stencil_opaque_"] {
        while let Some(start) = text.find(aka) {
            let end = text[start..].find([')', '}']).map_or(text.len(), |end| start + end + 1);
            text.replace_range(start..end, "");
            if text.contains("incomplete") && !text.contains(REMEDY) {
                text.push_str(REMEDY);
            }
        }
    }
    text.replace("struct stencil_opaque_", "").replace("STENCIL_UOP", "uop")
}

const REMEDY: &str =
    "\nnote: C knows the fields that a `struct` of the block declares: `struct Name = path { field: type }`";

/// An item that is a compile error.
pub fn error(span: Span, message: &str) -> TokenStream {
    syn::Error::new(span, message).into_compile_error()
}

/// An item that rustc warns about: the use of something deprecated, which is how a macro of stable Rust can warn.
pub fn warning(span: Span, message: &str) -> TokenStream {
    // Resolved where the user's code is, or rustc takes it for a matter of the macro's own.
    let span = span.resolved_at(Span::call_site()).located_at(span);
    quote_spanned! {span=>
        const _: () = {
            #[deprecated(note = #message)]
            const C_COMPILER_WARNING: () = ();
            C_COMPILER_WARNING
        };
    }
}

/// Reads `file:line:column: error: message`, the form that gcc and clang share.
fn parse(messages: &str) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = Vec::new();
    let mut included = None;
    // gcc says but once where a header is included.
    let mut includes: HashMap<String, (String, usize)> = HashMap::new();
    for line in messages.lines() {
        if let Some(from) =
            line.strip_prefix("In file included from ").or_else(|| line.trim_start().strip_prefix("from "))
        {
            // The outermost one, which stands in our text, comes first with clang and last with gcc.
            let mut parts = from.trim_end_matches([':', ',']).split(':');
            let file = parts.next().unwrap_or_default().to_owned();
            let line = parts.next().and_then(|line| line.parse().ok()).unwrap_or(1);
            if file.contains("c block") || file.starts_with("include ") {
                included = Some((file, line));
            }
            continue;
        }
        let Some((file, place, level, message)) = split(line) else { continue };
        match level {
            "note" => {
                if let Some(last) = all.last_mut() {
                    last.notes.push(Note { file: file.into(), place, message: message.into() });
                }
                continue;
            }
            "error" | "fatal error" | "warning" => {
                let error = level != "warning";
                if let Some(from) = included.take() {
                    includes.insert(file.to_owned(), from);
                }
                let included = includes.get(file).cloned();
                let (file, message, notes) = (file.into(), message.into(), Vec::new());
                let diagnostic = Diagnostic { error, file, place, message, notes, included };
                // Members of a family repeat what one of them says.
                if !all.iter().any(|other| same(other, &diagnostic)) {
                    all.push(diagnostic);
                }
            }
            _ => {}
        }
    }
    all
}

fn same(left: &Diagnostic, right: &Diagnostic) -> bool {
    left.file == right.file && left.place == right.place && left.message == right.message
}

fn split(line: &str) -> Option<(&str, Place, &str, &str)> {
    // From the left, since messages have colons; file names of ours have none, those of others seldom.
    let mut parts = line.splitn(5, ':');
    let file = parts.next()?;
    let line_number = parts.next()?.parse().ok()?;
    let column = parts.next()?;
    // The assembler that gcc runs knows no columns.
    if column == " Error" {
        return Some((file, (line_number, 0), "error", line.splitn(4, ':').nth(3)?.trim()));
    }
    let level = parts.next()?.trim();
    Some((file, (line_number, column.parse().ok()?), level, parts.next()?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_both_compilers() {
        let clang = "body of uop push:2:9: error: use of undeclared identifier 'x'\n\
                     body of uop push:3:1: warning: unused variable 'y' [-Wunused-variable]\n\
                     body of uop push:3:1: note: it: is here\n\
                     body of uop push:2:9: error: use of undeclared identifier 'x'\n\
                     2 errors generated.\n";
        let parsed = parse(clang);
        assert_eq!(parsed.len(), 2);
        assert_eq!((parsed[0].error, parsed[0].file.as_str(), parsed[0].place), (true, "body of uop push", (2, 9)));
        assert_eq!(parsed[1].message, "unused variable 'y' [-Wunused-variable]");
        assert_eq!((parsed[1].notes[0].message.as_str(), parsed[1].notes[0].place), ("it: is here", (3, 1)));
        let gcc = "body of uop push: In function 'stencil_uop_0_0':\n\
                   body of uop push:1:4: error: 'x' undeclared (first use in this function)\n\
                   body of uop push:1:4: note: each undeclared identifier is reported only once\n";
        assert_eq!(parse(gcc).len(), 1);
    }

    #[test]
    fn a_header_is_named_with_its_include() {
        let gcc = "In file included from a.h:1,\n                 from c block 0:4:\nb.h:7:1: error: no\n";
        let parsed = parse(gcc);
        assert_eq!(parsed[0].file, "b.h");
        assert_eq!(parsed[0].included, Some(("c block 0".into(), 4)));
    }
}
