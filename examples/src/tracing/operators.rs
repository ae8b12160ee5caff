//! Operators on values of any type.

use std::cmp::Ordering;

use super::bytecode::{Arithmetic, Comparison};
use super::value::{Heap, Value};

/// Returns the result if it is an integer. An overflow, a quotient and a remainder by zero are floats.
pub fn on_ints(op: Arithmetic, left: i64, right: i64) -> Option<i64> {
    match op {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Remainder => (right != 0).then(|| left.wrapping_rem(right)),
        Arithmetic::Divide => None,
    }
}

fn on_floats(op: Arithmetic, left: f64, right: f64) -> f64 {
    match op {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    }
}

/// Computes with numbers. Integers yield an integer if [`on_ints`] has one, or else a float. `+` also joins strings.
pub fn arithmetic(heap: &mut Heap, op: Arithmetic, left: Value, right: Value) -> Result<Value, String> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int())
        && let Some(result) = on_ints(op, left, right)
    {
        return Ok(Value::int(result));
    }
    if let (Some(left), Some(right)) = (left.as_float(), right.as_float()) {
        return Ok(Value::float(on_floats(op, left, right)));
    }
    match (op, left.as_text(), right.as_text()) {
        (Arithmetic::Add, Some(left), Some(right)) => Ok(heap.text(format!("{left}{right}"))),
        _ => Err(format!("cannot compute {left} {op} {right}")),
    }
}

/// Compares two numbers or two strings. Values of any types can be compared for equality.
pub fn compare(op: Comparison, left: Value, right: Value) -> Result<bool, String> {
    let ints = left.as_int().zip(right.as_int()).map(|(left, right)| Some(left.cmp(&right)));
    let floats = || left.as_float().zip(right.as_float()).map(|(left, right)| left.partial_cmp(&right));
    let texts = || left.as_text().zip(right.as_text()).map(|(left, right)| Some(left.cmp(right)));
    let order = match ints.or_else(floats).or_else(texts) {
        Some(order) => order,
        None if matches!(op, Comparison::Equal | Comparison::NotEqual) => (left == right).then_some(Ordering::Equal),
        None => return Err(format!("cannot order {left} and {right}")),
    };
    Ok(match op {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    })
}
