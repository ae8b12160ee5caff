//! The note in an object file that says what the file answers: a section of readable text, added behind all others.
//!
//! The file stays an ordinary ELF object, for `objdump` and for linkers. The note is its last part and ends with the digest of all
//! bytes before it, so that a file that was damaged, stripped or written by another tool has no note.

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, Ident, SectionHeader64};
use object::pod;

use crate::hash::Hash;

/// The section's name.
const SECTION: &[u8] = b".note.stencil\0";
/// The name in the note, which says whose notes its types are.
const OWNER: &[u8; 8] = b"stencil\0";
/// The type of the note: there is one.
const TYPE: u32 = 1;
/// A note's numbers, its owner, and its text are aligned to this.
const ALIGNMENT: usize = 4;
/// The length of the note before its text: three numbers and the owner.
const HEAD: usize = 12 + OWNER.len();
const HEADER: usize = size_of::<FileHeader64<LE>>();
const SECTION_HEADER: usize = size_of::<SectionHeader64<LE>>();

/// The object file with a note of this text; none if it is no 64-bit object file.
pub fn attach(object: &[u8], text: &str) -> Option<Vec<u8>> {
    let (mut header, mut sections) = read(object)?;
    let names_index = usize::from(header.e_shstrndx.get(LE).0);
    let names = sections.get(names_index)?;
    let names = usize::try_from(names.sh_offset.get(LE)).ok()?..usize::try_from(file_end(names)?).ok()?;
    let mut bytes = object.to_vec();
    // Usually the names and the table are the file's end, and are replaced; else they stay behind as bytes without a use.
    let table = usize::try_from(header.e_shoff.get(LE)).ok()?;
    let table_is_last = table + sections.len() * SECTION_HEADER == bytes.len();
    let names_are_last = sections.iter().all(|section| file_end(section).is_some_and(|end| end <= names.end as u64));
    if table_is_last && names_are_last && names.end <= table {
        bytes.truncate(names.end);
    } else {
        let copy = bytes.get(names.clone())?.to_vec();
        bytes.extend(copy);
    }
    let names_start = bytes.len() - names.len();
    bytes.extend(SECTION);
    let renamed = &mut sections[names_index];
    renamed.sh_offset.set(LE, names_start as u64);
    renamed.sh_size.set(LE, (names.len() + SECTION.len()) as u64);

    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let count = sections.len() + 1;
    let note_start = bytes.len() + count * SECTION_HEADER;
    let length = (text.len() + Hash::DIGITS).next_multiple_of(ALIGNMENT);
    let mut note = sections[0];
    note.sh_name.set(LE, u32::try_from(names.len()).ok()?);
    note.sh_type.set(LE, elf::SHT_NOTE);
    note.sh_offset.set(LE, note_start as u64);
    note.sh_size.set(LE, (HEAD + length) as u64);
    note.sh_addralign.set(LE, ALIGNMENT as u64);
    // A null section is all zeros, but for counts that do not fit the file's header.
    note.sh_link.set(LE, 0);
    sections.push(note);
    header.e_shoff.set(LE, bytes.len() as u64);
    header.e_shnum.set(LE, u16::try_from(count).ok().filter(|count| *count < 0xff00)?);
    bytes[..HEADER].copy_from_slice(pod::bytes_of(&header));
    sections.iter().for_each(|section| bytes.extend(pod::bytes_of(section)));
    for number in [OWNER.len() as u32, u32::try_from(length).ok()?, TYPE] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(OWNER);
    bytes.extend(text.as_bytes());
    bytes.resize(note_start + HEAD + length - Hash::DIGITS, b'\n');
    let hash = Hash::of(&bytes).to_string();
    bytes.extend(hash.as_bytes());
    Some(bytes)
}

/// The text of the note that [`attach`] added to a file, if nothing has changed since.
pub fn text(file: &[u8]) -> Option<&str> {
    let (_, sections) = read(file)?;
    let note = sections.last()?;
    if note.sh_type.get(LE) != elf::SHT_NOTE || file_end(note)? != file.len() as u64 {
        return None;
    }
    let bytes = file.get(usize::try_from(note.sh_offset.get(LE)).ok()?..)?;
    let (head, text) = bytes.split_at_checked(HEAD)?;
    let (text, hash) = text.split_at_checked(text.len().checked_sub(Hash::DIGITS)?)?;
    let hash = Hash::parse(std::str::from_utf8(hash).ok()?)?;
    let whole = head.ends_with(OWNER) && hash == Hash::of(&file[..file.len() - Hash::DIGITS]);
    std::str::from_utf8(text).ok().filter(|_| whole)
}

/// The header and the section headers of a 64-bit little-endian object file.
fn read(file: &[u8]) -> Option<(FileHeader64<LE>, Vec<SectionHeader64<LE>>)> {
    let (header, _) = pod::from_bytes::<FileHeader64<LE>>(file).ok()?;
    let Ident { magic, class, data, .. } = header.e_ident;
    let good = (magic, class, data) == (elf::ELFMAG, elf::ELFCLASS64, elf::ELFDATA2LSB)
        && usize::from(header.e_shentsize.get(LE)) == SECTION_HEADER;
    // Of more sections than the field can say there is no object.
    let (start, count) = (usize::try_from(header.e_shoff.get(LE)).ok()?, usize::from(header.e_shnum.get(LE)));
    let table = file.get(start..)?;
    let (sections, _) = pod::slice_from_bytes::<SectionHeader64<LE>>(table, count).ok()?;
    (good && !sections.is_empty()).then(|| (*header, sections.to_vec()))
}

/// Where a section ends in the file.
fn file_end(section: &SectionHeader64<LE>) -> Option<u64> {
    let size = if section.sh_type.get(LE) == elf::SHT_NOBITS { 0 } else { section.sh_size.get(LE) };
    section.sh_offset.get(LE).checked_add(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::tests::{compile, found};
    use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

    fn object() -> Option<Vec<u8>> {
        let c = "extern int x; int f(void) { return x; } const int table[] = {1, 2};";
        compile(found()?, c, &[]).object
    }

    #[test]
    fn a_file_with_a_note_is_the_object_that_it_was() {
        let Some(object) = object() else { return };
        for note in ["", "1", "22", "333", "a note\nof two lines \u{e4}\n"] {
            let file = attach(&object, note).unwrap();
            assert_eq!(text(&file).unwrap().trim_end_matches('\n'), note.trim_end_matches('\n'));
            let (before, after) = (object::File::parse(&*object).unwrap(), object::File::parse(&*file).unwrap());
            let sections = |file: &object::File| -> Vec<_> {
                let text = |section: object::Section| {
                    let relocations: Vec<_> = section.relocations().map(|(at, one)| (at, one.addend())).collect();
                    format!("{} {:?} {relocations:?}", section.name().unwrap(), section.data().unwrap())
                };
                let ours = [".strtab", ".shstrtab", ".note.stencil"];
                file.sections().map(text).filter(|text| !ours.contains(&text.split(' ').next().unwrap())).collect()
            };
            assert_eq!(sections(&before), sections(&after));
            let names = |file: &object::File| -> Vec<_> {
                file.symbols().map(|symbol| (symbol.name().unwrap().to_owned(), symbol.address())).collect()
            };
            assert_eq!(names(&before), names(&after));
            // The section headers are moved, not copied.
            assert!(file.len() < object.len() + note.len() + 300, "{} {}", file.len(), object.len());
        }
        assert_eq!(text(&object), None);
    }

    #[test]
    fn a_file_that_was_changed_has_no_note() {
        let Some(object) = object() else { return };
        let whole = attach(&object, "a note").unwrap();
        assert!(text(&whole).is_some());
        for place in 0..whole.len() {
            assert_eq!(text(&whole[..place]), None, "cut off at {place}");
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            assert_eq!(text(&flipped), None, "changed at {place}");
        }
        assert_eq!(text(&[&whole[..], b"0"].concat()), None);
        // What is no object file stays none.
        for place in 0..object.len().min(200) {
            let mut damaged = object.clone();
            damaged[place] = 0xff;
            let _ = attach(&damaged, "a note");
            let _ = attach(&object[..place], "a note");
        }
        assert_eq!(attach(b"BC\xc0\xde", "a note"), None);
    }
}
