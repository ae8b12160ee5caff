//! Both crates in a shared library.

/// Returns what the machines compute, or 0 if they disagree.
#[unsafe(no_mangle)]
pub extern "C" fn linking_run() -> u64 {
    let (one, other) = (library::run(), again::run());
    if one == other { one } else { 0 }
}
