//! Source text to tokens.

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name or a keyword.
    Name(String),
    Int(i64),
    Float(f64),
    Text(String),
    Symbol(&'static str),
    End,
}

/// Symbols. A symbol comes before its own prefixes.
const SYMBOLS: [&str; 22] =
    ["==", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", ";", "!", "."];

/// Splits a source into tokens, each with its line.
///
/// # Errors
/// What is not a token, and in which line.
pub fn tokens(source: &str) -> Result<Vec<(Token, usize)>, String> {
    let mut tokens = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with('#') {
            let (token, length) = token(rest).ok_or_else(|| format!("line {}: what is {rest:?}?", number + 1))?;
            tokens.push((token, number + 1));
            rest = rest[length..].trim_start();
        }
    }
    tokens.push((Token::End, source.lines().count()));
    Ok(tokens)
}

/// The first token of a source, and its length.
fn token(text: &str) -> Option<(Token, usize)> {
    let span = |belongs: fn(char) -> bool| text.find(|c| !belongs(c)).unwrap_or(text.len());
    match text.chars().next()? {
        '"' => {
            let length = text[1..].find('"')?;
            Some((Token::Text(text[1..=length].into()), length + 2))
        }
        '0'..='9' => {
            let length = span(|c| c.is_ascii_digit() || c == '.');
            let number = &text[..length];
            let token = match number.contains('.') {
                true => Token::Float(number.parse().ok()?),
                false => Token::Int(number.parse().ok()?),
            };
            Some((token, length))
        }
        c if c.is_alphabetic() || c == '_' => {
            let length = span(|c| c.is_alphanumeric() || c == '_');
            Some((Token::Name(text[..length].into()), length))
        }
        _ => {
            let symbol = SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol))?;
            Some((Token::Symbol(symbol), symbol.len()))
        }
    }
}
