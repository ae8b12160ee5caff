//! Constant expressions (core specification 3.3.10): initial values of globals, offsets and elements of segments.
//!
//! An expression is a sequence of operations on a stack. [`evaluate`](crate::runtime::evaluate::evaluate) runs them.

use wasmparser::Operator;

use crate::module::decode::{Failure, beyond};

/// An initial value, an offset or an element.
#[derive(Clone, Debug)]
pub(crate) struct ConstExpr(Box<[Operation]>);

/// An operation on a stack of values, which are represented by their bits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    /// The bits of a value. A null reference is zero.
    Const(u128),
    /// The value of an immutable global.
    Global(u32),
    /// A reference to a function.
    Func(u32),
    /// An operator on the two topmost values.
    I32(fn(u32, u32) -> u32),
    I64(fn(u64, u64) -> u64),
}

impl ConstExpr {
    /// Reads a valid expression.
    pub(crate) fn read(expr: &wasmparser::ConstExpr<'_>) -> Result<Self, Failure> {
        let mut operators = expr.get_operators_reader();
        let mut operations = Vec::with_capacity(1);
        while !operators.is_end_then_eof() {
            let (operator, offset) = operators.read_with_offset()?;
            operations.push(match operator {
                Operator::I32Const { value } => Operation::Const(u128::from(value as u32)),
                Operator::I64Const { value } => Operation::Const(u128::from(value as u64)),
                Operator::F32Const { value } => Operation::Const(value.bits().into()),
                Operator::F64Const { value } => Operation::Const(value.bits().into()),
                Operator::V128Const { value } => Operation::Const(u128::from_le_bytes(*value.bytes())),
                Operator::RefNull { .. } => Operation::Const(0),
                Operator::RefFunc { function_index } => Operation::Func(function_index),
                Operator::GlobalGet { global_index } => Operation::Global(global_index),
                Operator::I32Add => Operation::I32(u32::wrapping_add),
                Operator::I32Sub => Operation::I32(u32::wrapping_sub),
                Operator::I32Mul => Operation::I32(u32::wrapping_mul),
                Operator::I64Add => Operation::I64(u64::wrapping_add),
                Operator::I64Sub => Operation::I64(u64::wrapping_sub),
                Operator::I64Mul => Operation::I64(u64::wrapping_mul),
                _ => return Err(beyond("this instruction in an initial value", offset)),
            });
        }
        Ok(Self(operations.into()))
    }

    /// The operations in order.
    pub(crate) fn operations(&self) -> &[Operation] {
        &self.0
    }
}
