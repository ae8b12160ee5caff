//! Records the platform that the macro itself runs on, which the crate `cc` asks for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let host = std::env::var("TARGET").expect("Cargo sets it for build scripts");
    println!("cargo::rustc-env=STENCIL_HOST={host}");
}
