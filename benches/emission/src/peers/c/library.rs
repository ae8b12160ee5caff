//! A C source, compiled and loaded.

use std::ffi::{CStr, CString, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use crate::Result;

/// A shared library that has been loaded.
pub struct Library(*mut c_void);

impl Library {
    /// Compiles the source with clang -O3 (`STENCIL_CC` names another compiler), and loads what comes of it.
    pub fn new(source: &str) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("emission-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let loaded = Self::in_folder(&folder, source);
        std::fs::remove_dir_all(&folder)?;
        loaded
    }

    fn in_folder(folder: &std::path::Path, source: &str) -> Result<Self> {
        let (file, library) = (folder.join("emit.c"), folder.join("emit.so"));
        std::fs::write(&file, source)?;
        let compiler = std::env::var("STENCIL_CC").unwrap_or_else(|_| "clang-19".into());
        let status = Command::new(&compiler)
            .args([
                "-O3",
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-Wno-unused-function",
                "-shared",
                "-fPIC",
                "-fno-plt",
                "-o",
            ])
            .args([&library, &file])
            .status()
            .map_err(|error| format!("cannot run {compiler}: {error}"))?;
        if !status.success() {
            return Err(format!("{compiler} failed").into());
        }
        let name = CString::new(library.as_os_str().as_bytes())?;
        // SAFETY: the library has no constructors.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() { Err("cannot load what was compiled".into()) } else { Ok(Self(handle)) }
    }

    /// The address of what has this name.
    pub fn symbol(&self, name: &CStr) -> Result<*mut c_void> {
        // SAFETY: the library is loaded as long as `self` lives.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        if symbol.is_null() { Err(format!("no {name:?} in what was compiled").into()) } else { Ok(symbol) }
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: whoever has functions of it has the library, too.
        unsafe { libc::dlclose(self.0) };
    }
}
