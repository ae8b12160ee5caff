//! The layout of jumps between uops, the sharing of equal bytes, and the determinism of the expansion.
//!
//! Calls of compiled code are sound: the bodies here touch no memory.

use stencil_runtime::{Instruction, Label, Machine, Stencil, Value, stencil};

extern "C" fn add_100(x: u64) -> u64 {
    x + 100
}

stencil! {
    machine Layout(x: u64, y: u64) -> u64;
    extern fn add_100(x: u64) -> u64 = add_100;

    uop nothing() {}
    uop nothing_twice() { CONTINUE(); }
    uop add() { x += y; }
    uop add_same() { x = y + x; }
    uop jump(target: Label) { JUMP(target); }
    uop jump_if(target: Label) { if (x > y) JUMP(target); }
    uop jump_unless(target: Label) { if (!(x > y)) JUMP(target); }
    uop jump_if_zero(target: Label) { if (!x) JUMP(target); }
    uop count_down(target: Label) { if (--x) JUMP(target); }
    uop jump_if_below(target: Label) { if (x < y) JUMP(target); x -= y; }
    uop continue_unless(target: Label) { if (x & 1) CONTINUE(); y++; JUMP(target); }
    uop one_of_two(near: Label, far: Label) { if (x > 5) JUMP(near); JUMP(far); }
    uop never_continues() { RETURN(x * 2); }
    uop never_ends() { for (;;) { if (x++ > 20) RETURN(y); } }
    uop continues_often() {
        if (x == 1) CONTINUE();
        if (x == 2) { y = add_100(y); CONTINUE(); }
        if (x == 3) { x = add_100(x); CONTINUE(); }
        y = 0;
        if (x == 4) { x = add_100(y); CONTINUE(); }
        x = 1;
    }
    uop float_compare(target: Label) { double a, b; __builtin_memcpy(&a, &x, 8); __builtin_memcpy(&b, &y, 8); if (a == b) JUMP(target); }
    uop float_compare_not(target: Label) { double a, b; __builtin_memcpy(&a, &x, 8); __builtin_memcpy(&b, &y, 8); if (a != b) JUMP(target); }
    uop goto_last_jump(target: Label) {
        static const void *const places[] = { &&first, &&last };
        goto *places[x & 1];
        first: if (y & 1) CONTINUE();
        last: JUMP(target);
    }
    uop goto_last_jump_inverted(target: Label) {
        static const void *const places[] = { &&first, &&last, &&middle };
        goto *places[x % 3];
        middle: y++;
        first: if (__builtin_expect(y & 1, 1)) CONTINUE();
        last: __asm__ volatile(""); JUMP(target);
    }
    uop goto_end() {
        static const void *const places[] = { &&more, &&end };
        goto *places[x & 1];
        more: x += 10;
        end: CONTINUE();
    }
    uop set_x(value: u64) { x = value; }
    uop ret() { RETURN(x); }
    uop ret_y() { RETURN(y); }
}

/// Runs `uop`, which may jump to `Label(0)`. Returns whether it did, and x and y after it.
fn run(uop: Instruction<Layout>, x: u64, y: u64) -> (bool, u64, u64) {
    let target = Label(0);
    let outcome = |last: Instruction<Layout>, continues: bool| {
        let other = if continues { [Layout::set_x(!0), Layout::ret()] } else { [last, last] };
        let this = if continues { last } else { Layout::set_x(!0) };
        let program = [uop, this, Layout::ret(), Layout::bind(target), other[0], other[1]];
        let code = Layout::compile(&program).unwrap();
        unsafe { code.entry()(x, y) }
    };
    let jumped = outcome(Layout::ret_y(), true) == !0;
    (jumped, outcome(Layout::ret(), !jumped), outcome(Layout::ret_y(), !jumped))
}

fn continues(stencil: &Stencil) -> usize {
    stencil.patches().iter().filter(|patch| patch.value == Value::Next).count()
}

#[test]
fn the_jump_to_the_next_uop_is_dropped() {
    assert_eq!((STENCIL_nothing.code.size, STENCIL_nothing_twice.code.size), (0, 0));
    assert_eq!((STENCIL_nothing.patches().len(), STENCIL_nothing.disassembly()), (0, String::new()));
    for stencil in [&STENCIL_add, &STENCIL_set_x, &STENCIL_jump_if, &STENCIL_jump_unless] {
        let text = stencil.disassembly();
        let last = text.lines().last().unwrap();
        assert!(!last.contains("jmp"), "{}: {last}", stencil.name());
        assert_eq!(continues(stencil), 0, "{}", stencil.name());
    }
    assert!([3, 4].contains(&STENCIL_add.code.size), "{}", STENCIL_add.disassembly());
    assert_eq!(run(Layout::nothing(), 3, 4), (false, 3, 4));
    assert_eq!(run(Layout::add(), 3, 4), (false, 7, 4));
    let code = Layout::compile(&[Layout::nothing(), Layout::add(), Layout::nothing(), Layout::ret()]).unwrap();
    assert_eq!(unsafe { code.entry()(3, 4) }, 7);
    let parts = Layout::ENTRY.stencil().code.size + STENCIL_add.code.size + STENCIL_ret.code.size;
    assert_eq!(code.bytes().len(), parts);
}

#[test]
fn conditional_jumps_fall_through() {
    // The code is a comparison followed by a conditional jump to the label.
    for stencil in [&STENCIL_jump_if, &STENCIL_jump_unless] {
        let text = stencil.disassembly();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), stencil.code.size), (2, 9), "{}", stencil.disassembly());
        assert!(lines[1].ends_with(" target") && lines[1].contains(": j"), "{}", stencil.disassembly());
    }
    for (x, y) in [(0, 0), (1, 0), (0, 1), (1 << 63, 1)] {
        assert_eq!(run(Layout::jump_if(Label(0)), x, y), (x > y, x, y));
        assert_eq!(run(Layout::jump_unless(Label(0)), x, y), (x <= y, x, y));
        assert_eq!(run(Layout::jump_if_zero(Label(0)), x, y), (x == 0, x, y));
        let less = x.wrapping_sub(1);
        assert_eq!(run(Layout::count_down(Label(0)), x, y), (less != 0, less, y));
    }
    for (x, y) in [(1, 2), (2, 2), (3, 2)] {
        assert_eq!(run(Layout::jump_if_below(Label(0)), x, y), (x < y, if x < y { x } else { x - y }, y));
        assert_eq!(run(Layout::continue_unless(Label(0)), x, y), (x & 1 == 0, x, if x & 1 == 0 { y + 1 } else { y }));
    }
    assert_eq!(run(Layout::jump(Label(0)), 3, 4), (true, 3, 4));
    for (x, y) in [(1.0, 1.0), (1.0, 2.0), (f64::NAN, 1.0), (f64::NAN, f64::NAN), (0.0, -0.0)] {
        let (a, b) = (f64::to_bits(x), f64::to_bits(y));
        assert_eq!(run(Layout::float_compare(Label(0)), a, b), (x == y, a, b), "{x} {y}");
        assert_eq!(run(Layout::float_compare_not(Label(0)), a, b), (x != y, a, b), "{x} {y}");
    }
}

#[test]
fn the_path_to_the_next_uop_has_no_jump() {
    for stencil in [&STENCIL_jump_if_zero, &STENCIL_count_down, &STENCIL_jump_if_below] {
        assert_eq!(continues(stencil), 0, "{}:\n{}", stencil.name(), stencil.disassembly());
    }
}

#[test]
fn a_last_jump_that_a_computed_goto_leads_to_is_kept() {
    for x in 0..6 {
        for y in 0..4 {
            let jumps = x & 1 == 1 || y & 1 == 0;
            assert_eq!(
                run(Layout::goto_last_jump(Label(0)), x, y),
                (jumps, x, y),
                "{}",
                STENCIL_goto_last_jump.disassembly()
            );
            let after = if x % 3 == 2 { y + 1 } else { y };
            let jumps = x % 3 == 1 || after & 1 == 0;
            let text = STENCIL_goto_last_jump_inverted.disassembly();
            assert_eq!(run(Layout::goto_last_jump_inverted(Label(0)), x, y), (jumps, x, after), "x={x} y={y}\n{text}");
            assert_eq!(run(Layout::goto_end(), x, y), (false, if x & 1 == 0 { x + 10 } else { x }, y));
        }
    }
}

#[test]
fn uops_that_leave_in_other_ways() {
    assert_eq!(continues(&STENCIL_never_continues), 0);
    assert_eq!(continues(&STENCIL_never_ends), 0);
    for (x, y) in [(0, 7), (21, 8), (9, 9)] {
        let code = Layout::compile(&[Layout::never_continues()]).unwrap();
        assert_eq!(unsafe { code.entry()(x, y) }, x * 2);
        let code = Layout::compile(&[Layout::never_ends()]).unwrap();
        assert_eq!(unsafe { code.entry()(x, y) }, y);
    }
    let code = |near, far| {
        let (a, b) = (Label(near), Label(far));
        let program =
            [Layout::one_of_two(a, b), Layout::bind(Label(0)), Layout::ret(), Layout::bind(Label(1)), Layout::ret_y()];
        Layout::compile(&program).unwrap()
    };
    assert_eq!(unsafe { (code(0, 1).entry()(6, 1), code(0, 1).entry()(5, 1)) }, (6, 1));
    assert_eq!(unsafe { (code(1, 0).entry()(6, 1), code(1, 0).entry()(5, 1)) }, (1, 5));
    let expected = [(1, 0), (1, 7), (2, 107), (103, 7), (100, 0), (1, 0)];
    for (x, (after_x, after_y)) in expected.into_iter().enumerate() {
        assert_eq!(run(Layout::continues_often(), x as u64, 7), (false, after_x, after_y));
    }
}

#[test]
fn equal_bytes_are_stored_once() {
    assert_eq!(STENCIL_add.code, STENCIL_add_same.code);
    assert_eq!(STENCIL_add.code.stored.as_ptr(), STENCIL_add_same.code.stored.as_ptr());
    assert_ne!(STENCIL_add.code.stored.as_ptr(), STENCIL_ret.code.stored.as_ptr());
}

/// The same uops in two separate blocks.
macro_rules! twice {
    ($($module:ident)*) => {$(
        mod $module {
            stencil_runtime::stencil! {
                pub machine Twice(x: u64) -> u64;
                c { static const char *const words[] = { "a", "b", "c" }; }
                extern fn add_100(x: u64) -> u64 = super::add_100;
                pub uop load(i: u8, n: u64) { x = (uint64_t)words[i][0] + n + (uint64_t)"text"[n & 3]; }
                pub uop call() { x = add_100(x) * 3; }
                pub uop get<const A: 0..2, const B: 0..2>(n: f64) where A != B { x = x * n + A * 1.5 - B * 2.25; }
            }
        }
    )*};
}
twice! { first second }

#[test]
fn expansion_is_deterministic() {
    let program = |i| [first::Twice::load(i, 0), first::Twice::get(0, 1, 2.0), first::Twice::call()];
    let other = |i| [second::Twice::load(i, 0), second::Twice::get(0, 1, 2.0), second::Twice::call()];
    let bytes = (first::Twice::compile(&program(1)).unwrap(), second::Twice::compile(&other(1)).unwrap());
    assert_eq!(bytes.0.bytes().len(), bytes.1.bytes().len());
    assert_eq!(first::STENCIL_load, second::STENCIL_load);
    assert_eq!(first::STENCIL_call, second::STENCIL_call);
    assert_eq!(first::STENCIL_get, second::STENCIL_get);
    assert_eq!(
        first::STENCIL_get.iter().flatten().map(|stencil| stencil.name()).collect::<Vec<_>>(),
        ["get[0, 1]", "get[1, 0]"]
    );
}
