//! Builds the command `uops` with and without the features that reduce stored bytes, and prints a table of what is in the binary.
//!
//! It finds the arrays by their symbols, and the emit functions by the relocations of the `Uop`s that refer to them. The first row
//! is the library without changes.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The values of the macro's variable `STENCIL_KEEP`, and their names in the table.
const VARIANTS: [(&str, &str); 4] =
    [("", "as it is"), ("zeros", "with zeros"), ("copies", "with equal bodies"), ("zeros,copies", "with both")];

fn main() -> Result<()> {
    println!("| | arrays | stored bytes | emit functions | their bytes | all code | all data |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (keep, name) in VARIANTS {
        let sizes = Sizes::of(&build(keep)?)?;
        println!(
            "| {name} | {} | {} | {} | {} | {} | {} |",
            sizes.arrays, sizes.stored, sizes.functions, sizes.emit, sizes.code, sizes.data
        );
    }
    Ok(())
}

/// Builds the command and returns its executable.
fn build(keep: &str) -> Result<Vec<u8>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/stored");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "-p", "uops", "--target-dir"])
        .arg(&target)
        .current_dir(workspace)
        .env("STENCIL_KEEP", keep)
        .status()?;
    if !status.success() {
        return Err("uops cannot be built".into());
    }
    Ok(std::fs::read(target.join("release/uops"))?)
}

/// Numbers of items, and sizes in bytes.
#[derive(Default)]
struct Sizes {
    arrays: usize,
    stored: u64,
    functions: usize,
    emit: u64,
    code: u64,
    data: u64,
}

impl Sizes {
    fn of(file: &[u8]) -> Result<Self> {
        let file = object::File::parse(file)?;
        let mut sizes = Self::default();
        for section in file.sections() {
            match section.kind() {
                object::SectionKind::Text => sizes.code += section.size(),
                kind if kind.is_bss() => {}
                object::SectionKind::Data
                | object::SectionKind::ReadOnlyData
                | object::SectionKind::ReadOnlyDataWithRel
                | object::SectionKind::ReadOnlyString => sizes.data += section.size(),
                _ => {}
            }
        }
        let mut functions = BTreeMap::new();
        let mut uops = Vec::new();
        for symbol in file.symbols() {
            let (name, start, size) = (symbol.name()?, symbol.address(), symbol.size());
            if symbol.kind() == object::SymbolKind::Text {
                functions.insert(start, size);
            } else if name.contains("_bytes_") && name.contains("__stencil_") {
                sizes.arrays += usize::from(size != 0);
                sizes.stored += size;
            } else if name.contains("__stencil_uop_") {
                uops.push(start..start + size);
            }
        }
        // In a position-independent executable, each pointer in a table has a relocation.
        let mut emit = BTreeMap::new();
        for (place, relocation) in file.dynamic_relocations().into_iter().flatten() {
            let target = relocation.addend() as u64;
            let of_uop = uops.iter().any(|uop| uop.contains(&place));
            if let (true, RelocationTarget::Absolute, Some(size)) =
                (of_uop, relocation.target(), functions.get(&target))
            {
                emit.insert(target, *size);
            }
        }
        sizes.functions = emit.len();
        sizes.emit = emit.values().sum();
        Ok(sizes)
    }
}
