//! An SVG simplifier, in Rust.

use uops::wasi::Wasi;

use crate::guest::{Ended, Folder, Guest};

#[test]
#[ignore = "tests/real/fetch gets the program"]
fn shapes_become_paths() {
    let folder = Folder::new("usvg");
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"><style>.r { fill: red }</style>
        <rect class="r" width="2" height="3"/><g fill="rgb(0,0,255)"><rect x="2" width="2" height="3"/></g></svg>"#;
    std::fs::write(folder.0.join("in.svg"), svg).unwrap();
    let wasi = Wasi::new().dir(&folder.0, "/").unwrap();
    let ended = Guest::run("usvg.wasm", &["/in.svg", "/out.svg"], wasi);
    assert_eq!(ended, Ended { code: 0, output: String::new(), errors: String::new() });
    let svg = std::fs::read_to_string(folder.0.join("out.svg")).unwrap();
    let paths: Vec<&str> = svg.lines().map(str::trim).filter(|line| line.starts_with("<path")).collect();
    let path = |colour, d| format!(r#"<path fill="{colour}" stroke="none" d="{d}"/>"#);
    assert_eq!(paths, [path("#ff0000", "M 0 0 L 2 0 L 2 3 L 0 3 Z"), path("#0000ff", "M 2 0 L 4 0 L 4 3 L 2 3 Z")]);

    std::fs::write(folder.0.join("in.svg"), "<svg><g></svg>").unwrap();
    let ended = Guest::run("usvg.wasm", &["/in.svg", "/out.svg"], Wasi::new().dir(&folder.0, "/").unwrap());
    assert!(ended.code != 0 && ended.errors.contains("expected 'g' tag, not 'svg'"), "{ended:?}");
}
