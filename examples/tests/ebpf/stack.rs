//! Accesses relative to r10. Within the running function's frame they are not checked at run time, so the limits matter.

use std::collections::HashMap;

use ::rbpf::assembler::assemble;
use examples::ebpf::{Error, Program};

/// Stores a number at `r10 + offset` and loads it, with accesses of a size: `b`, `h`, `w` or `dw`.
fn access(size: &str, offset: i32) -> Result<u64, Error> {
    let program = format!("st{size} [r10{offset:+}], 77\nldx{size} r0, [r10{offset:+}]\nexit");
    Program::new(&assemble(&program).unwrap(), &HashMap::new())?.run(&mut [])
}

#[test]
fn the_stack_ends_at_r10() {
    for (size, bytes) in [("b", 1), ("h", 2), ("w", 4), ("dw", 8)] {
        for offset in [-bytes, -bytes - 1, -511, -512] {
            assert_eq!(access(size, offset), Ok(77), "{size} at {offset}");
        }
        for offset in [1 - bytes, 0, 1, 8, i16::MAX.into()] {
            assert_eq!(access(size, offset), Err(Error::Fault { at: 0 }), "{size} at {offset}");
        }
    }
}

/// The other functions' frames are in bounds, too. There are eight frames of 512 bytes.
#[test]
fn the_stack_begins_after_eight_frames() {
    for size in ["b", "h", "w", "dw"] {
        for offset in [-513, -4095, -4096] {
            assert_eq!(access(size, offset), Ok(77), "{size} at {offset}");
        }
        for offset in [-4097, -4104, i16::MIN.into()] {
            assert_eq!(access(size, offset), Err(Error::Fault { at: 0 }), "{size} at {offset}");
        }
    }
}

/// The last of eight nested functions uses the lowest frame. A ninth function is a fault.
#[test]
fn calls_nest_eight_deep() {
    let run = |calls: u32| {
        let program = format!("mov r1, {calls}\nmov r0, 7\njeq r1, 0, +2\nsub r1, 1\ncall 0\nstdw [r10-512], 77\nexit");
        let mut program = assemble(&program).unwrap();
        // The call becomes a local call of the second instruction.
        program[4 * 8 + 1] = 1 << 4;
        program[4 * 8 + 4..5 * 8].copy_from_slice(&(-4_i32).to_le_bytes());
        Program::new(&program, &HashMap::new()).unwrap().run(&mut [])
    };
    assert_eq!(run(7), Ok(7));
    assert_eq!(run(8), Err(Error::Fault { at: 4 }));
}
