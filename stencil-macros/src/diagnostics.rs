//! Reports the C compiler's messages on Rust tokens.

pub mod crash;
mod follow;
mod index;
mod parse;
mod typo;
mod words;

use std::collections::HashSet;
use std::path::Path;

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::ast::Block;
use crate::source::{PRELUDE, Source};
use crate::text::Place;
use parse::{Diagnostic, Note};

/// Returns items that make rustc report the compiler's messages, each on its token, and whether any of them is an
/// error.
pub fn report(messages: &str, source: &Source, block: &Block) -> (TokenStream, bool) {
    let mut diagnostics = parse::parse(messages);
    let any_error = diagnostics.iter().any(|diagnostic| diagnostic.error);
    if any_error {
        // Most warnings beside an error are consequences of it.
        diagnostics.retain(|diagnostic| diagnostic.error);
    }
    index::translate(&mut diagnostics);
    follow::one_for_missing_types(&mut diagnostics, source);
    follow::drop_misused_macros(&mut diagnostics);
    // Repeated uses of a token in the generated C all map to that token, so the same message can occur several times.
    let mut seen = HashSet::new();
    diagnostics.retain(|d| !source.is_made(&d.file) || seen.insert((d.file.clone(), d.message.clone())));
    let mut items: Vec<(Span, TokenStream)> = Vec::new();
    for mut diagnostic in diagnostics {
        index::name(&mut diagnostic, block);
        typo::suggest(&mut diagnostic, block);
        let (span, mut message) = placed(&diagnostic, source);
        let span = span.unwrap_or(block.machine.name.span());
        for note in &diagnostic.notes {
            let note = note_text(note, source, span).filter(|note| !message.contains(note));
            message.push_str(&note.unwrap_or_default());
        }
        let message = words::translate(&message, source);
        let item = if diagnostic.error { error(span, &format!("C: {message}")) } else { warning(span, &message) };
        items.push((span, item));
    }
    // Sort by position in the Rust source, because the compilers' order differs.
    items.sort_by_key(|(span, _)| (span.start().line, span.start().column));
    (items.into_iter().map(|(_, item)| item).collect(), any_error)
}

/// Returns the token that a message belongs to, and the message text. The text names the position if it is in a header.
fn placed(diagnostic: &Diagnostic, source: &Source) -> (Option<Span>, String) {
    let Diagnostic { file, place, message, notes, included, .. } = diagnostic;
    // If the error is inside one of the macro's own C macros, report the place where the user invokes it.
    let used = notes.iter().rev().find_map(|note| source.span(&note.file, note.place));
    match source.span(file, *place) {
        at if is_ours(file) => (used.or(at), message.clone()),
        Some(at) => (Some(at), message.clone()),
        None => {
            let from = included.first().and_then(|(file, line)| source.span(file, (*line, usize::MAX)));
            let mut message = format!("{}: {message}", header(file, *place));
            for (file, line) in included.iter().skip(1) {
                message.push_str(&format!("\nnote: included from {file}:{line}"));
            }
            (from, message)
        }
    }
}

/// Returns a note with its position on a separate line, or `None` if it adds nothing to a message at `span`.
fn note_text(note: &Note, source: &Source, span: Span) -> Option<String> {
    let Note { file, place, message } = note;
    // Positions in generated C and in system headers do not help the user.
    let at = match source.span(file, *place) {
        _ if is_ours(file) || file.starts_with('<') => return None,
        Some(at) if at.start().line == 0 || at.start() == span.start() => String::new(),
        Some(at) if at.file() == span.file() => format!(" (line {})", at.start().line),
        Some(at) => format!(" ({}:{})", at.file(), at.start().line),
        None if Path::new(file).is_relative() => format!(" ({})", header(file, *place)),
        None => return None,
    };
    let heads = ["declar", "definition", "to parameter", "from macro", "of macro", "into assembly"];
    let only_points = heads.iter().any(|head| message.contains(head));
    let says_nothing = message.starts_with("each undeclared identifier") || at.is_empty() && only_points;
    (!says_nothing).then(|| format!("\nnote: {message}{at}"))
}

/// Formats a position in a header.
fn header(file: &str, place: Place) -> String {
    format!("{file}:{}:{}", place.0, place.1)
}

/// Returns whether a stretch contains the macro's own C definitions, whose contents do not help the user.
fn is_ours(stretch: &str) -> bool {
    stretch == PRELUDE || stretch == "machine"
}

/// Returns an item that makes rustc report an error.
pub fn error(span: Span, message: &str) -> TokenStream {
    syn::Error::new(span, message).into_compile_error()
}

/// Returns an item that makes rustc warn. On stable Rust, a macro can warn only by using a deprecated item.
pub fn warning(span: Span, message: &str) -> TokenStream {
    // Resolve the span as user code, because rustc does not warn inside macro expansions.
    let span = span.resolved_at(Span::call_site()).located_at(span);
    quote_spanned! {span=>
        const _: () = {
            #[deprecated(note = #message)]
            const C_COMPILER_WARNING: () = ();
            C_COMPILER_WARNING
        };
    }
}
