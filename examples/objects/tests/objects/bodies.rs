//! The bodies of the uops are those of the C interpreter, and the opcodes are those of its header.

use objects::program::Opcode;

const INTERPRET: &str = include_str!("../../c/interpret.c");
const OPCODES: &str = include_str!("../../c/include/objects/opcode.h");
const UOPS: &str = include_str!("../../src/uops.rs");

/// Returns the text in braces behind `start`, with single spaces.
fn body(source: &str, start: &str) -> Option<String> {
    let (_, rest) = source.split_once(start)?;
    let text = &rest[rest.find('{')? + 1..];
    let mut depth = 1;
    let end = text.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0
    })?;
    Some(text[..end].split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns an opcode's name in C.
fn in_c(op: Opcode) -> String {
    let mut name = String::new();
    for c in format!("{op:?}").chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

#[test]
fn uops_have_the_bodies_of_the_interpreter() {
    for op in Opcode::ALL {
        let name = in_c(op);
        let case = body(INTERPRET, &format!("case {name}:")).unwrap_or_else(|| panic!("no case {name}"));
        assert_eq!(body(UOPS, &format!("uop {}(", name.to_lowercase())), Some(case), "{name}");
    }
    let error = body(INTERPRET, "error:").expect("the interpreter has an exit for errors");
    assert_eq!(body(UOPS, "uop error("), Some(error));
}

#[test]
fn opcodes_are_numbered_as_in_the_header() {
    let names = body(OPCODES, "enum Opcode").expect("the header declares them");
    let numbered: Vec<_> = (0..).zip(names.split([',', ' ']).filter(|name| !name.is_empty())).collect();
    let ours: Vec<_> = Opcode::ALL.iter().map(|op| (*op as u32, in_c(*op))).collect();
    assert_eq!(ours.iter().map(|(number, name)| (*number, name.as_str())).collect::<Vec<_>>(), numbered);
}
