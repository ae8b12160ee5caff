//! Builds larger modules from small ones.

use wasm_encoder::{CodeSection, FunctionSection, Module, RawSection};
use wasmparser::{Parser, Payload};

use crate::Result;

/// Repeats every function of a module. The copies come last, so that all indices keep their
/// meaning.
pub fn functions(wasm: &[u8], times: usize) -> Result<Vec<u8>> {
    let (mut types, mut bodies, mut sections) = (Vec::new(), Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::FunctionSection(section) => {
                types = section.clone().into_iter().collect::<std::result::Result<_, _>>()?;
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
        // Custom sections, names included, have section number 0.
        if let Some((id @ 1.., range)) = payload.as_section() {
            sections.push((id, &wasm[range.start as usize..range.end as usize]));
        }
    }
    let mut module = Module::new();
    for (id, data) in sections {
        match id {
            3 => {
                let mut section = FunctionSection::new();
                for &ty in types.iter().cycle().take(types.len() * times) {
                    section.function(ty);
                }
                module.section(&section);
            }
            10 => {
                let mut section = CodeSection::new();
                for body in bodies.iter().cycle().take(bodies.len() * times) {
                    section.raw(body);
                }
                module.section(&section);
            }
            _ => {
                module.section(&RawSection { id, data });
            }
        }
    }
    Ok(module.finish())
}
