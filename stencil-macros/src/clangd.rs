//! A `compile_commands.json` that tells clangd how the headers of blocks are compiled, and what stands before them.
//!
//! A header may use what the block has declared before it, structs above all. That C is written to a file of its own, which the command
//! includes first. Bodies stand in Rust files, which clangd cannot read.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::ast::Block;
use crate::committed;
use crate::compiler::Unit;
use crate::hash::Hash;
use crate::headers::Directories;
use crate::source::Source;
use crate::store::replace;

/// The environment variable that names the folder.
pub const VARIABLE: &str = "STENCIL_COMPILE_COMMANDS";
/// The file that clangd reads.
const DATABASE: &str = "compile_commands.json";
/// The extension of the entries that the database is put together from. Each header has a file of its own, so that blocks that are
/// expanded at the same time do not overwrite each other's entries.
const ENTRY: &str = "entry";

/// Writes the entries of the headers that a block includes, if [`VARIABLE`] is set.
///
/// # Errors
/// The folder cannot be written.
pub fn write(block: &Block, source: &Source) -> Result<(), String> {
    let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) else { return Ok(()) };
    if !committed::is_asked_for() {
        return Ok(());
    }
    let flags: Vec<String> = block.flags.iter().map(syn::LitStr::value).collect();
    let directories = Directories::of(block.machine.name.span());
    let unit = Unit { c: &source.c, flags: &flags, directories: &directories };
    let cannot = |error| format!("{} cannot be written: {error}", Path::new(&folder).display());
    let folder = std::path::absolute(&folder).map_err(cannot)?;
    for (index, include) in block.includes.iter().enumerate() {
        let Some(header) = directories.find(&include.value()) else { continue };
        write_header(&folder, &header, source.before_include(index), unit.arguments(true)).map_err(cannot)?;
    }
    Ok(())
}

fn write_header(folder: &Path, header: &Path, before: &str, arguments: Vec<OsString>) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let header = header.canonicalize()?;
    let name = Hash::of(header.as_os_str().as_encoded_bytes()).to_string();
    let first = folder.join(&name).with_extension("h");
    replace(&first, before.as_bytes())?;
    let own = ["-x".into(), "c".into(), "-include".into(), first.into_os_string(), header.clone().into_os_string()];
    let arguments = std::iter::once("clang".into()).chain(arguments).chain(own);
    replace(&folder.join(name).with_extension(ENTRY), entry(folder, &header, arguments).as_bytes())?;
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|file| file.path()).collect();
    entries.retain(|path| path.extension().is_some_and(|end| end == ENTRY));
    entries.sort();
    let entries: Vec<String> = entries.iter().map(std::fs::read_to_string).collect::<Result<_, _>>()?;
    replace(&folder.join(DATABASE), format!("[\n{}\n]\n", entries.join(",\n")).as_bytes())
}

/// Formats an entry of the database, each argument on its own line.
fn entry(directory: &Path, file: &Path, arguments: impl Iterator<Item = OsString>) -> String {
    let arguments: Vec<String> = arguments.map(|one| format!("      {}", json(&one.to_string_lossy()))).collect();
    format!(
        "  {{\n    \"directory\": {},\n    \"file\": {},\n    \"arguments\": [\n{}\n    ]\n  }}",
        json(&directory.to_string_lossy()),
        json(&file.to_string_lossy()),
        arguments.join(",\n")
    )
}

/// Quotes a string for JSON.
fn json(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::Temporary;

    #[test]
    fn strings_of_json() {
        assert_eq!(json("a\"b\\c\n\u{e4}"), r#""a\"b\\c\u000aä""#);
    }

    #[test]
    fn the_database_has_all_headers_each_once() {
        let scratch = Temporary::new().unwrap();
        let folder = scratch.0.join("for clangd");
        for (name, before) in [("a.h", "int a;"), ("b.h", "int b;"), ("a.h", "int c;")] {
            let header = scratch.0.join(name);
            std::fs::write(&header, "").unwrap();
            write_header(&folder, &header, before, vec!["-O2".into()]).unwrap();
        }
        let database = std::fs::read_to_string(folder.join(DATABASE)).unwrap();
        assert_eq!(database.matches("\"file\"").count(), 2, "{database}");
        assert_eq!(database.matches("      \"-O2\",\n").count(), 2, "{database}");
        let first = database.lines().filter(|line| line.contains(".h\",") && line.starts_with("      "));
        let mut texts: Vec<_> =
            first.map(|line| std::fs::read_to_string(line.trim().trim_matches([',', '"'])).unwrap()).collect();
        texts.sort();
        assert_eq!(texts, ["int b;", "int c;"], "{database}");
    }
}
