//! Objects that are committed in a crate, in its folder `stencils`, so that who builds it needs no C compiler.
//!
//! They are found by what is the same on every machine: the C, the flags, and the headers of the crate. Headers of the system
//! and the compiler are not looked at, since they may be missing; that they make the same object is what verifying says.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use syn::ext::IdentExt as _;

use crate::ast::Block;
use crate::compiler::{Compiler, Output, Unit};
use crate::headers;
use crate::store::{Entry, Store};

/// The folder, in the crate.
const FOLDER: &str = "stencils";
/// The environment variable that asks for all objects to be compiled and written.
pub const UPDATE: &str = "STENCIL_UPDATE";
/// The environment variable that asks for all objects to be compiled and compared.
pub const VERIFY: &str = "STENCIL_VERIFY";

/// What is to be done with committed objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Use,
    Update,
    Verify,
}

/// The committed objects, as one block sees them.
pub struct Committed {
    root: PathBuf,
    store: Store,
    pub mode: Mode,
    /// The block: its file in the crate, its machine, its first uop, a number; or nothing, which is never stale.
    block: String,
}

/// What a comparison finds.
pub enum Verified {
    Same,
    /// Another object than the one that is committed, which this compiler made.
    Differs {
        committed: Vec<u8>,
        version: String,
    },
    /// What else is wrong.
    Wrong(String),
}

/// The entries that this process has written, or has reported as stale.
static SEEN: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// Whether Cargo says that people asked it to build this crate: a dependency is not theirs to write.
pub fn is_asked_for() -> bool {
    std::env::var_os("CARGO_PRIMARY_PACKAGE").is_some()
}

/// A label of a block, and a number behind it if there are several of this label, as where a macro makes them.
fn numbered(label: String) -> String {
    static LABELS: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);
    let mut labels = LABELS.lock().unwrap_or_else(PoisonError::into_inner);
    let number = labels.entry(label.clone()).or_insert(0);
    *number += 1;
    if *number == 1 { label } else { format!("{label} {number}") }
}

/// Whether a path is seen for the first time.
fn first_seen(path: &Path) -> bool {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned())
}

impl Committed {
    /// The committed objects of the crate that is compiled, if there is a crate.
    pub fn of_crate(block: &Block) -> Option<Self> {
        // Documentation tests are not said to be asked for: the package has to be named.
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
        (there || mode == Mode::Update).then(|| Self::new(root, mode, block))
    }

    fn new(root: PathBuf, mode: Mode, block: &Block) -> Self {
        let first = block.uops.first().map_or(&block.machine.name, |uop| &uop.name);
        let file = first.span().local_file().and_then(|file| file.canonicalize().ok());
        let file = file.as_deref().and_then(|file| file.strip_prefix(&root).ok()?.to_str());
        // That of a documentation test is in no file of the crate.
        let label = file.map(|file| format!("{file}: {}: {}", block.machine.name, first.unraw()));
        let block = label.filter(|label| !label.contains('\n')).map(numbered).unwrap_or_default();
        Self { store: Store::new(root.join(FOLDER), u64::MAX), root, mode, block }
    }

    /// What is committed for a unit, if the headers of the crate are as they were.
    pub fn find(&self, unit: Unit) -> Option<Output> {
        let request = unit.request();
        let mut output = Output::of(self.store.find(&request)?, unit)?;
        // It is tracked like a header: without it, it has to be made again.
        output.headers.push(self.store.path(&request));
        Some(output)
    }

    /// Writes what a compiler made, and removes what is stale; tells what was removed.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn update(&self, compiler: &Compiler, unit: Unit, output: &Output) -> Result<Vec<String>, String> {
        let Some(entry) = self.entry(compiler, unit, output) else { return Ok(Vec::new()) };
        let path = self.store.path(&entry.request);
        let cannot = |error| format!("{} cannot be written: {error}", path.display());
        if fs::read(&path).ok().is_none_or(|there| there != entry.to_bytes()) {
            self.store.keep(&entry).map_err(cannot)?;
        }
        first_seen(&path);
        let mut removed = Vec::new();
        for (path, entry) in self.store.entries() {
            let replaced = !self.block.is_empty() && entry.block == self.block;
            if (replaced || self.is_gone(&entry)) && first_seen(&path) && fs::remove_file(&path).is_ok() {
                removed.push(format!("removed {}, which was stale ({})", self.name(&path), entry.block));
            }
        }
        Ok(removed)
    }

    /// Compares what a compiler made with what is committed; tells, too, which objects no block needs any more.
    pub fn verify(&self, compiler: &Compiler, unit: Unit, output: &Output) -> (Verified, Vec<String>) {
        let Some(entry) = self.entry(compiler, unit, output) else { return (Verified::Same, Vec::new()) };
        let remedy = format!("{UPDATE}=1 writes it");
        let verified = match self.store.find(&entry.request) {
            None => Verified::Wrong(format!("no object is committed for this block: {remedy}")),
            Some(committed) if committed.headers != entry.headers => {
                Verified::Wrong(format!("the committed object was made with other headers: {remedy}"))
            }
            Some(committed) if committed.object != entry.object => {
                Verified::Differs { committed: committed.object, version: committed.version }
            }
            Some(_) => Verified::Same,
        };
        let gone = self.store.entries().filter(|(path, entry)| self.is_gone(entry) && first_seen(path));
        let gone =
            gone.map(|(path, entry)| format!("{} is stale ({}): {UPDATE}=1 removes it", self.name(&path), entry.block));
        (verified, gone.collect())
    }

    /// What is committed of an output: of its headers those of the crate.
    fn entry(&self, compiler: &Compiler, unit: Unit, output: &Output) -> Option<Entry> {
        let mut entry = Entry::new(unit.request(), compiler, output, unit)?;
        entry.headers.retain(|header| !Path::new(&header.name).is_absolute());
        entry.block.clone_from(&self.block);
        Some(entry)
    }

    /// Whether the block of an entry is no longer where it was: its file is not there, or no longer names its first uop.
    fn is_gone(&self, entry: &Entry) -> bool {
        let mut parts = entry.block.rsplitn(3, ": ");
        let (Some(uop), _, Some(file)) = (parts.next(), parts.next(), parts.next()) else { return false };
        let uop = uop.split(' ').next().unwrap_or_default();
        let Ok(text) = fs::read_to_string(self.root.join(file)) else { return true };
        !text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == uop)
    }

    /// The name of a file of the crate.
    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}
