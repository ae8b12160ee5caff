//! Messages about the indices of register arrays.

use std::collections::HashSet;

use super::parse::Diagnostic;
use super::typo;
use crate::ast::Block;
use crate::source::INDEX;

/// Reduces failed assertions about indices to their text, on the token of the index. Of the members of a family that fail at one place,
/// the first is reported.
pub(super) fn translate(diagnostics: &mut Vec<Diagnostic>) {
    drop_consequences(diagnostics);
    let mut seen = HashSet::new();
    diagnostics.retain_mut(|diagnostic| {
        let Some((_, text)) = diagnostic.message.split_once(INDEX) else { return true };
        let text = text.trim_end_matches('"').replace("\\\"", "\"");
        let array = text.split_once("of `").and_then(|(_, rest)| rest.split_once('[')).map_or("", |(array, _)| array);
        let is_used =
            diagnostic.notes.first().is_some_and(|note| note.message == format!("expanded from macro '{array}'"));
        if is_used {
            // From the array's name to the token behind the bracket.
            diagnostic.place.1 += array.len() + 1;
        }
        diagnostic.message = text;
        diagnostic.notes.retain(|note| note.message.starts_with("expanded from macro"));
        seen.insert((diagnostic.file.clone(), diagnostic.place))
    });
}

/// What gcc says of our macros if the index is itself a mistake.
const CONSEQUENCES: [&str; 3] = [
    "expression in static assertion is not an integer",
    "expression in static assertion is not constant",
    "first argument to '__builtin_choose_expr' not a constant",
];

/// Removes consequences of a mistake on the same line.
fn drop_consequences(diagnostics: &mut Vec<Diagnostic>) {
    let follows = |diagnostic: &Diagnostic| {
        CONSEQUENCES.contains(&&*diagnostic.message) && diagnostic.notes.iter().any(|note| note.file == "machine")
    };
    let line = |diagnostic: &Diagnostic| (diagnostic.file.clone(), diagnostic.place.0);
    let mistakes: HashSet<_> = diagnostics.iter().filter(|diagnostic| !follows(diagnostic)).map(line).collect();
    diagnostics.retain(|diagnostic| !follows(diagnostic) || !mistakes.contains(&line(diagnostic)));
}

/// Writes the names of elements as bodies do, and explains an array that the compiler calls undeclared, because no index follows.
pub(super) fn name(diagnostic: &mut Diagnostic, block: &Block) {
    for field in block.machine.parameters.iter().filter(|field| field.element.is_some()) {
        let quoted = |name: &str| format!("'{name}'");
        let (internal, text) = (quoted(&field.name.to_string()), quoted(&field.text()));
        let notes = diagnostic.notes.iter_mut().map(|note| &mut note.message);
        for message in notes.chain([&mut diagnostic.message]).filter(|message| message.contains(&internal)) {
            *message = message.replace(&internal, &text);
        }
    }
    let Some(name) = typo::undeclared(&diagnostic.message) else { return };
    if block.machine.arrays.iter().any(|array| array.name == name) {
        diagnostic.message = format!(
            "`{name}` is an array of registers, which has no address: index it by a constant or by a parameter of the family, `{name}[0]`, or `{name}(0)` in a header"
        );
        diagnostic.notes.clear();
    }
}
