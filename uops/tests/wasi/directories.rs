//! Directories: listings, limits, and those that are granted to read only.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use uops::wasi::Wasi;

use crate::guest::{EXIST, Guest, ISDIR, MFILE, NOENT, NOTDIR, ROFS, TempDir};

fn inode(path: impl AsRef<Path>) -> u64 {
    std::fs::metadata(path).unwrap().ino()
}

#[test]
fn the_parent_of_a_granted_directory_is_itself() {
    let dir = TempDir::new("parents");
    std::fs::create_dir_all(dir.path("granted/sub/deep")).unwrap();
    std::fs::write(dir.path("granted/file"), "").unwrap();
    let guest = Guest::new(Wasi::new().dir(dir.path("granted"), "/").unwrap());
    let [root, sub, file] = ["granted", "granted/sub", "granted/file"].map(|path| inode(dir.path(path)));
    for (fd, expected) in [
        (3, [(".", root), ("..", root), ("sub", sub), ("file", file)].as_slice()),
        // The same directory without its name.
        (guest.open_dir(".").unwrap(), &[(".", root), ("..", root), ("sub", sub), ("file", file)]),
        (guest.open_dir("sub").unwrap(), &[(".", sub), ("..", root)]),
        (guest.open_dir("sub/deep").unwrap(), &[("..", sub)]),
    ] {
        let entries: HashMap<_, _> =
            guest.entries(fd, 4096, |_| ()).into_iter().map(|(inode, name)| (name, inode)).collect();
        for (name, inode) in expected {
            assert_eq!(entries[*name], *inode, "{fd} {name}");
            assert_ne!(*inode, 0);
        }
    }
}

/// `rm -r` removes what one call listed before it makes the next one.
#[test]
fn files_that_are_removed_meanwhile_do_not_hide_others() {
    let dir = TempDir::new("removed");
    let count = 1000;
    (0..count).for_each(|n| std::fs::write(dir.path(&format!("file-{n:04}")), "").unwrap());
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap());
    let remove = |names: &[(u64, String)]| {
        for (_, name) in names.iter().filter(|(_, name)| name.starts_with("file")) {
            std::fs::remove_file(dir.path(name)).unwrap();
        }
    };
    assert_eq!(guest.entries(3, 500, remove).len(), count + 2);
    assert_eq!(guest.list(3, 500), [".", ".."]);
}

#[test]
fn a_directory_takes_one_descriptor_of_the_host() {
    let dir = TempDir::new("handles");
    // Opens and lists directories until that fails, and exits with their number if the reason is `EMFILE`.
    let program = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_readdir" (func $list (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) ".")
        (func (export "_start") (local $errno i32) (local $count i32)
            (loop $more
                (local.set $errno (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 2)
                    (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 16)))
                (if (i32.eqz (local.get $errno)) (then
                    (if (call $list (i32.load (i32.const 16)) (i32.const 32) (i32.const 100) (i64.const 0) (i32.const 20))
                        (then (call $exit (i32.const 255))))
                    (local.set $count (i32.add (local.get $count) (i32.const 1)))
                    (br $more))))
            (if (i32.ne (local.get $errno) (i32.const 33)) (then (call $exit (i32.const 254))))
            (call $exit (local.get $count))))"#;
    std::fs::write(dir.path("program.wat"), program).unwrap();
    let line = format!("ulimit -n 100; exec {} run --dir . program.wat", env!("CARGO_BIN_EXE_uops"));
    let code = Command::new("sh").args(["-c", &line]).current_dir(dir.path("")).status().unwrap().code();
    // Half of the host's, without the standard streams and the granted directory.
    assert_eq!(code, Some(50 - 4));

    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap().max_descriptors(6));
    assert_eq!([(); 3].map(|()| guest.open_dir(".")), [Ok(4), Ok(5), Err(MFILE)]);
    assert_eq!((guest.call("fd_close", (4,)), guest.create("new")), (0, Ok(4)));
    // A refused file is not made.
    assert_eq!((guest.create("other"), guest.stat("other")), (Err(MFILE), NOENT));
}

#[test]
fn what_is_granted_to_read_only_is_not_changed() {
    let dir = TempDir::new("read-only");
    for sub in ["ro/sub", "rw"] {
        std::fs::create_dir_all(dir.path(sub)).unwrap();
    }
    std::fs::write(dir.path("ro/file"), "text").unwrap();
    std::fs::write(dir.path("rw/file"), "text").unwrap();
    std::os::unix::fs::symlink("file", dir.path("ro/link")).unwrap();
    let wasi = Wasi::new().dir_read_only(dir.path("ro"), "/").unwrap().dir(dir.path("rw"), "/rw").unwrap();
    let guest = Guest::new(wasi);
    let snapshot = || -> Vec<_> {
        let mut all: Vec<_> = ["ro", "ro/sub", "ro/file", "ro/link"]
            .map(|path| (path, std::fs::symlink_metadata(dir.path(path)).unwrap()))
            .map(|(path, data)| (path, data.len(), data.modified().unwrap(), data.nlink(), data.mode()))
            .into();
        all.sort();
        all
    };
    let before = snapshot();

    let (read, write) = (1 << 1, 1 << 6);
    let (create, exclusive, truncate) = (1, 1 << 2, 1 << 3);
    let file = guest.open("file").unwrap();
    assert_eq!(guest.read(file, 10), Ok(b"text".to_vec()));
    assert_eq!(guest.list(3, 4096), [".", "..", "file", "link", "sub"]);
    for (path, how, rights, outcome) in [
        ("file", 0, write, Err(ROFS)),
        ("link", 0, read | write, Err(ROFS)),
        ("file", truncate, read, Err(ROFS)),
        ("new", create, read, Err(ROFS)),
        ("sub/new", create, write, Err(ROFS)),
        ("new", create | exclusive, read, Err(ROFS)),
        ("file", create | exclusive, read, Err(EXIST)),
        ("file", create, read, Ok(6)),
        ("missing", 0, write, Err(NOENT)),
        ("file/new", create, write, Err(NOTDIR)),
        ("sub", 0, read | write, Err(ISDIR)),
    ] {
        assert_eq!(guest.open_with(path, how, rights), outcome, "{path} {how} {rights}");
    }
    // Directories that are opened in it are read-only, too.
    let sub = guest.open_dir("sub").unwrap();
    guest.put(1000, b"new");
    assert_eq!(guest.call("path_create_directory", (sub, 1000, 3)), ROFS);
    for path in ["file", "new", "sub", "sub/new"] {
        for function in ["path_create_directory", "path_remove_directory", "path_unlink_file"] {
            assert_eq!(guest.path(function, path), ROFS, "{function} {path}");
        }
        assert_eq!(guest.symlink("file", path), ROFS);
        assert_eq!((guest.paths("path_rename", "file", path), guest.link("file", path)), (ROFS, ROFS));
        assert_eq!((guest.set_times(1, path, 5), guest.set_times(0, path, 5)), (ROFS, ROFS));
    }
    assert_eq!(guest.call("fd_filestat_set_times", (file, 0i64, 5i64, 4)), ROFS);
    assert_eq!(guest.call("fd_filestat_set_times", (3, 0i64, 5i64, 4)), ROFS);
    assert_ne!(guest.call("fd_filestat_set_size", (file, 0i64)), 0);
    // Nothing moves between the two directories: a second name elsewhere would make a file writable.
    guest.put(1000, b"file");
    guest.put(3000, b"other");
    for (from, to) in [(3, 4), (4, 3)] {
        assert_eq!(guest.call("path_link", (from, 0, 1000, 4, to, 3000, 5)), ROFS);
        assert_eq!(guest.call("path_rename", (from, 1000, 4, to, 3000, 5)), ROFS);
    }
    assert_eq!(snapshot(), before);
    // The other one can be changed.
    assert_eq!(guest.call("path_rename", (4, 1000, 4, 4, 3000, 5)), 0);
}

#[test]
fn the_command_line_grants_directories_to_read_only() {
    let dir = TempDir::new("dir-ro");
    let program = r#"(module
        (import "wasi_snapshot_preview1" "path_create_directory" (func $create (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "new")
        (func (export "_start") (call $exit (call $create (i32.const 3) (i32.const 0) (i32.const 3)))))"#;
    std::fs::write(dir.path("program.wat"), program).unwrap();
    let code = |option: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_uops"));
        command.args(["run", option, ".::/data", "program.wat"]).current_dir(dir.path("")).status().unwrap().code()
    };
    assert_eq!((code("--dir-ro"), code("--dir"), code("--dir")), (Some(ROFS.into()), Some(0), Some(EXIST.into())));
}
