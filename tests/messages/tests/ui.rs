//! Checks each message of the macro, as rustc prints it.
//!
//! `TRYBUILD=overwrite cargo test -p messages --test ui` rewrites the expected output. C compilers word their messages
//! differently, so the output of the cases in `ui/c` is in `ui/clang` and `ui/gcc`. The test compares the output for
//! the compiler in use.

#![cfg(not(no_c_compiler))]

use std::path::{Path, PathBuf};

use stencil_runtime::{Abi, Machine as _};

stencil_runtime::stencil! {
    machine Probe() -> u32;
    c {
        #ifdef __clang__
        #define VERSION __clang_major__
        #else
        #define VERSION __GNUC__
        #endif
    }
    uop version() { RETURN(VERSION); }
    // This must compile: a keyword of Rust is an ordinary name in C.
    uop r#loop() {}
}

/// Returns the folder of the cases for the C compiler in use, and the compiler version that the expected output is for.
fn compiler() -> (&'static str, u32) {
    if Probe::ABI == Abi::PreserveNone { ("clang", 19) } else { ("gcc", 12) }
}

#[test]
fn messages() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
    let (name, wanted) = compiler();
    // SAFETY: the body only returns a number.
    let version = unsafe { Probe::compile(&[Probe::version()]).unwrap().entry()() };
    if version == wanted {
        cases.compile_fail(format!("ui/{name}/*.rs"));
    } else {
        eprintln!("skipped: the expected output is for {name} {wanted}, but the compiler is {name} {version}");
    }
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            all.push(path);
        }
    }
    all
}

#[test]
fn expected_output_has_a_case_and_no_local_paths() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in files(&root.join("ui"), "stderr") {
        assert!(path.with_extension("rs").exists(), "{} has no case", path.display());
        let text = std::fs::read_to_string(&path).unwrap();
        for place in [root.parent().unwrap().to_str().unwrap(), "/tmp/", "/home/", "/usr/", "/root/"] {
            assert!(!text.contains(place), "{} contains {place}", path.display());
        }
    }
}
