//! Tests of what people see when they make a mistake in `stencil!`, or use it without a C compiler: the cases are in `ui`.

mod user;

pub use user::{Crate, MAIN};
