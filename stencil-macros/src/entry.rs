//! What was asked of a compiler and what came of it, as a file.
//!
//! An entry is the object file that the compiler made, with a note: the digest of the request, the inputs with their digests, and
//! what the compiler had to say. The cache of a user and the objects committed in a crate consist of such files.

use crate::hash::Hash;
use crate::headers::Header;
use crate::inputs::Inputs;
use crate::note;

/// Begins each note; the number changes with its form.
const MAGIC: &str = "stencil! object 2";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The digest of all that the result depends on but files.
    pub request: Hash,
    /// The compiler's name and version. It is no part of the request: who finds an entry need not have a compiler.
    pub compiler: String,
    /// The block that it was made for, in a line; empty if that has no name.
    pub block: String,
    pub inputs: Inputs,
    /// What the compiler had to say.
    pub messages: String,
    /// The object file; of an entry that was read, with its note.
    pub object: Vec<u8>,
}

impl Entry {
    /// The file for an entry; none if the object is no 64-bit ELF file of less than 65,280 sections.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        note::attach(&self.object, &self.note())
    }

    /// The entry in a file that [`Self::to_bytes`] made, and that nothing has changed since.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, messages) = note::text(bytes)?.split_once("\n\n")?;
        let mut lines = head.lines();
        lines.next().filter(|magic| *magic == MAGIC)?;
        let request = Hash::parse(lines.next()?.strip_prefix("request ")?)?;
        let compiler = lines.next()?.strip_prefix("compiler ")?.into();
        let block = lines.next()?.strip_prefix("block ")?.into();
        let length: usize = lines.next()?.strip_prefix("messages ")?.parse().ok()?;
        let messages = messages.get(..length)?.into();
        let mut inputs = Inputs::default();
        for line in lines {
            match line.split_once(' ')? {
                ("read", file) => {
                    let (hash, name) = file.split_once(' ')?;
                    inputs.read.push(Header { name: name.into(), hash: Hash::parse(hash)? });
                }
                ("absent", name) => inputs.absent.push(name.into()),
                _ => return None,
            }
        }
        Some(Self { request, compiler, block, inputs, messages, object: bytes.to_vec() })
    }

    /// Whether the object without a note is that of this entry, which was read from a file.
    pub fn has_object(&self, object: &[u8]) -> bool {
        note::text(&self.object).is_some_and(|text| note::attach(object, text).as_deref() == Some(&self.object))
    }

    fn note(&self) -> String {
        let Self { request, compiler, block, inputs, messages, .. } = self;
        let length = messages.len();
        let mut text = format!("{MAGIC}\nrequest {request}\ncompiler {compiler}\nblock {block}\nmessages {length}\n");
        for Header { name, hash } in &inputs.read {
            text.push_str(&format!("read {hash} {name}\n"));
        }
        for name in &inputs.absent {
            text.push_str(&format!("absent {name}\n"));
        }
        text + "\n" + messages
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An object file without a section but the null one and that of names, which is this long.
    pub fn object(length: usize) -> Vec<u8> {
        let word = |value: u64| value.to_le_bytes();
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(16, 0);
        bytes.extend([1, 0, 0x3e, 0, 1, 0, 0, 0]);
        let table = (64 + length as u64).next_multiple_of(8);
        [0, 0, table].map(word).iter().for_each(|word| bytes.extend(word));
        bytes.extend([0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0, 2, 0, 1, 0]);
        bytes.resize(table as usize + 64, 0);
        bytes.extend([0, 0, 0, 0, 3, 0, 0, 0]);
        [0, 0, 64, length as u64, 0, 1, 0].map(word).iter().for_each(|word| bytes.extend(word));
        bytes
    }

    pub fn entry(request: &str, object: Vec<u8>) -> Entry {
        let header = Header { name: "a b.h".into(), hash: Hash::of(b"int a;") };
        Entry {
            request: Hash::of(request.as_bytes()),
            compiler: "Some Clang 19".into(),
            block: "src/a b.rs: Machine: uop".into(),
            inputs: Inputs { read: vec![header], absent: vec!["c d.h".into()], foreign: None },
            messages: "a: b\n\n".into(),
            object,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for messages in ["", "\n", "\n\n", "warning: \u{e4}\n\nanother\n\n\n"] {
            for length in [0, 1, 7, 8, 100] {
                let written = Entry { messages: messages.into(), ..entry("one", object(length)) };
                let bytes = written.to_bytes().unwrap();
                let read = Entry::from_bytes(&bytes).unwrap();
                assert!(read.has_object(&written.object) && !read.has_object(&object(length + 8)));
                assert_eq!(Entry { object: written.object.clone(), ..read }, written);
            }
        }
    }

    #[test]
    fn notes_that_lie_are_no_entries() {
        let good = entry("one", object(1)).note();
        let read = |text: &str| Entry::from_bytes(&note::attach(&object(1), text).unwrap());
        assert!(read(&good).is_some());
        for (from, to) in [
            ("object 2", "object 1"),
            ("messages 6", "messages 99"),
            ("messages 6", "messages -1"),
            ("messages 6", "messages 18446744073709551615"),
            ("request ", "request 0"),
            ("read ", "read x"),
            ("absent ", "else "),
            ("compiler ", ""),
            ("\n\n", "\n"),
        ] {
            let text = good.replacen(from, to, 1);
            assert!(text != good && read(&text).is_none(), "{text}");
        }
    }
}
