//! The engines. To add one, or another tier of one, add a line to [`ENGINES`].

mod on_uops;
mod on_wasmi;
mod on_wasmtime;

use uops::Tier;
use wasmparser::{Parser, Payload};
use wasmtime::Strategy;

use crate::Result;
use crate::host::Host;

/// A WebAssembly engine in one of its configurations.
pub struct Engine {
    /// The name in options and tables.
    pub name: &'static str,
    /// Decodes, validates and compiles a module on one thread, all functions at once.
    pub compile: fn(&[u8]) -> Result<Box<dyn Compiled>>,
}

/// All engines. The first is the reference unless an option names another.
pub const ENGINES: [Engine; 7] = [
    Engine { name: "uops", compile: |wasm| on_uops::compile(wasm, Tier::Jit) },
    Engine { name: "uops-interpreter", compile: |wasm| on_uops::compile(wasm, Tier::Interpreter) },
    Engine { name: "uops-auto", compile: |wasm| on_uops::compile(wasm, Tier::Auto) },
    Engine { name: "wasmi", compile: on_wasmi::compile },
    Engine { name: "winch", compile: |wasm| on_wasmtime::compile(wasm, Strategy::Winch, None) },
    Engine { name: "cranelift", compile: |wasm| on_wasmtime::compile(wasm, Strategy::Cranelift, None) },
    Engine { name: "pulley", compile: |wasm| on_wasmtime::compile(wasm, Strategy::Cranelift, Some("pulley64")) },
];

/// A compiled module.
pub trait Compiled {
    /// Instantiates the module, which runs its start function, and calls the export, if any.
    ///
    /// # Errors
    /// The engine or the host cannot run the program. Traps are no errors.
    fn run(&self, host: Host, entry: &Entry) -> Result<(End, Host)>;
}

/// What of a program is run, besides its start function.
#[derive(Debug)]
pub enum Entry {
    /// Nothing else.
    Start,
    /// An exported function.
    Export {
        name: String,
        /// One argument for each parameter.
        args: Vec<String>,
    },
}

/// How a program ended.
#[derive(Debug)]
pub enum End {
    /// It returned these results.
    Returned(Vec<crate::value::Value>),
    /// It exited with this code.
    Exited(i32),
    /// It trapped. Each engine words the message differently.
    Trapped(String),
}

impl Entry {
    /// Chooses the entry: the export that the user names, else `_start`, else the start function alone.
    ///
    /// # Errors
    /// The module has none of them, or cannot be parsed.
    pub fn of(wasm: &[u8], invoke: Option<&str>, args: &[String]) -> Result<Self> {
        if let Some(name) = invoke {
            return Ok(Self::Export { name: name.to_owned(), args: args.to_vec() });
        }
        let mut has_start = false;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ExportSection(exports) => {
                    for export in exports {
                        if export?.name == "_start" {
                            return Ok(Self::Export { name: "_start".to_owned(), args: Vec::new() });
                        }
                    }
                }
                Payload::StartSection { .. } => has_start = true,
                _ => {}
            }
        }
        if has_start { Ok(Self::Start) } else { Err("no `_start` and no start function: use --invoke".into()) }
    }
}

impl End {
    /// Classifies the error of a call. A program that exits does so through an error of the host.
    fn of_error(host: &Host, error: impl std::fmt::Display) -> Self {
        host.exit.map_or_else(|| Self::Trapped(error.to_string()), Self::Exited)
    }
}
