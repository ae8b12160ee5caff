//! Many functions of ten small uops each, in executable memory.

use std::ffi::c_void;

use stencil_runtime::{Arena, Code, Instruction, Machine as _};

use crate::Result;
use crate::measure::{Contender, same};
use crate::small::{self, Adder, Step};

/// The code of each function, with its prologue and epilogue. It is position-independent.
pub fn reference(functions: &[&[Step]]) -> Result<Vec<Vec<u8>>> {
    let bytes = |steps: &&[Step]| Ok(Adder::compile(&small::program(steps))?.bytes().to_vec());
    functions.iter().map(bytes).collect()
}

/// The bytes at the start of each function.
pub fn entry(expected: &[Vec<u8>]) -> &[u8] {
    &expected[0][..Adder::ENTRY.stencil().code.size]
}

/// Programs.
pub struct Programs<'a> {
    functions: &'a [&'a [Step]],
    programs: Vec<Vec<Instruction<Adder>>>,
    expected: &'a [Vec<u8>],
    /// The arena. Without one, each program gets a mapping of its own.
    arena: Option<Arena>,
    made: Vec<Code<Adder>>,
}

impl<'a> Programs<'a> {
    pub fn new(functions: &'a [&'a [Step]], expected: &'a [Vec<u8>], arena: Option<Arena>) -> Self {
        let programs = functions.iter().map(|steps| small::program(steps)).collect();
        Self { functions, programs, expected, arena, made: Vec::new() }
    }
}

impl Contender for Programs<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let Some(arena) = &self.arena else {
            self.made =
                self.programs.iter().map(|program| Adder::compile(program)).collect::<std::result::Result<_, _>>()?;
            return Ok(());
        };
        let mut batch = arena.batch();
        for program in &self.programs {
            batch.compile(program)?;
        }
        self.made = batch.publish()?;
        Ok(())
    }

    fn free(&mut self) {
        self.made.clear();
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        for ((code, steps), expected) in self.made.iter().zip(self.functions).zip(self.expected) {
            same(code.bytes(), expected)?;
            small::run(*code.entry(), steps)?;
        }
        Ok(())
    }
}

/// One mapping for all functions, into which their final bytes are copied.
pub struct Copied<'a> {
    pub expected: &'a [Vec<u8>],
    pub size: usize,
    pub made: Option<*mut c_void>,
}

impl Contender for Copied<'_> {
    fn emit(&mut self, _: &mut [u8]) -> Result<()> {
        let (writable, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        assert!(self.expected.iter().map(Vec::len).sum::<usize>() <= self.size);
        // SAFETY: a new mapping with room for all functions.
        unsafe {
            let start = libc::mmap(std::ptr::null_mut(), self.size, writable, flags, -1, 0);
            if start == libc::MAP_FAILED {
                return Err("no memory".into());
            }
            let mut place = start.cast::<u8>();
            for bytes in self.expected {
                place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                place = place.add(bytes.len());
            }
            libc::mprotect(start, self.size, libc::PROT_READ | libc::PROT_EXEC);
            self.made = Some(start);
        }
        Ok(())
    }

    fn free(&mut self) {
        if let Some(start) = self.made.take() {
            // SAFETY: `emit` made the mapping.
            unsafe { libc::munmap(start, self.size) };
        }
    }

    fn check(&mut self, _: &[u8]) -> Result<()> {
        let start = self.made.ok_or("nothing was made")?;
        // SAFETY: the mapping is readable.
        let bytes = unsafe { std::slice::from_raw_parts(start.cast::<u8>(), self.size) };
        let expected = self.expected.concat();
        same(&bytes[..expected.len()], &expected)
    }
}
