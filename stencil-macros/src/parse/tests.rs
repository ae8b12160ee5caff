//! What the parser makes of blocks, whole and broken.

use super::*;

fn messages(text: &str) -> (Block, Vec<String>) {
    let (block, _) = block(text.parse().unwrap(), Conditions::default()).unwrap();
    let messages = block.mistakes.errors.iter().map(|error| {
        let at = error.span().start();
        format!("{}:{}: {error}", at.line, at.column)
    });
    let messages = messages.collect();
    (block, messages)
}

#[test]
fn all_items_parse() {
    let (block, messages) = messages(
        "#![c_flags(\"-O1\", \"-g\")] pub machine A(x: u64,) -> u64; c { int a; } include \"a.h\"; struct S { a: u8 } \
         extern fn f(a: u64) -> u64 = a::b; struct T = b::T { a: u8, .. } pub uop one<const N: 1..=2,>(a: u64) \
         where N > 1 { x = a; }",
    );
    assert_eq!(messages, [""; 0]);
    assert_eq!((block.flags.len(), block.order.len(), block.uops.len()), (2, 5, 1));
    assert_eq!(block.uops[0].members(), [[1], [2]]);
    assert!(block.structs[1].in_c);
}

#[test]
fn parsing_goes_on_after_a_mistake() {
    let (block, messages) = messages(
        "machine A(x: u64);\nuop one(a) {}\nuop two()\nuop three() {}\nfn four() {}\nuop five<const N: 1..1>() {}\n\
         struct S;\nuop six(a: &u8) {}\n",
    );
    assert_eq!(messages.len(), 5, "{messages:#?}");
    let places: Vec<_> = messages.iter().map(|message| message.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["2:9", "4:0", "5:0", "6:21", "7:8"]);
    let names: Vec<_> = block.uops.iter().map(|uop| uop.name.to_string()).collect();
    assert_eq!(names, ["three", "five", "six"]);
    let unparsed: Vec<_> = block.mistakes.uops.iter().map(|uop| (uop.name.to_string(), uop.arity)).collect();
    assert_eq!(unparsed, [("one".into(), 1), ("two".into(), 0)]);
}

#[test]
fn arity_of_items_that_do_not_parse() {
    for (uop, arity) in [
        ("uop u(a, b) {}", 2),
        ("uop u(a: u8; b: u8) {}", 1),
        ("uop u(a, b,);", 2),
        ("uop u<const N>(a) {}", 2),
        ("pub uop u {}", 0),
    ] {
        let (block, _) = messages(&format!("machine A(); {uop}"));
        assert_eq!(block.mistakes.uops.len(), 1, "{uop}");
        assert_eq!(block.mistakes.uops[0].arity, arity, "{uop}");
    }
}

/// The stream with other tokens in place of its `n`th one, and whether it has that many. Groups count before their content.
fn replaced(stream: TokenStream, n: &mut usize, by: &TokenStream) -> (TokenStream, bool) {
    let mut found = false;
    let mut rest = TokenStream::new();
    for token in stream {
        if !found && *n == 0 {
            found = true;
            rest.extend(by.clone());
            continue;
        }
        *n = n.wrapping_sub(usize::from(!found));
        let token = match token {
            TokenTree::Group(group) if !found => {
                let (inner, inside) = replaced(group.stream(), n, by);
                found = inside;
                Group::new(group.delimiter(), inner).into()
            }
            token => token,
        };
        rest.extend([token]);
    }
    (rest, found)
}

const BLOCK: &str = "#![c_flags(\"-O1\")] #![stencil(crate = a::b, no_calls)] #[operands(3)] pub machine A(x: u64, p: *mut S, r: [i64; R] = -1) -> u64; \
    const R = a::R: usize = 2; enum E { A, B = 4 } c { int a; } include \"a.h\"; pub struct S { a: [u8; 3] } extern fn f(a: u64) -> u64 = a::b; \
    struct T = b::T { a: u8, .. } #[cfg(all(unix, not(windows)))] #[stencil(max_code = 3)] /** Doc. */ \
    pub uop one<const N: 1..=2, #[cfg(unix)] const M: 0..R, const O: E>(a: u64, #[cfg_attr(unix, cfg(unix))] l: Label) \
    where N > 1 { x = a; } uop two() {}";

/// Parses, checks and expands a block, whatever its mistakes.
fn expands(tokens: &TokenStream) -> Block {
    let (block, conditions) =
        super::block(tokens.clone(), Conditions::default()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    let _ = (conditions.steps(), crate::check::check(&block));
    let items = crate::expand::stub::expand(&block, false);
    syn::parse2::<syn::File>(items.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}: {items}"));
    block
}

#[test]
fn every_missing_token_is_a_mistake_or_none() {
    let stream: TokenStream = BLOCK.parse().unwrap();
    for n in 0.. {
        let (rest, found) = replaced(stream.clone(), &mut { n }, &TokenStream::new());
        let block = expands(&rest);
        // The remaining uops are known all the same.
        assert!(block.uops.len() + block.mistakes.uops.len() >= 1, "without token {n}");
        if !found {
            assert!(n > 100 && block.mistakes.errors.is_empty());
            break;
        }
    }
}

#[test]
fn no_wrong_token_is_fatal() {
    let stream: TokenStream = BLOCK.parse().unwrap();
    for by in ["r#type", "-1", "#[cfg]", "{}", ","] {
        let by = by.parse().unwrap();
        for n in 0.. {
            let (mutated, found) = replaced(stream.clone(), &mut { n }, &by);
            expands(&mutated);
            if !found {
                break;
            }
        }
    }
}

#[test]
fn conditions_are_known_step_by_step() {
    let tokens: TokenStream = "#![cfg_attr(unix, stencil(no_calls))] machine A(#[cfg(windows)] x: u64, y: u64); \
        #[cfg(unix)] uop one() {} #[cfg(not(unix))] uop one() {} #[cfg_attr(windows, cfg(test))] uop two() {} \
        #[cfg(any(unix, windows))] c {}"
        .parse()
        .unwrap();
    let mut known = TokenStream::new();
    let mut steps = 0;
    let block = loop {
        let (block, conditions) = super::block(tokens.clone(), Conditions::parse(known)).unwrap();
        let Some([(predicate, holds), (negated, fails)]) = conditions.steps() else { break block };
        assert_eq!(negated.to_string(), format!("not ({predicate})"));
        known = if predicate.to_string() == "unix" { holds } else { fails };
        steps += 1;
    };
    // `unix`, `windows` and the combination: `test` does not matter.
    assert_eq!((steps, block.uops.len(), block.c.len()), (3, 2, 0));
    assert_eq!((block.machine.parameters.len(), block.contract.clauses.len()), (1, 1));
    assert!(block.mistakes.errors.is_empty());
}

#[test]
fn no_text_is_too_broken() {
    for block in
        ["", ";", "pub", "#[a]", "uop", "uop u", "machine", "continue", "continue machine", "extern", "c", "@ !"]
    {
        let (_, messages) = messages(block);
        assert_eq!(messages.len(), 1, "{block}: {messages:?}");
    }
}
