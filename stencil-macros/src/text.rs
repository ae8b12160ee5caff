//! C in braces: its text as it was typed, and the token at each position in it.
//!
//! [`Span::source_text`] returns the text verbatim, with comments, line breaks and preprocessor lines. It may be missing (an
//! editor's macro server may not know it) or wrong: for a `macro_rules!` transcriber it is the text of the transcriber, in
//! which `$x` stands for itself. Then the text is rebuilt from the tokens, each on its own line, so positions still lead to tokens.

mod subscript;

use proc_macro2::{Delimiter, Group, LineColumn, Spacing, Span, TokenStream, TokenTree};

/// C text and its tokens.
#[derive(Clone)]
pub struct Text {
    pub c: String,
    /// The position in `c` at which each token starts, in ascending order.
    tokens: Vec<(Place, Span, String)>,
    whole: Span,
}

/// A position in C: the line and the column in bytes, both counted from 1, as C compilers count.
pub type Place = (usize, usize);

/// Whether an editor's macro server hides the positions of tokens. Then the line breaks of a body, which preprocessor directives
/// need, are unknown, too.
pub fn stands_nowhere(token: Span) -> bool {
    // A token has at least one character.
    token.start() == token.end()
}

impl Text {
    /// The text between the braces of a group.
    pub fn new(group: &Group) -> Self {
        Self::verbatim(group).unwrap_or_else(|| Self::rebuilt(group))
    }

    fn verbatim(group: &Group) -> Option<Self> {
        let source = group.span().source_text()?;
        let c = source.strip_prefix('{')?.strip_suffix('}')?.to_owned();
        let typed: TokenStream = c.parse().ok()?;
        if !same(typed, group.stream()) {
            return None;
        }
        // A macro may get spans without positions, which do not distinguish tokens.
        let start = group.span_open().start();
        let lines: Vec<&str> = c.split('\n').collect();
        let place = |at: LineColumn| -> Option<Place> {
            let line = at.line.checked_sub(start.line)?;
            // Columns of spans count characters. The first line of the text begins after the brace.
            let before = if line == 0 { start.column + 1 } else { 0 };
            let text = lines.get(line)?;
            let (byte, _) = text.char_indices().nth(at.column.checked_sub(before)?)?;
            Some((line + 1, byte + 1))
        };
        let mut tokens = Vec::new();
        each_token(group.stream(), &mut |span, text| {
            tokens.extend(place(span.start()).map(|place| (place, span, text)));
        });
        Some(Self { c, tokens, whole: group.span() })
    }

    fn rebuilt(group: &Group) -> Self {
        let mut text = Self { c: String::new(), tokens: Vec::new(), whole: group.span() };
        let mut at: Place = (1, 1);
        let mut all = Vec::new();
        each_token(group.stream(), &mut |span, token| all.push((span, token)));
        // The arguments of a `macro_rules!` macro are on other lines than the braces.
        let (open, close) = (group.span_open(), group.span_close());
        let lines = open.start().line..=close.end().line;
        let is_own = |span: &Span| span.file() == open.file() && lines.contains(&span.start().line);
        let (mut last, mut last_own): (Option<Span>, Option<Span>) = (None, None);
        let mut joined = false;
        for (index, (span, token)) in all.iter().enumerate() {
            if let Some(last) = last {
                // Positions of a macro and of its use cannot be compared.
                let (here, there) = match (last_own, is_own(&last), is_own(span)) {
                    (Some(own), _, true) => (own, *span),
                    // The token after the argument tells whether the line continues.
                    (Some(own), true, false) => {
                        let behind = all[index..].iter().map(|(span, _)| *span).find(|span| is_own(span));
                        (own, behind.filter(|behind| behind.start().line == own.end().line).unwrap_or(*span))
                    }
                    _ => (last, *span),
                };
                // Adjacent tokens stay adjacent: `F(x)` and `F (x)` differ in a `#define`.
                let (end, start) = (last.end(), span.start());
                let adjacent = end == start && last.start() != end && last.file() == span.file();
                if here.end().line != there.start().line {
                    text.c.push('\n');
                    at = (at.0 + 1, 1);
                } else if !joined && !adjacent {
                    text.c.push(' ');
                    at.1 += 1;
                }
            }
            last = Some(*span);
            last_own = Some(*span).filter(is_own).or(last_own);
            joined = token.ends_with('\u{0}');
            let token = token.trim_end_matches('\u{0}').to_owned();
            text.c.push_str(&token);
            at.1 += token.len();
            text.tokens.push(((at.0, at.1 - token.len()), *span, token));
        }
        text
    }

    /// The token at a position, or the last one before it; at column 0, the first one after it.
    pub fn span_at(&self, place: Place) -> Span {
        if place.1 == 0 {
            let from = self.tokens.partition_point(|(start, ..)| *start < place);
            return self.tokens.get(from).map_or(self.whole, |token| token.1);
        }
        let after = self.tokens.partition_point(|(start, ..)| *start <= place);
        after.checked_sub(1).map_or(self.whole, |index| self.tokens[index].1)
    }

    /// The first token with this spelling.
    pub fn find(&self, token: &str) -> Option<Span> {
        self.tokens.iter().find(|(_, _, text)| text.trim_end_matches('\u{0}') == token).map(|(_, span, _)| *span)
    }
}

/// Returns the first name that a group takes the address of, `&name`, among those that `counts` accepts.
pub fn address_taken(group: &Group, counts: impl Fn(&str) -> bool + Copy) -> Option<String> {
    // Whether the token before an `&` ends an expression, so that the `&` has two operands.
    let (mut ends, mut takes) = (false, false);
    let mut tokens = group.stream().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Group(inner) => {
                if let Some(name) = address_taken(inner, counts) {
                    return Some(name);
                }
                (ends, takes) = (inner.delimiter() != Delimiter::Brace, false);
            }
            TokenTree::Punct(punct) => {
                let ampersand = punct.as_char() == '&';
                let first = ampersand && punct.spacing() == Spacing::Joint;
                // The second `&` of `&&` follows the first as if that ended an expression.
                (takes, ends) = (ampersand && !first && !ends, first);
            }
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                // The address of a field or an element is not that of the name alone.
                let whole = !matches!(tokens.peek(), Some(TokenTree::Punct(next)) if "-.".contains(next.as_char()))
                    && !matches!(tokens.peek(), Some(TokenTree::Group(_)));
                if takes && whole && counts(&name) {
                    return Some(name);
                }
                (ends, takes) = (name != "return", false);
            }
            TokenTree::Literal(_) => (ends, takes) = (true, false),
        }
    }
    None
}

/// Returns the first place where a group calls a function or a macro of this name.
pub fn call(group: &Group, name: &str) -> Option<Span> {
    let mut last = None;
    for token in group.stream() {
        if let TokenTree::Group(inner) = &token {
            if inner.delimiter() == Delimiter::Parenthesis && last.is_some() {
                return last;
            }
            if let Some(found) = call(inner, name) {
                return Some(found);
            }
        }
        last = match token {
            TokenTree::Ident(ident) if ident == name => Some(ident.span()),
            _ => None,
        };
    }
    None
}

/// The names and numbers in a stream.
pub fn words(stream: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    each_token(stream, &mut |_, text| {
        if text.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            words.push(text);
        }
    });
    words
}

/// Calls `visit` with each token and delimiter. A NUL, which no token contains, follows a punctuation character that is joined
/// to the next one.
fn each_token(stream: TokenStream, visit: &mut impl FnMut(Span, String)) {
    for token in stream {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                if !open.is_empty() {
                    visit(group.span_open(), open.into());
                }
                each_token(group.stream(), visit);
                if !close.is_empty() {
                    visit(group.span_close(), close.into());
                }
            }
            TokenTree::Punct(punct) => {
                let joint = if punct.spacing() == proc_macro2::Spacing::Joint { "\u{0}" } else { "" };
                visit(punct.span(), format!("{}{joint}", punct.as_char()));
            }
            other => visit(other.span(), other.to_string()),
        }
    }
}

/// Whether two streams have the same tokens, apart from spacing and spans.
fn same(left: TokenStream, right: TokenStream) -> bool {
    let texts = |stream| {
        let mut texts = Vec::new();
        each_token(stream, &mut |_, text| texts.push(text.trim_end_matches('\u{0}').to_owned()));
        texts
    };
    texts(left) == texts(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(source: &str) -> Group {
        match source.parse::<TokenStream>().unwrap().into_iter().next() {
            Some(TokenTree::Group(group)) => group,
            _ => panic!("not a group"),
        }
    }

    const BODY: &str = "{ a->b += 'x'; // why\n#if 1\n\tö(&c);\n#endif\n}";

    #[test]
    fn text_is_verbatim() {
        let text = Text::new(&group(BODY));
        assert_eq!(text.c, BODY[1..BODY.len() - 1]);
        assert_eq!(text.span_at((1, 5)).source_text().unwrap(), "b");
        assert_eq!(text.span_at((3, 2)).source_text().unwrap(), "ö");
        assert_eq!(text.span_at((3, 5)).source_text().unwrap(), "&", "columns count bytes");
        assert_eq!(text.span_at((3, 6)).source_text().unwrap(), "c");
        assert_eq!(text.find("c").unwrap().start().line, 3);
    }

    #[test]
    fn tokens_that_were_typed_stand_somewhere() {
        assert!(!stands_nowhere(group(BODY).span_open()));
        assert!(stands_nowhere(Span::call_site()), "not read from a file");
    }

    #[test]
    fn tokens_of_two_files_do_not_stand_together() {
        let mut tokens: TokenStream = "f32x4".parse().unwrap();
        tokens.extend("     a - b".parse::<TokenStream>().unwrap());
        assert_eq!(Text::rebuilt(&Group::new(proc_macro2::Delimiter::Brace, tokens)).c, "f32x4 a - b");
    }

    #[test]
    fn arguments_of_a_macro_do_not_end_a_line() {
        let lines = "{\n#define A(b) (b /* given */ 1)\n#if A\ngiven\n#endif\n}".replace("/* given */", "given");
        let own = group(&lines);
        // Both `given` come from elsewhere: the first between tokens of a line, the second on a line of its own.
        let elsewhere: TokenStream = "\n\n\n\n\n\n\n\n  %".parse().unwrap();
        let elsewhere = elsewhere.into_iter().next().unwrap().span();
        fn replaced(stream: TokenStream, by: Span) -> TokenStream {
            let replace = |token| match token {
                TokenTree::Ident(name) if name == "given" => proc_macro2::Ident::new("given", by).into(),
                TokenTree::Group(group) => {
                    let mut inner = Group::new(group.delimiter(), replaced(group.stream(), by));
                    inner.set_span(group.span());
                    inner.into()
                }
                token => token,
            };
            stream.into_iter().map(replace).collect()
        }
        let mut group = Group::new(own.delimiter(), replaced(own.stream(), elsewhere));
        group.set_span(own.span());
        assert_eq!(Text::rebuilt(&group).c, "#define A(b) (b given 1)\n#if A\ngiven\n#endif");
    }

    #[test]
    fn text_is_rebuilt_line_by_line() {
        let text = Text::rebuilt(&group(BODY));
        assert_eq!(text.c, "a->b += 'x';\n#if 1\nö(&c);\n#endif");
        assert_eq!(text.span_at((3, 5)).source_text().unwrap(), "c");
    }

    #[test]
    fn addresses_of_variables_are_found() {
        let found = |body: &str| address_taken(&group(body), |name| name != "operand");
        for (body, name) in [
            ("{ f(&x); }", Some("x")),
            ("{ if (a & b) f(1, &y); }", Some("y")),
            ("{ a = b & c; d = (e) & f; g = h[1] & i; }", None),
            ("{ f(&operand, &s->field, &t.field, &u[2]); }", None),
            ("{ return &z; }", Some("z")),
            ("{ { a && b; } &v; }", Some("v")),
        ] {
            assert_eq!(found(body).as_deref(), name, "{body}");
        }
    }
}
