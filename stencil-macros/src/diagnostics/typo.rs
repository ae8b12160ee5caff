//! Suggests corrections for names that are unknown to C. The compilers suggest names too, but never the parameters of a
//! family, and clang never suggests a macro.

use proc_macro2::Ident;

use super::parse::Diagnostic;
use crate::ast::{Block, Uop};
use crate::check::RESERVED;
use crate::ctype::Type;
use crate::source::uop_of;
use crate::{suggest, text};

/// An unknown name in a message.
#[derive(Debug, PartialEq, Eq)]
enum Unknown<'m> {
    /// An identifier of any kind.
    Name(&'m str),
    /// A field, and the struct that lacks it.
    Field(&'m str, &'m str),
    /// A struct behind a pointer.
    Struct(&'m str),
}

/// The text before and after an unknown name in the messages of gcc and clang.
const FORMS: [(&str, &str); 9] = [
    ("undeclared identifier '", "'"),
    ("undeclared function '", "'"),
    ("'", "' undeclared"),
    ("implicit declaration of function '", "'"),
    ("unknown type name '", "'"),
    ("function-like macro '", "' is not defined"),
    ("'", "' is not defined, evaluates to 0"),
    ("\"", "\" is not defined, evaluates to 0"),
    ("use of undeclared label '", "'"),
];

/// The same for structs whose fields are unknown to C.
const INCOMPLETE: [(&str, &str); 4] = [
    ("incomplete definition of type '", "'"),
    ("incomplete typedef '", "'"),
    ("undefined type '", "'"),
    ("incomplete type '", "'"),
];

/// Returns the text between the two delimiters, if it is an identifier.
fn between<'m>(message: &'m str, (before, behind): (&str, &str)) -> Option<&'m str> {
    let (_, rest) = message.split_once(before)?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    (end > 0 && rest[end..].starts_with(behind)).then(|| &rest[..end])
}

/// Strips the quotes and `struct` from a type's name, and drops the rest of the message.
fn type_name(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\'')?;
    text.strip_prefix("struct ").unwrap_or(text).split('\'').next()
}

fn unknown(message: &str) -> Option<Unknown<'_>> {
    let head = message.lines().next()?;
    // clang's form first, then gcc's.
    if let (Some(field), Some((_, of))) = (between(head, ("no member named '", "'")), head.split_once(" in ")) {
        return Some(Unknown::Field(field, type_name(of)?));
    }
    if let Some(field) = between(head, ("has no member named '", "'")) {
        return Some(Unknown::Field(field, type_name(head)?));
    }
    let incomplete = head.replace("'struct ", "'");
    if INCOMPLETE.iter().any(|form| between(&incomplete, *form).is_some()) {
        return type_name(&head[head.find('\'')?..]).map(Unknown::Struct);
    }
    FORMS.iter().find_map(|form| between(head, *form)).map(Unknown::Name)
}

/// Returns the name that a message calls undeclared.
pub(super) fn undeclared(message: &str) -> Option<&str> {
    match unknown(message)? {
        Unknown::Name(name) => Some(name),
        Unknown::Field(..) | Unknown::Struct(_) => None,
    }
}

/// The beginning of the compiler's own suggestion.
const SUGGESTS: &str = "; did you mean '";

/// Adds a suggestion to a message about a stretch of C, if a name is similar and the compiler suggested none.
pub(super) fn suggest(diagnostic: &mut Diagnostic, block: &Block) {
    let Diagnostic { message, notes, file, .. } = diagnostic;
    if let Some((head, suggested)) = message.split_once(SUGGESTS) {
        // The compiler may suggest an internal name, either its own or one that the macro generated.
        if !["stencil_", "STENCIL_", "__"].iter().any(|internal| suggested.starts_with(internal)) {
            return;
        }
        *message = head.to_owned();
    }
    if notes.iter().any(|note| note.message.starts_with("did you mean '")) {
        return;
    }
    if let Some(meant) = unknown(message).and_then(|unknown| meant(&unknown, file, block)) {
        message.push_str(&format!("{SUGGESTS}{meant}'?"));
    }
}

fn meant(unknown: &Unknown, stretch: &str, block: &Block) -> Option<String> {
    let named = |names: Vec<String>, word: &str| {
        let names = names.iter().map(String::as_str).filter(|name| !name.starts_with("__"));
        suggest::nearest(word, names).map(str::to_owned)
    };
    let of_c = || block.c.iter().flat_map(|group| text::words(group.stream()));
    match *unknown {
        Unknown::Field(field, of) => {
            let declared = block.structs.iter().filter(|s| s.name == of);
            let fields = declared.flat_map(|s| s.fields.iter().map(|field| field.name.to_string()));
            named(fields.chain(of_c()).collect(), field)
        }
        Unknown::Struct(name) => named(block.structs.iter().map(|s| s.name.to_string()).collect(), name),
        // The name exists, but the body misuses it.
        Unknown::Name(name) if RESERVED.contains(&name) => None,
        Unknown::Name(name) => {
            let rust = syn::parse_str(name).ok().and_then(|ty| Type::from_rust(&ty).ok());
            if let Some(ty @ (Type::Integer { .. } | Type::F32 | Type::F64)) = rust {
                return Some(ty.declare(""));
            }
            named(names(stretch, block).into_iter().chain(of_c()).collect(), name)
        }
    }
}

/// Returns the names that a stretch may use, except those that C blocks declare.
fn names(stretch: &str, block: &Block) -> Vec<String> {
    let uop: Option<&Uop> = uop_of(stretch).and_then(|name| block.uops.iter().find(|uop| uop.name == name));
    let operands = uop.into_iter().flat_map(|uop| uop.operands.iter().map(|field| &field.name));
    let parameters = uop.into_iter().flat_map(|uop| uop.parameters.iter().map(|parameter| &parameter.name));
    let registers = uop.map(|_| block.machine.names()).into_iter().flatten();
    let declared = block.externs.iter().map(|host| &host.name).chain(block.structs.iter().map(|s| &s.name));
    let ours = operands.chain(parameters).chain(registers).chain(declared).map(Ident::to_string);
    ours.chain(RESERVED.iter().map(|word| (*word).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_of_both_compilers() {
        for (message, expected) in [
            ("use of undeclared identifier 'a'", Unknown::Name("a")),
            ("'a' undeclared (first use in this function)", Unknown::Name("a")),
            ("call to undeclared function 'a_1'; ISO C99", Unknown::Name("a_1")),
            ("implicit declaration of function 'a' [-W]", Unknown::Name("a")),
            ("unknown type name 'a'", Unknown::Name("a")),
            ("\"a\" is not defined, evaluates to 0 [-Werror=undef]", Unknown::Name("a")),
            ("'a' is not defined, evaluates to 0 [-Werror,-Wundef]", Unknown::Name("a")),
            ("no member named 'a' in 'struct S'", Unknown::Field("a", "S")),
            ("no member named 'a' in 'S'", Unknown::Field("a", "S")),
            ("'S' {aka 'struct S'} has no member named 'a'", Unknown::Field("a", "S")),
            ("'struct S' has no member named 'a'", Unknown::Field("a", "S")),
            ("incomplete definition of type 'S'", Unknown::Struct("S")),
            ("incomplete definition of type 'struct S'", Unknown::Struct("S")),
            ("invalid use of incomplete typedef 'S'", Unknown::Struct("S")),
            ("invalid use of undefined type 'struct S'", Unknown::Struct("S")),
        ] {
            assert_eq!(unknown(message), Some(expected), "{message}");
        }
        for message in ["", "expected ';'", "no member named '", "'a b' undeclared", "unused variable 'x'"] {
            assert_eq!(unknown(message), None, "{message}");
        }
    }
}
