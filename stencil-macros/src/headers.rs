//! Headers that C includes: where quoted ones are, how they are named, and whether they have changed.

use std::path::{Path, PathBuf};

use proc_macro2::Span;

use crate::hash::Hash;

/// The directories of quoted headers: that of the source file, and the crate.
#[derive(Clone, Debug, Default)]
pub struct Directories {
    paths: Vec<PathBuf>,
}

/// A header that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// A name by which [`Directories::find`] finds it, relative if it is in the crate.
    pub name: String,
    /// The digest of its bytes.
    pub hash: Hash,
}

/// The directory of the crate that is compiled, if Cargo compiles one.
pub fn of_crate() -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    Some(path.canonicalize().unwrap_or(path))
}

impl Directories {
    /// Returns the directories for the block that this token belongs to.
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

    /// Returns the directories relative to the crate, which is the last of them. These are the same on every machine. A directory outside
    /// of the crate, as the temporary one of a documentation test, becomes `/`.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        let root = self.paths.last();
        self.paths.iter().map(move |path| root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(Path::new("/")))
    }

    /// Returns the name of a header: its path from the first directory that contains it, or else its whole path. A header of the crate that
    /// another one of that name hides is named from the crate's root, beginning with `./`. Returns none if the path is not UTF-8, or has
    /// a line break.
    fn name(&self, path: &Path) -> Option<String> {
        let path = std::path::absolute(path).ok()?;
        let spelled = |path: &Path| path.to_str().filter(|name| !name.contains('\n')).map(str::to_owned);
        let inside = self.paths.iter().find_map(|directory| path.strip_prefix(directory).ok());
        let name = spelled(inside.unwrap_or(&path))?;
        if self.find(&name).is_none_or(|found| found == path) {
            return Some(name);
        }
        let from_root = self.paths.last().and_then(|root| path.strip_prefix(root).ok());
        from_root.map_or_else(|| spelled(&path), |inside| Some(format!("./{}", spelled(inside)?)))
    }

    /// Returns the name of a file that is not there, relative to the crate if it would be in it. Returns none as [`Self::name`] does.
    pub fn name_of_absent(&self, path: &Path) -> Option<String> {
        let path = std::path::absolute(path).ok()?;
        let inside = self.paths.last().and_then(|root| path.strip_prefix(root).ok());
        inside.unwrap_or(&path).to_str().filter(|name| !name.contains('\n')).map(str::to_owned)
    }

    /// Whether there is a file now by the name that [`Self::name_of_absent`] gave it.
    pub fn is_there(&self, name: &str) -> bool {
        self.paths.last().map_or_else(|| PathBuf::from(name), |root| root.join(name)).is_file()
    }

    /// Finds the file of this name.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        if let Some(inside) = name.strip_prefix("./") {
            return Some(self.paths.last()?.join(inside));
        }
        if Path::new(name).is_absolute() {
            return Some(name.into());
        }
        self.paths.iter().map(|directory| directory.join(name)).find(|path| path.is_file())
    }

    /// Removes the directories from the paths in a text.
    pub fn shorten(&self, text: &str) -> String {
        let prefixes = self.paths.iter().filter_map(|path| path.to_str());
        prefixes.fold(text.to_owned(), |text, prefix| text.replace(&format!("{prefix}/"), ""))
    }
}

impl Header {
    /// Reads the header at a path. Returns none if it cannot be read, or has no name.
    pub fn read(directories: &Directories, path: &Path) -> Option<Self> {
        let hash = Hash::of(&std::fs::read(path).ok()?);
        Some(Self { name: directories.name(path)?, hash })
    }

    /// Returns the header's path if its content is still what was read.
    pub fn current(&self, directories: &Directories) -> Option<PathBuf> {
        let path = directories.find(&self.name)?;
        (Hash::of(&std::fs::read(&path).ok()?) == self.hash).then_some(path)
    }
}

/// Returns the prerequisites of a make rule.
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
        // One that is hidden is still the one that was read, as by `#include <a.h>`.
        std::fs::write(beside.join("a.h"), "int c;").unwrap();
        let hidden = Header::read(&directories, &root.join("a.h")).unwrap();
        assert_eq!((hidden.name.as_str(), hidden.current(&directories)), ("./a.h", Some(root.join("a.h"))));
        std::fs::remove_file(root.join("a.h")).unwrap();
        assert_eq!((header.current(&directories), hidden.current(&directories)), (None, None));
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
