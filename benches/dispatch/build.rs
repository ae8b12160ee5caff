//! Writes the handlers in C and the block of `stencil!` from one table, and compiles the handlers.

#[path = "build/uops.rs"]
mod uops;

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use uops::{REGISTERS, Uop};

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["build.rs", "build/uops.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    println!("cargo::rerun-if-env-changed=STENCIL_CC");
    let uops = uops::uops();
    let folder = std::env::var("OUT_DIR")?;
    let c = Path::new(&folder).join("handlers.c");
    std::fs::write(&c, handlers(&uops)?)?;
    std::fs::write(Path::new(&folder).join("block.rs"), block(&uops)?)?;
    let compiler = std::env::var("STENCIL_CC").unwrap_or_else(|_| "clang-19".into());
    cc::Build::new()
        .compiler(&compiler)
        .file(&c)
        .opt_level(3)
        .warnings_into_errors(true)
        .try_compile("handlers")
        .map_err(|error| format!("{compiler} (clang 19 or later, or set STENCIL_CC): {error}").into())
}

/// The type of an operand in C.
fn c_type(operand: &str) -> &'static str {
    match operand {
        "i32" => "int32_t",
        "u32" => "uint32_t",
        _ => "uint8_t",
    }
}

/// Handlers as one writes them for a threaded interpreter: the machine's registers are parameters, an instruction is the
/// address of its handler and its operand, and each handler ends with a jump to the next.
fn handlers(uops: &[Uop]) -> Result<String, std::fmt::Error> {
    let registers: String = REGISTERS.iter().map(|register| format!(", uint64_t {register}")).collect();
    let mut source = format!(
        "#include <stdint.h>
#define PARAMETERS uint64_t *memory, uint64_t left{registers}, const uint64_t *ip
#define CONVENTION __attribute__((preserve_none))
typedef CONVENTION uint64_t handler(PARAMETERS);
#define NEXT(words) __attribute__((musttail)) return ((handler *)ip[words])(memory, left, {}, ip + words)

",
        REGISTERS.join(", ")
    );
    for Uop { name, operand, body } in uops {
        let (operand, words) = match operand {
            Some(operand) => (format!("{} n = ({0})ip[1]; ", c_type(operand)), 2),
            None => (String::new(), 1),
        };
        writeln!(source, "static CONVENTION uint64_t {name}(PARAMETERS) {{ {operand}{body} NEXT({words}); }}")?;
    }
    let names: Vec<_> = uops.iter().map(|uop| uop.name.as_str()).chain(["again", "halt"]).collect();
    write!(
        source,
        "static CONVENTION uint64_t again(PARAMETERS) {{
    if (--left) ip = (const uint64_t *)ip[1]; else ip += 2;
    NEXT(0);
}}
static CONVENTION uint64_t halt(PARAMETERS) {{ (void)memory; (void)left; (void)b; (void)c; (void)d; (void)ip; return a; }}

handler *const handlers[] = {{ {} }};

uint64_t run_handlers(uint64_t *memory, uint64_t left, const uint64_t *ip) {{
    return ((handler *)ip[0])(memory, left, 1, 2, 3, 4, ip);
}}
",
        names.join(", ")
    )?;
    Ok(source)
}

/// The block of `stencil!`, a function that makes the instruction with a number, and the types of operands.
fn block(uops: &[Uop]) -> Result<String, std::fmt::Error> {
    let registers: String =
        (1..).zip(REGISTERS).map(|(value, register)| format!(", {register}: u64 = {value}")).collect();
    let mut source = format!(
        "stencil! {{\n    #[interpreter]\n    pub machine Machine(memory: *mut u64, left: u64{registers}) -> u64;\n"
    );
    for Uop { name, operand, body } in uops {
        let operand = operand.map(|operand| format!("n: {operand}")).unwrap_or_default();
        writeln!(source, "    uop {name}({operand}) {{ {body} }}")?;
    }
    source += "    pub uop again(start: Label) { if (--left) JUMP(start); }
    pub uop halt() { RETURN(a); }
}

/// Returns the instruction with a number in the table of uops.
pub fn instruction(uop: usize, n: u64) -> stencil_runtime::Instruction<Machine> {
    match uop {
";
    for (index, Uop { name, operand, .. }) in uops.iter().enumerate() {
        let operand = operand.map(|operand| format!("n as {operand}")).unwrap_or_default();
        writeln!(source, "        {index} => Machine::{name}({operand}),")?;
    }
    source += "        _ => unreachable!(\"the table has no such uop\"),\n    }\n}\n";
    let operands: Vec<_> = uops.iter().map(|uop| uop.operand.unwrap_or_default()).collect();
    write!(
        source,
        "
/// The type of each uop's operand, or an empty string.
pub const OPERANDS: [&str; {}] = {operands:?};
",
        uops.len()
    )?;
    Ok(source)
}
