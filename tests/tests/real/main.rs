//! Programs that others wrote and compiled, with their expected results. `tests/real/fetch` gets them; then
//! `cargo test --release -p tests --test real -- --ignored` runs them.

mod graphviz;
mod guest;
mod hostile;
mod python;
mod quickjs;
mod ruby;
mod usvg;
mod words;
mod zstd;
