//! The comparison of engines detects every kind of difference: here the two engines run different modules.

use tests::differential::{End, call_agrees};
use tests::engine::{Program, Uops, Wasmi};

const PLAIN: &str = r#"(module
    (global (export "global") (mut f32) (f32.const nan))
    (memory (export "memory") 1)
    (table (export "table") 1 funcref)
    (func $run (export "run") (param f64) (result f64) (local.get 0)))"#;

/// The outcome of one call in two modules.
fn compare(one: &str, other: &str) -> Result<End, String> {
    let mut one = Uops::new(&[("", one.as_bytes())]).unwrap().instantiate().unwrap();
    let mut other = Wasmi::new(&[("", other.as_bytes())]).unwrap().instantiate().unwrap();
    call_agrees::<Wasmi>(&mut one, &mut other, "run", &[0.0.into()])
}

#[test]
fn equal_modules_agree() {
    assert_eq!(compare(PLAIN, PLAIN), Ok(End::Returned));
    let trap = PLAIN.replace("(local.get 0)", "unreachable");
    assert_eq!(compare(&trap, &trap), Ok(End::Trapped));
    let endless = PLAIN.replace("(local.get 0)", "(call $run (local.get 0))");
    assert_eq!(compare(&endless, &endless), Ok(End::Stopped));
    let hanging = PLAIN.replace("(local.get 0)", "(loop (br 0)) (local.get 0)");
    assert_eq!(compare(&hanging, &hanging), Ok(End::Stopped));
    let nan = PLAIN.replace("f32.const nan", "f32.const -nan:0x200000");
    assert_eq!(compare(PLAIN, &nan), Ok(End::Returned));
}

#[test]
fn every_difference_is_detected() {
    for (from, to, what) in [
        ("(local.get 0)", "(f64.const -0)", r#"Ok(["0.0"]) on uops, Ok(["-0.0"]) on wasmi"#),
        ("(local.get 0)", "unreachable", r#"Ok(["0.0"]) on uops, Err(Trap(Unreachable)) on wasmi"#),
        ("(local.get 0)", "(global.set 0 (f32.const 1)) (local.get 0)", r#"Global("NaN") on uops, Global("1.0")"#),
        (
            "(local.get 0)",
            "(i32.store8 (i32.const 9) (i32.const 7)) (local.get 0)",
            "at 9: [00, 00, 00, 00, 00, 00, 00, 00] of 65536 bytes on uops, [07, 00",
        ),
        ("(local.get 0)", "(drop (memory.grow (i32.const 1))) (local.get 0)", "of 131072 bytes on wasmi"),
        ("(local.get 0)", "(table.set (i32.const 0) (ref.func $run)) (local.get 0)", r#"Table(["null"]) on uops"#),
        (r#"(export "table")"#, "", "one has more exports"),
    ] {
        let error = compare(PLAIN, &PLAIN.replace(from, to)).unwrap_err();
        assert!(error.contains(what), "{error} instead of {what}");
    }
}

#[test]
fn uops_must_end_where_the_other_engine_does() {
    let hanging = PLAIN.replace("(local.get 0)", "(loop (br 0)) (local.get 0)");
    let error = compare(&hanging, PLAIN).unwrap_err();
    assert!(error.contains("Err(Interrupted) on uops"), "{error}");
}
