//! Support for editing C: rustfmt leaves bodies alone, and clangd gets its commands.

#![cfg(not(no_c_compiler))]

use std::process::Command;

use messages::{Crate, MAIN};

const UGLY: &str = "
stencil_runtime::stencil! {
    machine   Calc( x: u64 ) -> u64;
      uop double() { x+=x;   // not  to be touched
    #if 1
            if(x){x++;}
    #endif
  }
    uop ret() { RETURN(x); }
}
";

#[test]
fn rustfmt_leaves_blocks_as_they_are() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-formatted", MAIN);
    user.write("src/main.rs", &format!("fn  f( ) {{ }}\n{UGLY}\nfn main() {{}}\n"));
    let rustfmt = Command::new("rustfmt").args(["--edition=2024"]).arg(user.path("src/main.rs")).status().unwrap();
    assert!(rustfmt.success());
    let text = std::fs::read_to_string(user.path("src/main.rs")).unwrap();
    assert!(text.starts_with("fn f() {}\n"), "rustfmt formatted the rest of the file: {text}");
    assert!(text.contains(UGLY.trim()), "{text}");
}

const WITH_HEADER: &str = "
stencil_runtime::stencil! {
    #![c_flags(\"-DTWO=2\")]
    machine Points(p: *mut Point) -> u64;
    pub struct Point { pub x: u64, pub y: u64 }
    include \"point.h\";
    uop ret() { RETURN(sum(p)); }
}
fn main() {}
";

/// It uses a type and a macro that the block declares.
const HEADER: &str = "static inline uint64_t sum(Point *p) { return p->x + p->y * TWO; }\n";

#[test]
fn clangd_gets_the_commands_of_headers() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-clangd", WITH_HEADER);
    user.write("src/point.h", HEADER);
    let folder = user.path("for clangd");
    let _ = std::fs::remove_dir_all(&folder);
    // Blocks that were already expanded are expanded again once the variable is set.
    user.cargo(&["check"], &[]);
    let output = user.cargo(&["check"], &[("STENCIL_COMPILE_COMMANDS", "for clangd")]);
    let database = std::fs::read_to_string(folder.join("compile_commands.json")).expect(&output);
    let arguments =
        database.lines().filter_map(|line| line.strip_prefix("      \"")?.trim_end_matches(',').strip_suffix('"'));
    let arguments: Vec<_> = arguments.collect();
    assert_eq!(arguments.first(), Some(&"clang"), "{database}");
    assert!(arguments.last().is_some_and(|header| header.ends_with("src/point.h")), "{database}");
    assert_eq!(database.matches("src/point.h").count(), 2, "its own entry, and the argument");
    // clang accepts the command, so clangd does.
    let check = |arguments: &[&str]| Command::new("clang-19").args(arguments).arg("-fsyntax-only").output();
    match check(&arguments[1..]) {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("skipped the command: clang-19 is not installed"),
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-clangd-no", WITH_HEADER);
    user.write("src/point.h", HEADER);
    let output = user.cargo(&["check"], &[("STENCIL_COMPILE_COMMANDS", "Cargo.toml")]);
    assert!(output.contains("Cargo.toml cannot be written"), "{output}");
}
