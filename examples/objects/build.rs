//! Compiles the C interpreter, as its own build would. Without a C compiler the package is empty.

use std::process::Command;

const SOURCES: [&str; 7] =
    ["c/object.c", "c/int.c", "c/text.c", "c/tuple.c", "c/function.c", "c/thread.c", "c/interpret.c"];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(no_c_compiler)");
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rerun-if-env-changed=PATH");
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

/// Returns the first C compiler that exists. Blocks choose theirs by themselves, which may be another one.
fn c_compiler() -> Option<&'static str> {
    ["cc", "gcc", "clang", "clang-19"].into_iter().find(|name| Command::new(name).arg("--version").output().is_ok())
}
