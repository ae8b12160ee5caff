//! The eBPF example beside rbpf's interpreter, its JIT and its Cranelift back end, on the same programs in the same run.
//!
//! All contenders first have to return the interpreter's result. rbpf's JIT does not check addresses; the others do.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use examples::ebpf::Program;
use rbpf::EbpfVmRaw;
use rbpf::assembler::assemble;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rounds in which the contenders take turns. The least time counts.
const ROUNDS: usize = 7;

/// Programs: a name and the source. Each reads memory of 4 KiB at r1.
const PROGRAMS: [(&str, &str); 4] = [
    (
        "xorshift and multiply",
        "
        mov r0, 0
        lddw r2, 88172645463325252
        mov r3, 3000000
        mov r4, r2
        lsh r4, 13
        xor r2, r4
        mov r4, r2
        rsh r4, 7
        xor r2, r4
        mov r4, r2
        lsh r4, 17
        xor r2, r4
        mul r0, 31
        add r0, r2
        sub r3, 1
        jne r3, 0, -13
        exit
        ",
    ),
    (
        "Collatz steps below 20,000",
        "
        mov r0, 0
        mov r2, 1
        mov r3, r2
        mov r4, r3
        and r4, 1
        jeq r4, 0, +5
        mov r4, r3
        add r3, r3
        add r3, r4
        add r3, 1
        ja +1
        rsh r3, 1
        add r0, 1
        jne r3, 1, -11
        add r2, 1
        jlt r2, 20000, -14
        exit
        ",
    ),
    (
        "checksum of 4 KiB, bytes",
        "
        mov r0, 0
        mov r2, 500
        mov r3, r1
        mov r4, r1
        add r4, 4096
        ldxb r5, [r3]
        add r0, r5
        mov r6, r0
        lsh r6, 5
        xor r0, r6
        add r3, 1
        jlt r3, r4, -7
        sub r2, 1
        jne r2, 0, -12
        exit
        ",
    ),
    (
        "spill to the stack, 64 bits",
        "
        mov r0, 1
        mov r2, 2000000
        stxdw [r10-8], r0
        ldxdw r3, [r10-8]
        add r3, r2
        stxdw [r10-16], r3
        ldxdw r0, [r10-16]
        sub r2, 1
        jne r2, 0, -7
        exit
        ",
    ),
];

fn main() -> Result<()> {
    println!("Milliseconds to run, and ratios to the example; microseconds to compile.\n");
    println!("| program | stencil | interpreter | JIT, unchecked | Cranelift | compile: stencil | JIT | Cranelift |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (name, source) in PROGRAMS {
        let program = assemble(source)?;
        row(name, &program).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// What `compile` returns, and how long it took.
fn compile<T, E: Error + 'static>(compile: impl FnOnce() -> std::result::Result<T, E>) -> Result<(T, Duration)> {
    let start = Instant::now();
    let compiled = compile()?;
    Ok((compiled, start.elapsed()))
}

fn row(name: &str, program: &[u8]) -> Result<()> {
    let memory: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (ours, our_compile) = compile(|| Program::new(program, &HashMap::new()))?;
    let mut jit = EbpfVmRaw::new(Some(program))?;
    let ((), jit_compile) = compile(|| jit.jit_compile())?;
    let mut cranelift = EbpfVmRaw::new(Some(program))?;
    let ((), cranelift_compile) = compile(|| cranelift.cranelift_compile())?;
    let interpreter = EbpfVmRaw::new(Some(program))?;

    let run = |contender: usize| -> Result<(u64, Duration)> {
        // rbpf borrows the memory for as long as the program lives, so each run leaks 4 KiB.
        let memory: &'static mut [u8] = memory.clone().leak();
        let start = Instant::now();
        let result = match contender {
            0 => ours.run(memory)?,
            1 => interpreter.execute_program(memory)?,
            // SAFETY: the programs of this file access their memory and their stack alone.
            2 => unsafe { jit.execute_program_jit(memory)? },
            _ => cranelift.execute_program_cranelift(memory)?,
        };
        Ok((result, start.elapsed()))
    };
    let expected = run(1)?.0;
    let mut least = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        for (contender, least) in least.iter_mut().enumerate() {
            let (result, time) = run(contender)?;
            if result != expected {
                return Err(format!("contender {contender} returned {result}, the interpreter {expected}").into());
            }
            *least = time.min(*least);
        }
    }
    let [ours, others @ ..] = least.map(|time| time.as_secs_f64() * 1e3);
    let others = others.map(|time| format!("{time:.2} ({:.2})", time / ours)).join(" | ");
    let compiled = [our_compile, jit_compile, cranelift_compile].map(|time| format!("{:.0}", time.as_secs_f64() * 1e6));
    println!("| {name} | {ours:.2} | {others} | {} |", compiled.join(" | "));
    Ok(())
}
