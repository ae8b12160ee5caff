//! Compiles the bodies of `bodies.h` as ordinary C functions, with which the stencils are compared.

include!("c_compiler.rs");

fn main() {
    println!("cargo::rerun-if-changed=c_compiler.rs");
    println!("cargo::rerun-if-changed=bodies.h");
    println!("cargo::rerun-if-changed=bodies.c");
    if !c_compiler() {
        return;
    }
    cc::Build::new()
        .file("bodies.c")
        .opt_level(1)
        .warnings(false)
        .std("gnu17")
        // What stencils are compiled with, as far as it gives C a meaning.
        .flags(["-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off", "-fno-math-errno"])
        .compile("bodies");
}
