//! Finds code in Rust source without parsing it: replaces comments and literals by spaces.

/// Replaces comments and literals in a source by spaces, so that each character keeps its line and column. (rustc's
/// tokens of a string do not have their positions in it.)
pub fn blanked(source: &str) -> Vec<char> {
    let source: Vec<char> = source.chars().collect();
    let mut blanked = source.clone();
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|&character| character == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => comment(rest),
            ['r', '"' | '#', ..] if at == 0 || !is_part(source[at - 1]) => raw_string(rest),
            ['"', ..] => quoted(rest),
            // Otherwise it is a lifetime.
            ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(rest),
            _ => 0,
        };
        let end = (at + length).min(source.len());
        for character in &mut blanked[at..end] {
            if *character != '\n' {
                *character = ' ';
            }
        }
        at = end.max(at + 1);
    }
    blanked
}

/// Returns whether a character may be part of a name.
pub fn is_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns the length of a comment, which may contain other comments.
fn comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// Returns the length of a quoted literal.
fn quoted(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != text[0] {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Returns the length of a raw string, or 0 for a raw identifier.
fn raw_string(text: &[char]) -> usize {
    let hashes = text[1..].iter().take_while(|&&character| character == '#').count();
    if text.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = &text[2 + hashes..];
    body.windows(end.len()).position(|window| window == end).map_or(text.len(), |at| 2 + hashes + at + end.len())
}
