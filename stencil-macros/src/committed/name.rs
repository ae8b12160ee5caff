//! The file of a block's committed object, which mirrors the source file that the block is in.
//!
//! * `src/uop/integer.rs` has `stencils/x86_64-linux/uop/integer.o`, and `tests/all/far.rs` has `tests/all/far.o` in the same folder.
//!   A file in `src` keeps that folder if there is one of its name beside `src`, so that no two share an object.
//! * The block that declares the first uop of a file has the file's name. Others add the name of their first uop: `integer.add.o`; and
//!   from the second declaration of that name on a number: `integer.add.2.o`. So the alternatives of a `#[cfg]` have one each.
//! * Where a macro names the first uops, or makes several blocks of the same tokens, the order of expansion decides: the first block has
//!   the file's name, others add that of their first uop, and a number if that is the same: `integer.add-2.o`.
//! * A block in no file of the crate, as of a documentation test, has `doctests/Machine.uop-<digits of its request>.o`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use proc_macro2::LineColumn;
use syn::ext::IdentExt as _;

use crate::ast::Block;
use crate::hash::Hash;

/// Where a block stands in the crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its file, its machine and its first uop, for people; empty if it is in no file of the crate.
    pub label: String,
    /// The path of its object, in the folder for the target.
    path: PathBuf,
}

/// The uops that a source file declares, and where.
#[derive(Debug, Default)]
pub struct Declared(Vec<(String, LineColumn)>);

impl Declared {
    /// Finds each `uop name(` and `uop name<`.
    pub fn of(source: &str) -> Self {
        let source = blanked(source);
        let skip = |mut at: usize, wanted: fn(char) -> bool| {
            while source.get(at).is_some_and(|&character| wanted(character)) {
                at += 1;
            }
            at
        };
        let (mut all, mut place, mut at) = (Vec::new(), LineColumn { line: 1, column: 0 }, 0);
        while at < source.len() {
            let end = skip(at, is_part).max(at + 1);
            if source[at..end] == ['u', 'o', 'p'] {
                let start = skip(end, char::is_whitespace);
                let raw = if source[start..].starts_with(&['r', '#']) { 2 } else { 0 };
                let name = skip(start + raw, is_part);
                if name > start + raw && matches!(source.get(skip(name, char::is_whitespace)), Some('(' | '<')) {
                    let mut at_name = place;
                    source[at..start].iter().for_each(|&character| advance(&mut at_name, character));
                    all.push((source[start + raw..name].iter().collect(), at_name));
                }
            }
            source[at..end].iter().for_each(|&character| advance(&mut place, character));
            at = end;
        }
        Self(all)
    }

    /// The path of the object of a block that declares this uop first, from the path of the source file.
    fn path(&self, file: &Path, uop: &str, at: LineColumn) -> PathBuf {
        let before = || self.0.iter().filter(|(_, other)| (other.line, other.column) < (at.line, at.column));
        if before().next().is_none() {
            return file.with_extension("o");
        }
        numbered(file, uop, before().filter(|(name, _)| name == uop).count() + 1)
    }

    /// Whether a block of the file has an object at this path. Of a uop that a macro names, all that is known is that
    /// it is named.
    pub fn has(&self, file: &Path, uop: &str, path: &Path) -> bool {
        let mut places = self.0.iter().filter(|(name, _)| name == uop).peekable();
        let path = without_order(path);
        // The file's own name may have gone to a block whose uops a macro names.
        let named = places.peek().is_none() || path == numbered(file, uop, 1);
        named || places.any(|(_, at)| path == self.path(file, uop, *at))
    }
}

/// The path with the name of a uop and, from 2 on, a number.
fn numbered(file: &Path, uop: &str, number: usize) -> PathBuf {
    let end = if number == 1 { format!("{uop}.o") } else { format!("{uop}.{number}.o") };
    file.with_extension(end)
}

/// The path without the `-2` that tells blocks of the same tokens apart.
fn without_order(path: &Path) -> PathBuf {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match stem.rsplit_once('-') {
        Some((name, number)) if number.parse::<usize>().is_ok() => path.with_file_name(format!("{name}.o")),
        _ => path.to_owned(),
    }
}

/// The source with spaces in place of comments and literals, so that each character stays in its line and column. (The tokens that
/// rustc makes of a string do not tell where they stand in it.)
fn blanked(source: &str) -> Vec<char> {
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
            // Else it is a lifetime.
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

fn advance(place: &mut LineColumn, character: char) {
    *place = match character {
        '\n' => LineColumn { line: place.line + 1, column: 0 },
        _ => LineColumn { column: place.column + 1, ..*place },
    };
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of a comment, which may contain others.
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

/// The length of a literal in quotes.
fn quoted(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != text[0] {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of a raw string; of a raw identifier, 0.
fn raw_string(text: &[char]) -> usize {
    let hashes = text[1..].iter().take_while(|&&character| character == '#').count();
    if text.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = &text[2 + hashes..];
    body.windows(end.len()).position(|window| window == end).map_or(text.len(), |at| 2 + hashes + at + end.len())
}

/// A file of the crate as its object is named after.
pub fn mirrored(root: &Path, file: &Path) -> PathBuf {
    let short = file.strip_prefix("src").ok().filter(|short| !root.join(short).exists());
    short.unwrap_or(file).to_owned()
}

/// The first of these paths that no other block of this process has, or the last one with a number. Blocks of one `key` are the same.
fn first_free(paths: [PathBuf; 2], key: Hash) -> PathBuf {
    static TAKEN: LazyLock<Mutex<HashMap<PathBuf, Hash>>> = LazyLock::new(Mutex::default);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let stem = paths[1].file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let last = paths[1].clone();
    let further = (2..).map(|number: usize| last.with_file_name(format!("{stem}-{number}.o")));
    let mut all = paths.into_iter().chain(further);
    let free = |path: &PathBuf| *taken.entry(path.clone()).or_insert(key) == key;
    all.find(free).expect("there is no end of numbers")
}

impl Name {
    /// The name of a block of the crate in `root`; `key` is the digest of all that the block says.
    pub fn of(root: &Path, block: &Block, key: Hash) -> Self {
        let first = block.uops.first().map_or(&block.machine.name, |uop| &uop.name);
        let (machine, uop) = (block.machine.name.unraw(), first.unraw().to_string());
        let file = first.span().local_file().and_then(|file| file.canonicalize().ok());
        let file = file.as_deref().and_then(|file| Some((file, file.strip_prefix(root).ok()?)));
        let label = file.and_then(|(_, short)| short.to_str()).filter(|short| !short.contains('\n'));
        let (Some((file, short)), Some(label)) = (file, label) else {
            let digits: String = key.to_string().chars().take(16).collect();
            let path = PathBuf::from(format!("doctests/{machine}.{uop}-{digits}.o"));
            return Self { label: String::new(), path };
        };
        let declared = Declared::of(&std::fs::read_to_string(file).unwrap_or_default());
        let mirrored = mirrored(root, short);
        let path = declared.path(&mirrored, &uop, first.span().start());
        // A path that has the uop's name says no more with it.
        let named = if path == mirrored.with_extension("o") { numbered(&mirrored, &uop, 1) } else { path.clone() };
        Self { label: format!("{label}: {machine}: {uop}"), path: first_free([path, named], key) }
    }

    /// The object's path in the folder for the target.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    const SOURCE: &str = "//! uop not(this)\n/* uop nor(this) /* nested */ uop nor(this) */ const A: &str = r#\"uop nor(this)\"#;\n\
        fn f<'uop>(c: char) -> bool { c == '\"' && \"uop \\\"nor(this)\".len() > 1 }\n/// `uop nor(this)`\nstencil! { machine M(x: u64); uop one() { uop_of(x); } uop two<const A: 0..2>() {} }\n\
        #[cfg(a)] stencil! { continue machine M(x: u64); uop r#three() {} }\n\
        #[cfg(not(a))] stencil! { continue machine M(x: u64); uop three() {} }\n\
        macro_rules! more { ($name:ident) => { stencil! { uop $name() {} } } }\n more!(four);\n";

    #[test]
    fn each_declaration_has_a_path_of_its_own() {
        let declared = Declared::of(SOURCE);
        let names: Vec<_> = declared.0.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["one", "two", "three", "three"]);
        let place = |index: usize| (declared.0[index].1.line, declared.0[index].1.column);
        assert_eq!((place(0), place(2)), ((5, 34), (6, 53)));
        let file = Path::new("uop/integer.rs");
        let paths = declared.0.iter().map(|(name, at)| declared.path(file, name, *at).display().to_string());
        let expected = ["integer.o", "integer.two.o", "integer.three.o", "integer.three.2.o"];
        assert_eq!(paths.collect::<Vec<_>>(), expected.map(|name| format!("uop/{name}")));
        let has = |uop, path| declared.has(file, uop, Path::new(path));
        assert!(
            has("one", "uop/integer.o") && has("three", "uop/integer.three.2.o") && has("four", "uop/integer.four.o")
        );
        assert!(has("one", "uop/integer-2.o") && has("three", "uop/integer.three-3.o"));
        assert!(!has("one", "uop/integer.one.2.o") && !has("three", "uop/integer.three.3.o"));
    }

    #[test]
    fn no_two_files_share_a_name() {
        let scratch = Temporary::new().unwrap();
        let mirrored = |file: &str| mirrored(&scratch.0, Path::new(file)).display().to_string();
        assert_eq!(mirrored("src/uop/integer.rs"), "uop/integer.rs");
        assert_eq!(mirrored("tests/far.rs"), "tests/far.rs");
        assert_eq!(mirrored("src/tests/far.rs"), "tests/far.rs");
        std::fs::create_dir(scratch.0.join("tests")).unwrap();
        std::fs::write(scratch.0.join("tests/far.rs"), "").unwrap();
        assert_eq!(mirrored("src/tests/far.rs"), "src/tests/far.rs");
    }

    #[test]
    fn blocks_of_the_same_tokens_are_told_apart() {
        let path = |uop: &str, key: &str| {
            let paths = ["this test.o".into(), PathBuf::from(format!("this test.{uop}.o"))];
            first_free(paths, Hash::of(key.as_bytes())).display().to_string()
        };
        assert_eq!(path("add", "one"), "this test.o");
        assert_eq!(path("add", "two"), "this test.add.o");
        assert_eq!(path("add", "three"), "this test.add-2.o");
        assert_eq!(path("sub", "four"), "this test.sub.o");
        assert_eq!(path("add", "one"), "this test.o");
        assert_eq!(path("add", "three"), "this test.add-2.o");
    }
}
