//! Hostile calls of WASI functions. `cargo run --release -p tests --bin wasi -- --minutes 10` makes more of them.

use std::path::Path;

use tests::wasi::{Hostile, Report};

#[test]
fn hostile_calls_touch_nothing_outside() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("wasi-{}", std::process::id()));
    let hostile = Hostile::new(scratch).unwrap();
    let mut report = Report::default();
    for seed in 0..40 {
        report += hostile.sequence(seed, 250).unwrap();
    }
    println!("{report:?}");
    // Every function that can succeed has done so.
    let never =
        ["fd_allocate", "fd_fdstat_set_rights", "proc_raise", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"];
    for (name, &count) in &report.succeeded {
        assert_eq!(count == 0, never.contains(name), "{name}: {count}");
    }
    assert!(report.succeeded.len() == 46 && report.calls > 9_500, "{report:?}");
}
