//! The handlers in C, as the build script has written and compiled them.

#![allow(unsafe_code)]

use std::ffi::c_void;

use crate::block::OPERANDS;
use crate::{Program, WORDS};

unsafe extern "C" {
    /// The handlers in the order of the table of uops, then the loop and the end.
    #[link_name = "handlers"]
    static HANDLERS: [*const c_void; OPERANDS.len() + 2];
    fn run_handlers(memory: *mut u64, left: u64, ip: *const u64) -> u64;
}

/// A program for the handlers: the address of each uop's handler, followed by its operand if it has one.
pub struct Stream(Box<[u64]>);

impl Stream {
    /// Encodes a loop.
    pub fn new(program: &Program) -> Self {
        // SAFETY: the array is constant.
        let handler = |index: usize| unsafe { HANDLERS[index] } as u64;
        let mut words = Vec::new();
        for &(uop, n) in program {
            words.push(handler(uop));
            words.extend((!OPERANDS[uop].is_empty()).then_some(n));
        }
        words.extend([handler(OPERANDS.len()), 0, handler(OPERANDS.len() + 1)]);
        let mut words = words.into_boxed_slice();
        // The loop's operand is the address of the first word.
        let start = words.as_ptr() as u64;
        let count = words.len();
        words[count - 2] = start;
        Self(words)
    }

    /// Runs the loop this many times, at least once, and returns the first register.
    pub fn run(&self, memory: &mut [u64; WORDS], times: u64) -> u64 {
        // SAFETY: the stream consists of handlers and their operands and ends with `halt`. Programs load and store within
        // `WORDS` words.
        unsafe { run_handlers(memory.as_mut_ptr(), times.max(1), self.0.as_ptr()) }
    }
}
