//! Files that a program has opened. Descriptors 0 to 2 are the standard streams and 3 is the folder.

use super::Host;

/// The number of errors as WASI defines them.
pub mod errno {
    pub const SUCCESS: i32 = 0;
    pub const BADF: i32 = 8;
    pub const INVAL: i32 = 28;
    pub const NOENT: i32 = 44;
    pub const NOSYS: i32 = 52;
    pub const ROFS: i32 = 69;
}

/// The descriptor of the folder.
pub const FOLDER: u64 = 3;

/// An open file.
#[derive(Debug)]
pub struct File {
    pub content: Vec<u8>,
    pub position: usize,
}

impl File {
    /// Returns the next bytes and advances behind them.
    pub fn read(&mut self, count: usize) -> &[u8] {
        let rest = self.content.get(self.position..).unwrap_or_default();
        let read = &rest[..count.min(rest.len())];
        self.position += read.len();
        read
    }
}

impl Host {
    /// Opens a file of the folder and returns its descriptor. Paths have to stay in the folder.
    pub(super) fn open(&mut self, path: &str) -> Result<u64, i32> {
        let inside = path.split('/').all(|part| part != "..") && !path.starts_with('/');
        let content = std::fs::read(self.folder.join(path)).ok().filter(|_| inside).ok_or(errno::NOENT)?;
        let file = Some(File { content, position: 0 });
        let free = self.files.iter().position(Option::is_none);
        match free {
            Some(index) => self.files[index] = file,
            None => self.files.push(file),
        }
        Ok(FOLDER + 1 + free.unwrap_or(self.files.len() - 1) as u64)
    }

    /// Closes a descriptor.
    pub(super) fn close(&mut self, descriptor: u64) -> Result<(), i32> {
        match self.slot(descriptor) {
            Some(slot) if slot.is_some() => *slot = None,
            None if descriptor <= FOLDER => {}
            _ => return Err(errno::BADF),
        }
        Ok(())
    }

    /// Returns an open file.
    pub(super) fn file(&mut self, descriptor: u64) -> Result<&mut File, i32> {
        self.slot(descriptor).and_then(Option::as_mut).ok_or(errno::BADF)
    }

    /// Returns where an open file, or the standard input, is.
    fn slot(&mut self, descriptor: u64) -> Option<&mut Option<File>> {
        if descriptor == 0 {
            return Some(&mut self.stdin);
        }
        self.files.get_mut(usize::try_from(descriptor.checked_sub(FOLDER + 1)?).ok()?)
    }
}
