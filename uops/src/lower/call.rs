//! Calls. A callee's frame begins where its arguments are, in the caller's; that of a tail call takes the caller's place.

use super::stack::{Entry, Place};
use super::{Function, function_label, offset};
use crate::module::types::{AddressType, FuncType};
use crate::uop::Wasm;

impl Function<'_> {
    pub(super) fn call(&mut self, function: u32) {
        let module = self.module;
        let ty = module.ty(module.functions[function as usize]);
        let imported = module.imported_functions();
        let frame = self.arguments(ty);
        self.emit(match (function as usize).checked_sub(imported) {
            Some(defined) => Wasm::call(function_label(defined), frame, self.site),
            None => Wasm::call_import(function * 8, frame, self.site),
        });
        self.call_results(ty);
    }

    pub(super) fn call_indirect(&mut self, ty: u32, table: u32) {
        let index = self.callee_index(table);
        let signature = self.module.ty(ty);
        let frame = self.arguments(signature);
        self.emit(Wasm::call_indirect(table * 8, ty * 8, index, frame, self.site));
        self.call_results(signature);
    }

    /// Puts the arguments, and all that is below them, into their home slots. Where the first one is, the frame of the
    /// callee begins.
    fn arguments(&mut self, ty: &FuncType) -> u32 {
        self.settle_all();
        offset(self.stack.home(self.stack.height() - ty.params.len()))
    }

    fn call_results(&mut self, ty: &FuncType) {
        self.stack.truncate(self.stack.height() - ty.params.len());
        self.push_homes(&ty.results);
    }

    /// A tail call: the frame and the native stack are those of a jump.
    pub(super) fn return_call(&mut self, function: u32) {
        let module = self.module;
        let ty = module.ty(module.functions[function as usize]);
        self.move_to_front(ty.params.len());
        self.emit(match (function as usize).checked_sub(module.imported_functions()) {
            Some(defined) => Wasm::jump(function_label(defined)),
            None => Wasm::return_call_import(function * 8),
        });
        self.leave();
    }

    pub(super) fn return_call_indirect(&mut self, ty: u32, table: u32) {
        let index = self.callee_index(table);
        self.move_to_front(self.module.ty(ty).params.len());
        self.emit(Wasm::return_call_indirect(table * 8, ty * 8, index, self.site));
        self.leave();
    }

    /// Puts the index of an indirect call into the slot above all others.
    fn callee_index(&mut self, table: u32) -> u32 {
        let mut index = self.stack.pop();
        if self.module.tables[table as usize].address == AddressType::I64 {
            index = Entry { place: Place::Register(self.table_index(index, table)), ..index };
        }
        let slot = self.stack.home(self.stack.height());
        self.put_in_slot(index, slot);
        offset(slot)
    }
}
