//! The example that started the project: CPython's `_CHECK_VALIDITY`, with its zeros elided, byte for byte.
//!
//! Calls of compiled code are sound: the executors that the bodies read live until the end of each test.

use stencil_runtime::{Address, Emitter, Fresh, Label, Patch, PatchKind, Reused, Section, Stencil, Value, stencil};

use crate::exact_bytes;

/// The uop checks the lowest bit of `valid`.
#[repr(C)]
pub struct Executor {
    head: [u8; 0x22],
    valid: u8,
}

mod fpic {
    use super::Executor;
    use stencil_runtime::{Label, stencil};

    stencil! {
        #![c_flags("-fpic", "-fno-plt")]
        pub machine Seed(x: u64) -> u64;
        c { typedef struct { char head[0x22]; unsigned char valid : 1; } executor_t; }
        /// Leaves the trace if its assumption no longer holds.
        pub uop _CHECK_VALIDITY(executor: *const Executor, target: Label) {
            if (!((const executor_t *)executor)->valid) JUMP(target);
        }
        pub uop ret(value: u64) { RETURN(value); }
    }
}

mod plain {
    use super::Executor;
    use stencil_runtime::{Label, stencil};

    stencil! {
        pub machine Seed(x: u64) -> u64;
        c { typedef struct { char head[0x22]; unsigned char valid : 1; } executor_t; }
        pub uop _CHECK_VALIDITY(executor: *const Executor, target: Label) {
            if (!((const executor_t *)executor)->valid) JUMP(target);
        }
        pub uop ret(value: u64) { RETURN(value); }
    }
}

const STORED: [u8; 15] = [0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xf6, 0x40, 0x22, 0x01, 0x75, 0x06, 0xff, 0x25];

fn data(offset: usize, operand: usize) -> Patch {
    Patch { section: Section::Data, offset, kind: PatchKind::Abs64, value: Value::Operand(operand), addend: 0 }
}

fn code(offset: usize, slot: usize) -> Patch {
    Patch { section: Section::Code, offset, kind: PatchKind::Rel32, value: Value::Data(slot), addend: -4 }
}

#[test]
fn the_seed_is_reproduced_byte_for_byte() {
    if !exact_bytes::<fpic::Seed>("the seed's bytes") {
        return;
    }
    let stencil = &fpic::STENCIL__CHECK_VALIDITY;
    assert_eq!(stencil.name(), "_CHECK_VALIDITY");
    assert_eq!((stencil.code.size, stencil.code.stored), (19, &STORED[..]));
    assert_eq!((stencil.data.size, stencil.data.stored, stencil.data_alignment), (16, &[][..], 8));
    assert_eq!(stencil.patches(), [data(0, 0), data(8, 1), code(3, 0), code(0xf, 8)]);
    let holes: Vec<_> = stencil.holes().iter().map(|hole| (hole.name, hole.ty)).collect();
    assert_eq!(holes, [("executor", "*const Executor"), ("target", "Label")]);
}

#[test]
fn the_seed_emits_what_it_describes() {
    if !exact_bytes::<fpic::Seed>("the seed's emitted bytes") {
        return;
    }
    let executor: *const Executor = 0x1122_3344_5566_7788 as *const Executor;
    let (mut code, mut data) = ([0_u8; 32], [0_u8; 32]);
    let at = (code.as_ptr() as u64, data.as_ptr() as u64);
    let padding = (at.1.wrapping_neg() & 7) as usize;
    let mut out = Emitter::<Fresh>::zeroed(&mut code, &mut data).unwrap();
    fpic::emit__CHECK_VALIDITY(&mut out, executor, Address(0x0102_0304_0506_0708)).unwrap();
    assert_eq!(out.left(), (32 - 19, 32 - 16 - padding));
    assert_eq!((out.code_address(), out.data_address()), (Address(at.0 + 19), Address(at.1 + padding as u64 + 16)));
    drop(out);
    let mut expected = [0; 32];
    expected[..15].copy_from_slice(&STORED);
    let slots = at.1 + padding as u64;
    expected[3..7].copy_from_slice(&((slots - (at.0 + 7)) as u32).to_le_bytes());
    expected[15..19].copy_from_slice(&((slots + 8 - (at.0 + 19)) as u32).to_le_bytes());
    assert_eq!(code, expected);
    let mut expected = [0; 32];
    expected[padding..padding + 8].copy_from_slice(&0x1122_3344_5566_7788_u64.to_le_bytes());
    expected[padding + 8..padding + 16].copy_from_slice(&0x0102_0304_0506_0708_u64.to_le_bytes());
    assert_eq!(data, expected);
}

/// 1 if the executor is valid, 2 if it is not.
macro_rules! outcome {
    ($module:ident, $executor:expr) => {{
        use $module::Seed;
        let target = Label(0);
        let program = [Seed::_CHECK_VALIDITY($executor, target), Seed::ret(1), Seed::bind(target), Seed::ret(2)];
        let code = Seed::compile(&program).unwrap();
        unsafe { code.entry()(0) }
    }};
}

#[test]
fn the_seed_runs_both_ways() {
    for valid in 0..=255 {
        let executor = Executor { head: [!valid; 0x22], valid };
        let expected = if executor.valid & 1 == 1 { 1 } else { 2 };
        assert_eq!(outcome!(fpic, &raw const executor), expected);
        assert_eq!(outcome!(plain, &raw const executor), expected);
        assert_eq!(executor.head[0], !valid);
    }
}

#[test]
fn without_fpic_it_is_smaller() {
    let (fpic, plain) = (&fpic::STENCIL__CHECK_VALIDITY, &plain::STENCIL__CHECK_VALIDITY);
    let size = |stencil: &Stencil| stencil.code.size + stencil.data.size;
    assert!(size(plain) < size(fpic) && size(plain) < 19 + 16, "{}", plain.disassembly());
    assert_eq!(plain.data.size, 0);
    assert!(plain.patches().iter().all(|patch| patch.section == Section::Code));
}

mod zeros {
    stencil_runtime::stencil! {
        pub machine Blank(x: *mut u8) -> u64;
        /// Two instructions whose bytes are all zero: `add %al, (%rax)`.
        pub uop zeros() { __asm__ volatile(".zero 4"); }
        pub uop zeros_at_its_end() { __asm__ volatile("nop; .zero 40"); }
        pub uop ret() { RETURN(*(uint8_t *)x); }
    }
}

#[test]
fn stored_bytes_are_trimmed() {
    assert_eq!((zeros::STENCIL_zeros.code.size, zeros::STENCIL_zeros.code.stored), (4, &[][..]));
    assert_eq!(
        (zeros::STENCIL_zeros_at_its_end.code.size, zeros::STENCIL_zeros_at_its_end.code.stored),
        (41, &[0x90][..])
    );
    for stencil in [&fpic::STENCIL__CHECK_VALIDITY, &plain::STENCIL__CHECK_VALIDITY, &zeros::STENCIL_ret] {
        for body in [stencil.code, stencil.data] {
            assert!(body.stored.last() != Some(&0) && body.stored.len() <= body.size);
            for patch in stencil.patches().iter().filter(|patch| patch.section == Section::Code) {
                assert!(stencil.code.stored.len() != patch.offset + 1, "a patched byte is stored as the last one");
            }
        }
    }
    // Emit it over zeroed and over dirty memory: the bytes must match the description.
    let (mut fresh, mut reused) = ([0_u8; 48], [0xCC_u8; 48]);
    let mut out = Emitter::<Fresh>::zeroed(&mut fresh, &mut []).unwrap();
    zeros::emit_zeros(&mut out).and_then(|()| zeros::emit_zeros_at_its_end(&mut out)).unwrap();
    let mut out = Emitter::<Reused>::new(&mut reused, &mut []);
    zeros::emit_zeros(&mut out).and_then(|()| zeros::emit_zeros_at_its_end(&mut out)).unwrap();
    assert_eq!((fresh[4], fresh.iter().filter(|&&byte| byte != 0).count()), (0x90, 1));
    assert_eq!((&reused[..45], &reused[45..]), (&fresh[..45], &[0xCC; 3][..]));
}

stencil! {
    machine Mark(x: u64) -> u64;
    // 10 bytes that occur nowhere else, followed by 40 zeros, which are instructions that read `rax`.
    uop marked() { __asm__ volatile("movabs $0x6b39a1c4e85f2d71, %rax; .zero 40"); }
}

#[test]
fn the_executable_holds_no_trailing_zeros() {
    let mark = [&[0x48, 0xb8][..], &0x6b39_a1c4_e85f_2d71_u64.to_le_bytes()].concat();
    assert_eq!((STENCIL_marked.code.size, STENCIL_marked.code.stored), (50, &mark[..]));
    // Searching with `windows().any()` would be slow without optimization.
    let image = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let starts = image.iter().enumerate().filter(|(_, byte)| **byte == mark[0]).map(|(index, _)| index);
    let ends = starts.filter(|&start| image[start..].starts_with(&mark)).map(|start| start + mark.len());
    let untrimmed = ends.filter(|&end| image[end..].iter().take_while(|&&byte| byte == 0).count() >= 40).count();
    assert_eq!(untrimmed, 0);
}

#[test]
fn the_entry_is_patched_completely() {
    use stencil_runtime::Machine;
    let code = fpic::Seed::compile(&[fpic::Seed::ret(5)]).unwrap();
    let entry = fpic::Seed::ENTRY.stencil();
    for patch in entry.patches().iter().filter(|patch| patch.section == Section::Code) {
        assert_ne!(code.bytes()[patch.offset..patch.offset + 4], [0; 4], "not patched: {entry:?}");
    }
}
