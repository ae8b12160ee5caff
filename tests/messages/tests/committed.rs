//! Objects that are committed in a crate: used without a compiler, and written and verified on request.

#![cfg(not(no_c_compiler))]

use std::path::PathBuf;
use std::process::Command;

use messages::Crate;

const MAIN: &str = "
stencil_runtime::stencil! {
    machine Calc(x: u64) -> u64;
    include \"place.h\";
    uop double() { x += x; }
    uop place() { x += length_of_my_name(); }
    uop ret() { RETURN(x); }
}
fn main() {
    let code = Calc::compile(&[Calc::double(), Calc::place(), Calc::ret()]).unwrap();
    assert_eq!(unsafe { code.entry()(2) }, 4 + 8);
}
";

const MORE: &str = "stencil_runtime::stencil! {
    continue machine super::Calc(x: u64) -> u64;
    pub uop triple() { x *= 3; }
}";

/// `__FILE__` is `place.h`, wherever the crate is located.
const HEADER: &str = "static inline unsigned long length_of_my_name(void) { return sizeof __FILE__; }\n";

/// Returns the name of the compiler in use.
fn real() -> String {
    std::env::var("STENCIL_CC").unwrap_or("clang-19".into())
}

/// Returns a search path that contains only gcc, in a version before 15, and the programs that it needs.
fn gcc_alone(user: &Crate) -> Option<PathBuf> {
    let version = Command::new("gcc").arg("-dumpversion").output().ok()?;
    let version: u32 = String::from_utf8(version.stdout).ok()?.split('.').next()?.trim().parse().ok()?;
    only(user, "gcc").filter(|_| version < 15)
}

/// Returns a search path that contains only one compiler and the assembler.
fn only(user: &Crate, compiler: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folder = user.path(&format!("{compiler}-alone"));
    std::fs::create_dir_all(&folder).unwrap();
    for name in [compiler, "as"] {
        let program = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())?;
        let _ = std::fs::remove_file(folder.join(name));
        std::os::unix::fs::symlink(program, folder.join(name)).unwrap();
    }
    Some(folder)
}

fn check(user: &Crate, environment: &[(&str, &str)], parts: &[&str]) {
    // Touch the file, so that Cargo expands it again.
    let main = std::fs::read_to_string(user.path("src/main.rs")).unwrap();
    user.write("src/main.rs", &main);
    let output = user.cargo(&["check"], environment);
    for part in parts {
        assert!(output.contains(part), "expected {part:?} in:\n{output}");
    }
    assert!(!output.contains("uop `ret`"), "{output}");
}

fn objects(user: &Crate) -> Vec<PathBuf> {
    let files = std::fs::read_dir(user.path("stencils/x86_64-linux")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn committed_objects() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-committed", MAIN);
    user.write("src/place.h", HEADER);
    let _ = std::fs::remove_dir_all(user.path("stencils"));
    let nothing = user.path("nothing");
    std::fs::create_dir_all(&nothing).unwrap();
    let real = real();
    let (update, verify) = ([("STENCIL_UPDATE", "1"), ("STENCIL_CC", &real)], ("STENCIL_VERIFY", "1"));
    let without = [("PATH", nothing.to_str().unwrap()), ("STENCIL_CACHE", "off")];
    let finished = ["Finished"];

    // Without the folder there is nothing to verify.
    check(&user, &[verify, ("STENCIL_CC", &real)], &finished);
    check(&user, &update, &finished);
    let [object] = &objects(&user)[..] else { panic!("one block has one object") };
    let bytes = std::fs::read(object).unwrap();
    check(&user, &without, &finished);
    // Cargo tracks the object: after a build that only reads it, the next build has nothing to do.
    let again = user.cargo(&["check"], &without);
    assert!(again.contains("Finished") && !again.contains("Checking"), "{again}");
    check(&user, &[verify, ("STENCIL_CC", &real)], &finished);
    let output = user.cargo(&["run"], &[]);
    assert!(output.contains("Finished") && !output.contains("panicked"), "{output}");

    // A contract is not part of the C, and also applies to a committed object.
    user.write("src/main.rs", &MAIN.replace("uop double", "#[stencil(max_code = 1)] uop double"));
    check(&user, &without, &["uop `double` has", "but its contract allows at most 1"]);
    user.write("src/main.rs", &MAIN.replace("uop double", "#[stencil(max_code = 16, no_stack)] uop double"));
    check(&user, &without, &finished);
    user.write("src/main.rs", MAIN);

    // A crate at another path uses the same object.
    let elsewhere = user.moved("stencil-committed-at-a-longer-path");
    std::fs::remove_file(elsewhere.path("stencils/x86_64-linux/main.o")).unwrap();
    check(&elsewhere, &without, &["stencil! needs a C compiler while it is expanded"]);
    check(&elsewhere, &update, &finished);
    assert_eq!(std::fs::read(&objects(&elsewhere)[0]).unwrap(), bytes);
    let user = elsewhere.moved("stencil-committed");

    // One compiler adds a section to the object, another produces an empty one.
    let besides = user.tool("besides", &format!("#!/bin/sh\nexec {real} \"$@\" -fident\n"));
    let differs = "the committed object differs, but not in any uop";
    check(&user, &[verify, ("STENCIL_CC", besides.to_str().unwrap())], &[differs, "STENCIL_UPDATE=1 rewrites it"]);
    let damaged = format!(
        "#!/bin/sh\n{real} \"$@\" && for object; do :; done && case \"$object\" in *.o) : > \"$object\";; esac\n"
    );
    let damaged = user.tool("damaged", &damaged);
    check(
        &user,
        &[("STENCIL_UPDATE", "1"), ("STENCIL_CC", damaged.to_str().unwrap())],
        &["the object file cannot be read"],
    );
    assert_eq!(std::fs::read(&objects(&user)[0]).unwrap(), bytes);

    // A compiler that produces different code.
    let script = format!("#!/bin/sh\nsed 's/x += x;/x += x + 1;/' | {real} \"$@\"\n");
    let other = user.tool("other", &script);
    let differs = "the committed object has different code for the uop `double`";
    check(&user, &[verify, ("STENCIL_CC", other.to_str().unwrap())], &[differs, "STENCIL_UPDATE=1 rewrites it"]);

    // An object with other headers, one of another block, and a missing one.
    user.write("src/place.h", &HEADER.replace("sizeof __FILE__", "7"));
    check(&user, &[verify, ("STENCIL_CC", &real)], &["the committed object was compiled with other headers"]);
    check(&user, &without, &["stencil! needs a C compiler"]);
    user.write("src/place.h", HEADER);
    user.write("src/main.rs", &MAIN.replace("x += x", "x *= 2"));
    check(
        &user,
        &[verify, ("STENCIL_CC", &real)],
        &["no object is committed for this block: STENCIL_UPDATE=1 writes stencils/x86_64-linux/main.o"],
    );
    check(&user, &update, &finished);
    assert_eq!(objects(&user).len(), 1);
    // Several blocks in one file, two of which exclude each other.
    let two = [["any()", "all()"], ["all()", "any()"]].map(|[first, second]| {
        format!("{MAIN} #[cfg({first})] mod more {{ {MORE} }} #[cfg({second})] mod again {{ {MORE} }}")
    });
    for main in two.iter().chain(&two) {
        user.write("src/main.rs", main);
        check(&user, &update, &finished);
    }
    for main in &two {
        user.write("src/main.rs", main);
        check(&user, &without, &finished);
    }
    let mut names: Vec<_> = objects(&user).into_iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["main.o", "main.triple.2.o", "main.triple.o"]);
    user.write("src/main.rs", &format!("{MAIN} mod more {{ {MORE} }}"));
    let stale =
        "the object stencils/x86_64-linux/main.triple.2.o is stale (src/main.rs: Calc: triple): STENCIL_UPDATE=1";
    check(&user, &[verify, ("STENCIL_CC", &real)], &[stale]);
    user.write("src/main.rs", &MAIN.replace("double", "twice"));
    check(&user, &update, &["Finished", "removed the stale object stencils/x86_64-linux/main.triple.o (src/main.rs"]);
    assert_eq!(objects(&user).len(), 1);
    // Tools read it like any other object file.
    if let Ok(output) = Command::new("objdump").arg("-dr").args(objects(&user)).output() {
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("<stencil_uop_0_0>:"), "{text}");
    }
    // A block that depends on the time, or on unknown files, is compiled in each build.
    user.write("src/main.rs", &MAIN.replace("x += x", "x += x; (void)__TIME__"));
    check(&user, &update, &["Finished", "the object of this block is not committed: it uses `__TIME__`"]);
    assert_eq!(objects(&user).len(), 0);
    // No environment variable affects a committed object.
    user.write("src/main.rs", MAIN);
    check(&user, &[update[0], update[1], ("CCC_OVERRIDE_OPTIONS", "+-O0"), ("CPATH", "/")], &finished);
    assert_eq!(std::fs::read(&objects(&user)[0]).unwrap(), bytes);
    // Warnings of the compiler are reported without it.
    user.write("src/main.rs", &MAIN.replace("x += x", "int unused_here; x += x"));
    check(&user, &update, &["Finished", "unused_here"]);
    check(&user, &without, &["Finished", "unused variable 'unused_here'", "uop double() {"]);
    // A block has changed, and the only compiler present uses another convention than the committed objects.
    if let ("clang-19", Some(gcc)) = (real.as_str(), gcc_alone(&user)) {
        let two = format!("{MAIN} mod more {{ {MORE} }}");
        user.write("src/main.rs", &two);
        check(&user, &update, &finished);
        check(&user, &without, &finished);
        user.write("src/main.rs", &two.replace("x *= 3", "x *= 5"));
        let gcc = [("PATH", gcc.to_str().unwrap()), ("STENCIL_CACHE", "off")];
        check(
            &user,
            &gcc,
            &["compiled with different calling conventions", "Clang 19", "gcc 1", "name it in STENCIL_CC"],
        );
        check(&user, &[gcc[0], gcc[1], ("STENCIL_CC", "gcc")], &finished);
        // The convention decides, not the compiler's name: a later clang may share it.
        if Command::new("clang-22").arg("--version").output().is_ok() {
            let path = only(&user, "clang-22").unwrap();
            check(&user, &[("PATH", path.to_str().unwrap()), ("STENCIL_CACHE", "off")], &finished);
        }
        // A forged object: for one block, the compiler uses another convention between uops than the macro requested.
        let forging = user.tool(
            "forging",
            "#!/bin/sh\nc=$(cat)\ncase \"$c\" in *'x *= 5'*) c=$(printf '%s' \"$c\" | sed \
             's/^#define STENCIL_ABI .*/#define STENCIL_ABI __attribute__((ms_abi))/; s/ Calc_uop(/ __attribute__((ms_abi))&/');; esac\n\
             printf '%s\\n' \"$c\" | gcc \"$@\"\n",
        );
        let forge = [("STENCIL_UPDATE", "1"), ("STENCIL_CC", forging.to_str().unwrap())];
        let differ =
            ["compiled with different calling conventions", "in rdi and preserves rbx", "in rcx and preserves rbx"];
        check(&user, &forge, &differ);
        check(&user, &without, &differ);
        // Flags that change the C convention are rejected as well.
        user.write("src/main.rs", &MAIN.replace("machine Calc", "#![c_flags(\"-mabi=ms\")] machine Calc"));
        check(
            &user,
            &[("STENCIL_CC", "gcc")],
            &["the C of this block cannot be called from Rust", "in rcx rdx r8 r9", "Rust passes parameters in rdi"],
        );
    }
    user.write("src/main.rs", &MAIN.replace("double", "twice"));
    check(&user, &update, &finished);
    for object in objects(&user) {
        std::fs::write(object, "damaged").unwrap();
    }
    check(&user, &without, &["stencil! needs a C compiler"]);
    std::fs::remove_dir_all(user.path("stencils")).unwrap();
    user.write("stencils", "no folder");
    check(&user, &update, &["stencils/", "cannot be written"]);
    std::fs::remove_file(user.path("stencils")).unwrap();
}

#[test]
fn a_machine_without_an_interpreter_has_no_object_of_one() {
    const MACHINE: &str = "
        stencil_runtime::stencil! {
            #[interpreter]
            machine Calc(x: u64) -> u64;
            uop ret() { RETURN(x); }
        }
        fn main() { let _ = Calc::compile(&[Calc::ret()]); }
    ";
    const HANDLERS: &str = "stencils/x86_64-linux-interpreter/main.o";
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-no-interpreter", MACHINE);
    let _ = std::fs::remove_dir_all(user.path("stencils"));
    let real = real();
    let command = |name| [(name, "1"), ("STENCIL_CC", real.as_str())];
    check(&user, &command("STENCIL_UPDATE"), &["Finished"]);
    assert!(user.path(HANDLERS).exists());
    check(&user, &command("STENCIL_VERIFY"), &["Finished"]);
    user.write("src/main.rs", &MACHINE.replace("#[interpreter]", ""));
    check(&user, &command("STENCIL_VERIFY"), &[&format!("the object {HANDLERS} is stale (src/main.rs: Calc: ret)")]);
    check(&user, &command("STENCIL_UPDATE"), &["Finished", &format!("removed the stale object {HANDLERS}")]);
    assert!(!user.path(HANDLERS).exists());
    check(&user, &command("STENCIL_VERIFY"), &["Finished"]);
}

const VARIANTS: &str = "
stencil_runtime::stencil! {
    machine Calc(x: u64) -> u64;
    #[cfg(feature = \"wide\")]
    uop step() { x += 1 << 20; }
    #[cfg(not(feature = \"wide\"))]
    uop step() { x += 1; }
    uop ret() { RETURN(x); }
}
fn main() {
    let _ = Calc::compile(&[Calc::step(), Calc::ret()]);
}
";

#[test]
fn each_variant_of_a_block_has_an_object() {
    let user = Crate::new(env!("CARGO_TARGET_TMPDIR"), "stencil-variants", VARIANTS);
    let _ = std::fs::remove_dir_all(user.path("stencils"));
    let nothing = user.path("nothing");
    std::fs::create_dir_all(&nothing).unwrap();
    let manifest = std::fs::read_to_string(user.path("Cargo.toml")).unwrap();
    let select = |features: &str| user.write("Cargo.toml", &format!("{manifest}[features]\nwide = []\n{features}"));
    let (real, both) = (real(), ["", "default = [\"wide\"]"]);
    for features in both {
        select(features);
        check(&user, &[("STENCIL_UPDATE", "1"), ("STENCIL_CC", &real)], &["Finished"]);
    }
    for features in both {
        select(features);
        check(&user, &[("PATH", nothing.to_str().unwrap()), ("STENCIL_CACHE", "off")], &["Finished"]);
        check(&user, &[("STENCIL_VERIFY", "1"), ("STENCIL_CC", &real)], &["Finished"]);
    }
    let mut names: Vec<_> = objects(&user).into_iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    names.sort();
    // The second declaration of `step` is the second one of the file, too.
    assert_eq!(names, ["main.step.2@not-feature=wide.o", "main@feature=wide.o"]);
}
