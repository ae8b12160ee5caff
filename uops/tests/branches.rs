//! Branches that carry many values.

use uops::{Instance, Linker, Program, Store, Value};

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
            let program = Program::new(text.as_bytes()).unwrap();
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
