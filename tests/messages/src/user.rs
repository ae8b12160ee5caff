//! A crate that depends on the library, as a user's crate does.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program with one block.
pub const MAIN: &str = "
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

/// A crate that depends on the library. All such crates share one target directory, so their dependencies are built once.
pub struct Crate {
    directory: PathBuf,
    target: PathBuf,
}

impl Crate {
    /// Creates a crate of this name in a directory for tests, with its own empty cache.
    pub fn new(tests: &str, name: &str, main: &str) -> Self {
        let directory = Path::new(tests).join(name);
        let _ = std::fs::remove_dir_all(directory.join("cache"));
        // `trybuild` builds the same dependencies there.
        let target = Path::new(tests).with_file_name("tests").join("trybuild");
        std::fs::create_dir_all(directory.join("src")).unwrap();
        std::fs::create_dir_all(directory.join("tools")).unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n[dependencies]\nstencil-runtime = {{ path = {:?} }}\n[workspace]\n",
            workspace.join("stencil-runtime")
        );
        let user = Self { directory, target };
        user.write("Cargo.toml", &manifest);
        user.write("src/main.rs", main);
        std::fs::copy(workspace.join("Cargo.lock"), user.path("Cargo.lock")).unwrap();
        user
    }

    /// Renames the crate's directory.
    pub fn moved(self, name: &str) -> Self {
        let directory = self.directory.with_file_name(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::rename(&self.directory, &directory).unwrap();
        Self { directory, target: self.target }
    }

    /// Returns the path of a file or directory of the crate.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Returns the target directory.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Writes a file of the crate.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs a Cargo command in this environment, and returns its output.
    pub fn cargo(&self, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).args(["--offline", "--color=never", "--target-dir"]).arg(&self.target);
        command.current_dir(&self.directory).env("RUSTC", rustc_path());
        for name in ["STENCIL_CC", "CC", "HOST_CC", "CC_x86_64-unknown-linux-gnu", "CC_x86_64_unknown_linux_gnu"] {
            command.env_remove(name);
        }
        command.env("STENCIL_CACHE", self.path("cache")).envs(environment.iter().copied());
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    }

    /// Writes a script to a new directory, to be used in place of a C compiler.
    pub fn tool(&self, name: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path("tools").join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

/// Returns the path of `rustc` itself, which is found without a search path.
fn rustc_path() -> PathBuf {
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().unwrap();
    Path::new(String::from_utf8(output.stdout).unwrap().trim()).join("bin/rustc")
}
