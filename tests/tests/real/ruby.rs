//! CRuby with its standard library, thirty megabytes. It was built for a JavaScript host, which the test stubs.

use std::rc::Rc;

use uops::wasi::{MODULE, Wasi};
use uops::{ExternType, Linker, Program};

use crate::guest::Guest;

const SCRIPT: &str = r#"
require "json"
require "set"
require "digest"
Point = Struct.new(:x, :y) { def +(other) = Point.new(x + other.x, y + other.y) }
sum = (1..100).map { |n| Point.new(n, n * n) }.reduce(:+)
words = %w[pear apple fig apple].tally.sort_by { |word, count| [-count, word] }
caught = begin; Integer("x"); rescue ArgumentError => e; e.message; end
fiber = Fiber.new { |n| loop { n = Fiber.yield(n * 2) } }
[sum.to_a, (1..30).inject(:*), words, JSON.parse('{"a":[1,2.5,null]}'), caught, Set[3, 1, 3].size,
 Digest::SHA256.hexdigest("abc"), "Straße".upcase, catch(:done) { 10.times { |n| throw :done, n if n == 7 } },
 fiber.resume(4), fiber.resume(5), [1, 2, 3].each_cons(2).to_a, "%08.3f" % 3.14159].inspect
"#;

/// The imports besides WASI. Calls of JavaScript do nothing here, and handles of Ruby's values
/// are the values themselves.
fn without_javascript(program: &Program, linker: &mut Linker) {
    for (module, field, ty) in program.module().imports().filter(|(module, ..)| *module != MODULE) {
        let ExternType::Func(ty) = ty else { panic!("{module}.{field} is a {ty}") };
        let name: Rc<str> = format!("{module}.{field} was called").into();
        match field {
            "resource_new_rb-abi-value" | "resource_get_rb-abi-value" => {
                linker.func_new(module, field, ty.clone(), |_, args| Ok(args.to_vec()))
            }
            _ => linker.func_new(module, field, ty.clone(), move |_, _| Err((*name).into())),
        };
    }
}

/// Writes bytes to memory that Ruby frees.
fn put(guest: &Guest, bytes: &[u8], alignment: u32) -> u32 {
    guest.put(bytes, |size| guest.call("cabi_realloc", &[0, 0, alignment, size]))
}

/// A string argument: its address, and its length including the final zero.
fn string(guest: &Guest, text: &str) -> [u32; 2] {
    [put(guest, format!("{text}\0").as_bytes(), 1), text.len() as u32 + 1]
}

/// The contents of a value that is a string, if the state at this address says that there is one.
fn text(guest: &Guest, result: u32) -> Option<String> {
    let (value, state) = (guest.read_u32(result), guest.read_u32(result + 4));
    (state == 0).then(|| {
        let text = guest.call("rstring-ptr: func(value: handle<rb-abi-value>) -> string", &[value]);
        String::from_utf8(guest.read(guest.read_u32(text), guest.read_u32(text + 4))).unwrap()
    })
}

/// Evaluates a script that returns a string. Returns it, or an exception's message.
fn eval(guest: &Guest, script: &str) -> Result<String, String> {
    let result = guest
        .call("rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>", &string(guest, script));
    text(guest, result).ok_or_else(|| {
        let exception = guest.call("rb-errinfo: func() -> handle<rb-abi-value>", &[]);
        guest.call("rb-clear-errinfo: func() -> ()", &[]);
        let message = guest.call("rb-intern: func(name: string) -> u32", &string(guest, "message"));
        let result = guest.call(
            "rb-funcallv-protect: func(recv: handle<rb-abi-value>, mid: u32, args: list<handle<rb-abi-value>>) -> \
             tuple<handle<rb-abi-value>, s32>",
            &[exception, message, 0, 0],
        );
        text(guest, result).expect("exceptions have a message")
    })
}

#[test]
#[ignore = "tests/real/fetch gets the program"]
fn evaluates_a_script() {
    let guest = Guest::new("ruby.wasm", Wasi::new().arg("ruby.wasm"), without_javascript);
    guest.call("_initialize", &[]);
    let args = ["ruby.wasm", "-EUTF-8", "-e_=0"];
    let list = args.map(|arg| string(&guest, arg)).concat();
    let list = put(&guest, &list.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>(), 4);
    guest.call("ruby-init: func(args: list<string>) -> ()", &[list, args.len() as u32]);
    assert_eq!(
        eval(&guest, SCRIPT).as_deref().map_err(String::as_str),
        Ok(concat!(
            "[[5050, 338350], 265252859812191058636308480000000, ",
            r#"[["apple", 2], ["fig", 1], ["pear", 1]], {"a" => [1, 2.5, nil]}, "invalid value for Integer(): \"x\"", 2, "#,
            r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "STRASSE", 7, "#,
            r#"8, 10, [[1, 2], [2, 3]], "0003.142"]"#
        )),
        "{}{}",
        guest.output(),
        guest.errors()
    );
    assert_eq!(eval(&guest, "raise 'on purpose'").unwrap_err(), "on purpose");
}
