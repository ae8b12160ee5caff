//! Compilation: from a module to machine code or to a stream.

use std::ffi::c_void;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use stencil_runtime::{Address, Code, Instruction, Interpreter, Label, Listing};

use crate::lower::{self, Checkpoints, HOST_LABEL, JumpTable, Lowered, UNWIND_LABEL, function_label, lower};
use crate::module::Module;
use crate::module::error::Error;
use crate::module::headroom::Headroom;
use crate::module::progress::{Observer, Phase, Reporter};
use crate::program::{Summary, bridge};
use crate::runtime::executable::Entry;
use crate::runtime::vm::Addresses;
use crate::uop::Wasm;

/// A module's uops in the form in which a tier runs them.
#[derive(Debug)]
enum Form {
    Code(Code<Wasm>),
    Stream(Interpreter<Wasm>),
}

/// The machine code of a module, or its stream.
#[derive(Debug)]
pub(crate) struct Compiled {
    form: Form,
    /// The addresses that jumps of the code read. The code holds pointers to them.
    tables: Vec<JumpTable>,
    /// The number of functions, without imported ones.
    functions: usize,
}

impl Compiled {
    /// Compiles a module to machine code. Also returns where interpreted functions can continue in it.
    pub(super) fn machine_code(module: &Module, observer: Observer<'_>) -> Result<(Self, Checkpoints), Error> {
        let Lowered { program, tables, checkpoints } = lower(module, observer)?;
        Reporter::new(observer, Phase::Emitting, 0, module.wasm.len()).report(0)?;
        let compile = |program: &[_]| Ok(Form::Code(Wasm::compile(program)?));
        Ok((Self::new(&program, tables, module.bodies.len(), compile)?, checkpoints))
    }

    /// Makes the stream of a module.
    pub(super) fn stream(module: &Module, observer: Observer<'_>) -> Result<Self, Error> {
        bridge::entry().map_err(without_interpreter)?;
        let mut lowered = lower(module, observer)?;
        lowered.fuse();
        Reporter::new(observer, Phase::Emitting, 0, module.wasm.len()).report(0)?;
        Self::new(&lowered.program, lowered.tables, module.bodies.len(), encode)
    }

    /// Makes the stream of one function, which begins at [`ALONE_LABEL`](lower::ALONE_LABEL).
    pub(super) fn function_stream(
        module: &Module,
        index: usize,
        step: &mut dyn FnMut(usize) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut lowered = lower::lower_alone(module, index, step)?;
        lowered.fuse();
        Self::new(&lowered.program, lowered.tables, 1, encode)
    }

    fn new(
        program: &[Instruction<Wasm>],
        tables: Vec<JumpTable>,
        functions: usize,
        form: impl FnOnce(&[Instruction<Wasm>]) -> Result<Form, Error>,
    ) -> Result<Self, Error> {
        // Emission keeps the offset of each label, of which there are no more than instructions.
        Headroom::new("compiled module")?.claim(size_of::<[Label; 8]>().saturating_mul(program.len()))?;
        let compiled = Self { form: form(program)?, tables, functions };
        for table in &compiled.tables {
            for (address, &label) in table.addresses.iter().zip(&table.labels) {
                address.store(compiled.address(label) as usize, Ordering::Relaxed);
            }
        }
        Ok(compiled)
    }

    /// The entry that leads to every function.
    pub(super) fn entry(&self) -> Entry {
        match &self.form {
            Form::Code(code) => Entry::Code(*code.entry()),
            Form::Stream(stream) => Entry::Stream(*stream.entry()),
        }
    }

    /// The addresses of a function; `index` does not count imported functions.
    pub(super) fn function(&self, index: usize) -> Addresses {
        self.addresses(function_label(index))
    }

    /// The addresses that all host functions share. The code there calls [`call_host`](crate::runtime::host::call_host).
    pub(super) fn host(&self) -> Addresses {
        self.addresses(HOST_LABEL)
    }

    fn addresses(&self, label: Label) -> Addresses {
        match &self.form {
            Form::Code(_) => bridge::compiled(self.address(label)),
            Form::Stream(_) => bridge::interpreted(self.address(label)),
        }
    }

    /// The addresses that functions jump to after a trap.
    pub(super) fn unwind(&self) -> Addresses {
        self.addresses(UNWIND_LABEL)
    }

    /// The address of a label. The program binds every label.
    pub(super) fn address(&self, label: Label) -> *const c_void {
        match &self.form {
            Form::Code(code) => code.address(label).map_or(std::ptr::null(), <*const u8>::cast),
            Form::Stream(stream) => stream.address(label).map_or(std::ptr::null(), |address| address.as_ptr().cast()),
        }
    }

    /// Bytes of the machine code or stream, and the jump tables.
    pub(super) fn size(&self) -> usize {
        let tables: usize = self.tables.iter().map(|table| size_of_val(&*table.addresses)).sum();
        self.form.size() + tables
    }

    /// The size of a function's machine code or stream in bytes; `index` does not count imported functions.
    pub(super) fn code_size(&self, index: usize) -> usize {
        // Functions follow one another. The last one ends with the code.
        let start = self.form.offset(function_label(index)).unwrap_or_default();
        let next = (index + 1 < self.functions).then(|| self.form.offset(function_label(index + 1))).flatten();
        next.unwrap_or(self.form.size()) - start
    }

    /// Lists a function's uops with their bytes and instructions. A stream has none.
    pub(super) fn listing(&self, module: &Module, index: usize) -> String {
        let mut text = String::new();
        let Form::Code(code) = &self.form else { return text };
        let Ok(program) = lower::lower_function(module, index) else { return text };
        let Some(start) = code.offset(function_label(index)) else { return text };
        let listing = Listing::new(&program, &code.bytes()[start..], Address(start as u64));
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

impl Form {
    /// The size in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Code(code) => code.bytes().len(),
            Self::Stream(stream) => stream.size(),
        }
    }

    /// The offset of a label in bytes.
    fn offset(&self, label: Label) -> Option<usize> {
        match self {
            Self::Code(code) => code.offset(label),
            Self::Stream(stream) => Some(stream.address(label)?.as_ptr().addr() - stream.start().as_ptr().addr()),
        }
    }
}

/// Counts the uops of all functions.
pub(super) fn summary(module: &Module) -> Summary {
    let mut summary = Summary::default();
    for program in (0..module.bodies.len()).filter_map(|index| lower::lower_function(module, index).ok()) {
        for stencil in program.iter().map(Instruction::stencil).filter(|stencil| stencil.code.size != 0) {
            summary.uops += 1;
            summary.narrow += usize::from(stencil.is_narrow());
            summary.code += stencil.code.size;
            summary.general += stencil.general().code.size;
        }
    }
    summary
}

/// Encodes a program for the interpreter.
fn encode(program: &[Instruction<Wasm>]) -> Result<Form, Error> {
    Ok(Form::Stream(Interpreter::new(program).map_err(without_interpreter)?))
}

/// The error of an encoding.
pub(super) fn without_interpreter(error: stencil_runtime::Error) -> Error {
    match error {
        stencil_runtime::Error::NoInterpreter => Error::NoInterpreter,
        error => error.into(),
    }
}
