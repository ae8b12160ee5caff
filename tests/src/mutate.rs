//! Damages modules. Sections are taken apart, changed and reassembled, so that many modules stay valid.

use crate::rng::Rng;

/// The magic number and the version.
const HEADER: usize = 8;
/// Bytes that mean something in many contexts: types, ends of blocks, and numbers of several lengths.
const BYTES: [u8; 14] = [0, 1, 2, 0x0b, 0x40, 0x41, 0x60, 0x6f, 0x70, 0x7f, 0x80, 0xfc, 0xfd, 0xff];

/// A section: its number and its contents.
type Section = (u8, Vec<u8>);

/// The offsets of a valid module's sections, and of the end of the last one.
#[must_use]
pub fn boundaries(wasm: &[u8]) -> Vec<usize> {
    let mut all = vec![HEADER];
    let mut at = HEADER;
    while at < wasm.len() {
        let (size, length) = number(&wasm[at + 1..]);
        at += 1 + length + size;
        all.push(at);
    }
    all
}

/// Returns a module with up to four changes. Most change single bytes, some change whole sections, some ignore sections,
/// and some insert a piece of the other module.
#[must_use]
pub fn mutated(wasm: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let (mut sections, others) = (sections(wasm), sections(other));
    for _ in 0..=rng.below(4) {
        match rng.below(12) {
            0 => change_sections(&mut sections, &others, rng),
            1 => {
                let mut bytes = joined(&sections);
                change(&mut bytes, other, rng);
                return bytes;
            }
            _ if sections.is_empty() => {}
            _ => {
                let (index, donor) = (rng.below(sections.len()), rng.pick(&others.iter().collect::<Vec<_>>()));
                change(&mut sections[index].1, &donor.1, rng);
            }
        }
    }
    joined(&sections)
}

/// Removes, duplicates or moves a section, or takes one from another module.
fn change_sections(sections: &mut Vec<Section>, others: &[Section], rng: &mut Rng) {
    let to = rng.below(sections.len() + 1);
    let section = match rng.below(4) {
        0 => others[rng.below(others.len())].clone(),
        _ if sections.is_empty() => return,
        1 => sections[rng.below(sections.len())].clone(),
        kind => {
            let section = sections.remove(rng.below(sections.len()));
            if kind == 2 {
                return;
            }
            section
        }
    };
    sections.insert(to.min(sections.len()), section);
}

/// Changes a few bytes.
fn change(bytes: &mut Vec<u8>, donor: &[u8], rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    let end = (at + 1 + rng.below(8)).min(bytes.len());
    match (rng.below(12), bytes.get_mut(at)) {
        (0..5, Some(byte)) => *byte ^= 1 << rng.below(8),
        (5..8, Some(byte)) => *byte = rng.pick(&BYTES),
        (8, _) => drop(bytes.drain(at..end)),
        (9, _) => {
            let copy = bytes[at..end].to_vec();
            let to = rng.below(bytes.len() + 1);
            bytes.splice(to..to, copy);
        }
        (10, _) => {
            let from = rng.below(donor.len() + 1);
            bytes.splice(at..end, donor[from..(from + 8).min(donor.len())].iter().copied());
        }
        _ => {
            let count = rng.below(4);
            let fresh = rng.bytes(count);
            bytes.splice(at..at, fresh);
        }
    }
}

fn sections(wasm: &[u8]) -> Vec<Section> {
    let boundaries = boundaries(wasm);
    let section = |range: &[usize]| {
        let length = number(&wasm[range[0] + 1..]).1;
        (wasm[range[0]], wasm[range[0] + 1 + length..range[1]].to_vec())
    };
    boundaries.windows(2).map(section).collect()
}

fn joined(sections: &[Section]) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    for (id, contents) in sections {
        wasm.push(*id);
        let mut rest = contents.len();
        while rest > 0x7f {
            wasm.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        wasm.push(rest as u8);
        wasm.extend(contents);
    }
    wasm
}

/// Decodes a LEB128 number at the start of a slice. Returns it and its length in bytes.
fn number(bytes: &[u8]) -> (usize, usize) {
    let length = 1 + bytes.iter().take_while(|byte| **byte & 0x80 != 0).count();
    let number = bytes[..length].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    (number, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_taken_apart_and_put_together() {
        let wasm = include_bytes!("../../uops/examples/sha256.wasm");
        assert_eq!(joined(&sections(wasm)), wasm);
        assert_eq!(*boundaries(wasm).last().unwrap(), wasm.len());
        assert!(boundaries(wasm).len() > 5);
    }
}
