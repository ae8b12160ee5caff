//! Compilation: from a module to machine code.

use std::ffi::c_void;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use stencil_runtime::{Address, Code, Instruction, Label, Listing};

use crate::lower::{self, HOST_LABEL, JumpTable, UNWIND_LABEL, function_label, lower};
use crate::module::Module;
use crate::module::error::Error;
use crate::module::headroom::Headroom;
use crate::module::progress::{Observer, Phase, Reporter};
use crate::program::Summary;
use crate::runtime::executable::Entry;
use crate::uop::Wasm;

/// The machine code of a module.
#[derive(Debug)]
pub(crate) struct Compiled {
    code: Code<Wasm>,
    /// The addresses that jumps of the code read. The code holds pointers to them.
    tables: Vec<JumpTable>,
    /// The number of functions, without imported ones.
    functions: usize,
}

impl Compiled {
    /// Compiles a module.
    pub(crate) fn new(module: &Module, observer: Observer<'_>) -> Result<Self, Error> {
        let lowered = lower(module, observer)?;
        // Emission keeps the offset of each label, of which there are no more than instructions.
        Headroom::new("compiled module")?.claim(size_of::<[Label; 8]>().saturating_mul(lowered.program.len()))?;
        Reporter::new(observer, Phase::Emitting, 0, module.wasm.len()).report(0)?;
        let code = Wasm::compile(&lowered.program)?;
        let compiled = Self { code, tables: lowered.tables, functions: module.bodies.len() };
        for table in &compiled.tables {
            for (address, &label) in table.addresses.iter().zip(&table.labels) {
                address.store(compiled.address(label) as usize, Ordering::Relaxed);
            }
        }
        Ok(compiled)
    }

    /// The entry that leads to every function.
    pub(crate) fn entry(&self) -> Entry {
        *self.code.entry()
    }

    /// The address of a function's code; `index` does not count imported functions.
    pub(crate) fn function(&self, index: usize) -> *const c_void {
        self.address(function_label(index))
    }

    /// The address of the code that all host functions share: it calls [`call_host`](crate::runtime::host::call_host).
    pub(crate) fn host_thunk(&self) -> *const c_void {
        self.address(HOST_LABEL)
    }

    /// The address that functions jump to after a trap.
    pub(crate) fn unwind(&self) -> *const c_void {
        self.address(UNWIND_LABEL)
    }

    /// The address of a label. The program binds every label.
    fn address(&self, label: Label) -> *const c_void {
        self.code.address(label).map_or(std::ptr::null(), <*const u8>::cast)
    }

    /// Bytes of the machine code and the jump tables.
    pub(crate) fn size(&self) -> usize {
        let tables: usize = self.tables.iter().map(|table| size_of_val(&*table.addresses)).sum();
        self.code.bytes().len() + tables
    }

    /// The size of a function's code in bytes; `index` does not count imported functions.
    pub(crate) fn code_size(&self, index: usize) -> usize {
        // Functions follow one another. The last one ends with the code.
        let start = self.code.offset(function_label(index)).unwrap_or_default();
        self.code
            .offset(function_label(index + 1))
            .filter(|_| index + 1 < self.functions)
            .unwrap_or(self.code.bytes().len())
            - start
    }

    /// Counts the uops of all functions.
    pub(crate) fn summary(&self, module: &Module) -> Summary {
        let mut summary = Summary::default();
        for program in (0..self.functions).filter_map(|index| lower::lower_function(module, index).ok()) {
            for stencil in program.iter().map(Instruction::stencil).filter(|stencil| stencil.code.size != 0) {
                summary.uops += 1;
                summary.narrow += usize::from(stencil.is_narrow());
                summary.code += stencil.code.size;
                summary.general += stencil.general().code.size;
            }
        }
        summary
    }

    /// Lists a function's uops with their bytes and instructions.
    pub(crate) fn listing(&self, module: &Module, index: usize) -> String {
        let mut text = String::new();
        let Ok(program) = lower::lower_function(module, index) else { return text };
        let Some(start) = self.code.offset(function_label(index)) else { return text };
        let listing = Listing::new(&program, &self.code.bytes()[start..], Address(start as u64));
        for uop in listing.uops() {
            let callee = uop.instruction.and_then(|instruction| lower::callee(module, instruction));
            let name = callee.and_then(|index| module.function_name(index));
            let name = name.map(|name| format!(" (`{}`)", name.escape_debug())).unwrap_or_default();
            let shown = uop.to_string();
            let (head, lines) = shown.split_once('\n').unwrap_or((&shown, ""));
            let _ = write!(text, "{head}{name}\n{lines}");
        }
        text
    }
}
