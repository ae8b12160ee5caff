//! The bridges between the tiers: the addresses that a function has in the tier in which it does not exist itself.
//!
//! So stores may hold programs of both tiers, whose functions call each other through imports and tables.

use std::ffi::c_void;
use std::ptr::null;
use std::sync::OnceLock;

use stencil_runtime::{Error, Interpreter, Label};

use crate::runtime::executable::Entry;
use crate::runtime::vm::Addresses;
use crate::uop::Wasm;

const EXECUTE: Label = Label(0);
const INTERPRET: Label = Label(1);
const LAZY: Label = Label(2);
const HOST: Label = Label(3);
const UNWIND: Label = Label(4);

/// The stream with the uops that change the tier, and those that all programs of the tier `auto` share, or why there is none. It is made
/// once.
fn stream() -> Result<&'static Interpreter<Wasm>, &'static Error> {
    static STREAM: OnceLock<Result<Interpreter<Wasm>, Error>> = OnceLock::new();
    let program = || {
        let program = [
            Wasm::bind(EXECUTE),
            Wasm::execute(),
            Wasm::bind(INTERPRET),
            Wasm::interpret(),
            Wasm::bind(LAZY),
            Wasm::lazy(),
            Wasm::bind(HOST),
            Wasm::host(),
            Wasm::bind(UNWIND),
            Wasm::unwind(),
        ];
        Interpreter::new(&program)
    };
    STREAM.get_or_init(program).as_ref()
}

/// The addresses of a function with machine code.
pub(super) fn compiled(code: *const c_void) -> Addresses {
    Addresses { code, stream: address(EXECUTE) }
}

/// The addresses of a function in a stream.
pub(super) fn interpreted(stream: *const c_void) -> Addresses {
    Addresses { code: handler(INTERPRET), stream }
}

/// The addresses of a function whose stream is made when it is first called.
pub(super) fn lazy() -> Addresses {
    interpreted(address(LAZY))
}

/// The addresses of host functions in the tier `auto`. The handler does not read the instruction pointer, so it serves both tiers.
pub(super) fn host() -> Addresses {
    Addresses { code: handler(HOST), stream: address(HOST) }
}

/// The addresses of the uop `unwind` in the tier `auto`, which are like those of host functions.
pub(super) fn unwind() -> Addresses {
    Addresses { code: handler(UNWIND), stream: address(UNWIND) }
}

/// The address of a uop in the stream, or null if there is no interpreter.
fn address(label: Label) -> *const c_void {
    stream().ok().and_then(|stream| stream.address(label)).map_or(null(), |address| address.as_ptr().cast())
}

/// The address of a uop's handler, or null if there is no interpreter.
fn handler(label: Label) -> *const c_void {
    stream().ok().and_then(|stream| stream.handler(label)).map_or(null(), |address| address.as_ptr().cast())
}

/// The entry of the interpreter.
pub(super) fn entry() -> Result<Entry, Error> {
    Ok(Entry::Stream(*stream().map_err(Clone::clone)?.entry()))
}
