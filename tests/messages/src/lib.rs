//! Tests of the messages for mistakes in `stencil!` and for a missing C compiler. The cases are in `ui`.

mod user;

pub use user::{Crate, MAIN};
