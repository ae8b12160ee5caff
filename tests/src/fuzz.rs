//! The long comparison of engines on random modules: what the commands named `fuzz` do.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

use crate::differential::{Call, Compared, Disagreement, functions_agree};
use crate::engine::{Auto, Interpreted, Program, Wasmi};
use crate::rng::Rng;
use crate::{smith, variants};

/// A generator of random modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Source {
    /// Modules of `wasm-smith`.
    Smith,
    /// Modules of `wasm-smith` and compiled programs, changed by `wasm-mutate`.
    Mutate,
}

impl Source {
    /// Generates the module of a seed.
    #[must_use]
    pub fn module(self, seed: u64) -> Vec<u8> {
        match self {
            Self::Smith => smith::module(seed),
            Self::Mutate => variants::module(seed),
        }
    }
}

/// An engine that uops is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The engine's name.
    pub name: &'static str,
    /// Compares it with uops on some modules, of which the last is called, with arguments chosen by a seed. Returns nothing if
    /// the engine lacks a feature.
    pub compare: Comparison,
}

/// See [`functions_agree`].
pub type Comparison = fn(&[(&str, &[u8])], u64) -> Result<Option<Compared>, Disagreement>;

impl Peer {
    /// wasmi.
    pub const WASMI: Self = Self::of::<Wasmi>();
    /// The interpreter of uops, which a build by gcc lacks.
    pub const INTERPRETER: Self = Self::of::<Interpreted>();
    /// The tier `auto` of uops, which a build by gcc lacks.
    pub const AUTO: Self = Self::of::<Auto>();

    /// Makes a peer of an engine.
    #[must_use]
    pub const fn of<Other: Program>() -> Self {
        Self { name: Other::NAME, compare: functions_agree::<Other> }
    }

    /// Compares uops with this engine on a module that may import from the environment. A panic counts as a difference.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, wasm: &[u8], seed: u64) -> Result<Option<Compared>, Disagreement> {
        let modules = [(smith::ENVIRONMENT_NAME, &smith::BINARY_ENVIRONMENT[..]), ("", wasm)];
        catch_unwind(AssertUnwindSafe(|| (self.compare)(&modules, seed))).unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
            Err(Disagreement { calls: Vec::new(), what: format!("a panic: {message}") })
        })
    }

    /// Makes a module on which the engines differ smaller, as long as they differ.
    #[must_use]
    pub fn smallest(&self, mut wasm: Vec<u8>, seed: u64, mut found: Disagreement) -> (Vec<u8>, Disagreement) {
        let mut rng = Rng::new(seed);
        let mut failures = 0;
        while failures < ATTEMPTS {
            let smaller = variants::smaller(&wasm, rng.bits());
            let differs = smaller.and_then(|smaller| Some((self.check(&smaller, seed).err()?, smaller)));
            match differs {
                Some((disagreement, smaller)) => (found, wasm, failures) = (disagreement, smaller, 0),
                None => failures += 1,
            }
        }
        (wasm, found)
    }
}

/// The attempts to make a module smaller before it counts as the smallest.
const ATTEMPTS: usize = 300;

/// Compares uops with other engines on random modules.
#[derive(Parser)]
struct Cli {
    /// How long to run, in minutes.
    #[arg(long)]
    minutes: f64,
    /// Where modules come from. By default from all sources in turn.
    #[arg(long)]
    source: Option<Source>,
    /// The first module's seed; each further module has the next number. By default the time of day.
    #[arg(long)]
    seed: Option<u64>,
    /// The greatest number of modules.
    #[arg(long, default_value_t = u64::MAX)]
    modules: u64,
    /// The number of threads. The modules of a seed and a number do not depend on it.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The folder that receives modules on which the engines differ.
    #[arg(long, default_value = "target/disagreements")]
    into: PathBuf,
}

/// What a peer was compared on.
#[derive(Default)]
struct Tally {
    modules: u64,
    calls: Compared,
    disagreements: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.modules += other.modules;
        self.calls += other.calls;
        self.disagreements += other.disagreements;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compared { returned, trapped, stopped } = self.calls;
        write!(f, "{} modules; {returned} calls returned, {trapped} trapped, {stopped} ", self.modules)?;
        write!(f, "ran out of frames or steps; {} disagreements", self.disagreements)
    }
}

/// What all peers were compared on.
#[derive(Default)]
struct Total {
    modules: u64,
    /// Comparisons that no peer of a group supports.
    unsupported: u64,
    /// By source and name of the peer.
    tallies: BTreeMap<(Source, &'static str), Tally>,
}

impl AddAssign for Total {
    fn add_assign(&mut self, other: Self) {
        self.modules += other.modules;
        self.unsupported += other.unsupported;
        for (key, tally) in other.tallies {
            *self.tallies.entry(key).or_default() += tally;
        }
    }
}

impl Total {
    /// Compares each group on a module. The first alternative that supports the module counts.
    fn compare(&mut self, groups: &[&[Peer]], source: Source, seed: u64, into: &Path) {
        let wasm = source.module(seed);
        self.modules += 1;
        for group in groups {
            let supported = |&peer: &Peer| Some((peer, peer.check(&wasm, seed).transpose()?));
            let Some((peer, compared)) = group.iter().find_map(supported) else {
                self.unsupported += 1;
                continue;
            };
            let tally = self.tallies.entry((source, peer.name)).or_default();
            tally.modules += 1;
            match compared {
                Ok(calls) => tally.calls += calls,
                Err(disagreement) => {
                    tally.disagreements += 1;
                    report(source, &peer, seed, peer.smallest(wasm.clone(), seed, disagreement), into);
                }
            }
        }
    }
}

/// Runs the command. Each group of peers is a list of alternatives: the first that supports a module is compared on it.
#[must_use]
pub fn main(groups: &[&[Peer]]) -> ExitCode {
    let cli = Cli::parse();
    let now = || std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs() << 24);
    let first = cli.seed.unwrap_or_else(now);
    let sources = cli.source.map_or(Source::value_variants().to_vec(), |source| vec![source]);
    let (start, limit) = (Instant::now(), Duration::from_secs_f64(cli.minutes * 60.0));
    let next = AtomicU64::new(0);
    let work = || {
        let mut total = Total::default();
        while start.elapsed() < limit {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= cli.modules {
                break;
            }
            let source = sources[number as usize % sources.len()];
            total.compare(groups, source, first.wrapping_add(number), &cli.into);
        }
        total
    };
    let mut total = Total::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cli.threads.max(1)).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            total += thread.join().expect("panics are caught");
        }
    });
    println!("from seed {first}: {} modules in {:.0} seconds", total.modules, start.elapsed().as_secs_f64());
    if total.unsupported > 0 {
        println!("{} comparisons were impossible: no engine of a group supports the module", total.unsupported);
    }
    for ((source, peer), tally) in &total.tallies {
        println!("{source:?}, {peer}: {tally}");
    }
    let agree = total.tallies.values().all(|tally| tally.disagreements == 0);
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes the module as a script for `tests/kept`.
fn report(source: Source, peer: &Peer, seed: u64, (wasm, disagreement): (Vec<u8>, Disagreement), into: &Path) {
    println!("{source:?}, seed {seed}: {disagreement}");
    let path = into.join(format!("{source:?}-{}-{seed}.wast", peer.name));
    let text = script(seed, &wasm, &disagreement);
    match std::fs::create_dir_all(into).and_then(|()| std::fs::write(&path, text)) {
        Ok(()) => println!(
            "  written to {}: find out which engine is right, turn each `invoke` into an assertion, and keep the file in \
             tests/kept",
            path.display()
        ),
        Err(error) => println!("  not written to {}: {error}", path.display()),
    }
}

/// Prints the module, its imports, and the calls.
fn script(seed: u64, wasm: &[u8], disagreement: &Disagreement) -> String {
    let module = wasmprinter::print_bytes(wasm).unwrap_or_else(|error| format!(";; {error}\n"));
    let environment = String::from_utf8_lossy(smith::ENVIRONMENT);
    let name = smith::ENVIRONMENT_NAME;
    let mut text = format!(";; Seed {seed}: {disagreement}\n\n{environment}\n(register \"{name}\")\n\n{module}\n");
    for Call { function, args } in &disagreement.calls {
        let args: String = args.iter().map(|arg| format!(" ({}.const {arg})", arg.ty())).collect();
        text += &format!("(invoke {function:?}{args})\n");
    }
    text
}
