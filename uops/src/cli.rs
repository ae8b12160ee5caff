//! The command line.

mod deadline;
mod dump;
mod limits;
mod load;
mod run;
mod tier;
mod wast;

use std::error::Error;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub(crate) use limits::message;

/// The exit code after a trap, and of a run whose time is over: that of a process that aborts, as in other engines.
pub(crate) const TRAPPED: u8 = 134;

/// The result of a command. Its error is shown to the user.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs WebAssembly modules and scripts, and shows what modules are compiled to.
#[derive(Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Options),
    /// Prints the uops of each function and their machine code.
    Dump {
        /// The module, in the binary or the text format.
        file: PathBuf,
        /// Prints only this function. Takes its name or its index.
        #[arg(long, value_name = "NAME")]
        function: Option<String>,
        /// Prints only totals: uops, those in their narrow form, and bytes of machine code.
        #[arg(long, conflicts_with = "function")]
        summary: bool,
    },
    /// Runs scripts of the official test suite's format, and reports the assertions that fail.
    Wast {
        /// The scripts to run.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Refuses modules that are not valid in WebAssembly 2.0.
        #[arg(long)]
        v2: bool,
        /// How the modules run.
        #[arg(long, value_enum, value_name = "TIER", default_value_t)]
        tier: tier::TierName,
    },
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        match self.command {
            Command::Run(options) => run::run(&options),
            Command::Dump { file, function: None, summary: true } => dump::summary(&file),
            Command::Dump { file, function, .. } => dump::dump(&file, function.as_deref()),
            Command::Wast { files, v2, tier } => wast::run(&files, v2, tier.tier()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_options(args: &[&str]) -> run::Options {
        match Cli::try_parse_from(args).unwrap_or_else(|error| panic!("{error}")).command {
            Command::Run(options) => options,
            _ => panic!("not run"),
        }
    }

    #[test]
    fn negative_numbers_are_arguments() {
        let all = ["uops", "run", "a.wasm", "--invoke", "f", "-1", "-0x2", "-inf", "3"];
        for line in [&all[..], &["uops", "run", "--invoke", "f", "a.wasm", "-1", "-0x2", "-inf", "3"]] {
            let run::Options { file, invoke, args, .. } = run_options(line);
            assert_eq!((file.to_str(), invoke.as_deref()), (Some("a.wasm"), Some("f")));
            assert_eq!(args, ["-1", "-0x2", "-inf", "3"]);
        }
    }

    #[test]
    fn programs_have_options_too() {
        for rest in [&["x", "--env", "-h", "--"][..], &["--", "--env", "-h", "x"]] {
            let line = ["uops", "run", "--dir", "a::b", "a.wasm", "--env", "K=V=W", "--dir=c"];
            let run::Options { dirs, variables, args, .. } = run_options(&[&line, rest].concat());
            assert_eq!((dirs, variables), (vec!["a::b".to_owned(), "c".to_owned()], vec!["K=V=W".to_owned()]));
            assert_eq!(args, if rest[0] == "--" { &rest[1..] } else { rest });
        }
    }
}
