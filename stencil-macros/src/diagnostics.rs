//! What a C compiler has to say, as messages on Rust tokens.

use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

use crate::source::Source;
use crate::text::Place;

/// One error or warning, with the notes that belong to it.
#[derive(Debug, PartialEq, Eq)]
struct Diagnostic {
    error: bool,
    /// The stretch of C or the file that it is in.
    file: String,
    place: Place,
    message: String,
    /// The place of the `#include` in our text, if it is in a header.
    included: Option<(String, usize)>,
}

/// The items that make rustc report all that the compiler said, each on its token; and whether an error is
/// among them.
pub fn report(messages: &str, source: &Source, include: &[PathBuf], fallback: Span) -> (TokenStream, bool) {
    let diagnostics = parse(messages);
    // Headers as people would write them, not by where the crate happens to be.
    let relative = |file: &str| {
        let file = Path::new(file);
        let inside = include.iter().find_map(|directory| file.strip_prefix(directory).ok());
        inside.unwrap_or(file).display().to_string()
    };
    let any_error = diagnostics.iter().any(|diagnostic| diagnostic.error);
    let items = diagnostics.iter().map(|diagnostic| {
        let (file, place) = (&diagnostic.file, diagnostic.place);
        let (span, message) = match (source.span(file, place), &diagnostic.included) {
            (Some(span), _) => (span, diagnostic.message.clone()),
            (None, included) => {
                let from = included.as_ref().and_then(|(file, line)| source.span(file, (*line, usize::MAX)));
                let message = format!("{}:{}:{}: {}", relative(file), place.0, place.1, diagnostic.message);
                (from.unwrap_or(fallback), message)
            }
        };
        if diagnostic.error { error(span, &format!("C: {message}")) } else { warning(span, &message) }
    });
    (items.collect(), any_error)
}

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
                // Where a macro of ours is defined helps nobody.
                if let Some(last) = all.last_mut().filter(|_| !file.starts_with("the prelude") && file != "machine") {
                    let note = format!("\nnote: {message}");
                    if !last.message.contains(&note) {
                        last.message.push_str(&note);
                    }
                }
                continue;
            }
            "error" | "fatal error" | "warning" => {
                let error = level != "warning";
                let included = included.take();
                let diagnostic = Diagnostic { error, file: file.into(), place, message: message.into(), included };
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
    let head = |diagnostic: &Diagnostic| diagnostic.message.lines().next().map(str::to_owned);
    left.file == right.file && left.place == right.place && head(left) == head(right)
}

fn split(line: &str) -> Option<(&str, Place, &str, &str)> {
    // From the left, since messages have colons; file names of ours have none, those of others seldom.
    let mut parts = line.splitn(5, ':');
    let file = parts.next()?;
    let place = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let level = parts.next()?.trim();
    Some((file, place, level, parts.next()?.trim()))
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
        assert_eq!(parsed[1].message, "unused variable 'y' [-Wunused-variable]\nnote: it: is here");
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
