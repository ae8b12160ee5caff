//! Random functions on uops and on another WebAssembly interpreter: results, traps, globals and memory must agree.

mod control;
mod generate;

use generate::TYPES;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tests::differential::{End, call_agrees};
use tests::engine::{Interpreted, Program, Stop, Uops, Wasmi};
use uops::Value;

fn arguments() -> impl Strategy<Value = [Value; 4]> {
    let bits = || prop_oneof![Just(0u64), Just(1), Just(u64::MAX), 0..70_000u64, any::<u64>()];
    let floats = || prop_oneof![Just(0.0), Just(-1.0), Just(f64::NAN), Just(1e10), any::<f64>()];
    (bits(), bits(), floats(), floats())
        .prop_map(|(a, b, c, d)| [Value::I32(a as i32), Value::I64(b as i64), Value::F32(c as f32), Value::F64(d)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: extent::choose(200, 1000), rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn functions_agree(
        entropy in prop::collection::vec(any::<u32>(), 0..400),
        ty in prop::sample::select(&TYPES[..]),
        args in arguments(),
    ) {
        let text = generate::module(entropy, ty);
        let modules = [("", text.as_bytes())];
        let mut uops = Uops::new(&modules).unwrap().instantiate().unwrap();
        let mut wasmi = Wasmi::new(&modules).unwrap().instantiate().unwrap();
        let result = call_agrees::<Wasmi>(&mut uops, &mut wasmi, "run", &args);
        prop_assert!(matches!(result, Ok(End::Returned | End::Trapped)), "{text}\n{args:?}\n{result:?}");
        let interpreted = match Interpreted::new(&modules) {
            Err(Stop::Unsupported) => return Ok(()),
            other => other.unwrap(),
        };
        let (mut interpreted, mut uops) = (interpreted.instantiate().unwrap(), Uops::new(&modules).unwrap().instantiate().unwrap());
        let result = call_agrees::<Interpreted>(&mut uops, &mut interpreted, "run", &args);
        prop_assert!(matches!(result, Ok(End::Returned | End::Trapped)), "{text}\n{args:?}\n{result:?}");
    }
}
