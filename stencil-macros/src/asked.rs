//! Files that C asks for in other ways than by `#include`, which compilers do not list among those that they read.

/// What a source names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Operands of `__has_include`: whether these files are there matters.
    pub names: Vec<String>,
    /// Operands of `__has_embed`, `#embed` and `.incbin`: what is in these files matters.
    pub embeds: Vec<String>,
    /// Something whose result cannot be foreseen from files: which, in C.
    pub unforeseen: Option<String>,
}

/// Operators of the preprocessor that ask for a file.
const OPERATORS: [&str; 3] = ["__has_include", "__has_include_next", "__has_embed"];
/// Macros whose values change by themselves.
const CLOCKS: [&str; 3] = ["__DATE__", "__TIME__", "__TIMESTAMP__"];

impl Asked {
    /// What a source asks for, or may ask for by way of macros.
    pub fn of(c: &str) -> Self {
        let mut asked = Self::default();
        let c = without_comments(c);
        asked.operators(&c);
        asked.embeds(&c);
        asked.assembly(&c);
        asked
    }

    fn name(&mut self, what: &str, operand: Option<&str>) {
        match operand {
            Some(name) if what.starts_with("__has_include") => self.names.push(name.to_owned()),
            Some(name) => self.embeds.push(name.to_owned()),
            None => self.unforeseen = Some(what.to_owned()),
        }
    }

    fn operators(&mut self, c: &str) {
        for (start, word) in words(c) {
            if CLOCKS.contains(&word) {
                self.unforeseen = Some(word.into());
            }
            if !OPERATORS.contains(&word) {
                continue;
            }
            let before = c[..start].trim_end().trim_end_matches('(').trim_end();
            // Whether the operator is there is another question, which only the compiler decides.
            if ["defined", "ifdef", "ifndef"].iter().any(|test| before.ends_with(test)) {
                continue;
            }
            let operand = c[start + word.len()..].trim_start().strip_prefix('(');
            self.name(word, operand.and_then(|operand| delimited(operand.trim_start())));
        }
    }

    fn embeds(&mut self, c: &str) {
        for line in c.lines() {
            let directive = line.trim_start().strip_prefix('#').map(str::trim_start);
            if let Some(operand) = directive.and_then(|directive| directive.strip_prefix("embed")) {
                self.name("#embed", delimited(operand.trim_start()));
            }
        }
    }

    /// Directives of the assembler, which stand in strings that may be put together from parts.
    fn assembly(&mut self, c: &str) {
        let c = joined_strings(c);
        // Of the same length: directives may be written in capitals.
        let lower = c.to_ascii_lowercase();
        if lower.contains(".include") {
            self.unforeseen = Some(".include".into());
        }
        for (start, _) in lower.match_indices("incbin") {
            let operand = c[start + "incbin".len()..].trim_start().strip_prefix("\\\"");
            let name =
                operand.and_then(|rest| Some(rest.split_once("\\\"")?.0)).filter(|name| !name.contains(['%', '\\']));
            self.name(".incbin", name);
        }
    }
}

/// The name in `"..."` or `<...>` that a text begins with.
fn delimited(text: &str) -> Option<&str> {
    let end = match text.chars().next()? {
        '"' => '"',
        '<' => '>',
        _ => return None,
    };
    let (name, _) = text[1..].split_once(end)?;
    (!name.is_empty() && !name.contains('\n')).then_some(name)
}

/// The words of a source, and where they begin.
fn words(c: &str) -> impl Iterator<Item = (usize, &str)> {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    c.split(move |character| !part(character))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr().addr() - c.as_ptr().addr(), word))
}

/// A source with one space for each comment, and its continued lines joined.
fn without_comments(c: &str) -> String {
    let c = c.replace("\\\r\n", "").replace("\\\n", "");
    let (mut text, mut rest) = (String::with_capacity(c.len()), c.as_str());
    while let Some(next) = rest.find(['"', '\'', '/']) {
        text.push_str(&rest[..next]);
        rest = &rest[next..];
        let length = match rest.as_bytes() {
            [b'/', b'*', ..] => {
                text.push(' ');
                rest = rest[2..].split_once("*/").map_or("", |(_, rest)| rest);
                continue;
            }
            [b'/', b'/', ..] => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            [quote @ (b'"' | b'\''), body @ ..] => literal(body, *quote) + 1,
            _ => 1,
        };
        text.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    text + rest
}

/// The bytes of a literal behind its opening quote, up to the closing one or the end of the line.
fn literal(body: &[u8], quote: u8) -> usize {
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        match byte {
            b'\\' if body.get(at + 1).is_some_and(u8::is_ascii) => at += 2,
            b'\n' => return at,
            _ if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    body.len()
}

/// A source in which strings that follow each other are one.
fn joined_strings(c: &str) -> String {
    let parts: Vec<&str> = c.split('"').collect();
    let mut text = String::with_capacity(c.len());
    let mut joined = false;
    for (index, part) in parts.iter().enumerate() {
        let between = index > 0 && index + 1 < parts.len() && part.trim().is_empty() && !text.ends_with('\\');
        if between {
            joined = true;
            continue;
        }
        if index > 0 && !std::mem::take(&mut joined) {
            text.push('"');
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(c: &str) -> Vec<String> {
        let asked = Asked::of(c);
        assert_eq!(asked.unforeseen, None, "{c}");
        [asked.names, asked.embeds].concat()
    }

    #[test]
    fn names_of_files_are_found() {
        assert_eq!(names("#if __has_include(\"a.h\") || __has_include_next( <b/c.h> )\n#endif"), ["a.h", "b/c.h"]);
        assert_eq!(names("#if __has_include\\\n (<a.h>)"), ["a.h"]);
        assert_eq!(names("x[] = {\n #  embed \"data\" limit(3)\n};\n#if __has_embed(<d>)\n#endif"), ["d", "data"]);
        assert_eq!(names(r#"asm(".incbin \"Data.bin\"\n");"#), ["Data.bin"]);
        assert_eq!(names(r#"asm(".in" "cbin " "\"data.bin\", 4");"#), ["data.bin"]);
    }

    #[test]
    fn what_asks_for_nothing_is_left_alone() {
        for c in [
            "// __has_include(X)\n/* #embed\n __has_embed(X) */ int a = '\"';",
            "#ifdef __has_include\n#endif\n#if defined(__has_include) && defined __has_embed\n#endif",
            "int my__has_include(void); int x__DATE__; char s[] = \"\\\"\"; int embed;",
            "#include <a.h>\n",
        ] {
            assert_eq!(names(c), [""; 0], "{c}");
        }
    }

    #[test]
    fn what_macros_decide_cannot_be_foreseen() {
        for c in [
            "#define HAS __has_include\n#if HAS(\"a.h\")",
            "#if __has_include(NAME)",
            "#embed NAME",
            "asm(\".incbin \" NAME);",
            "asm(\".INCBIN \" #x);",
            "asm(\".include \\\"x.s\\\"\");",
            "char when[] = __DATE__;",
        ] {
            assert!(Asked::of(c).unforeseen.is_some(), "{c}");
        }
    }
}
