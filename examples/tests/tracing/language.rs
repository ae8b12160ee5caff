//! What programs mean, and that the JIT takes part.

use super::{EAGER, Expected, same};
use examples::tracing::{Options, run, uops};

/// The output of a program, one line for each `print`, separated by spaces.
fn output(source: &str) -> String {
    let (output, _) = same(source, EAGER);
    output.trim().replace('\n', " ")
}

#[test]
fn expressions() {
    assert_eq!(output("print(1 + 2 * 3 - 8 / 2); print(7 % 3); print(-7 % 3); print(-(2 - 5));"), "3.0 1 -1 3");
    assert_eq!(
        output("print(9223372036854775807 + 1); print(9007199254740993 * 2);"),
        "9.223372036854776e18 18014398509481986"
    );
    assert_eq!(
        output("print(1 == 1.0); print(\"a\" < \"b\"); print(nil == false); print([] == []);"),
        "true true false false"
    );
    assert_eq!(output("print(nil or 2); print(0 and 3); print(false and f(1)); print(not nil);"), "2 3 false true");
    assert_eq!(
        output("let a = [1, [2.5, \"x\"], nil]; print(len(a)); print(a[1][1] + \"y\"); print(a[2]);"),
        "3 xy nil"
    );
    assert_eq!(output("let a = [1]; a[0] = a; push(a, 5); print(a[0][0][1]); print(a);"), "5 a list of 2");
}

#[test]
fn functions_and_blocks() {
    assert_eq!(output("fn fib(n) { if n < 2 { return n; } return fib(n - 1) + fib(n - 2); } print(fib(15));"), "610");
    assert_eq!(output("fn f(a, b) { let a = a * 2; return a + b; } print(f(1, 2)); print(f);"), "4 fn 1");
    assert_eq!(
        output("let x = 1; if x == 2 { print(2); } else if x == 1 { let x = 5; print(x); } else {} print(x);"),
        "5 1"
    );
    assert_eq!(output("fn f(g, n) { return g(n); } fn h(n) { return n + 1; } print(f(h, 1)); x = 3; print(x);"), "2 3");
}

#[test]
fn run_time_errors_name_the_line_and_the_cause() {
    for (source, error) in [
        ("print(1 + nil);", "line 1: cannot compute 1 + nil"),
        ("\nprint(-\"a\");", "line 2: cannot compute 0 - a"),
        ("let x = 1 *\n 2 %\n nil;", "line 2: cannot compute 2 % nil"),
        ("print([1]\n[1]);", "line 2: item 1 is not in a list of 1"),
        ("print([1][-1]);", "line 1: item -1 is not in a list of 1"),
        ("print(\n[1][nil]\n);", "line 2: cannot take item nil of a list of 1"),
        ("let a = [1];\na[0] = 2;\na[1] =\n3;", "line 3: item 1 is not in a list of 1"),
        ("\n\nf(\n1);", "line 3: nil is not a function"),
        ("fn f(a) {}\nf();", "line 2: the function takes 1 arguments, found 0"),
        ("fn f(a) {\n return f(a); }\n f(1);", "line 2: calls nest too deeply"),
        ("# a comment\nprint(1 < \"a\");", "line 2: cannot order 1 and a"),
        ("if 1 == 2 {}\nelse if 1 <\n nil {}", "line 2: cannot order 1 and nil"),
        ("push(\n1, 2);", "line 1: cannot push to 1"),
        ("\nlen(1);", "line 2: 1 has no length"),
        // In compiled code, too.
        (
            "let i = 0; let a = [1, 2, 3, 4, 5, 6, 7];\nwhile true {\n i = i +\n a[i]; }",
            "line 4: item 7 is not in a list of 7",
        ),
        ("let i = 30;\nwhile true {\n i = i - 1;\n if i == 0 {\n i = nil; } }", "line 3: cannot compute nil - 1"),
        ("let i = 30;\nwhile\n i > 0 {\n i = i - 1;\n if i == 5 {\n i = \"a\"; } }", "line 3: cannot order a and 0"),
        (
            "fn f(x) {\n return x * 2; }\nlet i = 0;\nwhile i < 30 {\n let x = i; if i == 20 { x = nil; }\n f(x);\n i = i + 1; }",
            "line 2: cannot compute nil * 2",
        ),
    ] {
        let (output, _) = same(source, EAGER);
        assert_eq!(output.lines().last().unwrap_or_default(), format!("error: {error}"), "{source}");
    }
}

#[test]
fn errors_of_syntax_name_the_line_and_what_was_expected() {
    for (source, error) in [
        ("let", "line 1: expected a name, found the end of the program"),
        ("\nlet x 1;", "line 2: expected `=`, found `1`"),
        ("x =\n\n;", "line 3: expected an expression, found `;`"),
        ("1 = 2;", "line 1: expected a variable or an item of a list before `=`"),
        ("\nf(1) = 2;", "line 2: expected a variable or an item of a list before `=`"),
        ("if 1 {\n", "line 1: expected an expression, found the end of the program"),
        ("print(1)\nprint(2);", "line 2: expected `;`, found `print`"),
        ("print(1,\n2);", "line 1: `print` takes 1 arguments, found 2"),
        ("f(1\n2);", "line 2: expected `,` or `)`, found `2`"),
        ("# $\n$", "line 2: expected a token, found \"$\""),
        ("\"a", "line 1: expected a token, found \"\\\"a\""),
        ("fn f(a b) {}", "line 1: expected `,` or `)`, found `b`"),
        ("1.2.3;", "line 1: expected a token, found \"1.2.3;\""),
    ] {
        assert_eq!(run(source, EAGER).unwrap_err(), error, "{source}");
    }
    let deep = format!("\nx = {}1{};", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(run(&deep, EAGER).unwrap_err(), "line 2: more than 200 nested blocks and expressions");
    assert!(run(&"-".repeat(100_000), EAGER).is_err() && run(&"if 1 {".repeat(100_000), EAGER).is_err());
}

#[test]
fn the_jit_takes_part() {
    let (output, statistics) = same(include_str!("../../programs/sum.tr"), Options::default());
    assert_eq!(output, "1500012500003\ntrue\n25997\n");
    assert!((5..20).contains(&statistics.compiled), "{statistics:?}");
    // All else runs in compiled code.
    assert!(statistics.exits < 200, "{statistics:?}");
}

#[test]
fn traces_are_interpreted_first_and_compiled_in_the_middle_of_a_loop() {
    let source = "let i = 0; let sum = 0; while i < 1000 { i = i + 1; sum = sum + i; } print(sum);";
    // The loop is left once, at its end: nothing else has to leave the trace for it to be compiled.
    for hot_trace in [0, 1, 2, 7, 100, 499, u32::MAX] {
        let outcome = run(source, Options { hot_trace, ..Options::default() }).unwrap();
        assert_eq!((&*outcome.output, outcome.statistics.exits), ("500500\n", 1), "{hot_trace}");
        let compiled = usize::from(hot_trace != u32::MAX);
        assert_eq!((outcome.statistics.recorded, outcome.statistics.compiled), (1, compiled), "{hot_trace}");
        assert_eq!(outcome.switches.iter().map(|switch| switch.trace).collect::<Vec<_>>(), [0].repeat(compiled));
    }
    // In compiled code, no round is counted.
    assert_eq!(uops::STENCIL_count.code.size, 0);
}

#[test]
fn calls_are_inlined_and_undone() {
    let source = "fn inner(x) { if x % 10 == 3 { return 0 - x; } return x; }
        fn middle(x) { let a = inner(x); let b = inner(x + 1); return a * 2 + b; }
        let i = 0; let sum = 0; while i < 1000 { sum = sum + middle(i); i = i + 1; } print(sum);";
    let (_, statistics) = same(source, Options::default());
    assert!(statistics.compiled >= 3 && statistics.exits < 200, "{statistics:?}");
}

#[test]
fn recursion_in_a_loop_ends() {
    let source = "fn fib(n) { if n < 2 { return n; } return fib(n - 1) + fib(n - 2); }
        let i = 0; while i < 30 { print(fib(i % 15)); i = i + 1; }
        fn down(n) { let k = 0; while k < 3 { k = k + 1; } if n == 0 { return 0; } return down(n - 1) + k; }
        print(down(500)); print(down(9000));";
    let expected = Expected::of(source);
    expected.check(EAGER);
    expected.check(Options::default());
}

#[test]
fn the_stack_ends_in_compiled_code_as_well() {
    let many: String = (0..200).map(|n| format!("let v{n} = n; ")).collect();
    let source = format!(
        "fn wide(n) {{ {many} return n; }} fn f(n) {{ let i = 0; while i < 9 {{ i = i + wide(1); }} return f(n + 1); }} f(0);"
    );
    let (output, _) = same(&source, EAGER);
    assert!(output.contains("line 1: calls nest too deeply"), "{output}");
}
