//! Compiles the C interpreter, as its own build would. Without a C compiler the package is empty.

use std::process::Command;

const SOURCES: [&str; 7] =
    ["c/object.c", "c/int.c", "c/text.c", "c/tuple.c", "c/function.c", "c/thread.c", "c/interpret.c"];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_c_compiler)");
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=STENCIL_CC");
    let Some(compiler) = c_compiler() else {
        println!("cargo::rustc-cfg=no_c_compiler");
        println!("cargo::warning=no C compiler found: the example `objects` is left out");
        return;
    };
    cc::Build::new()
        .compiler(compiler)
        .files(SOURCES)
        .include("c/include")
        .std("gnu17")
        .warnings(true)
        .extra_warnings(true)
        .compile("objects");
}

/// Returns the C compiler that the environment asks for, or the first that exists.
fn c_compiler() -> Option<String> {
    let chosen = std::env::var("STENCIL_CC").ok();
    let names = chosen.into_iter().chain(["clang-19", "clang", "gcc", "cc"].map(String::from));
    names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok())
}
