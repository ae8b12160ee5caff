//! From a module to machine code.

use std::ffi::c_void;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use stencil_runtime::{Address, Code, Label, Listing, Machine};

use crate::lower::{self, HOST_LABEL, JumpTable, UNWIND_LABEL, function_label, lower};
use crate::module::Module;
use crate::module::error::Error;
use crate::module::progress::{Observer, Phase, Progress};
use crate::uop::Wasm;

/// How compiled code is entered. Arguments are in the first slots of the frame, and there are the results; what is
/// returned is a [`Trap`](crate::module::trap::Trap)'s code or 0. [`Vm::start`](crate::runtime::vm::Vm::start) says which function runs.
pub(crate) type Entry = <Wasm as Machine>::Entry;

/// The machine code of a module.
#[derive(Debug)]
pub(crate) struct Compiled {
    code: Code<Wasm>,
    /// What the code's jumps read their addresses from; it knows where they are.
    _tables: Vec<JumpTable>,
    /// Number of functions that are not imported.
    functions: usize,
}

impl Compiled {
    /// Compiles a module.
    pub(crate) fn new(module: &Module, observer: Observer<'_>) -> Result<Self, Error> {
        let lowered = lower(module, observer)?;
        let size = module.wasm.len();
        observer(Progress { phase: Phase::Emitting, done: 0, size });
        let code = Wasm::compile(&lowered.program)?;
        let compiled = Self { code, _tables: lowered.tables, functions: module.bodies.len() };
        for table in &compiled._tables {
            for (address, &label) in table.addresses.iter().zip(&table.labels) {
                address.store(compiled.address(label) as usize, Ordering::Relaxed);
            }
        }
        Ok(compiled)
    }

    /// The way into every function.
    pub(crate) fn entry(&self) -> Entry {
        *self.code.entry()
    }

    /// The code of a function; `index` does not count imported ones.
    pub(crate) fn function(&self, index: usize) -> *const c_void {
        self.address(function_label(index))
    }

    /// The code of every host function: it calls [`call_host`](crate::runtime::host::call_host).
    pub(crate) fn host_thunk(&self) -> *const c_void {
        self.address(HOST_LABEL)
    }

    /// Where functions go that could not go on.
    pub(crate) fn unwind(&self) -> *const c_void {
        self.address(UNWIND_LABEL)
    }

    /// Where a label is, every one of which the program binds.
    fn address(&self, label: Label) -> *const c_void {
        self.code.address(label).map_or(std::ptr::null(), <*const u8>::cast)
    }

    /// Bytes of code of a function; `index` does not count imported ones.
    pub(crate) fn code_size(&self, index: usize) -> usize {
        // Functions follow one another, and the last one ends with the code.
        let start = self.code.offset(function_label(index)).unwrap_or_default();
        self.code
            .offset(function_label(index + 1))
            .filter(|_| index + 1 < self.functions)
            .unwrap_or(self.code.bytes().len())
            - start
    }

    /// A function's uops with their bytes and instructions, for people.
    pub(crate) fn listing(&self, module: &Module, index: usize) -> String {
        let mut text = String::new();
        let Ok(program) = lower::lower_function(module, index) else { return text };
        let Some(start) = self.code.offset(function_label(index)) else { return text };
        let listing = Listing::new(&program, &self.code.bytes()[start..], Address(start as u64));
        for uop in listing.uops() {
            let callee = uop.instruction.and_then(|instruction| lower::callee(module, instruction));
            let name = callee.and_then(|index| module.function_name(index));
            let name = name.map(|name| format!(" (`{name}`)")).unwrap_or_default();
            let shown = uop.to_string();
            let (head, lines) = shown.split_once('\n').unwrap_or((&shown, ""));
            let _ = write!(text, "{head}{name}\n{lines}");
        }
        text
    }
}
