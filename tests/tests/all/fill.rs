//! Emitting over memory that held something before gives the bytes that emitting into zeroed memory gives.
//!
//! Nothing emitted here is run.

use stencil_runtime::{Address, Emitter, Error, Fresh, Label, Reused, stencil};

extern "C" fn host(x: u64) -> u64 {
    x
}

stencil! {
    machine Fill(x: u64, memory: *mut u8, f: f64) -> u64;
    extern fn host(x: u64) -> u64 = host;
    c {
        static const char *const words[] = { "10", "21", 0, 0, 0 };
        struct aligned { const void *p[8]; } __attribute__((aligned(64)));
        static const struct aligned aligned = { { &words[1], 0, 0, 0, 0, 0, 0, 0 } };
        static __attribute__((noinline)) uint64_t slowly(uint64_t y) { return host(y) * y; }
    }
    uop nothing() {}
    uop zeros() { __asm__ volatile(".zero 4"); }
    uop zeros_last() { __asm__ volatile("nop; .zero 6"); }
    uop wide(n: u64) { x = n; }
    uop narrow(n: u8, m: i16, k: u32) { x = x * n + m; *(uint32_t *)memory = k; }
    uop float_constant(n: f64) { f = f * 1.1 + n; }
    uop floats() { double *d = (double *)memory; d[0] = -d[0]; d[1] = -d[1]; f += 3.0; }
    uop strings(i: u8) { x = (uint64_t)words[i] + (uint64_t)words[x]; }
    uop aligned_table() { x = (uint64_t)aligned.p[x]; }
    uop helper() { x = slowly(x) + 1; }
    uop branch(target: Label) { if (x) JUMP(target); }
    uop goto_table() {
        static const void *const places[] = { &&a, &&b };
        goto *places[x & 1];
        a: x = host(3); CONTINUE();
        b: x *= 7;
    }
    uop family<const A: 0..3, const B: 0..3>(n: f32) where A != B { x += A * 7 + B; f = f * (A + 0.5) + n; }
}

mod fpic {
    use stencil_runtime::Label;

    stencil_runtime::stencil! {
        #![c_flags("-fpic", "-fno-plt")]
        machine FillPic(x: u64, memory: *mut u8) -> u64;
        extern fn host(x: u64) -> u64 = super::host;
        pub uop got(n: *const u8, m: u64, target: Label) { if (host(m + *n)) JUMP(target); x += m; }
        pub uop helper() { x = host(host(x)); }
    }
}

/// The same list for both kinds of memory.
macro_rules! all {
    ($memory:ty) => {{
        let target = Address(0x10_0000_0000 + 70);
        let all: Vec<Box<dyn Fn(&mut Emitter<'_, $memory>) -> Result<(), Error>>> = vec![
            Box::new(|out| emit_nothing(out)),
            Box::new(|out| emit_zeros(out)),
            Box::new(|out| emit_wide(out, 0)),
            Box::new(|out| emit_wide(out, u64::MAX)),
            Box::new(|out| emit_narrow(out, 0, 0, 0)),
            Box::new(|out| emit_narrow(out, 255, -1, 1)),
            Box::new(|out| emit_float_constant(out, 0.0)),
            Box::new(|out| emit_strings(out, 1)),
            Box::new(|out| emit_floats(out)),
            Box::new(|out| emit_float_constant(out, -1.5)),
            Box::new(|out| emit_aligned_table(out)),
            Box::new(|out| emit_zeros_last(out)),
            Box::new(|out| emit_helper(out)),
            Box::new(|out| emit_aligned_table(out)),
            Box::new(move |out| emit_branch(out, target)),
            Box::new(|out| emit_goto_table(out)),
            Box::new(move |out| fpic::emit_got(out, std::ptr::null(), 0, target)),
            Box::new(|out| fpic::emit_helper(out)),
            Box::new(|out| emit_family(out, 0, 1, 0.0)),
            Box::new(|out| emit_family(out, 2, 0, -0.0)),
            Box::new(|out| emit_family(out, 1, 2, 1.0)),
        ];
        all
    }};
}

#[test]
fn reused_memory_gets_the_bytes_of_fresh_memory() {
    let (mut code, mut data) = ([0_u8; 2048], [0_u8; 2048]);
    let at = (Address(0x10_0000_0000), Address(0x10_0001_0003));
    // Emitted where it is, to know how much there is of it; then for the same addresses in both kinds.
    for dirt in [0xCC, 0xFF, 0x01] {
        let (mut used_code, mut used_data) = ([dirt; 2048], [dirt; 2048]);
        code.fill(0);
        data.fill(0);
        let mut clean = Emitter::<Reused>::for_addresses(&mut code, &mut data, at);
        let mut used = Emitter::<Reused>::for_addresses(&mut used_code, &mut used_data, at);
        for (left, right) in all!(Reused).iter().zip(all!(Reused)) {
            left(&mut clean).unwrap();
            right(&mut used).unwrap();
        }
        assert_eq!(clean.left(), used.left());
        let (code_left, data_left) = used.left();
        // Trampolines stand at the end of the data.
        let used_bytes = (2048 - code_left, used.data_address().0 as usize - at.1.0 as usize);
        let tail = used_bytes.1 + data_left;
        assert!(used_bytes.0 > 200 && used_bytes.1 > 100);
        drop((clean, used));
        assert_eq!(code[..used_bytes.0], used_code[..used_bytes.0]);
        assert_eq!(data[..used_bytes.1], used_data[..used_bytes.1]);
        assert_eq!(data[tail..], used_data[tail..]);
        assert!(used_code[used_bytes.0..].iter().chain(&used_data[used_bytes.1..tail]).all(|&byte| byte == dirt));
    }
}

#[test]
fn fresh_and_reused_agree_where_they_are() {
    // One buffer, filled twice: first as fresh memory, then, dirty, as reused memory.
    let mut memory = vec![0_u8; 8192];
    let (code, data) = memory.split_at_mut(4096);
    let mut out = Emitter::<Fresh>::zeroed(code, data).unwrap();
    let sizes: Vec<_> = all!(Fresh).iter().map(|emit| emit(&mut out).map(|()| out.left())).collect();
    let first = memory.clone();
    memory.fill(0xCC);
    let (code, data) = memory.split_at_mut(4096);
    let mut out = Emitter::<Reused>::new(code, data);
    let again: Vec<_> = all!(Reused).iter().map(|emit| emit(&mut out).map(|()| out.left())).collect();
    assert_eq!(sizes, again);
    let (code_left, data_left) = again.last().unwrap().clone().unwrap();
    let data_used = out.data_address().0 as usize - memory.as_ptr() as usize - 4096;
    assert_eq!(memory[..4096 - code_left], first[..4096 - code_left]);
    assert_eq!(memory[4096..4096 + data_used], first[4096..4096 + data_used]);
    assert_eq!(memory[4096 + data_used + data_left..], first[4096 + data_used + data_left..]);
    assert!(memory[4096 - code_left..4096].iter().all(|&byte| byte == 0xCC));
}

#[test]
fn memory_that_is_not_zero_is_not_fresh() {
    let mut code = [0, 0, 1];
    assert_eq!(Emitter::zeroed(&mut code, &mut []).unwrap_err(), Error::NotZero { code: true, offset: 2 });
}

#[test]
fn a_full_buffer_is_left_as_it_was() {
    let needed = STENCIL_goto_table.code.size;
    let (mut code, mut data) =
        (vec![0; needed], vec![0; STENCIL_goto_table.data.size + STENCIL_goto_table.data_alignment]);
    for less in [1, needed] {
        let mut out = Emitter::<Fresh>::zeroed(&mut code[less..], &mut data).unwrap();
        let before = out.left();
        let error = emit_goto_table(&mut out).unwrap_err();
        assert!(matches!(error, Error::BufferFull { uop: "goto_table", left, .. } if left == before), "{error}");
        assert_eq!(out.left(), before);
    }
    let mut out = Emitter::<Fresh>::zeroed(&mut code, &mut data[..8]).unwrap();
    assert!(matches!(emit_goto_table(&mut out), Err(Error::BufferFull { .. })));
    drop(out);
    assert!(code.iter().chain(&data).all(|&byte| byte == 0));
    let mut out = Emitter::<Fresh>::zeroed(&mut code, &mut data).unwrap();
    emit_goto_table(&mut out).unwrap();
    assert_eq!(out.left().0, 0);
}
