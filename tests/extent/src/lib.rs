//! The extent of a test run. By default, tests with large sets of cases run a small fixed part of their set, so that
//! `cargo test --workspace` is quick. With `STENCIL_TESTS=all` in the environment they run the whole set, as CI does.

use std::env::{self, VarError};

/// The variable that selects the extent.
const VARIABLE: &str = "STENCIL_TESTS";

/// Returns `short`, or `all` if the environment asks for all tests.
///
/// # Panics
/// If `STENCIL_TESTS` has a value other than `all`.
#[must_use]
pub fn choose<T>(short: T, all: T) -> T {
    match env::var(VARIABLE).as_deref() {
        Ok("all") => all,
        Err(VarError::NotPresent) => short,
        other => panic!("{VARIABLE} is {other:?}: expected `all`, or no such variable"),
    }
}
