//! Subscripts of register arrays: `r[DST]` becomes the macro call `r(DST)`. No position in the text changes.

use super::{Place, Text};

impl Text {
    /// Replaces the brackets after these names by parentheses, except for fields, as in `vm->r[0]`. With `only_macros`, it does so in
    /// definitions of macros only.
    pub fn with_calls(mut self, names: &[String], only_macros: bool) -> Self {
        if names.is_empty() {
            return self;
        }
        let starts: Vec<usize> = std::iter::once(0).chain(self.c.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let tokens: Vec<(Place, &str)> =
            self.tokens.iter().map(|(place, _, text)| (*place, text.trim_end_matches('\u{0}'))).collect();
        let text = |index: usize| tokens.get(index).map_or("", |(_, text)| *text);
        let mut replaced = Vec::new();
        for (index, (place, token)) in tokens.iter().enumerate() {
            let before = |distance: usize| index.checked_sub(distance).map_or("", text);
            // In `offsetof(Vm, r[0])` and `offsetof(struct Vm, r[0])`, too.
            let is_offset = before(1) == "," && (before(4).ends_with("offsetof") || before(5).ends_with("offsetof"));
            let is_field = before(1) == "." || (before(1) == ">" && before(2) == "-") || is_offset;
            if text(index + 1) != "[" || is_field || !names.iter().any(|name| name == token) {
                continue;
            }
            let definition = definition(&tokens, place.0);
            if only_macros && definition.is_none() || definition.is_some_and(|names| names.contains(token)) {
                continue;
            }
            let Some(end) = closing(&tokens, index + 1) else { continue };
            replaced.extend([(tokens[index + 1].0, "("), (tokens[end].0, ")")]);
        }
        for ((line, column), by) in replaced {
            let at = starts.get(line - 1).map_or(usize::MAX, |start| start + column - 1);
            if self.c.get(at..=at).is_some_and(|found| found == "[" || found == "]") {
                self.c.replace_range(at..=at, by);
            }
        }
        self
    }
}

/// Returns the parameters of the macro that a line defines; none if it defines no macro.
fn definition<'t>(tokens: &[(Place, &'t str)], line: usize) -> Option<Vec<&'t str>> {
    let first = tokens.partition_point(|((of, _), _)| *of < line);
    let [(_, "#"), (_, "define"), ((_, column), name), rest @ ..] = &tokens[first..] else { return None };
    let adjacent = |((_, at), text): &(Place, &str)| *text == "(" && *at == column + name.len();
    if !rest.first().is_some_and(adjacent) {
        return Some(Vec::new());
    }
    Some(rest[1..].iter().map(|(_, text)| *text).take_while(|text| *text != ")").collect())
}

/// Returns the index of the bracket that closes this one.
fn closing(tokens: &[(Place, &str)], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    (open..tokens.len()).find(|&index| {
        match tokens[index].1 {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::{Group, TokenStream, TokenTree};

    fn called(body: &str, only_macros: bool) -> String {
        let group: Group = match body.parse::<TokenStream>().unwrap().into_iter().next() {
            Some(TokenTree::Group(group)) => group,
            _ => panic!("not a group"),
        };
        let names = ["r".to_owned(), "x".to_owned()];
        let verbatim = Text::new(&group).with_calls(&names, only_macros).c;
        let spaceless = |text: &str| text.replace([' ', '\n'], "");
        let rebuilt = Text::rebuilt(&group).with_calls(&names, only_macros).c;
        assert_eq!(spaceless(&rebuilt), spaceless(&verbatim), "both texts are treated alike");
        verbatim
    }

    #[test]
    fn subscripts_become_calls() {
        for (body, expected) in [
            ("{ r[DST] = r[SRC] + x[0]; }", " r(DST) = r(SRC) + x(0); "),
            ("{ö(a[r[1]]); r [ 2 ]++; return r[a[1]];}", "ö(a[r(1)]); r ( 2 )++; return r(a[1]);"),
            ("{ vm->r[0] = vm.x[1]; *(r)[0]; a > r[0]; }", " vm->r[0] = vm.x[1]; *(r)[0]; a > r(0); "),
            ("{ a - -r[0]; b->c[r[3]]; .r[0] }", " a - -r(0); b->c[r(3)]; .r[0] "),
            ("{ rr[0]; xr[1]; r(1); r; }", " rr[0]; xr[1]; r(1); r; "),
            (
                "{ offsetof(Vm, r[0]) + __builtin_offsetof(struct Vm, r[0]) }",
                " offsetof(Vm, r[0]) + __builtin_offsetof(struct Vm, r[0]) ",
            ),
        ] {
            assert_eq!(called(body, false), expected);
        }
    }

    #[test]
    fn only_macros_change_outside_of_bodies() {
        let c = "{\n#define TOP r[0]\n#define GET(r) r[1]\n#define SET(v) (r[1] = (v)->r[2])\nint f(int *r) { return r[3]; }\n}";
        let expected = "\n#define TOP r(0)\n#define GET(r) r[1]\n#define SET(v) (r(1) = (v)->r[2])\nint f(int *r) { return r[3]; }\n";
        assert_eq!(called(c, true), expected);
    }
}
