//! Writes the block of mixed uops, and functions that select one by number.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The number of different uops.
const UOPS: usize = 300;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let uops = scale::uops(UOPS);
    let mut source = scale::block(&uops);
    let names: Vec<_> = uops.iter().map(|uop| &uop.name).collect();
    let list = |prefix: &str| names.iter().map(|name| format!("&{prefix}{name}")).collect::<Vec<_>>().join(", ");
    write!(
        source,
        "
use super::Operands;

/// All but the last uop.
pub static STENCILS: [&stencil_runtime::Stencil; {UOPS}] = [{}];

/// Emits the uop with a number.
#[inline(always)]
pub fn emit<M: stencil_runtime::Memory>(
    out: &mut stencil_runtime::Emitter<'_, M>,
    uop: usize,
    Operands {{ oparg, operand, exit_target, error_target }}: Operands<stencil_runtime::Address>,
) -> Result<(), stencil_runtime::Error> {{
    match uop {{
",
        list("STENCIL_")
    )?;
    let operands = |index: usize| uops[index].operands.iter().map(|operand| format!(", {operand}")).collect::<String>();
    for (index, name) in names.iter().enumerate() {
        writeln!(source, "        {index} => emit_{name}(out{}),", operands(index))?;
    }
    source += "        _ => unreachable!(),
    }
}

/// The instruction with a number.
pub fn instruction(
    uop: usize,
    Operands { oparg, operand, exit_target, error_target }: Operands<Label>,
) -> stencil_runtime::Instruction<Executor> {
    match uop {
";
    for (index, name) in names.iter().enumerate() {
        writeln!(source, "        {index} => Executor::{name}({}),", operands(index).trim_start_matches(", "))?;
    }
    source += "        _ => unreachable!(),
    }
}

/// The address of a host function.
pub fn host(name: &str) -> Option<u64> {
    let function: *const () = match name {
";
    for host in 0..scale::HOSTS {
        writeln!(source, "        \"host_{host}\" => host_{host} as *const (),")?;
    }
    source += "        _ => return None,
    };
    Some(function as u64)
}
";
    let folder = std::env::var("OUT_DIR")?;
    fs::write(Path::new(&folder).join("header.h"), scale::header(1000))?;
    fs::write(Path::new(&folder).join("block.rs"), source)?;
    Ok(())
}
