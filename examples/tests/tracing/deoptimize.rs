//! Guards fail in every way, and assumptions cease to hold: the interpreter goes on as if there were no compiled code.

use super::{EAGER, Expected, same};
use examples::tracing::Options;

/// In the middle of a loop each of these becomes something else.
const CHANGES: [&str; 12] = [
    "x = 1.5;",
    "x = \"text\"; y = \"s\";",
    "x = 9223372036854775800;",
    "x = nil; y = nil;",
    "y = 0; x = 0.0;",
    "list = [1];",
    "list = nil;",
    "i = i + 0.5;",
    "f = g;",
    "f = nil;",
    "fn_changed = true; f = h;",
    "list[2] = \"item\"; list[0] = 0.25;",
];

fn program(change: &str) -> String {
    format!(
        "fn f(a, b) {{ if a == b {{ return 1; }} return a; }}
         fn g(a, b) {{ return b; }}
         fn h(a, b) {{ let k = 0; while k < 5 {{ k = k + 2; }} return f2(k, a); }}
         fn f2(a, b) {{ return a; }}
         let x = 1; let y = 2; let i = 0; let list = [1, 2, 3]; let done = false; let n = 0;
         while n < 40 {{
             n = n + 1; i = i + 1;
             x = x + f(y, n) - 1;
             if x == y or not done {{ y = y + list[n % 3] * 0 + 1; }}
             list[1] = x;
             if n == 25 {{ done = true; {change} }}
             print(x); print(y); print(list[1]); print(x == y); print(i);
         }}"
    )
}

#[test]
fn types_functions_and_lists_change_in_the_middle_of_a_loop() {
    for change in CHANGES {
        let expected = Expected::of(&program(change));
        assert!(expected.check(EAGER).compiled > 0, "{change}");
        expected.check(Options::default());
    }
}

#[test]
fn a_remainder_that_would_be_a_fault_of_the_processor_is_none() {
    for (divisor, last) in [(-1, "0"), (0, "NaN"), (5, "-3")] {
        let (output, statistics) = same(
            &format!(
                "let least = 0 - 9223372036854775807 - 1; let d = 3; let n = 0;
                 while n < 20 {{ n = n + 1; if n == 15 {{ d = 0 + {divisor}; }} print(least % d); }}"
            ),
            EAGER,
        );
        assert_eq!(output.lines().last(), Some(last));
        assert!(statistics.compiled > 0);
    }
}

#[test]
fn each_guard_may_fail_each_time() {
    for change in CHANGES {
        let expected = Expected::of(&program(change));
        for fail_every in (1..60).chain([97, 251, 509, 1021]) {
            let statistics = expected.check(Options { fail_every, ..EAGER });
            assert!(statistics.compiled > 0);
        }
    }
}

#[test]
fn values_that_a_trace_assumes_constant_may_change() {
    let source = "fn f(x) { return x + 1; } fn g(x) { return x * 2; }
        let i = 0; let sum = 0;
        while i < 2000 { sum = (sum + f(i)) % 1000003; if i == 1000 { f = g; } i = i + 1; } print(sum);";
    let (_, statistics) = same(source, Options::default());
    assert!(statistics.invalidated > 0, "{statistics:?}");
    // `f` is read each time from then on: changing it again invalidates nothing.
    let source = source.replace("i == 1000", "i % 10 == 3");
    let (_, statistics) = same(&source, Options::default());
    assert!(statistics.invalidated < 10, "{statistics:?}");
}

#[test]
fn memory_of_invalid_executors_is_given_back() {
    // Each function is watched by a trace of its own, with a side trace, until it changes.
    let functions: String =
        (0..50).map(|n| format!("fn f{n}(x) {{ if x % 2 == 0 {{ return x; }} return {n}; }}\n")).collect();
    let loops: String =
        (0..50).map(|n| format!("i = 0; while i < 300 {{ sum = sum + f{n}(i); i = i + 1; }} f{n} = nil;\n")).collect();
    let (_, statistics) =
        same(&format!("{functions} let i = 0; let sum = 0;\n{loops} print(sum);"), Options::default());
    assert!(statistics.invalidated >= 100, "{statistics:?}");
    assert_eq!((statistics.executors, statistics.bytes), (0, 0), "{statistics:?}");
}

#[test]
fn an_executor_that_invalidates_itself_is_left_at_once() {
    let source = "fn f(x) { return 1; } fn g(x) { return 100; }
        fn swap(n) { if n == 150 { f = g; } return n; }
        let i = 0; let sum = 0; while i < 300 { sum = sum + f(swap(i)) + f(0); i = i + 1; } print(sum);
        i = 0; while i < 300 { set = i; sum = sum + set; i = i + 1; } print(sum);
        other = 1; i = 0; while i < 300 { other = other + f(0); i = i + 1; } print(other);";
    let expected = Expected::of(source);
    for options in [EAGER, Options::default(), Options { hot_loop: 5, hot_trace: 3, hot_exit: 1, fail_every: 7 }] {
        expected.check(options);
    }
}
