//! Several memories, and memories with 64-bit addresses. The first memory, with 32-bit addresses, is the oracle for the
//! others.

use uops::{
    AddressType, Error, Instance, Limit, LimitExceeded, Limits, Linker, Memory, MemoryType, Store,
    StoreLimits, Trap, Value,
};

use super::compile;

/// The address type of each memory in these tests. Each has two pages.
const MEMORIES: [&str; 4] = ["i32", "i32", "i64", "i64"];

/// Returns an instance with these memories and a function for each. `body` gets the memory's index and its address
/// type.
fn functions(store: &Store, signature: &str, body: impl Fn(usize, &str) -> String) -> Instance {
    let mut text = "(module".to_owned();
    for (memory, address) in MEMORIES.iter().enumerate() {
        text += &format!(r#"(memory {address} 2 5) (func (export "{memory}") {signature} {})"#, body(memory, address));
    }
    Instance::new(store, &compile((text + ")").as_bytes()).unwrap(), &Linker::new()).unwrap()
}

/// Asserts that the functions do the same in all memories.
fn same(store: &Store, instance: Instance, args: &[Value], what: &str) {
    let result = |memory: usize| match instance.call(store, &memory.to_string(), args) {
        Ok(values) => Ok(values),
        Err(error) => Err(error.trap().expect("it traps")),
    };
    for memory in 1..MEMORIES.len() {
        assert_eq!(result(memory), result(0), "{what} of {args:?} in memory {memory}");
    }
}

/// Converts an `i32` expression to an address of this type.
fn as_address(address: &str, expr: &str) -> String {
    if address == "i64" { format!("(i64.extend_i32_u {expr})") } else { expr.to_owned() }
}

const LOADS: [(&str, &str); 14] = [
    ("i32", "load"),
    ("i32", "load8_s"),
    ("i32", "load8_u"),
    ("i32", "load16_s"),
    ("i32", "load16_u"),
    ("i64", "load"),
    ("i64", "load8_s"),
    ("i64", "load8_u"),
    ("i64", "load16_s"),
    ("i64", "load16_u"),
    ("i64", "load32_s"),
    ("i64", "load32_u"),
    ("f32", "load"),
    ("f64", "load"),
];

const STORES: [(&str, &str); 9] = [
    ("i32", "store"),
    ("i32", "store8"),
    ("i32", "store16"),
    ("i64", "store"),
    ("i64", "store8"),
    ("i64", "store16"),
    ("i64", "store32"),
    ("f32", "store"),
    ("f64", "store"),
];

/// Addresses around the middle and the end of two pages, and beyond.
const ADDRESSES: [i32; 12] = [0, 1, 4097, 131_063, 131_064, 131_065, 131_068, 131_070, 131_071, 131_072, i32::MAX, -1];

#[test]
fn every_load() {
    let store = Store::new().unwrap();
    for (ty, load) in LOADS {
        for offset in [0_u64, 1, 8, 131_071, 131_072, u32::MAX.into()] {
            let instance = functions(&store, &format!("(param i32) (result {ty})"), |memory, address| {
                let fill = |at: u32, value: i32| {
                    let at = as_address(address, &format!("(i32.const {at})"));
                    let len = as_address(address, "(i32.const 9)");
                    format!("(memory.fill {memory} {at} (i32.const {value}) {len})")
                };
                let at = as_address(address, "(local.get 0)");
                format!(
                    "{} {} {} ({ty}.{load} {memory} offset={offset} {at})",
                    fill(0, 0x9c),
                    fill(4100, 0x5a),
                    fill(131_063, 0xf3)
                )
            });
            for address in ADDRESSES {
                same(&store, instance, &[Value::I32(address)], &format!("{ty}.{load} offset={offset}"));
            }
        }
    }
}

#[test]
fn every_store_of_values_in_every_location() {
    let store = Store::new().unwrap();
    for (ty, store_name) in STORES {
        let constant = format!("({ty}.const -77)");
        let local = format!("(local.get ${ty})");
        let computed = format!("({ty}.sub (local.get ${ty}) ({ty}.const 3))");
        for value in [constant, local, computed] {
            let params = "(param $a i32) (param $i32 i32) (param $i64 i64) (param $f32 f32) (param $f64 f64)";
            let instance = functions(&store, &format!("{params} (result i64 i64)"), |memory, address| {
                let at = as_address(address, "(local.get $a)");
                let near = |offset| {
                    let near = as_address(address, "(i32.and (local.get $a) (i32.const 0x1ffe0))");
                    format!("(i64.load {memory} offset={offset} {near})")
                };
                // Keep values on the stack, so that registers are scarce.
                format!(
                    "(i32.add (local.get $a) (i32.const 1)) (i32.mul (local.get $a) (i32.const 3))
                     ({ty}.{store_name} {memory} offset=2 {at} {value})
                     (drop (i32.sub)) {} {}",
                    near(0),
                    near(8)
                )
            });
            for address in [0, 3, 64, 131_040, 131_062, 131_066, 131_069, 131_070, -2] {
                let args = [address.into(), 0x1234_5678.into(), i64::MIN.into(), 1.5_f32.into(), (-0.1).into()];
                same(&store, instance, &args, &format!("{ty}.{store_name} of {value}"));
            }
        }
    }
}

#[test]
fn every_vector_load_and_store() {
    let store = Store::new().unwrap();
    let loads = ["load", "load8x8_s", "load16x4_u", "load32x2_s", "load32_zero", "load64_zero"];
    let splats = ["load8_splat", "load16_splat", "load32_splat", "load64_splat"];
    let lanes = [("8_lane", 15), ("16_lane", 7), ("32_lane", 3), ("64_lane", 1)];
    let mut accesses: Vec<String> =
        loads.iter().chain(&splats).map(|load| format!("(v128.{load} MEMORY AT)")).collect();
    accesses.extend(lanes.map(|(load, lane)| format!("(v128.load{load} MEMORY {lane} AT (local.get 1))")));
    accesses.push("(v128.store MEMORY AT (local.get 1)) (v128.load MEMORY AT)".to_owned());
    accesses.push("(v128.store MEMORY AT (v128.not (local.get 1))) (v128.load MEMORY AT)".to_owned());
    accesses.extend(lanes.map(|(store, lane)| {
        format!("(v128.store{store} MEMORY {lane} AT (local.get 1)) (v128.load MEMORY (i32.const 0))")
    }));
    for access in accesses {
        let instance = functions(&store, "(param i32 v128) (result v128)", |memory, address| {
            let at = as_address(address, "(local.get 0)");
            let zero = format!("(v128.load {memory} {})", as_address(address, "(i32.const 0)"));
            let fill = format!(
                "(memory.fill {memory} {} (i32.const 0xa5) {})",
                as_address(address, "(i32.const 131056)"),
                as_address(address, "(i32.const 9)")
            );
            let access = access.replace("(v128.load MEMORY (i32.const 0))", &zero);
            fill + &access.replace("MEMORY", &format!("{memory} offset=1")).replace("AT", &at)
        });
        for address in [0, 15, 131_055, 131_056, 131_061, 131_062, 131_063, 131_066, 131_067, 131_070, 131_071, -1] {
            let vector = Value::V128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f80);
            same(&store, instance, &[Value::I32(address), vector], &access);
        }
    }
}

/// The sum of a 64-bit address, a 64-bit offset and the size of the access exceeds 64 bits.
#[test]
fn addresses_of_64_bits_do_not_wrap() {
    let store = Store::new().unwrap();
    for offset in [0_u64, 1, 65_535, 65_536, u64::MAX - 65_536, u64::MAX - 1, u64::MAX] {
        for (instruction, size) in [
            ("i32.load8_u", 1),
            ("i32.load16_u", 2),
            ("i32.load", 4),
            ("i64.load", 8),
            ("f32.load", 4),
            ("f64.load", 8),
        ] {
            let text = format!(
                r#"(module (memory i64 1)
                     (func (export "load") (param i64) (drop ({instruction} offset={offset} (local.get 0))))
                     (func (export "store") (param i64)
                       ({} offset={offset} (local.get 0) ({}.const 0))))"#,
                instruction.replace("load", "store").replace("_u", ""),
                &instruction[..3],
            );
            let instance = Instance::new(&store, &compile(text.as_bytes()).unwrap(), &Linker::new()).unwrap();
            for address in [0_u64, 1, 65_528, 65_535, 65_536, 1 << 32, 1 << 63, u64::MAX - 65_535, u64::MAX] {
                let fits = u128::from(address) + u128::from(offset) + size <= 65_536;
                for name in ["load", "store"] {
                    let result = instance.call(&store, name, &[Value::I64(address as i64)]);
                    match result {
                        Ok(_) => assert!(fits, "{instruction} {name} at {address} + {offset}"),
                        Err(error) => {
                            assert_eq!(error.trap(), Some(Trap::MemoryOutOfBounds));
                            assert!(!fits, "{instruction} {name} at {address} + {offset}");
                        }
                    }
                }
            }
        }
    }
}

/// Sizes, growth, and all bulk instructions, within one memory and between two.
#[test]
fn sizes_growth_and_bulk_instructions() {
    let store = Store::new().unwrap();
    let text = format!(
        r#"(module {} (data $d "0123456789")
             (func (export "copy01") (param i32 i32 i32) (memory.copy 0 1 (local.get 0) (local.get 1) (local.get 2)))
             (func (export "copy02") (param i32 i64 i32) (memory.copy 0 2 (local.get 0) (local.get 1) (local.get 2)))
             (func (export "copy20") (param i64 i32 i32) (memory.copy 2 0 (local.get 0) (local.get 1) (local.get 2)))
             (func (export "copy23") (param i64 i64 i64) (memory.copy 2 3 (local.get 0) (local.get 1) (local.get 2)))
             (func (export "copy22") (param i64 i64 i64) (memory.copy 2 2 (local.get 0) (local.get 1) (local.get 2)))
             (func (export "fill1") (param i32 i32 i32) (memory.fill 1 (local.get 0) (local.get 1) (local.get 2)))
             (func (export "fill3") (param i64 i32 i64) (memory.fill 3 (local.get 0) (local.get 1) (local.get 2)))
             (func (export "init1") (param i32 i32 i32) (memory.init 1 $d (local.get 0) (local.get 1) (local.get 2)))
             (func (export "init2") (param i64 i32 i32) (memory.init 2 $d (local.get 0) (local.get 1) (local.get 2)))
             (func (export "size0") (result i32) (memory.size 0)) (func (export "size1") (result i32) (memory.size 1))
             (func (export "size2") (result i64) (memory.size 2)) (func (export "size3") (result i64) (memory.size 3))
             (func (export "grow1") (param i32) (result i32) (memory.grow 1 (local.get 0)))
             (func (export "grow3") (param i64) (result i64) (memory.grow 3 (local.get 0))))"#,
        MEMORIES.iter().enumerate().map(|(i, ty)| format!(r#"(memory (export "m{i}") {ty} 1 3)"#)).collect::<String>()
    );
    let instance = Instance::new(&store, &compile(text.as_bytes()).unwrap(), &Linker::new()).unwrap();
    let call = |name: &str, args: &[i64]| {
        let ty = instance.func(&store, name).unwrap().ty(&store).unwrap();
        let args: Vec<_> = (args.iter().zip(&*ty.params))
            .map(|(&arg, ty)| if *ty == uops::ValueType::I32 { Value::I32(arg as i32) } else { Value::I64(arg) })
            .collect();
        instance.call(&store, name, &args).map_err(|error| error.trap().unwrap())
    };
    let bytes = |memory: &str, offset: u64, len: usize| {
        let mut bytes = vec![0; len];
        instance.memory(&store, memory).unwrap().read(&store, offset, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let outside = Err(Trap::MemoryOutOfBounds);
    call("init1", &[7, 2, 3]).unwrap();
    call("init2", &[65_530, 4, 6]).unwrap();
    assert_eq!((bytes("m1", 7, 3), bytes("m2", 65_530, 6)), ("234".into(), "456789".into()));
    for args in [[65_531, 4, 6], [-1, 0, 0], [1 << 32, 0, 1], [0, 5, 6], [0, -1, 1]] {
        assert_eq!(call("init2", &args), outside, "{args:?}");
    }
    call("copy01", &[100, 7, 3]).unwrap();
    call("copy02", &[103, 65_530, 6]).unwrap();
    assert_eq!(bytes("m0", 100, 9), "234456789");
    call("copy20", &[50, 100, 9]).unwrap();
    call("copy22", &[52, 50, 9]).unwrap();
    assert_eq!(bytes("m2", 50, 11), "23234456789");
    for args in [[0, 1 << 32, 1], [1 << 32, 0, 1], [0, 0, 1 << 32], [-1, -1, 2], [65_537, 0, 0]] {
        assert_eq!(call("copy23", &args), outside, "{args:?}");
    }
    assert_eq!(call("copy02", &[0, -1, 0]), outside);
    call("fill3", &[65_535, i64::from(b'x') | 0x700, 1]).unwrap();
    call("fill1", &[0, i64::from(b'y'), 65_536]).unwrap();
    call("copy23", &[0, 65_535, 1]).unwrap();
    assert_eq!((bytes("m2", 0, 1), bytes("m1", 65_535, 1), bytes("m0", 0, 1)), ("x".into(), "y".into(), "\0".into()));
    assert_eq!(call("fill3", &[-1, 0, 2]), outside);
    assert_eq!(call("fill3", &[1, 0, -1]), outside);
    assert_eq!(call("grow1", &[1]), Ok(vec![Value::I32(1)]));
    assert_eq!(call("grow1", &[2]), Ok(vec![Value::I32(-1)]));
    assert_eq!(call("grow3", &[1 << 32]), Ok(vec![Value::I64(-1)]));
    assert_eq!(call("grow3", &[-1]), Ok(vec![Value::I64(-1)]));
    assert_eq!(call("grow3", &[2]), Ok(vec![Value::I64(1)]));
    let sizes =
        [("size0", Value::I32(1)), ("size1", Value::I32(2)), ("size2", Value::I64(1)), ("size3", Value::I64(3))];
    for (name, size) in sizes {
        assert_eq!(call(name, &[]), Ok(vec![size]), "{name}");
    }
}

#[test]
fn a_memory_may_have_more_than_32_bits_reach() {
    let store =
        Store::with_limits(StoreLimits { memory_pages: 1 << 17, bytes: 1 << 34, ..StoreLimits::default() }).unwrap();
    let text = r#"(module (memory (export "memory") i64 65536 131072)
        (data (i64.const 4294967294) "ab") (data (i64.sub (i64.const 4294967295) (i64.const 65536)) "cd")
        (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
        (func (export "exchange") (param i64 i32) (result i32)
          (i32.load offset=4294967296 (local.get 0))
          (i32.store offset=4294967296 (local.get 0) (local.get 1))))"#;
    let program = compile(text.as_bytes()).unwrap();
    let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
    let memory = instance.memory(&store, "memory").unwrap();
    let exchange = |address: u64, value: i32| {
        let result = instance.call(&store, "exchange", &[Value::I64(address as i64), Value::I32(value)]);
        result.map_err(|error| error.trap().unwrap())
    };
    assert_eq!(exchange(0, 1), Err(Trap::MemoryOutOfBounds));
    let old = instance.call(&store, "grow", &[Value::I64(65_536)]).unwrap();
    if old == [Value::I64(65_536)] {
        assert_eq!(memory.pages(&store).unwrap(), 131_072);
        let mut bytes = [0; 4];
        for address in [0, (1 << 32) - 4] {
            assert_eq!(exchange(address, 0x0403_0201), Ok(vec![Value::I32(0)]));
            assert_eq!(exchange(address, 7), Ok(vec![Value::I32(0x0403_0201)]));
            memory.read(&store, address + (1 << 32), &mut bytes).unwrap();
            assert_eq!(bytes, [7, 0, 0, 0]);
        }
        memory.read(&store, (1 << 32) - 2, &mut bytes).unwrap();
        assert_eq!(bytes, [b'a', b'b', 7, 0]);
    }
    assert_eq!(exchange((1 << 32) - 3, 1), Err(Trap::MemoryOutOfBounds));
    assert_eq!(exchange(u64::MAX, 1), Err(Trap::MemoryOutOfBounds));
}

#[test]
fn an_instance_may_have_many_memories_but_a_store_has_its_limits() {
    let store = Store::with_limits(StoreLimits { memories: 150, tables: 3, ..StoreLimits::default() }).unwrap();
    let text: String = (0..100).map(|index| format!(r#"(memory (export "m{index}") 1 1)"#)).collect();
    let access: String =
        (0..100).map(|index| format!("(i32.store {index} (i32.const {index}) (i32.const {index}))")).collect();
    let program = compile(format!("(module {text} (func (export \"run\") {access}))").as_bytes()).unwrap();
    let instance = Instance::new(&store, &program, &Linker::new()).unwrap();
    instance.call(&store, "run", &[]).unwrap();
    for index in [0_u8, 1, 50, 99] {
        let memory = instance.memory(&store, &format!("m{index}")).unwrap();
        let mut bytes = [1];
        memory.read(&store, index.into(), &mut bytes).unwrap();
        assert_eq!(bytes, [index]);
    }
    let error = Instance::new(&store, &program, &Linker::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store needs 151 memories, more than its limit of 150: raise `StoreLimits::memories`"
    );
    let tables = compile(b"(module (table 1 funcref) (table i64 1 externref))").unwrap();
    Instance::new(&store, &tables, &Linker::new()).unwrap();
    let error = Instance::new(&store, &tables, &Linker::new()).unwrap_err();
    let exceeded = LimitExceeded { limit: Limit::Tables, needed: 4, allowed: 3 };
    assert!(matches!(error, Error::LimitExceeded(found) if found == exceeded));
}

#[test]
fn memories_are_imported_and_exported_by_their_types() {
    let store = Store::new().unwrap();
    let mut linker = Linker::new();
    let limits = Limits { min: 1, max: Some(1 << 48) };
    let wide = Memory::new(&store, MemoryType { address: AddressType::I64, limits }).unwrap();
    linker.define("env", "wide", wide);
    linker.define("env", "narrow", Memory::new(&store, Limits { min: 1, max: Some(4) }).unwrap());
    let text = r#"(module (import "env" "narrow" (memory 1)) (import "env" "wide" (memory i64 1)) (memory 1)
        (export "wide" (memory 1)) (data (memory 1) (i64.const 3) "ok")
        (func (export "copy") (memory.copy 2 1 (i32.const 65534) (i64.const 3) (i32.const 2))
          (i32.store16 0 (i32.const 8) (i32.load16_u 2 (i32.const 65534)))))"#;
    let instance = Instance::new(&store, &compile(text.as_bytes()).unwrap(), &linker).unwrap();
    assert_eq!(instance.memory(&store, "wide").unwrap(), wide);
    instance.call(&store, "copy", &[]).unwrap();
    for (misfit, found) in [
        (r#"(import "env" "wide" (memory 1))"#, "memory i64 1 281474976710656"),
        (r#"(import "env" "narrow" (memory i64 1))"#, "memory 1 4"),
        (r#"(import "env" "wide" (memory i64 1 5))"#, "memory i64 1 281474976710656"),
    ] {
        let program = compile(format!("(module {misfit})").as_bytes()).unwrap();
        let message = Instance::new(&store, &program, &linker).unwrap_err().to_string();
        assert!(message.ends_with(&format!("defined as a {found}")), "{message}");
    }
    let huge = compile(b"(module (memory i64 0x1000000000000))").unwrap();
    let message = Instance::new(&store, &huge, &linker).unwrap_err().to_string();
    assert!(message.starts_with("a memory of 281474976710656 pages is larger than the limit of 65536"), "{message}");
    assert!(matches!(compile(b"(module (memory i64 0x1000000000001))"), Err(Error::Invalid { .. })));
}
