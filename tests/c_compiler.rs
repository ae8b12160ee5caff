// Included by the build scripts of both packages of tests.

/// Whether there is a C compiler, by the names that `stencil!` looks for. Where there is none, tests that compile C are left
/// out, by `cfg(no_c_compiler)`.
fn c_compiler() -> bool {
    println!("cargo::rustc-check-cfg=cfg(no_c_compiler)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=STENCIL_CC");
    let chosen = std::env::var("STENCIL_CC").ok();
    let names = chosen.as_deref().into_iter().chain(["clang-19", "clang", "gcc", "cc"]);
    let found = names.map(|name| std::process::Command::new(name).arg("--version").output()).any(|run| run.is_ok());
    if !found {
        println!("cargo::rustc-cfg=no_c_compiler");
        println!("cargo::warning=there is no C compiler here: the tests that need one are left out");
    }
    found
}
