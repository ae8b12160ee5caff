//! A compressor and its decompressor. Each reads a file and writes one.

use uops::wasi::Wasi;

use crate::guest::{Folder, Guest};

/// Runs one of them from the file `in` to the file `out` of a directory.
fn run(name: &str, folder: &Folder, args: &[&str]) -> Vec<u8> {
    let wasi = Wasi::new().dir(&folder.0, "/").unwrap().args([name, "/in", "/out"]).args(args.iter().copied());
    let guest = Guest::new(name, wasi, |_, _| ());
    guest.call("_initialize", &[]);
    assert_eq!(guest.call("itk_wasm_delayed_start", &[]), 0, "{}{}", guest.output(), guest.errors());
    std::fs::read(folder.0.join("out")).unwrap()
}

/// `hello hello hello hello hello hello hello hello\n`, compressed by the reference program `zstd`.
const HELLO: &[u8] = &[
    0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x30, 0x6d, 0x00, 0x00, 0x38, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x0a, 0x01, 0x00,
    0x02, 0x95, 0x22, 0xf1, 0x9b, 0x55, 0x15,
];

#[test]
#[ignore = "tests/real/fetch gets the program"]
fn compresses_and_decompresses() {
    let folder = Folder::new("zstd");
    let write = |bytes: &[u8]| std::fs::write(folder.0.join("in"), bytes).unwrap();
    write(HELLO);
    assert_eq!(run("unzstd.wasm", &folder, &[]), b"hello hello hello hello hello hello hello hello\n");
    let text = include_bytes!("../../../ARCHITECTURE.md").repeat(20);
    for level in ["1", "19"] {
        write(&text);
        let packed = run("zstd.wasm", &folder, &["--compression-level", level]);
        assert!(packed.starts_with(&HELLO[..4]) && packed.len() < text.len() / 20, "{} bytes", packed.len());
        write(&packed);
        assert!(run("unzstd.wasm", &folder, &[]) == text, "level {level}");
    }
}
