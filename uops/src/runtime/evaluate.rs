//! The evaluation of constant expressions.

use crate::module::allocate;
use crate::module::const_expr::{ConstExpr, Operation};
use crate::module::error::Error;
use crate::runtime::instance::InstanceData;
use crate::runtime::store::Store;

/// Operations that are evaluated between two checks for an interruption.
const OPERATIONS_PER_CHECK: usize = 1 << 16;

/// Evaluates an expression to the bits of its value. The globals that it reads have been set.
///
/// # Errors
/// [`Error::OutOfMemory`], [`Trap::Interrupted`](crate::Trap::Interrupted).
pub(crate) fn evaluate(expr: &ConstExpr, store: &Store, instance: &InstanceData) -> Result<u128, Error> {
    let mut stack: Vec<u128> = Vec::with_capacity(1);
    for (index, operation) in expr.operations().iter().enumerate() {
        if index % OPERATIONS_PER_CHECK == 0 {
            store.0.interrupt().check()?;
        }
        // Validation guarantees the operands.
        let mut pop = || stack.pop().unwrap_or_default();
        let value = match *operation {
            Operation::Const(bits) => bits,
            Operation::Global(index) => instance.globals[index as usize].get(store)?.cell.get(),
            Operation::Func(index) => instance.functions[index as usize].pointer(store)? as u128,
            Operation::I32(operator) => {
                let (b, a) = (pop() as u32, pop() as u32);
                operator(a, b).into()
            }
            Operation::I64(operator) => {
                let (b, a) = (pop() as u64, pop() as u64);
                operator(a, b).into()
            }
        };
        allocate::push("constant expression", &mut stack, value)?;
    }
    Ok(stack.pop().unwrap_or_default())
}
