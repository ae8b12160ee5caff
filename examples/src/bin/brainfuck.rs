//! A Brainfuck interpreter: `cargo run -p examples --bin brainfuck -- '++++++++[>++++++++<-]>+.'`
//!
//! Each instruction of the language, or run of equal instructions, is one uop.

use std::io::{Read, Write};

use stencil_runtime::{Instruction, Label, stencil};

stencil! {
    // The build fails if a uop that does not call is large or uses the native stack.
    #![stencil(max_code = 40, max_data = 8, no_stack)]

    /// The cells and the index of the current one. The index wraps around, so no program leaves the 65,536 cells.
    machine Tape(cells: *mut u8, at: u16, io: *mut Io);

    extern fn read_byte(io: *mut Io) -> u8 = crate::read_byte;
    extern fn write_byte(io: *mut Io, byte: u8) = crate::write_byte;

    /// `>` and `<`, `+` and `-`, repeated.
    uop shift(by: i16) { at += by; }
    uop add(n: u8) { cells[at] += n; }
    /// `.` and `,`
    #[stencil()]
    uop output() { write_byte(io, cells[at]); }
    #[stencil()]
    uop input() { cells[at] = read_byte(io); }
    /// `[` and `]`
    uop open(end: Label) { if (!cells[at]) JUMP(end); }
    uop close(start: Label) { if (cells[at]) JUMP(start); }
    /// The end of the program.
    uop end() { RETURN(); }
}

/// The input and output of a program. The end of the input reads as 0.
struct Io {
    input: Box<dyn Read>,
    output: Vec<u8>,
}

extern "C" fn read_byte(io: *mut Io) -> u8 {
    let mut byte = [0];
    // SAFETY: `run` passes a pointer to an `Io` that nothing else uses during the call.
    let _ = unsafe { (*io).input.read(&mut byte) };
    byte[0]
}

extern "C" fn write_byte(io: *mut Io, byte: u8) {
    // SAFETY: as in `read_byte`.
    unsafe { (*io).output.push(byte) };
}

fn lower(source: &str) -> Result<Vec<Instruction<Tape>>, String> {
    let mut program = Vec::new();
    let (mut open, mut labels) = (Vec::new(), 0..);
    let mut source = source.chars().peekable();
    while let Some(command) = source.next() {
        let mut count = 1;
        while "<>+-".contains(command) && source.next_if_eq(&command).is_some() {
            count += 1;
        }
        match command {
            '>' => program.push(Tape::shift(count as i16)),
            '<' => program.push(Tape::shift(-count as i16)),
            '+' => program.push(Tape::add(count as u8)),
            '-' => program.push(Tape::add(-count as u8)),
            '.' => program.push(Tape::output()),
            ',' => program.push(Tape::input()),
            '[' => {
                let (start, end) = (Label(labels.next().unwrap_or(0)), Label(labels.next().unwrap_or(0)));
                program.extend([Tape::open(end), Tape::bind(start)]);
                open.push((start, end));
            }
            ']' => {
                let (start, end) = open.pop().ok_or("a `]` without a `[`")?;
                program.extend([Tape::close(start), Tape::bind(end)]);
            }
            _ => {}
        }
    }
    program.push(Tape::end());
    if open.is_empty() { Ok(program) } else { Err("a `[` without a `]`".into()) }
}

fn run(source: &str, input: Box<dyn Read>) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let code = Tape::compile(&lower(source)?)?;
    let (mut cells, mut io) = (vec![0; 1 << 16], Io { input, output: Vec::new() });
    // SAFETY: the uops access `cells` at 16-bit indices, all of which exist, and pass `io` to the functions above.
    unsafe { code.entry()(cells.as_mut_ptr(), 0, &mut io) };
    Ok(io.output)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let source = std::env::args().nth(1).ok_or("usage: brainfuck PROGRAM")?;
    Ok(std::io::stdout().write_all(&run(&source, Box::new(std::io::stdin()))?)?)
}

#[test]
fn programs_run() {
    let run = |source, input: &'static str| run(source, Box::new(input.as_bytes())).unwrap();
    assert_eq!(run("++++++++[>++++++++<-]>+.", ""), b"A");
    assert_eq!(run(",[.,]", "echo"), b"echo");
    assert_eq!(run("<-.", ""), [255], "the tape wraps");
    assert!(lower("[").is_err() && lower("]").is_err());
}
