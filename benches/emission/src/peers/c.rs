//! Emit functions in C, as CPython's generator writes them: one for each stencil, which copies whole bodies from static arrays
//! and calls an inline function for each patch; and a table of them. They are generated from the same stencils
//! and compiled by clang -O3.

mod library;
mod source;

use std::ffi::c_void;

use stencil_runtime::Stencil;

use crate::Result;
use crate::measure::{Contender, same};
use library::Library;

/// An instruction for the C functions: the index of its stencil, and its operands. A label is its number.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Instruction<const N: usize> {
    pub uop: u64,
    pub operands: [u64; N],
}

type Emit<const N: usize> = unsafe extern "C" fn(
    code: *mut u8,
    data: *mut u8,
    program: *const Instruction<N>,
    count: usize,
    labels: *const u64,
);
type Compile<const N: usize> = unsafe extern "C" fn(
    program: *const Instruction<N>,
    count: usize,
    offsets: *const u64,
    labels: usize,
    size: *mut usize,
) -> *mut c_void;
type CompileTrace<const N: usize> =
    unsafe extern "C" fn(program: *const Instruction<N>, count: usize, size: *mut usize) -> *mut c_void;

/// The functions for some stencils of up to `N` operands.
pub struct Functions<const N: usize> {
    emit: Emit<N>,
    compile: Compile<N>,
    compile_trace: CompileTrace<N>,
    stencils: usize,
    _library: Library,
}

impl<const N: usize> Functions<N> {
    /// Generates and compiles them. `host` returns the address of a host function.
    pub fn new(stencils: &[&Stencil], host: impl Fn(&str) -> Option<u64>) -> Result<Self> {
        let library = Library::new(&source::source(N, stencils, host)?)?;
        // SAFETY: the functions of these names have these types.
        let (emit, compile, compile_trace) = unsafe {
            (
                std::mem::transmute::<*mut c_void, Emit<N>>(library.symbol(c"emit")?),
                std::mem::transmute::<*mut c_void, Compile<N>>(library.symbol(c"compile")?),
                std::mem::transmute::<*mut c_void, CompileTrace<N>>(library.symbol(c"compile_trace")?),
            )
        };
        Ok(Self { emit, compile, compile_trace, stencils: stencils.len(), _library: library })
    }
}

/// Emits a program into the memory passed to it. Data begin at an offset there.
pub struct Emitting<'a, const N: usize> {
    pub functions: &'a Functions<N>,
    pub program: &'a [Instruction<N>],
    pub data: usize,
    pub labels: Vec<u64>,
    pub expected: &'a [u8],
}

impl<const N: usize> Contender for Emitting<'_, N> {
    fn emit(&mut self, memory: &mut [u8]) -> Result<()> {
        assert!(memory.len() >= self.expected.len() && self.data <= self.expected.len());
        let code = memory.as_mut_ptr();
        // SAFETY: the memory has room for the expected bytes, and the check has shown that nothing else is written. `Placing` checks the
        // indices of stencils.
        unsafe {
            (self.functions.emit)(
                code,
                code.add(self.data),
                self.program.as_ptr(),
                self.program.len(),
                self.labels.as_ptr(),
            );
        }
        Ok(())
    }

    fn check(&mut self, memory: &[u8]) -> Result<()> {
        same(&memory[..self.expected.len()], self.expected)
    }
}

/// Whether the bytes of the program with this number are right.
pub type Expected<'a> = Box<dyn Fn(usize, &[u8]) -> Result<()> + 'a>;

/// Compiles programs, each into a mapping of its own, as CPython does.
pub struct Mapping<'a, const N: usize> {
    pub functions: &'a Functions<N>,
    pub programs: Vec<Vec<Instruction<N>>>,
    /// The offsets of labels from the start of each program.
    pub labels: Vec<u64>,
    pub expected: Expected<'a>,
    pub made: Vec<(*mut c_void, usize)>,
}

impl<const N: usize> Contender for Mapping<'_, N> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        for program in &self.programs {
            let mut size = 0;
            debug_assert!(program.iter().all(|instruction| (instruction.uop as usize) < self.functions.stencils));
            let (offsets, labels) = (self.labels.as_ptr(), self.labels.len());
            // SAFETY: the instructions refer to existing stencils and labels.
            let start =
                unsafe { (self.functions.compile)(program.as_ptr(), program.len(), offsets, labels, &raw mut size) };
            if start.is_null() {
                return Err("no memory".into());
            }
            self.made.push((start, size));
        }
        Ok(())
    }

    fn free(&mut self) {
        unmap(&mut self.made);
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        check(&self.made, &self.expected)
    }
}

/// Compiles traces, each into a mapping of its own, as CPython does. The label of an instruction is its index.
pub struct Traces<'a, const N: usize> {
    pub functions: &'a Functions<N>,
    pub traces: Vec<Vec<Instruction<N>>>,
    pub expected: Expected<'a>,
    pub made: Vec<(*mut c_void, usize)>,
}

impl<const N: usize> Contender for Traces<'_, N> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        for trace in &self.traces {
            let mut size = 0;
            debug_assert!(trace.iter().all(|instruction| (instruction.uop as usize) < self.functions.stencils));
            // SAFETY: the instructions refer to existing stencils, and by their labels to each other.
            let start = unsafe { (self.functions.compile_trace)(trace.as_ptr(), trace.len(), &raw mut size) };
            if start.is_null() {
                return Err("no memory".into());
            }
            self.made.push((start, size));
        }
        Ok(())
    }

    fn free(&mut self) {
        unmap(&mut self.made);
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        check(&self.made, &self.expected)
    }
}

fn unmap(made: &mut Vec<(*mut c_void, usize)>) {
    for (start, size) in made.drain(..) {
        // SAFETY: a function in C made the mapping, with this size.
        unsafe { libc::munmap(start, size) };
    }
}

fn check(made: &[(*mut c_void, usize)], expected: &Expected<'_>) -> Result<()> {
    made.iter().enumerate().try_for_each(|(index, (start, size))| {
        // SAFETY: the mapping is readable.
        expected(index, unsafe { std::slice::from_raw_parts(start.cast::<u8>(), *size) })
    })
}
