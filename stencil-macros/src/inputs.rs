//! The files that an object depends on: those that the compiler read, and those that it looked for in vain.

use std::path::{Path, PathBuf};

use crate::asked::Asked;
use crate::headers::{Directories, Header};

/// The files, by name, with the content that they had when the object was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    pub read: Vec<Header>,
    /// The names of missing files that the compiler would have read instead.
    pub absent: Vec<String>,
    /// A file outside of the crate whose bytes are part of the object. Entries do not store it.
    pub foreign: Option<String>,
}

/// The facts about a compilation from which its inputs are collected.
pub struct Traced<'a> {
    pub c: &'a str,
    pub flags: &'a [String],
    pub directories: &'a Directories,
    /// The files that the compiler reports as read.
    pub read: &'a [PathBuf],
    /// The directories in which the compiler looks for headers.
    pub search: &'a [PathBuf],
    /// The directory in which the compiler was started.
    pub current: &'a Path,
}

impl Inputs {
    /// Returns the inputs of a compilation that has just ended, and the paths of the files that were read.
    ///
    /// # Errors
    /// Returns why they cannot be determined.
    pub fn of(traced: &Traced) -> Result<(Self, Vec<PathBuf>), String> {
        let mut read: Vec<PathBuf> = traced.read.iter().map(|path| traced.current.join(path)).collect();
        read.extend(files_in_flags(traced.flags).map(|file| traced.current.join(file)));
        let asked = names_asked_for(traced.c, &read)?;
        let lookup = Lookup::new(&read, traced.search, traced.current);
        let mut absent: Vec<PathBuf> = Vec::new();
        let candidates: Vec<PathBuf> = (read.iter().flat_map(|path| lookup.before(path)))
            .chain(asked.names.iter().chain(&asked.embeds).flat_map(|name| lookup.all(name)))
            .collect();
        for path in candidates {
            // An existing file either was read or does not matter. Treating it as read is always safe.
            if path.is_file() { read.push(path) } else { absent.push(path) }
        }
        read.sort();
        read.dedup();
        let headers = read.iter().map(|path| {
            let unreadable = || format!("{} cannot be read again", path.display());
            Header::read(traced.directories, path).ok_or_else(unreadable)
        });
        let headers = headers.collect::<Result<_, _>>()?;
        let mut absent: Vec<String> = (absent.iter())
            .map(|path| traced.directories.name_of_absent(path).ok_or_else(|| format!("{path:?} has no name")))
            .collect::<Result<_, _>>()?;
        absent.sort();
        absent.dedup();
        let is_embedded = |header: &&Header| asked.embeds.iter().any(|name| Path::new(&header.name).ends_with(name));
        let headers: Vec<Header> = headers;
        let foreign = headers.iter().filter(is_embedded).find(|header| Path::new(&header.name).is_absolute());
        let foreign = foreign.map(|header| header.name.clone());
        Ok((Self { read: headers, absent, foreign }, read))
    }

    /// Returns the paths of the files that were read, if none of them has changed and no missing one has appeared.
    pub fn current(&self, directories: &Directories) -> Option<Vec<PathBuf>> {
        let absent = self.absent.iter().all(|name| !directories.is_there(name));
        self.read.iter().map(|header| header.current(directories)).collect::<Option<_>>().filter(|_| absent)
    }

    /// Returns the inputs in the crate, which are the same on every machine.
    ///
    /// # Errors
    /// Fails if the object depends on a file outside of the crate that is not a system header.
    pub fn of_crate(&self) -> Result<Self, String> {
        if let Some(name) = &self.foreign {
            return Err(format!("it embeds {name}, which is not part of the crate"));
        }
        let relative = |name: &str| Path::new(name).is_relative();
        let read = self.read.iter().filter(|header| relative(&header.name)).cloned().collect();
        let absent = self.absent.iter().filter(|name| relative(name)).cloned().collect();
        Ok(Self { read, absent, foreign: None })
    }
}

/// The order in which a name is looked up.
struct Lookup {
    directories: Vec<PathBuf>,
}

impl Lookup {
    fn new(read: &[PathBuf], search: &[PathBuf], current: &Path) -> Self {
        // A quoted header is searched for beside the including file, which may be any of the files that were read.
        let beside = read.iter().filter_map(|path| path.parent().map(Path::to_owned));
        let mut directories: Vec<PathBuf> = Vec::new();
        for directory in std::iter::once(current.to_owned()).chain(beside) {
            if !directories.contains(&directory) && !search.contains(&directory) {
                directories.push(directory);
            }
        }
        directories.extend_from_slice(search);
        Self { directories }
    }

    /// Returns all paths at which a name is searched for.
    fn all(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        self.directories.iter().map(move |directory| directory.join(name))
    }

    /// Returns the paths at which a file may have been searched for before it was found.
    fn before(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let last = self.directories.iter().rposition(|directory| path.starts_with(directory)).unwrap_or(0);
        let name = self.directories.get(last).and_then(|directory| path.strip_prefix(directory).ok());
        let name = name.map(Path::to_owned).unwrap_or_default();
        self.directories[..last].iter().map(move |directory| directory.join(&name)).filter(move |other| other != path)
    }
}

/// Returns the other files that the C of a block, headers included, asks for.
fn names_asked_for(c: &str, read: &[PathBuf]) -> Result<Asked, String> {
    let mut all = Asked::default();
    let texts = read.iter().filter_map(|path| std::fs::read(path).ok());
    let texts = texts.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    for text in std::iter::once(c.to_owned()).chain(texts) {
        let asked = Asked::of(&text);
        if let Some(what) = asked.unforeseen {
            return Err(format!("it uses `{what}`, so its inputs cannot be determined"));
        }
        all.names.extend(asked.names);
        all.embeds.extend(asked.embeds);
    }
    Ok(all)
}

/// Returns the files that flags name, such as `-fprofile-use=FILE` and `@FILE`.
fn files_in_flags(flags: &[String]) -> impl Iterator<Item = &Path> {
    flags.iter().flat_map(|flag| flag.split(['=', ',', '@'])).map(Path::new).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    /// A crate with a header beside the block, and two header directories of the compiler.
    struct Folder(Temporary);

    impl Folder {
        fn new() -> Self {
            let scratch = Temporary::new().unwrap();
            for directory in ["crate/src", "first", "second"] {
                std::fs::create_dir_all(scratch.0.join(directory)).unwrap();
            }
            std::fs::write(scratch.0.join("second/a.h"), "int a;").unwrap();
            Self(scratch)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.0.join(name)
        }

        fn directories(&self) -> Directories {
            Directories::new(&[&self.path("crate/src"), &self.path("crate")])
        }

        fn inputs(&self, c: &str, flags: &[String]) -> Result<Inputs, String> {
            let search = ["crate/src", "crate", "first", "second"].map(|name| self.path(name));
            let (read, current) = ([self.path("second/a.h")], self.path("crate"));
            let directories = self.directories();
            let traced =
                Traced { c, flags, directories: &directories, read: &read, search: &search, current: &current };
            Inputs::of(&traced).map(|(inputs, _)| inputs)
        }
    }

    #[test]
    fn a_file_that_appears_on_the_search_path_is_a_change() {
        for (c, appears) in [
            ("", "first/a.h"),
            ("", "crate/src/a.h"),
            ("#if __has_include(\"b.h\")\n#endif", "crate/src/b.h"),
            ("#if __has_include(<b.h>)\n#endif", "second/b.h"),
            ("asm(\".incbin \\\"b.bin\\\"\");", "crate/b.bin"),
        ] {
            let folder = Folder::new();
            let inputs = folder.inputs(c, &[]).unwrap();
            assert_eq!(inputs.current(&folder.directories()), Some(vec![folder.path("second/a.h")]));
            std::fs::write(folder.path(appears), "int b;").unwrap();
            assert_eq!(inputs.current(&folder.directories()), None, "{c} {appears}");
            // An object is not current if one of its files has changed or disappeared.
            let inputs = folder.inputs(c, &[]).unwrap();
            assert!(inputs.current(&folder.directories()).is_some());
            std::fs::write(folder.path(appears), "int c;").unwrap();
            assert_eq!(inputs.current(&folder.directories()), None, "{c} {appears}");
            std::fs::remove_file(folder.path(appears)).unwrap();
            assert_eq!(inputs.current(&folder.directories()), None, "{c} {appears}");
        }
    }

    #[test]
    fn a_file_that_a_flag_names_is_read() {
        let folder = Folder::new();
        std::fs::write(folder.path("profile"), "1").unwrap();
        let inputs = folder.inputs("", &[format!("-fprofile-use={}", folder.path("profile").display())]).unwrap();
        assert_eq!(inputs.read.len(), 2, "{inputs:?}");
    }

    #[test]
    fn files_of_the_crate_are_relative() {
        let folder = Folder::new();
        let inputs = folder.inputs("#if __has_include(\"b.h\")\n#endif", &[]).unwrap();
        assert_eq!(inputs.of_crate().unwrap().read, []);
        assert_eq!(inputs.of_crate().unwrap().absent, ["a.h", "b.h", "src/a.h", "src/b.h"]);
        // Other machines may not have the file of another crate.
        std::fs::write(folder.path("second/b.bin"), "").unwrap();
        let embeds = folder.inputs("asm(\".incbin \\\"b.bin\\\"\");", &[]).unwrap();
        assert!(embeds.of_crate().unwrap_err().contains("second/b.bin"));
        let why = folder.inputs("#if __has_include(NAME)\n#endif", &[]).unwrap_err();
        assert!(why.contains("`__has_include`"), "{why}");
    }
}
