//! The build script of both test packages. Detects whether there is a C compiler, and compiles the bodies of
//! `bodies.h` as ordinary C functions, with which stencils are compared.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_c_compiler)");
    println!("cargo::rerun-if-changed=bodies.h");
    println!("cargo::rerun-if-changed=bodies.c");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=STENCIL_CC");
    if !c_compiler() {
        println!("cargo::rustc-cfg=no_c_compiler");
        println!("cargo::warning=no C compiler found: skipping the tests that need one");
    } else if Path::new("bodies.c").exists() {
        cc::Build::new()
            .file("bodies.c")
            .opt_level(1)
            .warnings(false)
            .std("gnu17")
            // The flags of stencils that affect the semantics of C.
            .flags(["-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off", "-fno-math-errno"])
            .compile("bodies");
    }
}

/// Returns whether a C compiler exists under one of the names that `stencil!` tries.
fn c_compiler() -> bool {
    let chosen = std::env::var("STENCIL_CC").ok();
    // The variable may name arguments, too, as in `ccache clang-19`.
    let chosen = chosen.as_deref().and_then(|command| command.split_whitespace().next());
    let mut names = chosen.into_iter().chain(["clang-19", "clang", "gcc", "cc"]);
    names.any(|name| Command::new(name).arg("--version").output().is_ok())
}
