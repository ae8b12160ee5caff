//! Branches that carry many values.

use uops::{Error, Instance, Linker, Store, Value};

use super::compile;

/// Branches carry a mix of locals and constants, with and without discarding other values.
#[test]
fn values_arrive_in_order() {
    for count in [1, 2, 8, 9, 100, 1000] {
        let types = " i64".repeat(count);
        let values: String = (0..count)
            .map(|index| if index % 3 == 0 { "local.get 1 ".to_owned() } else { format!("i64.const {index} ") })
            .collect();
        for branch in ["br_if 0", "br_if 1", "br_table 0 1 1"] {
            // If the branch is not taken, the results differ from the values that it would carry.
            let rest = if branch.starts_with("br_if") { "drop i64.const -2" } else { "" };
            let text = format!(
                r#"(module (func (export "run") (param i32 i64) (result{types})
                     (block (result{types})
                       i64.const 5 local.get 1 {values} local.get 0 {branch} {rest} br 0)))"#
            );
            let store = Store::new().unwrap();
            let program = compile(text.as_bytes()).unwrap();
            let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
            let mut expected: Vec<_> =
                (0..count as i64).map(|index| Value::I64(if index % 3 == 0 { 77 } else { index })).collect();
            for taken in [1, 0] {
                if taken == 0 && !rest.is_empty() {
                    expected[count - 1] = Value::I64(-2);
                }
                let found = instance.call(&store, "run", &[Value::I32(taken), Value::I64(77)]).unwrap();
                assert_eq!(found, expected, "{count} values, {branch}, {taken}");
            }
        }
    }
}

/// Browsers have the same limit.
#[test]
fn a_table_has_at_most_65520_targets() {
    let module = |targets: usize| {
        let targets = " 0".repeat(targets - 1);
        let text = format!(
            r#"(module (func (export "run") (param i32) (result i32)
                 (block (block (block local.get 0 br_table{targets} 1 2) (return (i32.const 1))) (return (i32.const 2)))
                 i32.const 3))"#
        );
        wat::parse_str(text).unwrap()
    };
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &compile(&module(65_520)).unwrap(), &Linker::new()).unwrap();
    for (index, label) in [(0, 1), (65_518, 1), (65_519, 2), (65_520, 3), (-1, 3)] {
        let found = instance.call(&store, "run", &[Value::I32(index)]).unwrap();
        assert_eq!(found, [Value::I32(label)], "{index}");
    }
    let wasm = module(65_521);
    let error = compile(&wasm).unwrap_err();
    let Error::Limit { limit: 65_520, offset, .. } = error else { panic!("{error}") };
    let br_table = 0x0e;
    assert_eq!(wasm[offset as usize], br_table);
    assert!(
        error.to_string().starts_with("limit exceeded: targets of a `br_table`: at most 65520, at byte "),
        "{error}"
    );
}
