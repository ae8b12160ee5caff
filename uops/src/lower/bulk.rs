//! Operators that came with WebAssembly 2.0 and are not numeric: bulk memory, references and tables.

use wasmparser::{HeapType, Operator};

use super::stack::Place;
use super::{Function, offset};
use crate::error::Error;
use crate::trap::Trap;
use crate::types::{RefType, ValueType};
use crate::uop::Wasm;

impl Function<'_> {
    /// Lowers one of the operators of WebAssembly 2.0.
    pub(super) fn later_operator(&mut self, operator: &Operator<'_>) -> Result<(), Error> {
        use Operator as O;
        let outside = self.trap_label(Trap::TableOutOfBounds);
        match *operator {
            O::MemoryCopy { .. } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_copy(args, self.site));
            }
            O::MemoryFill { .. } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_fill(args, self.site));
            }
            O::MemoryInit { data_index, .. } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_init(args, data_index, self.site));
            }
            O::DataDrop { data_index } => {
                let args = self.bulk_operands(0);
                self.emit(Wasm::data_drop(args, data_index, self.site));
            }
            O::TableCopy { dst_table, src_table } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::table_copy(args, dst_table, src_table, self.site));
            }
            O::TableInit { elem_index, table } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::table_init(args, elem_index, table, self.site));
            }
            O::ElemDrop { elem_index } => {
                let args = self.bulk_operands(0);
                self.emit(Wasm::elem_drop(args, elem_index, self.site));
            }
            O::TableGrow { table } => {
                let args = self.bulk_operands(2);
                self.emit(Wasm::table_grow(args, table, self.site));
                self.stack.push_home(ValueType::I32);
            }
            O::TableFill { table } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::table_fill(args, table, self.site));
            }
            O::TableGet { table } => {
                let register = self.pop_register();
                let ty = ValueType::Ref(self.module.tables[table as usize].element);
                self.result(Wasm::table_get(register, table * 8, outside), ty, register);
            }
            O::TableSet { table } => {
                let (value, index) = (self.pop_register(), self.pop_register());
                self.emit(Wasm::table_set(index, value, table * 8, outside));
            }
            O::TableSize { table } => {
                let register = self.vacate(ValueType::I32);
                self.result(Wasm::table_size(register, table * 8), ValueType::I32, register);
            }
            O::RefNull { hty } => {
                let ty = if hty == HeapType::EXTERN { RefType::Extern } else { RefType::Func };
                self.stack.push(ValueType::Ref(ty), Place::Constant(0));
            }
            O::RefFunc { function_index } => {
                let ty = ValueType::Ref(RefType::Func);
                let register = self.vacate(ty);
                self.result(Wasm::ref_func(register, function_index * 8), ty, register);
            }
            O::RefIsNull => self.equals_zero(ValueType::I64),
            O::TypedSelect { .. } => self.select(),
            ref other => self.vector_operator(other)?,
        }
        Ok(())
    }

    /// Puts everything into home slots, since no register survives, and takes the operands. Where the first one is.
    fn bulk_operands(&mut self, count: usize) -> u32 {
        self.settle_all();
        let first = self.stack.height() - count;
        self.stack.truncate(first);
        offset(self.stack.home(first))
    }
}
