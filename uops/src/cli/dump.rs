//! `uops dump`.

use std::io::{self, Write};
use std::path::Path;

use uops::{Summary, Tier};

use super::Result;
use super::deadline::Deadline;
use super::load::load;

pub(super) fn dump(file: &Path, function: Option<&str>) -> Result<()> {
    let program = load(file, Tier::Jit, &Deadline::new(None, || ())?)?;
    let module = program.module();
    let imported = module.imported_functions();
    let mut found = false;
    for index in imported..module.function_count() {
        let (defined, name) = (index - imported, module.function_name(index as u32));
        if function.is_some_and(|wanted| name != Some(wanted) && wanted.parse() != Ok(index)) {
            continue;
        }
        let (Some(ty), Some(wasm), Some(code), Some(listing)) = (
            module.function_type(index as u32),
            module.body_size(defined),
            program.code_size(defined),
            program.listing(defined),
        ) else {
            continue;
        };
        let separator = if found { "\n" } else { "" };
        let name = name.map(|name| format!(" `{}`", name.escape_debug())).unwrap_or_default();
        let header = format!("function {index}{name} {ty}: {wasm} bytes of wasm, {code} bytes of machine code");
        writeln!(io::stdout(), "{separator}{header}\n{}", listing.trim_end())?;
        found = true;
    }
    match function {
        Some(wanted) if !found => Err(format!("the module defines no function `{wanted}`").into()),
        _ => Ok(()),
    }
}

pub(super) fn summary(file: &Path) -> Result<()> {
    let Summary { uops, narrow, code, general } = load(file, Tier::Jit, &Deadline::new(None, || ())?)?.summary();
    let saved = 100.0 * (general - code) as f64 / general.max(1) as f64;
    writeln!(
        io::stdout(),
        "{uops} uops, {narrow} of them narrow: {code} bytes of machine code, {saved:.1} % less than {general} with general forms only"
    )?;
    Ok(())
}
