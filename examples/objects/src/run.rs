//! The interface to C: loads a program, runs it, and counts what is left of it.

use std::ffi::{CStr, CString, c_char, c_void};
use std::slice;
use std::sync::{Mutex, PoisonError};

use stencil_runtime::{Code, Error};

use crate::compile::compile;
use crate::program::{Constant, Instruction, NATIVES, Program};
use crate::uops::{Frame, Interpreter, Object, Thread};

type Entry = unsafe extern "C" fn(*mut Frame, *mut *mut Object, *mut Thread) -> *mut Object;
type Write = unsafe extern "C" fn(data: *mut c_void, bytes: *const c_char, length: usize);

unsafe extern "C" {
    static live_objects: i64;
    fn static_references() -> i64;
    fn none_new() -> *mut Object;
    fn int_from(value: i64) -> *mut Object;
    fn text_new(bytes: *const c_char, length: usize) -> *mut Object;
    fn function_new(
        name: *const c_char,
        parameters: u32,
        locals: u32,
        stack: u32,
        instructions: *const Instruction,
        count: u32,
        constant: *const *mut Object,
        constants: u32,
    ) -> *mut Object;
    fn function_set_entry(function: *mut Object, entry: Entry);
    fn thread_new(fuel: i64, write: Write, data: *mut c_void) -> *mut Thread;
    fn thread_free(thread: *mut Thread);
    fn thread_add_global(thread: *mut Thread, object: *mut Object);
    fn thread_run(thread: *mut Thread, global: u32) -> bool;
    fn thread_error(thread: *const Thread) -> *const c_char;
}

/// The reference counts of an interpreter are not atomic, so one thread runs at a time.
static INTERPRETER: Mutex<()> = Mutex::new(());

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The values that it printed.
    pub output: Vec<String>,
    /// The result of its first function, or the message of the error that ended it.
    pub result: Result<String, String>,
    /// How many more objects exist on the heap than before: 0, unless a reference leaks.
    pub leaked_objects: i64,
    /// How many more references to static objects exist than before: 0, unless a reference leaks.
    pub leaked_references: i64,
}

/// Runs a program. `compiled` selects the functions that machine code runs; C interprets the others.
///
/// The program may take `fuel` jumps backward and calls.
///
/// # Errors
/// A function cannot be compiled.
pub fn run(program: &Program, fuel: u32, compiled: impl Fn(usize) -> bool) -> Result<Outcome, Error> {
    let _lock = INTERPRETER.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the lock is held, so no other thread uses the interpreter.
    let before = unsafe { (live_objects, static_references()) };
    let mut output: Vec<String> = Vec::new();
    // SAFETY: `output` lives longer than the thread, and only `write` uses it until the thread is freed.
    let thread = unsafe { thread_new(fuel.into(), write, (&raw mut output).cast()) };
    // The names and the machine code live longer than the functions.
    let mut kept: Vec<(CString, Option<Code<Interpreter>>)> = Vec::new();
    let mut loaded = Ok(());
    for (index, (function, stack)) in program.functions().iter().enumerate() {
        let constants: Vec<*mut Object> = function.constants.iter().map(constant).collect();
        let code = compiled(index).then(|| compile(&function.instructions, &constants)).transpose();
        let (code, error) = match code {
            Ok(code) => (code, None),
            Err(error) => (None, Some(error)),
        };
        let name = CString::new(&*function.name).expect("a verified name has no NUL");
        // SAFETY: C copies the instructions and takes over the constants. The function is verified: its bytecode, and so the
        // uops made from it, use values that exist. The entry has the type of C's, and its code is kept.
        unsafe {
            let object = function_new(
                name.as_ptr(),
                function.parameters,
                function.locals,
                *stack,
                function.instructions.as_ptr(),
                function.instructions.len() as u32,
                constants.as_ptr(),
                constants.len() as u32,
            );
            if let Some(code) = &code {
                function_set_entry(object, *code.entry());
            }
            thread_add_global(thread, object);
        }
        kept.push((name, code));
        if let Some(error) = error {
            loaded = Err(error);
            break;
        }
    }
    // SAFETY: the thread has the function, which takes no arguments. Its error is a string that lives as long as it.
    let result = loaded.map(|()| unsafe {
        if thread_run(thread, NATIVES) {
            Ok(())
        } else {
            Err(CStr::from_ptr(thread_error(thread)).to_string_lossy().into_owned())
        }
    });
    // SAFETY: nothing uses the thread afterwards.
    let after = unsafe {
        thread_free(thread);
        (live_objects, static_references())
    };
    Ok(Outcome {
        result: result?.map(|()| output.pop().expect("C prints the result")),
        output,
        leaked_objects: after.0 - before.0,
        leaked_references: after.1 - before.1,
    })
}

/// Returns a new reference to a constant.
fn constant(constant: &Constant) -> *mut Object {
    // SAFETY: the caller holds the lock. C copies the string.
    unsafe {
        match constant {
            Constant::None => none_new(),
            Constant::Int(value) => int_from(*value),
            Constant::Text(text) => text_new(text.as_ptr().cast(), text.len()),
        }
    }
}

/// The callback that receives the output.
///
/// # Safety
/// `data` points to a vector that nothing else uses during the call, and `bytes` to `length` bytes.
unsafe extern "C" fn write(data: *mut c_void, bytes: *const c_char, length: usize) {
    // SAFETY: the caller's promise.
    let (output, bytes) =
        unsafe { (&mut *data.cast::<Vec<String>>(), slice::from_raw_parts(bytes.cast::<u8>(), length)) };
    output.push(String::from_utf8_lossy(bytes).into_owned());
}
