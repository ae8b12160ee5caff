//! Parses the compilers' messages.

use std::collections::HashMap;

use crate::text::Place;

/// One error or warning, with the notes that belong to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Diagnostic {
    pub error: bool,
    /// The stretch of C or the file that contains it.
    pub file: String,
    pub place: Place,
    pub message: String,
    pub notes: Vec<Note>,
    /// If it is in a header, the lines that include the header, the one in the block first.
    pub included: Vec<Include>,
}

/// The file and the line of an `#include`.
type Include = (String, usize);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub file: String,
    pub place: Place,
    pub message: String,
}

/// Reads `file:line:column: error: message`, the form that gcc and clang share.
pub(super) fn parse(messages: &str) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = Vec::new();
    let mut included: Vec<Include> = Vec::new();
    // gcc states only once where a header is included.
    let mut includes: HashMap<String, Vec<Include>> = HashMap::new();
    for line in messages.lines() {
        let outer = line.strip_prefix("In file included from ");
        if let Some(from) = outer.or_else(|| line.trim_start().strip_prefix("from ")) {
            // The outermost line, which is in the block, comes first with clang and last with gcc.
            let mut parts = from.trim_end_matches([':', ',']).split(':');
            let file = parts.next().unwrap_or_default().to_owned();
            let line = parts.next().and_then(|line| line.parse().ok()).unwrap_or(1);
            let at = if outer.is_some() { included.len() } else { 0 };
            included.insert(at, (file, line));
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
                if !included.is_empty() {
                    includes.insert(file.to_owned(), std::mem::take(&mut included));
                }
                let included = includes.get(file).cloned().unwrap_or_default();
                let (file, message, notes) = (file.into(), message.into(), Vec::new());
                let diagnostic = Diagnostic { error, file, place, message, notes, included };
                all.push(diagnostic);
            }
            _ => {}
        }
    }
    all.iter_mut().for_each(Diagnostic::at_the_use);
    // The members of a family have the same messages.
    let mut different: Vec<Diagnostic> = Vec::new();
    for diagnostic in all {
        if !different.contains(&diagnostic) {
            different.push(diagnostic);
        }
    }
    different
}

impl Diagnostic {
    /// Turns gcc's form of a message about a macro into clang's. clang reports the use of the macro, with notes about the definitions
    /// that it consists of; gcc reports the position in a definition, and lists the macros from there to the use.
    fn at_the_use(&mut self) {
        let of_macro = |note: &Note| Some(note.message.strip_prefix("in expansion of macro ")?.to_owned());
        let expansions: Vec<usize> =
            (0..self.notes.len()).filter(|&index| of_macro(&self.notes[index]).is_some()).collect();
        let Some(outermost) = expansions.last().map(|&index| &self.notes[index]) else { return };
        // A position after the use is that of an argument: a definition precedes its use.
        if self.file == outermost.file && self.place > outermost.place {
            return;
        }
        for index in expansions {
            let note = &mut self.notes[index];
            note.message = of_macro(note).map(|name| format!("expanded from macro {name}")).unwrap_or_default();
            std::mem::swap(&mut self.file, &mut note.file);
            std::mem::swap(&mut self.place, &mut note.place);
        }
        // From the use inwards.
        self.notes.reverse();
    }
}

fn split(line: &str) -> Option<(&str, Place, &str, &str)> {
    // From the left: messages contain colons, but our names of stretches do not, and file names seldom do.
    let mut parts = line.splitn(5, ':');
    let file = parts.next()?;
    let line_number = parts.next()?.parse().ok()?;
    let column = parts.next()?;
    // The assembler that gcc runs states no column.
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
    fn both_compilers_are_where_a_macro_is_used() {
        let clang = "body of uop one:1:5: error: use of undeclared identifier 'no'\n\
                     c block 0:2:9: note: expanded from macro 'OUTER'\n\
                     a.h:1:7: note: expanded from macro 'INNER'\n";
        let gcc = "a.h:1:7: error: use of undeclared identifier 'no'\n\
                   c block 0:2:9: note: in expansion of macro 'INNER'\n\
                   body of uop one:1:5: note: in expansion of macro 'OUTER'\n";
        assert_eq!(parse(gcc), parse(clang));
        assert_eq!(parse(clang)[0].file, "body of uop one");
        let argument = "body of uop one:1:9: error: no\nc block 0:1:4: note: in expansion of macro 'A'\n\
                        body of uop one:1:5: note: in expansion of macro 'B'\n";
        assert_eq!(parse(argument)[0].place, (1, 9));
    }

    #[test]
    fn a_header_is_named_with_its_includes() {
        let gcc = "In file included from a.h:1,\n                 from c block 0:4:\nb.h:7:1: error: no\n\
                   b.h:8:1: error: nor this\n";
        let clang = "In file included from c block 0:4:\nIn file included from a.h:1:\nb.h:7:1: error: no\n\
                     b.h:8:1: error: nor this\n";
        for messages in [gcc, clang] {
            let parsed = parse(messages);
            assert_eq!(parsed.len(), 2);
            for diagnostic in parsed {
                assert_eq!(diagnostic.file, "b.h");
                assert_eq!(diagnostic.included, [("c block 0".into(), 4), ("a.h".into(), 1)]);
            }
        }
    }
}
