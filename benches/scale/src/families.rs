//! A block of families: operators with operands in registers, in slots of a frame or in the code, as in a WebAssembly engine.

use std::fmt::Write as _;

/// The members of each family.
pub const MEMBERS: usize = 5 * 7;

/// Operators on integers in C.
const OPERATORS: [&str; 12] = [
    "a + b",
    "a - b",
    "a * b",
    "a & b",
    "a | b",
    "a ^ b",
    "a << (b & 31)",
    "a >> (b & 31)",
    "a < b",
    "a == b",
    "a > b ? a : b",
    "(a ^ b) * 3",
];

/// The Rust source of a block with this many families of [`MEMBERS`] members each.
#[must_use]
pub fn families(count: usize) -> String {
    let mut text = String::from(
        "use stencil_runtime::stencil;

stencil! {
    /// A frame and five registers.
    pub machine Engine(fp: *mut u64, r0: u64, r1: u64, r2: u64, r3: u64, r4: u64) -> u64;
    c {
        #define REGISTER(n) (*((n) == 0 ? &r0 : (n) == 1 ? &r1 : (n) == 2 ? &r2 : (n) == 3 ? &r3 : &r4))
        #define PLACE(n) ((n) == 5 ? *(uint64_t *)((char *)fp + slot) : (n) == 6 ? (uint64_t)(int64_t)imm : REGISTER(n))
    }
",
    );
    for index in 0..count {
        let (operator, ty) =
            (OPERATORS[index % OPERATORS.len()], ["uint32_t", "uint64_t", "int32_t", "int64_t"][index / 12 % 4]);
        writeln!(
            text,
            "    /// An operator.
    pub uop operator_{index}<const A: 0..5, const B: 0..7>(slot: u32, imm: i32) {{
        {ty} a = ({ty})REGISTER(A), b = ({ty})PLACE(B);
        REGISTER(A) = ({operator}) + {};
    }}",
            index / 48
        )
        .expect("a string takes everything");
    }
    text += "    /// Leaves.\n    pub uop leave() { RETURN(r0); }\n}\n";
    text
}
