//! Random programs that end.

use std::fmt::Write as _;

use super::{EAGER, Expected};
use examples::tracing::Options;

/// A pseudo-random sequence (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.below(among.len() as u64) as usize]
    }

    fn expression(&mut self, depth: u32) -> String {
        if depth == 0 || self.below(4) == 0 {
            let constants =
                ["0", "1", "2", "-1", "7", "0.5", "3.0", "9223372036854775807", "5000000000", "true", "nil", "\"t\""];
            return match self.below(3) {
                0 => self.pick(&constants).into(),
                _ => self.pick(&["a", "b", "c", "g", "i"]).into(),
            };
        }
        let (left, right) = (self.expression(depth - 1), self.expression(depth - 1));
        if self.below(60) == 0 {
            return format!("({left} + {right})");
        }
        match self.below(10) {
            // Most operands are made numbers, so that not every program ends in an error at once.
            0 => format!("(num({left}) {} num({right}))", self.pick(&["and", "or"])),
            1 => format!("(not {left})"),
            2 => format!("({left} {} {right})", self.pick(&["==", "!="])),
            3 => format!("(num({left}) {} num({right}))", self.pick(&["<", "<=", ">", ">="])),
            4 => format!("f(num({left}), {right})"),
            5 => format!("list[i % 4] + num({left})"),
            _ => format!("(num({left}) {} num({right}))", self.pick(&["+", "-", "*", "/", "%", "+", "-"])),
        }
    }

    fn statements(&mut self, depth: u32, text: &mut String) {
        for _ in 0..=self.below(4) {
            let (expression, name) = (self.expression(2), self.pick(&["a", "b", "c", "g"]));
            let _ = match self.below(9) {
                0 if depth > 0 => {
                    let counter = self.pick(&["i", "j", "k"]);
                    let (inner, count) = (format!("{counter}{depth}"), 3 + self.below(9));
                    let _ =
                        write!(text, "let {inner} = 0; while {inner} < {count} {{ {inner} = {inner} + 1; i = i + 1; ");
                    self.statements(depth - 1, text);
                    text.write_str("}\n")
                }
                1 | 2 if depth > 0 => {
                    let _ = write!(text, "if {expression} {{ ");
                    self.statements(depth - 1, text);
                    text.push_str("} else { ");
                    self.statements(depth - 1, text);
                    text.write_str("}\n")
                }
                3 => writeln!(text, "list[i % 4] = num({expression});"),
                4 => writeln!(text, "print({expression});"),
                5 if self.below(4) == 0 => writeln!(text, "f = {};", self.pick(&["f", "h", "h2"])),
                _ => writeln!(text, "{name} = {expression};"),
            };
        }
    }
}

fn program(seed: u64) -> String {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..4 {
        random.below(1);
    }
    let mut text = String::from(
        "fn num(x) { if x == nil or x == true or x == false or x == \"t\" or x == \"tt\" { return 3; } return x; }
fn f(x, y) { if y == 2 { return x - 1; } return x; }
fn h(x, y) { let n = 0; while n < 4 { n = n + 1; x = x + 1; } return num(y); }
fn h2(x, y) { return x * 0.5; }
let a = 1; let b = 2; let c = 0.5; let i = 0; let list = [1, 2, 3.5, 4]; g = 5; let round = 0;
while round < 30 { round = round + 1; i = i + 1;\n",
    );
    random.statements(2, &mut text);
    text.push_str("print(a); print(b); print(c); print(g); print(list[i % 4]); }\n");
    text
}

#[test]
fn random_programs() {
    let (mut compiled, mut complete) = (0, 0_u64);
    let programs = extent::choose(80, 400);
    for seed in 0..programs {
        let expected = Expected::of(&program(seed));
        compiled += expected.check(EAGER).compiled;
        complete += u64::from(!expected.output.contains("error"));
        expected.check(Options { hot_loop: 5, hot_trace: 1 + seed as u32 % 5, hot_exit: 3, fail_every: 1 + seed % 41 });
    }
    // Otherwise this tests less than it seems to: some end in an error, most do not.
    assert!(
        compiled > 2 * programs as usize && (programs / 2..programs).contains(&complete),
        "{compiled} traces, {complete} programs without an error"
    );
}
