//! Operators that came with WebAssembly 2.0 and are not numeric: bulk memory.

use wasmparser::Operator;

use super::{Function, offset};
use crate::error::Error;
use crate::uop::Wasm;

impl Function<'_> {
    /// Lowers one of the operators of WebAssembly 2.0.
    pub(super) fn later_operator(&mut self, operator: &Operator<'_>) -> Result<(), Error> {
        use Operator as O;
        match *operator {
            O::MemoryCopy { .. } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_copy(args));
            }
            O::MemoryFill { .. } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_fill(args));
            }
            O::MemoryInit { data_index, .. } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::memory_init(args, data_index));
            }
            O::DataDrop { data_index } => {
                let args = self.bulk_operands(0);
                self.emit(Wasm::data_drop(args, data_index));
            }
            O::TableCopy { dst_table, src_table } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::table_copy(args, dst_table, src_table));
            }
            O::TableInit { elem_index, table } => {
                let args = self.bulk_operands(3);
                self.emit(Wasm::table_init(args, elem_index, table));
            }
            O::ElemDrop { elem_index } => {
                let args = self.bulk_operands(0);
                self.emit(Wasm::elem_drop(args, elem_index));
            }
            // Validation admits no others.
            ref other => {
                let offset = self.operators.original_position();
                return Err(Error::Unsupported { what: format!("{other:?}"), offset });
            }
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
