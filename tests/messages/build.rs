//! Finds out whether there is a C compiler, which all tests of messages need.

include!("../c_compiler.rs");

fn main() {
    println!("cargo::rerun-if-changed=../c_compiler.rs");
    c_compiler();
}
