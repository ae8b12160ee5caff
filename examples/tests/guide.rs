//! The listings of the guide that are not compiled are parts of files, and its commands are run.

use std::fs;
use std::path::{Path, PathBuf};

/// A fenced block of a chapter: what stands behind the fence, its lines, and the comment right before it.
struct Block {
    chapter: String,
    kind: String,
    lines: Vec<String>,
    comment: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for file in fs::read_dir(root().join("stencil-runtime/src/guide")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().peekable();
        let mut before = "";
        while let Some(line) = lines.next() {
            if let Some(kind) = line.strip_prefix("```") {
                let inside: Vec<_> = lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
                let comment = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                let chapter = path.file_name().unwrap().to_string_lossy().into_owned();
                blocks.push(Block { chapter, kind: kind.into(), lines: inside, comment: comment.map(str::to_owned) });
            }
            before = line;
        }
    }
    blocks
}

#[test]
fn quotations_are_parts_of_files() {
    let mut quotations = 0;
    for block in blocks().into_iter().filter(|block| !["rust", "sh", "compile_fail"].contains(&&*block.kind)) {
        let Block { chapter, comment, lines, kind } = block;
        let Some(file) = comment else {
            // What is neither compiled nor quoted nor run is not a listing of ours.
            assert_eq!(kind, "text", "{chapter}: {lines:?} has to be compiled, or to name its file");
            continue;
        };
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let trimmed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        assert!(trimmed(&text).contains(&trimmed(&lines.join("\n"))), "{chapter}: not in {file}: {lines:#?}");
        quotations += 1;
    }
    assert!(quotations > 5);
}

#[test]
fn commands_are_run_by_ci() {
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    for Block { chapter, lines, .. } in blocks().into_iter().filter(|block| block.kind == "sh") {
        for command in lines {
            assert!(ci.lines().any(|line| line.trim() == command), "{chapter}: no line of .ci/run: {command}");
        }
    }
}
