//! The functions, in the order of their names.

use super::files::{FOLDER, errno};
use super::{Host, Memory};
use crate::Result;

/// The body of a function: returns an error number of WASI, or an error that ends the program.
type Body = fn(&mut Host, &mut dyn Memory, &[u64]) -> Result<i32>;

/// A function that programs can import.
pub struct Function {
    pub module: &'static str,
    pub name: &'static str,
    /// A letter for each parameter: `i` is an `i32`, `I` an `i64`.
    pub params: &'static str,
    /// Whether there is a result, an `i32`.
    pub returns: bool,
    pub body: Body,
}

/// A function of WASI.
const fn wasi(name: &'static str, params: &'static str, body: Body) -> Function {
    Function { module: "wasi_snapshot_preview1", name, params, returns: true, body }
}

/// A function of WASI that always fails.
const fn missing(name: &'static str, params: &'static str) -> Function {
    wasi(name, params, |_, _, _| Ok(errno::NOSYS))
}

/// A function without parameters and results that does nothing.
const fn marker(module: &'static str, name: &'static str) -> Function {
    Function { module, name, params: "", returns: false, body: |_, _, _| Ok(0) }
}

/// All functions.
pub const FUNCTIONS: [Function; 48] = [
    marker("bench", "start"),
    marker("bench", "end"),
    wasi("args_get", "ii", args_get),
    wasi("args_sizes_get", "ii", args_sizes_get),
    wasi("clock_res_get", "ii", |_, memory, args| put_u64(memory, args[1], 1_000_000)),
    wasi("clock_time_get", "iIi", clock_time_get),
    wasi("environ_get", "ii", |_, _, _| Ok(errno::SUCCESS)),
    wasi("environ_sizes_get", "ii", |_, memory, args| put_sizes(memory, args, 0, 0)),
    missing("fd_advise", "iIIi"),
    missing("fd_allocate", "iII"),
    wasi("fd_close", "i", |host, _, args| number(host.close(args[0]))),
    missing("fd_datasync", "i"),
    wasi("fd_fdstat_get", "ii", fd_fdstat_get),
    wasi("fd_fdstat_set_flags", "ii", |_, _, _| Ok(errno::SUCCESS)),
    missing("fd_fdstat_set_rights", "iII"),
    wasi("fd_filestat_get", "ii", fd_filestat_get),
    missing("fd_filestat_set_size", "iI"),
    missing("fd_filestat_set_times", "iIIi"),
    missing("fd_pread", "iiiIi"),
    wasi("fd_prestat_dir_name", "iii", fd_prestat_dir_name),
    wasi("fd_prestat_get", "ii", fd_prestat_get),
    missing("fd_pwrite", "iiiIi"),
    wasi("fd_read", "iiii", fd_read),
    missing("fd_readdir", "iiiIi"),
    missing("fd_renumber", "ii"),
    wasi("fd_seek", "iIii", fd_seek),
    missing("fd_sync", "i"),
    wasi("fd_tell", "ii", |host, memory, args| fd_seek(host, memory, &[args[0], 0, 1, args[1]])),
    wasi("fd_write", "iiii", fd_write),
    missing("path_create_directory", "iii"),
    wasi("path_filestat_get", "iiiii", path_filestat_get),
    missing("path_filestat_set_times", "iiiiIIi"),
    missing("path_link", "iiiiiii"),
    wasi("path_open", "iiiiiIIii", path_open),
    missing("path_readlink", "iiiiii"),
    missing("path_remove_directory", "iii"),
    missing("path_rename", "iiiiii"),
    missing("path_symlink", "iiiii"),
    missing("path_unlink_file", "iii"),
    missing("poll_oneoff", "iiii"),
    Function { module: "wasi_snapshot_preview1", name: "proc_exit", params: "i", returns: false, body: proc_exit },
    missing("proc_raise", "i"),
    wasi("random_get", "ii", random_get),
    wasi("sched_yield", "", |_, _, _| Ok(errno::SUCCESS)),
    missing("sock_accept", "iii"),
    missing("sock_recv", "iiiiii"),
    missing("sock_send", "iiiii"),
    missing("sock_shutdown", "ii"),
];

/// A 32-bit argument. Engines zero-extend it.
fn u32_of(arg: u64) -> u32 {
    arg as u32
}

fn number(result: std::result::Result<(), i32>) -> Result<i32> {
    Ok(result.err().unwrap_or(errno::SUCCESS))
}

fn put_u32(memory: &mut dyn Memory, address: u64, value: u32) -> Result<i32> {
    memory.write(u32_of(address), &value.to_le_bytes())?;
    Ok(errno::SUCCESS)
}

fn put_u64(memory: &mut dyn Memory, address: u64, value: u64) -> Result<i32> {
    memory.write(u32_of(address), &value.to_le_bytes())?;
    Ok(errno::SUCCESS)
}

/// Writes two sizes to the addresses in the first two arguments.
fn put_sizes(memory: &mut dyn Memory, args: &[u64], count: usize, bytes: usize) -> Result<i32> {
    put_u32(memory, args[0], u32::try_from(count)?)?;
    put_u32(memory, args[1], u32::try_from(bytes)?)
}

fn get_u32(memory: &mut dyn Memory, address: u32) -> Result<u32> {
    let mut bytes = [0; 4];
    memory.read(address, &mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// Reads bytes whose number the program chooses.
fn get_bytes(memory: &mut dyn Memory, address: u32, count: u32) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(count as usize)?;
    bytes.resize(count as usize, 0);
    memory.read(address, &mut bytes)?;
    Ok(bytes)
}

/// Reads the buffers of a vectored call: addresses and sizes.
fn buffers(memory: &mut dyn Memory, address: u64, count: u64) -> Result<Vec<(u32, u32)>> {
    (0..u32_of(count))
        .map(|index| {
            let at = index.checked_mul(8).and_then(|offset| u32_of(address).checked_add(offset));
            let at = at.ok_or("an address is out of bounds")?;
            Ok((get_u32(memory, at)?, get_u32(memory, at.checked_add(4).ok_or("an address is out of bounds")?)?))
        })
        .collect()
}

/// The arguments as a program receives them: its name first, each with a zero at the end.
fn arguments(host: &Host) -> Vec<Vec<u8>> {
    let args = std::iter::once("program").chain(host.args.iter().map(String::as_str));
    args.map(|arg| arg.bytes().chain([0]).collect()).collect()
}

fn args_get(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let (mut pointers, mut bytes) = (args[0], args[1]);
    for argument in arguments(host) {
        put_u32(memory, pointers, u32_of(bytes))?;
        memory.write(u32_of(bytes), &argument)?;
        pointers += 4;
        bytes += argument.len() as u64;
    }
    Ok(errno::SUCCESS)
}

fn args_sizes_get(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let arguments = arguments(host);
    put_sizes(memory, args, arguments.len(), arguments.iter().map(Vec::len).sum())
}

fn clock_time_get(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    host.milliseconds += 1;
    put_u64(memory, args[2], host.milliseconds * 1_000_000)
}

/// The type of a descriptor as WASI numbers it: a character device, a directory or a regular file.
fn file_type(host: &mut Host, descriptor: u64) -> std::result::Result<u8, i32> {
    match descriptor {
        0..=2 => Ok(2),
        FOLDER => Ok(3),
        _ => host.file(descriptor).map(|_| 4),
    }
}

fn fd_fdstat_get(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let file_type = match file_type(host, args[0]) {
        Ok(file_type) => file_type,
        Err(error) => return Ok(error),
    };
    // All rights.
    let mut stat = [0xff; 24];
    stat[..8].copy_from_slice(&[file_type, 0, 0, 0, 0, 0, 0, 0]);
    memory.write(u32_of(args[1]), &stat)?;
    Ok(errno::SUCCESS)
}

/// Writes the metadata of a file. Its times are 0.
fn put_filestat(memory: &mut dyn Memory, address: u64, file_type: u8, size: usize) -> Result<i32> {
    let mut stat = [0; 64];
    stat[16] = file_type;
    stat[24] = 1;
    stat[32..40].copy_from_slice(&(size as u64).to_le_bytes());
    memory.write(u32_of(address), &stat)?;
    Ok(errno::SUCCESS)
}

fn fd_filestat_get(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    match file_type(host, args[0]) {
        Ok(file_type) => {
            let size = host.file(args[0]).map_or(0, |file| file.content.len());
            put_filestat(memory, args[1], file_type, size)
        }
        Err(error) => Ok(error),
    }
}

fn fd_prestat_get(_: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    if args[0] != FOLDER {
        return Ok(errno::BADF);
    }
    // A directory, whose name has one byte.
    put_u64(memory, args[1], 1 << 32)
}

fn fd_prestat_dir_name(_: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    if args[0] != FOLDER || args[2] < 1 {
        return Ok(errno::BADF);
    }
    memory.write(u32_of(args[1]), b".")?;
    Ok(errno::SUCCESS)
}

fn fd_read(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let mut total = 0;
    for (address, size) in buffers(memory, args[1], args[2])? {
        let read = match host.file(args[0]) {
            Ok(file) => file.read(size as usize),
            Err(error) => return Ok(error),
        };
        memory.write(address, read)?;
        total += read.len();
    }
    put_u32(memory, args[3], u32::try_from(total)?)
}

fn fd_seek(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let file = match host.file(args[0]) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    let base = match args[2] {
        0 => 0,
        1 => file.position,
        2 => file.content.len(),
        _ => return Ok(errno::INVAL),
    };
    let Some(position) = (base as u64).checked_add_signed(args[1].cast_signed()) else {
        return Ok(errno::INVAL);
    };
    file.position = usize::try_from(position)?;
    put_u64(memory, args[3], position)
}

fn fd_write(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let mut total = 0;
    for (address, size) in buffers(memory, args[1], args[2])? {
        let bytes = get_bytes(memory, address, size)?;
        match args[0] {
            1 => host.stdout.extend(&bytes),
            2 => host.stderr.extend(&bytes),
            _ => return Ok(errno::BADF),
        }
        total += bytes.len();
    }
    put_u32(memory, args[3], u32::try_from(total)?)
}

fn path_filestat_get(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let path = get_bytes(memory, u32_of(args[2]), u32_of(args[3]))?;
    match host.open(&String::from_utf8_lossy(&path)) {
        Ok(descriptor) => {
            let size = host.file(descriptor).map_or(0, |file| file.content.len());
            let closed = number(host.close(descriptor))?;
            if closed == errno::SUCCESS { put_filestat(memory, args[4], 4, size) } else { Ok(closed) }
        }
        Err(error) => Ok(error),
    }
}

fn path_open(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    if args[0] != FOLDER {
        return Ok(errno::BADF);
    }
    // Flags of opening: create, exclusive or truncate.
    if args[4] & 0b1101 != 0 {
        return Ok(errno::ROFS);
    }
    let path = get_bytes(memory, u32_of(args[2]), u32_of(args[3]))?;
    match host.open(&String::from_utf8_lossy(&path)) {
        Ok(descriptor) => put_u32(memory, args[8], u32_of(descriptor)),
        Err(error) => Ok(error),
    }
}

fn proc_exit(host: &mut Host, _: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    host.exit = Some(u32_of(args[0]).cast_signed());
    Err("the program exits".into())
}

/// Fills memory with the numbers of an xorshift generator.
fn random_get(host: &mut Host, memory: &mut dyn Memory, args: &[u64]) -> Result<i32> {
    let mut bytes = get_bytes(memory, u32_of(args[0]), u32_of(args[1]))?;
    for byte in &mut bytes {
        // The state is never 0, except before the first number.
        let mut state = if host.random == 0 { 0x9e37_79b9_7f4a_7c15 } else { host.random };
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        host.random = state;
        *byte = (state >> 32) as u8;
    }
    memory.write(u32_of(args[0]), &bytes)?;
    Ok(errno::SUCCESS)
}
