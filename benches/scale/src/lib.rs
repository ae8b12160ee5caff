//! A block of uops with the sizes of CPython's, and a header with the size of CPython's common headers.
//!
//! The 285 stencils that CPython 3.14 builds for x86-64 have 37,284 bytes of code (131 each, 90 in the median, from 5 to
//! about 700), 3,200 of data and 1,564 patches. Their headers are 0.9 MB when preprocessed. The generated bodies do what such
//! uops do: they move values, guard types, count references, do arithmetic, and call functions of the interpreter.

mod families;
mod header;
mod random;
mod statement;

use std::fmt::Write as _;

use statement::{STATEMENTS, Statement};

pub use families::{MEMBERS, families};
pub use header::header;
pub use random::Random;

/// Functions of the interpreter that bodies call: `host_0` and so on. Each takes the frame and two values, and returns a value.
pub const HOSTS: usize = 40;

/// A uop: its name, which operands it has, and its body.
#[derive(Clone, Debug)]
pub struct Uop {
    /// Its name.
    pub name: String,
    /// The indices of its operands in [`OPERANDS`], in that order.
    pub operands: Vec<&'static str>,
    body: String,
}

/// All operands with their types. Each uop has some of them.
pub const OPERANDS: [(&str, &str); 4] =
    [("oparg", "u16"), ("operand", "u64"), ("exit_target", "Label"), ("error_target", "Label")];

/// Makes this many uops, the same ones each time.
#[must_use]
pub fn uops(count: usize) -> Vec<Uop> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..count).map(|index| uop(index, count, &mut random)).collect()
}

/// A uop has as many statements as the uop of its rank in CPython, in random order.
fn uop(index: usize, count: usize, random: &mut Random) -> Uop {
    // Shuffles the ranks, so that large uops are not all at the end.
    let rank = index * 7919 % count;
    let mut size = size(rank as f64 / count as f64);
    let mut body = String::new();
    loop {
        let fits = |statement: &&Statement| statement.size <= size;
        let fitting: Vec<_> = STATEMENTS.iter().filter(fits).collect();
        let Some(statement) = random.choose(&fitting) else { break };
        let text = statement.text.replace('#', &random.below(HOSTS).to_string());
        let text = text.replace('@', &(random.below(7) + 1).to_string());
        writeln!(body, "        {text}").expect("a string takes everything");
        size -= statement.size;
    }
    let operands = OPERANDS.map(|(name, _)| name).into_iter().filter(|name| body.contains(name)).collect();
    Uop { name: format!("_UOP_{index}"), operands, body }
}

/// The bytes of code of the uop at a rank from 0 to 1: interpolated between CPython's quantiles.
fn size(rank: f64) -> usize {
    const QUANTILES: [(f64, f64); 8] =
        [(0.0, 5.0), (0.1, 20.0), (0.25, 45.0), (0.5, 90.0), (0.75, 165.0), (0.9, 280.0), (0.98, 480.0), (1.0, 700.0)];
    let after = QUANTILES.iter().position(|&(quantile, _)| rank < quantile).unwrap_or(QUANTILES.len() - 1);
    let ((left, low), (right, high)) = (QUANTILES[after - 1], QUANTILES[after]);
    (low + (rank - left) / (right - left) * (high - low)) as usize
}

/// The Rust source of the block: the machine, the functions that it calls, and the uops. It includes `header.h`.
#[must_use]
pub fn block(uops: &[Uop]) -> String {
    let mut text = String::from("use stencil_runtime::{Label, stencil};\n\n");
    for host in 0..HOSTS {
        text += &format!(
            "extern \"C\" fn host_{host}(_: *mut Frame, left: *mut Object, _: *mut Object) -> *mut Object {{ left }}\n"
        );
    }
    text += "
stencil! {
    /// As in CPython: the frame, the top of its stack, and the thread.
    pub machine Executor(frame: *mut Frame, stack_pointer: *mut *mut Object, tstate: *mut Thread) -> u64;
    include \"header.h\";
    /// The header of all objects.
    pub struct Object { refcount: u64, kind: *mut Object, value: f64, integer: i64, length: u64 }
    /// A frame.
    pub struct Frame { previous: *mut Frame, code: *mut Object, instruction: u64, depth: u32, flags: u32, locals: *mut *mut Object }
    /// A thread.
    pub struct Thread { current: *mut Frame, error: *mut Object, breaker: u64 }
";
    for host in 0..HOSTS {
        text += &format!(
            "    extern fn host_{host}(frame: *mut Frame, left: *mut Object, right: *mut Object) -> *mut Object = self::host_{host};\n"
        );
    }
    text += "    c {
        #define LEFT stack_pointer[-2]
        #define RIGHT stack_pointer[-1]
        #define INCREF(o) ((o)->refcount++)
        #define DECREF(o) do { if (--(o)->refcount == 0) host_0(frame, (o), (o)); } while (0)
    }
";
    for uop in uops {
        let of = |name| OPERANDS.iter().find(|(operand, _)| *operand == name).map_or("", |(_, ty)| ty);
        let operands: Vec<_> = uop.operands.iter().map(|name| format!("{name}: {}", of(*name))).collect();
        text += &format!("    /// A uop.\n    pub uop {}({}) {{\n{}    }}\n", uop.name, operands.join(", "), uop.body);
    }
    text += "    /// Leaves.\n    pub uop _EXIT_TRACE() { RETURN((uint64_t)frame->instruction); }\n}\n";
    text
}
