//! What programs cannot do, and the error numbers that tell them.

use std::process::Command;

use uops::wasi::Wasi;

use crate::guest::{BADF, Guest, INVAL, ISDIR, NOTSOCK, NOTSUP, SPIPE, TempDir};

const READ: i64 = 1 << 1;
const WRITE: i64 = 1 << 6;
const ONLY_DIRECTORY: i32 = 1 << 1;

/// The rights of a descriptor, and those that it passes on.
fn rights(guest: &Guest, fd: i32) -> (i64, i64) {
    assert_eq!(guest.call("fd_fdstat_get", (fd, 0)), 0);
    let i64_at = |at| i64::from(guest.u32(at)) | i64::from(guest.u32(at + 4)) << 32;
    (i64_at(8), i64_at(16))
}

#[test]
fn directories_open_themselves_and_are_no_files() {
    let dir = TempDir::new("directories");
    std::fs::create_dir(dir.path("sub")).unwrap();
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap());
    let (base, inheriting) = rights(&guest, 3);
    // To seek, to set a size by descriptor and by path.
    assert_eq!(base & (1 << 2 | 1 << 22 | 1 << 19), 0);
    // All functions of paths, listing, and a directory's attributes.
    let paths = (9..=18).chain([20, 21, 23, 24, 25, 26]).fold(0, |all, bit| all | 1 << bit);
    assert_eq!(base & paths, paths);
    // And for files, to read, write, seek, tell, synchronize, advise, allocate, get and set attributes, and poll.
    let files = (0..=8).chain([21, 22, 23, 27]).fold(paths, |all, bit| all | 1 << bit);
    assert_eq!(inheriting & files, files);

    for (how, rights) in [(0, base), (0, 0), (0, READ), (ONLY_DIRECTORY, 0), (ONLY_DIRECTORY, READ)] {
        for path in [".", "sub", "sub/", "sub/.."] {
            let fd =
                guest.open_with(path, how, rights).unwrap_or_else(|error| panic!("{path} {how} {rights}: {error}"));
            assert_eq!(self::rights(&guest, fd), (base, inheriting));
            assert_eq!(guest.call("fd_close", (fd,)), 0);
        }
    }
    for how in [0, ONLY_DIRECTORY] {
        assert_eq!(guest.open_with(".", how, READ | WRITE), Err(ISDIR));
    }

    assert!([0, 1, 2].iter().all(|&whence| guest.call("fd_seek", (3, 0i64, whence, 0)) == ISDIR));
    assert_eq!((guest.call("fd_tell", (3, 0)), guest.call("fd_filestat_set_size", (3, 0i64))), (ISDIR, INVAL));
    assert_eq!((guest.read(3, 1), guest.write(3, "a")), (Err(BADF), Err(BADF)));
    guest.slice(64, 8000, 1);
    assert_eq!(
        (guest.call("fd_pread", (3, 64, 1, 0i64, 0)), guest.call("fd_pwrite", (3, 64, 1, 0i64, 0))),
        (BADF, BADF)
    );
    assert_eq!(guest.call("fd_allocate", (3, 0i64, 1i64)), ISDIR);
}

#[test]
fn space_is_not_allocated_and_rights_are_not_given_up() {
    let dir = TempDir::new("allocate");
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap());
    let file = guest.create("file").unwrap();
    assert_eq!(guest.call("fd_filestat_set_size", (file, 100i64)), 0);
    assert_eq!(guest.call("fd_allocate", (file, 100i64, 100i64)), NOTSUP);
    assert_eq!(std::fs::metadata(dir.path("file")).unwrap().len(), 100);
    let file = guest.open("file").unwrap();
    assert_eq!(guest.call("fd_allocate", (file, 0i64, 1i64)), BADF);
    assert_eq!(
        (guest.call("fd_allocate", (1, 0i64, 1i64)), guest.call("fd_allocate", (99, 0i64, 1i64))),
        (SPIPE, BADF)
    );
    let (base, inheriting) = rights(&guest, file);
    assert_eq!(guest.call("fd_fdstat_set_rights", (file, base, inheriting)), NOTSUP);
    assert_eq!(guest.call("fd_fdstat_set_rights", (99, 0i64, 0i64)), BADF);
}

#[test]
fn no_descriptor_is_a_socket() {
    let guest = Guest::new(Wasi::new());
    for (fd, error) in [(0, NOTSOCK), (1, NOTSOCK), (3, BADF), (-1, BADF)] {
        assert_eq!(guest.call("sock_shutdown", (fd, 0)), error);
        assert_eq!(guest.call("sock_accept", (fd, 0, 0)), error);
        assert_eq!(guest.call("sock_recv", (fd, 0, 1, 0, 0, 0)), error);
        assert_eq!(guest.call("sock_send", (fd, 0, 1, 0, 0)), error);
    }
}

#[test]
fn strings_with_nul_are_refused() {
    for (wasi, message) in [
        (Wasi::new().arg("a").arg("b\0c"), r#"the argument "b\0c" contains a NUL byte"#),
        (Wasi::new().env("a\0", "b"), r#"the name of a variable "a\0" contains a NUL byte"#),
        (Wasi::new().env("a", "\0"), r#"the value of a variable "\0" contains a NUL byte"#),
        (Wasi::new().env("", "b"), r#"the name of a variable, "", is empty or contains `=`"#),
        (Wasi::new().env("a=b", "c"), r#"the name of a variable, "a=b", is empty or contains `=`"#),
    ] {
        let error = wasi.linker().unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (std::io::ErrorKind::InvalidInput, message));
    }
    let error = Wasi::new().dir(".", "a\0b").unwrap_err().to_string();
    assert_eq!(error, r#"the name of a directory "a\0b" contains a NUL byte"#);
}

/// Beyond `ulimit -f`, a process that does not take care is ended by a signal.
#[test]
fn the_limit_on_file_sizes_is_an_error() {
    let dir = TempDir::new("file-size");
    // Writes 4096 bytes until that fails, then tries to write elsewhere and to set a size, and exits with what they
    // say, if that is the same.
    let program = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $resize (param i32 i64) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "\00\10\00\00\00\10\00\00")
        (data (i32.const 32) "new")
        (func $fill (param $fd i32) (result i32) (local $errno i32)
            (loop $more
                (local.set $errno (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
                (br_if $more (i32.eqz (local.get $errno))))
            (local.get $errno))
        (func (export "_start") (local $errno i32) (local $fd i32)
            (local.set $fd (i32.const 1))
            (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 3) (i32.const 1)
                    (i64.const 0x42) (i64.const 0) (i32.const FLAGS) (i32.const 16)))
                (then (local.set $fd (i32.load (i32.const 16)))))
            (local.set $errno (call $fill (local.get $fd)))
            (if (i32.gt_u (local.get $fd) (i32.const 1)) (then
                (if (i32.ne (local.get $errno)
                    (call $pwrite (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 1000000) (i32.const 16)))
                    (then (call $exit (i32.const 1))))
                (if (i32.ne (local.get $errno) (call $resize (local.get $fd) (i64.const 1000000)))
                    (then (call $exit (i32.const 2))))
                (if (call $resize (local.get $fd) (i64.const 100)) (then (call $exit (i32.const 3))))))
            (call $exit (local.get $errno))))"#;
    for flags in ["0", "1"] {
        std::fs::write(dir.path("program.wat"), program.replace("FLAGS", flags)).unwrap();
        let script = |rest: &str| {
            let line = format!("ulimit -f 64; exec {} run {rest}", env!("CARGO_BIN_EXE_uops"));
            Command::new("sh").args(["-c", &line]).current_dir(dir.path("")).status().unwrap().code()
        };
        const FBIG: Option<i32> = Some(22);
        assert_eq!(script("--dir . program.wat"), FBIG, "files, flags {flags}");
        assert_eq!(script("program.wat > out"), FBIG, "standard output");
        assert_eq!(script("program.wat >> out"), FBIG, "standard output, appending");
    }
}
