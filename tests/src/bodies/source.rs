//! Writes the program that compares bodies: a block of stencils and a file of C functions, which share a header with
//! the bodies.

use std::fmt::Write as _;
use std::path::Path;

use super::Batch;

/// The lines of the Rust program before the uop of the first body.
const HEAD: &str = "\
mod rng;
mod bodies;

stencil_runtime::stencil! {
    #![c_flags(\"-w\")]
    #[interpreter]
    machine Random(fp: *mut u8, mem: *mut u8, i: u64, a: u64, b: u64, x: f64) -> u64;
    include \"bodies.h\";
    uop save(to: *mut u64) { to[0] = a; to[1] = b; __builtin_memcpy(to + 2, &x, 8); }
    uop ret(value: u64) { RETURN(value); }
";

/// Returns the body at this line of the Rust program, counted from 1.
pub fn body_at(line: usize) -> Option<usize> {
    line.checked_sub(HEAD.lines().count() + 1)
}

/// Returns the program. It includes the modules of this package that it needs by their paths.
pub fn rust(batch: &Batch) -> String {
    let mut text = HEAD.to_owned();
    for (index, (_, body)) in batch.bodies.iter().enumerate() {
        let operands = body.operands.iter().map(|operand| format!("{}: {}", operand.name, operand.ty.rust()));
        let operands: Vec<_> =
            operands.chain(body.jumps.then(|| "target: stencil_runtime::Label".to_owned())).collect();
        let _ = writeln!(text, "    uop body_{index}({}) {{ BODY_{index} }}", operands.join(", "));
    }
    let _ = write!(
        text,
        "}}

use stencil_runtime::Operand as _;

fn main() {{
    let uops = bodies::harness::Uops {{ save: Random::save, ret: Random::ret, bind: Random::bind }};
    let inputs = {};
    bodies::harness::main(uops, inputs, &[
",
        batch.inputs
    );
    for (index, (seed, body)) in batch.bodies.iter().enumerate() {
        let words = (0..body.operands.len()).map(|operand| format!("<_>::from_word(words[{operand}])"));
        let arguments: Vec<_> = words.chain(body.jumps.then(|| "target".to_owned())).collect();
        let target = if body.jumps { "target" } else { "_" };
        let _ = writeln!(
            text,
            "        (bodies::generate::Part::{:?}, {seed}, |words, {target}| Random::body_{index}({})),",
            batch.part,
            arguments.join(", ")
        );
    }
    text.push_str("    ]);\n}\n");
    text
}

/// Returns the program's module `bodies`.
pub fn module(sources: &Path) -> String {
    ["generate", "harness", "input", "instructions"]
        .map(|name| format!("#[path = {:?}]\npub mod {name};\n", sources.join(name).with_extension("rs")))
        .concat()
}

/// Replaces any NaN by the same one.
const CANONICAL: &str = "\
#define CANONICAL(...) ({ double number = (__VA_ARGS__); number != number ? __builtin_nan(\"\") : number; })
";

/// Returns the header with the bodies.
pub fn header(batch: &Batch) -> String {
    let mut text = CANONICAL.to_owned();
    for scalar in &super::generate::SCALARS[..super::generate::ELEMENTS] {
        let _ = writeln!(text, "typedef {} any_{} __attribute__((aligned(1)));", scalar.c, scalar.rust);
    }
    for (index, (_, body)) in batch.bodies.iter().enumerate() {
        let _ = writeln!(text, "#define BODY_{index} {}", body.text);
    }
    text
}

/// Returns the bodies as C functions whose operands are variables.
pub fn native(batch: &Batch) -> String {
    let mut text = String::from(
        "#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include \"src/bodies.h\"
#define JUMP(target) goto target
typedef int function(uint64_t *registers, const uint64_t *words);
",
    );
    for (index, (_, body)) in batch.bodies.iter().enumerate() {
        let _ = write!(
            text,
            "static int native_{index}(uint64_t *registers, const uint64_t *words) {{
    uint8_t *fp = (uint8_t *)registers[0], *mem = (uint8_t *)registers[1];
    uint64_t i = registers[2], a = registers[3], b = registers[4]; double x;
    __builtin_memcpy(&x, registers + 5, 8);
"
        );
        for (word, operand) in body.operands.iter().enumerate() {
            let (c, name) = (operand.ty.c(), operand.name);
            let _ = match c.as_str() {
                "float" | "double" => {
                    writeln!(text, "    {c} {name}; __builtin_memcpy(&{name}, words + {word}, sizeof {name});")
                }
                _ => writeln!(text, "    {c} {name} = ({c})words[{word}];"),
            };
        }
        let _ = write!(
            text,
            "    int jumped = 0;
    {{ BODY_{index} }}
    goto end;
target: __attribute__((unused));
    jumped = 1;
end:
    registers[3] = a, registers[4] = b; __builtin_memcpy(registers + 5, &x, 8);
    return jumped;
}}
"
        );
    }
    text.push_str("static function *const natives[] = {");
    for index in 0..batch.bodies.len() {
        let _ = write!(text, " native_{index},");
    }
    text.push_str(
        " };
int native(uint64_t body, uint64_t *registers, const uint64_t *words) { return natives[body](registers, words); }
",
    );
    text
}
