//! `words.c`, compiled with a C library: files, allocation, sorting, formatting, the environment and the time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use uops::wasi::Wasi;

use crate::guest::{Ended, Folder, Guest};

/// Computes the program's expected output.
fn expected(texts: &[&str], least: usize, lines: usize) -> String {
    let mut counts = BTreeMap::<String, u32>::new();
    for text in texts {
        for word in text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| word.len() >= least.max(1)) {
            *counts.entry(word.to_ascii_lowercase()).or_default() += 1;
        }
    }
    let total: u32 = counts.values().sum();
    let mut words: Vec<_> = counts.into_iter().collect();
    words.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut output = String::new();
    for (word, count) in words.iter().take(lines) {
        let share = 100.0 * f64::from(*count) / f64::from(total);
        writeln!(output, "{count:7} {share:5.2}% {word:12}|").unwrap();
    }
    let (last, count) = words.last().unwrap();
    writeln!(output, "{} words, the last one {last} ({count})", words.len()).unwrap();
    output + "2000-02-29 00:00:00 and later\n"
}

#[test]
#[ignore = "tests/real/fetch compiles the program"]
fn counts_words() {
    let texts =
        [include_str!("../../../README.md"), include_str!("../../../ARCHITECTURE.md"), include_str!("words.rs")];
    let folder = Folder::new("words");
    for (name, text) in ["a", "b", "c"].iter().zip(texts) {
        std::fs::write(folder.0.join(name), text).unwrap();
    }
    let wasi = || Wasi::new().dir(&folder.0, "/").unwrap().env("INDEX", "/index");
    let run = |args: &[&str], wasi| Guest::run("words.wasm", args, wasi);
    let ended = |output| Ended { code: 0, output, errors: String::new() };
    assert_eq!(run(&["40", "/a", "/b", "/c"], wasi()), ended(expected(&texts, 1, 40)));
    assert_eq!(run(&["10000", "a"], wasi().env("WORDS_MIN", "5")), ended(expected(&texts[..1], 5, 10_000)));
    let records = std::fs::metadata(folder.0.join("index")).unwrap().len();
    let words = expected(&texts[..1], 5, 0);
    assert!(words.starts_with(&format!("{} words", records / 64)), "{records} bytes: {words}");

    let missing = run(&["1", "/a", "/d"], wasi());
    assert_eq!((missing.code, &*missing.errors), (1, "words: /d: No such file or directory\n"));
    assert_eq!(run(&["1"], wasi()).code, 64);
}
