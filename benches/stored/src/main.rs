//! Builds the command `uops` and prints a table of what its blocks take in the binary, in bytes.
//!
//! Statics are found by their symbols, emit functions by the relocations of what instructions refer to, and relocations by the
//! ranges of these statics.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let sizes = Sizes::of(&build()?)?;
    println!("| part | number | bytes |");
    println!("| --- | ---: | ---: |");
    for (name, Part { number, bytes }) in &sizes.parts {
        println!("| {name} | {number} | {bytes} |");
    }
    println!("| relocations of these statics | {} | {} |", sizes.relocations, sizes.relocations * RELOCATION);
    println!("| all code | | {} |", sizes.code);
    println!("| all data | | {} |", sizes.data);
    Ok(())
}

/// The size of an entry of `.rela.dyn` in bytes.
const RELOCATION: usize = 24;

/// Builds the command and reads the file.
fn build() -> Result<Vec<u8>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/stored");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "-p", "uops", "--target-dir"])
        .arg(&target)
        .current_dir(workspace)
        .status()?;
    if !status.success() {
        return Err("uops cannot be built".into());
    }
    Ok(std::fs::read(target.join("release/uops"))?)
}

/// Sizes in bytes.
#[derive(Default)]
struct Sizes {
    parts: BTreeMap<&'static str, Part>,
    /// The number of relocations in the statics.
    relocations: usize,
    code: u64,
    data: u64,
}

/// The symbols of one kind.
#[derive(Default)]
struct Part {
    number: usize,
    bytes: u64,
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
        let (mut statics, mut uops) = (Vec::new(), Vec::new());
        for symbol in file.symbols() {
            let (name, start, size) = (symbol.name()?, symbol.address(), symbol.size());
            if symbol.kind() == object::SymbolKind::Text {
                functions.insert(start, size);
                // Constructors are functions of the machine; their names are those of uops.
                continue;
            }
            let Some(part) = part(name) else { continue };
            sizes.add(part, size);
            statics.push(start..start + size);
            if part == UOPS {
                uops.push(start..start + size);
            }
        }
        // In a position-independent executable each pointer of a table is a relocation.
        let mut emit = BTreeMap::new();
        for (place, relocation) in file.dynamic_relocations().into_iter().flatten() {
            let within = |ranges: &[std::ops::Range<u64>]| ranges.iter().any(|range| range.contains(&place));
            sizes.relocations += usize::from(within(&statics));
            let target = relocation.addend() as u64;
            if let (true, RelocationTarget::Absolute, Some(size)) =
                (within(&uops), relocation.target(), functions.get(&target))
            {
                emit.insert(target, *size);
            }
        }
        emit.values().for_each(|size| sizes.add("emit functions", *size));
        Ok(sizes)
    }

    fn add(&mut self, part: &'static str, size: u64) {
        let part = self.parts.entry(part).or_default();
        part.number += 1;
        part.bytes += size;
    }
}

/// What instructions refer to.
const UOPS: &str = "tables of uops";

/// Returns what a static of an expansion is, by its name.
fn part(name: &str) -> Option<&'static str> {
    let (_, name) = name.split_once("__stencil_")?;
    let parts = [
        ("_bytes", "stored bytes"),
        ("_records", "descriptions"),
        ("_strings", "strings"),
        ("_catalog", "catalogs"),
        ("_uop_", UOPS),
        ("_missing_", UOPS),
        ("_entry", UOPS),
    ];
    parts.into_iter().find(|(part, _)| name.contains(part)).map(|(_, name)| name)
}
