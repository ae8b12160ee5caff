//! Source text to tokens.

use std::fmt;

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

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Int(value) => write!(f, "`{value}`"),
            Self::Float(value) => write!(f, "`{value:?}`"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Symbol(symbol) => write!(f, "`{symbol}`"),
            Self::End => f.write_str("the end of the program"),
        }
    }
}

/// Symbols. A symbol comes before its own prefixes.
const SYMBOLS: [&str; 22] =
    ["==", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", ";", "!", "."];

/// Splits a source into tokens, each with its line.
///
/// # Errors
/// The line, and the text that is not a token.
pub fn tokens(source: &str) -> Result<Vec<(Token, usize)>, String> {
    let mut tokens = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with('#') {
            let (token, length) =
                token(rest).ok_or_else(|| format!("line {}: expected a token, found {rest:?}", number + 1))?;
            tokens.push((token, number + 1));
            rest = rest[length..].trim_start();
        }
    }
    tokens.push((Token::End, source.lines().count().max(1)));
    Ok(tokens)
}

/// Returns the first token of a line, and its length.
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
