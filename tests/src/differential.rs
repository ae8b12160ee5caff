//! Compares two engines: equal calls must return equal results and leave equal state.

use std::fmt;
use std::ops::AddAssign;

use uops::{ExternType, FuncType, RefType, Value, ValueType};

use crate::engine::{Instance, Item, Program, State, Stop, Uops, Wasmi};
use crate::rng::Rng;

/// The number of calls compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Calls that returned.
    pub returned: usize,
    /// Calls that trapped.
    pub trapped: usize,
}

impl AddAssign for Compared {
    fn add_assign(&mut self, other: Self) {
        self.returned += other.returned;
        self.trapped += other.trapped;
    }
}

/// A difference between two engines.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The function, or none if the difference concerns the module itself.
    pub function: Option<String>,
    /// The arguments of the calls, all on one instance. The last call differs.
    pub calls: Vec<Vec<Value>>,
    /// The difference.
    pub what: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(function) = &self.function else { return write!(f, "the module: {}", self.what) };
        write!(f, "the function {function:?}, called with ")?;
        for args in &self.calls {
            write!(f, "{args:?} ")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Calls every function of the last module with a few arguments chosen by the seed, each on an instance of its own.
///
/// # Errors
/// The first difference between uops and wasmi.
pub fn functions_agree(modules: &[(&str, &[u8])], seed: u64) -> Result<Compared, Disagreement> {
    let outside = |what| Disagreement { function: None, calls: Vec::new(), what };
    let Some((uops, wasmi)) = both(Uops::new(modules), Wasmi::new(modules)).map_err(outside)? else {
        return Err(outside("both engines refuse it".to_owned()));
    };
    let (mut rng, mut compared) = (Rng::new(seed), Compared::default());
    for (function, ty) in exported(modules) {
        let Some((mut uops, mut wasmi)) = both(uops.instantiate(), wasmi.instantiate()).map_err(outside)? else {
            break;
        };
        same_state(&uops.state(), &wasmi.state()).map_err(outside)?;
        let mut calls = Vec::new();
        for _ in 0..CALLS {
            let args: Vec<Value> = ty.params.iter().map(|&ty| argument(&mut rng, ty)).collect();
            calls.push(args.clone());
            match call_agrees(&mut uops, &mut wasmi, &function, &args) {
                Ok(End::Returned) => compared.returned += 1,
                Ok(End::Trapped) => compared.trapped += 1,
                Ok(End::Exhausted) => break,
                Err(what) => return Err(Disagreement { function: Some(function), calls, what }),
            }
        }
    }
    Ok(compared)
}

/// The number of calls of a function on one instance.
const CALLS: usize = 3;

/// How a call ended on both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With results.
    Returned,
    /// With a trap.
    Trapped,
    /// One of them ran out of frames, so there is nothing to compare.
    Exhausted,
}

/// Calls a function on both engines.
///
/// # Errors
/// The difference: in results, traps, globals, memories or tables.
pub fn call_agrees(
    one: &mut impl Instance,
    other: &mut impl Instance,
    function: &str,
    args: &[Value],
) -> Result<End, String> {
    let (result, other_result) = (one.call(function, args), other.call(function, args));
    if [&result, &other_result].contains(&&Err(Stop::Exhausted)) {
        return Ok(End::Exhausted);
    }
    if result != other_result {
        return Err(format!("{result:?} on uops, {other_result:?} on wasmi"));
    }
    same_state(&one.state(), &other.state())?;
    Ok(if result.is_ok() { End::Returned } else { End::Trapped })
}

/// What both engines return, or nothing if both fail for the same reason. Running out of frames is not compared.
fn both<A, B>(one: Result<A, Stop>, other: Result<B, Stop>) -> Result<Option<(A, B)>, String> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(Some((one, other))),
        (Err(Stop::Exhausted), _) | (_, Err(Stop::Exhausted)) => Ok(None),
        (Err(one), Err(other)) if one == other => Ok(None),
        (one, other) => {
            let show = |stop: Option<Stop>| stop.map_or_else(|| "an instance".to_owned(), |stop| format!("{stop:?}"));
            Err(format!("{} on uops, {} on wasmi", show(one.err()), show(other.err())))
        }
    }
}

fn same_state(one: &State, other: &State) -> Result<(), String> {
    if one == other {
        return Ok(());
    }
    for ((key, one), (other_key, other)) in one.iter().zip(other) {
        if key != other_key {
            return Err(format!("the exports {key:?} on uops, {other_key:?} on wasmi"));
        }
        match (one, other) {
            _ if one == other => {}
            (Item::Memory(one), Item::Memory(other)) => {
                let at = one.iter().zip(other).position(|(one, other)| one != other).unwrap_or(0);
                let show =
                    |memory: &[u8]| format!("{:02x?} of {} bytes", &memory[at..memory.len().min(at + 8)], memory.len());
                return Err(format!("{key:?} at {at}: {} on uops, {} on wasmi", show(one), show(other)));
            }
            _ => return Err(format!("{key:?}: {one:?} on uops, {other:?} on wasmi")),
        }
    }
    Err("one has more exports".to_owned())
}

/// The functions that the last module exports.
fn exported(modules: &[(&str, &[u8])]) -> Vec<(String, FuncType)> {
    let module = modules.last().and_then(|(_, wasm)| uops::Module::from_text(wasm).ok());
    let functions = module.iter().flat_map(|module| module.exports()).filter_map(|(name, ty)| match ty {
        ExternType::Func(ty) => Some((name.to_owned(), ty)),
        _ => None,
    });
    functions.collect()
}

/// A value that is likely to matter.
fn argument(rng: &mut Rng, ty: ValueType) -> Value {
    let bits = match rng.below(4) {
        0 => rng.bits(),
        1 => rng.bits() % 100_000,
        _ => rng.pick(&[0, 1, 2, 31, 32, 63, 64, 65535, 1 << 31, 1 << 32, 1 << 63, i32::MAX as u64, u64::MAX]),
    };
    let float = match rng.below(3) {
        0 => f64::from_bits(rng.bits()),
        1 => bits as i64 as f64,
        _ => rng.pick(&[0.0, -0.0, 1.5, -1.0, 1e10, 4e38, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
    };
    match ty {
        ValueType::I32 => Value::I32(bits as i32),
        ValueType::I64 => Value::I64(bits as i64),
        ValueType::F32 => Value::F32(float as f32),
        ValueType::F64 => Value::F64(float),
        ValueType::V128 => Value::V128(u128::from(bits) << 64 | u128::from(float.to_bits())),
        ValueType::Ref(RefType::Func) => Value::FuncRef(None),
        ValueType::Ref(RefType::Extern) => Value::ExternRef(None),
    }
}
