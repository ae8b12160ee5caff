//! The environment variables that a C compiler sees.
//!
//! A compiler, or a wrapper of one, may read any variable. So the cache's key holds all that it is given, and it is given all but those
//! that differ from one run of Cargo or from one terminal to the next. Objects to commit are compiled with as good as none.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::hash::Hash;

/// Variables of Cargo, of rustc, of shells, terminals, editors, sessions and CI jobs, by the beginnings of their names.
const WITHHELD: [&str; 35] = [
    "CARGO",
    "RUST",
    "OUT_DIR",
    "STENCIL_",
    "SHLVL",
    "PWD",
    "OLDPWD",
    "_",
    "TERM",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "WINDOWID",
    "DISPLAY",
    "WAYLAND_",
    "DBUS_",
    "XDG_SESSION",
    "XDG_CURRENT_DESKTOP",
    "DESKTOP_",
    "GNOME_",
    "KDE_",
    "KONSOLE_",
    "VTE_",
    "ITERM_",
    "TMUX",
    "STY",
    "VSCODE_",
    "SSH_",
    "GPG_",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_",
    "GITHUB_",
    "RUNNER_",
    "CI_",
];
/// Those of them that are whole names.
const WHOLE: [&str; 6] = ["_", "PWD", "OLDPWD", "STY", "DISPLAY", "OUT_DIR"];
/// Variables by which programs find themselves, and by which caches of compilers are set up: none changes an object.
const NEUTRAL: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "TMP",
    "TEMP",
    "LD_LIBRARY_PATH",
    "CCACHE_",
    "SCCACHE_",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
];
/// Variables that are known to change what compilers make, and that Cargo watches for a block that was compiled.
pub const KNOWN: [&str; 7] = [
    "CPATH",
    "C_INCLUDE_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "CCC_OVERRIDE_OPTIONS",
    "NIX_CFLAGS_COMPILE",
    "SOURCE_DATE_EPOCH",
];

/// The variables that a compiler is given, and no others.
#[derive(Clone, Debug)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// For what only this user has use of.
    pub fn of_user() -> Self {
        Self::filtered(std::env::vars_os(), |name| !is_withheld(name))
    }

    /// For what others use: the object depends on no variable.
    pub fn neutral() -> Self {
        Self::filtered(std::env::vars_os(), |name| NEUTRAL.iter().any(|start| name.starts_with(start)))
    }

    fn filtered(all: impl Iterator<Item = (OsString, OsString)>, wanted: impl Fn(&str) -> bool) -> Self {
        let mut seen: BTreeMap<_, _> = all.filter(|(name, _)| name.to_str().is_none_or(&wanted)).collect();
        if let Some(path) = seen.remove(OsStr::new("LD_LIBRARY_PATH")) {
            let path = without_cargos(&path);
            if !path.is_empty() {
                seen.insert("LD_LIBRARY_PATH".into(), path);
            }
        }
        // Diagnostics are read, so they have to be in English.
        seen.insert("LC_ALL".into(), "C".into());
        Self(seen)
    }

    pub fn variables(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.0.iter()
    }

    /// A digest of all names and values.
    pub fn hash(&self) -> Hash {
        Hash::of(format!("{:?}", self.0).as_bytes())
    }
}

fn is_withheld(name: &str) -> bool {
    WHOLE.contains(&name) || WITHHELD.iter().any(|start| !WHOLE.contains(start) && name.starts_with(start))
}

/// A library path without the directories that Cargo puts into it, which differ by profile and toolchain.
fn without_cargos(path: &OsStr) -> OsString {
    let cargos = |entry: &Path| entry.ends_with("deps") || entry.join("rustlib").is_dir();
    let others = std::env::split_paths(path).filter(|entry| !cargos(entry));
    // What was split can be joined.
    std::env::join_paths(others).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Environment::filtered(variables, |name| !is_withheld(name))
    }

    #[test]
    fn what_a_compiler_may_read_is_part_of_the_key() {
        let before = of(&[("PATH", "/bin")]).hash();
        for name in [
            "NIX_CFLAGS_COMPILE",
            "CCC_OVERRIDE_OPTIONS",
            "CPATH",
            "MY_WRAPPERS_FLAGS",
            "_MY",
            "PWDS",
            "LD_LIBRARY_PATH",
        ] {
            assert_ne!(of(&[("PATH", "/bin"), (name, "1")]).hash(), before, "{name}");
        }
        for name in ["CARGO_PKG_NAME", "RUST_LOG", "_", "PWD", "OUT_DIR", "VSCODE_PID", "STENCIL_VERIFY"] {
            let with = of(&[("PATH", "/bin"), (name, "1")]);
            assert_eq!(with.hash(), before, "{name}");
            assert!(with.variables().all(|(other, _)| other != name));
        }
    }

    #[test]
    fn cargos_libraries_are_not_the_compilers() {
        let path = without_cargos(OsStr::new("/x/target/debug/deps:/opt/lib"));
        assert_eq!(path, "/opt/lib");
        assert_eq!(of(&[("LD_LIBRARY_PATH", "/x/target/debug/deps")]).hash(), of(&[]).hash());
    }
}
