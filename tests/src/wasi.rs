//! Hostile calls of WASI functions: every function with boundary pointers, lengths, descriptors, flags and rights, in random
//! sequences on a temporary directory.
//!
//! A sequence passes if each call returns an error number (no host function panics), if nothing outside the writable
//! directory has changed, and if the program has not read what lies outside.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::AddAssign;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use uops::wasi::{Capture, Exit, MODULE, Wasi};
use uops::{Error, Instance, Memory, Program, Store, Trap, Value};

use crate::rng::Rng;

/// All functions, with what each parameter means: see [`Calls::arguments`].
const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "pp"),
    ("args_sizes_get", "pp"),
    ("environ_get", "pp"),
    ("environ_sizes_get", "pp"),
    ("clock_res_get", "fp"),
    ("clock_time_get", "fop"),
    ("fd_advise", "doof"),
    ("fd_allocate", "doo"),
    ("fd_close", "d"),
    ("fd_datasync", "d"),
    ("fd_fdstat_get", "dp"),
    ("fd_fdstat_set_flags", "df"),
    ("fd_fdstat_set_rights", "drr"),
    ("fd_filestat_get", "dp"),
    ("fd_filestat_set_size", "do"),
    ("fd_filestat_set_times", "doof"),
    ("fd_pread", "dvop"),
    ("fd_prestat_get", "dp"),
    ("fd_prestat_dir_name", "dpn"),
    ("fd_pwrite", "dvop"),
    ("fd_read", "dvp"),
    ("fd_readdir", "dpnop"),
    ("fd_renumber", "dd"),
    ("fd_seek", "dofp"),
    ("fd_sync", "d"),
    ("fd_tell", "dp"),
    ("fd_write", "dvp"),
    ("path_create_directory", "ds"),
    ("path_filestat_get", "dfsp"),
    ("path_filestat_set_times", "dfsoof"),
    ("path_link", "dfsds"),
    ("path_open", "dfsfrrfp"),
    ("path_readlink", "dspnp"),
    ("path_remove_directory", "ds"),
    ("path_rename", "dsds"),
    ("path_symlink", "sds"),
    ("path_unlink_file", "ds"),
    ("poll_oneoff", "upfp"),
    ("proc_exit", "f"),
    ("proc_raise", "f"),
    ("random_get", "pn"),
    ("sched_yield", ""),
    ("sock_accept", "dfp"),
    ("sock_recv", "dvfpp"),
    ("sock_send", "dvfp"),
    ("sock_shutdown", "df"),
];

/// The index of `path_open`.
const PATH_OPEN: usize = 31;

/// How many of the names are plain.
const PLAIN: usize = 8;

/// Pieces of paths, plain names first.
const NAMES: [&str; 19] = [
    "file", "dir", "dir/deep", "dir/file", "link", "to-dir", "a", "b", "up", "absolute", "loop", ".", "..", "", "/",
    "./", "../", "ü", "\0",
];

/// Words that must never reach the program's memory.
const SECRET: &[u8] = b"nobody grants this";

/// The size of the program's memory, in bytes.
const MEMORY: i64 = 1 << 16;

/// How long a sequence may take before it is interrupted: only `poll_oneoff` waits.
const PATIENCE: Duration = Duration::from_millis(500);

/// What came of sequences.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The number of calls.
    pub calls: usize,
    /// The number of calls of each function that succeeded.
    pub succeeded: BTreeMap<&'static str, usize>,
    /// The number of sequences that ended early, because a call waited too long and was interrupted.
    pub interrupted: usize,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.interrupted += other.interrupted;
        for (name, count) in other.succeeded {
            *self.succeeded.entry(name).or_default() += count;
        }
    }
}

/// A program that exports all functions, and a directory for it. The directory is removed when this is dropped.
pub struct Hostile {
    program: Program,
    scratch: PathBuf,
}

impl Hostile {
    /// Compiles the program. `scratch` is a path at which nothing exists yet.
    ///
    /// # Errors
    /// Those of making the directory.
    ///
    /// # Panics
    /// If the program cannot be compiled.
    pub fn new(scratch: PathBuf) -> io::Result<Self> {
        let fields: String = (FUNCTIONS.iter())
            .map(|(name, parameters)| {
                let types: String = parameters.chars().flat_map(types).map(|ty| format!("{ty} ")).collect();
                let result = if *name == "proc_exit" { "" } else { "(result i32)" };
                format!(
                    "(import \"{MODULE}\" \"{name}\" (func ${name} (param {types}) {result}))\n\
                     (export \"{name}\" (func ${name}))\n"
                )
            })
            .collect();
        // Imports come before exports.
        let (imports, exports): (Vec<_>, Vec<_>) = fields.lines().partition(|line| line.starts_with("(import"));
        let text = format!("(module {} (memory (export \"memory\") 1) {})", imports.concat(), exports.concat());
        fs::create_dir(&scratch)?;
        Ok(Self { program: Program::new(text.as_bytes()).expect("the program is valid"), scratch })
    }

    /// Makes so many calls from a seed.
    ///
    /// # Errors
    /// What is wrong: a host function failed, or something outside the directory was read or changed.
    pub fn sequence(&self, seed: u64, calls: usize) -> Result<Report, String> {
        let fail = |error: &dyn std::fmt::Display| format!("seed {seed}: {error}");
        let root = self.scratch.join(seed.to_string());
        fill(&root).map_err(|error| fail(&error))?;
        let before = snapshot(&root).map_err(|error| fail(&error))?;
        let store = Store::new().map_err(|error| fail(&error))?;
        let linker = (Wasi::new().args(["program", "argument"]).env("NAME", "value"))
            .stdin(b"some input".to_vec())
            .stdout(Capture::with_limit(1 << 16))
            .dir(root.join("granted"), "/")
            .and_then(|wasi| wasi.dir_read_only(root.join("read-only"), "/ro"))
            .and_then(|wasi| wasi.max_descriptors(32).linker())
            .map_err(|error| fail(&error))?;
        let instance = Instance::new(&store, &self.program, &linker).map_err(|error| fail(&error))?;
        let memory = instance.memory(&store, "memory").map_err(|error| fail(&error))?;
        let mut state = Calls { rng: Rng::new(seed), store: &store, instance, memory, report: Report::default() };

        let (done, waiting) = channel::<()>();
        let handle = store.interrupt_handle();
        let watchdog = std::thread::spawn(move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                handle.interrupt();
            }
        });
        let result = (0..calls).try_for_each(|_| state.call());
        drop(done);
        watchdog.join().map_err(|_| fail(&"the watchdog panicked"))?;
        match result {
            Err(Stop::Interrupted) => state.report.interrupted += 1,
            Err(Stop::Wrong(message)) => return Err(fail(&message)),
            Ok(()) => {}
        }

        let mut bytes = vec![0; MEMORY as usize];
        memory.read(&store, 0, &mut bytes).map_err(|error| fail(&error))?;
        if bytes.windows(SECRET.len()).any(|window| window == SECRET) {
            return Err(fail(&"the program has read what lies outside its directories"));
        }
        let after = snapshot(&root).map_err(|error| fail(&error))?;
        if before != after {
            return Err(fail(&format!("outside, {before:#?} became {after:#?}")));
        }
        fs::remove_dir_all(&root).map_err(|error| fail(&error))?;
        Ok(state.report)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// The types of a parameter.
fn types(parameter: char) -> &'static [&'static str] {
    match parameter {
        'o' | 'r' => &["i64"],
        's' | 'v' => &["i32", "i32"],
        _ => &["i32"],
    }
}

/// Why a sequence ends before its last call.
enum Stop {
    Interrupted,
    Wrong(String),
}

/// A sequence of calls.
struct Calls<'s> {
    rng: Rng,
    store: &'s Store,
    instance: Instance,
    memory: Memory,
    report: Report,
}

impl Calls<'_> {
    fn call(&mut self) -> Result<(), Stop> {
        let (name, parameters) = loop {
            // Without descriptors little can happen: open more of them than are closed.
            match (self.rng.pick(&FUNCTIONS), self.rng.below(8)) {
                (_, 0) => break FUNCTIONS[PATH_OPEN],
                (("fd_close" | "fd_renumber", _), 2..) => {}
                (function, _) => break function,
            }
        };
        let args = self.arguments(parameters);
        self.report.calls += 1;
        let ok = match self.instance.call(self.store, name, &args) {
            Ok(results) => match results[..] {
                [Value::I32(errno @ 0..=76)] => errno == 0,
                _ => return Err(Stop::Wrong(format!("{name} {args:?} returned {results:?}"))),
            },
            Err(error) if Exit::of(&error).is_some() => true,
            Err(Error::Trap { trap: Trap::Interrupted, .. }) => return Err(Stop::Interrupted),
            Err(error) => return Err(Stop::Wrong(format!("{name} {args:?}: {error}"))),
        };
        *self.report.succeeded.entry(name).or_default() += usize::from(ok);
        Ok(())
    }

    /// Arguments for parameters, most of which make sense: a descriptor, a pointer, a number of bytes, a path, an array of
    /// buffers, flags or another small number, an offset or a time, rights, or subscriptions.
    fn arguments(&mut self, parameters: &str) -> Vec<Value> {
        let mut args = vec![];
        for parameter in parameters.chars() {
            match parameter {
                // The granted directory, or what is likely to be open.
                'd' if self.rng.below(3) == 0 => args.push(Value::I32(3)),
                'd' => args.push(self.small(10, &[32, 1023, 1024, i64::MAX, -1])),
                'p' => args.push(self.pointer()),
                'n' => args.push(self.small(400, &[4096, 4097, MEMORY - 1, MEMORY, i64::MAX, -1])),
                'f' if self.rng.below(2) == 0 => args.push(Value::I32(0)),
                'f' => args.push(self.small(9, &[16, 31, 32, 0xffff, i64::MAX, -1])),
                's' => {
                    let path = self.path();
                    let at = self.put(path.as_bytes());
                    args.extend(self.region(at, path.len()));
                }
                'v' => {
                    let count = self.rng.below(4);
                    let mut array = vec![];
                    for _ in 0..count {
                        let len = self.small(200, &[MEMORY, -1]);
                        for value in [self.pointer(), len] {
                            let Value::I32(value) = value else { continue };
                            array.extend(value.to_le_bytes());
                        }
                    }
                    let at = self.put(&array);
                    args.extend(self.region(at, count));
                }
                'u' => {
                    let mut subscriptions = self.rng.bytes(48 * 9);
                    for subscription in subscriptions.chunks_exact_mut(48) {
                        subscription[8] = self.rng.below(4) as u8;
                        subscription[16..24].copy_from_slice(&(self.rng.below(6) as u64).to_le_bytes());
                        // At most 64 microseconds, so that sequences do not wait.
                        subscription[26..32].fill(0);
                        subscription[40] = self.rng.below(2) as u8;
                    }
                    let at = self.put(&subscriptions);
                    args.push(if self.rng.below(8) == 0 { self.pointer() } else { Value::I32(at) });
                }
                'r' => {
                    let likely = [0, 1 << 1, 1 << 6, 1 << 1 | 1 << 6, (1 << 28) - 1, -1, self.rng.bits().cast_signed()];
                    args.push(Value::I64(self.rng.pick(&likely)));
                }
                _ => {
                    let small = self.rng.below(5) as i64;
                    let likely = [small, small, 100, 1 << 20, i64::MAX, i64::MIN, -1, self.rng.bits().cast_signed()];
                    args.push(Value::I64(self.rng.pick(&likely)));
                }
            }
        }
        args
    }

    /// A number less than `below`, or one time in eight one of the others.
    fn small(&mut self, below: usize, others: &[i64]) -> Value {
        let likely = self.rng.below(below) as i64;
        Value::I32(if self.rng.below(8) == 0 { self.rng.pick(others) } else { likely } as i32)
    }

    fn pointer(&mut self) -> Value {
        let inside = self.rng.below(MEMORY as usize) as i64;
        Value::I32(match self.rng.below(8) {
            0 => self.rng.pick(&[0, MEMORY - 1, MEMORY - 4, MEMORY - 8, MEMORY, i64::from(i32::MIN), i64::MAX, -1]),
            _ => inside,
        } as i32)
    }

    /// Puts bytes somewhere into the memory, and returns where.
    fn put(&mut self, bytes: &[u8]) -> i32 {
        let at = self.rng.below(MEMORY as usize - bytes.len());
        // The memory of the program is that large.
        let _ = self.memory.write(self.store, at as u64, bytes);
        at as i32
    }

    /// A pointer and a length, one time in eight others.
    fn region(&mut self, at: i32, len: usize) -> [Value; 2] {
        match self.rng.below(16) {
            0 => [self.pointer(), Value::I32(len as i32)],
            1 => [Value::I32(at), self.small(400, &[1024, 1025, 4097, MEMORY, i64::MAX, -1])],
            _ => [Value::I32(at), Value::I32(len as i32)],
        }
    }

    fn path(&mut self) -> String {
        // Most are plain names.
        let (pieces, names) = match self.rng.below(4) {
            0 => (1 + self.rng.below(3), &NAMES[..]),
            1 => (1, &NAMES[..]),
            _ => (1, &NAMES[..PLAIN]),
        };
        (0..pieces).map(|_| self.rng.pick(names)).collect::<Vec<_>>().join("/")
    }
}

/// Makes the directories: `granted`, `read-only`, and `outside`.
fn fill(root: &Path) -> io::Result<()> {
    let _ = fs::remove_dir_all(root);
    for dir in ["granted", "read-only", "outside"] {
        let dir = root.join(dir);
        fs::create_dir_all(dir.join("dir/deep"))?;
        for (target, link) in [("file", "link"), ("dir", "to-dir"), ("../outside", "up"), ("loop", "loop")] {
            symlink(target, dir.join(link))?;
        }
        symlink(root.join("outside/file"), dir.join("absolute"))?;
        for file in ["file", "dir/file"] {
            fs::write(dir.join(file), if dir.ends_with("outside") { SECRET } else { b"some text" })?;
        }
    }
    Ok(())
}

/// The attributes of each file and the contents of regular ones, by their paths.
type Snapshot = BTreeMap<PathBuf, (String, Vec<u8>)>;

/// Everything but what is in `granted`. The time of the last access does not count.
fn snapshot(root: &Path) -> io::Result<Snapshot> {
    let (mut all, mut left) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path)?;
        let mut contents = vec![];
        if metadata.is_dir() && !path.ends_with("granted") {
            left.extend(fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?);
        } else if metadata.is_file() {
            contents = fs::read(&path)?;
        }
        if path != root.join("granted") {
            let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
            let attributes = format!(
                "mode {:o}, {} links, {} bytes, changed at {seconds}.{nanoseconds:09}",
                metadata.mode(),
                metadata.nlink(),
                metadata.size()
            );
            all.insert(path, (attributes, contents));
        }
    }
    Ok(all)
}
