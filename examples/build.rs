//! Finds the test programs in the package of the crate `rbpf`, for tests/ebpf.
//!
//! The files are rewritten into the build directory so that their `rbpf` is a module of the test, which runs them on the
//! example. Nothing of them is in this repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let tests = package("rbpf").join("tests");
    for name in ["common", "ubpf_vm", "ubpf_jit_x86_64"] {
        let path = tests.join(name).with_extension("rs");
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let source = source
            .replace("extern crate rbpf;", "use crate::rbpf;")
            .replace("mod common;", "use crate::common;")
            .replace("#![cfg(not(windows))]", "")
            .replace("#[cfg(not(feature = \"std\"))]", "#[cfg(any())]");
        fs::write(out.join(name).with_extension("rs"), source).expect("the build directory can be written");
    }
}

/// The directory of a dependency, as `cargo metadata` reports it.
fn package(name: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").expect("cargo sets CARGO");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    let package = packages.iter().find(|package| package["name"] == name).expect("it is a dependency");
    let manifest = package["manifest_path"].as_str().expect("a package has a manifest");
    Path::new(manifest).parent().expect("a manifest is in a directory").to_owned()
}
