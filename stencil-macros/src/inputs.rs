//! The files that an object depends on: those that the compiler read, and those that it looked for and did not find.

use std::path::{Path, PathBuf};

use crate::asked::Asked;
use crate::headers::{Directories, Header};

/// Files by name, as they were when an object was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    pub read: Vec<Header>,
    /// Names of files that would have been read instead, had they been there.
    pub absent: Vec<String>,
    /// A file outside of the crate whose bytes are part of the object. Not kept in entries.
    pub foreign: Option<String>,
}

/// What is known of a compilation from which inputs are gathered.
pub struct Traced<'a> {
    pub c: &'a str,
    pub flags: &'a [String],
    pub directories: &'a Directories,
    /// The files that the compiler says it has read.
    pub read: &'a [PathBuf],
    /// Where it looks for headers.
    pub search: &'a [PathBuf],
    /// Where it was started.
    pub current: &'a Path,
}

impl Inputs {
    /// The inputs of a compilation that was just made, and where those are that were read.
    ///
    /// # Errors
    /// Why they cannot be known.
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
            // One that is there was read, or it does not matter: to take it for read is never wrong.
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

    /// Where the files are that were read, if all are as they were, and none has appeared.
    pub fn current(&self, directories: &Directories) -> Option<Vec<PathBuf>> {
        let absent = self.absent.iter().all(|name| !directories.is_there(name));
        self.read.iter().map(|header| header.current(directories)).collect::<Option<_>>().filter(|_| absent)
    }

    /// Those of the crate, which are the same on every machine.
    ///
    /// # Errors
    /// The object depends on another file, and not as on a header of the system.
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
        // What is quoted is looked for beside the file that includes it, which may be any of those that were read.
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

    /// All places where a name is looked for.
    fn all(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        self.directories.iter().map(move |directory| directory.join(name))
    }

    /// The places where a file may have been looked for before it was found.
    fn before(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let last = self.directories.iter().rposition(|directory| path.starts_with(directory)).unwrap_or(0);
        let name = self.directories.get(last).and_then(|directory| path.strip_prefix(directory).ok());
        let name = name.map(Path::to_owned).unwrap_or_default();
        self.directories[..last].iter().map(move |directory| directory.join(&name)).filter(move |other| other != path)
    }
}

/// What the C of a block, and of all that it includes, asks for besides.
fn names_asked_for(c: &str, read: &[PathBuf]) -> Result<Asked, String> {
    let mut all = Asked::default();
    let texts = read.iter().filter_map(|path| std::fs::read(path).ok());
    let texts = texts.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    for text in std::iter::once(c.to_owned()).chain(texts) {
        let asked = Asked::of(&text);
        if let Some(what) = asked.unforeseen {
            return Err(format!("it uses `{what}`, so that the files or the time that it depends on are not known"));
        }
        all.names.extend(asked.names);
        all.embeds.extend(asked.embeds);
    }
    Ok(all)
}

/// Files that flags name, as `-fprofile-use=FILE` and `@FILE` do.
fn files_in_flags(flags: &[String]) -> impl Iterator<Item = &Path> {
    flags.iter().flat_map(|flag| flag.split(['=', ',', '@'])).map(Path::new).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    /// A crate with a header beside the block, and two directories where the compiler looks.
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
    fn a_file_that_appears_where_it_was_looked_for_is_a_change() {
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
            // Nor is one that changes or goes what it was.
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
    fn what_is_the_crates_is_relative() {
        let folder = Folder::new();
        let inputs = folder.inputs("#if __has_include(\"b.h\")\n#endif", &[]).unwrap();
        assert_eq!(inputs.of_crate().unwrap().read, []);
        assert_eq!(inputs.of_crate().unwrap().absent, ["a.h", "b.h", "src/a.h", "src/b.h"]);
        // A file of another crate is not found there by everybody.
        std::fs::write(folder.path("second/b.bin"), "").unwrap();
        let embeds = folder.inputs("asm(\".incbin \\\"b.bin\\\"\");", &[]).unwrap();
        assert!(embeds.of_crate().unwrap_err().contains("second/b.bin"));
        let why = folder.inputs("#if __has_include(NAME)\n#endif", &[]).unwrap_err();
        assert!(why.contains("`__has_include`"), "{why}");
    }
}
