//! A program that does what it is told: it exports all functions that it imports.

use std::path::PathBuf;

use uops::wasi::{MODULE, Wasi};
use uops::{Error, Instance, Memory, Program, Store, Value, ValueType};

pub const ACCESS: u16 = 2;
pub const BADF: u16 = 8;
pub const EXIST: u16 = 20;
pub const FAULT: u16 = 21;
pub const INVAL: u16 = 28;
pub const ISDIR: u16 = 31;
pub const MFILE: u16 = 33;
pub const NAMETOOLONG: u16 = 37;
pub const NOENT: u16 = 44;
pub const NOSPC: u16 = 51;
pub const NOSYS: u16 = 52;
pub const NOTDIR: u16 = 54;
pub const NOTSOCK: u16 = 57;
pub const NOTSUP: u16 = 58;
pub const PERM: u16 = 63;
pub const ROFS: u16 = 69;
pub const SPIPE: u16 = 70;

/// All functions and their parameters: `i` for i32, `l` for i64.
const FUNCTIONS: &str = "\
    args_get ii args_sizes_get ii environ_get ii environ_sizes_get ii clock_res_get ii clock_time_get ili \
    fd_advise illi fd_allocate ill fd_close i fd_datasync i fd_fdstat_get ii fd_fdstat_set_flags ii \
    fd_fdstat_set_rights ill fd_filestat_get ii fd_filestat_set_size il fd_filestat_set_times illi fd_pread iiili \
    fd_prestat_get ii fd_prestat_dir_name iii fd_pwrite iiili fd_read iiii fd_readdir iiili fd_renumber ii \
    fd_seek ilii fd_sync i fd_tell ii fd_write iiii path_create_directory iii path_filestat_get iiiii \
    path_filestat_set_times iiiilli path_link iiiiiii path_open iiiiillii path_readlink iiiiii \
    path_remove_directory iii path_rename iiiiii path_symlink iiiii path_unlink_file iii poll_oneoff iiii \
    proc_raise i random_get ii sock_accept iii sock_recv iiiiii sock_send iiiii sock_shutdown ii sched_yield -";

fn functions() -> impl Iterator<Item = (&'static str, Vec<ValueType>)> {
    let mut words = FUNCTIONS.split_whitespace();
    std::iter::from_fn(move || {
        let types = |letter| match letter {
            'i' => Some(ValueType::I32),
            'l' => Some(ValueType::I64),
            _ => None,
        };
        Some((words.next()?, words.next()?.chars().filter_map(types).collect()))
    })
}

/// A directory that is removed in the end.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Arguments of different types.
pub trait Args {
    fn values(self) -> Vec<Value>;
}

macro_rules! args {
    ($($name:ident)*) => {
        impl<$($name: Into<Value>),*> Args for ($($name,)*) {
            #[expect(non_snake_case, reason = "they are values here")]
            fn values(self) -> Vec<Value> {
                let ($($name,)*) = self;
                vec![$($name.into()),*]
            }
        }
    };
}
impl Args for () {
    fn values(self) -> Vec<Value> {
        vec![]
    }
}
args!(A);
args!(A B);
args!(A B C);
args!(A B C D);
args!(A B C D E);
args!(A B C D E F);
args!(A B C D E F G);
args!(A B C D E F G H I);

/// The program. Paths go to 1000 and 3000, buffers to 8000, results to 0.
pub struct Guest {
    store: Store,
    instance: Instance,
    memory: Memory,
}

impl Guest {
    pub fn new(wasi: Wasi) -> Self {
        let fields: String = functions()
            .map(|(name, types)| {
                let params: String = types.iter().map(|ty| format!("{ty} ")).collect();
                format!("(import \"{MODULE}\" \"{name}\" (func ${name} (param {params}) (result i32)))\n")
            })
            .chain(functions().map(|(name, _)| format!("(export \"{name}\" (func ${name}))\n")))
            .collect();
        let program = Program::new(format!("(module {fields} (memory (export \"memory\") 1))").as_bytes()).unwrap();
        let store = Store::new().unwrap();
        let instance = Instance::new(&store, &program, &wasi.linker().unwrap()).unwrap();
        let memory = instance.memory(&store, "memory").unwrap();
        Self { store, instance, memory }
    }

    fn try_call(&self, name: &str, args: &[Value]) -> Result<u16, Error> {
        let results = self.instance.call(&self.store, name, args)?;
        let [Value::I32(errno)] = results[..] else { panic!("{results:?}") };
        Ok(errno.try_into().unwrap())
    }

    pub fn call(&self, name: &str, args: impl Args) -> u16 {
        self.try_call(name, &args.values()).unwrap()
    }

    pub fn put(&self, at: u64, bytes: &[u8]) {
        self.memory.write(&self.store, at, bytes).unwrap();
    }

    pub fn bytes(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.memory.read(&self.store, at, &mut bytes).unwrap();
        bytes
    }

    pub fn u32(&self, at: u64) -> u32 {
        u32::from_le_bytes(self.bytes(at, 4).try_into().unwrap())
    }

    /// A buffer's address and length.
    pub fn slice(&self, at: u64, pointer: i32, len: i32) {
        self.put(at, &pointer.to_le_bytes());
        self.put(at + 4, &len.to_le_bytes());
    }

    fn result(&self, errno: u16) -> Result<i32, u16> {
        if errno == 0 { Ok(self.u32(0) as i32) } else { Err(errno) }
    }

    pub fn open_with(&self, path: &str, how: i32, rights: i64) -> Result<i32, u16> {
        self.put(1000, path.as_bytes());
        self.result(self.call("path_open", (3, 1, 1000, path.len() as i32, how, rights, 0i64, 0, 0)))
    }

    /// Opens a file to read.
    pub fn open(&self, path: &str) -> Result<i32, u16> {
        self.open_with(path, 0, 1 << 1)
    }

    /// Opens or makes a file, to read and to write.
    pub fn create(&self, path: &str) -> Result<i32, u16> {
        self.open_with(path, 1, 1 << 1 | 1 << 6)
    }

    pub fn open_dir(&self, path: &str) -> Result<i32, u16> {
        self.open_with(path, 1 << 1, 1 << 14)
    }

    pub fn write(&self, fd: i32, text: &str) -> Result<i32, u16> {
        self.put(8000, text.as_bytes());
        self.slice(64, 8000, text.len() as i32);
        self.result(self.call("fd_write", (fd, 64, 1, 0)))
    }

    pub fn read(&self, fd: i32, len: i32) -> Result<Vec<u8>, u16> {
        self.slice(64, 8000, len);
        self.result(self.call("fd_read", (fd, 64, 1, 0))).map(|len| self.bytes(8000, len as usize))
    }

    /// Calls a function of one path.
    pub fn path(&self, name: &str, path: &str) -> u16 {
        self.put(1000, path.as_bytes());
        self.call(name, (3, 1000, path.len() as i32))
    }

    /// Calls a function of two paths.
    pub fn paths(&self, name: &str, from: &str, to: &str) -> u16 {
        self.put(1000, from.as_bytes());
        self.put(3000, to.as_bytes());
        self.call(name, (3, 1000, from.len() as i32, 3, 3000, to.len() as i32))
    }

    pub fn symlink(&self, target: &str, path: &str) -> u16 {
        self.put(1000, target.as_bytes());
        self.put(3000, path.as_bytes());
        self.call("path_symlink", (1000, target.len() as i32, 3, 3000, path.len() as i32))
    }

    pub fn link(&self, from: &str, to: &str) -> u16 {
        self.put(1000, from.as_bytes());
        self.put(3000, to.as_bytes());
        self.call("path_link", (3, 0, 1000, from.len() as i32, 3, 3000, to.len() as i32))
    }

    pub fn stat(&self, path: &str) -> u16 {
        self.put(1000, path.as_bytes());
        self.call("path_filestat_get", (3, 1, 1000, path.len() as i32, 0))
    }

    /// Asks for a file's attributes, without following a link at the end of the path.
    pub fn lstat(&self, path: &str) -> u16 {
        self.put(1000, path.as_bytes());
        self.call("path_filestat_get", (3, 0, 1000, path.len() as i32, 0))
    }

    /// Sets the time of the last access, in nanoseconds.
    pub fn set_times(&self, lookup: i32, path: &str, read: i64) -> u16 {
        self.put(1000, path.as_bytes());
        self.call("path_filestat_set_times", (3, lookup, 1000, path.len() as i32, read, 0i64, 1))
    }

    /// The sorted names in a directory, read with a buffer of some size as libraries do.
    pub fn list(&self, fd: i32, size: usize) -> Vec<String> {
        let mut names: Vec<_> = self.entries(fd, size, |_| ()).into_iter().map(|(_, name)| name).collect();
        names.sort();
        names
    }

    /// The inodes and names in a directory. `visit` gets the names of each call.
    pub fn entries(&self, fd: i32, size: usize, visit: impl Fn(&[(u64, String)])) -> Vec<(u64, String)> {
        let (mut names, mut cookie) = (vec![], 0u64);
        loop {
            let before = names.len();
            assert_eq!(self.call("fd_readdir", (fd, 8000, size as i32, cookie as i64, 0)), 0);
            let used = self.u32(0) as usize;
            let (bytes, mut at) = (self.bytes(8000, used), 0);
            while at + 24 <= used {
                let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
                let end = at + 24 + number(at + 16) as usize;
                let Some(name) = bytes.get(at + 24..end) else { break };
                cookie = number(at).into();
                let inode = u64::from(number(at + 8)) | u64::from(number(at + 12)) << 32;
                names.push((inode, String::from_utf8(name.to_vec()).unwrap()));
                at = end;
            }
            visit(&names[before..]);
            if used < size {
                return names;
            }
        }
    }

    /// Calls everything with arguments that are likely to be wrong, and returns how often they were not. Host functions
    /// that panic fail.
    pub fn call_all(&self, times: usize) -> usize {
        let (mut state, mut succeeded) = (1u64, 0);
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        // Waiting may take long, and without descriptors little can happen.
        let left_out = ["poll_oneoff", "fd_close", "fd_renumber"];
        let functions: Vec<_> = functions().filter(|(name, _)| !left_out.contains(name)).collect();
        let likely = [0, 1, 2, 3, 4, 5, 8, 24, 64, 1000, 65528, 65535, 65536, i64::MAX, i64::MIN, -1, 1 << 31];
        for _ in 0..times {
            let (name, types) = &functions[random(functions.len())];
            self.put(likely[random(10)] as u64, [&b"../a"[..], b"b/c", b"d"][random(3)]);
            self.slice(
                likely[random(10)] as u64,
                likely[random(likely.len())] as i32,
                likely[random(likely.len())] as i32,
            );
            let args: Vec<_> = (types.iter())
                .map(|ty| match (ty, likely[random(likely.len())]) {
                    (ValueType::I32, value) => Value::I32(value as i32),
                    (_, value) => Value::I64(value),
                })
                .collect();
            let errno = self.try_call(name, &args).unwrap_or_else(|error| panic!("{name} {args:?}: {error}"));
            succeeded += usize::from(errno == 0);
        }
        succeeded
    }
}
