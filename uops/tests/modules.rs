//! Decoding: good modules are described, all others are refused with a message, and nothing panics.

use uops::{Error, Module};

const EXAMPLES: [(&str, &[u8]); 6] = [
    ("bytecode", include_bytes!("../examples/bytecode.wasm")),
    ("matmul", include_bytes!("../examples/matmul.wasm")),
    ("nbody", include_bytes!("../examples/nbody.wasm")),
    ("quicksort", include_bytes!("../examples/quicksort.wasm")),
    ("sha256", include_bytes!("../examples/sha256.wasm")),
    ("sieve", include_bytes!("../examples/sieve.wasm")),
];

fn text(text: &str) -> Result<Module, Error> {
    Module::from_text(text.as_bytes())
}

/// Offsets at which sections end: a module that is cut there may be a whole one.
fn section_ends(wasm: &[u8]) -> Vec<usize> {
    let mut ends = vec![8];
    let mut at = 8;
    while at < wasm.len() {
        at += 1;
        let (mut size, mut shift) = (0, 0);
        loop {
            let byte = wasm[at];
            at += 1;
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        at += size;
        ends.push(at);
    }
    ends
}

#[test]
fn examples_are_described() {
    for (name, wasm) in EXAMPLES {
        let module = Module::new(wasm).unwrap_or_else(|error| panic!("{name}: {error}"));
        let exports: Vec<String> = module.exports().map(|(name, ty)| format!("{name}: {ty}")).collect();
        assert!(exports.iter().any(|export| export.starts_with("run: function (i32) -> (")), "{name}: {exports:?}");
        assert!(exports.iter().any(|export| export.starts_with("memory: memory ")), "{name}: {exports:?}");
        assert_eq!((module.imports().count(), module.imported_functions()), (0, 0));
        let names: Vec<_> = (0..module.function_count() as u32).filter_map(|i| module.function_name(i)).collect();
        assert_eq!(names.len(), module.function_count());
        assert!(names.contains(&"run"), "{name}: {names:?}");
        assert!((0..module.function_count()).all(|index| module.body_size(index).is_some_and(|size| size >= 2)));
    }
}

#[test]
fn every_cut_is_an_error() {
    for (name, wasm) in EXAMPLES {
        let ends = section_ends(wasm);
        assert_eq!(ends.last(), Some(&wasm.len()));
        for len in 0..wasm.len() {
            match Module::new(&wasm[..len]) {
                Ok(_) => assert!(ends.contains(&len), "{name} cut at {len} is no whole module"),
                Err(Error::Invalid { offset, .. }) => assert!(offset <= wasm.len() as u64, "{name} cut at {len}"),
                Err(error) => panic!("{name} cut at {len}: {error}"),
            }
        }
    }
}

#[test]
fn no_mutation_is_a_panic() {
    for (_, wasm) in EXAMPLES {
        let mut mutated = wasm.to_vec();
        for at in 0..wasm.len() {
            // Another bit or all of them at each place.
            mutated[at] ^= [1 << (at % 8), 0xff][at % 2];
            if let Err(error) = Module::new(&mutated) {
                assert!(!error.to_string().is_empty());
            }
            mutated[at] = wasm[at];
        }
    }
}

#[test]
fn broken_names_are_no_names() {
    let plain = text(r#"(module (func $f) (func (export "g")))"#).unwrap();
    assert_eq!((plain.function_name(0), plain.function_name(1), plain.function_name(2)), (Some("f"), Some("g"), None));
    let broken = text(r#"(module (func) (@custom "name" "\01\ff\ff"))"#).unwrap();
    assert_eq!((broken.function_count(), broken.function_name(0)), (1, None));
    let imported = text(r#"(module (import "m" "f" (func)))"#).unwrap();
    assert_eq!(imported.function_name(0), Some("f"));
}

#[test]
fn what_is_not_supported_is_named() {
    for (wat, words) in [
        (
            "(func (param v128) (drop (f32x4.relaxed_min (local.get 0) (local.get 0))))",
            "relaxed vectors (relaxed SIMD)",
        ),
        ("(memory 1 1 shared)", "threads"),
        ("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))", "threads"),
        ("(tag)", "exceptions"),
        ("(import \"m\" \"t\" (tag))", "exceptions"),
        ("(tag $t) (func (throw $t))", "exceptions"),
        ("(func (try_table))", "exceptions"),
        ("(func (param exnref))", "exceptions"),
        ("(type $f (func)) (func (param (ref $f)))", "typed function references"),
        ("(type $f (func)) (func (call_ref $f (ref.null $f)))", "typed function references"),
        ("(table 1 funcref (ref.null func))", "typed function references"),
        ("(type (struct))", "garbage collection"),
        ("(type (array i8))", "garbage collection"),
        ("(rec (type (func)))", "garbage collection"),
        ("(type (sub (func)))", "garbage collection"),
        ("(func (param anyref))", "garbage collection"),
        ("(func (param i31ref))", "garbage collection"),
        ("(global funcref (ref.null nofunc))", "garbage collection"),
        ("(func (drop (ref.i31 (i32.const 0))))", "garbage collection"),
        ("(global i32 (i32.const 0)) (global i32 (global.get 0))", "garbage collection"),
        ("(func (drop (ref.eq (ref.null eq) (ref.null eq))))", "garbage collection"),
        ("(type $c (cont 0))", "stack switching"),
        ("(func (i64.mul_wide_s (i64.const 1) (i64.const 1)) drop drop)", "wide arithmetic"),
        ("(memory 1 (pagesize 1))", "custom page sizes"),
    ] {
        let error = text(&format!("(module {wat})")).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{wat}: {error}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("not supported: {words}, at byte ")), "{wat}: {message}");
        // Advice only where a compiler can do something about it.
        let flag = match words {
            "threads" => Some("without `-pthread` and `-matomics`"),
            "exceptions" => Some("without `-fwasm-exceptions`"),
            "wide arithmetic" => Some("without `-mwide-arithmetic`"),
            "relaxed vectors (relaxed SIMD)" => Some("without `-mrelaxed-simd`"),
            _ => None,
        };
        assert_eq!(flag.is_some(), message.contains(';'), "{message}");
        assert!(message.ends_with(flag.unwrap_or_default()), "{message}");
    }
    let error = Module::new(b"\0asm\x0d\0\x01\0").unwrap_err();
    assert!(error.to_string().starts_with("not supported: components, at byte "), "{error}");
}

#[test]
fn invalid_modules_are_refused_with_the_place() {
    for wat in [
        "(func (result i32))",
        "(func (i32.add (i32.const 1) (i64.const 1)) drop)",
        "(func (local.get 0) drop)",
        "(memory 65537)",
        "(memory 2 1)",
        "(export \"f\" (func 0))",
        "(func) (export \"f\" (func 0)) (export \"f\" (func 0))",
        "(func (param i32)) (start 0)",
        "(global i32 (i64.const 0))",
        "(func (i32.load (i32.const 0)) drop)",
    ] {
        let error = text(&format!("(module {wat})")).unwrap_err();
        assert!(matches!(error, Error::Invalid { offset: 8.., .. }), "{wat}: {error}");
    }
    let error = text("(module (func (i32.fly)))").unwrap_err().to_string();
    assert!(error.starts_with("malformed text: ") && error.contains("1:16"), "{error}");
    assert_eq!(
        Module::new(b"hello").unwrap_err().to_string(),
        "invalid module: it does not begin with the bytes 00 61 73 6d, as every module does, at byte 0"
    );
}
