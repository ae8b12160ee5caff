//! Compares uops with another engine: equal calls must return equal results and leave equal state.

use std::fmt;
use std::ops::AddAssign;

use uops::{ExternType, FuncType, RefType, Value, ValueType};

use crate::engine::{Instance, Item, Program, State, Stop, Uops};
use crate::rng::Rng;

/// The number of calls compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Calls that returned.
    pub returned: usize,
    /// Calls that trapped.
    pub trapped: usize,
    /// Calls that ran out of frames or steps.
    pub stopped: usize,
}

impl AddAssign for Compared {
    fn add_assign(&mut self, other: Self) {
        self.returned += other.returned;
        self.trapped += other.trapped;
        self.stopped += other.stopped;
    }
}

/// A call of an exported function.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name of the function.
    pub function: String,
    /// Its arguments.
    pub args: Vec<Value>,
}

/// A difference between two engines.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The calls, all on one instance. The last one differs, or leaves different state. Without calls, the difference concerns
    /// the module itself.
    pub calls: Vec<Call>,
    /// The difference.
    pub what: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((last, before)) = self.calls.split_last() else { return write!(f, "the module: {}", self.what) };
        write!(
            f,
            "the function {:?}, called with {:?} after {} other calls: ",
            last.function,
            last.args,
            before.len()
        )?;
        f.write_str(&self.what)
    }
}

/// Calls every function of the last module on uops and on another engine, with a few arguments chosen by the seed. All calls
/// are on one instance, until one of them runs out of frames or steps: engines may then have different state. Returns nothing
/// if the other engine lacks a feature.
///
/// # Errors
/// The first difference.
pub fn functions_agree<Other: Program>(modules: &[(&str, &[u8])], seed: u64) -> Result<Option<Compared>, Disagreement> {
    let outside = |what| Disagreement { calls: Vec::new(), what };
    let other = match Other::new(modules) {
        Err(Stop::Unsupported) => return Ok(None),
        other => other,
    };
    let Some((other, uops)) = both::<Other, _, _>(other, || Uops::new(modules)).map_err(outside)? else {
        return Err(outside("both engines refuse it".to_owned()));
    };
    let (mut rng, mut compared) = (Rng::new(seed), Compared::default());
    let (mut running, mut calls) = (None, Vec::new());
    for (function, ty) in exported(modules) {
        let (one, another) = match &mut running {
            Some((one, another)) => (one, another),
            none => {
                let instances = both::<Other, _, _>(other.instantiate(), || uops.instantiate()).map_err(outside)?;
                let Some((another, one)) = instances else { break };
                calls.clear();
                let (one, another) = none.insert((one, another));
                same_state::<Other>(&one.state(), &another.state()).map_err(outside)?;
                (one, another)
            }
        };
        let mut stopped = false;
        for _ in 0..CALLS {
            let args: Vec<Value> = ty.params.iter().map(|&ty| argument(&mut rng, ty)).collect();
            calls.push(Call { function: function.clone(), args: args.clone() });
            match results_agree::<Other>(one, another, &function, &args) {
                Ok(End::Returned) => compared.returned += 1,
                Ok(End::Trapped) => compared.trapped += 1,
                Ok(End::Stopped) => {
                    stopped = true;
                    break;
                }
                Err(what) => return Err(Disagreement { calls, what }),
            }
        }
        // The comparison of memories takes longer than most calls.
        if !stopped && let Err(what) = same_state::<Other>(&one.state(), &another.state()) {
            return Err(Disagreement { calls, what });
        }
        if stopped {
            compared.stopped += 1;
            running = None;
        }
    }
    Ok(Some(compared))
}

/// The number of successive calls of a function.
const CALLS: usize = 3;

/// How a call ended on both engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With results.
    Returned,
    /// With a trap.
    Trapped,
    /// One of them ran out of frames, or the other engine out of steps, so there is nothing to compare.
    Stopped,
}

/// Calls a function on uops and on another engine. The other engine goes first, because it counts its steps: if they suffice,
/// uops must end in time.
///
/// # Errors
/// The difference: in results, traps, globals, memories or tables.
pub fn call_agrees<Other: Program>(
    uops: &mut <Uops as Program>::Instance,
    other: &mut Other::Instance,
    function: &str,
    args: &[Value],
) -> Result<End, String> {
    let end = results_agree::<Other>(uops, other, function, args)?;
    if end != End::Stopped {
        same_state::<Other>(&uops.state(), &other.state())?;
    }
    Ok(end)
}

/// Calls a function like [`call_agrees`], and compares only results and traps.
fn results_agree<Other: Program>(
    uops: &mut <Uops as Program>::Instance,
    other: &mut Other::Instance,
    function: &str,
    args: &[Value],
) -> Result<End, String> {
    let theirs = other.call(function, args);
    if matches!(theirs, Err(Stop::Exhausted | Stop::Interrupted)) {
        return Ok(End::Stopped);
    }
    let ours = uops.call(function, args);
    if ours == Err(Stop::Exhausted) {
        return Ok(End::Stopped);
    }
    if ours != theirs {
        return Err(format!("{ours:?} on uops, {theirs:?} on {}", Other::NAME));
    }
    Ok(if ours.is_ok() { End::Returned } else { End::Trapped })
}

/// What both engines return, or nothing if both fail for the same reason or one is out of frames or steps.
fn both<Other: Program, A, B>(
    theirs: Result<A, Stop>,
    ours: impl FnOnce() -> Result<B, Stop>,
) -> Result<Option<(A, B)>, String> {
    if matches!(theirs, Err(Stop::Exhausted | Stop::Interrupted)) {
        return Ok(None);
    }
    match (theirs, ours()) {
        (Ok(theirs), Ok(ours)) => Ok(Some((theirs, ours))),
        (_, Err(Stop::Exhausted)) => Ok(None),
        (Err(theirs), Err(ours)) if theirs == ours => Ok(None),
        (theirs, ours) => {
            let show = |stop: Option<Stop>| stop.map_or_else(|| "an instance".to_owned(), |stop| format!("{stop:?}"));
            Err(format!("{} on uops, {} on {}", show(ours.err()), show(theirs.err()), Other::NAME))
        }
    }
}

fn same_state<Other: Program>(one: &State, other: &State) -> Result<(), String> {
    if one == other {
        return Ok(());
    }
    for ((key, one), (other_key, other)) in one.iter().zip(other) {
        if key != other_key {
            return Err(format!("the exports {key:?} on uops, {other_key:?} on {}", Other::NAME));
        }
        match (one, other) {
            _ if one == other => {}
            (Item::Memory(one), Item::Memory(other)) => {
                let at = one.iter().zip(other).position(|(one, other)| one != other).unwrap_or(0);
                let show =
                    |memory: &[u8]| format!("{:02x?} of {} bytes", &memory[at..memory.len().min(at + 8)], memory.len());
                let (one, other) = (show(one), show(other));
                return Err(format!("{key:?} at {at}: {one} on uops, {other} on {}", Other::NAME));
            }
            _ => return Err(format!("{key:?}: {one:?} on uops, {other:?} on {}", Other::NAME)),
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
