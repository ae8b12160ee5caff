//! Tables with 64-bit indices.

use uops::{Instance, Linker, Store, Trap, Value};

use super::compile;

const TEXT: &str = r#"(module (type $t (func (result i32)))
    (table $w (export "table") i64 4 10 funcref) (table $n 4 funcref)
    (func $one (type $t) (i32.const 1)) (func $two (type $t) (i32.const 2))
    (elem (table $w) (i64.const 1) func $one $two) (elem $e func $two $one $two)
    (func (export "is_null") (param i64) (result i32) (ref.is_null (table.get $w (local.get 0))))
    (func (export "set") (param i64) (table.set $w (local.get 0) (ref.func $two)))
    (func (export "call") (param i64) (result i32) (call_indirect $w (type $t) (local.get 0)))
    (func (export "return_call") (param i64) (result i32) (return_call_indirect $w (type $t) (local.get 0)))
    (func (export "size") (result i64) (table.size $w))
    (func (export "grow") (param i64) (result i64) (table.grow $w (ref.func $one) (local.get 0)))
    (func (export "fill") (param i64 i64) (table.fill $w (local.get 0) (ref.func $two) (local.get 1)))
    (func (export "copy") (param i64 i64 i64) (table.copy $w $w (local.get 0) (local.get 1) (local.get 2)))
    (func (export "narrow") (param i32 i64 i32) (table.copy $n $w (local.get 0) (local.get 1) (local.get 2)))
    (func (export "wide") (param i64 i32 i32) (table.copy $w $n (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (param i64 i32 i32) (table.init $w $e (local.get 0) (local.get 1) (local.get 2))))"#;

#[test]
fn indices_have_64_bits() {
    let store = Store::new().unwrap();
    let instance = Instance::new(&store, &compile(TEXT.as_bytes()).unwrap(), &Linker::new()).unwrap();
    let call = |name: &str, args: &[Value]| instance.call(&store, name, args).map_err(|error| error.trap().unwrap());
    let (wide, narrow, none) = (Value::I64, Value::I32, Ok(vec![]));
    for name in ["call", "return_call"] {
        assert_eq!(call(name, &[wide(1)]), Ok(vec![narrow(1)]));
        assert_eq!(call(name, &[wide(2)]), Ok(vec![narrow(2)]));
        assert_eq!(call(name, &[wide(3)]), Err(Trap::UninitializedElement));
        // Truncated to 32 bits, these would be indices of functions.
        for index in [4, 0xffff_ffff, 0x1_0000_0001, i64::MIN + 1, -1] {
            assert_eq!(call(name, &[wide(index)]), Err(Trap::UndefinedElement), "{index}");
        }
    }
    let outside = Trap::TableOutOfBounds;
    for index in [4, 0x1_0000_0000, 0x1_0000_0001, -1] {
        assert_eq!(call("is_null", &[wide(index)]), Err(outside));
        assert_eq!(call("set", &[wide(index)]), Err(outside));
        assert_eq!(call("fill", &[wide(index), wide(1)]), Err(outside));
        assert_eq!(call("fill", &[wide(1), wide(index)]), Err(outside));
        assert_eq!(call("copy", &[wide(index), wide(0), wide(1)]), Err(outside));
        assert_eq!(call("copy", &[wide(0), wide(index), wide(1)]), Err(outside));
        assert_eq!(call("copy", &[wide(0), wide(1), wide(index)]), Err(outside));
        assert_eq!(call("init", &[wide(index), narrow(0), narrow(1)]), Err(outside));
        assert_eq!(call("narrow", &[narrow(0), wide(index), narrow(1)]), Err(outside));
        assert_eq!(call("wide", &[wide(index), narrow(0), narrow(1)]), Err(outside));
    }
    assert_eq!(call("is_null", &[wide(1)]), Ok(vec![narrow(0)]));
    assert_eq!(call("is_null", &[wide(0)]), Ok(vec![narrow(1)]));
    assert_eq!(call("set", &[wide(0)]), none);
    assert_eq!(call("call", &[wide(0)]), Ok(vec![narrow(2)]));
    for by in [7, 1 << 32, -1] {
        assert_eq!(call("grow", &[wide(by)]), Ok(vec![wide(-1)]), "{by}");
    }
    assert_eq!(call("grow", &[wide(6)]), Ok(vec![wide(4)]));
    assert_eq!(call("size", &[]), Ok(vec![wide(10)]));
    assert_eq!(call("call", &[wide(9)]), Ok(vec![narrow(1)]));
    assert_eq!(call("init", &[wide(7), narrow(0), narrow(3)]), none);
    assert_eq!(call("copy", &[wide(2), wide(8), wide(2)]), none);
    assert_eq!(call("narrow", &[narrow(1), wide(7), narrow(3)]), none);
    assert_eq!(call("wide", &[wide(4), narrow(0), narrow(3)]), none);
    let found: Vec<_> = (0..10)
        .map(|index| {
            call("call", &[wide(index)]).map_or(0, |values| match values[..] {
                [Value::I32(value)] => value,
                _ => -1,
            })
        })
        .collect();
    assert_eq!(found, [2, 1, 1, 2, 0, 2, 1, 2, 1, 2]);
    let table = instance.table(&store, "table").unwrap();
    assert_eq!(table.size(&store).unwrap(), 10);
    assert_eq!(table.get(&store, 1 << 32).unwrap_err().trap(), Some(outside));
}
