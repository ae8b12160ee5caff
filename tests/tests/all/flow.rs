//! Control flow that is hard to lay out: loops whose exit is the next uop, several ends, jumps out of the middle,
//! calls, rarely taken paths. Each uop has an equivalent Rust function, and both are run on all small register values.
//!
//! Calls of compiled code are sound: the bodies here touch no memory.

use stencil_runtime::{Label, stencil};

extern "C" fn odd_part(x: u64) -> u64 {
    if x == 0 { 0 } else { x >> x.trailing_zeros() }
}

stencil! {
    machine Flow(x: u64, y: u64) -> u64;
    extern fn odd_part(x: u64) -> u64 = odd_part;

    uop loops(t: Label) { while (x > 3) { x = x / 2; if (x == y) JUMP(t); if (x & 8) CONTINUE(); } y++; }
    uop nested(t: Label) {
        for (uint64_t i = 0; i < x; i++) {
            for (uint64_t j = i; j < 5; j++) { if (i * j == y) { x = i; y = j; JUMP(t); } if (i + j > 9) CONTINUE(); }
        }
        x = 99;
    }
    uop ends() {
        switch (x & 15) {
            case 0: CONTINUE(); case 1: y++; CONTINUE(); case 2: y = odd_part(y); CONTINUE(); case 3: RETURN(y * 3);
            case 4: x = 7; break; case 5: y = 3; __attribute__((fallthrough)); case 6: x += y; break; case 9: RETURN(1); default: y ^= 5;
        }
        x++;
    }
    uop jumps(t: Label, u: Label) {
        if (x == 0) JUMP(t);
        if (x == 1) JUMP(u);
        x = odd_part(x);
        if (x == 3) { y++; JUMP(u); }
        if (__builtin_expect(x == 5, 0)) { y = odd_part(y + 8); JUMP(t); }
        if (__builtin_expect(x == 7, 1)) CONTINUE();
        JUMP(u);
    }
    uop rarely(t: Label) {
        if (__builtin_expect(x > y, 0)) { x = odd_part(x) + 1; if (x > 5) JUMP(t); y = 0; }
        x += y;
    }
    uop again(t: Label) { if (x > 1) { x = x & 1 ? 3 * x + 1 : x / 2; if (++y < 200) JUMP(t); RETURN(0); } }
    uop both_same(t: Label) { if (x) JUMP(t); JUMP(t); }
    uop chain(t: Label, u: Label, v: Label) { if (x == 1) JUMP(t); if (x == 2) JUMP(u); if (x == 3) JUMP(v); if (x == 4) CONTINUE(); if (x == 5) JUMP(t); }
    uop and_or(t: Label) { if ((x > 3 && y < 9) || (x == y && x & 1)) JUMP(t); }
    uop to_address(p: *const u8) { if (x & 1) JUMP(p); x--; }
    uop by_table(t: Label, u: Label) {
        static const void *const places[] = { &&a, &&b, &&c, &&d, &&e };
        a: if (x == 0) CONTINUE();
        x--; goto *places[(x + y) % 5];
        b: y++; goto *places[(x + y) % 5];
        c: JUMP(t);
        d: if (y & 1) JUMP(u); y++; goto *places[(x - y) % 5];
        e: x /= 2; if (x > 4) goto a;
    }
    uop finish(n: u64) { RETURN(x * 1000 + y * 10 + n); }
}

/// Encodes where a uop went, by its number and the registers, or what it returned.
fn end(to: u64, x: u64, y: u64) -> u64 {
    x.wrapping_mul(1000).wrapping_add(y.wrapping_mul(10)).wrapping_add(to)
}

fn loops(mut x: u64, y: u64) -> u64 {
    while x > 3 {
        x /= 2;
        if x == y {
            return end(1, x, y);
        }
        if x & 8 != 0 {
            return end(0, x, y);
        }
    }
    end(0, x, y + 1)
}

fn nested(x: u64, y: u64) -> u64 {
    for i in 0..x {
        for j in i..5 {
            if i * j == y {
                return end(1, i, j);
            }
            if i + j > 9 {
                return end(0, x, y);
            }
        }
    }
    end(0, 99, y)
}

fn ends(x: u64, y: u64) -> u64 {
    match x & 15 {
        0 => end(0, x, y),
        1 => end(0, x, y + 1),
        2 => end(0, x, odd_part(y)),
        3 => y * 3,
        4 => end(0, 8, y),
        5 => end(0, x + 4, 3),
        6 => end(0, x + y + 1, y),
        9 => 1,
        _ => end(0, x + 1, y ^ 5),
    }
}

fn jumps(x: u64, y: u64) -> u64 {
    match (x, odd_part(x)) {
        (0, _) => end(1, x, y),
        (1, _) => end(2, x, y),
        (_, 3) => end(2, 3, y + 1),
        (_, 5) => end(1, 5, odd_part(y + 8)),
        (_, odd) => end(if odd == 7 { 0 } else { 2 }, odd, y),
    }
}

fn rarely(x: u64, y: u64) -> u64 {
    if x <= y {
        return end(0, x + y, y);
    }
    let x = odd_part(x) + 1;
    if x > 5 { end(1, x, y) } else { end(0, x, 0) }
}

fn by_table(mut x: u64, mut y: u64) -> u64 {
    let mut place = 0;
    loop {
        place = match place {
            0 if x == 0 => return end(0, x, y),
            0 => {
                x -= 1;
                (x + y) % 5
            }
            1 => {
                y += 1;
                (x + y) % 5
            }
            2 => return end(1, x, y),
            3 if y & 1 == 1 => return end(2, x, y),
            3 => {
                y += 1;
                x.wrapping_sub(y) % 5
            }
            _ => {
                x /= 2;
                if x <= 4 {
                    return end(0, x, y);
                }
                0
            }
        };
    }
}

/// The Rust equivalent of a uop with labels. It returns the number of the target, with 0 for the next uop, and the
/// registers.
type Twin = fn(u64, u64) -> u64;

#[test]
fn uops_go_where_their_rust_equivalents_go() {
    let [t, u, v] = [0, 1, 2].map(Label);
    let all: [(stencil_runtime::Instruction<Flow>, Twin); 10] = [
        (Flow::loops(t), loops),
        (Flow::nested(t), nested),
        (Flow::ends(), ends),
        (Flow::jumps(t, u), jumps),
        (Flow::jumps(u, t), |x, y| {
            let end = jumps(x, y);
            // Swap the two labels; the next uop stays.
            if end.is_multiple_of(10) { end } else { end / 10 * 10 + 3 - end % 10 }
        }),
        (Flow::rarely(t), rarely),
        (Flow::both_same(t), |x, y| end(1, x, y)),
        (Flow::chain(t, u, v), |x, y| end([0, 1, 2, 3, 0, 1].get(x as usize).copied().unwrap_or(0), x, y)),
        (Flow::and_or(t), |x, y| end(u64::from((x > 3 && y < 9) || (x == y && x & 1 == 1)), x, y)),
        (Flow::by_table(t, u), by_table),
    ];
    for (uop, twin) in all {
        // Bind the labels before the uop and after it, so that displacements have either sign.
        let targets = [Flow::bind(t), Flow::finish(1), Flow::bind(u), Flow::finish(2), Flow::bind(v), Flow::finish(3)];
        let start = Label(3);
        let skip = Flow::chain(start, start, start);
        let last = [&[uop, Flow::finish(0)][..], &targets].concat();
        let first =
            [&[Flow::both_same(start)][..], &targets, &[Flow::bind(start), uop, Flow::finish(0), skip]].concat();
        for program in [last, first] {
            let code = Flow::compile(&program).unwrap();
            for x in 0..40 {
                for y in 0..20 {
                    let actual = unsafe { code.entry()(x, y) };
                    assert_eq!(actual, twin(x, y), "{uop:?} x={x} y={y}\n{}", uop.stencil().disassembly());
                }
            }
        }
    }
}

#[test]
fn loops_over_uops() {
    let t = Label(0);
    let code = Flow::compile(&[Flow::bind(t), Flow::again(t), Flow::finish(0)]).unwrap();
    for start in 1..60 {
        let (mut x, mut y) = (start, 0);
        while x > 1 {
            x = if x & 1 == 1 { 3 * x + 1 } else { x / 2 };
            y += 1;
        }
        assert_eq!(unsafe { code.entry()(start, 0) }, end(0, 1, y));
    }
}

#[test]
fn jumps_to_an_address() {
    let other = Flow::compile(&[Flow::finish(5)]).unwrap();
    let inner = Flow::compile(&[Flow::finish(1), Flow::bind(Label(0)), Flow::finish(7)]).unwrap();
    drop(other);
    let code = Flow::compile(&[Flow::to_address(inner.address(Label(0)).unwrap()), Flow::finish(0)]).unwrap();
    assert_eq!(unsafe { (code.entry()(3, 4), code.entry()(2, 4)) }, (end(7, 3, 4), end(0, 1, 4)));
}
