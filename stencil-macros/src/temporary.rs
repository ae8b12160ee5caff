//! A directory for the files of one run of the compiler, or of one test.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is removed on drop.
pub struct Temporary(pub PathBuf);

impl Temporary {
    pub fn new() -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let base = std::env::temp_dir();
        loop {
            let mut name = OsString::from(format!("stencil-{}-", std::process::id()));
            name.push(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
            let path = base.join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(format!(
                        "no temporary directory can be made in {}: {error}. Set TMPDIR to a directory that can be written",
                        base.display()
                    ));
                }
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Files left behind in the temporary directory do no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
