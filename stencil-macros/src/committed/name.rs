//! Determines the path of a block's committed object, which mirrors the path of the block's source file.
//!
//! * `src/uop/integer.rs` has `stencils/x86_64-linux/uop/integer.o`, and `tests/all/far.rs` has `tests/all/far.o` in
//!   the same folder. For a file in `src`, the path keeps `src` if a folder beside `src` has the same name, so that no
//!   two files share an object.
//! * The block that declares the first uop of a file has the file's name. Other blocks add the name of their first uop
//!   (`integer.add.o`), and a number from the second declaration of that name on (`integer.add.2.o`). The alternatives
//!   of a `#[cfg]` therefore have separate objects.
//! * Where a macro names the first uops, or generates several blocks from the same tokens, the order of expansion
//!   decides. The first block has the file's name. Others add the name of their first uop, and a number if the name is
//!   taken: `integer.add-2.o`.
//! * A block that contains `#[cfg]` is a different block under each combination of its predicates. So `@` and the predicates
//!   follow: `integer@unix+not-feature=simd.o`. A predicate other than `name` and `name = "value"` is written as the first
//!   digits of its digest: `integer@cfg-3b8f29d1c07a4e65.o`.
//! * A block outside of the crate's files, for example in a documentation test, has `doctests/Machine.uop-<digits of
//!   its request>.o`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use proc_macro2::{LineColumn, TokenStream};
use syn::ext::IdentExt as _;

use super::blanked::{blanked, is_part};
use crate::ast::Block;
use crate::hash::Hash;

/// The location of a block in the crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// A readable name: the file, the machine and the first uop. Empty if the block is not in a file of the crate.
    pub label: String,
    /// The path of its object, relative to the folder for the target.
    path: PathBuf,
}

/// The uops that a source file declares, with their positions.
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

    /// Returns the object's path for a block that declares this uop first, given the path of the source file.
    fn path(&self, file: &Path, uop: &str, at: LineColumn) -> PathBuf {
        let before = || self.0.iter().filter(|(_, other)| (other.line, other.column) < (at.line, at.column));
        if before().next().is_none() {
            return file.with_extension("o");
        }
        numbered(file, uop, before().filter(|(name, _)| name == uop).count() + 1)
    }

    /// Returns whether a block of the file has an object at this path. If a macro names a uop, only the path's form can
    /// be checked. Any predicates are accepted, because those of other targets and features are unknown here.
    pub fn has(&self, file: &Path, uop: &str, path: &Path) -> bool {
        let mut places = self.0.iter().filter(|(name, _)| name == uop).peekable();
        let path = without_order(&without_variant(file, path));
        // A block whose uops a macro names may have taken the file's own name.
        let named = places.peek().is_none() || path == numbered(file, uop, 1);
        named || places.any(|(_, at)| path == self.path(file, uop, *at))
    }
}

/// Returns the path with the name of a uop added, and a number from 2 on.
fn numbered(file: &Path, uop: &str, number: usize) -> PathBuf {
    let end = if number == 1 { format!("{uop}.o") } else { format!("{uop}.{number}.o") };
    file.with_extension(end)
}

/// Returns the part of an object's name that distinguishes the variants of a block: nothing without `#[cfg]`.
fn variant(conditions: &[(TokenStream, bool)]) -> String {
    let predicate = |(predicate, holds): &(TokenStream, bool)| {
        let text: String = predicate.to_string().chars().filter(|character| !character.is_whitespace()).collect();
        let (name, value) = text.split_once('=').unwrap_or((&text, ""));
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let is_plain =
            name.chars().all(is_part) && value.chars().all(|character| is_part(character) || character == '-');
        let shown = match is_plain {
            true if value.is_empty() => name.to_owned(),
            true => format!("{name}={value}"),
            false => format!("cfg-{}", digits(Hash::of(text.as_bytes()))),
        };
        if *holds { shown } else { format!("not-{shown}") }
    };
    let all: Vec<String> = conditions.iter().map(predicate).collect();
    if all.is_empty() { String::new() } else { format!("@{}", all.join("+")) }
}

/// Returns the path of an object of this file without the predicates of its variant.
fn without_variant(file: &Path, path: &Path) -> PathBuf {
    let stem = |path: &Path| path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    // The name of the file itself may contain the separator.
    let (of_file, of_object) = (stem(file), stem(path));
    let at = of_object.strip_prefix(&of_file).and_then(|added| added.find('@')).map(|at| of_file.len() + at);
    at.map_or_else(|| path.to_owned(), |at| path.with_file_name(format!("{}.o", &of_object[..at])))
}

/// Returns the first digits of a digest, for a file's name.
fn digits(hash: Hash) -> String {
    hash.to_string().chars().take(16).collect()
}

/// Returns the path without the `-2` that distinguishes blocks of the same tokens.
fn without_order(path: &Path) -> PathBuf {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match stem.rsplit_once('-') {
        Some((name, number)) if number.parse::<usize>().is_ok() => path.with_file_name(format!("{name}.o")),
        _ => path.to_owned(),
    }
}

fn advance(place: &mut LineColumn, character: char) {
    *place = match character {
        '\n' => LineColumn { line: place.line + 1, column: 0 },
        _ => LineColumn { column: place.column + 1, ..*place },
    };
}

/// Returns the path of a source file of the crate as its object mirrors it.
pub fn mirrored(root: &Path, file: &Path) -> PathBuf {
    let short = file.strip_prefix("src").ok().filter(|short| !root.join(short).exists());
    short.unwrap_or(file).to_owned()
}

/// Returns the first of these paths that no other block of this process has taken, or the last path with a number.
/// Blocks with the same `key` are the same block.
fn first_free(paths: [PathBuf; 2], key: Hash) -> PathBuf {
    static TAKEN: LazyLock<Mutex<HashMap<PathBuf, Hash>>> = LazyLock::new(Mutex::default);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let stem = paths[1].file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let last = paths[1].clone();
    let further = (2..).map(|number: usize| last.with_file_name(format!("{stem}-{number}.o")));
    let mut all = paths.into_iter().chain(further);
    let free = |path: &PathBuf| *taken.entry(path.clone()).or_insert(key) == key;
    all.find(free).expect("the numbers are unlimited")
}

impl Name {
    /// Returns the name of a block of the crate in `root`. `key` is the digest of the block.
    pub fn of(root: &Path, block: &Block, key: Hash) -> Self {
        let first = block.uops.first().map_or(&block.machine.name, |uop| &uop.name);
        let (machine, uop) = (block.machine.name.unraw(), first.unraw().to_string());
        let file = first.span().local_file().and_then(|file| file.canonicalize().ok());
        let file = file.as_deref().and_then(|file| Some((file, file.strip_prefix(root).ok()?)));
        let label = file.and_then(|(_, short)| short.to_str()).filter(|short| !short.contains('\n'));
        let (Some((file, short)), Some(label)) = (file, label) else {
            let path = PathBuf::from(format!("doctests/{machine}.{uop}-{}.o", digits(key)));
            return Self { label: String::new(), path };
        };
        let declared = Declared::of(&std::fs::read_to_string(file).unwrap_or_default());
        let mirrored = mirrored(root, short);
        let path = declared.path(&mirrored, &uop, first.span().start());
        // If the path already contains the uop's name, do not add it again.
        let named = if path == mirrored.with_extension("o") { numbered(&mirrored, &uop, 1) } else { path.clone() };
        let mut path = first_free([path, named], key);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        path.set_file_name(format!("{stem}{}.o", variant(&block.conditions)));
        Self { label: format!("{label}: {machine}: {uop}"), path }
    }

    /// Returns the object's path, relative to the folder for the target.
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
    fn each_variant_of_a_block_has_a_path_of_its_own() {
        let of = |conditions: &[(&str, bool)]| {
            let known = |&(predicate, holds): &(&str, bool)| (str::parse(predicate).unwrap(), holds);
            variant(&conditions.iter().map(known).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), "");
        assert_eq!(of(&[("unix", true)]), "@unix");
        assert_eq!(of(&[("unix", false), ("feature = \"wide-simd\"", true)]), "@not-unix+feature=wide-simd");
        let long = of(&[("all(unix, feature = \"simd\")", true)]);
        assert!(long.starts_with("@cfg-") && long.len() == 21, "{long}");
        // Digests tell apart what is not written out.
        let odd = ["any(unix, feature = \"simd\")", "feature = \"a+b\"", "feature = \"a/b\"", "feature = \"a@b\""];
        let mut names: Vec<_> =
            odd.iter().flat_map(|predicate| [true, false].map(|holds| of(&[(predicate, holds)]))).collect();
        assert!(names.iter().all(|name| !name.contains('/')), "{names:?}");
        names.push(long);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 9);
    }

    #[test]
    fn objects_of_other_variants_are_not_stale() {
        let declared = Declared::of(SOURCE);
        let has = |file, uop, path| declared.has(Path::new(file), uop, Path::new(path));
        assert!(has("uop/integer.rs", "one", "uop/integer@unix.o"));
        assert!(has("uop/integer.rs", "three", "uop/integer.three.2@not-feature=a-2.o"));
        assert!(has("uop/integer.rs", "three", "uop/integer.three-2@unix.o"));
        assert!(has("a@b.rs", "one", "a@b.o") && has("a@b.rs", "one", "a@b@unix.o"));
        assert!(!has("uop/integer.rs", "one", "uop/integer.two@unix.o"));
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
