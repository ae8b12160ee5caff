//! Parses the messages of gcc and clang.

use std::collections::HashMap;

use crate::text::Place;

/// One error or warning, with its notes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Diagnostic {
    pub error: bool,
    /// The stretch of C, or the file, that the position refers to.
    pub file: String,
    pub place: Place,
    pub message: String,
    pub notes: Vec<Note>,
    /// For a position in a header: the chain of `#include` lines that leads to it, starting in the block.
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

/// Parses messages of the form `file:line:column: error: message`, which gcc and clang share.
pub(super) fn parse(messages: &str) -> Vec<Diagnostic> {
    let mut all: Vec<Diagnostic> = Vec::new();
    let mut included: Vec<Include> = Vec::new();
    // gcc prints the include chain of a header only once.
    let mut includes: HashMap<String, Vec<Include>> = HashMap::new();
    for line in messages.lines() {
        let outer = line.strip_prefix("In file included from ");
        if let Some(from) = outer.or_else(|| line.trim_start().strip_prefix("from ")) {
            // clang prints the outermost line, which is in the block, first; gcc prints it last.
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
    // All members of a family produce the same messages.
    let mut different: Vec<Diagnostic> = Vec::new();
    for diagnostic in all {
        if !different.contains(&diagnostic) {
            different.push(diagnostic);
        }
    }
    different
}

impl Diagnostic {
    /// Converts gcc's form of a message about a macro into clang's. clang reports the use of the macro, with notes
    /// about the definitions involved. gcc reports the position in a definition, and lists the macros from there out to
    /// the use.
    fn at_the_use(&mut self) {
        let of_macro = |note: &Note| Some(note.message.strip_prefix("in expansion of macro ")?.to_owned());
        let expansions: Vec<usize> =
            (0..self.notes.len()).filter(|&index| of_macro(&self.notes[index]).is_some()).collect();
        let Some(outermost) = expansions.last().map(|&index| &self.notes[index]) else { return };
        // A definition precedes its use, so a position after the use must be that of an argument.
        if self.file == outermost.file && self.place > outermost.place {
            return;
        }
        for index in expansions {
            let note = &mut self.notes[index];
            note.message = of_macro(note).map(|name| format!("expanded from macro {name}")).unwrap_or_default();
            std::mem::swap(&mut self.file, &mut note.file);
            std::mem::swap(&mut self.place, &mut note.place);
        }
        // List the notes from the use inwards.
        self.notes.reverse();
    }
}

fn split(line: &str) -> Option<(&str, Place, &str, &str)> {
    // Split from the left: messages contain colons, but stretch names do not, and file names rarely do.
    let mut parts = line.splitn(5, ':');
    let file = parts.next()?;
    let line_number = parts.next()?.parse().ok()?;
    let column = parts.next()?;
    // The assembler, which gcc runs, prints no column.
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
    fn both_compilers_report_the_use_of_a_macro() {
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
