//! From a module to machine code.

use std::ffi::c_void;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use stencil_runtime::{Code, Label, Machine};

use crate::error::Error;
use crate::lower::{self, HOST_LABEL, JumpTable, UNWIND_LABEL, function_label, lower};
use crate::module::Module;
use crate::progress::{Observer, Phase, Progress};
use crate::uop::Wasm;

/// How compiled code is entered. Arguments are in the first slots of the frame, and there are the results; what is
/// returned is a [`Trap`](crate::trap::Trap)'s code or 0. [`Vm::start`](crate::vm::Vm::start) says which function runs.
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
        self.code.entry()
    }

    /// The code of a function; `index` does not count imported ones.
    pub(crate) fn function(&self, index: usize) -> *const c_void {
        self.address(function_label(index))
    }

    /// The code of every host function: it calls [`call_host`](crate::host::call_host).
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
        let mut offset = start;
        for instruction in &program {
            let stencil = instruction.stencil();
            let bytes = &self.code.bytes()[offset..offset + stencil.code.size];
            let callee = lower::callee(module, instruction).and_then(|index| module.function_name(index));
            let callee = callee.map(|name| format!(" (`{name}`)")).unwrap_or_default();
            let _ = writeln!(text, "{offset:8x}: {instruction:?}{callee}");
            for line in disassembly(stencil.disassembly, bytes) {
                let _ = writeln!(text, "              {line}");
            }
            offset += stencil.code.size;
        }
        text
    }
}

/// The lines of a stencil's disassembly, each with the bytes of its instruction as they are in memory. What is out of line
/// comes last, and without its bytes, which are elsewhere.
fn disassembly<'a>(text: &'a str, bytes: &'a [u8]) -> impl Iterator<Item = String> + 'a {
    let offset = |line: &str| usize::from_str_radix(line.split(':').next()?.trim(), 16).ok();
    let starts: Vec<usize> = text.lines().map_while(offset).chain([bytes.len()]).collect();
    text.lines().enumerate().map(move |(index, line)| {
        let range = starts.get(index).zip(starts.get(index + 1));
        let hex: Vec<_> = range
            .and_then(|(start, end)| bytes.get(*start..*end))
            .unwrap_or_default()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let instruction = line.split_once(": ").map_or(line, |(_, instruction)| instruction);
        format!("{:32}  {instruction}", hex.join(" "))
    })
}
