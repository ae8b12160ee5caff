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
fn everything_has_its_place() {
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
fn arity_of_what_cannot_be_parsed() {
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

/// The stream without its `n`th token, groups counted before what is in them; none if it has fewer.
fn without(stream: TokenStream, n: &mut usize) -> (TokenStream, bool) {
    let mut found = false;
    let mut rest = TokenStream::new();
    for token in stream {
        if !found && *n == 0 {
            found = true;
            continue;
        }
        *n = n.wrapping_sub(usize::from(!found));
        let token = match token {
            TokenTree::Group(group) if !found => {
                let (inner, inside) = without(group.stream(), n);
                found = inside;
                Group::new(group.delimiter(), inner).into()
            }
            token => token,
        };
        rest.extend([token]);
    }
    (rest, found)
}

#[test]
fn every_missing_token_is_a_mistake_or_none() {
    let text = "#![c_flags(\"-O1\")] #[operands(3)] pub machine A(x: u64, p: *mut S) -> u64; c { int a; } \
                include \"a.h\"; pub struct S { a: [u8; 3] } extern fn f(a: u64) -> u64 = a::b; \
                struct T = b::T { a: u8, .. } #[cfg(unix)] /** Doc. */ pub uop one<const N: 1..=2, #[cfg(unix)] const M: 0..9>(a: u64, l: Label) \
                where N > 1 { x = a; } uop two() {}";
    let stream: TokenStream = text.parse().unwrap();
    for n in 0.. {
        let (rest, found) = without(stream.clone(), &mut { n });
        let (block, _) = super::block(rest.clone(), Conditions::default())
            .unwrap_or_else(|error| panic!("without token {n}: {error}: {rest}"));
        let _ = crate::check::check(&block);
        // What is left is named all the same.
        assert!(block.uops.len() + block.mistakes.uops.len() >= 1, "without token {n}");
        let items = crate::expand::stub::expand(&block, false);
        syn::parse2::<syn::File>(items.clone()).unwrap_or_else(|error| panic!("without token {n}: {error}: {items}"));
        if !found {
            assert!(n > 100 && block.mistakes.errors.is_empty());
            break;
        }
    }
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
