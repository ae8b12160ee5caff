//! The table of uops, from which the handlers in C and the block of `stencil!` are written.

/// The registers that uops name.
pub const REGISTERS: [&str; 4] = ["a", "b", "c", "d"];

/// A uop.
pub struct Uop {
    pub name: String,
    /// The type of its operand, which is called `n`, if it has one.
    pub operand: Option<&'static str>,
    /// Statements in C.
    pub body: String,
}

/// Returns all uops except the last two of a program: the loop and the end.
pub fn uops() -> Vec<Uop> {
    let mut uops = Vec::new();
    let mut add = |name: String, operand, body| uops.push(Uop { name, operand, body });
    for to in REGISTERS {
        for from in REGISTERS.into_iter().filter(|&from| from != to) {
            for (name, operator) in [("add", "+="), ("sub", "-="), ("xor", "^="), ("or", "|="), ("and", "&=")] {
                add(format!("{name}_{to}{from}"), None, format!("{to} {operator} {from};"));
            }
            add(format!("move_{to}{from}"), None, format!("{to} = {from};"));
        }
        add(format!("addi_{to}"), Some("i32"), format!("{to} += (int64_t)n;"));
        add(format!("xori_{to}"), Some("i32"), format!("{to} ^= (int64_t)n;"));
        add(format!("muli_{to}"), Some("i32"), format!("{to} *= (int64_t)n;"));
        add(format!("shl_{to}"), Some("u8"), format!("{to} <<= n & 63;"));
        add(format!("shr_{to}"), Some("u8"), format!("{to} >>= n & 63;"));
        // Operands are offsets in bytes.
        add(format!("load_{to}"), Some("u32"), format!("{to} = *(uint64_t *)((char *)memory + n);"));
        add(format!("store_{to}"), Some("u32"), format!("*(uint64_t *)((char *)memory + n) = {to};"));
    }
    uops
}
