//! How often the C compiler is started, told by one that writes it down.

#![cfg(not(no_c_compiler))]

use messages::Crate;

const MAIN: &str = "
stencil_runtime::stencil! {
    machine Calc(x: u64) -> u64;
    include \"step.h\";
    uop step() { x += STEP; }
    uop ret() { RETURN(x); }
}
mod more {
    stencil_runtime::stencil! {
        continue machine super::Calc(x: u64) -> u64;
        pub uop double() { int unused_here; x += x; }
    }
}
fn main() {
    let code = Calc::compile(&[Calc::step(), Calc::double(), Calc::ret()]).unwrap();
    let result = unsafe { code.entry()(2) };
    assert_eq!(result, std::env::args().nth(1).unwrap().parse().unwrap());
}
";

/// The crate, and its compiler.
struct Logged {
    user: Crate,
    compiler: String,
}

impl Logged {
    fn new() -> Self {
        let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-cached", MAIN);
        user.write("src/step.h", "#define STEP 1\n");
        user.write("log", "");
        let real = std::env::var("STENCIL_CC").unwrap_or("clang-19".into());
        let log = user.path("log");
        let compiler = user.tool("logged", &format!("#!/bin/sh\necho started >>{log:?}\nexec {real} \"$@\"\n"));
        Self { compiler: compiler.to_str().unwrap().into(), user }
    }

    /// How often the compiler was started by a command of Cargo, and what that said.
    fn starts(&self, command: &[&str], environment: &[(&str, &str)]) -> (usize, String) {
        self.user.write("log", "");
        let environment = [environment, &[("STENCIL_CC", &self.compiler)]].concat();
        let output = self.user.cargo(command, &environment);
        (std::fs::read_to_string(self.user.path("log")).unwrap().lines().count(), output)
    }

    /// The same where both blocks are well but for a warning, which is always reported.
    fn good_starts(&self, command: &[&str], environment: &[(&str, &str)]) -> usize {
        let (starts, output) = self.starts(command, environment);
        assert!(output.contains("Finished") && output.contains("unused_here"), "{output}");
        starts
    }
}

#[test]
fn what_is_not_changed_is_not_compiled_again() {
    let logged = Logged::new();
    let first = logged.good_starts(&["check"], &[]);
    // What it is, which conventions it has, and two blocks.
    assert!((4..=5).contains(&first), "{first}");
    assert_eq!(logged.good_starts(&["build"], &[]), 0);

    // Another line for each token, and the same C.
    logged.user.write("src/main.rs", &format!("\n\n{MAIN}"));
    assert_eq!(logged.good_starts(&["check"], &[]), 0);
    logged.user.write("src/main.rs", &MAIN.replace("x += x", "x *= 3"));
    assert_eq!(logged.good_starts(&["check"], &[]), 1);
    assert_eq!(logged.good_starts(&["run", "--", "9"], &[]), 0);

    // A contract is no part of the C, and holds for what is cached.
    logged.user.write("src/main.rs", &MAIN.replace("pub uop", "#[stencil(max_code = 1)] pub uop"));
    let (starts, output) = logged.starts(&["check"], &[]);
    assert!(starts == 0 && output.contains("its contract allows at most 1"), "{output}");
    logged.user.write("src/main.rs", &MAIN.replace("x += x", "x *= 3"));

    // A header is tracked, and is what it is now.
    logged.user.write("src/step.h", "#define STEP 5\n");
    assert_eq!(logged.good_starts(&["run", "--", "21"], &[]), 1);
    assert_eq!(logged.good_starts(&["check"], &[]), 0);

    // What is wrong is said by the compiler each time.
    logged.user.write("src/main.rs", &MAIN.replace("x += x", "x += y"));
    for _ in 0..2 {
        let (starts, output) = logged.starts(&["check"], &[]);
        assert_eq!(starts, 1);
        assert!(output.contains("use of undeclared identifier 'y'") || output.contains("'y' undeclared"), "{output}");
    }

    // Without a cache, or with one that cannot be written.
    let file = logged.user.path("src/main.rs/cache");
    for cache in ["off", file.to_str().unwrap()] {
        logged.user.write("src/main.rs", MAIN);
        assert_eq!(logged.good_starts(&["check"], &[("STENCIL_CACHE", cache)]), first, "{cache}");
    }
    logged.user.write("src/main.rs", MAIN);
    assert_eq!(logged.good_starts(&["check"], &[]), 0);
}
