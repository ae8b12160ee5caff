//! Waiting for descriptors and clocks.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use uops::wasi::{Capture, Wasi};

use crate::guest::{BADF, Guest, INVAL, NOTSUP, TempDir};

const CLOCK: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;

/// Writes a subscription at `1000 + 48 * index`, with `index` as its user data.
fn subscribe(guest: &Guest, index: u64, kind: u8, fd_or_clock: u32, nanoseconds: u64) {
    let at = 1000 + 48 * index;
    guest.put(at, &[0; 48]);
    guest.put(at, &index.to_le_bytes());
    guest.put(at + 8, &[kind]);
    guest.put(at + 16, &fd_or_clock.to_le_bytes());
    guest.put(at + 24, &nanoseconds.to_le_bytes());
}

/// An event: user data, error, kind, number of bytes to read, and flags.
type Event = (u32, u16, u8, u32, u8);

/// Waits for the first `count` subscriptions.
fn poll(guest: &Guest, count: i32) -> Result<Vec<Event>, u16> {
    match guest.call("poll_oneoff", (1000, 8000, count, 0)) {
        0 => {}
        error => return Err(error),
    }
    let event = |index: u64| {
        let at = 8000 + 32 * index;
        let bytes = guest.bytes(at + 8, 17);
        (guest.u32(at), u16::from_le_bytes([bytes[0], bytes[1]]), bytes[2], guest.u32(at + 16), bytes[16])
    };
    Ok((0..guest.u32(0).into()).map(event).collect())
}

#[test]
fn streams_in_memory_and_files_are_ready() {
    let dir = TempDir::new("ready");
    std::fs::write(dir.path("file"), "0123456789").unwrap();
    let wasi = Wasi::new().stdin(b"12345".to_vec()).stdout(Capture::default()).dir(dir.path(""), "/").unwrap();
    let guest = Guest::new(wasi);
    let file = guest.open("file").unwrap();
    assert_eq!((guest.read(0, 2), guest.read(file, 3)), (Ok(b"12".to_vec()), Ok(b"012".to_vec())));
    let all = [(READ, 0), (WRITE, 1), (READ, file), (WRITE, file), (READ, 1), (WRITE, 0), (READ, 3), (READ, 99)];
    for (index, (kind, fd)) in (0..).zip(all) {
        subscribe(&guest, index, kind, fd as u32, 0);
    }
    // One hour, which the wait must not last.
    subscribe(&guest, 8, CLOCK, 1, 3_600_000_000_000);
    assert_eq!(
        poll(&guest, 9).unwrap(),
        [
            (0, 0, READ, 3, 0),
            (1, 0, WRITE, 0, 0),
            (2, 0, READ, 7, 0),
            (3, BADF, WRITE, 0, 0),
            (4, BADF, READ, 0, 0),
            (5, BADF, WRITE, 0, 0),
            (6, BADF, READ, 0, 0),
            (7, BADF, READ, 0, 0)
        ]
    );
    // Without input, standard input is at its end.
    let guest = Guest::new(Wasi::new());
    subscribe(&guest, 0, READ, 0, 0);
    assert_eq!(poll(&guest, 1).unwrap(), [(0, 0, READ, 0, 0)]);
}

#[test]
fn the_first_time_ends_the_wait() {
    let guest = Guest::new(Wasi::new());
    let start = Instant::now();
    subscribe(&guest, 0, CLOCK, 1, u64::MAX);
    subscribe(&guest, 1, CLOCK, 1, 60_000_000_000);
    subscribe(&guest, 2, CLOCK, 0, 20_000_000);
    assert_eq!(poll(&guest, 3).unwrap()[0], (2, 0, CLOCK, 0, 0));
    assert!(start.elapsed() >= Duration::from_millis(20));
    // A time of day that has passed.
    guest.put(1000 + 40, &[1]);
    guest.put(1000 + 24, &1u64.to_le_bytes());
    assert_eq!(poll(&guest, 2).unwrap(), [(0, 0, CLOCK, 0, 0)]);
    subscribe(&guest, 0, CLOCK, 2, 0);
    assert_eq!(poll(&guest, 1), Err(NOTSUP));
    subscribe(&guest, 0, 3, 0, 0);
    assert_eq!((poll(&guest, 1), poll(&guest, 0)), (Err(INVAL), Err(INVAL)));
}

/// Polls standard input for 100 ms at a time. Prints `t` after a timeout. Otherwise it prints the input, or `h` once
/// the other end has hung up and nothing is left, and then exits.
const PROGRAM: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "th")
    ;; Standard input, and 100 ms of the monotonic clock.
    (data (i32.const 1008) "\01")
    (data (i32.const 1064) "\01\00\00\00\00\00\00\00\00\e1\f5\05")
    (func $print (param $at i32) (param $len i32)
        (i32.store (i32.const 16) (local.get $at))
        (i32.store (i32.const 20) (local.get $len))
        (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
    (func (export "_start")
        (loop $more
            (if (call $poll (i32.const 1000) (i32.const 2000) (i32.const 2) (i32.const 32)) (then unreachable))
            ;; The first event's kind.
            (if (i32.eqz (i32.load8_u (i32.const 2010))) (then
                (call $print (i32.const 0) (i32.const 1))
                (br $more)))
            ;; It says how much there is: read one byte of that at a time.
            (i32.store (i32.const 16) (i32.const 3000))
            (i32.store (i32.const 20) (i32.const 1))
            (if (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)) (then unreachable))
            (if (i32.load (i32.const 24)) (then
                (if (i64.eqz (i64.load (i32.const 2016))) (then unreachable))
                (call $print (i32.const 3000) (i32.const 1))
                (br $more)))
            (if (i32.ne (i32.load16_u (i32.const 2024)) (i32.const 1)) (then unreachable))
            (call $print (i32.const 1) (i32.const 1)))))"#;

#[test]
fn a_read_with_a_timeout_times_out() {
    let dir = TempDir::new("poll");
    std::fs::write(dir.path("program.wat"), PROGRAM).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_uops"))
        .args(["run", "--timeout", "60"])
        .arg(dir.path("program.wat"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let pause = || std::thread::sleep(Duration::from_millis(500));
    pause();
    input.write_all(b"abc").unwrap();
    pause();
    input.write_all(b"d").unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    // The number of timeouts depends on the machine's load.
    let words: Vec<_> = text.split('t').filter(|word| !word.is_empty()).collect();
    assert_eq!((words.concat().as_str(), text.starts_with('t')), ("abcdh", true), "{text}");
    assert!(words.len() >= 2, "{text}");
}
