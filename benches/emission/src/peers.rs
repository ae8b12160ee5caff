//! Other ways to make machine code.

pub mod c;
pub mod copypatch;
pub mod cranelift;
pub mod dynasm;
pub mod iced;
pub mod patchouly;
