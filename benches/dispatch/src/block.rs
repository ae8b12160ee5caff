//! The machine of `stencil!`, as the build script has written it.

use stencil_runtime::{Label, stencil};

include!(concat!(env!("OUT_DIR"), "/block.rs"));
