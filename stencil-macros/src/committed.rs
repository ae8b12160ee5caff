//! Objects that are committed in a crate's folder `stencils`, so that users of the crate do not need a C compiler.
//!
//! An object is found by properties that are the same on every machine: the location of the block, its C source, its
//! flags, and the crate's files. The compiler and system headers are not considered, because they may be missing.
//! Verification checks that a compiler still produces the same object. No environment variable affects the search.

mod blanked;
mod name;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::ast::Block;
use crate::compiler::{Output, Unit};
use crate::entry::Entry;
use crate::hash::Hash;
use crate::headers;
use crate::model::Tier;
use crate::store::replace;
use name::{Declared, Name, mirrored};

/// The folder, relative to the crate.
const FOLDER: &str = "stencils";
/// Returns the subfolder for the target and the tier. Only one target is supported so far.
fn target(tier: Tier) -> &'static str {
    match tier {
        Tier::Compiled => "x86_64-linux",
        Tier::Interpreted => "x86_64-linux-interpreter",
    }
}

/// The environment variable that requests all objects to be recompiled and written.
pub const UPDATE: &str = "STENCIL_UPDATE";
/// The environment variable that requests all objects to be recompiled and compared.
pub const VERIFY: &str = "STENCIL_VERIFY";

/// The treatment of committed objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Use,
    Update,
    Verify,
}

/// The committed objects, as seen by one block.
pub struct Committed {
    root: PathBuf,
    pub mode: Mode,
    name: Name,
}

/// The result of a comparison.
pub enum Verified {
    Same,
    /// The committed object differs. This compiler made the new one.
    Differs {
        committed: Vec<u8>,
        compiler: String,
    },
    /// Any other failure.
    Wrong(String),
}

/// Returns whether the user asked Cargo to build this crate. Dependencies are never written to.
pub fn is_asked_for() -> bool {
    std::env::var_os("CARGO_PRIMARY_PACKAGE").is_some()
}

/// Returns whether a path is new to this process, that is, neither written nor reported as stale.
fn first_seen(path: &Path) -> bool {
    static SEEN: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned())
}

impl Committed {
    /// Returns the committed objects of the crate that is being compiled, if there is one. `key` is the digest of the
    /// block.
    pub fn of_crate(block: &Block, key: Hash) -> Option<Self> {
        // Cargo does not mark documentation tests as requested, so they require the package to be named.
        let (asked, package) = (is_asked_for(), std::env::var_os("CARGO_PKG_NAME"));
        let is_set = |name| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty() && value != "0");
            value.is_some_and(|value| if value == "1" { asked } else { Some(value) == package })
        };
        let root = headers::of_crate()?;
        let there = root.join(FOLDER).is_dir();
        let mode = if is_set(UPDATE) {
            Mode::Update
        } else if is_set(VERIFY) && there {
            Mode::Verify
        } else {
            Mode::Use
        };
        let name = (there || mode == Mode::Update).then(|| Name::of(&root, block, key))?;
        Some(Self { root, mode, name })
    }

    /// Returns the committed object for a unit, if the crate's files have not changed.
    pub fn find(&self, tier: Tier, unit: Unit) -> Option<Output> {
        let path = self.path(tier);
        let entry = Entry::from_bytes(&fs::read(&path).ok()?).filter(|entry| entry.request == request(unit))?;
        let mut output = Output::of(entry, unit)?;
        // Cargo watches the object like a header: if it is deleted, the block must be compiled again.
        output.files.push(path);
        Some(output)
    }

    /// Writes the compiler's output. Returns a remark for the user if it cannot be committed.
    ///
    /// # Errors
    /// Fails if the folder cannot be written.
    pub fn update(&self, tier: Tier, unit: Unit, output: &Output) -> Result<Option<String>, String> {
        let path = self.path(tier);
        let cannot = |error| format!("{} cannot be written: {error}", path.display());
        first_seen(&path);
        match self.entry(unit, output) {
            Ok((_, bytes)) => {
                if fs::read(&path).ok().is_none_or(|there| there != bytes) {
                    fs::create_dir_all(path.parent().unwrap_or(&self.root)).map_err(cannot)?;
                    replace(&path, &bytes).map_err(cannot)?;
                }
                Ok(None)
            }
            Err(why) => {
                // An existing file belongs to an earlier version of the block.
                let _ = fs::remove_file(&path);
                Ok(Some(format!("the object of this block is not committed: {why}")))
            }
        }
    }

    /// Removes the objects that no block needs any more, where this one has these tiers. Returns a remark for each.
    pub fn remove_stale(&self, tiers: &[Tier]) -> Vec<String> {
        let stale = self.stale(tiers).filter(|(path, _)| fs::remove_file(path).is_ok());
        stale.map(|(path, label)| format!("removed the stale object {} ({label})", self.short(&path))).collect()
    }

    /// Returns an error for each object that no block needs any more, where this one has these tiers.
    pub fn verify_stale(&self, tiers: &[Tier]) -> Vec<String> {
        let error = |(path, label): (PathBuf, String)| {
            format!("the object {} is stale ({label}): {UPDATE}=1 removes it", self.short(&path))
        };
        self.stale(tiers).map(error).collect()
    }

    /// Compares the compiler's output with the committed object.
    pub fn verify(&self, tier: Tier, unit: Unit, output: &Output) -> Verified {
        // A block that cannot be committed is compiled in each build.
        let Ok((entry, _)) = self.entry(unit, output) else { return Verified::Same };
        let path = self.path(tier);
        let remedy = format!("{UPDATE}=1 writes {}", self.short(&path));
        let committed = fs::read(&path).ok().and_then(|bytes| Entry::from_bytes(&bytes));
        match committed.filter(|committed| committed.request == entry.request) {
            None => Verified::Wrong(format!("no object is committed for this block: {remedy}")),
            Some(committed) if committed.inputs.read != entry.inputs.read => {
                Verified::Wrong(format!("the committed object was compiled with other headers: {remedy}"))
            }
            Some(committed) if !committed.has_object(&entry.object) => {
                Verified::Differs { committed: committed.object, compiler: committed.compiler }
            }
            Some(_) => Verified::Same,
        }
    }

    /// Returns the committed entry for an output, and its serialized form.
    fn entry(&self, unit: Unit, output: &Output) -> Result<(Entry, Vec<u8>), String> {
        let object = output.object.clone().ok_or("the C compiler reports errors")?;
        let inputs = output.inputs.clone()?.of_crate()?;
        let (block, messages, compiler) = (self.name.label.clone(), output.messages.clone(), output.compiler.clone());
        let entry = Entry { request: request(unit), compiler, block, inputs, messages, object };
        let bytes = entry.to_bytes().ok_or("it is not an x86-64 ELF file, or has too many sections")?;
        Ok((entry, bytes))
    }

    /// Returns objects that this process has not seen yet and no block needs: the source file is gone, declares no block of that name, or
    /// the block lacks the tier.
    fn stale(&self, tiers: &[Tier]) -> impl Iterator<Item = (PathBuf, String)> {
        let mut stale = Vec::new();
        for tier in Tier::ALL {
            let folder = self.folder(tier);
            let mut files = Vec::new();
            collect_files(&folder, &mut files);
            files.sort();
            stale.extend(files.into_iter().filter_map(|path| {
                let entry = Entry::from_bytes(&fs::read(&path).ok()?)?;
                let gone = if path == self.path(tier) {
                    !tiers.contains(&tier)
                } else {
                    self.is_gone(&entry.block, path.strip_prefix(&folder).ok()?)
                };
                gone.then_some((path, entry.block))
            }));
        }
        stale.into_iter().filter(|(path, _)| first_seen(path))
    }

    fn is_gone(&self, label: &str, path: &Path) -> bool {
        let mut parts = label.rsplitn(3, ": ");
        let (Some(uop), _, Some(file)) = (parts.next(), parts.next(), parts.next()) else { return false };
        let Ok(text) = fs::read_to_string(self.root.join(file)) else { return true };
        let is_named = text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == uop);
        !is_named || !Declared::of(&text).has(&mirrored(&self.root, Path::new(file)), uop, path)
    }

    fn folder(&self, tier: Tier) -> PathBuf {
        self.root.join(FOLDER).join(target(tier))
    }

    fn path(&self, tier: Tier) -> PathBuf {
        self.folder(tier).join(self.name.path())
    }

    /// Returns the path of a file relative to the crate.
    fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Returns the digest of a unit.
pub fn request(unit: Unit) -> Hash {
    Hash::of(unit.request().as_bytes())
}

fn collect_files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_files(&path, all);
        } else if path.extension().is_some_and(|end| end == "o") {
            all.push(path);
        }
    }
}
