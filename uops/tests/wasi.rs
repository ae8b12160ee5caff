//! WASI preview 1: whole programs, then single functions with valid and invalid arguments, on granted files and on all
//! others.

#[path = "wasi/directories.rs"]
mod directories;
#[path = "wasi/guest.rs"]
mod guest;
#[path = "wasi/poll.rs"]
mod poll;
#[path = "wasi/refusals.rs"]
mod refusals;
#[path = "wasi/slashes.rs"]
mod slashes;

use std::path::Path;

use guest::{ACCESS, BADF, EXIST, FAULT, Guest, INVAL, NAMETOOLONG, NOENT, NOSPC, NOSYS, PERM, TempDir};
use uops::wasi::{Capture, Exit, Wasi};
use uops::{Error, Instance, Module, Program, Store, Tier, Trap};

/// Runs a program in each tier, which must make no difference. Returns how it ended and what it printed.
fn run(wasi: impl Fn() -> Wasi, fields: &str) -> (Result<(), Error>, String) {
    let compiled = run_in(Tier::Jit, wasi(), fields);
    for tier in [Tier::Interpreter, Tier::Auto] {
        let other = run_in(tier, wasi(), fields);
        assert_eq!(format!("{other:?}"), format!("{compiled:?}"), "{tier:?}");
    }
    compiled
}

fn run_in(tier: Tier, wasi: Wasi, fields: &str) -> (Result<(), Error>, String) {
    let text = format!(
        r#"(module
                (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "environ_sizes_get"
                    (func $environ_sizes_get (param i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
                (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1)
                (func $print (param $at i32) (param $len i32)
                    (i32.store (i32.const 0) (local.get $at))
                    (i32.store (i32.const 4) (local.get $len))
                    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable)))
                {fields})"#
    );
    let program = |tier| Program::for_tier(Module::from_text(text.as_bytes())?, tier);
    let program = match program(tier) {
        // gcc compiled the uops.
        Err(Error::NoInterpreter) => program(Tier::Jit).unwrap(),
        result => result.unwrap(),
    };
    let (output, store) = (Capture::default(), Store::new().unwrap());
    let linker = wasi.stdout(output.clone()).linker().unwrap();
    let instance = Instance::new(&store, &program, &linker).unwrap();
    let result = instance.call(&store, "_start", &[]).map(|results| assert!(results.is_empty()));
    (result, String::from_utf8(output.bytes()).unwrap())
}

#[test]
fn hello_world() {
    let (result, output) = run(
        Wasi::new,
        r#"(data (i32.const 100) "Hello, world\n")
           (func (export "_start") (call $print (i32.const 100) (i32.const 13)))"#,
    );
    result.unwrap();
    assert_eq!(output, "Hello, world\n");
}

#[test]
fn arguments_are_echoed() {
    let (result, output) = run(
        || Wasi::new().arg("echo").args(["one", "", "zwei ü"]),
        r#"(func (export "_start")
               (if (call $args_get (i32.const 64) (i32.const 256)) (then unreachable))
               ;; From the second one to the end of the last.
               (call $print (i32.load (i32.const 68)) (i32.const 13)))"#,
    );
    result.unwrap();
    assert_eq!(output, "one\0\0zwei ü\0");
}

#[test]
fn the_environment_is_the_given_one() {
    let program = r#"(func (export "_start")
        (if (call $environ_sizes_get (i32.const 16) (i32.const 20)) (then unreachable))
        (if (call $environ_get (i32.const 64) (i32.const 256)) (then unreachable))
        (call $print (i32.const 256) (i32.load (i32.const 20)))
        (call $exit (i32.load (i32.const 16))))"#;
    let (result, output) = run(|| Wasi::new().env("A", "1").env("B", "x=y"), program);
    assert_eq!((Exit::of(&result.unwrap_err()), &*output), (Some(Exit(2)), "A=1\0B=x=y\0"));
    let (result, output) = run(Wasi::new, program);
    assert_eq!((Exit::of(&result.unwrap_err()), &*output), (Some(Exit(0)), ""));
}

#[test]
fn input_is_copied_to_output() {
    let (result, output) = run(
        || Wasi::new().stdin(b"some input".to_vec()),
        r#"(func (export "_start")
               (loop $more
                   (i64.store (i32.const 0) (i64.const 0x4_0000_0100))
                   (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
                   (if (i32.load (i32.const 8)) (then
                       (call $print (i32.const 0x100) (i32.load (i32.const 8)))
                       (br $more)))))"#,
    );
    result.unwrap();
    assert_eq!(output, "some input");
}

#[test]
fn traps_are_not_exits() {
    let (result, _) = run(Wasi::new, r#"(func (export "_start") unreachable)"#);
    let error = result.unwrap_err();
    assert_eq!((error.trap(), Exit::of(&error)), (Some(Trap::Unreachable), None));
}

#[test]
fn the_command_line_runs_programs() {
    let dir = TempDir::new("command");
    let program = r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_prestat_get" (func $granted (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
            (drop (call $sizes (i32.const 0) (i32.const 4)))
            (if (call $granted (i32.const 3) (i32.const 8)) (then (return)))
            (call $exit (i32.mul (i32.const 10) (i32.load (i32.const 0))))))"#;
    std::fs::write(dir.path("program.wat"), program).unwrap();
    let code = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_uops"));
        command.arg("run").arg(dir.path("program.wat")).args(args).status().unwrap().code()
    };
    assert_eq!(code(&["--dir", ".::/", "--env", "A=1", "one", "--env"]), Some(30));
    assert_eq!(code(&["one"]), Some(0));
    assert_eq!(code(&["--dir", "/no/such/directory"]), Some(1));
}

#[test]
fn files_are_written_read_and_listed() {
    let dir = TempDir::new("files");
    std::fs::write(dir.path("old"), "0123456789").unwrap();
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/granted").unwrap());
    assert_eq!(guest.call("fd_prestat_get", (3, 0)), 0);
    assert_eq!((guest.u32(0), guest.u32(4)), (0, 8));
    assert_eq!(guest.call("fd_prestat_dir_name", (3, 0, 8)), 0);
    assert_eq!(guest.bytes(0, 8), b"/granted");
    assert_eq!(guest.call("fd_prestat_get", (4, 0)), BADF);

    let new = guest.create("new").unwrap();
    assert_eq!(guest.write(new, "hello"), Ok(5));
    assert_eq!(guest.call("fd_seek", (new, 1i64, 0, 0)), 0);
    assert_eq!(guest.call("fd_seek", (new, -2i64, 0, 0)), INVAL);
    assert_eq!(guest.read(new, 100), Ok(b"ello".to_vec()));
    assert_eq!(guest.call("fd_tell", (new, 0)), 0);
    assert_eq!(guest.u32(0), 5);
    assert_eq!(guest.call("fd_filestat_set_size", (new, 3i64)), 0);
    assert_eq!((guest.call("fd_sync", (new,)), guest.call("fd_datasync", (new,))), (0, 0));
    assert_eq!(guest.call("fd_filestat_get", (new, 0)), 0);
    assert_eq!((guest.bytes(16, 1), guest.u32(32)), (vec![4], 3));
    assert_eq!(std::fs::read(dir.path("new")).unwrap(), b"hel");

    let old = guest.open("old").unwrap();
    assert_eq!(guest.write(old, "no"), Err(BADF));
    guest.slice(64, 1000, 4);
    assert_eq!(guest.call("fd_pread", (old, 64, 1, 3i64, 0)), 0);
    assert_eq!(guest.bytes(1000, 4), b"3456");
    assert_eq!(guest.call("fd_renumber", (old, new)), 0);
    assert_eq!(guest.read(new, 3), Ok(b"012".to_vec()));
    assert_eq!((guest.call("fd_close", (new,)), guest.call("fd_close", (old,))), (0, BADF));

    assert_eq!(guest.path("path_create_directory", "sub"), 0);
    assert_eq!(guest.path("path_create_directory", "sub"), EXIST);
    assert_eq!(guest.paths("path_rename", "new", "sub/moved"), 0);
    assert_eq!(guest.list(3, 4096), [".", "..", "old", "sub"]);
    assert_eq!(guest.path("path_unlink_file", "sub/moved"), 0);
    assert_eq!(guest.path("path_remove_directory", "sub"), 0);
    assert_eq!(guest.open("sub"), Err(NOENT));
}

#[test]
fn times_are_set() {
    let dir = TempDir::new("times");
    std::fs::write(dir.path("file"), "text").unwrap();
    std::os::unix::fs::symlink("file", dir.path("link")).unwrap();
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap());
    let times = |name: &str| {
        let metadata = std::fs::symlink_metadata(dir.path(name)).unwrap();
        [metadata.accessed(), metadata.modified()]
            .map(|time| time.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos())
    };
    let (read, written) = (1_234_567_890_123_456_789_i64, 7_i64);
    let file = guest.open("file").unwrap();
    assert_eq!(guest.call("fd_filestat_set_times", (file, read, written, 1 | 4)), 0);
    assert_eq!(times("file"), [read as u128, 7]);
    assert_eq!(guest.call("fd_filestat_set_times", (file, 9i64, 9i64, 0)), 0);
    assert_eq!(times("file"), [read as u128, 7]);
    for (flags, error) in [(1 | 2, INVAL), (4 | 8, INVAL), (16, INVAL)] {
        assert_eq!(guest.call("fd_filestat_set_times", (file, 0i64, 0i64, flags)), error, "{flags}");
    }
    assert_eq!(guest.call("fd_filestat_set_times", (1, 0i64, 0i64, 1)), BADF);
    // Sets one time to now, which is later, and keeps the other.
    assert_eq!(guest.call("fd_filestat_set_times", (file, 0i64, 0i64, 8)), 0);
    assert!(times("file")[0] == read as u128 && times("file")[1] > 1_700_000_000_000_000_000);
    assert_eq!(guest.call("fd_filestat_set_times", (3, 5i64, 6i64, 1 | 4)), 0);
    assert_eq!(times("."), [5, 6]);

    let set = |lookup, path: &str, read: i64| {
        guest.put(1000, path.as_bytes());
        guest.call("path_filestat_set_times", (3, lookup, 1000, path.len() as i32, read, 0i64, 1))
    };
    assert_eq!((set(1, "link", 10), times("file")[0]), (0, 10));
    assert_eq!((set(0, "link", 20), times("file")[0], times("link")[0]), (0, 10, 20));
    assert_eq!((set(0, "none", 20), set(1, "../file", 20)), (NOENT, PERM));
}

#[test]
fn advice_is_accepted() {
    let dir = TempDir::new("advice");
    std::fs::write(dir.path("file"), "text").unwrap();
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap());
    let file = guest.open("file").unwrap();
    assert!((0..6).all(|advice| guest.call("fd_advise", (file, 0i64, 4i64, advice)) == 0));
    assert_eq!(guest.call("fd_advise", (file, 0i64, 4i64, 6)), INVAL);
    assert_eq!(guest.call("fd_advise", (file + 1, 0i64, 0i64, 0)), BADF);
}

#[test]
fn long_listings_take_several_calls() {
    let dir = TempDir::new("listing");
    let mut names: Vec<_> = (0..100).map(|n| format!("file-{n:03}")).collect();
    names.iter().for_each(|name| std::fs::write(dir.path(name), "").unwrap());
    let guest = Guest::new(Wasi::new().dir(dir.path(""), ".").unwrap());
    names.splice(0..0, [".".to_owned(), "..".to_owned()]);
    // A small buffer holds few entries, and truncates most of them.
    assert_eq!(guest.list(3, 70), names);
    assert_eq!(guest.list(3, 33), names);
    // There is nothing past the end.
    assert_eq!((guest.call("fd_readdir", (3, 1000, 100, -1i64, 0)), guest.u32(0)), (0, 0));
}

#[test]
fn links_stay_within_the_directory() {
    let dir = TempDir::new("links");
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap());
    std::fs::write(dir.path("file"), "text").unwrap();
    assert_eq!(guest.symlink("file", "link"), 0);
    assert_eq!(guest.open("link").and_then(|fd| guest.read(fd, 10)), Ok(b"text".to_vec()));
    guest.put(1000, b"link");
    assert_eq!(guest.call("path_readlink", (3, 1000, 4, 2000, 3, 0)), 0);
    assert_eq!((guest.u32(0), guest.bytes(2000, 4)), (3, b"fil\0".to_vec()));
    assert_eq!(guest.call("path_filestat_get", (3, 0, 1000, 4, 0)), 0);
    assert_eq!(guest.bytes(16, 1), [7]);
    // An absolute target is refused; one outside of the directory cannot be followed.
    assert_eq!(guest.symlink("/etc/passwd", "absolute"), PERM);
    assert_eq!(guest.symlink("../secret", "outside"), 0);
    assert_eq!(guest.open("outside"), Err(PERM));
    assert_eq!(guest.create("outside"), Err(PERM));
}

#[test]
fn files_outside_are_out_of_reach() {
    let dir = TempDir::new("escape");
    std::fs::write(dir.path("secret"), "secret").unwrap();
    std::fs::create_dir_all(dir.path("inside/deep")).unwrap();
    std::os::unix::fs::symlink("../secret", dir.path("inside/relative")).unwrap();
    std::os::unix::fs::symlink(dir.path("secret"), dir.path("inside/absolute")).unwrap();
    std::os::unix::fs::symlink("..", dir.path("inside/up")).unwrap();
    let guest = Guest::new(Wasi::new().dir(dir.path("inside"), "/").unwrap());
    let absolute = dir.path("secret").to_str().unwrap().to_owned();
    for path in ["../secret", "deep/../../secret", "..", "/", &absolute, "relative", "absolute", "up/secret", "up"] {
        assert_eq!(guest.open(path), Err(PERM), "{path}");
        assert!(matches!(guest.create(path), Err(PERM | ACCESS)), "{path}");
        assert_eq!(guest.open_dir(path), Err(PERM), "{path}");
        assert_eq!(guest.stat(path), PERM, "{path}");
    }
    for path in ["../new", "up/new", "/tmp/new", "deep/../../new"] {
        assert_eq!(guest.create(path), Err(PERM), "{path}");
        assert_eq!(guest.path("path_create_directory", path), PERM, "{path}");
        assert_eq!(guest.paths("path_rename", "deep", path), PERM, "{path}");
        assert_eq!(guest.symlink("deep", path), PERM, "{path}");
    }
    for path in ["../secret", "up/secret", &absolute] {
        assert_eq!(guest.path("path_unlink_file", path), PERM, "{path}");
        assert_eq!(guest.paths("path_rename", path, "stolen"), PERM, "{path}");
        assert_eq!(guest.link(path, "stolen"), PERM, "{path}");
    }
    assert_eq!(guest.path("path_remove_directory", "../inside"), PERM);
    assert_eq!(std::fs::read(dir.path("secret")).unwrap(), b"secret");
    assert!(!Path::exists(&dir.path("new")));
}

#[test]
fn bad_pointers_and_lengths_are_refused() {
    let dir = TempDir::new("pointers");
    let guest = Guest::new(Wasi::new().arg("a").dir(dir.path(""), "/").unwrap());
    let (end, max) = (65536, -1);
    assert_eq!(guest.call("args_get", (end, 0)), FAULT);
    assert_eq!(guest.call("args_get", (0, end - 1)), FAULT);
    assert_eq!(guest.call("args_sizes_get", (0, end - 3)), FAULT);
    assert_eq!(guest.call("clock_time_get", (0, 0i64, max)), FAULT);
    assert_eq!(guest.call("random_get", (1, max)), FAULT);
    assert_eq!(guest.call("fd_write", (1, max, 1, 0)), FAULT);
    assert_eq!(guest.call("fd_write", (1, 0, max, 0)), FAULT);
    assert_eq!(guest.call("fd_write", (1, 0, 1025, 0)), INVAL);
    guest.slice(64, 1, max);
    assert_eq!(guest.call("fd_write", (1, 64, 1, 0)), FAULT);
    assert_eq!(guest.call("fd_read", (0, 64, 1, 0)), FAULT);
    guest.slice(64, 0, end);
    assert_eq!(guest.call("fd_write", (1, 64, 1, end)), FAULT);
    assert_eq!((guest.call("fd_write", (1, 64, 1, 0)), guest.u32(0)), (0, 65536));
    assert_eq!(guest.call("path_create_directory", (3, 0, max)), FAULT);
    assert_eq!(guest.call("path_create_directory", (3, 0, 5000)), NAMETOOLONG);
    assert_eq!(guest.call("fd_prestat_dir_name", (3, 0, 0)), NAMETOOLONG);
    assert_eq!(guest.call("fd_readdir", (3, 0, max, 0i64, 0)), FAULT);
    assert_eq!(guest.call("poll_oneoff", (0, 0, max, 0)), FAULT);
    // A call with an invalid result pointer has no effect.
    guest.put(1000, b"new");
    assert_eq!(guest.call("path_open", (3, 0, 1000, 3, 1, 64i64, 0i64, 0, end)), FAULT);
    assert_eq!(guest.list(3, 4096), [".", ".."]);
}

#[test]
fn time_passes_and_random_numbers_differ() {
    let guest = Guest::new(Wasi::new());
    let now = || {
        assert_eq!(guest.call("clock_time_get", (1, 0i64, 0)), 0);
        u64::from(guest.u32(0)) | u64::from(guest.u32(4)) << 32
    };
    // A subscription to the monotonic clock: 5 ms from now.
    guest.put(1000, &[0; 48]);
    guest.put(1000, &77u64.to_le_bytes());
    guest.put(1016, &[1]);
    guest.put(1024, &5_000_000u64.to_le_bytes());
    let before = now();
    assert_eq!((guest.call("poll_oneoff", (1000, 2000, 1, 0)), guest.u32(0)), (0, 1));
    assert!(now() - before >= 5_000_000);
    assert_eq!((guest.u32(2000), guest.u32(2008)), (77, 0));
    assert_eq!(guest.call("clock_time_get", (9, 0i64, 0)), INVAL);
    assert_eq!((guest.call("clock_res_get", (0, 0)), guest.call("random_get", (100, 32))), (0, 0));
    assert_ne!(guest.bytes(100, 16), guest.bytes(116, 16));
}

#[test]
fn limits_hold() {
    let guest = Guest::new(Wasi::new().stdout(Capture::with_limit(3)));
    assert_eq!((guest.write(1, "ab"), guest.write(1, "cd"), guest.write(1, "e")), (Ok(2), Ok(1), Err(NOSPC)));
    assert_eq!(guest.call("proc_raise", (1,)), NOSYS);
    assert_eq!(guest.call("sched_yield", ()), 0);
}

#[test]
fn hostile_calls_end() {
    let dir = TempDir::new("hostile");
    let guest = Guest::new(Wasi::new().dir(dir.path(""), "/").unwrap());
    assert!(guest.call_all(20_000) > 1_000);
}
