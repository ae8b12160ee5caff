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
        let script = format!("#!/bin/sh\necho started >>{log:?}\nexec {real} \"$@\" $MY_FLAGS\n");
        let compiler = user.tool("logged", &script);
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
    // What it is, which conventions it has, where it looks for headers, and two blocks.
    assert!((5..=6).contains(&first), "{first}");
    assert_eq!(logged.good_starts(&["build"], &[]), 0);

    // Another line for each token, and the same C.
    logged.user.write("src/main.rs", &format!("\n\n{MAIN}"));
    assert_eq!(logged.good_starts(&["check"], &[]), 0);
    logged.user.write("src/main.rs", &MAIN.replace("x += x", "x *= 3"));
    // The block, and where headers are.
    assert_eq!(logged.good_starts(&["check"], &[]), 2);
    assert_eq!(logged.good_starts(&["run", "--", "9"], &[]), 0);

    // A contract is no part of the C, and holds for what is cached.
    logged.user.write("src/main.rs", &MAIN.replace("pub uop", "#[stencil(max_code = 1)] pub uop"));
    let (starts, output) = logged.starts(&["check"], &[]);
    assert!(starts == 0 && output.contains("its contract allows at most 1"), "{output}");
    logged.user.write("src/main.rs", &MAIN.replace("x += x", "x *= 3"));

    // A header is tracked, and is what it is now.
    logged.user.write("src/step.h", "#define STEP 5\n");
    assert_eq!(logged.good_starts(&["run", "--", "21"], &[]), 2);
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

    nothing_is_stale(&logged, first + 1);
    the_variables_of_cc_are_read(&logged);
}

/// What the compiler looked for and did not find, and what it embeds, is as it is now. For a new environment, all that is known of the
/// compiler is asked again: it takes `anew` starts for two blocks with different flags.
fn nothing_is_stale(logged: &Logged, anew: usize) {
    let user = &logged.user;
    let [first, second] = ["first", "second"].map(|name| user.path(name));
    for folder in [&first, &second] {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).unwrap();
    }
    let main = MAIN
        .replace("machine Calc", &format!("#![c_flags(\"-I{}\", \"-I{}\")] machine Calc", first.display(), second.display()))
        .replace("include \"step.h\";", "c {\n#include <two.h>\n#if __has_include(\"late.h\")\n#include \"late.h\"\n#endif\nextern const unsigned char data[]; __asm__(\".pushsection .rodata.data, \\\"a\\\"\\n.globl data\\ndata: .incbin \\\"data.bin\\\"\\n.popsection\");\n#ifdef FLAG\n#define STEP FLAG\n#endif\n}");
    let main = &main;
    let run = |result: &str, environment: &[(&str, &str)], starts: usize| {
        user.write("src/main.rs", main);
        assert_eq!(logged.good_starts(&["run", "--", result], environment), starts, "{result}");
    };
    user.write("second/two.h", "#ifndef FLAG\n#define STEP 1\n#endif\n");
    user.write("data.bin", "0");
    run("6", &[], 2);
    run("6", &[], 0);
    user.write("first/two.h", "#ifndef FLAG\n#define STEP 2\n#endif\n");
    run("8", &[], 2);
    run("8", &[], 0);
    std::fs::remove_file(user.path("first/two.h")).unwrap();
    run("6", &[], 2);
    user.write("src/late.h", "#undef STEP\n#define STEP 3\n");
    run("10", &[], 2);
    std::fs::remove_file(user.path("src/late.h")).unwrap();
    run("6", &[], 2);
    user.write("data.bin", "1");
    run("6", &[], 2);
    // A wrapper may read any variable.
    run("14", &[("MY_FLAGS", "-DFLAG=5")], anew);
    run("14", &[("MY_FLAGS", "-DFLAG=5")], 0);
    run("16", &[("MY_FLAGS", "-DFLAG=6")], anew);
    run("6", &[], 0);
}

/// The compiler that each variable names, in the order of the crate `cc`, with and without a wrapper.
fn the_variables_of_cc_are_read(logged: &Logged) {
    let user = &logged.user;
    user.write("src/main.rs", MAIN);
    user.write("src/step.h", "#define STEP 1\n");
    let real = std::env::var("STENCIL_CC").unwrap_or("clang-19".into());
    let tool = |name: &str| {
        let compiler = if name == "ccache" { "" } else { &real };
        let script = format!("#!/bin/sh\necho {name} >>{:?}\nexec {compiler} \"$@\"\n", user.path("log"));
        user.tool(name, &script).to_str().unwrap().to_owned()
    };
    let names = ["chosen", "dashes", "underscores", "host", "plain", "ccache"];
    let [chosen, dashes, underscores, host, plain, ccache] = names.map(tool);
    let wrapped = format!("{ccache} {plain}");
    let all = [
        ("STENCIL_CC", chosen.as_str()),
        ("CC_x86_64-unknown-linux-gnu", &dashes),
        ("CC_x86_64_unknown_linux_gnu", &underscores),
        ("HOST_CC", &host),
        ("CC", &plain),
    ];
    let started = |environment: &[(&str, &str)]| {
        user.write("log", "");
        let output = user.cargo(&["check"], environment);
        assert!(output.contains("Finished"), "{output}");
        let mut log: Vec<String> =
            std::fs::read_to_string(user.path("log")).unwrap().lines().map(str::to_owned).collect();
        log.sort();
        log.dedup();
        log.join(" ")
    };
    // Without any of them: Cargo notices each one that comes.
    let _ = started(&[]);
    for first in (0..all.len()).rev() {
        assert_eq!(started(&all[first..]), names[first]);
        user.write("src/main.rs", MAIN);
        assert_eq!(started(&all[first..]), "", "{} is cached", all[first].0);
    }
    for name in ["CC", "STENCIL_CC"] {
        assert_eq!(started(&[(name, &wrapped)]), "ccache plain", "{name}");
        user.write("src/main.rs", MAIN);
        assert_eq!(started(&[(name, &wrapped)]), "", "{name} is cached");
    }
    // What a wrapper starts is part of what it is.
    user.tool("plain", &format!("#!/bin/sh\necho plain >>{:?}\nexec {real}  \"$@\"\n", user.path("log")));
    user.write("src/main.rs", MAIN);
    assert_eq!(started(&[("CC", &wrapped)]), "ccache plain");
    // Flags in `CFLAGS` are for other C.
    user.write("src/main.rs", MAIN);
    assert_eq!(started(&[("CC", &wrapped), ("CFLAGS", "-fno-such-flag")]), "ccache plain");
    let output = user.cargo(&["check"], &[("CC", "no-such-cc")]);
    assert!(output.contains("the C compiler that CC names cannot be used: no-such-cc"), "{output}");
}
