//! Headers that C includes: where they are looked for, which were read, and whether they have changed since.

use std::path::{Path, PathBuf};

use proc_macro2::Span;

use crate::hash::Hash;

/// Where quoted headers are: beside the source file, or in the crate.
#[derive(Clone, Debug, Default)]
pub struct Directories {
    paths: Vec<PathBuf>,
}

/// A header that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its path from the first of the [`Directories`] that has it, or else its whole path.
    pub name: String,
    /// Its bytes.
    pub hash: Hash,
}

/// The crate that is compiled, as far as the environment tells.
pub fn of_crate() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    Some(path.canonicalize().unwrap_or(path))
}

impl Directories {
    /// Those for a block that has this token.
    pub fn of(span: Span) -> Self {
        let beside = span.local_file().and_then(|file| Some(file.canonicalize().ok()?.parent()?.to_owned()));
        let mut paths: Vec<_> = beside.into_iter().chain(of_crate()).collect();
        paths.dedup();
        Self { paths }
    }

    #[cfg(test)]
    pub fn new(paths: &[&Path]) -> Self {
        Self { paths: paths.iter().map(|path| path.to_path_buf()).collect() }
    }

    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The directories relative to the crate, which is the last of them: the same on every machine. One that is not in the crate
    /// has no name: a documentation test is in a temporary one.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        let root = self.paths.last();
        self.paths.iter().map(move |path| root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(Path::new("/")))
    }

    /// The name of a header, whole if it is in none of the directories; none if it cannot be spelled.
    fn name(&self, path: &Path) -> Option<String> {
        let path = std::path::absolute(path).ok()?;
        let inside = self.paths.iter().find_map(|directory| path.strip_prefix(directory).ok());
        inside.unwrap_or(&path).to_str().filter(|name| !name.contains('\n')).map(str::to_owned)
    }

    /// The file that is found by a name.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        if Path::new(name).is_absolute() {
            return Some(name.into());
        }
        self.paths.iter().map(|directory| directory.join(name)).find(|path| path.is_file())
    }

    /// A text with the directories taken out of the paths in it.
    pub fn shorten(&self, text: &str) -> String {
        let prefixes = self.paths.iter().filter_map(|path| path.to_str());
        prefixes.fold(text.to_owned(), |text, prefix| text.replace(&format!("{prefix}/"), ""))
    }
}

impl Header {
    /// The header at a path, if it can be read and is found again by its name.
    pub fn read(directories: &Directories, path: &Path) -> Option<Self> {
        let name = directories.name(path)?;
        let hash = Hash::of(&std::fs::read(directories.find(&name)?).ok()?);
        Some(Self { name, hash })
    }

    /// Where the header is, if it is what was read.
    pub fn current(&self, directories: &Directories) -> Option<PathBuf> {
        let path = directories.find(&self.name)?;
        (Hash::of(&std::fs::read(&path).ok()?) == self.hash).then_some(path)
    }
}

/// The prerequisites in a make rule.
pub fn parse_depends(rule: &str) -> Vec<PathBuf> {
    let mut paths = vec![String::new()];
    let mut characters = rule.split_once(':').map_or("", |(_, rest)| rest).chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some('\n')) => {}
            ('\\', Some(escaped @ (' ' | '#' | '\\'))) | ('$', Some(escaped @ '$')) => {
                paths.last_mut().expect("never empty").push(*escaped);
                characters.next();
            }
            (' ' | '\n' | '\t', _) => paths.push(String::new()),
            (other, _) => paths.last_mut().expect("never empty").push(other),
        }
    }
    paths.into_iter().filter(|path| !path.is_empty() && path != "-").map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    #[test]
    fn make_rules() {
        let rule = "stencil: \\\n  a.h b\\ c.h \\\n /d/e$$.h\n";
        assert_eq!(parse_depends(rule), ["a.h", "b c.h", "/d/e$.h"].map(PathBuf::from));
        assert_eq!(parse_depends("stencil: -\n"), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_header_is_current_until_it_changes_or_another_one_is_found_first() {
        let scratch = Temporary::new().unwrap();
        let (beside, root) = (scratch.0.join("src"), &scratch.0);
        std::fs::create_dir(&beside).unwrap();
        let directories = Directories::new(&[&beside, root]);
        std::fs::write(root.join("a.h"), "int a;").unwrap();
        let header = Header::read(&directories, &root.join("a.h")).unwrap();
        assert_eq!(header.name, "a.h");
        assert_eq!(header.current(&directories), Some(root.join("a.h")));
        std::fs::write(root.join("a.h"), "int b;").unwrap();
        assert_eq!(header.current(&directories), None);
        std::fs::write(root.join("a.h"), "int a;").unwrap();
        std::fs::write(beside.join("a.h"), "int c;").unwrap();
        assert_eq!(header.current(&directories), None);
        std::fs::remove_file(beside.join("a.h")).unwrap();
        assert!(header.current(&directories).is_some());
        std::fs::remove_file(root.join("a.h")).unwrap();
        assert_eq!(header.current(&directories), None);
    }

    #[test]
    fn names_are_those_of_the_crate_wherever_it_is() {
        let directories = Directories::new(&[Path::new("/x/c/src/uop"), Path::new("/x/c")]);
        let name = |path: &str| directories.name(Path::new(path)).unwrap();
        assert_eq!(name("/x/c/src/uop/a.h"), "a.h");
        assert_eq!(name("/x/c/src/uop/../b.h"), "../b.h");
        assert_eq!(name("/x/c/inc/c.h"), "inc/c.h");
        assert_eq!(name("/usr/include/d.h"), "/usr/include/d.h");
        assert_eq!(directories.names().collect::<Vec<_>>(), [Path::new("src/uop"), Path::new("")]);
        let elsewhere = Directories::new(&[Path::new("/tmp/test"), Path::new("/x/c")]);
        assert_eq!(elsewhere.names().collect::<Vec<_>>(), [Path::new("/"), Path::new("")]);
        let text = "In file included from /x/c/src/uop/a.h:1,\n/x/c/inc/c.h:1:2: error: no\n";
        assert_eq!(directories.shorten(text), "In file included from a.h:1,\ninc/c.h:1:2: error: no\n");
    }
}
