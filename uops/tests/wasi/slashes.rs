//! Paths with trailing slashes and dots: each function fails or succeeds as Linux does on the same files.

use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use uops::wasi::Wasi;

use crate::guest::{Guest, TempDir};

/// A function of one or two paths, as a program calls it and as the host does.
struct Operation {
    name: &'static str,
    guest: fn(&Guest, &str) -> u16,
    host: fn(&Path, &str) -> rustix::io::Result<()>,
}

const OPERATIONS: [Operation; 10] = [
    Operation {
        name: "stat",
        guest: |guest, path| guest.stat(path),
        host: |dir, path| rustix::fs::stat(at(dir, path)).map(drop),
    },
    Operation {
        name: "lstat",
        guest: |guest, path| guest.lstat(path),
        host: |dir, path| rustix::fs::lstat(at(dir, path)).map(drop),
    },
    Operation {
        name: "open",
        guest: |guest, path| guest.open(path).err().unwrap_or(0),
        host: |dir, path| rustix::fs::open(at(dir, path), OFlags::RDONLY, Mode::empty()).map(drop),
    },
    Operation {
        name: "create",
        guest: |guest, path| guest.create(path).err().unwrap_or(0),
        host: |dir, path| rustix::fs::open(at(dir, path), OFlags::RDWR | OFlags::CREATE, Mode::RWXU).map(drop),
    },
    Operation {
        name: "mkdir",
        guest: |guest, path| guest.path("path_create_directory", path),
        host: |dir, path| rustix::fs::mkdir(at(dir, path), Mode::RWXU),
    },
    Operation {
        name: "rmdir",
        guest: |guest, path| guest.path("path_remove_directory", path),
        host: |dir, path| rustix::fs::rmdir(at(dir, path)),
    },
    Operation {
        name: "unlink",
        guest: |guest, path| guest.path("path_unlink_file", path),
        host: |dir, path| rustix::fs::unlink(at(dir, path)),
    },
    Operation {
        name: "readlink",
        guest: |guest, path| {
            guest.put(1000, path.as_bytes());
            guest.call("path_readlink", (3, 1000, path.len() as i32, 2000, 100, 0))
        },
        host: |dir, path| rustix::fs::readlink(at(dir, path), vec![]).map(drop),
    },
    Operation {
        name: "symlink",
        guest: |guest, path| guest.symlink("target", path),
        host: |dir, path| rustix::fs::symlink("target", at(dir, path)),
    },
    Operation {
        name: "times",
        guest: |guest, path| guest.set_times(0, path, 1),
        host: |dir, path| {
            let metadata = rustix::fs::lstat(at(dir, path))?;
            let now = rustix::fs::Timespec { tv_sec: metadata.st_atime, tv_nsec: 0 };
            let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
            rustix::fs::utimensat(CWD, at(dir, path), &times, AtFlags::SYMLINK_NOFOLLOW)
        },
    },
];

/// All names, with all endings.
fn paths() -> impl Iterator<Item = String> {
    let names =
        ["file", "dir", "full", "full/file", "to-file", "to-dir", "dangling", "missing", "missing/file", "file/x"];
    names.into_iter().flat_map(|name| ["", "/", "//", "/."].map(|end| format!("{name}{end}")))
}

fn at(dir: &Path, path: &str) -> std::path::PathBuf {
    // `join` would keep a trailing slash, too, but this says so.
    format!("{}/{path}", dir.display()).into()
}

/// Fills a directory with one of each kind of file.
fn fill(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let is_dir = entry.file_type().unwrap().is_dir();
        (if is_dir { std::fs::remove_dir_all(entry.path()) } else { std::fs::remove_file(entry.path()) }).unwrap();
    }
    std::fs::create_dir_all(dir.join("dir")).unwrap();
    std::fs::create_dir_all(dir.join("full")).unwrap();
    for file in ["file", "full/file"] {
        std::fs::write(dir.join(file), "text").unwrap();
    }
    for (target, link) in [("file", "to-file"), ("dir", "to-dir"), ("nowhere", "dangling")] {
        symlink(target, dir.join(link)).unwrap();
    }
}

/// The error number of WASI for one of Linux.
fn errno(error: rustix::io::Errno) -> u16 {
    use rustix::io::Errno;
    let numbers = [
        (Errno::BUSY, 10),
        (Errno::EXIST, 20),
        (Errno::INVAL, 28),
        (Errno::ISDIR, 31),
        (Errno::LOOP, 32),
        (Errno::NOENT, 44),
        (Errno::NOTDIR, 54),
        (Errno::NOTEMPTY, 55),
        (Errno::PERM, 63),
    ];
    numbers.iter().find(|(linux, _)| *linux == error).unwrap_or_else(|| panic!("{error}")).1
}

#[test]
fn paths_mean_what_they_mean_to_linux() {
    let dir = TempDir::new("slashes");
    let (inside, outside) = (dir.path("guest"), dir.path("host"));
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    let guest = Guest::new(Wasi::new().dir(&inside, "/").unwrap());
    fill(&inside);
    fill(&outside);
    let mut wrong = vec![];
    // Where both of two paths are wrong, either may be reported.
    let mut compare = |what: &str, guest: &dyn Fn() -> u16, host: &dyn Fn() -> rustix::io::Result<()>| {
        let (guest, host) = (guest(), host().map_or_else(errno, |()| 0));
        let two = what.split(' ').count() > 2;
        if guest != host && !(two && guest != 0 && host != 0) {
            wrong.push(format!("{what}: {guest} instead of {host}"));
        }
        // Failures change nothing.
        if guest == 0 || host == 0 {
            fill(&inside);
            fill(&outside);
        }
    };
    for path in paths() {
        for Operation { name, guest: call, host } in OPERATIONS {
            compare(&format!("{name} {path}"), &|| call(&guest, &path), &|| host(&outside, &path));
        }
        for other in paths() {
            compare(&format!("rename {path} {other}"), &|| guest.paths("path_rename", &path, &other), &|| {
                rustix::fs::rename(at(&outside, &path), at(&outside, &other))
            });
            compare(&format!("link {path} {other}"), &|| guest.link(&path, &other), &|| {
                rustix::fs::linkat(CWD, at(&outside, &path), CWD, at(&outside, &other), AtFlags::empty())
            });
        }
    }
    assert!(wrong.is_empty(), "{}\n{} differ", wrong.join("\n"), wrong.len());
}
