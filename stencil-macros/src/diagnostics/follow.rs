//! Removes messages that only follow from others.

use super::parse::Diagnostic;
use super::words::{is_undeclared_macro, not_a_label};
use crate::source::Source;

/// Removes messages that follow from a wrong use of our macros. A macro with too many arguments is not expanded, and then
/// undeclared as well. An undefined macro counts as 0 in a condition, and takes no arguments. A wrong label is used twice, and
/// leaves a `return` of the wrong type.
pub(super) fn drop_misused_macros(diagnostics: &mut Vec<Diagnostic>) {
    let misused = |file: &str, all: &[Diagnostic]| {
        let counts = ["function-like macro invocation", "arguments, but takes"];
        all.iter().any(|other| other.file == file && counts.iter().any(|count| other.message.contains(count)))
    };
    // A complaint about the arguments of an undefined macro.
    let called = |d: &Diagnostic, all: &[Diagnostic]| {
        let calls = ["function-like macro '", "missing binary operator before token \"(\""];
        let same = |other: &&Diagnostic| other.file == d.file && other.place.0 == d.place.0;
        calls.iter().any(|call| d.message.contains(call))
            && all.iter().filter(same).any(|other| other.message.contains("is not defined, evaluates to 0"))
    };
    let undeclared = |name: &str, all: &[Diagnostic]| {
        let says = [format!("'{name}' undeclared"), format!("undeclared identifier '{name}'")];
        all.iter().any(|other| says.iter().any(|said| other.message.contains(said)))
    };
    let drop: Vec<bool> = (diagnostics.iter())
        .map(|d| {
            is_undeclared_macro(&d.message).is_some() && misused(&d.file, diagnostics)
                || not_a_label(&d.message).is_some_and(|name| undeclared(name, diagnostics))
                || called(d, diagnostics)
                || d.message.starts_with("'return' with") && d.notes.iter().any(|note| note.file == "machine")
        })
        .collect();
    let mut drop = drop.into_iter();
    diagnostics.retain(|_| !drop.next().unwrap_or(false));
}

/// Keeps one message for each type that C lacks, in place of one for each of its uses.
pub(super) fn one_for_missing_types(diagnostics: &mut Vec<Diagnostic>, source: &Source) {
    let missing: Vec<String> = (diagnostics.iter())
        .filter(|diagnostic| diagnostic.error)
        .filter_map(|diagnostic| source.missing_type(&diagnostic.file).map(str::to_owned))
        .collect();
    for name in missing {
        let mut first = true;
        diagnostics.retain_mut(|diagnostic| {
            if source.missing_type(&diagnostic.file) == Some(&name) {
                diagnostic.message = format!(
                    "there is no C type `{name}`, but `..` says that C declares it: declare it in a `c {{ }}` block or in a \
                     header"
                );
                diagnostic.notes.clear();
                return std::mem::take(&mut first);
            }
            let layout = format!("layout of {name}");
            let follows =
                diagnostic.file.strip_prefix(&layout).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
            // Our own declarations with that type are wrong, too.
            let ours = diagnostic.file == "machine" || source.is_made(&diagnostic.file) && follows;
            !ours && !diagnostic.message.contains(&format!("'{name}'"))
        });
    }
}
