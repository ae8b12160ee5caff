//! CPython with extension modules such as SQLite and zlib.

use uops::wasi::Wasi;

use crate::guest::{Folder, Guest};

/// For the squares of the numbers below 5000 of one parity: their number, sum and greatest.
fn squares(parity: u64) -> (usize, u64, u64) {
    let numbers = (0..5000_u64).filter(|n| n % 2 == parity);
    (numbers.clone().count(), numbers.clone().map(|n| n * n).sum(), numbers.max().unwrap())
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

#[test]
#[ignore = "tests/real/fetch gets the program"]
fn runs_a_script_with_a_database_and_a_compressor() {
    let folder = Folder::new("python");
    let text = include_str!("../../../ARCHITECTURE.md");
    std::fs::write(folder.0.join("text"), text).unwrap();
    std::fs::write(folder.0.join("script.py"), include_str!("../../real/python.py")).unwrap();
    let wasi = Wasi::new().dir(&folder.0, "/data").unwrap();
    let ended = Guest::run("python.wasm", &["/data/script.py", "-x", "y"], wasi);
    let ((evens, even_sum, even), (odds, odd_sum, odd)) = (squares(0), squares(1));
    let lines = [
        "wasi ['-x', 'y']",
        &format!("[('even', {evens}, {even_sum}, {even}), ('odd', {odds}, {odd_sum}, {odd})]"),
        "(956722026041,)",
        "('ok',)",
        &format!("True True {:#x}", crc32(text.as_bytes())),
        // Test vectors of the standards.
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad d41d8cd98f00b204e9800998ecf8427e",
        "1.4142135623730950488016887242096980785696718753769",
        "7165832010614366132173102768902855220001 1606938044258990275541962092341162602522202993782792835301376",
        r#"{"a": "\u00e9", "b": [1.5, null, true]} ['o', 'k', 'e']"#,
        "True True",
        "1500000000.25 ['packed', 'script.py', 'squares.db', 'text']",
        "100000",
        "PermissionError",
    ];
    assert_eq!(ended.output.lines().collect::<Vec<_>>(), lines, "{}", ended.errors);
    assert_eq!((ended.code, &*ended.errors), (7, ""));
    assert!(std::fs::read(folder.0.join("squares.db")).unwrap().starts_with(b"SQLite format 3\0"));
}
