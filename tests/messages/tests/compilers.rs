//! Messages for users without a working C compiler. Each case takes a separate run of Cargo.

#![cfg(not(no_c_compiler))]

use messages::{Crate, MAIN};

/// Uops, of which two contain a word at which a compiler can fail.
const UOPS: &str = "
stencil_runtime::stencil! {
    machine Calc(x: u64);
    uop one() { x += 1; }
    uop two() { x += 2; /* trip */ }
    uop three() { x += 3; }
    uop four() { x += 4; }
    uop five<const N: 0..3>() { x += N; /* trip */ }
}
fn main() {}
";

fn assert_says(output: &str, parts: &[&str]) {
    for part in parts {
        assert!(output.contains(part), "expected {part:?} in:\n{output}");
    }
    assert_eq!(output.matches("\nerror: ").count(), 2, "one message, and Cargo's own:\n{output}");
}

#[test]
fn compilers() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-user", MAIN);
    // This run builds the dependencies with the compiler in use.
    let good = user.cargo(&["check"], &[]);
    assert!(good.contains("Finished"), "{good}");

    let output = user.cargo(&["check"], &[("STENCIL_CC", "/nonexistent/cc")]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used: /nonexistent/cc", "machine Calc"]);

    let failing = user.tool("failing", "#!/bin/sh\necho 'no licence' >&2\nexit 1\n");
    let output = user.cargo(&["check"], &[("STENCIL_CC", failing.to_str().unwrap())]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used", "no licence"]);

    let silent = user.tool("silent", "#!/bin/sh\nexit 0\n");
    let output = user.cargo(&["check"], &[("STENCIL_CC", silent.to_str().unwrap())]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used", "object file"]);

    let output = user.cargo(&["check"], &[("STENCIL_CC", "no-such-cc")]);
    assert_says(
        &output,
        &["the C compiler that STENCIL_CC names cannot be used: no-such-cc: it is not on the search path"],
    );

    // The compiler reports its version, but fails without a message.
    let who = "case \"$*\" in *-E*) echo clang; echo '\"17\"'; exit;; esac";
    let mute = user.tool("mute", &format!("#!/bin/sh\n{who}\nexit 1\n"));
    let output = user.cargo(&["check"], &[("STENCIL_CC", mute.to_str().unwrap())]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used", "it failed without a message"]);

    // The only compiler is too old.
    let object = "for object; do :; done; : > \"$object\"";
    let refuse = "case \"$(/bin/cat)\" in *preserve_none*) exit 1;; esac";
    let old = user.tool("clang-17", &format!("#!/bin/sh\n{who}\n{refuse}\n{object}\n"));
    let folder = old.parent().unwrap().to_str().unwrap();
    let output = user.cargo(&["check"], &[("PATH", folder), ("STENCIL_CC", "")]);
    assert_says(
        &output,
        &["found none that works", "clang-17: it does not support preserve_none", "gcc: it is not on"],
    );

    let damaged = user.tool("damaged", &format!("#!/bin/sh\n{who}\n{object}\n"));
    let output = user.cargo(&["check"], &[("STENCIL_CC", damaged.to_str().unwrap())]);
    assert_says(&output, &["the object file cannot be read", "leave out flags"]);

    let output = user.cargo(&["check"], &[("TMPDIR", "/nonexistent"), ("STENCIL_CACHE", "off")]);
    assert_says(
        &output,
        &["no temporary directory can be made in /nonexistent: ", "Set TMPDIR to a directory that can be written"],
    );
    assert!(!output.contains("Install") && !output.contains("STENCIL_CC"), "{output}");

    let nothing = user.path("nothing");
    std::fs::create_dir_all(&nothing).unwrap();
    let output = user.cargo(&["check"], &[("PATH", nothing.to_str().unwrap()), ("STENCIL_CC", "")]);
    let install = "Install clang 19 or later (Debian: `apt-get install clang-19`), or gcc";
    assert_says(&output, &["stencil! needs a C compiler while it is expanded, and found none", install, "STENCIL_CC"]);
}

#[test]
fn a_uop_that_the_compiler_does_not_name_is_found() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-culprit", UOPS);
    let log = user.path("log");
    let starts = || std::fs::read_to_string(&log).unwrap().lines().count();
    for real in ["clang-19", "gcc"] {
        if std::process::Command::new(real).arg("--version").output().is_err() {
            eprintln!("skipped: {real} is not installed");
            continue;
        }
        let tool = |trip: &str| {
            let script = format!(
                "#!/bin/sh
                case \"$*\" in *-E*) exec {real} \"$@\";; esac
                input=$(/bin/cat)
                case \"$input\" in *stencil_next*) echo compile >>{log:?};; esac
                case \"$input\" in *{trip}*)
                    echo 'error: ran out of registers during register allocation' >&2; exit 1;;
                esac
                echo \"$input\" | {real} \"$@\"\n"
            );
            user.tool("tripping", &script)
        };
        let check = |trip: &str| {
            std::fs::write(&log, "").unwrap();
            user.write("src/main.rs", &format!("{UOPS}// {real} {trip}"));
            let tool = tool(trip);
            user.cargo(&["check"], &[("STENCIL_CC", tool.to_str().unwrap()), ("STENCIL_CACHE", "off")])
        };
        let output = check("trip");
        for (uop, line) in [("two", 5), ("five", 8)] {
            let message = format!("the C compiler failed at the uop `{uop}`: error: ran out of registers");
            assert!(output.contains(&message) && output.contains(&format!("main.rs:{line}:")), "{output}");
        }
        assert_eq!(output.matches("\nerror: ").count(), 3, "two messages, and Cargo's own:\n{output}");
        // The fault is not in a uop.
        let output = check("stencil_next");
        assert!(output.contains("the C compiler failed: error: ran out of registers"), "{output}");
        // Without a failure, the compiler runs once for the block.
        let output = check("no-such-word");
        assert!(output.contains("Finished"), "{output}");
        assert_eq!(starts(), 1);
    }
}
