//! Obtains the objects of a block: from the committed files, from the cache, or by compiling them.

use proc_macro2::Span;

use crate::ast::Block;
use crate::cache::Cache;
use crate::committed::{self, Committed, Mode, UPDATE, Verified};
use crate::compiler::environment::Environment;
use crate::compiler::{Compiler, Output, Unit, flags, search};
use crate::convention;
use crate::headers::Directories;
use crate::model::{Abi, Objects, Tier};
use crate::object;
use crate::source::Source;

/// What is compiled of a block.
pub struct Compiled {
    pub abi: Abi,
    /// The stencils.
    pub stencils: Made,
    /// The handlers of the interpreter, if the machine has one.
    pub handlers: Option<Made>,
    /// Whether the objects are committed ones, which depend on no compiler and no environment variable.
    pub is_committed: bool,
    /// Errors about committed objects.
    pub errors: Vec<String>,
    /// Changes made to committed objects.
    pub remarks: Vec<String>,
    /// A committed object of stencils that differs from the compiler's, and the version of the compiler.
    pub other: Option<(Vec<u8>, String)>,
}

/// The C source of a block for a tier, and the output of a compiler for it.
pub struct Made {
    pub source: Source,
    pub output: Output,
}

/// A translation unit of a block.
struct Translation {
    tier: Tier,
    source: Source,
    flags: Vec<String>,
}

impl Translation {
    fn new(block: &Block, abi: Abi, tier: Tier) -> Self {
        let own = if tier == Tier::Interpreted { flags::INTERPRETER } else { &[] };
        let own = own.iter().map(|flag| (*flag).to_owned());
        let flags = own.chain(block.flags.iter().map(syn::LitStr::value)).collect();
        Self { tier, source: Source::new(block, abi, tier), flags }
    }

    /// Returns the translation units of a block.
    fn all(block: &Block, abi: Abi) -> Vec<Self> {
        let interpreted = convention::is_interpreted(&block.machine, abi);
        let tiers = [Some(Tier::Compiled), interpreted.then_some(Tier::Interpreted)];
        tiers.into_iter().flatten().map(|tier| Self::new(block, abi, tier)).collect()
    }

    fn unit<'a>(&'a self, directories: &'a Directories) -> Unit<'a> {
        Unit { c: &self.source.c, flags: &self.flags, directories }
    }
}

/// Returns the objects of a block.
///
/// # Errors
/// Fails if there is no compiler, if it cannot be run, or if objects cannot be written.
pub fn compile(block: &Block) -> Result<Compiled, String> {
    let directories = Directories::of(block.machine.name.span());
    let first = Translation::all(block, Abi::PreserveNone);
    let committed = Committed::of_crate(block, committed::request(first[0].unit(&directories)));
    let mode = committed.as_ref().map_or(Mode::Use, |committed| committed.mode);
    // A user who names a compiler wants its output.
    if let Some(committed) = committed.as_ref().filter(|_| mode == Mode::Use && search::chosen().is_none()) {
        let rest = std::iter::once_with(|| Translation::all(block, Abi::C));
        for (abi, translations) in Abi::ALL.into_iter().zip(std::iter::once(first).chain(rest)) {
            let found = translations.iter().map(|made| committed.find(made.tier, made.unit(&directories)));
            if let Some(outputs) = found.collect() {
                return Ok(Compiled { is_committed: true, ..Compiled::new(abi, translations, outputs) });
            }
        }
    }
    let cache = Cache::of_user();
    let compiler = cache.compiler()?;
    let abi = compiler.traits.abi;
    let translations = Translation::all(block, abi);
    let run = |made: &Translation| run(&cache, compiler, mode, made.unit(&directories));
    let outputs = translations.iter().map(run).collect::<Result<Vec<_>, _>>()?;
    let (mut errors, mut remarks, mut other) = (Vec::new(), Vec::new(), None);
    for (made, output) in translations.iter().zip(&outputs) {
        let unit = made.unit(&directories);
        match committed.as_ref().map(|committed| (committed, mode)) {
            Some((committed, Mode::Update)) => {
                // Do not commit an object that the macro rejects.
                let is_right = |object: &Vec<u8>| match made.tier {
                    Tier::Compiled => object::read(object, block, &made.source, abi).is_ok(),
                    Tier::Interpreted => true,
                };
                if output.object.as_ref().is_some_and(is_right) {
                    remarks.extend(committed.update(made.tier, unit, output)?);
                }
            }
            Some((committed, Mode::Verify)) => match committed.verify(made.tier, unit, output) {
                Verified::Same => {}
                Verified::Differs { committed, compiler } if made.tier == Tier::Compiled => {
                    other = Some((committed, compiler));
                }
                Verified::Differs { compiler, .. } => errors.push(format!(
                    "the committed object of the interpreter differs: {compiler} compiled it; {UPDATE}=1 rewrites it"
                )),
                Verified::Wrong(why) => errors.push(why),
            },
            Some((_, Mode::Use)) | None => {}
        }
    }
    let tiers: Vec<Tier> = translations.iter().map(|made| made.tier).collect();
    match committed.as_ref().map(|committed| (committed, mode)) {
        Some((committed, Mode::Update)) => remarks.extend(committed.remove_stale(&tiers)),
        Some((committed, Mode::Verify)) => errors.extend(committed.verify_stale(&tiers)),
        Some((_, Mode::Use)) | None => {}
    }
    Ok(Compiled { errors, remarks, other, ..Compiled::new(abi, translations, outputs) })
}

fn run(cache: &Cache, compiler: &Compiler, mode: Mode, unit: Unit) -> Result<Output, String> {
    match mode {
        Mode::Use => cache.compile(compiler, unit),
        // A cached output proves nothing, and the user's variables must not affect an object that others will use.
        Mode::Update | Mode::Verify => compiler.run(unit, &Environment::neutral()),
    }
}

impl Compiled {
    /// Returns the uops whose committed stencils differ from `made`, the compiler's, or the block if no single uop
    /// does.
    pub fn differences(&self, block: &Block, made: &Objects) -> Vec<(Span, String)> {
        let Some((committed, compiler)) = &self.other else { return Vec::new() };
        let by = format!("{compiler} compiled it; {UPDATE}=1 rewrites it");
        let machine = block.machine.name.span();
        let Ok(committed) = object::read(committed, block, &self.stencils.source, self.abi) else {
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

    fn new(abi: Abi, translations: Vec<Translation>, outputs: Vec<Output>) -> Self {
        let mut all = translations.into_iter().zip(outputs).map(|(made, output)| Made { source: made.source, output });
        let stencils = all.next().expect("there are always stencils");
        let (errors, remarks) = (Vec::new(), Vec::new());
        Self { abi, stencils, handlers: all.next(), is_committed: false, errors, remarks, other: None }
    }
}
