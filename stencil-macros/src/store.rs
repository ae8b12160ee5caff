//! Folders of what compilers made: the cache of a user and the objects committed in a crate are both one.
//!
//! An entry is a file named by the hash of its request, which is all that the result depends on but headers. It holds the
//! request, which is compared in full, the hash of each header, which is compared with the header as it is now, and the
//! result: messages and an object. Its own hash comes last, so that a damaged file is none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use crate::compiler::{Compiler, Output, Unit};
use crate::hash::Hash;
use crate::headers::{Directories, Header};

/// Ends the name of each entry.
const EXTENSION: &str = "stencil";
/// Begins each entry; the number changes with its form.
const MAGIC: &str = "stencil! object 1";

/// What was asked for and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub request: String,
    /// The compiler's version; it is no part of the request, since who finds an entry need not have a compiler.
    pub version: String,
    /// The block that it was last made for, in a line; of those that name none, empty.
    pub block: String,
    pub headers: Vec<Header>,
    pub messages: String,
    pub object: Vec<u8>,
}

/// A folder of entries.
pub struct Store {
    folder: PathBuf,
    /// The bytes that all its files may take together.
    limit: u64,
}

impl Entry {
    /// What is kept of an output; nothing if it is an error, or if a header cannot be found again.
    pub fn new(request: String, compiler: &Compiler, output: &Output, unit: Unit) -> Option<Self> {
        let headers = output.headers.iter().map(|path| Header::read(unit.directories, path)).collect::<Option<_>>()?;
        Some(Self {
            request,
            version: compiler.traits.version.clone(),
            block: String::new(),
            headers,
            messages: output.messages.clone(),
            object: output.object.clone()?,
        })
    }

    fn name(request: &str) -> String {
        format!("{}.{EXTENSION}", Hash::of(request.as_bytes()))
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { request, version, block, headers, messages, object } = self;
        let lengths = format!("{} {} {}", request.len(), messages.len(), object.len());
        let mut head = format!("{MAGIC}\n{lengths}\ncompiler {version}\nblock {block}\n");
        for Header { name, hash } in headers {
            head.push_str(&format!("{hash} {name}\n"));
        }
        let mut bytes = [head.as_bytes(), b"\n", request.as_bytes(), messages.as_bytes(), object].concat();
        let hash = Hash::of(&bytes).to_string();
        bytes.extend(hash.as_bytes());
        bytes
    }

    /// What [`Self::to_bytes`] made, and nothing else.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (bytes, hash) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if Hash::parse(std::str::from_utf8(hash).ok()?)? != Hash::of(bytes) {
            return None;
        }
        let end = bytes.windows(2).position(|two| two == b"\n\n")?;
        let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.lines();
        lines.next().filter(|magic| *magic == MAGIC)?;
        let lengths: Option<Vec<usize>> = lines.next()?.split(' ').map(|length| length.parse().ok()).collect();
        let [request, messages, object] = lengths?[..] else { return None };
        let version = lines.next()?.strip_prefix("compiler ")?.into();
        let block = lines.next()?.strip_prefix("block ")?.into();
        let headers = lines.map(|line| {
            let (hash, name) = line.split_once(' ')?;
            Some(Header { name: name.into(), hash: Hash::parse(hash)? })
        });
        let headers = headers.collect::<Option<_>>()?;
        let (request, rest) = bytes[end + 2..].split_at_checked(request)?;
        let (messages, rest) = rest.split_at_checked(messages)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let (request, messages) = (text(request)?, text(messages)?);
        let entry = Self { request, version, block, headers, messages, object: rest.to_vec() };
        (rest.len() == object).then_some(entry)
    }

    /// Where its headers are, if all are as they were.
    pub fn current_headers(&self, directories: &Directories) -> Option<Vec<PathBuf>> {
        self.headers.iter().map(|header| header.current(directories)).collect()
    }
}

impl Store {
    /// The store in a folder, which need not exist, whose files may take so many bytes.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit }
    }

    /// The entry for a request, whatever became of its headers.
    pub fn find(&self, request: &str) -> Option<Entry> {
        Entry::from_bytes(&fs::read(self.path(request)).ok()?).filter(|entry| entry.request == request)
    }

    /// Records that the entry for a request was used now: the entry that was not used for longest is removed first.
    pub fn touch(&self, request: &str) {
        let now = SystemTime::now();
        // A time that cannot be set only makes that order worse.
        let _ = File::options().append(true).open(self.path(request)).and_then(|file| file.set_modified(now));
    }

    /// Keeps an entry in place of what there is for its request. Who reads at the same time has the one or the other.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn keep(&self, entry: &Entry) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let result = replace(&self.path(&entry.request), &entry.to_bytes());
        self.bound();
        result
    }

    /// All entries, and where they are.
    pub fn entries(&self) -> impl Iterator<Item = (PathBuf, Entry)> {
        files(&self.folder).filter_map(|path| {
            let entry = Entry::from_bytes(&fs::read(&path).ok()?)?;
            Some((path, entry))
        })
    }

    /// Where the entry for a request is, if there is one.
    pub fn path(&self, request: &str) -> PathBuf {
        self.folder.join(Entry::name(request))
    }

    /// Removes what was not used for longest until a quarter of the limit is free, if the files exceed it.
    fn bound(&self) {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = files(&self.folder)
            .filter_map(|path| {
                let data = fs::metadata(&path).ok()?;
                Some((data.modified().ok()?, data.len(), path))
            })
            .collect();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        if total <= self.limit {
            return;
        }
        files.sort();
        for (_, size, path) in files {
            if total <= self.limit / 4 * 3 {
                break;
            }
            // Another build may have removed it just now.
            let _ = fs::remove_file(path);
            total -= size;
        }
    }
}

/// The files of a store: entries, and what is being written.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let ours = |path: &PathBuf| path.extension().is_some_and(|end| end == EXTENSION || end == "new");
    fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).filter(ours)
}

/// Writes a file in place of what there is. Who reads at the same time has the one or the other.
///
/// # Errors
/// It cannot be written, or not be put there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let written = path.with_file_name(name);
    let result = fs::write(&written, bytes).and_then(|()| fs::rename(&written, path));
    if result.is_err() {
        // What remains of it in a store is no entry, and removed in its turn.
        let _ = fs::remove_file(&written);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    fn entry(request: &str, object: &[u8]) -> Entry {
        let header = Header { name: "a b.h".into(), hash: Hash::of(b"int a;") };
        Entry {
            request: request.into(),
            version: "Some Clang 19".into(),
            block: "src/a b.rs: Machine: uop".into(),
            headers: vec![header],
            messages: "a: b\n\n".into(),
            object: object.into(),
        }
    }

    fn store(limit: u64) -> (Temporary, Store) {
        let scratch = Temporary::new().unwrap();
        let store = Store::new(scratch.0.join("in/a/folder"), limit);
        (scratch, store)
    }

    #[test]
    fn what_is_kept_is_found() {
        let (_scratch, store) = store(u64::MAX);
        assert_eq!(store.find("one"), None);
        for object in [&b""[..], b"\n\n", b"\0\xff", b"object"] {
            let entry = entry("one", object);
            store.keep(&entry).unwrap();
            assert_eq!(store.find("one"), Some(entry));
        }
        assert_eq!(store.find("two"), None);
        assert_eq!(files(&store.folder).count(), 1);
    }

    #[test]
    fn a_collision_of_hashes_is_not_found() {
        let (_scratch, store) = store(u64::MAX);
        store.keep(&entry("one", b"object")).unwrap();
        fs::rename(store.path("one"), store.path("two")).unwrap();
        assert_eq!(store.find("two"), None);
    }

    #[test]
    fn a_damaged_entry_is_none() {
        let whole = entry("request", b"object").to_bytes();
        assert!(Entry::from_bytes(&whole).is_some());
        for place in 0..whole.len() {
            assert_eq!(Entry::from_bytes(&whole[..place]), None, "cut off at {place}");
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            assert_eq!(Entry::from_bytes(&flipped), None, "changed at {place}");
        }
        assert_eq!(Entry::from_bytes(&[&whole[..], b"0"].concat()), None);
    }

    #[test]
    fn lengths_that_lie_are_no_entry() {
        let whole = |lengths: &str| format!("{MAGIC}\n{lengths}\ncompiler \nblock \n\nrequest");
        let with_hash = |text: String| format!("{text}{}", Hash::of(text.as_bytes()));
        assert!(Entry::from_bytes(with_hash(whole("7 0 0")).as_bytes()).is_some());
        for lengths in ["7 0 1", "8 0 0", "6 0 0", "18446744073709551615 1 0", "7 0", "7 0 0 0", "-7 0 0", ""] {
            assert_eq!(Entry::from_bytes(with_hash(whole(lengths)).as_bytes()), None, "{lengths}");
        }
    }

    #[test]
    fn many_writers_and_readers_never_see_half_an_entry() {
        let (_scratch, store) = store(u64::MAX);
        let entries: Vec<_> = (0..4u8).map(|n| entry("one", &vec![n; 100_000])).collect();
        store.keep(&entries[0]).unwrap();
        std::thread::scope(|scope| {
            for entry in &entries {
                scope.spawn(|| (0..20).for_each(|_| store.keep(entry).unwrap()));
                scope.spawn(|| (0..20).for_each(|_| assert!(entries.contains(&store.find("one").unwrap()))));
            }
        });
        assert_eq!(files(&store.folder).count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_keeps_nothing() {
        let (scratch, store) = store(u64::MAX);
        fs::write(scratch.0.join("in"), "a file").unwrap();
        assert!(store.keep(&entry("one", b"object")).is_err());
        assert_eq!(store.find("one"), None);
    }

    #[test]
    fn what_was_not_used_for_longest_is_removed_first() {
        let size = entry("0", &[0; 1000]).to_bytes().len() as u64;
        let (_scratch, store) = store(4 * size);
        let set = |request: &str, seconds| {
            let file = File::options().append(true).open(store.path(request)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        };
        for (seconds, request) in ["0", "1", "2", "3"].into_iter().enumerate() {
            store.keep(&entry(request, &[0; 1000])).unwrap();
            set(request, seconds as u64);
        }
        assert_eq!(files(&store.folder).count(), 4);
        // A lookup changes nothing: Cargo would take a committed object for changed.
        let modified = || fs::metadata(store.path("0")).unwrap().modified().unwrap();
        let before = modified();
        assert!(store.find("0").is_some());
        assert_eq!(modified(), before);
        store.touch("0");
        store.keep(&entry("4", &[0; 1000])).unwrap();
        let left: Vec<_> = ["0", "1", "2", "3", "4"].into_iter().filter(|one| store.path(one).exists()).collect();
        assert_eq!(left, ["0", "3", "4"]);
        // What is larger than all that may be kept is not kept.
        store.keep(&entry("5", &[0; 10_000])).unwrap();
        assert_eq!(files(&store.folder).count(), 0);
    }
}
