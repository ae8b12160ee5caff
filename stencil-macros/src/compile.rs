//! Obtains the object of a block: from the committed files, from the cache, or by compiling it.

use proc_macro2::Span;

use crate::ast::Block;
use crate::cache::Cache;
use crate::committed::{self, Committed, Mode, UPDATE, Verified};
use crate::compiler::environment::Environment;
use crate::compiler::{Output, Unit, search};
use crate::headers::Directories;
use crate::model::{Abi, Objects};
use crate::object;
use crate::source::Source;

/// The C source of a block, and the output of a compiler for it.
pub struct Compiled {
    pub source: Source,
    pub abi: Abi,
    pub output: Output,
    /// Whether the object is a committed one, which depends on no compiler and no environment variable.
    pub is_committed: bool,
    /// Errors about committed objects.
    pub errors: Vec<String>,
    /// Changes made to committed objects.
    pub remarks: Vec<String>,
    /// A committed object that differs from the compiler's, and the version of the compiler.
    pub other: Option<(Vec<u8>, String)>,
}

/// Returns the object of a block.
///
/// # Errors
/// Fails if there is no compiler, if it cannot be run, or if objects cannot be written.
pub fn compile(block: &Block) -> Result<Compiled, String> {
    let flags: Vec<String> = block.flags.iter().map(syn::LitStr::value).collect();
    let directories = Directories::of(block.machine.name.span());
    let source = |abi| Source::new(block, abi);
    fn unit<'a>(source: &'a Source, flags: &'a [String], directories: &'a Directories) -> Unit<'a> {
        Unit { c: &source.c, flags, directories }
    }
    let first = source(Abi::PreserveNone);
    let committed = Committed::of_crate(block, committed::request(unit(&first, &flags, &directories)));
    let mode = committed.as_ref().map_or(Mode::Use, |committed| committed.mode);
    // A user who names a compiler wants its output.
    if let Some(committed) = committed.as_ref().filter(|_| mode == Mode::Use && search::chosen().is_none()) {
        let sources = std::iter::once(first).chain(std::iter::once_with(|| source(Abi::C)));
        for (abi, source) in Abi::ALL.into_iter().zip(sources) {
            if let Some(output) = committed.find(unit(&source, &flags, &directories)) {
                return Ok(Compiled { is_committed: true, ..Compiled::new(source, abi, output) });
            }
        }
    }
    let cache = Cache::of_user();
    let compiler = cache.compiler()?;
    let abi = compiler.traits.abi;
    let source = source(abi);
    let unit = unit(&source, &flags, &directories);
    let output = match mode {
        Mode::Use => cache.compile(compiler, unit)?,
        // A cached output proves nothing, and the user's variables must not affect an object that others will use.
        Mode::Update | Mode::Verify => compiler.run(unit, &Environment::neutral())?,
    };
    let (mut errors, mut remarks, mut other) = (Vec::new(), Vec::new(), None);
    match committed.as_ref().map(|committed| (committed, mode)) {
        Some((committed, Mode::Update)) => {
            // Do not commit an object that the macro rejects.
            if output.object.as_ref().is_some_and(|made| object::read(made, block, &source, abi).is_ok()) {
                remarks = committed.update(unit, &output)?;
            }
        }
        Some((committed, Mode::Verify)) => {
            let verified;
            (verified, errors) = committed.verify(unit, &output);
            match verified {
                Verified::Same => {}
                Verified::Differs { committed, compiler } => other = Some((committed, compiler)),
                Verified::Wrong(why) => errors.push(why),
            }
        }
        Some((_, Mode::Use)) | None => {}
    }
    Ok(Compiled { errors, remarks, other, ..Compiled::new(source, abi, output) })
}

impl Compiled {
    /// Returns the uops whose committed stencils differ from `made`, the compiler's, or the block if no single uop
    /// does.
    pub fn differences(&self, block: &Block, made: &Objects) -> Vec<(Span, String)> {
        let Some((committed, compiler)) = &self.other else { return Vec::new() };
        let by = format!("{compiler} compiled it; {UPDATE}=1 rewrites it");
        let machine = block.machine.name.span();
        let Ok(committed) = object::read(committed, block, &self.source, self.abi) else {
            return vec![(machine, format!("the committed object is not an object of this block: {by}"))];
        };
        let uops = block.uops.iter().zip(committed.uops.iter().zip(&made.uops));
        let differ: Vec<_> = (uops.filter(|(_, (committed, made))| committed != made))
            .map(|(uop, _)| {
                let name = &uop.name;
                (name.span(), format!("the committed object has different code for the uop `{name}`: {by}"))
            })
            .collect();
        if differ.is_empty() {
            return vec![(machine, format!("the committed object differs, but not in any uop: {by}"))];
        }
        differ
    }

    fn new(source: Source, abi: Abi, output: Output) -> Self {
        let (errors, remarks) = (Vec::new(), Vec::new());
        Self { source, abi, output, is_committed: false, errors, remarks, other: None }
    }
}
