//! What people see who have no C compiler, or one that does not work: each needs a run of Cargo of its own.

#![cfg(not(no_c_compiler))]

use messages::{Crate, MAIN};

fn assert_says(output: &str, parts: &[&str]) {
    for part in parts {
        assert!(output.contains(part), "expected {part:?} in:\n{output}");
    }
    assert_eq!(output.matches("\nerror: ").count(), 2, "one message, and Cargo's own:\n{output}");
}

#[test]
fn compilers() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-user", MAIN);
    // Everything but the crate itself is built here, by the compiler in use.
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

    // What it is, it says; it compiles nothing, and says nothing.
    let who = "case \"$*\" in *-E*) echo clang; echo '\"17\"'; exit;; esac";
    let mute = user.tool("mute", &format!("#!/bin/sh\n{who}\nexit 1\n"));
    let output = user.cargo(&["check"], &[("STENCIL_CC", mute.to_str().unwrap())]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used", "it says no more"]);

    // One that is too old, and no other.
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
