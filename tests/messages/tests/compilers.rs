//! What people see who have no C compiler, or one that does not work: each needs a run of Cargo of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

const MAIN: &str = "
stencil_runtime::stencil! {
    machine Calc(x: u64) -> u64;
    uop double() { x += x; }
    uop ret() { RETURN(x); }
}
fn main() {
    let code = Calc::compile(&[Calc::double(), Calc::ret()]).unwrap();
    assert_eq!(unsafe { code.entry()(2) }, 4);
}
";

/// A crate that uses the library, built once; each check then only expands it again.
struct Crate {
    directory: PathBuf,
}

impl Crate {
    fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(directory.join("src")).unwrap();
        std::fs::create_dir_all(directory.join("tools")).unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n[dependencies]\nstencil-runtime = {{ path = {:?} }}\n[workspace]\n",
            workspace.join("stencil-runtime")
        );
        std::fs::write(directory.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(directory.join("src/main.rs"), MAIN).unwrap();
        std::fs::copy(workspace.join("Cargo.lock"), directory.join("Cargo.lock")).unwrap();
        Self { directory }
    }

    /// What `cargo check` has to say in this environment.
    fn check(&self, environment: &[(&str, &str)]) -> String {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let rustc = Command::new(&cargo).args(["rustc", "--version"]).output().is_ok();
        assert!(rustc, "cargo is there");
        let mut command = Command::new(cargo);
        command.args(["check", "--offline", "--color=never", "--target-dir"]).arg(self.directory.join("target"));
        command.current_dir(&self.directory).env_remove("STENCIL_CC").env("RUSTC", rustc_path());
        command.envs(environment.iter().copied());
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    }

    /// A program in a directory of its own, in place of a C compiler.
    fn tool(&self, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.directory.join("tools").join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

/// The compiler itself, which needs no search path to be found.
fn rustc_path() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().unwrap();
    Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("bin/rustc")
}

fn assert_says(output: &str, parts: &[&str]) {
    for part in parts {
        assert!(output.contains(part), "expected {part:?} in:\n{output}");
    }
    assert_eq!(output.matches("\nerror: ").count(), 2, "one message, and Cargo's own:\n{output}");
}

#[test]
fn compilers() {
    let user = Crate::new("stencil-user");
    // Everything but the crate itself is built here, by the compiler in use.
    let good = user.check(&[]);
    assert!(good.contains("Finished"), "{good}");

    let output = user.check(&[("STENCIL_CC", "/nonexistent/cc")]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used: /nonexistent/cc", "machine Calc"]);

    let failing = user.tool("failing", "#!/bin/sh\necho 'no licence' >&2\nexit 1\n");
    let output = user.check(&[("STENCIL_CC", failing.to_str().unwrap())]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used", "no licence"]);

    let silent = user.tool("silent", "#!/bin/sh\nexit 0\n");
    let output = user.check(&[("STENCIL_CC", silent.to_str().unwrap())]);
    assert_says(&output, &["the C compiler that STENCIL_CC names cannot be used", "object file"]);

    let nothing = user.directory.join("nothing");
    std::fs::create_dir_all(&nothing).unwrap();
    let output = user.check(&[("PATH", nothing.to_str().unwrap()), ("STENCIL_CC", "")]);
    let install = "Install clang 19 or later (Debian: `apt-get install clang-19`), or gcc";
    assert_says(&output, &["stencil! needs a C compiler while it is expanded, and found none", install, "STENCIL_CC"]);
}
