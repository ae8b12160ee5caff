//! QuickJS, a JavaScript engine.

use uops::wasi::Wasi;

use crate::guest::Guest;

const SCRIPT: &str = r#"
class Tree {
    #left; #right;
    constructor(depth) { if (depth) { this.#left = new Tree(depth - 1); this.#right = new Tree(depth - 1); } }
    *nodes() { yield this; if (this.#left) { yield* this.#left.nodes(); yield* this.#right.nodes(); } }
}
console.log([...new Tree(10).nodes()].length, 2n ** 100n, [3, 20, 100].sort().join());
console.log(JSON.stringify(/(?<year>\d{4})-(?<month>\d\d)/u.exec("on 2024-02-29").groups), "\u{1f600}".length);
const fib = n => n < 2 ? n : fib(n - 1) + fib(n - 2);
console.log(fib(20), 0.1 + 0.2, (255).toString(16), new Date(951782400000).toISOString());
try { null.x } catch (error) { console.log(error instanceof TypeError); }
"#;

#[test]
#[ignore = "tests/real/fetch gets the program"]
fn runs_a_script() {
    let guest = Guest::new("quickjs.wasm", Wasi::new(), |_, _| ());
    guest.call("_initialize", &[]);
    let args: Vec<u8> = ["qjs", "-e", SCRIPT].iter().flat_map(|arg| guest.put_text(arg).to_le_bytes()).collect();
    let args = guest.put(&args, |size| guest.call("malloc", &[size]));
    assert_eq!(guest.call("qjs_init_argv", &[3, args]), 0, "{}", guest.errors());
    let lines = [
        "2047 1267650600228229401496703205376 100,20,3",
        r#"{"year":"2024","month":"02"} 2"#,
        "6765 0.30000000000000004 ff 2000-02-29T00:00:00.000Z",
        "true",
    ];
    assert_eq!(guest.output().lines().collect::<Vec<_>>(), lines, "{}", guest.errors());
    guest.call("qjs_destroy", &[]);
}
