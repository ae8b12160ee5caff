//! Where the object of a block comes from: it is committed, or cached, or compiled now.

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

/// A block's C, and what a compiler made of it.
pub struct Compiled {
    pub source: Source,
    pub abi: Abi,
    pub output: Output,
    /// Whether it is a committed object, which no compiler and no environment variable has a part in.
    pub is_committed: bool,
    /// What is wrong with committed objects.
    pub errors: Vec<String>,
    /// What was done with them.
    pub remarks: Vec<String>,
    /// A committed object that is not what the compiler made, and the compiler that made it.
    pub other: Option<(Vec<u8>, String)>,
}

/// The object of a block.
///
/// # Errors
/// There is no compiler, or it cannot be run, or objects cannot be written.
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
    // Who names a compiler wants what it makes.
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
        // What compilers made before would prove nothing, and what variables have them make is not what others get.
        Mode::Update | Mode::Verify => compiler.run(unit, &Environment::neutral())?,
    };
    let (mut errors, mut remarks, mut other) = (Vec::new(), Vec::new(), None);
    match committed.as_ref().map(|committed| (committed, mode)) {
        Some((committed, Mode::Update)) => {
            // What is refused is no good to anybody.
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
    /// Where the committed object differs from these stencils, which the compiler made: each uop, or else its name.
    pub fn differences(&self, block: &Block, made: &Objects) -> Vec<(Span, String)> {
        let Some((committed, compiler)) = &self.other else { return Vec::new() };
        let by = format!("{compiler} made it; {UPDATE}=1 writes it anew");
        let machine = block.machine.name.span();
        let Ok(committed) = object::read(committed, block, &self.source, self.abi) else {
            return vec![(machine, format!("the committed object is not an object of this block: {by}"))];
        };
        let uops = block.uops.iter().zip(committed.uops.iter().zip(&made.uops));
        let differ: Vec<_> = (uops.filter(|(_, (committed, made))| committed != made))
            .map(|(uop, _)| {
                let name = &uop.name;
                (name.span(), format!("the committed object has other code for the uop `{name}`: {by}"))
            })
            .collect();
        if differ.is_empty() {
            return vec![(machine, format!("the committed object differs, but in no uop: {by}"))];
        }
        differ
    }

    fn new(source: Source, abi: Abi, output: Output) -> Self {
        let (errors, remarks) = (Vec::new(), Vec::new());
        Self { source, abi, output, is_committed: false, errors, remarks, other: None }
    }
}
