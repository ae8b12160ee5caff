//! The bridges between the tiers: the addresses that a function has in the tier in which it does not exist itself.
//!
//! So stores may hold programs of both tiers, whose functions call each other through imports and tables.

use std::ffi::c_void;
use std::ptr::null;
use std::sync::OnceLock;

use stencil_runtime::{Error, Interpreter, Label};

use crate::runtime::vm::Addresses;
use crate::uop::Wasm;

const EXECUTE: Label = Label(0);
const INTERPRET: Label = Label(1);

/// The stream with the uops that change the tier, or why there is none. It is made once.
fn stream() -> Result<&'static Interpreter<Wasm>, &'static Error> {
    static STREAM: OnceLock<Result<Interpreter<Wasm>, Error>> = OnceLock::new();
    let program = || {
        let program = [Wasm::bind(EXECUTE), Wasm::execute(), Wasm::bind(INTERPRET), Wasm::interpret()];
        Interpreter::new(&program)
    };
    STREAM.get_or_init(program).as_ref()
}

/// The addresses of a function with machine code.
pub(super) fn compiled(code: *const c_void) -> Addresses {
    let execute = stream().ok().and_then(|stream| stream.address(EXECUTE));
    Addresses { code, stream: execute.map_or(null(), |address| address.as_ptr().cast()) }
}

/// The addresses of a function in a stream.
pub(super) fn interpreted(stream: *const c_void) -> Addresses {
    let handler = self::stream().ok().and_then(|stream| stream.handler(INTERPRET));
    Addresses { code: handler.map_or(null(), |address| address.as_ptr().cast()), stream }
}

/// Fails if there is no interpreter.
pub(super) fn check() -> Result<(), Error> {
    stream().map(|_| ()).map_err(Clone::clone)
}
