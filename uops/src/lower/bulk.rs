//! The operators of WebAssembly 2.0 that are not numeric: bulk memory, references and tables.

use wasmparser::{HeapType, Operator};

use super::Function;
use super::slot::array_offset;
use super::stack::{Entry, Place};
use crate::module::error::Error;
use crate::module::trap::Trap;
use crate::module::types::{AddressType, RefType, ValueType};
use crate::uop::Wasm;

impl Function<'_, '_> {
    /// Lowers one of the operators of WebAssembly 2.0.
    pub(super) fn later_operator(&mut self, operator: &Operator<'_>) -> Result<(), Error> {
        use Operator as O;
        let outside = self.trap_label(Trap::TableOutOfBounds);
        match *operator {
            O::MemoryCopy { dst_mem, src_mem } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_copy(args, dst_mem, src_mem, self.site));
            }
            O::MemoryFill { mem } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_fill(args, mem, self.site));
            }
            O::MemoryInit { data_index, mem } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_init(args, data_index, mem, self.site));
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
                self.stack.push_home(self.module.tables[table as usize].address.value_type());
            }
            O::TableFill { table } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::table_fill(args, table, self.site));
            }
            O::TableGet { table } => {
                let index = self.stack.pop();
                let register = self.table_index(index, table);
                let ty = ValueType::Ref(self.module.tables[table as usize].element);
                self.result(Wasm::table_get(register, array_offset(table), outside), ty, register);
            }
            O::TableSet { table } => {
                let (value, index) = (self.pop_register(), self.stack.pop());
                let index = self.table_index(index, table);
                self.emit(Wasm::table_set(index, value, array_offset(table), outside));
            }
            O::TableSize { table } => {
                let ty = self.module.tables[table as usize].address.value_type();
                let register = self.vacate(ty);
                self.result(Wasm::table_size(register, array_offset(table)), ty, register);
            }
            O::RefNull { hty } => {
                let ty = if hty == HeapType::EXTERN { RefType::Extern } else { RefType::Func };
                self.stack.push(ValueType::Ref(ty), Place::Constant(0));
            }
            O::RefFunc { function_index } => {
                let ty = ValueType::Ref(RefType::Func);
                let register = self.vacate(ty);
                self.result(Wasm::ref_func(register, array_offset(function_index)), ty, register);
            }
            O::RefIsNull => self.equals_zero(ValueType::I64),
            O::TypedSelect { .. } => self.select(),
            ref other => self.vector_operator(other)?,
        }
        Ok(())
    }

    /// Puts an index of a table into a register. Uops take 32 bits of it.
    pub(super) fn table_index(&mut self, index: Entry, table: u32) -> usize {
        let register = self.put_in_register(index);
        if self.module.tables[table as usize].address == AddressType::I64 {
            self.emit(Wasm::clamp_index(register));
        }
        register
    }

    /// Puts all values into their home slots, since no register survives, and pops the operands. Returns the offset of the
    /// first operand.
    fn bulk_operands(&mut self, count: usize) -> u32 {
        self.settle_all();
        self.stack.truncate(self.stack.height() - count);
        self.stack.next_home().offset()
    }
}
