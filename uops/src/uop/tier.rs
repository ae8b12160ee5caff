//! Changes of the tier: how a function that exists in one tier is called from the other.
//!
//! Both addresses of a function can be called, each from its tier. A function without machine code has the handler of
//! `interpret` in its place: a handler obeys the convention of machine code, and this one does not read the instruction
//! pointer, which machine code does not set. A function without a stream has a stream with nothing but `execute` in its place.

use super::uops;

uops! {
    /// Continues with the machine code of the function that is called.
    pub uop execute() { STENCIL_EXECUTE(((const Func *)r0)->code); }
    /// Continues with the stream of the function that is called. Only the handler is used.
    pub uop interpret() { STENCIL_TIER(__builtin_trap(), STENCIL_INTERPRET(((const Func *)r0)->stream)); }
}
