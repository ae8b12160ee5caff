//! A folder of entries, bounded in size: the cache of a user. An entry's file is named by the digest of its request.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use crate::entry::Entry;
use crate::hash::Hash;

/// Ends the name of each entry.
const EXTENSION: &str = "stencil";
/// Ends the name of a file that is being written.
const UNFINISHED: &str = "new";

/// A folder of entries.
pub struct Store {
    folder: PathBuf,
    /// The bytes that all its files may take together.
    limit: u64,
}

impl Store {
    /// The store in a folder, which need not exist, whose files may take so many bytes.
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit }
    }

    /// Finds the entry for a request, whatever became of its inputs, and marks it as used.
    pub fn find(&self, request: Hash) -> Option<Entry> {
        let path = self.path(request);
        let entry = Entry::from_bytes(&fs::read(&path).ok()?).filter(|entry| entry.request == request)?;
        // The entry that was not used for longest is removed first. If the time cannot be set, that order is worse.
        let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(entry)
    }

    /// Writes an entry in place of what there is for its request. Whoever reads at the same time has the one or the other.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn keep(&self, entry: &Entry) -> io::Result<()> {
        let Some(bytes) = entry.to_bytes() else { return Ok(()) };
        fs::create_dir_all(&self.folder)?;
        let result = replace(&self.path(entry.request), &bytes);
        self.bound();
        result
    }

    fn path(&self, request: Hash) -> PathBuf {
        self.folder.join(format!("{request}.{EXTENSION}"))
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

/// The files of a store: entries, those of earlier versions, and what is being written.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let ours = |path: &PathBuf| path.extension().is_some_and(|end| end == EXTENSION || end == UNFINISHED);
    fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()).filter(ours)
}

/// Writes a file in place of what there is. Whoever reads at the same time has the one or the other.
///
/// # Errors
/// It cannot be written, or not be put there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}.{UNFINISHED}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
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
    use crate::entry::tests::{entry, object};
    use crate::temporary::Temporary;

    fn store(limit: u64) -> (Temporary, Store) {
        let scratch = Temporary::new().unwrap();
        let store = Store::new(scratch.0.join("in/a/folder"), limit);
        (scratch, store)
    }

    fn request(name: &str) -> Hash {
        Hash::of(name.as_bytes())
    }

    #[test]
    fn what_is_kept_is_found() {
        let (_scratch, store) = store(u64::MAX);
        assert_eq!(store.find(request("one")), None);
        for length in [0, 1, 100] {
            let entry = entry("one", object(length));
            store.keep(&entry).unwrap();
            assert!(store.find(request("one")).unwrap().has_object(&entry.object));
        }
        assert_eq!(store.find(request("two")), None);
        assert_eq!(files(&store.folder).count(), 1);
        // Nor is an entry found under another name.
        fs::rename(store.path(request("one")), store.path(request("two"))).unwrap();
        assert_eq!(store.find(request("two")), None);
        // What is no object file is not kept.
        store.keep(&entry("three", b"LLVM".to_vec())).unwrap();
        assert_eq!(store.find(request("three")), None);
    }

    #[test]
    fn many_writers_and_readers_never_see_half_an_entry() {
        let (_scratch, store) = store(u64::MAX);
        let entries: Vec<_> = (0..4).map(|n| entry("one", object(100_000 + n))).collect();
        store.keep(&entries[0]).unwrap();
        let is_whole = |found: Entry| entries.iter().any(|entry| found.has_object(&entry.object));
        std::thread::scope(|scope| {
            for entry in &entries {
                scope.spawn(|| (0..20).for_each(|_| store.keep(entry).unwrap()));
                scope.spawn(|| (0..20).for_each(|_| assert!(is_whole(store.find(request("one")).unwrap()))));
            }
        });
        assert_eq!(files(&store.folder).count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_keeps_nothing() {
        let (scratch, store) = store(u64::MAX);
        fs::write(scratch.0.join("in"), "a file").unwrap();
        assert!(store.keep(&entry("one", object(1))).is_err());
        assert_eq!(store.find(request("one")), None);
    }

    #[test]
    fn what_was_not_used_for_longest_is_removed_first() {
        let size = entry("0", object(1000)).to_bytes().unwrap().len() as u64;
        let (_scratch, store) = store(4 * size);
        let set = |name: &str, seconds| {
            let file = File::options().append(true).open(store.path(request(name))).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
        };
        for (seconds, name) in ["0", "1", "2", "3"].into_iter().enumerate() {
            store.keep(&entry(name, object(1000))).unwrap();
            set(name, seconds as u64);
        }
        assert_eq!(files(&store.folder).count(), 4);
        // Found, and so used last.
        assert!(store.find(request("0")).is_some());
        store.keep(&entry("4", object(1000))).unwrap();
        let left = ["0", "1", "2", "3", "4"].into_iter().filter(|name| store.path(request(name)).exists());
        assert_eq!(left.collect::<Vec<_>>(), ["0", "3", "4"]);
        // What is larger than all that may be kept is not kept.
        store.keep(&entry("5", object(10_000))).unwrap();
        assert_eq!(files(&store.folder).count(), 0);
    }
}
